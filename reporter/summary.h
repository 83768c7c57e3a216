#ifndef REPORTER_SUMMARY_H
#define REPORTER_SUMMARY_H

#include <stdint.h>

#include "reporter/reading.h"

/*
 * A report of ours for people: the text part of its mail.  UTF-8, lines end
 * with \n and have at most 76 columns unless a single word has more.  Control
 * characters in what peers sent come out as blanks, so that no banner can
 * write lines of its own.  What these functions return the caller frees.
 */
struct summary {
	const char *organization, *contact, *submitter;
	const char *domain;		/* policy domain */
	int day;
	unsigned part;
	uint64_t successful, failed;	/* sessions, over all policies */
	const char *figures;
};
char	*summary_text(const struct summary *s);

/* The part of it that only the report itself can tell: policy by policy. */
char	*summary_figures(const struct reading *r);
/*
 * The same of a report's JSON, which stays the caller's.  Its sessions are put
 * into s, unless that is NULL.
 */
char	*summary_figures_of(json_t *tree, struct summary *s);

#endif
