#ifndef REPORTER_LINT_MIME_H
#define REPORTER_LINT_MIME_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Reading a finished message for lint_message: strict, because it is one of
 * ours.  Functions that may object return NULL when all is well, else the
 * objection with its RFC section, which the caller frees.
 */
#define LINT_FIELDS_MAX	64

/*
 * A header, unfolded: the CRLF between the lines of a field left out.  The
 * texts are its own; an all-zero struct is an empty one.
 */
struct lint_header {
	char *text;
	size_t n;
	struct {
		const char *name, *value;
		size_t len;		/* of the name */
	} field[LINT_FIELDS_MAX];
};

/* A message or one part of it; the bytes are the caller's. */
struct lint_part {
	struct lint_header header;
	const char *body;
	size_t len;
};

/* CRLF at the end of each line and nowhere else, 7-bit, no line too long. */
char	*lint_bytes(const char *message, size_t len);

/* What lint_bytes had no objection to.  The caller releases p in any case. */
char	*lint_part_read(struct lint_part *p, const char *message, size_t len);
void	lint_part_release(struct lint_part *p);

/* Exactly two parts and nothing behind them.  The same about parts. */
char	*lint_parts_read(const struct lint_part *whole,
	    struct lint_part parts[2]);

/* The value of a field that is there once, without blanks in front, or NULL. */
const char *lint_field(const struct lint_header *h, const char *name);

/* Is the value of this type, whatever its parameters, in any case? */
bool	lint_is_type(const char *value, const char *type);
/* Does it have this parameter with this very text? */
bool	lint_has_param(const char *value, const char *name, const char *text);

/* Is it just this body, in lines of 76 columns (RFC 2045 section 6.8)? */
bool	lint_is_base64(const struct lint_part *p, const void *body,
	    size_t len);

#endif
