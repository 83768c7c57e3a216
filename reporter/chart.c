#include "reporter/chart.h"

#include <inttypes.h>
#include <stdbool.h>

#include "conf/mem.h"
#include "spool/day.h"

/* In units of the drawing, which is as wide as the page. */
#define WIDTH	720
#define HEIGHT	190
#define LEFT	72
#define RIGHT	712
#define TOP	12
#define BOTTOM	158
#define LABELS	7		/* days that are named */

char *
chart_number(uint64_t n, char buf[CHART_NUMBER])
{
	static const char units[] = "kMGTPE";
	double v = (double)n;
	int unit = -1;

	while (v >= 999.5 && units[unit + 1] != '\0') {
		v /= 1000;
		unit++;
	}
	if (unit == -1)
		fmt(buf, CHART_NUMBER, "%" PRIu64, n);
	else
		fmt(buf, CHART_NUMBER, v < 9.95 && (n / 100) % 10 != 0 ?
		    "%.1f%c" : "%.0f%c", v, units[unit]);
	return buf;
}

/* 1, 2 or 5 times a power of ten. */
static uint64_t
round_up(uint64_t n)
{
	uint64_t step = 1;

	for (; step <= UINT64_MAX / 100; step *= 10) {
		if (n <= step)
			return step;
		if (n <= 2 * step)
			return 2 * step;
		if (n <= 5 * step)
			return 5 * step;
	}
	return n;
}

static void
begin(FILE *f, const char *title)
{
	fprintf(f, "<svg viewBox=\"0 0 %d %d\" role=\"img\" "
	    "aria-label=\"%s\">\n", WIDTH, HEIGHT, title);
}

static double
x_of(size_t i, size_t n)
{
	return LEFT + (RIGHT - LEFT) * ((double)i + .5) / (double)n;
}

/* share: 0 at the bottom, 1 at the top. */
static double
y_of(double share)
{
	return BOTTOM - (BOTTOM - TOP) * share;
}

static void
grid_line(FILE *f, double share, const char *label)
{
	fprintf(f, "<path class=\"grid\" d=\"M%d %.1fH%d\"/><text x=\"%d\" "
	    "y=\"%.1f\" text-anchor=\"end\">%s</text>\n", LEFT, y_of(share),
	    RIGHT, LEFT - 8, y_of(share) + 5, label);
}

static void
day_labels(FILE *f, int first, size_t n)
{
	size_t step = (n + LABELS - 1) / LABELS;
	char day[DAY_TEXT];

	for (size_t i = step / 2; i < n; i += step)
		fprintf(f, "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">"
		    "%s</text>\n", x_of(i, n), BOTTOM + 24,
		    day_format(first + (int)i, day) + sizeof("2026"));
}

static uint64_t
largest(const uint64_t *values, size_t n)
{
	uint64_t most = 0;

	for (size_t i = 0; i < n; i++)
		if (values[i] > most)
			most = values[i];
	return most;
}

void
chart_bars(FILE *f, const char *title, const char *class, int first,
    const uint64_t *values, size_t n)
{
	uint64_t top = round_up(largest(values, n));
	double width = (RIGHT - LEFT) * .8 / (double)(n < 10 ? 10 : n), y;
	char number[CHART_NUMBER], day[DAY_TEXT];

	begin(f, title);
	grid_line(f, 0, "0");
	if (top % 2 == 0)
		grid_line(f, .5, chart_number(top / 2, number));
	grid_line(f, 1, chart_number(top, number));
	day_labels(f, first, n);
	for (size_t i = 0; i < n; i++) {
		if (values[i] == 0)
			continue;
		/* A pixel at least: few is not none. */
		y = y_of((double)values[i] / (double)top);
		if (y > BOTTOM - 1.5)
			y = BOTTOM - 1.5;
		fprintf(f, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" "
		    "width=\"%.1f\" height=\"%.1f\"><title>%s: %" PRIu64
		    "</title></rect>\n", class, x_of(i, n) - width / 2, y,
		    width, BOTTOM - y, day_format(first + (int)i, day),
		    values[i]);
	}
	fputs("</svg>\n", f);
}

/* The next below of some round numbers, so that lines fill the chart. */
static double
floor_of(const struct chart_line *lines, size_t nlines, size_t n)
{
	static const double floors[] = { 99, 98, 95, 90, 80, 50, 0 };
	double least = 100;
	size_t i = 0;

	for (size_t k = 0; k < nlines; k++)
		for (size_t j = 0; j < n; j++)
			if (lines[k].percent[j] >= 0 &&
			    lines[k].percent[j] < least)
				least = lines[k].percent[j];
	while (floors[i] > least)
		i++;
	return floors[i];
}

static void
draw_line(FILE *f, const struct chart_line *l, double floor, size_t n)
{
	bool pen = false;

	fprintf(f, "<path class=\"series %s\" d=\"", l->class);
	for (size_t i = 0; i < n; i++) {
		if (l->percent[i] < 0) {
			pen = false;
			continue;
		}
		fprintf(f, "%c%.1f %.1f", pen ? 'L' : 'M', x_of(i, n),
		    y_of((l->percent[i] - floor) / (100 - floor)));
		pen = true;
	}
	fputs("\"/>\n", f);
}

/* Which say the number, and show a day that stands alone. */
static void
draw_dots(FILE *f, const struct chart_line *l, double floor, int first,
    size_t n)
{
	char day[DAY_TEXT];

	for (size_t i = 0; i < n; i++)
		if (l->percent[i] >= 0)
			fprintf(f, "<circle class=\"dot %s\" cx=\"%.1f\" "
			    "cy=\"%.1f\" r=\"3\"><title>%s: %.2f %%</title>"
			    "</circle>\n", l->class, x_of(i, n),
			    y_of((l->percent[i] - floor) / (100 - floor)),
			    day_format(first + (int)i, day), l->percent[i]);
}

void
chart_lines(FILE *f, const char *title, const struct chart_line *lines,
    size_t nlines, int first, size_t n)
{
	double floor = floor_of(lines, nlines, n);
	char label[CHART_NUMBER];

	begin(f, title);
	for (int i = 0; i <= 2; i++) {
		fmt(label, sizeof(label), "%.3g %%",
		    floor + (100 - floor) * i / 2);
		grid_line(f, i / 2.0, label);
	}
	day_labels(f, first, n);
	for (size_t i = 0; i < nlines; i++) {
		draw_line(f, &lines[i], floor, n);
		draw_dots(f, &lines[i], floor, first, n);
	}
	fputs("</svg>\n", f);
}

void
chart_spark(FILE *f, const uint64_t *values, size_t n)
{
	uint64_t most = largest(values, n);

	fprintf(f, "<svg viewBox=\"0 0 %zu 40\" preserveAspectRatio=\"none\" "
	    "aria-hidden=\"true\"><path class=\"base\" d=\"M0 39.5H%zu\"/>"
	    "<path d=\"", 7 * n, 7 * n);
	for (size_t i = 0; i < n && most > 0; i++)
		if (values[i] > 0)
			fprintf(f, "M%zu 39V%d", 7 * i + 3, 36 -
			    (int)(36 * ((double)values[i] / (double)most)));
	fputs("\"/></svg>\n", f);
}
