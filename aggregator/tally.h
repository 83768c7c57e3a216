#ifndef AGGREGATOR_TALLY_H
#define AGGREGATOR_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregator/report.h"
#include "aggregator/table.h"
#include "spool/arena.h"
#include "spool/record.h"

/*
 * The counts of one policy of one domain.  Different failures are counted
 * apart up to a ceiling, and beyond it in one detail per result type that has
 * nothing but the result type (contract 5).  Failures that say no more than
 * that in the first place are counted there as well, ceiling or not: there
 * are RESULT_TYPES of these at most.
 */
struct tally_detail;

struct tally {
	struct tally *next;		/* of the same domain */
	uint64_t hash;
	struct report_policy policy;	/* details: see tally_finish */
	size_t nkept;			/* details that fill the ceiling */
	struct tally_detail *details;
};

/* Where the tallies of one aggregate keep their details. */
struct tally_store {
	struct arena *arena;
	struct table details;
	size_t details_max;
};

/*
 * Count so many sessions of a policy with their result and failures.  When
 * `full`, failures not seen before are counted as if beyond the ceiling.
 * Returns the bytes of text newly kept.
 */
size_t	tally_count(struct tally *t, struct tally_store *s,
	    const struct record_policy *p, uint64_t sessions, bool full);

/* Lay out policy.details: most frequent first, then by content. */
void	tally_finish(struct tally *t, struct arena *a);

#endif
