#ifndef REPORTER_DAILY_H
#define REPORTER_DAILY_H

#include <stdbool.h>
#include <stddef.h>

#include "aggregator/aggregate.h"
#include "conf/conf.h"
#include "reporter/rua.h"

/*
 * What a counted day comes to: one report per domain, finished and looked
 * over, and where each goes.  Queueing and the dry run both go through here.
 */
struct daily;

/* The configuration must outlive it. */
struct daily *daily_new(const struct conf *c);
void	daily_free(struct daily *d);

struct daily_report {
	const struct report *report;
	const char *json;		/* compact, as it is in gzip */
	size_t jsonlen;
	const void *gzip;
	size_t gziplen;
	const char *summary;		/* for the text part of a mail */
	const char *objection;		/* lint's: hold it back; or NULL */
	const struct rua_list *to;	/* empty when lookup */
	bool lookup;			/* DNS did not answer: ask again later */
};

/* All it is given lives during the call only.  Other than 0 stops. */
typedef int daily_fn(void *arg, const struct daily_report *r);

struct daily_totals {
	size_t reports;
	size_t unpublished;	/* domains that do not ask for reports */
	size_t unusable;	/* ask, but name no place we can send to */
	size_t all_well;	/* left out by [report] send = failures */
};

/*
 * Make the reports on all domains of g (only on that one when domain is not
 * NULL) and call fn for each.  DNS is asked where rua_lookup wants it.
 * Returns 0, -1 when a look-up could not be set up (logged), or what fn did.
 */
int	daily_reports(struct daily *d, struct aggregate *g, int day,
	    unsigned part, const char *domain, daily_fn *fn, void *arg,
	    struct daily_totals *totals);

/*
 * Where do these domains want their reports, asked of DNS now, all at once?
 * For deliveries that wait for it.  The caller releases the lists.
 */
struct daily_answer {
	enum { ANSWER_PLACES, ANSWER_NOWHERE, ANSWER_NONE_YET } what;
	struct rua_list list;
	const char *why;	/* nowhere; static */
};
void	daily_lookup(struct daily *d, const char *const *domains, size_t n,
	    struct daily_answer *answers);

#endif
