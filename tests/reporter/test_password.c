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
what_has_no_first_line(void **state)
{
	static const struct {
		const char *file, *why;
	} bad[] = {
		{ "/nowhere/password", "No such file or directory" },
		{ "/", "Is a directory" },
		{ "/dev/zero", NONE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *why, *want;

		assert_null(password_read(bad[i].file, &why));
		want = xasprintf("%s: %s", bad[i].file, bad[i].why);
		assert_string_equal(why, want);
		free(want);
		free(why);
	}
}

static void
it_has_a_greatest_length(void **state)
{
	static const char *const ends[] = { "", "\n", "\r\n", "\nold\n" };
	char *password, *why, *want = xasprintf("%s: its first line is "
	    "longer than %d bytes", file, PASSWORD_MAX);

	(void)state;
	for (size_t i = 0; i < 8; i++) {
		size_t len = PASSWORD_MAX + i % 2;
		FILE *f = fopen(file, "we");

		assert_non_null(f);
		fprintf(f, "%0*d%s", (int)len, 0, ends[i / 2]);
		assert_int_equal(fclose(f), 0);
		password = password_read(file, &why);
		if (i % 2 == 0) {
			assert_non_null(password);
			assert_int_equal(strlen(password), len);
		} else {
			assert_null(password);
			assert_string_equal(why, want);
		}
		free(password);
		free(why);
	}
	free(want);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_the_first_line),
		cmocka_unit_test(it_is_looked_for_in_the_same_way),
		cmocka_unit_test(what_has_no_first_line),
		cmocka_unit_test(it_has_a_greatest_length),
	};

	return cmocka_run_group_tests_name("reporter/password", tests,
	    make_file, remove_file);
}
