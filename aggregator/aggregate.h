#ifndef AGGREGATOR_AGGREGATE_H
#define AGGREGATOR_AGGREGATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregator/report.h"
#include "spool/arena.h"
#include "spool/record.h"

/*
 * The sessions of one day, counted per policy domain and policy (contract 5).
 * Memory is bounded per domain: beyond POLICIES_MAX different policies,
 * sessions are counted in one of the same type without strings; beyond
 * details_max different failures of a policy, in one of the same result type
 * without host fields; beyond TEXT_MAX bytes of policies and failures, both;
 * beyond TXTS_MAX different TLSRPT texts, as missing.
 */
#define POLICIES_MAX	64	/* a domain with a policy per MX has a few */
#define TXTS_MAX	8
/*
 * No mail may exceed the 1 MiB that receivers take.  What a peer has made up
 * at random packs to 4/5 and grows by 3/8 as base64; a record of 256 KiB may
 * come on top of it; and the text for people takes up to 300 KiB.
 */
#define TEXT_MAX	(400 << 10)

struct aggregate;

struct aggregate *aggregate_new(size_t details_max);
void	aggregate_free(struct aggregate *g);

/*
 * Count one record for so many sessions.  Fits struct intake_sink; arg is the
 * aggregate, day is not looked at.  Records marked as own report are passed
 * over (RFC 8460 section 3).
 */
void	aggregate_record(void *arg, int day, const struct record *r,
	    uint64_t sessions);

/* A TLSRPT record's text as the MTA saw it, and how many sessions saw it. */
struct aggregate_txt {
	const char *text;
	uint64_t sessions;
};

/* What is known of one policy domain. */
struct aggregate_domain {
	const char *domain;
	size_t ntxts;
	const struct aggregate_txt *txts;	/* most sessions first, then by
						   text */
	bool txt_missing;	/* some sessions came without one */
	uint64_t sessions;
	struct report_policy *policies;
	size_t npolicies;
};

/*
 * All domains with anything to report, by name; policies ordered by type,
 * domain and content.  The same records give the same result in whatever
 * order they came, as long as no ceiling was reached; beyond one, in the same
 * order.  Call once, when all is counted; lives as long as the aggregate.
 */
size_t	aggregate_finish(struct aggregate *g,
	    const struct aggregate_domain **domains);

/* Fill in the report on this domain; strings stay in the aggregate. */
void	aggregate_report(const struct aggregate_domain *d,
	    const struct report_identity *who, int day, unsigned part,
	    struct report *r, struct arena *a);

#endif
