#ifndef REPORTER_CLEAN_H
#define REPORTER_CLEAN_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Is the character at s fit to be shown, whoever wrote it?  Not so are
 * controls (C0, DEL, C1), what changes the direction of writing or has no
 * width, and what is no UTF-8.  *len is how long it is, 1 where it is no
 * UTF-8.  s is terminated and not empty.
 */
bool	clean_character(const char *s, size_t *len);

#endif
