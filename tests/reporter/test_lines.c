#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "conf/mem.h"
#include "reporter/lines.h"
#include "tests/reporter/rules.h"

#define BOM	"\xef\xbb\xbf"
#define LONG	": longer than 65536 bytes; what follows was not read\n"

static const struct {
	const char *name, *before;
	size_t filler;			/* bytes of a word */
	const char *after;
	size_t words;			/* taken in all */
	const char *said;
} rows[] = {
	{ "lines of some words", "a b\n# c\n\n", 1, " d # e", 4, "" },
	{ "a line as long as may be", "a\n", LINES_BYTES_MAX, "\nb\n", 3, "" },
	{ "it is the last, without an end", "a\n", LINES_BYTES_MAX, "", 2,
	    "" },
	{ "one byte more", "a\n", LINES_BYTES_MAX + 1, "\nb\n", 1,
	    RULES ":2" LONG },
	{ "much more", "a\n", 1 << 24, "\nb\n", 1, RULES ":2" LONG },
	{ "the first one, behind a byte order mark", BOM, LINES_BYTES_MAX - 2,
	    "\nb\n", 0, RULES ":1" LONG },
	{ "more words than a rule has", "a a a a a a a a a a a a a a a a a a "
	    "a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a "
	    "a a a a a a a a a a a a a a ", 1, "\nb\n", 1,
	    RULES ":1: more than 64 words\n" },
};

static char *
count(void *arg, const char *where, char **word, size_t n)
{
	(void)where;
	(void)word;
	*(size_t *)arg += n;
	return NULL;
}

static void
a_line_has_an_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char *filler = xmalloc(rows[i].filler + 1), *text, *said;
		size_t len, words = 0;
		FILE *err;
		int rc;

		memset(filler, 'x', rows[i].filler);
		filler[rows[i].filler] = '\0';
		text = xasprintf("%s%s%s", rows[i].before, filler,
		    rows[i].after);
		rules_write(text);
		err = xmemstream(&said, &len);
		rc = lines_read("--file", RULES, err, count, &words);
		xmemclose(err);
		if (words != rows[i].words || (rc == 0) != (len == 0))
			fail_msg("%s: %zu words, %d", rows[i].name, words, rc);
		assert_string_equal(said, rows[i].said);
		free(filler);
		free(text);
		free(said);
	}
}

static void
what_cannot_be_read(void **state)
{
	static const struct {
		const char *file, *said;
	} bad[] = {
		{ "/", "--file /: Is a directory\n" },
		{ "/nowhere/rules",
		    "--file /nowhere/rules: No such file or directory\n" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(bad); i++) {
		char *said;
		size_t len, words = 0;
		FILE *err = xmemstream(&said, &len);

		assert_int_equal(lines_read("--file", bad[i].file, err, count,
		    &words), -1);
		xmemclose(err);
		assert_string_equal(said, bad[i].said);
		assert_int_equal(words, 0);
		free(said);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_an_end),
		cmocka_unit_test(what_cannot_be_read),
	};

	return cmocka_run_group_tests_name("reporter/lines", tests,
	    rules_begin, rules_end);
}
