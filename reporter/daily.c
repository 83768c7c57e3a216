#include "reporter/daily.h"

#include <sys/queue.h>

#include <stdlib.h>
#include <string.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/dns.h"
#include "reporter/finish.h"
#include "reporter/gzip.h"
#include "reporter/ledger.h"
#include "reporter/stop.h"

struct daily {
	const struct conf *conf;
	struct queue *queue;		/* for its ledger; may be NULL */
	struct report_identity who;
	struct gzip *gzip;
	struct dns *dns;		/* NULL until it is needed */
	const struct places *places;
	daily_decided_fn *decided;	/* or NULL */
	void *decided_arg;
	LIST_HEAD(lookups, lookup) lookups;	/* not answered yet */
};

/* A decision in the making; as long as there is no verdict it is REPORT. */
struct choice {
	struct daily_decision d;
	char *answer;			/* what d.txt points to, if from_dns */
};

struct daily_domains {
	size_t n;
	struct choice *choices;
};

/* One that a delivery waits for. */
struct lookup {
	LIST_ENTRY(lookup) entry;
	struct daily *daily;
	char *domain;
	struct choice choice;
	daily_answer_fn *fn;
	void *arg;
};

struct daily *
daily_new(const struct conf *c, const struct places *p, struct queue *q)
{
	struct daily *d = xcalloc(1, sizeof(*d));

	d->conf = c;
	d->places = p;
	d->queue = q;
	d->who = (struct report_identity){
		.organization = c->report.organization_name,
		.contact = c->report.contact_info,
		.submitter = c->report.domain,
		.source = c->spool.source,
	};
	d->gzip = gzip_new((int)c->report.compression_level);
	LIST_INIT(&d->lookups);
	return d;
}

static void
lookup_free(struct lookup *l)
{
	rua_list_release(&l->choice.d.to);
	free(l->choice.answer);
	free(l->domain);
	free(l);
}

void
daily_forget(struct daily *d)
{
	struct lookup *l;

	dns_free(d->dns);
	d->dns = NULL;
	while ((l = LIST_FIRST(&d->lookups)) != NULL) {
		LIST_REMOVE(l, entry);
		lookup_free(l);
	}
}

void
daily_free(struct daily *d)
{
	if (d == NULL)
		return;
	daily_forget(d);
	gzip_free(d->gzip);
	free(d);
}

void
daily_listen(struct daily *d, daily_decided_fn *fn, void *arg)
{
	d->decided = fn;
	d->decided_arg = arg;
}

/* Set up only when something is to be asked: a dry run opens no socket. */
static int
dns_ready(struct daily *d)
{
	const struct dns_config c = {
		.resolver = d->conf->dns.resolver,
		.trust_anchor = d->conf->dns.trust_anchor,
		.timeout = d->conf->dns.timeout,
	};
	char *why;

	if (d->dns != NULL || (d->dns = dns_new(&c, &why)) != NULL)
		return 0;
	log_warn("cannot look up TLSRPT records: %s", why);
	free(why);
	return -1;
}

static void
decide(struct daily_decision *d, enum daily_verdict verdict, const char *why)
{
	d->verdict = verdict;
	d->why = why;
}

/* The text most sessions saw, or none at all. */
static void
choose_seen(struct daily_decision *d)
{
	if (d->domain != NULL && d->domain->ntxts > 0)
		d->txt = d->domain->txts[0].text;
	else
		decide(d, DAILY_LATER, "DNS did not answer");
}

static void
on_answer(void *arg, enum dns_status status, bool secure,
    const char *const *data, const size_t *len, size_t n)
{
	struct choice *c = arg;
	const char *why;
	int i;

	(void)secure;
	(void)len;
	switch (status) {
	case DNS_FOUND:
		if ((i = rua_pick(data, n, &why)) >= 0) {
			c->d.txt = c->answer = xstrdup(data[i]);
			c->d.from_dns = true;
		} else
			decide(&c->d, DAILY_UNPUBLISHED, why);
		break;
	case DNS_NONE:
		decide(&c->d, DAILY_UNPUBLISHED, "no TLSRPT record");
		break;
	case DNS_FAILED:
		choose_seen(&c->d);
	}
}

/* false: c is decided, and fn will not be called with arg. */
static bool
ask(struct daily *d, const char *domain, struct choice *c, dns_fn *fn,
    void *arg)
{
	char *name = xasprintf("_smtp._tls.%s", domain);
	int rc = dns_ask_txt(d->dns, name, fn, arg);

	if (rc == -1)
		decide(&c->d, DAILY_UNPUBLISHED,
		    "too long a name to have a TLSRPT record");
	free(name);
	return rc == 0;
}

static bool
any_failed(const struct aggregate_domain *a)
{
	for (size_t i = 0; i < a->npolicies; i++)
		if (a->policies[i].failed > 0)
			return true;
	return false;
}

/* What needs no TLSRPT record to be decided. */
static void
decide_early(const struct daily *d, struct daily_decision *c)
{
	const char *why = places_excluded(d->places, c->domain->domain);

	if (why != NULL)
		decide(c, DAILY_EXCLUDED, why);
	else if (d->conf->report.send == SEND_FAILURES &&
	    !any_failed(c->domain))
		decide(c, DAILY_ALL_WELL, "all went well, and [report] send "
		    "is failures");
}

/* DESIGN contract 5: when is the text that the MTA saw not enough? */
static bool
must_ask(const struct conf *c, const struct aggregate_domain *d)
{
	switch ((enum conf_rua_lookup)c->dns.rua_lookup) {
	case LOOKUP_ALWAYS:
		return true;
	case LOOKUP_NEVER:
		return false;
	case LOOKUP_IF_MISSING:
		break;
	}
	return d->txt_missing || d->ntxts != 1;
}

/* Until so few questions are under way, or -1: we are to stop. */
static int
wait_for_answers(struct daily *d, size_t most)
{
	while (!stop_requested() && dns_asked(d->dns) > most)
		dns_poll(d->dns, STOP_POLL_MS);
	if (!stop_requested())
		return 0;
	log_warn("stopped while DNS was asked: the day is left for later");
	daily_forget(d);
	return -1;
}

static int
choose_text(struct daily *d, struct choice *choice)
{
	struct daily_decision *c = &choice->d;

	decide_early(d, c);
	if (c->verdict != DAILY_REPORT)
		return 0;
	if (must_ask(d->conf, c->domain)) {
		if (dns_ready(d) == -1 ||
		    wait_for_answers(d, DNS_ASKED_MAX - 1) == -1)
			return -1;
		ask(d, c->domain->domain, choice, on_answer, choice);
	} else if (c->domain->ntxts > 0)
		c->txt = c->domain->txts[0].text;
	else
		decide(c, DAILY_UNPUBLISHED, "no TLSRPT record is known");
	return 0;
}

static int
choose_texts(struct daily *d, struct daily_domains *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (choose_text(d, &list->choices[i]) == -1)
			return -1;
	return d->dns != NULL ? wait_for_answers(d, 0) : 0;
}

/* Where the record says to send to, as the operator wants it. */
static void
decide_places(const struct daily *d, const char *domain,
    struct daily_decision *c)
{
	const char *why;

	if (c->txt != NULL &&
	    !places_find(d->places, domain, c->txt, &c->to, &why))
		decide(c, DAILY_UNUSABLE, why);
}

/* Were our own reports all that went there? */
static void
decide_own(const struct daily *d, int day, unsigned part,
    struct daily_decision *c)
{
	int own;

	if (d->queue == NULL || c->domain->sessions == 0 ||
	    d->conf->deliver.own_reports == OWN_REPORTS_KEEP)
		return;
	own = ledger_explains(d->queue, c->domain->domain, day, part,
	    c->domain->sessions);
	if (own == -1)
		fatal("[queue] database %s: %s", d->conf->queue.database,
		    queue_error(d->queue));
	if (own == 1 && !any_failed(c->domain))
		decide(c, DAILY_OWN_ONLY, "own reports only");
}

static bool
makes_report(const struct daily_decision *c)
{
	return c->verdict == DAILY_REPORT || c->verdict == DAILY_LATER;
}

static void
log_skipped(const struct daily *d, const char *domain,
    const struct rua_list *list)
{
	if (d->decided != NULL)
		return;			/* somebody else says it */
	for (size_t i = 0; i < list->nskipped; i++)
		log_event(LOG_LEVEL_INFO, "rua skipped",
		    (const struct log_field[]){ { "domain", domain },
		    { "uri", list->skipped[i].uri },
		    { "reason", list->skipped[i].why }, { NULL, NULL } });
}

/* The many that do not ask for reports are not worth a line each. */
static void
tell(const struct daily *d, const struct daily_decision *c)
{
	const char *domain = c->domain->domain;

	if (d->decided != NULL) {
		d->decided(d->decided_arg, c);
		return;
	}
	log_skipped(d, domain, &c->to);
	if (!makes_report(c))
		log_event(c->verdict == DAILY_UNUSABLE ||
		    c->verdict == DAILY_OWN_ONLY ||
		    c->verdict == DAILY_EXCLUDED ? LOG_LEVEL_INFO :
		    LOG_LEVEL_DEBUG, "no report", (const struct log_field[]){
		    { "domain", domain }, { "reason", c->why },
		    { "record", c->txt }, { NULL, NULL } });
}

static int
one_domain(struct daily *d, struct daily_decision *c, int day, unsigned part,
    struct arena *arena, daily_fn *fn, void *arg, struct daily_totals *totals)
{
	struct report r;

	c->day = day;
	decide_places(d, c->domain->domain, c);
	if (makes_report(c))
		decide_own(d, day, part, c);
	tell(d, c);
	totals->n[c->verdict]++;
	if (!makes_report(c))
		return 0;
	aggregate_report(c->domain, &d->who, day, part, &r, arena);
	return finish_report(d->gzip, &r, &c->to,
	    c->verdict == DAILY_LATER, fn, arg);
}

void
daily_domains_free(struct daily_domains *list)
{
	if (list == NULL)
		return;
	for (size_t i = 0; i < list->n; i++)
		free(list->choices[i].answer);
	free(list->choices);
	free(list);
}

/* The part of the sorted domains that is wanted: all, or one. */
static size_t
limit_to(const char *domain, const struct aggregate_domain **domains, size_t n)
{
	if (domain == NULL)
		return n;
	for (size_t i = 0; i < n; i++)
		if (strcmp((*domains)[i].domain, domain) == 0) {
			*domains += i;
			return 1;
		}
	return 0;
}

struct daily_domains *
daily_domains(struct daily *d, struct aggregate *g, const char *domain)
{
	struct daily_domains *list = xcalloc(1, sizeof(*list));
	const struct aggregate_domain *domains;

	list->n = aggregate_finish(g, &domains);
	list->n = limit_to(domain, &domains, list->n);
	list->choices = xcalloc(list->n, sizeof(*list->choices));
	for (size_t i = 0; i < list->n; i++)
		list->choices[i].d.domain = &domains[i];
	if (choose_texts(d, list) == 0)
		return list;
	daily_domains_free(list);
	return NULL;
}

int
daily_reports(struct daily *d, struct daily_domains *list, int day,
    unsigned part, daily_fn *fn, void *arg, struct daily_totals *totals)
{
	struct arena arena = { 0 };
	int rc = 0;

	for (size_t i = 0; i < list->n && rc == 0; i++) {
		struct daily_decision *c = &list->choices[i].d;

		if (stop_requested()) {
			log_warn("stopped while reports were made: the day is "
			    "left for later");
			rc = -1;
			break;
		}
		rc = one_domain(d, c, day, part, &arena, fn, arg, totals);
		rua_list_release(&c->to);
		arena_reset(&arena);
		if (i % 256 == 255)
			log_progress("reports: %zu of %zu domains", i + 1,
			    list->n);
	}
	log_progress(NULL);
	arena_release(&arena);
	return rc;
}

/* There is a verdict. */
static void
lookup_end(struct lookup *l)
{
	struct daily_decision *c = &l->choice.d;
	struct daily_answer a = { .what = ANSWER_NOWHERE };

	if (c->verdict == DAILY_REPORT)
		decide_places(l->daily, l->domain, c);
	log_skipped(l->daily, l->domain, &c->to);
	a.why = c->why;
	a.list = c->to;			/* lent */
	if (c->verdict == DAILY_LATER)
		a.what = ANSWER_NONE_YET;
	else if (c->verdict == DAILY_REPORT)
		a.what = ANSWER_PLACES;
	l->fn(l->arg, &a);
	LIST_REMOVE(l, entry);
	lookup_free(l);
}

static void
on_lookup(void *arg, enum dns_status status, bool secure,
    const char *const *data, const size_t *len, size_t n)
{
	struct lookup *l = arg;

	on_answer(&l->choice, status, secure, data, len, n);
	lookup_end(l);
}

void
daily_lookup(struct daily *d, const char *domain, daily_answer_fn *fn,
    void *arg)
{
	struct lookup *l = xcalloc(1, sizeof(*l));
	const char *why = places_excluded(d->places, domain);

	l->daily = d;
	l->domain = xstrdup(domain);
	l->fn = fn;
	l->arg = arg;
	LIST_INSERT_HEAD(&d->lookups, l, entry);
	if (why != NULL)
		decide(&l->choice.d, DAILY_EXCLUDED, why);
	else if (dns_ready(d) == -1)
		decide(&l->choice.d, DAILY_LATER, "DNS cannot be asked");
	else if (ask(d, domain, &l->choice, on_lookup, l))
		return;
	lookup_end(l);
}

void
daily_poll(struct daily *d, int ms)
{
	if (d->dns != NULL)
		dns_poll(d->dns, ms);
}

int
daily_fd(const struct daily *d)
{
	return d->dns != NULL ? dns_fd(d->dns) : -1;
}
