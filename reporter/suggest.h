#ifndef REPORTER_SUGGEST_H
#define REPORTER_SUGGEST_H

#include <stdio.h>

#include "reporter/check.h"

/*
 * What a domain should publish, made from what is there: DNS records as lines
 * of a zone file, and a policy file (RFC 8461 section 3.2, lines that end
 * with CRLF).  All of it is printable ASCII.
 */
struct suggestion {
	size_t n;
	char **records;
	char *policy;		/* NULL: the domain takes no mail */
	char *policy_url;
	size_t nnotes;
	char **notes;		/* why something is not suggested: sentences */
};

/*
 * From facts that were judged.  What is good already is suggested as it is:
 * a policy that does not change keeps its id.
 */
void	suggestion_make(struct suggestion *s, const struct check *c,
	    const struct check_config *config);
void	suggestion_release(struct suggestion *s);

/* As text that can be put into a zone, but for the policy file at its end. */
void	suggestion_print(const struct suggestion *s, FILE *f);

#endif
