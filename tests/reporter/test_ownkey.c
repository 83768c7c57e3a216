#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reporter/ownkey.h"

#define OURS	"v=DKIM1; k=rsa; p=QUJD"
#define NAME	"s._domainkey.example.org"

static const struct {
	const char *name, *found;
	enum ownkey verdict;
	const char *says;	/* what the findings hold */
} rows[] = {
	{ "as we say it should be", OURS, OWNKEY_GOOD,
	    "is published and is our key\n" },
	{ "folded, and in another order", "v=DKIM1;p = QU\t JD ; k=rsa;",
	    OWNKEY_GOOD, "is our key" },
	{ "RSA is the default", "p=QUJD", OWNKEY_GOOD, "is our key" },
	{ "another key", "v=DKIM1; k=rsa; p=QUJE", OWNKEY_WRONG,
	    "holds another key" },
	{ "the beginning of our key", "v=DKIM1; k=rsa; p=QUJ", OWNKEY_WRONG,
	    "holds another key" },
	{ "revoked", "v=DKIM1; k=rsa; p=", OWNKEY_WRONG, "is revoked" },
	{ "no key at all", "v=DKIM1; k=rsa", OWNKEY_WRONG, "p= is missing" },
	{ "no tags", "hello", OWNKEY_WRONG, "p= is missing" },
	{ "nothing", "", OWNKEY_WRONG, "p= is missing" },
	{ "a tag that only ends alike", "v=DKIM1; xp=QUJD", OWNKEY_WRONG,
	    "p= is missing" },
	{ "of another type", "v=DKIM1; k=ed25519; p=QUJD", OWNKEY_WRONG,
	    "is for k=ed25519, but our key is rsa" },
	{ "another version", "v=DKIM2; p=QUJD", OWNKEY_WRONG,
	    "is of version DKIM2" },
	{ "test mode", OURS "; t=y", OWNKEY_WRONG, "is in test mode" },
	{ "test mode among flags", OURS "; t=s:y", OWNKEY_WRONG,
	    "is in test mode" },
	{ "no subdomains: nothing to us", OURS "; t=s", OWNKEY_GOOD,
	    "is our key" },
	{ "only sha1", OURS "; h=sha1", OWNKEY_WRONG, "allows h=sha1 only" },
	{ "sha256 among others", OURS "; h=sha1:sha256", OWNKEY_GOOD,
	    "is our key" },
	{ "for mail only", OURS "; s=email", OWNKEY_WRONG,
	    "shuts out tlsrpt" },
	{ "for tlsrpt only", OURS "; s=tlsrpt", OWNKEY_WRONG,
	    "shuts out ordinary mail" },
	{ "for both", OURS "; s=email:tlsrpt", OWNKEY_GOOD,
	    "better leave s= out" },
	{ "for all", OURS "; s=*", OWNKEY_GOOD, "better leave s= out" },
	{ "two faults are two sentences", "k=rsa; p=; t=y", OWNKEY_WRONG,
	    "is revoked: p= is empty\n" NAME ": is in test mode" },
};

static void
records_are_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *text;
		size_t len;
		FILE *out = open_memstream(&text, &len);

		print_message("  %s\n", rows[i].name);
		assert_int_equal(ownkey_judge(NAME, rows[i].found, OURS, out),
		    rows[i].verdict);
		assert_int_equal(fclose(out), 0);
		assert_non_null(strstr(text, rows[i].says));
		assert_ptr_equal(strstr(text, NAME ": "), text);
		if (rows[i].verdict == OWNKEY_WRONG)
			assert_null(strstr(text, "is our key"));
		free(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_are_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
