/*
 * MTA-STS (RFC 8461): the record, how the policy file is served, what it
 * says, and whether the domain's hosts keep to it.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "reporter/check.h"
#include "spool/day.h"

/*
 * Below that a sender forgets the policy over a quiet weekend; RFC 8461
 * section 3.2 has weeks in mind.
 */
#define MAX_AGE_MIN	DAY_SECONDS

static bool
is_meant(const char *txt)
{
	return strncasecmp(txt, "v=STS", 5) == 0;
}

static void
unusable(struct check *c)
{
	findings_verdict(&c->findings, AREA_STS,
	    "no policy that senders can use");
}

static void
read_none(struct check *c)
{
	bool meant = false;

	for (size_t i = 0; i < c->sts.n; i++)
		if (is_meant(c->sts.data[i])) {
			meant = true;
			findings_add(&c->findings, F_STS_VERSION, NULL,
			    "senders take no notice of \"%.100s\": it does "
			    "not begin with \"v=" STS_VERSION ";\"",
			    c->sts.data[i]);
		}
	if (meant)
		unusable(c);
	else
		findings_verdict(&c->findings, AREA_STS, "no policy");
}

static void
read_record(struct check *c, const char *txt)
{
	const char *why;

	if (sts_record_parse(&c->sts_record, txt, &why) == -1) {
		findings_add(&c->findings, F_STS_SYNTAX, NULL,
		    "the record \"%.100s\" breaks the grammar: %s", txt, why);
		unusable(c);
		return;
	}
	c->has_sts = true;
	c->policy_host.name = arena_printf(&c->arena, "mta-sts.%s", c->domain);
}

void
check_sts_read(struct check *c)
{
	const struct rrset *set = &c->sts;
	size_t n = 0;
	const char *why;
	int picked;

	if (set->status == DNS_FAILED) {
		check_failed(c, F_STS_NO_ANSWER, F_STS_BOGUS, set,
		    "whether there is an MTA-STS record");
		findings_verdict(&c->findings, AREA_STS, "not known");
		return;
	}
	for (size_t i = 0; i < set->n; i++)
		n += is_meant(set->data[i]);
	picked = sts_pick(set->data, set->n, &why);
	if (picked != -1) {
		read_record(c, set->data[picked]);
	} else if (n > 1) {
		findings_add(&c->findings, F_STS_DUPLICATE, NULL,
		    "at _mta-sts.%s %s", c->domain, why);
		unusable(c);
	} else {
		read_none(c);
	}
}

/* Whether there is a host to ask. */
static bool
judge_address(struct check *c, const struct check_config *config)
{
	const struct check_host *h = &c->policy_host;
	const struct rrset *failed = check_host_failed(h);

	if (h->naddresses == 0 && failed != NULL) {
		findings_add(&c->findings, F_STS_NO_ANSWER, h->name,
		    "DNS did not tell the addresses of the policy host: %s",
		    check_no_answer(failed));
		return false;
	}
	if (h->naddresses == 0) {
		findings_add(&c->findings, F_STS_NO_ADDRESS, h->name,
		    "there is an MTA-STS record, but the policy host has no "
		    "address");
		return false;
	}
	if (h->private != NULL && !config->https.allow_private)
		findings_add(&c->findings, F_STS_UNREACHABLE, h->name,
		    "the address %s of the policy host is of no use to "
		    "senders: %s", h->private, h->why_private);
	return true;
}

static void
judge_certificate(struct check *c, const struct check_config *config)
{
	const struct fetch *f = &c->fetch;
	int64_t left = (f->chain.not_after - (int64_t)config->now) /
	    DAY_SECONDS;
	char *words;

	if (f->chain.faults != 0) {
		words = chain_words(&f->chain);
		findings_add(&c->findings, F_STS_CERTIFICATE,
		    c->policy_host.name,
		    "the certificate of the policy host is not valid: %s",
		    words);
		free(words);
	} else if (left < CHECK_EXPIRY_DAYS) {
		findings_add(&c->findings, F_STS_EXPIRING,
		    c->policy_host.name, "the certificate of the policy host "
		    "expires in %lld days", (long long)left);
	}
}

static bool
is_text_plain(const char *type)
{
	static const char want[] = "text/plain";
	size_t len = sizeof(want) - 1;

	return strncasecmp(type, want, len) == 0 &&
	    (type[len] == '\0' || strchr("; \t", type[len]) != NULL);
}

/* The answer, until there is a policy to read. */
static void
judge_answer(struct check *c)
{
	const struct fetch *f = &c->fetch;
	const char *host = c->policy_host.name;

	if (f->status >= 300 && f->status < 400)
		findings_add(&c->findings, F_STS_REDIRECT, host,
		    "the policy file is a redirect (status %ld) to \"%.200s\"",
		    f->status, f->location);
	else if (f->status != 200)
		findings_add(&c->findings, F_STS_STATUS, host,
		    "the policy file comes with status %ld", f->status);
	else if (f->too_long)
		findings_add(&c->findings, F_STS_SIZE, host,
		    "the policy file is longer than %d bytes", FETCH_BODY_MAX);
	else if (f->stage < FETCH_COMPLETE)
		findings_add(&c->findings, F_STS_UNREACHABLE, host,
		    "the policy file breaks off: %s", f->why);
	if (f->status == 200 && !is_text_plain(f->type))
		findings_add(&c->findings, F_STS_CONTENT_TYPE, host,
		    "the policy file is served as \"%s\", not as text/plain",
		    f->type);
}

/* Whether there is a file to read. */
static bool
judge_fetch(struct check *c, const struct check_config *config)
{
	const struct fetch *f = &c->fetch;
	const char *host = c->policy_host.name;
	const char *why = f->why != NULL ? f->why : "no reason given";

	if (f->stage == FETCH_NOWHERE) {
		if (!f->guarded)
			findings_add(&c->findings, F_STS_UNREACHABLE, host,
			    "the policy host cannot be reached: %s", why);
		return false;
	}
	if (f->stage == FETCH_CONNECTED) {
		findings_add(&c->findings, F_STS_TLS, host,
		    "there is no TLS with the policy host: %s", why);
		return false;
	}
	judge_certificate(c, config);
	if (f->stage == FETCH_SECURED) {
		findings_add(&c->findings, F_STS_UNREACHABLE, host,
		    "the policy host does not answer the request: %s", why);
		return false;
	}
	judge_answer(c);
	return f->status == 200 && f->stage == FETCH_COMPLETE;
}

static void
judge_faults(struct check *c)
{
	const struct sts_policy *p = &c->policy;

	for (size_t i = 0; i < p->nfaults; i++) {
		enum finding_id id = p->faults[i].fatal ?
		    F_STS_POLICY : F_STS_POLICY_ODD;

		if (p->faults[i].line == 0)
			findings_add(&c->findings, id, NULL, "policy file: %s",
			    p->faults[i].what);
		else
			findings_add(&c->findings, id, NULL,
			    "policy file, line %zu: %s", p->faults[i].line,
			    p->faults[i].what);
	}
	if (p->nmore > 0)
		findings_add(&c->findings, F_STS_POLICY_ODD, NULL,
		    "policy file: %zu more faults", p->nmore);
}

static bool
is_used(const struct check *c, const char *pattern)
{
	for (size_t i = 0; i < c->nhosts; i++)
		if (sts_mx_fits(pattern, c->hosts[i].name))
			return true;
	return false;
}

static void
judge_patterns(struct check *c)
{
	const struct sts_policy *p = &c->policy;

	for (size_t i = 0; i < c->nhosts; i++) {
		const char *host = c->hosts[i].name;

		if (!sts_policy_fits(p, host))
			findings_add_as(&c->findings,
			    p->mode == STS_ENFORCE ? SEVERITY_ERROR :
			    SEVERITY_WARNING, F_STS_MX_UNCOVERED, host,
			    "the MX host is not among the policy's mx");
	}
	for (size_t i = 0; i < p->nmx && c->nhosts > 0; i++)
		if (!is_used(c, p->mx[i]))
			findings_add(&c->findings, F_STS_MX_UNUSED, NULL,
			    "the policy names mx %s, which fits no MX host",
			    p->mx[i]);
}

static void
judge_mode(struct check *c)
{
	const struct sts_policy *p = &c->policy;

	if (p->mode == STS_TESTING && c->nplaces == 0)
		findings_add_as(&c->findings, SEVERITY_WARNING, F_STS_TESTING,
		    NULL, "the policy is in mode testing, but no TLSRPT "
		    "record says where to report what the tests show");
	else if (p->mode == STS_TESTING)
		findings_add(&c->findings, F_STS_TESTING, NULL,
		    "the policy is in mode testing: senders report, but do "
		    "not insist on TLS");
	else if (p->mode == STS_NONE)
		findings_add(&c->findings, F_STS_MODE_NONE, NULL,
		    "the policy is in mode none: it protects nothing");
	if (p->max_age >= 0 && p->max_age < MAX_AGE_MIN &&
	    p->mode != STS_NONE)
		findings_add(&c->findings, F_STS_MAX_AGE_SHORT, NULL,
		    "max_age is %lld seconds, less than a day",
		    (long long)p->max_age);
}

static void
judge_policy(struct check *c)
{
	const struct sts_policy *p = &c->policy;

	c->has_policy = sts_policy_parse(&c->policy, c->fetch.body,
	    c->fetch.len) == 0;
	judge_faults(c);
	judge_mode(c);
	if (!c->has_policy) {
		unusable(c);
		return;
	}
	if (p->mode != STS_NONE)
		judge_patterns(c);
	findings_add(&c->findings, F_STS_FOUND, NULL,
	    "there is a policy in mode %s, id %s, max_age %lld",
	    sts_mode_name(p->mode), c->sts_record.id, (long long)p->max_age);
	findings_verdict(&c->findings, AREA_STS,
	    "mode %s, max_age %lld s, %zu mx %s", sts_mode_name(p->mode),
	    (long long)p->max_age, p->nmx,
	    p->nmx == 1 ? "pattern" : "patterns");
}

static bool
is_any_dane(const struct check *c)
{
	for (size_t i = 0; i < c->nhosts; i++)
		if (c->hosts[i].tlsa.status == DNS_FOUND &&
		    c->hosts[i].tlsa.secure && c->hosts[i].tlsa.n > 0)
			return true;
	return false;
}

/* Nobody needs a policy who takes no mail; with DANE it is a second belt. */
static void
judge_missing(struct check *c)
{
	if (c->sts.status == DNS_FAILED ||
	    findings_have(&c->findings, F_STS_VERSION) ||
	    findings_have(&c->findings, F_STS_DUPLICATE) ||
	    findings_have(&c->findings, F_STS_SYNTAX) || c->nhosts == 0)
		return;
	findings_add_as(&c->findings,
	    is_any_dane(c) ? SEVERITY_INFO : SEVERITY_WARNING, F_STS_MISSING,
	    NULL, "there is no MTA-STS record at _mta-sts.%s", c->domain);
}

void
check_sts_judge(struct check *c, const struct check_config *config)
{
	if (!c->has_sts) {
		judge_missing(c);
	} else if (!judge_address(c, config)) {
		unusable(c);
	} else if (!config->probe) {
		findings_verdict(&c->findings, AREA_STS,
		    "a record with id %s; the policy was not fetched",
		    c->sts_record.id);
	} else if (!c->fetched || !judge_fetch(c, config)) {
		unusable(c);
	} else {
		judge_policy(c);
	}
}
