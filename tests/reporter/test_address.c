#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "reporter/address.h"

/* Both ends of every range, and their neighbours outside. */
static const struct {
	const char *address;
	const char *why;	/* NULL: public */
} rows[] = {
	{ "0.0.0.0", "this network" },
	{ "0.255.255.255", "this network" },
	{ "1.0.0.0", NULL },
	{ "9.255.255.255", NULL },
	{ "10.0.0.0", "private" },
	{ "10.255.255.255", "private" },
	{ "11.0.0.0", NULL },
	{ "100.63.255.255", NULL },
	{ "100.64.0.0", "carrier-grade NAT" },
	{ "100.127.255.255", "carrier-grade NAT" },
	{ "100.128.0.0", NULL },
	{ "126.255.255.255", NULL },
	{ "127.0.0.0", "loopback" },
	{ "127.0.0.1", "loopback" },
	{ "127.255.255.255", "loopback" },
	{ "128.0.0.0", NULL },
	{ "169.253.255.255", NULL },
	{ "169.254.0.0", "link-local" },
	{ "169.254.169.254", "link-local" },
	{ "169.254.255.255", "link-local" },
	{ "169.255.0.0", NULL },
	{ "172.15.255.255", NULL },
	{ "172.16.0.0", "private" },
	{ "172.31.255.255", "private" },
	{ "172.32.0.0", NULL },
	{ "191.255.255.255", NULL },
	{ "192.0.0.0", "protocol assignment" },
	{ "192.0.0.255", "protocol assignment" },
	{ "192.0.1.0", NULL },
	{ "192.0.2.0", "documentation" },
	{ "192.0.2.255", "documentation" },
	{ "192.0.3.0", NULL },
	{ "192.88.98.255", NULL },
	{ "192.88.99.1", "6to4 relay" },
	{ "192.88.99.255", "6to4 relay" },
	{ "192.88.100.0", NULL },
	{ "192.167.255.255", NULL },
	{ "192.168.0.0", "private" },
	{ "192.168.255.255", "private" },
	{ "192.169.0.0", NULL },
	{ "198.17.255.255", NULL },
	{ "198.18.0.0", "benchmarking" },
	{ "198.19.255.255", "benchmarking" },
	{ "198.20.0.0", NULL },
	{ "198.51.99.255", NULL },
	{ "198.51.100.7", "documentation" },
	{ "198.51.100.255", "documentation" },
	{ "198.51.101.0", NULL },
	{ "203.0.112.255", NULL },
	{ "203.0.113.7", "documentation" },
	{ "203.0.113.255", "documentation" },
	{ "203.0.114.0", NULL },
	{ "223.255.255.255", NULL },
	{ "224.0.0.0", "multicast" },
	{ "239.255.255.255", "multicast" },
	{ "240.0.0.0", "reserved" },
	{ "255.255.255.254", "reserved" },
	{ "255.255.255.255", "broadcast" },

	{ "::", "unspecified" },
	{ "::1", "loopback" },
	{ "::2", "IPv4-compatible" },
	{ "::9.9.9.9", "IPv4-compatible" },
	{ "::127.0.0.1", "IPv4-compatible" },
	{ "::255.255.255.255", "IPv4-compatible" },
	{ "::1:0:0", "reserved" },
	{ "::ffff:9.9.9.9", NULL },
	{ "::ffff:127.0.0.1", "loopback" },
	{ "::ffff:10.1.2.3", "private" },
	{ "::ffff:0.0.0.0", "this network" },
	{ "::ffff:0:9.9.9.9", "reserved" },
	{ "::fffe:909:909", "reserved" },
	{ "64:ff9b::9.9.9.9", NULL },
	{ "64:ff9b::127.0.0.1", "NAT64" },
	{ "64:ff9b::192.168.1.1", "NAT64" },
	{ "64:ff9b:0:0:0:1:909:909", "reserved" },
	{ "64:ff9b:1::9.9.9.9", "local NAT64" },
	{ "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "local NAT64" },
	{ "64:ff9b:2::9.9.9.9", "reserved" },
	{ "100::", "discard" },
	{ "100::ffff:ffff:ffff:ffff", "discard" },
	{ "100:0:0:1::", "reserved" },
	{ "1fff:ffff::", "reserved" },
	{ "2000::", NULL },
	{ "2000:ffff:ffff::1", NULL },
	{ "2001::1", "Teredo" },
	{ "2001:0:909:909::f6f6:f6f6", "Teredo" },
	{ "2001:0:ffff::1", "Teredo" },
	{ "2001:1::1", "protocol assignment" },
	{ "2001:2::", "benchmarking" },
	{ "2001:2:0:ffff::", "benchmarking" },
	{ "2001:2:1::", "protocol assignment" },
	{ "2001:10::1", "ORCHID" },
	{ "2001:1f:ffff::1", "ORCHID" },
	{ "2001:20::1", "ORCHID" },
	{ "2001:2f:ffff::1", "ORCHID" },
	{ "2001:30::1", "protocol assignment" },
	{ "2001:1ff::1", "protocol assignment" },
	{ "2001:200::1", NULL },
	{ "2001:db7:ffff::1", NULL },
	{ "2001:db8::", "documentation" },
	{ "2001:db8:ffff:ffff::1", "documentation" },
	{ "2001:db9::1", NULL },
	{ "2002:909:909::1", NULL },
	{ "2002:7f00:1::1", "6to4" },
	{ "2002:a00:1::1", "6to4" },
	{ "2002:c0a8:101::1", "6to4" },
	{ "2003::1", NULL },
	{ "3ffe:ffff::1", NULL },
	{ "3fff::", "documentation" },
	{ "3fff:fff:ffff::1", "documentation" },
	{ "3fff:1000::1", NULL },
	{ "4000::1", "reserved" },
	{ "5eff:ffff::1", "reserved" },
	{ "5f00::", "segment routing" },
	{ "5f00:ffff:ffff::1", "segment routing" },
	{ "5f01::1", "reserved" },
	{ "fbff::1", "reserved" },
	{ "fc00::1", "unique-local" },
	{ "fd00:1::1", "unique-local" },
	{ "fdff:ffff::1", "unique-local" },
	{ "fe00::1", "reserved" },
	{ "fe80::1", "link-local" },
	{ "febf::1", "link-local" },
	{ "fec0::1", "site-local" },
	{ "feff::1", "site-local" },
	{ "ff02::1", "multicast" },
	{ "ffff::1", "multicast" },
};

static void
ranges_and_their_neighbours(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sockaddr_in in = { .sin_family = AF_INET };
		struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
		const struct sockaddr *sa = (const struct sockaddr *)&in;
		const char *address = rows[i].address, *why;

		if (inet_pton(AF_INET, address, &in.sin_addr) != 1) {
			assert_int_equal(inet_pton(AF_INET6, address,
			    &in6.sin6_addr), 1);
			sa = (const struct sockaddr *)&in6;
		}
		why = address_refuse(sa);
		if ((why == NULL) != (rows[i].why == NULL) ||
		    (why != NULL && strcmp(why, rows[i].why) != 0))
			fail_msg("%s: %s", address,
			    why == NULL ? "public" : why);
	}
}

static void
no_ip_address_is_not_public(void **state)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	(void)state;
	assert_string_equal(address_refuse((struct sockaddr *)&un),
	    "not an IP address");
	assert_string_equal(address_refuse(&none), "not an IP address");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_and_their_neighbours),
		cmocka_unit_test(no_ip_address_is_not_public),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
