#ifndef SPOOL_SPAN_H
#define SPOOL_SPAN_H

#include <stdbool.h>
#include <stddef.h>

/* Text that need not be terminated, taken apart from its beginning. */
struct span {
	const char *p;
	size_t n;
};

/* Is this what s begins with?  Then it goes. */
bool	span_eat(struct span *s, const char *word);

/* All before this text, which goes as well.  s stays as it is without one. */
bool	span_cut(struct span *s, const char *at, struct span *head);

/* Digits and nothing else, at least one. */
bool	span_digits(struct span s);

#endif
