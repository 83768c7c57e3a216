#include "reporter/rrset.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <ctype.h>
#include <string.h>

static const char *
copy(struct arena *a, const char *data, size_t len)
{
	char *p = arena_alloc(a, len + 1);

	memcpy(p, data, len);
	p[len] = '\0';
	return p;
}

static void
keep(struct rrset *set, const char *const *data, const size_t *len, size_t n)
{
	if (n > RRSET_MAX) {
		set->left_out = n - RRSET_MAX;
		n = RRSET_MAX;
	}
	set->data = arena_calloc(set->arena, n, sizeof(*set->data));
	set->len = arena_calloc(set->arena, n, sizeof(*set->len));
	for (; set->n < n; set->n++) {
		set->data[set->n] = copy(set->arena, data[set->n],
		    len[set->n]);
		set->len[set->n] = len[set->n];
	}
}

static void
on_answer(void *arg, enum dns_status status, bool secure,
    const char *const *data, const size_t *len, size_t n)
{
	struct rrset *set = arg;

	set->status = status;
	set->secure = secure;
	if (status == DNS_FAILED && n > 0)
		set->bogus = arena_strdup(set->arena, data[0]);
	else if (status == DNS_FOUND && n == 0)
		set->status = DNS_NONE;		/* all of it malformed */
	else if (status == DNS_FOUND)
		keep(set, data, len, n);
}

void
rrset_ask(struct rrset *set, struct dns *dns, const char *name,
    enum rrtype type, struct arena *a)
{
	*set = (struct rrset){ .asked = true, .status = DNS_NONE, .arena = a };
	if (type == RR_TXT)
		dns_ask_txt(dns, name, on_answer, set);
	else
		dns_ask(dns, name, (int)type, on_answer, set);
}

static bool
canonical(const char *text, char name[RECORD_DOMAIN_MAX + 1])
{
	struct in_addr in;

	if (text[0] == '\0' || inet_pton(AF_INET, text, &in) == 1) {
		memcpy(name, text, strlen(text) + 1);
		return true;
	}
	return record_domain_text(text, false, name) > 0;
}

/*
 * A name as labels (RFC 1035 section 3.1), uncompressed, that ends where the
 * data does.  A label with a dot or with what no host has is refused.
 */
static bool
wire_name(const char *data, size_t len, char name[RECORD_DOMAIN_MAX + 1])
{
	size_t n = 0, label;
	char text[RECORD_DOMAIN_MAX + 1];

	for (size_t i = 0; i < len; i += label) {
		label = (unsigned char)data[i++];
		if (label == 0) {
			text[n > 0 ? n - 1 : 0] = '\0';
			return i == len && canonical(text, name);
		}
		if (label > 63 || label > len - i ||
		    n + label + 1 > RECORD_DOMAIN_MAX)
			return false;
		for (size_t k = 0; k < label; k++)
			if (!isalnum((unsigned char)data[i + k]) &&
			    data[i + k] != '-' && data[i + k] != '_')
				return false;
		memcpy(text + n, data + i, label);
		n += label;
		text[n++] = '.';
	}
	return false;
}

bool
rrset_mx(const struct rrset *set, size_t i, unsigned *preference,
    char host[RECORD_DOMAIN_MAX + 1])
{
	const unsigned char *p;

	if (i >= set->n || set->len[i] < 3)
		return false;
	p = (const unsigned char *)set->data[i];
	*preference = (unsigned)p[0] << 8 | p[1];
	return wire_name(set->data[i] + 2, set->len[i] - 2, host);
}

bool
rrset_address(const struct rrset *set, size_t i, unsigned port,
    struct sockaddr_storage *address)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
	    .sin_port = htons((in_port_t)port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
	    .sin6_port = htons((in_port_t)port) };

	memset(address, 0, sizeof(*address));
	if (i >= set->n)
		return false;
	if (set->len[i] == sizeof(in.sin_addr)) {
		memcpy(&in.sin_addr, set->data[i], set->len[i]);
		memcpy(address, &in, sizeof(in));
	} else if (set->len[i] == sizeof(in6.sin6_addr)) {
		memcpy(&in6.sin6_addr, set->data[i], set->len[i]);
		memcpy(address, &in6, sizeof(in6));
	} else {
		return false;
	}
	return true;
}
