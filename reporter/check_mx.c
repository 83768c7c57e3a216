/*
 * Who takes the domain's mail (RFC 5321 section 5.1, RFC 7505).
 */
#include <arpa/inet.h>

#include <stdlib.h>
#include <string.h>

#include "reporter/check.h"

static int
by_preference(const void *a, const void *b)
{
	const struct check_host *x = a, *y = b;

	if (x->preference != y->preference)
		return x->preference < y->preference ? -1 : 1;
	return strcmp(x->name, y->name);
}

static bool
has_host(const struct check *c, const char *name)
{
	for (size_t i = 0; i < c->nhosts; i++)
		if (strcmp(c->hosts[i].name, name) == 0)
			return true;
	return false;
}

static bool
is_literal(const char *name)
{
	struct in_addr in;

	return inet_pton(AF_INET, name, &in) == 1;
}

static void
take_mx(struct check *c, size_t i)
{
	char name[RECORD_DOMAIN_MAX + 1];
	unsigned preference = 0;

	if (!rrset_mx(&c->mx, i, &preference, name))
		findings_add(&c->findings, F_MX_MALFORMED, NULL,
		    "an MX record of preference %u names no host", preference);
	else if (name[0] == '\0')
		c->null_mx = true;
	else if (is_literal(name))
		findings_add(&c->findings, F_MX_LITERAL, name,
		    "the MX record names an address instead of a host");
	else if (!has_host(c, name))
		c->hosts[c->nhosts++] = (struct check_host){
			.name = arena_strdup(&c->arena, name),
			.preference = preference
		};
}

static void
take_all(struct check *c)
{
	c->hosts = arena_calloc(&c->arena, c->mx.n, sizeof(*c->hosts));
	for (size_t i = 0; i < c->mx.n; i++)
		take_mx(c, i);
	qsort(c->hosts, c->nhosts, sizeof(*c->hosts), by_preference);
	if (c->null_mx && c->mx.n > 1) {
		c->null_mx = false;
		findings_add(&c->findings, F_MX_NULL_MIXED, NULL,
		    "there is a null MX record (\"MX 0 .\") beside others");
	}
	if (c->nhosts > CHECK_HOSTS_MAX) {
		findings_add(&c->findings, F_MX_MANY, NULL, "of %zu MX hosts "
		    "only the first %d are looked at", c->nhosts,
		    CHECK_HOSTS_MAX);
		c->nhosts = CHECK_HOSTS_MAX;
	}
}

void
check_mx_read(struct check *c)
{
	switch (c->mx.status) {
	case DNS_FAILED:
		check_failed(c, F_MX_NO_ANSWER, F_MX_BOGUS, &c->mx,
		    "the MX records");
		break;
	case DNS_NONE:
		c->implicit_mx = true;
		c->hosts = arena_calloc(&c->arena, 1, sizeof(*c->hosts));
		c->hosts[c->nhosts++].name = c->domain;
		break;
	case DNS_FOUND:
		take_all(c);
		break;
	}
}

static void
judge_host(struct check *c, const struct check_host *h,
    const struct check_config *config)
{
	const struct rrset *failed = check_host_failed(h);

	if (h->cname.status == DNS_FOUND && h->cname.n > 0)
		findings_add(&c->findings, F_MX_CNAME, h->name,
		    "the MX record names an alias (CNAME)");
	if (failed != NULL)
		findings_add_as(&c->findings, h->naddresses == 0 ?
		    SEVERITY_ERROR : SEVERITY_WARNING,
		    F_MX_ADDRESS_NO_ANSWER, h->name,
		    "DNS did not tell the %s addresses: %s",
		    failed == &h->a ? "IPv4" : "IPv6",
		    check_no_answer(failed));
	else if (h->naddresses == 0)
		findings_add(&c->findings, F_MX_NO_ADDRESS, h->name,
		    "the MX host has no address");
	if (h->private != NULL && !config->smtp.allow_private)
		findings_add(&c->findings, F_MX_PRIVATE, h->name,
		    "the address %s is of no use to senders: %s", h->private,
		    h->why_private);
}

/* The domain itself takes the mail, or nobody. */
static void
judge_implicit(struct check *c)
{
	const struct check_host *h = &c->hosts[0];

	if (h->naddresses == 0 && check_host_failed(h) != NULL) {
		findings_add(&c->findings, F_MX_NO_ANSWER, NULL,
		    "there is no MX record, and DNS did not tell the addresses "
		    "of the domain itself");
	} else if (h->naddresses == 0) {
		findings_add(&c->findings, F_MX_NO_MAIL, NULL,
		    "there are neither MX records nor an address: nobody can "
		    "send mail to this domain");
		findings_verdict(&c->findings, AREA_MX, "none: no mail");
		c->nhosts = 0;
		return;
	} else {
		findings_add(&c->findings, F_MX_NONE, NULL,
		    "there is no MX record: mail goes to the address of %s "
		    "itself", c->domain);
	}
	findings_verdict(&c->findings, AREA_MX, "none: the domain itself");
}

static void
judge_hosts(struct check *c, const struct check_config *config)
{
	for (size_t i = 0; i < c->nhosts; i++)
		judge_host(c, &c->hosts[i], config);
	findings_add(&c->findings, F_MX_FOUND, NULL,
	    "mail goes to %zu %s", c->nhosts,
	    c->nhosts == 1 ? "host" : "hosts");
	if (c->nhosts == 1)
		findings_verdict(&c->findings, AREA_MX, "%s",
		    c->hosts[0].name);
	else
		findings_verdict(&c->findings, AREA_MX, "%zu hosts: %s, %s%s",
		    c->nhosts, c->hosts[0].name, c->hosts[1].name,
		    c->nhosts > 2 ? ", ..." : "");
}

void
check_mx_judge(struct check *c, const struct check_config *config)
{
	if (c->null_mx) {
		findings_add(&c->findings, F_MX_NULL, NULL,
		    "the domain says that it takes no mail (null MX)");
		findings_verdict(&c->findings, AREA_MX, "takes no mail");
	} else if (c->implicit_mx) {
		judge_implicit(c);
	} else if (c->nhosts > 0) {
		judge_hosts(c, config);
	} else {
		findings_verdict(&c->findings, AREA_MX, "not known");
	}
}
