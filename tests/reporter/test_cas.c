#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "conf/mem.h"
#include "reporter/cas.h"
#include "reporter/ready.h"
#include "tests/reporter/certs.h"

/*
 * In a fresh folder that the tests run in: `ca.pem`, a file with a CA, `text`,
 * one without, `hashed`, a folder with one, and `bare`, one without.
 */
static char folder[] = "/tmp/tlsrpt-test.XXXXXX";

static const char *const names[] = { "ca.pem", "text", "hashed/0a1b2c3d.0",
	"bare/0a1b2c3d.r0", "bare/0a1b2c3.0", "bare/0a1b2c3d.pem",
	"bare/ca.pem", "hashed", "bare" };

static int
set_up(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL || chdir(folder) == -1 ||
	    mkdir("hashed", 0755) == -1 || mkdir("bare", 0755) == -1)
		return -1;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) - 2; i++) {
		struct cert ca = cert_make("Test CA", "CA", NULL, -100, 100);
		FILE *f = fopen(names[i], "we");

		assert_non_null(f);
		if (strcmp(names[i], "text") == 0)
			fputs("no certificate\n", f);
		else
			PEM_write_X509(f, ca.x509);
		fclose(f);
		cert_free(&ca);
	}
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		remove(names[i]);
	return chdir("/") == -1 || rmdir(folder) == -1;
}

static const struct {
	const char *name, *file, *folders;
	const char *why;		/* NULL: there are some */
} rows[] = {
	{ "a file", "ca.pem", "nowhere", NULL },
	{ "a file alone", "ca.pem", NULL, NULL },
	{ "a folder", "nowhere", "hashed", NULL },
	{ "a folder alone", NULL, "hashed", NULL },
	{ "the second of two", "text", "bare:hashed", NULL },
	{ "neither is there", "nowhere", "nowhere-either",
	    "no certificates in nowhere or nowhere-either" },
	{ "both are empty", "text", "bare",
	    "no certificates in text or bare" },
	{ "a file without", "text", NULL, "no certificates in text" },
	{ "a folder without", NULL, "bare:nowhere",
	    "no certificates in bare:nowhere" },
};
#define ROWS	(sizeof(rows) / sizeof(rows[0]))

static void
they_are_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		char *why;
		int rc = cas_look(rows[i].file, rows[i].folders, &why);

		if (rows[i].why == NULL ? rc != 0 || why != NULL :
		    rc != -1 || strcmp(why, rows[i].why) != 0)
			fail_msg("%s: %s", rows[i].name, why);
		free(why);
	}
}

/* Of a smarthost that has to prove who it is, by the environment. */
static void
a_system_without_them_is_told(void **state)
{
	static char user[] = "user";
	static const struct {
		struct conf c;
		const char *file;
		const char *said;
	} cases[] = {
#define MAIL(...)	{ .mail = { __VA_ARGS__ } }
		{ MAIL(.tls = TLS_REQUIRED), "ca.pem", "" },
		{ MAIL(.tls = TLS_REQUIRED), "text",
		    "a.conf: [mail] ca_file: not set, and this system has "
		    "no certificates in text or bare\n" },
		{ MAIL(.tls = TLS_OPTIONAL, .user = user), "text",
		    "a.conf: [mail] ca_file: not set, and this system has "
		    "no certificates in text or bare\n" },
		{ MAIL(.tls = TLS_OPTIONAL), "text", "" },
		{ MAIL(.tls = TLS_NONE, .user = user), "text", "" },
		{ MAIL(.tls = TLS_REQUIRED, .ca_file = user), "text", "" },
		{ { .https = { .verify = true, .ca_file = user } }, "text",
		    "" },
		{ { .https = { .verify = false } }, "text", "" },
	};

	(void)state;
	setenv("SSL_CERT_DIR", "bare", 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *said;
		size_t len;
		FILE *err = xmemstream(&said, &len);
		int rc;

		setenv("SSL_CERT_FILE", cases[i].file, 1);
		rc = ready_cas(&cases[i].c, "a.conf", err);
		xmemclose(err);
		if (strcmp(said, cases[i].said) != 0 ||
		    rc != (len == 0 ? 0 : -1))
			fail_msg("case %zu: %d: %s", i, rc, said);
		free(said);
	}
	unsetenv("SSL_CERT_FILE");
	unsetenv("SSL_CERT_DIR");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_are_found),
		cmocka_unit_test(a_system_without_them_is_told),
	};

	return cmocka_run_group_tests_name("reporter/cas", tests, set_up,
	    tear_down);
}
