#ifndef TESTS_REPORTER_EXPECT_H
#define TESTS_REPORTER_EXPECT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Tables of texts and what is said about them: every row is tried, and those
 * that are not as expected are told apart.  To be included after cmocka.h.
 */
/* A copy of text with the first `from` replaced; from NULL: all of it. */
static inline char *
replace(const char *text, const char *from, const char *to)
{
	const char *at = from == NULL ? text : strstr(text, from);
	size_t cut = from == NULL ? strlen(text) : strlen(from);
	char *copy;

	if (at == NULL)
		return strdup(text);
	assert_true(asprintf(&copy, "%.*s%s%s", (int)(at - text), text, to,
	    at + cut) >= 0);
	return copy;
}

static int unexpected;

static inline void
expect(const char *name, char *got, const char *why)
{
	const char *objection = got != NULL ? got : "none";

	if (why == NULL)
		why = "none";
	if (strcmp(objection, why) != 0) {
		print_error("%s: \"%s\", not \"%s\"\n", name, objection,
		    why);
		unexpected++;
	}
	free(got);
}

/*
 * Fails a test after all its rows were tried.  Not inline, for the compiler to
 * warn of a program that forgets TEST, which could not fail.
 */
static int
all_as_expected(void **state)
{
	int n = unexpected;

	(void)state;
	unexpected = 0;
	return n == 0 ? 0 : -1;
}

#define TEST(f) cmocka_unit_test_teardown(f, all_as_expected)

#endif
