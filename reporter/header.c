#include "reporter/header.h"

#include <string.h>

void
header_write(FILE *f, const char *name, const char *value)
{
	size_t column, len;
	const char *word;
	int first = 1;

	fputs(name, f);
	putc(':', f);
	column = strlen(name) + 1;
	for (word = value; *word != '\0'; word += len) {
		word += *word == ' ';
		len = strcspn(word, " ");
		/*
		 * Never straight after the colon: a line of nothing but blanks
		 * would be left, which RFC 5322 section 3.2.2 does not want.
		 */
		if (!first && column + 1 + len > HEADER_COLUMNS) {
			fputs("\r\n", f);
			column = 0;
		}
		putc(' ', f);
		fwrite(word, 1, len, f);
		column += 1 + len;
		first = 0;
	}
	fputs("\r\n", f);
}
