#include "reporter/show.h"

#include <stdarg.h>
#include <string.h>

#define CLEAN_MAX	1000	/* bytes of a text that are shown */

static const char *const styles[] = {
	[SHOW_PLAIN] = "",
	[SHOW_BOLD] = "\033[1m",
	[SHOW_DIM] = "\033[2m",
	[SHOW_GOOD] = "\033[32m",
	[SHOW_BAD] = "\033[31m",
	[SHOW_ODD] = "\033[33m",
};

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

/* The character at s and its length; what is no UTF-8 is U+FFFD. */
static unsigned
character(const char *text, size_t *len)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
	unsigned c = n == 1 ? s[0] : s[0] & (0x7fU >> n);

	for (*len = 1; *len < n; ++*len) {
		if ((s[*len] & 0xc0) != 0x80)
			return 0xfffd;
		c = c << 6 | (s[*len] & 0x3f);
	}
	return s[0] >= 0x80 && s[0] < 0xc2 ? 0xfffd : c;
}

/* Controls (C0, DEL, C1), and what sets the direction of writing. */
static bool
is_harmful(unsigned c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c ||
	    (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	    (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || c == 0xfffd;
}

void
show_clean(FILE *f, const char *text)
{
	size_t len, total = 0;

	if (text == NULL)
		text = "-";
	for (; *text != '\0' && total < CLEAN_MAX; text += len, total += len) {
		if (is_harmful(character(text, &len)))
			fputs("\ufffd", f);
		else
			fwrite(text, 1, len, f);
	}
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
		character(text, &len);
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
