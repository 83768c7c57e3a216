#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/reporter/facts.h"

#define ROWS(a)	(sizeof(a) / sizeof((a)[0]))

/* MX records "PREFERENCE NAME", hosts' addresses by their order. */
struct row {
	const char *name;
	struct {
		unsigned preference;
		const char *name;
	} mx[3];
	const char *addresses[3];
	bool alias;			/* the first host is one */
	const char *said, *verdict;
};

static void
judge(const struct row *r)
{
	struct check c;

	check_init(&c, DOMAIN);
	facts_none(&c.mx, false);
	if (r->mx[0].name != NULL)
		memset(&c.mx, 0, sizeof(c.mx));
	for (size_t i = 0; i < 3 && r->mx[i].name != NULL; i++)
		facts_mx(&c, r->mx[i].preference, r->mx[i].name);
	check_mx_read(&c);
	for (size_t i = 0; i < c.nhosts; i++) {
		facts_none(&c.hosts[i].a, false);
		facts_none(&c.hosts[i].aaaa, false);
		facts_none(&c.hosts[i].cname, false);
		memset(&c.hosts[i].a, 0, sizeof(c.hosts[i].a));
		c.hosts[i].a.status = DNS_NONE;
		if (r->addresses[i] != NULL)
			facts_address(&c, &c.hosts[i], r->addresses[i]);
	}
	if (r->alias)
		facts_txt(&c, &c.hosts[0].cname, "alias");
	check_read_hosts(&c);
	check_mx_judge(&c, &facts_config);
	facts_expect(r->name, &c, r->said);
	assert_string_equal(c.findings.verdicts[AREA_MX], r->verdict);
	check_release(&c);
}

static void
each_set_of_records_is_judged(void **state)
{
	static const struct row rows[] = {
		{ "one host", { { 10, "mx.example.com" } }, { "8.8.8.8" },
		    false, "", "mx.example.com" },
		{ "by preference",
		    { { 20, "a.example" }, { 10, "b.example" } },
		    { "8.8.8.8", "2a00::1" }, false, "",
		    "2 hosts: b.example, a.example" },
		{ "the same twice is one",
		    { { 20, "a.example" }, { 10, "a.example" } },
		    { "8.8.8.8" }, false, "", "a.example" },
		{ "null", { { 0, "" } }, { NULL }, false, "info mx-null",
		    "takes no mail" },
		{ "null beside one", { { 0, "" }, { 5, "mx.example.com" } },
		    { "8.8.8.8" }, false, "error mx-null-mixed",
		    "mx.example.com" },
		{ "none, but an address", { { 0, NULL } }, { "8.8.8.8" },
		    false, "info mx-none", "none: the domain itself" },
		{ "nothing at all", { { 0, NULL } }, { NULL }, false,
		    "error mx-no-mail", "none: no mail" },
		{ "an address for a host", { { 10, "192.0.2.1" } }, { NULL },
		    false, "error mx-literal", "not known" },
		{ "a name with blanks", { { 10, "mx example.com" } },
		    { NULL }, false, "error mx-malformed", "not known" },
		{ "a name with an escape", { { 10, "m\033x.example.com" } },
		    { NULL }, false, "error mx-malformed", "not known" },
		{ "a host without address", { { 10, "mx.example.com" } },
		    { NULL }, false, "error mx-no-address",
		    "mx.example.com" },
		{ "a private one", { { 10, "mx.example.com" } },
		    { "192.168.1.1" }, false, "warning mx-private",
		    "mx.example.com" },
		{ "an alias", { { 10, "mx.example.com" } }, { "8.8.8.8" },
		    true, "warning mx-cname", "mx.example.com" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		judge(&rows[i]);
}

static void
without_an_answer_nothing_is_claimed(void **state)
{
	struct check c;

	(void)state;
	check_init(&c, DOMAIN);
	facts_failed(&c.mx, NULL);
	check_mx_read(&c);
	assert_int_equal(c.nhosts, 0);
	check_mx_judge(&c, &facts_config);
	facts_expect("no answer", &c, "error mx-no-answer");
	check_release(&c);
}

static void
addresses_that_dns_does_not_tell_are_told(void **state)
{
	struct check c;

	(void)state;
	for (int has_address = 0; has_address < 2; has_address++) {
		check_init(&c, DOMAIN);
		facts_mx(&c, 10, "mx.example.com");
		check_mx_read(&c);
		facts_none(&c.hosts[0].a, false);
		if (has_address) {
			memset(&c.hosts[0].a, 0, sizeof(c.hosts[0].a));
			facts_address(&c, &c.hosts[0], "8.8.8.8");
		}
		facts_failed(&c.hosts[0].aaaa, NULL);
		check_read_hosts(&c);
		check_mx_judge(&c, &facts_config);
		facts_expect("IPv6", &c, has_address ?
		    "warning mx-address-no-answer" :
		    "error mx-address-no-answer");
		assert_non_null(strstr(facts_text(&c,
		    F_MX_ADDRESS_NO_ANSWER), "the IPv6 addresses"));
		check_release(&c);
	}
}

static void
only_so_many_hosts_are_looked_at(void **state)
{
	struct check c;
	char name[32];

	(void)state;
	check_init(&c, DOMAIN);
	for (unsigned i = 0; i < CHECK_HOSTS_MAX + 5; i++) {
		fmt(name, sizeof(name), "mx%u.example", i);
		facts_mx(&c, i, name);
	}
	check_mx_read(&c);
	assert_int_equal(c.nhosts, CHECK_HOSTS_MAX);
	assert_true(findings_have(&c.findings, F_MX_MANY));
	check_release(&c);
}

static void
only_so_many_addresses_are_connected_to(void **state)
{
	struct check c;
	char text[32];

	(void)state;
	check_init(&c, DOMAIN);
	facts_mx(&c, 10, "mx.example.com");
	check_mx_read(&c);
	for (int i = 1; i < 10; i++) {
		fmt(text, sizeof(text), "8.8.8.%d", i);
		facts_address(&c, &c.hosts[0], text);
		fmt(text, sizeof(text), "2a00::%d", i);
		facts_address(&c, &c.hosts[0], text);
	}
	check_read_hosts(&c);
	assert_int_equal(c.hosts[0].naddresses, CHECK_ADDRESSES_MAX);
	assert_string_equal(c.hosts[0].addresses[0], "8.8.8.1");
	assert_string_equal(c.hosts[0].addresses[CHECK_ADDRESSES_MAX / 2],
	    "2a00::1");
	check_release(&c);
}

/* Data of an MX record that is none. */
static void
malformed_data_is_no_host(void **state)
{
	static const struct {
		const char *name, *data;
		size_t len;
	} rows[] = {
		{ "empty", "", 0 },
		{ "a preference only", "\0\1", 2 },
		{ "no end", "\0\1\2mx", 5 },
		{ "a label that goes on too far", "\0\1\11mx\0", 6 },
		{ "a pointer", "\0\1\300\014", 4 },
		{ "something behind the end", "\0\1\2mx\0\1", 7 },
		{ "a dot in a label", "\0\1\3m.x\0", 7 },
	};
	char host[RECORD_DOMAIN_MAX + 1];
	unsigned preference;
	struct check c;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		check_init(&c, DOMAIN);
		facts_add(&c, &c.mx, rows[i].data, rows[i].len);
		if (rrset_mx(&c.mx, 0, &preference, host))
			fail_msg("%s: \"%s\"", rows[i].name, host);
		check_release(&c);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_set_of_records_is_judged),
		cmocka_unit_test(without_an_answer_nothing_is_claimed),
		cmocka_unit_test(addresses_that_dns_does_not_tell_are_told),
		cmocka_unit_test(only_so_many_hosts_are_looked_at),
		cmocka_unit_test(only_so_many_addresses_are_connected_to),
		cmocka_unit_test(malformed_data_is_no_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
