#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "conf/mem.h"
#include "reporter/password.h"
#include "reporter/ready.h"

#define NONE	"its first line holds no password"

static const struct {
	const char *name, *text;
	size_t len;
	const char *password;		/* NULL: there is none */
} rows[] = {
#define TEXT(t) t, sizeof(t) - 1
	{ "a line", TEXT("secret\n"), "secret" },
	{ "without an end", TEXT("secret"), "secret" },
	{ "with another system's", TEXT("secret\r\n"), "secret" },
	{ "the first of two", TEXT("secret\nold\n"), "secret" },
	{ "blanks are part of it", TEXT(" se cret \n"), " se cret " },
	{ "an empty file", TEXT(""), NULL },
	{ "an empty line", TEXT("\nsecret\n"), NULL },
	{ "one of another system", TEXT("\r\nsecret\r\n"), NULL },
	{ "a NUL byte in front", TEXT("\0secret\n"), NULL },
};

static char file[] = "/tmp/tlsrpt-test.XXXXXX";

static int
make_file(void **state)
{
	int fd = mkstemp(file);

	(void)state;
	return fd == -1 ? -1 : close(fd);
}

static int
remove_file(void **state)
{
	(void)state;
	return unlink(file);
}

static void
write_row(size_t i)
{
	FILE *f = fopen(file, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(rows[i].text, 1, rows[i].len, f), rows[i].len);
	assert_int_equal(fclose(f), 0);
}

static void
it_is_the_first_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *password, *why;

		write_row(i);
		password = password_read(file, &why);
		if (password == NULL ? rows[i].password != NULL ||
		    strstr(why, NONE) == NULL : rows[i].password == NULL ||
		    strcmp(password, rows[i].password) != 0)
			fail_msg("%s: %s", rows[i].name,
			    password != NULL ? password : why);
		free(password);
		free(why);
	}
}

/* --check-config says what a run would. */
static void
it_is_looked_for_in_the_same_way(void **state)
{
	struct conf c = {
		.dns = { .rua_lookup = LOOKUP_NEVER },
		.mail = { .password_file = file },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		FILE *err;
		char *said, *want = rows[i].password != NULL ? xstrdup("") :
		    xasprintf("%s: [mail] password_file %s: " NONE "\n", file,
		    file);
		size_t len;

		write_row(i);
		err = xmemstream(&said, &len);
		if ((ready_files(&c, file, err) == 0) !=
		    (rows[i].password != NULL))
			fail_msg("%s", rows[i].name);
		xmemclose(err);
		assert_string_equal(said, want);
		free(said);
		free(want);
	}
}

static void
a_file_that_is_not_there(void **state)
{
	char *why;

	(void)state;
	assert_null(password_read("/nowhere/password", &why));
	assert_string_equal(why,
	    "/nowhere/password: No such file or directory");
	free(why);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_the_first_line),
		cmocka_unit_test(it_is_looked_for_in_the_same_way),
		cmocka_unit_test(a_file_that_is_not_there),
	};

	return cmocka_run_group_tests_name("reporter/password", tests,
	    make_file, remove_file);
}
