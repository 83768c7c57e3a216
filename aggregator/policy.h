#ifndef AGGREGATOR_POLICY_H
#define AGGREGATOR_POLICY_H

#include "aggregator/report.h"

/*
 * What makes a policy this policy and no other (contract 5): type, domain,
 * strings and mx-hosts, canonical as record_parse left them.  Counts and
 * failure details play no part here.
 */

/* The identity of a record's policy: a view that lives as long as p. */
struct report_policy policy_of(const struct record_policy *p);

/* Does it say no more than its type, about the TLSRPT domain itself? */
int	policy_is_bare(const struct report_policy *p, const char *domain);

uint64_t policy_hash(const struct report_policy *p, uint64_t seed);

/* A total order: by type, domain, strings, mx-hosts; 0 for the same policy. */
int	policy_compare(const struct report_policy *a,
	    const struct report_policy *b);

/* Copy what p points to into the arena; returns how long it is. */
size_t	policy_keep(struct report_policy *p, struct arena *a);

/* strcmp with NULL before everything else. */
int	policy_text_compare(const char *a, const char *b);

#endif
