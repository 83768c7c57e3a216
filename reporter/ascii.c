#include "reporter/ascii.h"

#include <stdbool.h>

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

void
ascii_copy(char *buf, size_t size, const char *text, size_t len)
{
	size_t n = 0;

	for (; len > 0 && is_blank(*text); len--)
		text++;
	while (len > 0 && is_blank(text[len - 1]))
		len--;
	for (; n < len && n < size - 1; n++)
		buf[n] = text[n] >= ' ' && text[n] < 0x7f ? text[n] : '?';
	buf[n] = '\0';
}
