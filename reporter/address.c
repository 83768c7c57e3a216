#include "reporter/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * The IANA special-purpose address registries (RFC 6890 and what updates it);
 * the first row that fits decides.  IPv4 stands here as mapped into IPv6, so
 * that it makes no difference in which of the two notations it comes.
 */
static const struct range {
	const char *prefix;
	unsigned bits;
	const char *what;	/* NULL: public */
	size_t ipv4;		/* what goes for the IPv4 address at this
				   offset goes for the whole, when not 0 */
} ranges[] = {
	{ "::ffff:0.0.0.0", 96 + 8, "this network", 0 },
	{ "::ffff:10.0.0.0", 96 + 8, "private", 0 },
	{ "::ffff:100.64.0.0", 96 + 10, "carrier-grade NAT", 0 },
	{ "::ffff:127.0.0.0", 96 + 8, "loopback", 0 },
	{ "::ffff:169.254.0.0", 96 + 16, "link-local", 0 },
	{ "::ffff:172.16.0.0", 96 + 12, "private", 0 },
	{ "::ffff:192.0.0.0", 96 + 24, "protocol assignment", 0 },
	{ "::ffff:192.0.2.0", 96 + 24, "documentation", 0 },
	{ "::ffff:192.88.99.0", 96 + 24, "6to4 relay", 0 },
	{ "::ffff:192.168.0.0", 96 + 16, "private", 0 },
	{ "::ffff:198.18.0.0", 96 + 15, "benchmarking", 0 },
	{ "::ffff:198.51.100.0", 96 + 24, "documentation", 0 },
	{ "::ffff:203.0.113.0", 96 + 24, "documentation", 0 },
	{ "::ffff:224.0.0.0", 96 + 4, "multicast", 0 },
	{ "::ffff:255.255.255.255", 96 + 32, "broadcast", 0 },
	{ "::ffff:240.0.0.0", 96 + 4, "reserved", 0 },
	{ "::ffff:0.0.0.0", 96, NULL, 0 },
	{ "::", 128, "unspecified", 0 },
	{ "::1", 128, "loopback", 0 },
	{ "::", 96, "IPv4-compatible", 0 },
	{ "64:ff9b::", 96, "NAT64", 12 },
	/* RFC 8215: where the IPv4 address is in it, only its user knows. */
	{ "64:ff9b:1::", 48, "local NAT64", 0 },
	{ "100::", 64, "discard", 0 },
	{ "2001::", 32, "Teredo", 0 },
	{ "2001:2::", 48, "benchmarking", 0 },
	{ "2001:10::", 28, "ORCHID", 0 },
	{ "2001:20::", 28, "ORCHID", 0 },
	{ "2001::", 23, "protocol assignment", 0 },
	{ "2001:db8::", 32, "documentation", 0 },
	{ "2002::", 16, "6to4", 2 },
	{ "3fff::", 20, "documentation", 0 },
	{ "2000::", 3, NULL, 0 },
	{ "5f00::", 16, "segment routing", 0 },
	{ "fc00::", 7, "unique-local", 0 },
	{ "fe80::", 10, "link-local", 0 },
	{ "fec0::", 10, "site-local", 0 },
	{ "ff00::", 8, "multicast", 0 },
	{ "::", 0, "reserved", 0 },
};

static bool
is_within(const struct in6_addr *a, const struct range *r)
{
	struct in6_addr prefix;
	size_t bytes = r->bits / 8;
	unsigned rest = r->bits % 8;

	if (inet_pton(AF_INET6, r->prefix, &prefix) != 1)
		return true;	/* refuse rather than miss a bad row */
	if (memcmp(a, &prefix, bytes) != 0)
		return false;
	return rest == 0 ||
	    (a->s6_addr[bytes] ^ prefix.s6_addr[bytes]) >> (8 - rest) == 0;
}

static struct in6_addr
mapped(const void *ipv4)
{
	struct in6_addr a = { .s6_addr = { [10] = 0xff, [11] = 0xff } };

	memcpy(&a.s6_addr[12], ipv4, 4);
	return a;
}

static const char *
refuse(struct in6_addr a)
{
	const struct range *r = ranges;

	while (!is_within(&a, r))	/* the last one takes all */
		r++;
	if (r->ipv4 == 0)
		return r->what;
	a = mapped(&a.s6_addr[r->ipv4]);
	return refuse(a) == NULL ? NULL : r->what;
}

const char *
address_refuse(const struct sockaddr *sa)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	switch (sa->sa_family) {
	case AF_INET:
		memcpy(&in, sa, sizeof(in));
		return refuse(mapped(&in.sin_addr));
	case AF_INET6:
		memcpy(&in6, sa, sizeof(in6));
		return refuse(in6.sin6_addr);
	default:
		return "not an IP address";
	}
}
