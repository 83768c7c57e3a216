#ifndef REPORTER_ASCII_H
#define REPORTER_ASCII_H

#include <stddef.h>

/*
 * Put a stranger's text into buf, cut to fit, as printable ASCII: "?" stands
 * for any other byte, blanks around it are gone.
 */
void	ascii_copy(char *buf, size_t size, const char *text, size_t len);

#endif
