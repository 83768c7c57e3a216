#ifndef REPORTER_LINT_VALUE_H
#define REPORTER_LINT_VALUE_H

#include <stdbool.h>
#include <stddef.h>

/* What a text in a report may be. */
#define LINT_DIGITS	"0123456789"
#define LINT_ALNUM	"abcdefghijklmnopqrstuvwxyz" \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZ" LINT_DIGITS

/* Lower-case A-labels without the last dot; peers use underscores too. */
bool	lint_is_domain(const char *s);
/* Would it be one in lower case and without the last dot? */
bool	lint_is_nearly_domain(const char *s);

/* RFC 5322 section 3.2.3: the first len bytes of s. */
bool	lint_is_dot_atom(const char *s, size_t len);

#endif
