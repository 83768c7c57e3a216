#include "reporter/check.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <stdlib.h>
#include <string.h>

#include "reporter/address.h"
#include "reporter/tlsa.h"

#define SMTP_PORT	25	/* what TLSA records are about, always */

void
check_init(struct check *c, const char *domain)
{
	memset(c, 0, sizeof(*c));
	c->domain = domain;
	findings_init(&c->findings);
}

static void
host_release(struct check_host *h)
{
	for (size_t i = 0; i < CHECK_ADDRESSES_MAX; i++)
		if (h->probed[i])
			starttls_release(&h->probes[i]);
}

void
check_release(struct check *c)
{
	for (size_t i = 0; i < c->nhosts; i++)
		host_release(&c->hosts[i]);
	for (size_t i = 0; i < c->nplaces; i++)
		if (c->places[i].probed)
			fetch_release(&c->places[i].hello);
	if (c->fetched) {
		fetch_release(&c->fetch);
		sts_policy_release(&c->policy);
	}
	rua_list_release(&c->ruas);
	findings_release(&c->findings);
	arena_release(&c->arena);
	memset(c, 0, sizeof(*c));
}

void
check_ask_domain(struct check *c, struct dns *dns)
{
	struct arena *a = &c->arena;

	rrset_ask(&c->tlsrpt, dns, arena_printf(a, "_smtp._tls.%s", c->domain),
	    RR_TXT, a);
	rrset_ask(&c->sts, dns, arena_printf(a, "_mta-sts.%s", c->domain),
	    RR_TXT, a);
	rrset_ask(&c->mx, dns, c->domain, RR_MX, a);
}

void
check_read_domain(struct check *c)
{
	check_tlsrpt_read(c);
	check_mx_read(c);
	check_sts_read(c);
}

static void
ask_addresses(struct check_host *h, struct dns *dns, struct arena *a)
{
	rrset_ask(&h->a, dns, h->name, RR_A, a);
	rrset_ask(&h->aaaa, dns, h->name, RR_AAAA, a);
}

static void
ask_mx_host(struct check *c, struct check_host *h, struct dns *dns)
{
	char name[TLSA_NAME_SIZE];

	ask_addresses(h, dns, &c->arena);
	rrset_ask(&h->cname, dns, h->name, RR_CNAME, &c->arena);
	if (tlsa_name(name, h->name, SMTP_PORT) == 0)
		rrset_ask(&h->tlsa, dns, name, RR_TLSA, &c->arena);
}

/* An https URI may name an address instead of a host. */
static bool
take_literal(struct check_host *h, struct arena *a)
{
	unsigned char binary[sizeof(struct in6_addr)];
	size_t len = strlen(h->name);
	char *text;

	if (h->name[0] == '[' && h->name[len - 1] == ']') {
		text = arena_strndup(a, h->name + 1, len - 2);
		if (inet_pton(AF_INET6, text, binary) != 1)
			return false;
	} else {
		text = arena_strdup(a, h->name);
		if (inet_pton(AF_INET, text, binary) != 1)
			return false;
	}
	h->addresses[h->naddresses++] = text;
	return true;
}

static void
ask_place(struct check *c, struct check_place *p, struct dns *dns)
{
	if (p->rua->scheme == RUA_HTTPS && take_literal(&p->host, &c->arena))
		return;
	ask_addresses(&p->host, dns, &c->arena);
	if (p->rua->scheme == RUA_MAILTO)
		rrset_ask(&p->mx, dns, p->host.name, RR_MX, &c->arena);
}

void
check_ask_hosts(struct check *c, struct dns *dns)
{
	for (size_t i = 0; i < c->nhosts; i++)
		ask_mx_host(c, &c->hosts[i], dns);
	for (size_t i = 0; i < c->nplaces; i++)
		ask_place(c, &c->places[i], dns);
	if (c->has_sts)
		ask_addresses(&c->policy_host, dns, &c->arena);
}

static void
note_private(struct check_host *h, const struct sockaddr_storage *ss,
    const char *text)
{
	const char *why = address_refuse((const struct sockaddr *)ss);

	if (why != NULL && h->private == NULL) {
		h->private = text;
		h->why_private = why;
	}
}

/* Half of the room is for each family. */
static void
take_addresses(struct check_host *h, const struct rrset *set, size_t most,
    struct arena *a)
{
	struct sockaddr_storage ss;
	char text[INET6_ADDRSTRLEN];
	const void *binary;

	for (size_t i = 0; i < set->n; i++) {
		if (!rrset_address(set, i, 0, &ss))
			continue;
		binary = ss.ss_family == AF_INET ?
		    (const void *)&((struct sockaddr_in *)&ss)->sin_addr :
		    (const void *)&((struct sockaddr_in6 *)&ss)->sin6_addr;
		if (inet_ntop(ss.ss_family, binary, text, sizeof(text)) == NULL)
			continue;
		note_private(h, &ss, arena_strdup(a, text));
		if (h->naddresses < most)
			h->addresses[h->naddresses++] = arena_strdup(a, text);
	}
}

static void
read_host(struct check_host *h, struct arena *a)
{
	take_addresses(h, &h->a, CHECK_ADDRESSES_MAX / 2, a);
	take_addresses(h, &h->aaaa, CHECK_ADDRESSES_MAX, a);
}

void
check_read_hosts(struct check *c)
{
	for (size_t i = 0; i < c->nhosts; i++)
		read_host(&c->hosts[i], &c->arena);
	for (size_t i = 0; i < c->nplaces; i++)
		read_host(&c->places[i].host, &c->arena);
	read_host(&c->policy_host, &c->arena);
}

void
check_judge(struct check *c, const struct check_config *config)
{
	check_mx_judge(c, config);
	check_tlsrpt_judge(c, config);
	check_sts_judge(c, config);
	check_dane_judge(c, config);
	check_starttls_judge(c, config);
}

void
check_failed(struct check *c, enum finding_id no_answer,
    enum finding_id bogus, const struct rrset *set, const char *what)
{
	if (set->bogus != NULL)
		findings_add(&c->findings, bogus, NULL,
		    "DNSSEC says that the answer is false which tells %s: %s",
		    what, set->bogus);
	else
		findings_add(&c->findings, no_answer, NULL,
		    "DNS did not tell %s: %s", what, check_no_answer(set));
}

const char *
check_no_answer(const struct rrset *set)
{
	return set->bogus != NULL ? set->bogus :
	    "no server answered in time, or they failed";
}

const struct rrset *
check_host_failed(const struct check_host *h)
{
	if (h->a.asked && h->a.status == DNS_FAILED)
		return &h->a;
	if (h->aaaa.asked && h->aaaa.status == DNS_FAILED)
		return &h->aaaa;
	return NULL;
}
