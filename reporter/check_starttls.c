/*
 * What the MX hosts answer to STARTTLS (RFC 3207), measured by what the
 * domain promises: an MTA-STS policy, TLSA records, or nothing.
 */
#include <stdlib.h>
#include <string.h>

#include <openssl/ssl.h>

#include "conf/mem.h"
#include "reporter/check.h"
#include "spool/day.h"

#define RSA_MIN	2048	/* bits, RFC 9325 section 4.5 */

/* One address of one host. */
struct look {
	struct findings *findings;
	const struct check *check;
	const struct check_host *host;
	const struct starttls *probe;
	const struct check_config *config;
	char subject[RECORD_DOMAIN_MAX + 64];	/* host and address */
};

static bool
has_mode(const struct look *l, enum sts_mode mode)
{
	return l->check->has_policy && l->check->policy.mode == mode;
}

/* How bad a certificate is that PKIX does not accept. */
static enum severity
pkix_severity(const struct look *l)
{
	return has_mode(l, STS_ENFORCE) ? SEVERITY_ERROR :
	    has_mode(l, STS_TESTING) ? SEVERITY_WARNING : SEVERITY_INFO;
}

static const char *
pkix_because(const struct look *l)
{
	return has_mode(l, STS_ENFORCE) ?
	    ", so senders that follow the MTA-STS policy do not deliver" :
	    has_mode(l, STS_TESTING) ?
	    ", so senders report a failure, and will not deliver once the "
	    "MTA-STS policy is enforced" : "";
}

static void
judge_smtp(struct look *l)
{
	const struct starttls *s = l->probe;

	if (s->stage == STARTTLS_PLAIN)
		findings_add_as(l->findings,
		    has_mode(l, STS_ENFORCE) || l->host->dane ?
		    SEVERITY_ERROR : SEVERITY_WARNING, F_STARTTLS_MISSING,
		    l->subject, "STARTTLS is not offered: mail comes in "
		    "plain text%s", has_mode(l, STS_ENFORCE) ?
		    ", or not at all because of the MTA-STS policy" :
		    l->host->dane ?
		    ", or not at all because of the TLSA records" : "");
	else if (s->injected)
		findings_add(l->findings, F_STARTTLS_INJECTION, l->subject,
		    "the server, or what stands before it, sends plain text "
		    "after its answer to STARTTLS");
	else if (s->stage == STARTTLS_OFFERED)
		findings_add(l->findings, F_STARTTLS_REFUSED, l->subject,
		    "STARTTLS is offered, but then refused: %s",
		    s->reply[0] != '\0' ? s->reply : s->why);
	else if (s->stage == STARTTLS_ACCEPTED)
		findings_add(l->findings, F_STARTTLS_HANDSHAKE, l->subject,
		    "the TLS handshake fails: %s", s->why);
	else
		findings_add(l->findings, F_STARTTLS_SMTP, l->subject,
		    "the SMTP dialogue fails before STARTTLS: %s",
		    s->why);
}

static void
judge_dates(struct look *l)
{
	const struct chain *chain = &l->probe->chain;
	int64_t left = chain->not_after - (int64_t)l->config->now;

	if ((chain->faults & (CHAIN_EXPIRED | CHAIN_NOT_YET)) != 0)
		findings_add_as(l->findings, pkix_severity(l),
		    F_STARTTLS_EXPIRED, l->host->name,
		    "the certificate is %s%s",
		    (chain->faults & CHAIN_EXPIRED) != 0 ? "expired" :
		    "not valid yet", pkix_because(l));
	else if ((chain->faults & CHAIN_NONE) == 0 &&
	    left < (int64_t)CHECK_EXPIRY_DAYS * DAY_SECONDS)
		findings_add_as(l->findings, l->check->has_policy ?
		    SEVERITY_WARNING : SEVERITY_INFO, F_STARTTLS_EXPIRING,
		    l->host->name, "the certificate expires in %lld days",
		    (long long)(left / DAY_SECONDS));
}

/* All faults but those of dates and names. */
static void
judge_trust(struct look *l)
{
	const struct chain *chain = &l->probe->chain;
	const char *why = NULL;

	if ((chain->faults & CHAIN_NONE) != 0)
		why = "no certificate is served";
	else if ((chain->faults & CHAIN_SELF_SIGNED) != 0)
		why = "it is self-signed";
	else if ((chain->faults & CHAIN_UNKNOWN_ISSUER) != 0)
		why = "its issuer is not known, or an intermediate "
		    "certificate is not served";
	else if ((chain->faults & CHAIN_BAD) != 0)
		why = chain->why != NULL ? chain->why : "it is not valid";
	if (why != NULL)
		findings_add_as(l->findings, pkix_severity(l),
		    F_STARTTLS_UNTRUSTED, l->host->name,
		    "the certificate is not trusted: %s%s", why,
		    pkix_because(l));
}

static void
judge_certificate(struct look *l)
{
	const struct chain *chain = &l->probe->chain;

	judge_dates(l);
	judge_trust(l);
	if ((chain->faults & CHAIN_WRONG_NAME) != 0)
		findings_add_as(l->findings, pkix_severity(l),
		    F_STARTTLS_NAME, l->host->name,
		    "the certificate is not for this name, but for %s%s%s",
		    chain->nnames > 0 ? chain->names[0] : "none",
		    chain->nnames > 1 ? " and others" : "", pkix_because(l));
}

static bool
is_short_rsa(const char *key)
{
	return key != NULL && strncmp(key, "RSA ", 4) == 0 &&
	    atoi(key + 4) < RSA_MIN;
}

/* All of TLS 1.3, and these of TLS 1.2; anonymous ones are said elsewhere. */
static bool
has_forward_secrecy(const char *cipher)
{
	static const char *const starts[] = { "TLS_", "ECDHE-", "DHE-",
	    "AECDH-", "ADH-" };

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++)
		if (strncmp(cipher, starts[i], strlen(starts[i])) == 0)
			return true;
	return cipher[0] == '\0';
}

static void
judge_strength(struct look *l)
{
	const struct starttls *s = l->probe;

	if (is_short_rsa(s->chain.key))
		findings_add(l->findings, F_STARTTLS_KEY, l->host->name,
		    "the certificate's key is %s, which can be broken or is "
		    "refused", s->chain.key);
	if (!has_forward_secrecy(s->cipher))
		findings_add(l->findings, F_STARTTLS_CIPHER, l->subject,
		    "the cipher it takes first, %s, has no forward secrecy",
		    s->cipher);
}

static void
say_what_works(struct look *l)
{
	const struct starttls *s = l->probe;
	const struct chain *chain = &s->chain;
	char *words, until[DAY_TEXT];

	if ((chain->faults & CHAIN_NONE) != 0) {
		findings_add(l->findings, F_STARTTLS_FOUND, l->subject,
		    "%s with %s", s->version_name, s->cipher);
		return;
	}
	words = chain_words(chain);
	findings_add(l->findings, F_STARTTLS_FOUND, l->subject,
	    "%s with %s; certificate: %s, key %s, of %s, until %s",
	    s->version_name, s->cipher, words,
	    chain->key != NULL ? chain->key : "none",
	    chain->issuer != NULL ? chain->issuer : "nobody",
	    day_format(day_of(chain->not_after), until));
	free(words);
}

static void
judge_tls(struct look *l)
{
	const struct starttls *s = l->probe;

	if (s->version < TLS1_2_VERSION)
		findings_add_as(l->findings, has_mode(l, STS_ENFORCE) ||
		    l->host->dane ? SEVERITY_ERROR : SEVERITY_WARNING,
		    F_STARTTLS_VERSION, l->subject,
		    "the best it speaks is %s, which most senders refuse",
		    s->version_name);
	judge_certificate(l);
	judge_strength(l);
	if (s->stage < STARTTLS_WORKS)
		findings_add(l->findings, F_STARTTLS_SMTP, l->subject,
		    "TLS is there, but the SMTP dialogue fails after it: %s",
		    s->why);
	else
		say_what_works(l);
}

static void
judge_unreachable(struct look *l)
{
	if (!l->probe->guarded)
		findings_add(l->findings, F_STARTTLS_UNREACHABLE, l->subject,
		    "it cannot be reached: %s", l->probe->why);
}

/* How many addresses answered, of how many that were tried. */
struct count {
	size_t tried, guarded, answered, secured;
};

static void
count_host(const struct check_host *h, struct count *n)
{
	for (size_t i = 0; i < h->naddresses; i++) {
		if (!h->probed[i])
			continue;
		n->tried++;
		n->guarded += h->probes[i].guarded;
		n->answered += h->probes[i].stage > STARTTLS_NOWHERE;
		n->secured += h->probes[i].stage >= STARTTLS_SECURED;
	}
}

static void
judge_address(struct check *c, const struct check_config *config,
    const struct check_host *h, size_t i, bool any_answered)
{
	struct look l = { .findings = &c->findings, .check = c, .host = h,
	    .probe = &h->probes[i], .config = config };

	fmt(l.subject, sizeof(l.subject), "%s [%s]", h->name,
	    h->addresses[i]);
	if (config->probe && !h->probed[i])
		findings_add(l.findings, F_STARTTLS_NO_ROUTE, l.subject,
		    "it was not looked at: this machine has no way to it");
	else if (l.probe->stage >= STARTTLS_SECURED)
		judge_tls(&l);
	else if (l.probe->stage > STARTTLS_NOWHERE)
		judge_smtp(&l);
	else if (any_answered)
		judge_unreachable(&l);
}

static const char *
first_reason(const struct check *c)
{
	for (size_t i = 0; i < c->nhosts; i++)
		for (size_t k = 0; k < c->hosts[i].naddresses; k++)
			if (c->hosts[i].probed[k] &&
			    !c->hosts[i].probes[k].guarded &&
			    c->hosts[i].probes[k].why != NULL)
				return c->hosts[i].probes[k].why;
	return "no reason given";
}

static void
sum_up(struct check *c, const struct count *n)
{
	if (n->tried == n->guarded) {
		findings_verdict(&c->findings, AREA_STARTTLS, "not looked at");
	} else if (n->answered == 0) {
		findings_verdict(&c->findings, AREA_STARTTLS, "not known");
		findings_add(&c->findings, F_STARTTLS_ALL_UNREACHABLE, NULL,
		    "no MX host could be reached: %s", first_reason(c));
	} else {
		findings_verdict(&c->findings, AREA_STARTTLS,
		    "TLS with %zu of %zu addresses", n->secured, n->tried);
	}
}

void
check_starttls_judge(struct check *c, const struct check_config *config)
{
	struct count n = { 0 };

	if (c->nhosts == 0)
		return;
	if (!config->probe) {
		findings_verdict(&c->findings, AREA_STARTTLS,
		    "not looked at");
		return;
	}
	for (size_t i = 0; i < c->nhosts; i++)
		count_host(&c->hosts[i], &n);
	for (size_t i = 0; i < c->nhosts; i++)
		for (size_t k = 0; k < c->hosts[i].naddresses; k++)
			judge_address(c, config, &c->hosts[i], k,
			    n.answered > 0);
	sum_up(c, &n);
}
