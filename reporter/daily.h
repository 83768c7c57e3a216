#ifndef REPORTER_DAILY_H
#define REPORTER_DAILY_H

#include <stdbool.h>
#include <stddef.h>

#include "aggregator/aggregate.h"
#include "conf/conf.h"
#include "reporter/places.h"
#include "reporter/queue.h"
#include "reporter/rua.h"

/*
 * What a counted day comes to: one finished report per domain, and where each
 * goes.  Queueing and the dry run both go through here.
 */
struct daily;

/*
 * All must outlive it.  The queue's ledger tells which sessions were our own
 * reports; without one (NULL) none were.
 */
struct daily *daily_new(const struct conf *c, const struct places *p,
	    struct queue *q);
void	daily_free(struct daily *d);

/* What becomes of one domain's day, and why. */
enum daily_verdict {
	DAILY_REPORT,		/* there is one, and it goes to `to` */
	DAILY_LATER,		/* there is one; DNS is to be asked again */
	DAILY_EXCLUDED,		/* the operator leaves it out */
	DAILY_ALL_WELL,		/* [report] send = failures */
	DAILY_UNPUBLISHED,	/* it does not ask for reports */
	DAILY_UNUSABLE,		/* it asks, but there is nowhere to send to */
	DAILY_OWN_ONLY,		/* [deliver] own_reports = drop */
	DAILY_VERDICTS
};

struct daily_decision {
	const struct aggregate_domain *domain;
	int day;
	enum daily_verdict verdict;
	const char *why;	/* no report: the reason; lives as long as
				   the daily's places */
	const char *txt;	/* the TLSRPT record that counts, or NULL */
	bool from_dns;		/* where it came from, if not from the MTA */
	struct rua_list to;
};

/* Told of every decision, before the report is made; it must not keep it. */
typedef void daily_decided_fn(void *arg, const struct daily_decision *c);
void	daily_listen(struct daily *d, daily_decided_fn *fn, void *arg);

struct daily_report {
	const struct report *report;
	const char *json;		/* compact, as it is in gzip */
	size_t jsonlen;
	bool good;			/* lint has nothing against it */
	const char *figures;		/* for its mail; NULL: no mail, not good,
					   or too large to be kept */
	const void *gzip;
	size_t gziplen;
	const struct rua_list *to;	/* empty when lookup */
	bool lookup;			/* DNS did not answer: ask again later */
};

/* All it is given lives during the call only.  Other than 0 stops. */
typedef int daily_fn(void *arg, const struct daily_report *r);

/* Domains by verdict. */
struct daily_totals {
	size_t n[DAILY_VERDICTS];
};

/*
 * All domains of g (only that one when domain is not NULL), with their TLSRPT
 * records: DNS is asked where rua_lookup wants it, which may take long.  NULL
 * when it cannot be set up, or we are to stop (stop.h); logged.  g must
 * outlive it.
 */
struct daily_domains *daily_domains(struct daily *d, struct aggregate *g,
	    const char *domain);
void	daily_domains_free(struct daily_domains *list);

/*
 * Make the reports on these domains, once, and call fn for each.  Returns 0,
 * -1 when we are to stop (logged), or what fn did.
 */
int	daily_reports(struct daily *d, struct daily_domains *list, int day,
	    unsigned part, daily_fn *fn, void *arg,
	    struct daily_totals *totals);

/*
 * Where does a domain want its reports, asked of DNS now?  For deliveries that
 * wait for it.  fn is called once, now or from daily_poll, with what lives
 * during the call only.  DNS_ASKED_MAX may be under way.
 */
struct daily_answer {
	enum { ANSWER_PLACES, ANSWER_NOWHERE, ANSWER_NONE_YET } what;
	struct rua_list list;
	const char *why;	/* nowhere; lives as long as the places */
};
typedef void daily_answer_fn(void *arg, const struct daily_answer *a);
void	daily_lookup(struct daily *d, const char *domain, daily_answer_fn *fn,
	    void *arg);

/* As in dns.h, for look-ups; the descriptor may be -1. */
void	daily_poll(struct daily *d, int ms);
int	daily_fd(const struct daily *d);
/* No more calls for what is not answered yet. */
void	daily_forget(struct daily *d);

#endif
