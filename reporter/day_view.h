#ifndef REPORTER_DAY_VIEW_H
#define REPORTER_DAY_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregator/aggregate.h"
#include "spool/arena.h"

/*
 * What is worth knowing of a counted day, for people.  Sessions are counted
 * per policy, as reports do.
 */
struct view_policy {
	enum policy_type type;
	size_t domains;
	uint64_t successful, failed;
};
struct view_result {
	enum result_type result;
	size_t domains;
	uint64_t failures;	/* details, of which a session may have more */
};
struct view_domain {
	const char *domain;
	uint64_t successful, failed;
	enum result_type result;	/* most frequent, 0: not known */
};
struct view_failure {
	const char *domain;
	enum result_type result;
	uint64_t failures;
};

struct day_view {
	size_t domains;
	uint64_t successful, failed;
	size_t npolicies, nresults, nworst, nfresh;
	struct view_policy *policies;	/* most sessions first */
	struct view_result *results;	/* most failures first */
	struct view_domain *worst;	/* all with failures, most first */
	struct view_failure *fresh;	/* not seen the day before, likewise */
};

/*
 * Both days as aggregate_finish left them, sorted by domain; what is in the
 * view is in the arena or theirs.
 */
void	day_view_make(struct day_view *v, const struct aggregate_domain *day,
	    size_t n, const struct aggregate_domain *before, size_t nbefore,
	    struct arena *a);

#endif
