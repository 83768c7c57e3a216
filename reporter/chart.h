#ifndef REPORTER_CHART_H
#define REPORTER_CHART_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/*
 * Charts over UTC days as inline SVG: day `first` and the n - 1 after it.
 * Colours are classes of page.css.  title is ours, not a stranger's.
 */

/* A bar per day; class is "bar", or "bar bad". */
void	chart_bars(FILE *f, const char *title, const char *class, int first,
	    const uint64_t *values, size_t n);

/* Per cent as lines; a negative value is a gap. */
struct chart_line {
	const char *class;
	const double *percent;
};
void	chart_lines(FILE *f, const char *title, const struct chart_line *lines,
	    size_t nlines, int first, size_t n);

/* The n bars of a small one, without axes, as high as the largest. */
void	chart_spark(FILE *f, const uint64_t *values, size_t n);

/* 950, 1.2k, 35M */
#define CHART_NUMBER	16
char	*chart_number(uint64_t n, char buf[CHART_NUMBER]);

#endif
