#ifndef TESTS_SPOOL_LINES_H
#define TESTS_SPOOL_LINES_H

/*
 * What the tests of folding share: lines to fold, and what comes of them as
 * text.  Goes behind cmocka.h.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "spool/fold.h"
#include "spool/record.h"

/* What is kept of a line that is too long. */
#define KEPT	(RECORD_MAX + 1)

/* The distinct lines and their counts as text: "2 a\n1 b\n". */
static inline char *
text_of(const struct fold *f)
{
	const struct fold_line *line;
	char *text = NULL;
	size_t n, len;
	FILE *out;

	out = open_memstream(&text, &len);
	assert_non_null(out);
	n = fold_lines(f, &line);
	for (size_t i = 0; i < n; i++) {
		fprintf(out, "%ju ", (uintmax_t)line[i].n);
		fwrite(line[i].text, 1, line[i].len, out);
		putc('\n', out);
	}
	assert_int_equal(fclose(out), 0);
	return text;
}

/*
 * Lines of many lengths, so that they straddle every border of windows and
 * chunks; line i is the text of number v and as many x as v says.
 */
static inline char *
many_lines(size_t n, size_t distinct, size_t *len)
{
	uint32_t random = 1;
	char *text = NULL;
	FILE *out;

	out = open_memstream(&text, len);
	assert_non_null(out);
	for (size_t i = 0; i < n; i++) {
		uint32_t v;

		random = random * 1664525 + 1013904223;
		v = (random >> 8) % (uint32_t)distinct;
		fprintf(out, "%u%.*s\n", v, (int)(v % 97),
		    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	}
	assert_int_equal(fclose(out), 0);
	return text;
}

/* The same by other means: every line through fold_add. */
static inline char *
plain_fold(const char *text, uint64_t *total)
{
	struct fold *f = fold_new();
	char *lines;

	for (const char *nl; (nl = strchr(text, '\n')) != NULL; text = nl + 1)
		fold_add(f, text, (size_t)(nl - text), 1);
	*total = fold_total(f);
	lines = text_of(f);
	fold_free(f);
	return lines;
}

#endif
