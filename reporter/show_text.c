#include "reporter/show.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reporter/clean.h"

#define CLEAN_MAX	1000	/* bytes of a text that are shown */

static const char *const styles[] = {
	[SHOW_PLAIN] = "",
	[SHOW_BOLD] = "\033[1m",
	[SHOW_DIM] = "\033[2m",
	[SHOW_GOOD] = "\033[32m",
	[SHOW_BAD] = "\033[31m",
	[SHOW_ODD] = "\033[33m",
};

bool
show_wants_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && (no == NULL || *no == '\0') &&
	    (term == NULL || strcmp(term, "dumb") != 0);
}

void
show_print(const struct show *s, FILE *f, enum show_style style,
    const char *format, ...)
{
	bool colour = s->colour && style != SHOW_PLAIN;
	va_list ap;

	if (colour)
		fputs(styles[style], f);
	va_start(ap, format);
	vfprintf(f, format, ap);
	va_end(ap);
	if (colour)
		fputs("\033[0m", f);
}

void
show_clean(FILE *f, const char *text)
{
	const char *start, *rest;	/* rest: not written so far */
	size_t len;

	if (text == NULL)
		text = "-";
	start = rest = text;
	for (; *text != '\0' && text - start < CLEAN_MAX; text += len) {
		if (clean_character(text, &len))
			continue;
		fwrite(rest, 1, (size_t)(text - rest), f);
		fputs("\ufffd", f);
		rest = text + len;
	}
	fwrite(rest, 1, (size_t)(text - rest), f);
	if (*text != '\0')
		fputs("\u2026", f);
}

size_t
show_width(const char *text)
{
	size_t n = 0, len;

	if (text == NULL)
		return 1;
	for (; *text != '\0'; text += len, n++)
		clean_character(text, &len);
	return n;
}

void
show_column(FILE *f, const char *text, size_t columns)
{
	size_t width = show_width(text);

	show_clean(f, text);
	if (width < columns)
		fprintf(f, "%*s", (int)(columns - width), "");
}
