#ifndef REPORTER_HEADER_H
#define REPORTER_HEADER_H

#include <stdio.h>

/*
 * Write one header field with its CRLF, folded at the single blanks of value
 * so that lines stay within 78 columns (RFC 5322 section 2.1.1); a word that
 * is longer stays whole on a line of its own.  Unfolded it is name, colon,
 * blank and value again.  The name is one of ours, and short.
 */
#define HEADER_COLUMNS 78

void	header_write(FILE *f, const char *name, const char *value);

#endif
