#ifndef REPORTER_LINT_FOREIGN_H
#define REPORTER_LINT_FOREIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "reporter/lint.h"

/*
 * All that is to be said about a report of somebody else's, each with its
 * section of the RFC.  `odd` is what the RFC does not forbid, or what is usual
 * among senders, but some receivers do not take.
 */
#define LINT_FINDINGS_MAX 50

struct lint_finding {
	char *text;
	bool odd;
};
struct lint_list {
	size_t n;
	struct lint_finding list[LINT_FINDINGS_MAX];
};

/*
 * Adds to the list, which the caller releases.  Any name may be NULL: not
 * known.  filename is without extension.
 */
void	lint_foreign(struct lint_list *list, const json_t *v,
	    const struct lint_names *n);

/*
 * sender!domain!begin!end[!id], RFC 8460 section 5.1, without extension.  The
 * domain is not terminated.
 */
struct lint_filename {
	const char *domain;
	size_t domainlen;
	int64_t begin, end;
};
bool	lint_filename_parse(struct lint_filename *n, const char *s);

/* One more, unless there are too many already. */
void	lint_list_add(struct lint_list *list, bool odd, const char *format, ...)
	    __attribute__((format(printf, 3, 4)));
/* The same; the text is the list's now. */
void	lint_list_put(struct lint_list *list, bool odd, char *text);
void	lint_list_release(struct lint_list *list);

/* lint.c's part of it: the document.  Were there no objections? */
bool	lint_walk(struct lint_list *list, const json_t *v,
	    const struct lint_names *n);

#endif
