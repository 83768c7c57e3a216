#ifndef REPORTER_LINT_H
#define REPORTER_LINT_H

#include <stddef.h>

/*
 * The last look at a report before it leaves.  Reads the finished bytes, not
 * the data they were made from, and says what a receiver would object to:
 * RFC 8460, and what is known to be refused in the field.
 *
 * There is no rule that failure details add up to the failed sessions: a
 * session may have several, or none (RFC 8460 section 4.3).
 */
#define LINT_JSON_MAX	(10 << 20)	/* what receivers unpack */
#define LINT_MESSAGE_MAX (1 << 20)	/* what receivers take as a mail */

struct lint_names {
	const char *submitter;
	const char *domain;
	const char *report_id;
	const char *filename;	/* without extension */
};

/*
 * The JSON text.  NULL when all is well, else the first objection with its
 * RFC section, which the caller frees.
 */
char	*lint_report(const char *json, size_t len, const struct lint_names *n);
/* The same as gzip. */
char	*lint_packed(const void *gzip, size_t len, const struct lint_names *n);

/*
 * The finished message, and the report that is attached to it.  from and to
 * are the addresses that its header should have.
 */
char	*lint_message(const char *message, size_t len,
	    const struct lint_names *n, const char *from, const char *to,
	    int must_be_signed);

#endif
