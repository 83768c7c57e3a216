#ifndef REPORTER_MAIL_HEADER_H
#define REPORTER_MAIL_HEADER_H

#include <stddef.h>

#include "spool/arena.h"

/*
 * The header of a mail, or of one part of it, that anybody may have written.
 * Lines end with CRLF or LF.  What is found is in the arena.
 */

/* How long the header is, with the empty line that ends it. */
size_t	mail_header_length(const char *text, size_t len);

/* The first field of this name, unfolded, without blanks around; or NULL. */
char	*mail_header_field(const char *header, size_t len, const char *name,
	    struct arena *a);

/*
 * A parameter of a field's value, as `boundary` of Content-Type, or NULL.
 * RFC 2231: name*0, name*1* and so on are put together, %XX undone.
 */
char	*mail_header_param(const char *value, const char *name,
	    struct arena *a);

#endif
