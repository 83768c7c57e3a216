#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "conf/mem.h"
#include "spool/claim.h"

#define NOSUCH	"no-such-name-here"
#define SAYS(key, what) \
	"a.conf: [spool] " key " " NOSUCH ": there is no such " what "\n"

static const struct {
	const char *name;
	char *user, *owner, *group;
	const char *said;
} rows[] = {
#define NAME(text)	(char []){ text }
	{ "nobody is named", NULL, NULL, NULL, "" },
	{ "all are there", NAME("root"), NAME("root"), NAME("root"), "" },
	{ "no user", NAME(NOSUCH), NULL, NULL, SAYS("user", "user") },
	{ "no owner", NULL, NAME(NOSUCH), NULL, SAYS("socket_owner", "user") },
	{ "no group", NULL, NULL, NAME(NOSUCH),
	    SAYS("socket_group", "group") },
	{ "each is told", NAME(NOSUCH), NAME(NOSUCH), NAME(NOSUCH),
	    SAYS("user", "user") SAYS("socket_owner", "user")
	    SAYS("socket_group", "group") },
};

static void
who_is_missing_is_said(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct conf c = { .spool = { .user = rows[i].user,
		    .socket_owner = rows[i].owner,
		    .socket_group = rows[i].group } };
		char *said;
		size_t len;
		FILE *err = xmemstream(&said, &len);
		int rc = claim_check(&c, "a.conf", err);

		xmemclose(err);
		if (rc != (rows[i].said[0] == '\0' ? 0 : -1))
			fail_msg("%s: %d", rows[i].name, rc);
		assert_string_equal(said, rows[i].said);
		free(said);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_missing_is_said),
	};

	return cmocka_run_group_tests_name("spool/claim", tests, NULL, NULL);
}
