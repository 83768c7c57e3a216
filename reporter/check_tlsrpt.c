/*
 * The TLSRPT record (RFC 8460 section 3), and whether reports can get to
 * where it wants them.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/mem.h"
#include "reporter/check.h"
#include "spool/day.h"

/* Who takes no mail has nothing to hear of. */
static void
judge_missing(struct check *c)
{
	if (c->null_mx || findings_have(&c->findings, F_MX_NO_MAIL)) {
		findings_verdict(&c->findings, AREA_TLSRPT,
		    "no record, and no mail to report on");
		return;
	}
	findings_add(&c->findings, F_TLSRPT_MISSING, NULL,
	    "there is no TLSRPT record at _smtp._tls.%s", c->domain);
	findings_verdict(&c->findings, AREA_TLSRPT,
	    "no record: nobody reports on TLS to this domain");
}

static void
unusable(struct check *c)
{
	findings_verdict(&c->findings, AREA_TLSRPT,
	    "the record cannot be used: nobody sends reports");
}

/* The texts that are no TLSRPT record; true when one is meant to be. */
static bool
judge_others(struct check *c, size_t picked)
{
	static const char version[] = "v=TLSRPT";
	bool meant = false;

	for (size_t i = 0; i < c->tlsrpt.n; i++) {
		if (i == picked)
			continue;
		if (strncasecmp(c->tlsrpt.data[i], version,
		    sizeof(version) - 1) == 0) {
			meant = true;
			findings_add(&c->findings, F_TLSRPT_VERSION, NULL,
			    "senders take no notice of \"%.100s\": it does "
			    "not begin with \"" TLSRPT_VERSION ";\"",
			    c->tlsrpt.data[i]);
		} else {
			findings_add(&c->findings, F_TLSRPT_STRAY, NULL,
			    "there is a TXT record at _smtp._tls.%s that is "
			    "no TLSRPT record: \"%.100s\"", c->domain,
			    c->tlsrpt.data[i]);
		}
	}
	return meant;
}

static void
add_places(struct check *c)
{
	c->places = arena_calloc(&c->arena, c->ruas.n, sizeof(*c->places));
	for (; c->nplaces < c->ruas.n; c->nplaces++) {
		c->places[c->nplaces].rua = &c->ruas.list[c->nplaces];
		c->places[c->nplaces].host.name =
		    c->ruas.list[c->nplaces].host;
	}
}

static void
read_record(struct check *c, const char *txt)
{
	const char *why;

	if (rua_parse(&c->ruas, txt, CHECK_PLACES_MAX, &why) == -1) {
		findings_add(&c->findings, F_TLSRPT_SYNTAX, NULL,
		    "the record breaks the grammar at byte %zu, \"%.40s\": %s",
		    c->ruas.where + 1, txt + c->ruas.where, why);
		unusable(c);
		return;
	}
	for (size_t i = 0; i < c->ruas.nskipped; i++)
		findings_add(&c->findings, F_TLSRPT_RUA_UNUSABLE, NULL,
		    "the rua URI \"%.200s\" cannot be used: %s",
		    c->ruas.skipped[i].uri, c->ruas.skipped[i].why);
	if (c->ruas.n == 0) {
		findings_add(&c->findings, F_TLSRPT_RUA_NONE, NULL,
		    "the record names no destination that can be used");
		unusable(c);
		return;
	}
	add_places(c);
}

void
check_tlsrpt_read(struct check *c)
{
	const struct rrset *set = &c->tlsrpt;
	const char *why;
	int picked;

	if (set->status == DNS_FAILED) {
		check_failed(c, F_TLSRPT_NO_ANSWER, F_TLSRPT_BOGUS, set,
		    "whether there is a TLSRPT record");
		findings_verdict(&c->findings, AREA_TLSRPT, "not known");
		return;
	}
	picked = rua_pick(set->data, set->n, &why);
	if (picked != -1) {
		judge_others(c, (size_t)picked);
		read_record(c, set->data[picked]);
	} else if (strcmp(why, "no TLSRPT record") != 0) {
		findings_add(&c->findings, F_TLSRPT_DUPLICATE, NULL,
		    "there is %s at _smtp._tls.%s: senders act as if there "
		    "were none", why, c->domain);
		unusable(c);
	} else if (judge_others(c, set->n)) {
		unusable(c);
	} else {
		c->no_tlsrpt = true;
	}
}

/* False when nothing more can be said of the place. */
static bool
judge_addresses(struct check *c, const struct check_place *p,
    const struct check_config *config)
{
	const struct check_host *h = &p->host;
	const struct rrset *failed = check_host_failed(h);

	if (h->naddresses == 0 && failed != NULL) {
		findings_add(&c->findings, F_TLSRPT_RUA_NO_ANSWER, p->rua->uri,
		    "DNS did not tell the addresses of %s: %s", h->name,
		    check_no_answer(failed));
		return false;
	}
	if (h->naddresses == 0) {
		findings_add(&c->findings, F_TLSRPT_RUA_NO_ADDRESS,
		    p->rua->uri, "the host %s has no address", h->name);
		return false;
	}
	if (h->private != NULL && !config->https.allow_private)
		findings_add(&c->findings, F_TLSRPT_RUA_PRIVATE, p->rua->uri,
		    "the address %s of %s is of no use to senders: %s",
		    h->private, h->name, h->why_private);
	return true;
}

static void
judge_hello(struct check *c, const struct check_place *p,
    const struct check_config *config)
{
	const struct fetch *f = &p->hello;
	int64_t left = (f->chain.not_after - (int64_t)config->now) /
	    DAY_SECONDS;
	char *words;

	if (f->stage < FETCH_SECURED) {
		if (!f->guarded)
			findings_add(&c->findings, F_TLSRPT_RUA_UNREACHABLE,
			    p->rua->uri, "no TLS with port %ld of %s: %s",
			    rua_port(p->rua), p->host.name,
			    f->why != NULL ? f->why : "no reason given");
		return;
	}
	if (f->chain.faults != 0) {
		words = chain_words(&f->chain);
		findings_add(&c->findings, F_TLSRPT_RUA_CERTIFICATE,
		    p->rua->uri, "the certificate is not valid: %s", words);
		free(words);
	} else if (left < CHECK_EXPIRY_DAYS) {
		findings_add(&c->findings, F_TLSRPT_RUA_EXPIRING, p->rua->uri,
		    "the certificate expires in %lld days", (long long)left);
	}
}

static void
judge_mail(struct check *c, const struct check_place *p)
{
	char host[RECORD_DOMAIN_MAX + 1];
	unsigned preference;

	if (p->mx.status == DNS_FAILED)
		findings_add(&c->findings, F_TLSRPT_RUA_NO_ANSWER, p->rua->uri,
		    "DNS did not tell the MX records of %s: %s", p->host.name,
		    check_no_answer(&p->mx));
	else if (p->mx.status == DNS_FOUND &&
	    rrset_mx(&p->mx, 0, &preference, host) && host[0] == '\0')
		findings_add(&c->findings, F_TLSRPT_RUA_NULL_MX, p->rua->uri,
		    "%s takes no mail: its MX record is the null one",
		    p->host.name);
	else if (p->mx.status == DNS_NONE && p->host.naddresses == 0)
		findings_add(&c->findings, F_TLSRPT_RUA_NO_MX, p->rua->uri,
		    "%s has neither MX records nor an address", p->host.name);
}

void
check_tlsrpt_judge(struct check *c, const struct check_config *config)
{
	for (size_t i = 0; i < c->nplaces; i++) {
		const struct check_place *p = &c->places[i];

		if (p->rua->scheme == RUA_MAILTO)
			judge_mail(c, p);
		else if (judge_addresses(c, p, config) && p->probed)
			judge_hello(c, p, config);
	}
	if (c->no_tlsrpt)
		judge_missing(c);
	if (c->nplaces == 0)
		return;
	findings_add(&c->findings, F_TLSRPT_FOUND, NULL,
	    "the record names %zu %s", c->nplaces,
	    c->nplaces == 1 ? "destination" : "destinations");
	findings_verdict(&c->findings, AREA_TLSRPT, "reports are wanted at "
	    "%s%s%s", c->places[0].rua->uri, c->nplaces > 1 ? ", " : "",
	    c->nplaces == 1 ? "" : c->nplaces == 2 ? c->places[1].rua->uri :
	    "...");
}
