/*
 * TLSA records of the MX hosts (RFC 7672): may senders use them, and do they
 * fit what is served?
 */
#include <stdlib.h>
#include <string.h>

#include "reporter/check.h"
#include "reporter/tlsa.h"

/* The records of one host. */
struct records {
	struct check *check;
	struct check_host *host;
	const struct check_config *config;
	size_t n, nusable;
	struct tlsa list[RRSET_MAX];
	bool fits[RRSET_MAX];		/* what some address serves */
	size_t served, matched;		/* addresses with a chain */
};

static bool
is_usable(const struct tlsa *t)
{
	return tlsa_unusable(t) == NULL;
}

static void
parse(struct records *r)
{
	const struct rrset *set = &r->host->tlsa;
	struct findings *f = &r->check->findings;
	const char *why;
	char *text;

	for (size_t i = 0; i < set->n; i++) {
		struct tlsa *t = &r->list[r->n];

		if (tlsa_parse(t, set->data[i], set->len[i]) == -1) {
			findings_add(f, F_DANE_MALFORMED, r->host->name,
			    "a TLSA record of %zu bytes says nothing",
			    set->len[i]);
			continue;
		}
		r->n++;
		if ((why = tlsa_unusable(t)) == NULL) {
			r->nusable++;
			continue;
		}
		text = tlsa_text(t);
		findings_add(f, F_DANE_UNUSABLE, r->host->name,
		    "no sender can use the TLSA record %.60s: %s", text, why);
		free(text);
	}
}

static void
match_address(struct records *r, size_t address)
{
	const struct starttls *probe = &r->host->probes[address];
	const char *names[] = { r->host->name, r->check->domain };
	char *why, *last = NULL;
	bool any = false;

	if (!r->host->probed[address] || probe->stage < STARTTLS_SECURED)
		return;
	r->served++;
	for (size_t i = 0; i < r->n; i++) {
		if (!is_usable(&r->list[i]))
			continue;
		why = NULL;
		if (tlsa_fits(&r->list[i], &probe->chain, names, 2,
		    r->config->now, &why)) {
			r->fits[i] = any = true;
		} else {
			free(last);
			last = why;
		}
	}
	r->matched += any;
	if (!any)
		findings_add(&r->check->findings, F_DANE_MISMATCH,
		    r->host->name, "no TLSA record matches the certificate "
		    "that %s serves: %s", r->host->addresses[address],
		    last != NULL ? last : "no reason given");
	free(last);
}

/* Those that match nothing, or nothing but them. */
static void
judge_spare(struct records *r)
{
	size_t fitting = 0, which = 0;
	char *text;

	for (size_t i = 0; i < r->n; i++)
		if (r->fits[i]) {
			fitting++;
			which = i;
		}
	for (size_t i = 0; i < r->n && fitting > 0; i++) {
		if (r->fits[i] || !is_usable(&r->list[i]))
			continue;
		text = tlsa_text(&r->list[i]);
		findings_add(&r->check->findings, F_DANE_STALE, r->host->name,
		    "the TLSA record %.60s matches nothing that is served",
		    text);
		free(text);
	}
	if (fitting == 1 && r->nusable == 1 && r->list[which].usage == 3)
		findings_add(&r->check->findings, F_DANE_ROLLOVER,
		    r->host->name, "there is one TLSA record, of the key in "
		    "use");
}

static void
judge_records(struct records *r)
{
	parse(r);
	if (r->nusable == 0)
		findings_add(&r->check->findings, F_DANE_ALL_UNUSABLE,
		    r->host->name, "no TLSA record of the host is usable");
	for (size_t i = 0; i < r->host->naddresses && r->nusable > 0; i++)
		match_address(r, i);
	judge_spare(r);
	r->host->matches = r->served > 0 && r->matched == r->served;
	for (size_t i = 0; i < r->n; i++)
		tlsa_release(&r->list[i]);
}

/* An address that was not found need not be secure. */
static bool
is_insecure(const struct rrset *set)
{
	return set->status == DNS_FOUND && set->n > 0 && !set->secure;
}

static void
judge_found(struct check *c, struct check_host *h,
    const struct check_config *config)
{
	struct records r = { .check = c, .host = h, .config = config };
	struct findings *f = &c->findings;

	if (!config->validates) {
		findings_add(f, F_DANE_UNVALIDATED, NULL, "there are TLSA "
		    "records, but without a trust anchor nobody knows whether "
		    "they are secure");
		judge_records(&r);
		return;
	}
	if (!h->tlsa.secure) {
		findings_add(f, F_DANE_INSECURE, h->name,
		    "there are TLSA records, but DNSSEC does not secure them");
		return;
	}
	h->dane = true;
	if (is_insecure(&h->a) || is_insecure(&h->aaaa)) {
		h->dane = false;
		findings_add(f, F_DANE_ADDRESS_INSECURE, h->name,
		    "there are TLSA records, but DNSSEC does not secure the "
		    "addresses");
	}
	if (!c->mx.secure)
		findings_add(f, F_DANE_MX_INSECURE, h->name,
		    "there are TLSA records, but DNSSEC does not secure the "
		    "MX record that leads to this host");
	judge_records(&r);
}

/*
 * Where the addresses are insecure, senders do not ask for TLSA records (RFC
 * 7672 section 2.2.2), so that a server which fails over them does no harm.
 */
static void
judge_failed(struct check *c, const struct check_host *h)
{
	bool harmless = h->tlsa.bogus == NULL &&
	    (is_insecure(&h->a) || is_insecure(&h->aaaa));

	findings_add_as(&c->findings, harmless ? SEVERITY_INFO :
	    SEVERITY_ERROR, F_DANE_NO_ANSWER, h->name,
	    "DNS did not tell whether there are TLSA records: %s",
	    check_no_answer(&h->tlsa));
}

static void
sum_up(struct check *c, size_t found, size_t dane, size_t matching)
{
	struct findings *f = &c->findings;

	if (found == 0) {
		findings_add(f, F_DANE_NONE, NULL, "there are no TLSA records");
		findings_verdict(f, AREA_DANE, "no TLSA records");
	} else if (dane == 0) {
		findings_verdict(f, AREA_DANE,
		    "TLSA records, but none that senders can rely on");
	} else if (dane < c->nhosts) {
		findings_add(f, F_DANE_PARTIAL, NULL, "only %zu of %zu MX "
		    "hosts have secure TLSA records", dane, c->nhosts);
		findings_verdict(f, AREA_DANE, "%zu of %zu hosts", dane,
		    c->nhosts);
	} else {
		if (matching == dane)
			findings_add(f, F_DANE_FOUND, NULL, "all MX hosts "
			    "have secure TLSA records that match");
		findings_verdict(f, AREA_DANE, "all hosts have secure TLSA "
		    "records%s", matching == dane ? " that match" :
		    findings_have(f, F_DANE_MISMATCH) ?
		    ", but not of what they serve" : "");
	}
}

void
check_dane_judge(struct check *c, const struct check_config *config)
{
	size_t found = 0, failed = 0, dane = 0, matching = 0;

	for (size_t i = 0; i < c->nhosts; i++) {
		struct check_host *h = &c->hosts[i];

		if (h->tlsa.status == DNS_FAILED) {
			judge_failed(c, h);
			failed++;
		} else if (h->tlsa.status == DNS_FOUND && h->tlsa.n > 0) {
			judge_found(c, h, config);
			found++;
		}
		dane += h->dane;
		matching += h->matches;
	}
	if (failed > 0 && found == 0)
		findings_verdict(&c->findings, AREA_DANE, "not known");
	else if (c->nhosts > 0)
		sum_up(c, found, dane, matching);
}
