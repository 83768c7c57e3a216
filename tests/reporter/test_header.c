#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reporter/header.h"

#define X10 "xxxxxxxxxx"
#define X70 X10 X10 X10 X10 X10 X10 X10
#define X100 X70 X10 X10 X10

static const struct {
	const char *what, *name, *value, *want;
} rows[] = {
	{ "short", "To", "a@example.net", "To: a@example.net\r\n" },
	{ "words", "Subject", "one two", "Subject: one two\r\n" },
	{ "empty", "Subject", "", "Subject:\r\n" },
	{ "exactly 78 columns", "T", X70 " abcd",
	    "T: " X70 " abcd\r\n" },
	{ "one more is folded", "T", X70 " abcde",
	    "T: " X70 "\r\n abcde\r\n" },
	{ "a long first word stays at its name", "T", X100 " b",
	    "T: " X100 "\r\n b\r\n" },
	{ "a long word gets its own line", "T", "a " X100 " b c",
	    "T: a\r\n " X100 "\r\n b c\r\n" },
	{ "several lines", "T", X70 " " X70 " " X70,
	    "T: " X70 "\r\n " X70 "\r\n " X70 "\r\n" },
};

static void
folding(void **state)
{
	char *text;
	size_t i, len;
	FILE *f;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		f = open_memstream(&text, &len);
		header_write(f, rows[i].name, rows[i].value);
		fclose(f);
		if (strcmp(text, rows[i].want) != 0)
			fail_msg("%s: %s", rows[i].what, text);
		free(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
