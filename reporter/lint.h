#ifndef REPORTER_LINT_H
#define REPORTER_LINT_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

/*
 * A look at a report before it leaves, for what a receiver would object to:
 * RFC 8460, and what is known to be refused in the field.  Reads what was
 * made, not the data it was made from.
 *
 * There is no rule that failure details add up to the failed sessions: a
 * session may have several, or none (RFC 8460 section 4.3).
 */
#define LINT_RULES	1	/* to be counted up with every new rule: what
				   was good by others is looked over again */
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
/* The same before it is written, as this many bytes. */
char	*lint_tree(const json_t *tree, size_t len, const struct lint_names *n);
/* The same as gzip. */
char	*lint_packed(const void *gzip, size_t len, const struct lint_names *n);
/*
 * The same for who goes on with what is in there: when all is well, *root
 * is the report, which the caller gives back with json_decref, else NULL.
 */
char	*lint_unpack(const void *gzip, size_t len, const struct lint_names *n,
	    json_t **root);

/* What a message should be. */
struct lint_mail {
	const char *from, *to;		/* addresses in its header */
	const char *signer;		/* who From and d= are to be aligned
					   with; NULL: the submitter */
	bool must_be_signed;
	const void *body;		/* gzip: the report to be attached */
	size_t len;
};

/*
 * The finished message.  What is attached must be the body to the byte, about
 * which lint_packed or lint_unpack has been asked before: many mails may
 * carry the same report.
 */
char	*lint_message(const char *message, size_t len,
	    const struct lint_names *n, const struct lint_mail *mail);

#endif
