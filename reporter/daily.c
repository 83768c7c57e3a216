#include "reporter/daily.h"

#include <stdlib.h>
#include <string.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/dns.h"
#include "reporter/gzip.h"
#include "reporter/json.h"
#include "reporter/lint.h"
#include "reporter/summary.h"

struct daily {
	const struct conf *conf;
	struct report_identity who;
	struct gzip *gzip;
	struct dns *dns;		/* NULL until it is needed */
};

/* The TLSRPT record's text that counts for one domain. */
struct choice {
	const char *txt;		/* NULL: none published */
	char *answer;			/* what txt points to, when from DNS */
	const char *why;		/* there is none; static */
	bool later;			/* DNS did not answer, nor did the MTA */
	const struct aggregate_domain *domain;
};

struct daily *
daily_new(const struct conf *c)
{
	struct daily *d = xcalloc(1, sizeof(*d));

	d->conf = c;
	d->who = (struct report_identity){
		.organization = c->report.organization_name,
		.contact = c->report.contact_info,
		.submitter = c->report.domain,
		.source = c->spool.source,
	};
	d->gzip = gzip_new((int)c->report.compression_level);
	return d;
}

void
daily_free(struct daily *d)
{
	if (d == NULL)
		return;
	gzip_free(d->gzip);
	dns_free(d->dns);
	free(d);
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

/* The text most sessions saw, or none at all. */
static void
choose_seen(struct choice *c)
{
	if (c->domain != NULL && c->domain->ntxts > 0)
		c->txt = c->domain->txts[0].text;
	else
		c->later = true;
}

static void
on_answer(void *arg, enum dns_status status, bool secure,
    const char *const *data, const size_t *len, size_t n)
{
	struct choice *c = arg;
	int i;

	(void)secure;
	(void)len;
	switch (status) {
	case DNS_FOUND:
		if ((i = rua_pick(data, n, &c->why)) >= 0)
			c->txt = c->answer = xstrdup(data[i]);
		break;
	case DNS_NONE:
		c->why = "no TLSRPT record";
		break;
	case DNS_FAILED:
		choose_seen(c);
	}
}

static void
ask(struct daily *d, const char *domain, struct choice *c)
{
	char *name = xasprintf("_smtp._tls.%s", domain);

	if (dns_ask_txt(d->dns, name, on_answer, c) == -1)
		c->why = "too long a name to have a TLSRPT record";
	free(name);
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

static int
choose_texts(struct daily *d, const struct aggregate_domain *domains, size_t n,
    struct choice *choices)
{
	bool asked = false;

	for (size_t i = 0; i < n; i++) {
		choices[i].domain = &domains[i];
		if (!must_ask(d->conf, &domains[i])) {
			if (domains[i].ntxts > 0)
				choices[i].txt = domains[i].txts[0].text;
			else
				choices[i].why = "no TLSRPT record is known";
			continue;
		}
		if (dns_ready(d) == -1)
			return -1;
		ask(d, domains[i].domain, &choices[i]);
		asked = true;
	}
	if (asked)
		dns_wait(d->dns);
	return 0;
}

static void
log_skipped(const char *domain, const struct rua_list *list)
{
	for (size_t i = 0; i < list->nskipped; i++)
		log_event(LOG_LEVEL_INFO, "rua skipped",
		    (const struct log_field[]){ { "domain", domain },
		    { "uri", list->skipped[i].uri },
		    { "reason", list->skipped[i].why }, { NULL, NULL } });
}

/* Where the text says to send to; false when nowhere. */
static bool
destinations(struct daily *d, const char *domain, const char *txt,
    struct rua_list *list, const char **why)
{
	if (rua_parse(list, txt, (size_t)d->conf->deliver.destinations_max,
	    why) == -1)
		return false;
	log_skipped(domain, list);
	*why = "its TLSRPT record names no place we can send to";
	return list->n > 0;
}

static int
finish(struct daily *d, const struct report *r, const struct rua_list *to,
    bool lookup, daily_fn *fn, void *arg)
{
	const struct lint_names names = {
		.submitter = d->who.submitter, .domain = r->domain,
		.report_id = r->id, .filename = r->filename,
	};
	struct daily_report done = { .report = r, .to = to, .lookup = lookup };
	char *json, *objection, *summary = summary_text(r);
	int rc;

	done.json = json = json_report(r, false, &done.jsonlen);
	if (json == NULL)
		objection = xstrdup("a text in it is not UTF-8");
	else
		objection = lint_report(json, done.jsonlen, &names);
	gzip_pack(d->gzip, json != NULL ? json : "", done.jsonlen, &done.gzip,
	    &done.gziplen);
	done.objection = objection;
	done.summary = summary;
	if (objection != NULL)
		log_warn("the report %s is held back, a bug of ours: %s",
		    r->id, objection);
	rc = fn(arg, &done);
	free(json);
	free(objection);
	free(summary);
	return rc;
}

static bool
is_wanted(const struct daily *d, const struct aggregate_domain *a,
    struct daily_totals *totals)
{
	if (d->conf->report.send == SEND_ALL)
		return true;
	for (size_t i = 0; i < a->npolicies; i++)
		if (a->policies[i].failed > 0)
			return true;
	totals->all_well++;
	return false;
}

static int
one_domain(struct daily *d, const struct choice *c, int day, unsigned part,
    struct arena *arena, daily_fn *fn, void *arg, struct daily_totals *totals)
{
	const char *domain = c->domain->domain, *why = c->why;
	struct rua_list to = { 0 };
	struct report r;
	int rc = 0;

	if (!is_wanted(d, c->domain, totals))
		return 0;
	if (c->txt == NULL && !c->later) {
		log_debug("no report on %s: %s", domain, why);
		totals->unpublished++;
		return 0;
	}
	if (c->txt != NULL && !destinations(d, domain, c->txt, &to, &why)) {
		log_event(LOG_LEVEL_INFO, "no report",
		    (const struct log_field[]){ { "domain", domain },
		    { "reason", why }, { "record", c->txt }, { NULL, NULL } });
		totals->unusable++;
	} else {
		aggregate_report(c->domain, &d->who, day, part, &r, arena);
		rc = finish(d, &r, &to, c->later, fn, arg);
		totals->reports++;
	}
	rua_list_release(&to);
	return rc;
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

int
daily_reports(struct daily *d, struct aggregate *g, int day, unsigned part,
    const char *domain, daily_fn *fn, void *arg, struct daily_totals *totals)
{
	const struct aggregate_domain *domains;
	size_t n = aggregate_finish(g, &domains);
	struct arena arena = { 0 };
	struct choice *choices;
	int rc;

	n = limit_to(domain, &domains, n);
	choices = xcalloc(n, sizeof(*choices));
	rc = choose_texts(d, domains, n, choices);
	for (size_t i = 0; i < n && rc == 0; i++) {
		rc = one_domain(d, &choices[i], day, part, &arena, fn, arg,
		    totals);
		arena_reset(&arena);
		if (i % 256 == 255)
			log_progress("reports: %zu of %zu domains", i + 1, n);
	}
	log_progress(NULL);
	for (size_t i = 0; i < n; i++)
		free(choices[i].answer);
	free(choices);
	arena_release(&arena);
	return rc;
}

static void
answer(struct daily *d, const char *domain, const struct choice *c,
    struct daily_answer *a)
{
	a->why = c->why;
	if (c->later)
		a->what = ANSWER_NONE_YET;
	else if (c->txt != NULL &&
	    destinations(d, domain, c->txt, &a->list, &a->why))
		a->what = ANSWER_PLACES;
	else
		a->what = ANSWER_NOWHERE;
}

void
daily_lookup(struct daily *d, const char *const *domains, size_t n,
    struct daily_answer *answers)
{
	struct choice *choices = xcalloc(n, sizeof(*choices));
	bool ready = dns_ready(d) == 0;

	memset(answers, 0, n * sizeof(*answers));
	for (size_t i = 0; i < n && ready; i++)
		ask(d, domains[i], &choices[i]);
	if (ready)
		dns_wait(d->dns);
	for (size_t i = 0; i < n; i++) {
		if (!ready)
			choices[i].later = true;
		answer(d, domains[i], &choices[i], &answers[i]);
		free(choices[i].answer);
	}
	free(choices);
}
