#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/mem.h"
#include "spool/counters.h"

static char folder[] = "/tmp/tlsrpt-counters.XXXXXX";

/*
 * Prometheus' rules for the text: HELP and TYPE before the sample, a counter's
 * name ends with _total, a number of bytes with _bytes.
 */
static void
the_text_keeps_the_rules(void **state)
{
	struct counters c = { 0 };
	char *text, *line, *rest, name[3][100], type[20];
	unsigned long long value;
	size_t len;
	int n = 0;
	FILE *f;

	(void)state;
	for (int i = 0; i < COUNTERS; i++)
		counter_set(&c, i, 1000 + (uint64_t)i);
	f = xmemstream(&text, &len);
	counters_write(&c, f);
	xmemclose(f);
	for (line = strtok_r(text, "\n", &rest); line != NULL;
	    line = strtok_r(NULL, "\n", &rest)) {
		assert_int_equal(sscanf(line, "# HELP %99s", name[0]), 1);
		line = strtok_r(NULL, "\n", &rest);
		assert_int_equal(sscanf(line, "# TYPE %99s %19s", name[1],
		    type), 2);
		line = strtok_r(NULL, "\n", &rest);
		assert_int_equal(sscanf(line, "%99s %llu", name[2], &value),
		    2);
		assert_string_equal(name[0], name[1]);
		assert_string_equal(name[0], name[2]);
		assert_memory_equal(name[0], "tlsrpt_spoold_", 14);
		assert_true((strcmp(type, "counter") == 0) ==
		    (strstr(name[0], "_total") != NULL));
		assert_int_equal(value, 1000 + n++);
	}
	assert_int_equal(n, COUNTERS);
	free(text);
}

static void
a_file_is_replaced_as_a_whole(void **state)
{
	char *path = xasprintf("%s/metrics", folder), line[100];
	char *left = xasprintf("%s.new", path);
	struct counters c = { 0 };
	struct stat st;
	FILE *f;

	(void)state;
	/* What a killed process left is no hindrance. */
	fclose(fopen(left, "w"));
	umask(077);
	assert_int_equal(counters_save(&c, path), 0);
	counter_add(&c, RECEIVED, 5);
	assert_int_equal(counters_save(&c, path), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0644);
	assert_int_equal(access(left, F_OK), -1);
	f = fopen(path, "r");
	for (int i = 0; i < 3; i++)
		assert_non_null(fgets(line, sizeof(line), f));
	assert_string_equal(line, "tlsrpt_spoold_received_total 5\n");
	fclose(f);
	unlink(path);
	free(left);
	free(path);
}

static void
a_folder_that_is_not_there_is_said(void **state)
{
	char *path = xasprintf("%s/none/metrics", folder);
	struct counters c = { 0 };

	(void)state;
	assert_int_equal(counters_save(&c, path), -1);
	assert_int_equal(errno, ENOENT);
	free(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_text_keeps_the_rules),
		cmocka_unit_test(a_file_is_replaced_as_a_whole),
		cmocka_unit_test(a_folder_that_is_not_there_is_said),
	};
	int rc;

	if (mkdtemp(folder) == NULL)
		return 1;
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(folder);
	return rc;
}
