#ifndef TESTS_REPORTER_GOLDEN_H
#define TESTS_REPORTER_GOLDEN_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Compare with tests/golden/<name>, byte for byte.  With UPDATE_GOLDEN in the
 * environment the file is written instead, for a person to look at the
 * difference before it is committed.
 */
static inline void
golden(const char *name, const char *got, size_t len)
{
	static char want[65536];
	char path[256];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "tests/golden/%s", name);
	if (getenv("UPDATE_GOLDEN") != NULL) {
		assert_non_null(f = fopen(path, "w"));
		assert_int_equal(fwrite(got, 1, len, f), len);
		assert_int_equal(fclose(f), 0);
	}
	if ((f = fopen(path, "r")) == NULL)
		fail_msg("%s: not there", path);
	n = fread(want, 1, sizeof(want) - 1, f);
	want[n] = '\0';
	fclose(f);
	assert_string_equal(got, want);
	assert_int_equal(len, n);
}

#endif
