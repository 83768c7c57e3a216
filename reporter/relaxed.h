#ifndef REPORTER_RELAXED_H
#define REPORTER_RELAXED_H

#include <stddef.h>

/*
 * The canonical form "relaxed" that DKIM hashes (RFC 6376 section 3.4).
 * Lines end with CRLF.  The caller gives a buffer two bytes longer than the
 * input; the length of the output is returned.
 */

/* Section 3.4.4. */
size_t	relaxed_body(char *buf, const char *body, size_t len);

/*
 * Section 3.4.2: the fields with these names, of several with the same name
 * the last one first (section 5.4.2), without what stands between.  *h, which
 * the caller frees, becomes the list for h=: each name once more than it
 * occurs, with blanks where it may be folded.
 */
size_t	relaxed_header(char *buf, char **h, const char *header, size_t len,
	    const char *const *names, size_t nnames);

#endif
