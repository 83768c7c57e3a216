#ifndef REPORTER_ATTACHED_H
#define REPORTER_ATTACHED_H

#include <stdbool.h>
#include <stddef.h>

#include "spool/arena.h"

/*
 * The reports that came with a mail, whoever sent it: RFC 8460 section 5.3
 * as it is practised.  Reads no more of MIME than it takes to find them, and
 * forgives what does not keep it from that: bare LF, a missing last boundary,
 * the wrong media type where the file name is right.
 */
#define ATTACHED_DEPTH_MAX	8	/* multiparts and forwarded mails */
#define ATTACHED_PARTS_MAX	1000	/* of a mail, all told */

struct attached {
	const char *filename;	/* or NULL */
	const char *domain;	/* TLS-Report-Domain, or NULL */
	const char *submitter;	/* TLS-Report-Submitter, or NULL */
	const char *report_id;	/* of the Subject, or NULL */
	const char *data;	/* decoded, not unpacked; terminated or
				   followed by more of the message */
	size_t len;
};
/* All it gets lives as long as the arena and the message, a terminated text. */
typedef void attached_fn(void *arg, const struct attached *a);

void	attached_find(const char *message, size_t len, struct arena *a,
	    attached_fn *fn, void *arg);

/* Does this look like a mail: a header field in the first line? */
bool	attached_is_mail(const char *text, size_t len);

#endif
