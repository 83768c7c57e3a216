#ifndef REPORTER_SURVEY_H
#define REPORTER_SURVEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/queue.h"
#include "reporter/reading.h"

/*
 * Many reports added up: by day, by domain, by what failed.  Texts are copied
 * and still a stranger's.  Memory is bounded per domain, and what is beyond
 * is counted without saying more.
 */
#define SURVEY_DETAILS_MAX	20	/* different failures of a domain */
#define SURVEY_RESULTS_MAX	40	/* unknown result types */
#define SURVEY_TEXT_MAX		300	/* bytes of one text */

enum survey_policy { SURVEY_TLSA, SURVEY_STS, SURVEY_NONE, SURVEY_OTHER,
	SURVEY_POLICIES };

struct survey_count {
	uint64_t successful, failed;
};

struct survey_day {
	int day;
	struct survey_count policy[SURVEY_POLICIES];
};

/* A domain's day. */
struct survey_point {
	int day;
	struct survey_count count;
};

struct survey_detail {
	struct survey_detail *next;
	const char *result;		/* never NULL, "" if not known */
	const char *host, *ip, *reason;	/* each may be NULL */
	uint64_t n;
};

struct survey_domain {
	const char *name;
	struct survey_count count;
	size_t npoints, size;
	struct survey_point *points;	/* by day */
	size_t ndetails;
	struct survey_detail *details;	/* most frequent first */
	uint64_t others;		/* failures beyond the details */
	uint64_t results;		/* bits of those that it has */
};

struct survey_result {
	const char *result;
	uint64_t n;
	size_t domains;
	uint64_t bit;			/* in the results of a domain */
};

struct survey {
	uint64_t reports, repeated;
	struct survey_count count;
	size_t ndays, ndomains, nfailing, nresults;
	const struct survey_day *days;		/* those with reports */
	const struct survey_domain *const *failing;	/* most failures first */
	const struct survey_result *results;	/* most failures first */
	uint64_t deliveries[4];			/* by queue_state */
};

struct survey_book;

/* Days before from and after to are not looked at. */
struct survey_book *survey_new(int from, int to);
void	survey_free(struct survey_book *b);

/*
 * Returns false when the report is of another day, of no domain, or was added
 * before (same contact, same report-id).  A report of more than a day counts
 * for its first.
 */
bool	survey_report(struct survey_book *b, const struct reading *r);
void	survey_delivery(struct survey_book *b, enum queue_state state);

/* Call once; lives as long as the book. */
const struct survey *survey_finish(struct survey_book *b);

#endif
