#include "reporter/header.h"

#include <string.h>

/* What goes on a line with this room: whole words, and at least one. */
static size_t
line_length(const char *text, size_t room)
{
	size_t len = strlen(text);
	const char *blank;

	if (len <= room)
		return len;
	if ((blank = memrchr(text, ' ', room + 1)) == NULL)
		blank = strchrnul(text + room, ' ');
	return (size_t)(blank - text);
}

void
header_write(FILE *f, const char *name, const char *value)
{
	/*
	 * Never folded straight after the colon: a line of nothing but blanks
	 * would be left, which RFC 5322 section 3.2.2 does not want.
	 */
	size_t room = HEADER_COLUMNS - strlen(name) - strlen(": "), len;

	fputs(name, f);
	putc(':', f);
	do {
		len = line_length(value, room);
		if (len > 0)
			putc(' ', f);
		fwrite(value, 1, len, f);
		fputs("\r\n", f);
		value += len;
		value += *value == ' ';
		room = HEADER_COLUMNS - 1;
	} while (*value != '\0');
}
