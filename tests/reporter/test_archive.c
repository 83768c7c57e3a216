#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include <unistd.h>

#include "conf/log.h"
#include "reporter/archive.h"

static char folder[] = "/tmp/tlsrpt-archive.XXXXXX";
static char *a, *b;

static int
begin(void **state)
{
	(void)state;
	if (mkdtemp(folder) == NULL || chdir(folder) == -1)
		return -1;
	log_open("test", LOG_TO_STDERR, LOG_AS_TEXT, LOG_LEVEL_ERROR);
	return asprintf(&a, "%s/a", folder) == -1 ||
	    asprintf(&b, "%s/deep/er/b", folder) == -1;
}

/* Fails when anything is left. */
static int
end(void **state)
{
	(void)state;
	free(a);
	free(b);
	return chdir("/") == -1 || rmdir(folder) == -1;
}

static void
holds(const char *name, const char *want)
{
	char buf[64];
	FILE *f = fopen(name, "r");
	size_t len;

	assert_non_null(f);
	len = fread(buf, 1, sizeof(buf), f);
	fclose(f);
	assert_int_equal(len, strlen(want));
	assert_memory_equal(buf, want, len);
	assert_int_equal(unlink(name), 0);
}

static int
put(struct archive *all, char *const *folders, size_t n, const char *sub,
    const char *name, const char *text)
{
	return archive_report(all, folders, n, sub, name, text, strlen(text));
}

static void
into_each_folder(void **state)
{
	char *const both[] = { a, b };
	struct archive all = { 0 };

	(void)state;
	assert_int_equal(put(&all, both, 2, NULL, "x!y!1!2!u", "one"), 0);
	assert_int_equal(put(&all, both, 1, "2026-11-21", "v", "two"), 0);
	assert_int_equal(put(&all, both, 0, NULL, "nowhere", "three"), 0);
	holds("a/x!y!1!2!u.json.gz", "one");
	holds("deep/er/b/x!y!1!2!u.json.gz", "one");
	holds("a/2026-11-21/v.json.gz", "two");
	assert_int_equal(archive_end(&all), 0);
	assert_int_equal(all.n, 0);
	assert_int_equal(rmdir("a/2026-11-21"), 0);
	assert_int_equal(rmdir("a"), 0);
	assert_int_equal(rmdir("deep/er/b"), 0);
	assert_int_equal(rmdir("deep/er"), 0);
	assert_int_equal(rmdir("deep"), 0);
}

static void
over_what_is_there(void **state)
{
	struct archive all = { 0 };

	(void)state;
	assert_int_equal(put(&all, &a, 1, NULL, "x", "a longer one"), 0);
	assert_int_equal(put(&all, &a, 1, NULL, "x", "short"), 0);
	holds("a/x.json.gz", "short");
	assert_int_equal(archive_end(&all), 0);
	assert_int_equal(rmdir("a"), 0);
}

static void
one_folder_that_fails_costs_the_other_nothing(void **state)
{
	char *const both[] = { a, b };
	struct archive all = { 0 };
	FILE *f = fopen("a", "w");

	(void)state;
	assert_non_null(f);
	fclose(f);
	assert_int_equal(put(&all, both, 2, NULL, "x", "text"), -1);
	holds("deep/er/b/x.json.gz", "text");
	assert_int_equal(archive_end(&all), 0);
	assert_int_equal(unlink("a"), 0);
	assert_int_equal(rmdir("deep/er/b"), 0);
	assert_int_equal(rmdir("deep/er"), 0);
	assert_int_equal(rmdir("deep"), 0);
}

/* A name that cannot be had leaves nothing half written. */
static void
a_name_that_is_taken_by_a_folder(void **state)
{
	struct archive all = { 0 };

	(void)state;
	assert_int_equal(mkdir("a", 0755), 0);
	assert_int_equal(mkdir("a/x.json.gz", 0755), 0);
	assert_int_equal(put(&all, &a, 1, NULL, "x", "text"), -1);
	assert_int_equal(archive_end(&all), 0);
	assert_int_equal(rmdir("a/x.json.gz"), 0);
	assert_int_equal(rmdir("a"), 0);
}

static void
long_names_are_cut_to_their_last_part(void **state)
{
	char name[300];

	(void)state;
	memset(name, 'x', sizeof(name));
	memcpy(name + 250, "!0123456789abcdef", 18);
	assert_string_equal(archive_stem(name), "0123456789abcdef");
	memcpy(name + 100, "!0123456789abcdef", 18);
	assert_string_equal(archive_stem(name), name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(into_each_folder),
		cmocka_unit_test(over_what_is_there),
		cmocka_unit_test(one_folder_that_fails_costs_the_other_nothing),
		cmocka_unit_test(a_name_that_is_taken_by_a_folder),
		cmocka_unit_test(long_names_are_cut_to_their_last_part),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
