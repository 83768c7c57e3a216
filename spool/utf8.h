#ifndef SPOOL_UTF8_H
#define SPOOL_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#include "spool/arena.h"

/*
 * Text of strangers.  UTF-8 is that of RFC 3629: no overlong forms, no
 * surrogates, nothing beyond U+10FFFF.
 */

/* No byte of a terminated text is beyond 0x7f. */
bool	utf8_is_ascii(const char *s);

/*
 * The length of the character that a terminated text begins with, which is not
 * empty; 0 when it begins with what is none.
 */
size_t	utf8_character(const char *s);

/* The length of the longest part from the beginning that is valid UTF-8. */
size_t	utf8_span(const char *s, size_t len);

/*
 * A copy in the arena of the *len bytes of s, terminated, in which every
 * maximal ill-formed sequence is U+FFFD; *len is its length then, three times
 * that of s at the most.  No byte below 0x80 is changed, so JSON stays the JSON
 * it was.
 */
char	*utf8_repair(struct arena *a, const char *s, size_t *len);

/*
 * A copy in the arena of valid UTF-8, fit for one line: tab, CR and LF become
 * blanks, other control characters (C0, DEL, C1), what I-JSON calls
 * noncharacters, and the blanks at the end go, and it is cut at a character to
 * at most max bytes.  NULL when nothing is left.
 */
const char *utf8_clean(struct arena *a, const char *s, size_t len, size_t max);

#endif
