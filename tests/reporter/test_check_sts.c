#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/reporter/facts.h"

#define ROWS(a)	(sizeof(a) / sizeof((a)[0]))
#define RECORD	"v=STSv1; id=20261122;"
#define POLICY	"version: STSv1\r\nmode: enforce\r\nmx: mx.example.com\r\n" \
		"max_age: 604800\r\n"

static void
add_host(struct check *c, const char *name)
{
	facts_mx(c, 10, name);
	check_mx_read(c);
	facts_address(c, &c->hosts[0], "8.8.8.8");
	facts_none(&c->hosts[0].tlsa, false);
}

static void
each_record_is_judged(void **state)
{
	static const struct {
		const char *name, *texts[2], *said;
		bool has;
	} rows[] = {
		{ "none", { NULL }, "warning mta-sts-missing", false },
		{ "good", { RECORD }, "", true },
		{ "two", { RECORD, "v=STSv1; id=2;" },
		    "error mta-sts-duplicate", false },
		{ "a stranger beside it", { "v=spf1 -all", RECORD }, "",
		    true },
		{ "another spelling", { "v=stsv1; id=1;" },
		    "error mta-sts-version", false },
		{ "no id", { "v=STSv1;" }, "error mta-sts-syntax", false },
		{ "an id with a hyphen", { "v=STSv1; id=2026-11-22;" },
		    "error mta-sts-syntax", false },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct check c;
		struct check_config config = facts_config;

		config.probe = false;
		check_init(&c, DOMAIN);
		add_host(&c, "mx.example.com");
		facts_none(&c.sts, false);
		if (rows[i].texts[0] != NULL)
			memset(&c.sts, 0, sizeof(c.sts));
		for (size_t k = 0; k < 2 && rows[i].texts[k] != NULL; k++)
			facts_txt(&c, &c.sts, rows[i].texts[k]);
		check_sts_read(&c);
		assert_int_equal(c.has_sts, rows[i].has);
		if (c.has_sts)
			facts_address(&c, &c.policy_host, "8.8.8.8");
		check_read_hosts(&c);
		check_sts_judge(&c, &config);
		facts_expect(rows[i].name, &c, rows[i].said);
		assert_non_null(c.findings.verdicts[AREA_STS]);
		check_release(&c);
	}
}

/* How the policy file came, and what was said of it. */
struct file_row {
	const char *name, *body;
	long status;
	const char *type, *mx;
	enum fetch_stage stage;
	unsigned faults;
	int days;
	bool too_long;
	const char *said;
};

static void
judge_file(const struct file_row *r)
{
	struct check c;

	check_init(&c, DOMAIN);
	add_host(&c, r->mx);
	facts_txt(&c, &c.tlsrpt, "v=TLSRPTv1; rua=mailto:a@example.net");
	check_tlsrpt_read(&c);
	facts_txt(&c, &c.sts, RECORD);
	check_sts_read(&c);
	facts_address(&c, &c.policy_host, "8.8.8.8");
	check_read_hosts(&c);
	c.fetched = true;
	c.fetch.stage = r->stage;
	c.fetch.why = xstrdup("a reason");
	c.fetch.status = r->status;
	c.fetch.too_long = r->too_long;
	fmt(c.fetch.type, sizeof(c.fetch.type), "%s", r->type);
	fmt(c.fetch.location, sizeof(c.fetch.location), "https://a.example/");
	c.fetch.body = xstrdup(r->body);
	c.fetch.len = strlen(r->body);
	c.fetch.chain.faults = r->faults;
	c.fetch.chain.not_after = FACTS_NOW +
	    (int64_t)r->days * DAY_SECONDS;
	check_sts_judge(&c, &facts_config);
	facts_expect(r->name, &c, r->said);
	check_release(&c);
}

#define ALL	FETCH_COMPLETE
#define MX	"mx.example.com"
#define TEXT	"text/plain"
#define REST	"mx: " MX "\r\nmax_age: 604800\r\n"
#define START	"version: STSv1\r\nmode: enforce\r\n"

static void
each_way_to_serve_it_is_judged(void **state)
{
	static const struct file_row rows[] = {
		{ "good", POLICY, 200, TEXT, MX, ALL, 0, 60, false, "" },
		{ "text/plain with charset", POLICY, 200,
		    "text/plain; charset=utf-8", MX, ALL, 0, 60, false, "" },
		{ "no connection", "", 0, "", MX, FETCH_NOWHERE, 0, 60, false,
		    "error mta-sts-unreachable" },
		{ "no TLS", "", 0, "", MX, FETCH_CONNECTED, 0, 60, false,
		    "error mta-sts-tls" },
		{ "no answer", "", 0, "", MX, FETCH_SECURED, 0, 60, false,
		    "error mta-sts-unreachable" },
		{ "breaks off", "", 200, TEXT, MX, FETCH_ANSWERED, 0, 60,
		    false, "error mta-sts-unreachable" },
		{ "too long", "", 200, TEXT, MX, FETCH_ANSWERED, 0, 60, true,
		    "error mta-sts-size" },
		{ "not found", "", 404, "text/html", MX, ALL, 0, 60, false,
		    "error mta-sts-status" },
		{ "a redirect", "", 301, "text/html", MX, ALL, 0, 60, false,
		    "error mta-sts-redirect" },
		{ "as HTML", POLICY, 200, "text/html", MX, ALL, 0, 60, false,
		    "warning mta-sts-content-type" },
		{ "as something like it", POLICY, 200, "text/plainer", MX,
		    ALL, 0, 60, false, "warning mta-sts-content-type" },
		{ "for another name", POLICY, 200, TEXT, MX, ALL,
		    CHAIN_WRONG_NAME, 60, false, "error mta-sts-certificate" },
		{ "expired", POLICY, 200, TEXT, MX, ALL, CHAIN_EXPIRED, -1,
		    false, "error mta-sts-certificate" },
		{ "soon to expire", POLICY, 200, TEXT, MX, ALL, 0, 13, false,
		    "warning mta-sts-expiring" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		judge_file(&rows[i]);
}

static void
each_policy_is_judged(void **state)
{
#define HOW	200, TEXT, MX, ALL, 0, 60, false
	static const struct file_row rows[] = {
		{ "no version", "mode: enforce\r\n" REST, HOW,
		    "error mta-sts-policy" },
		{ "no mode", "version: STSv1\r\n" REST, HOW,
		    "error mta-sts-policy" },
		{ "no mx", START "max_age: 604800\r\n", HOW,
		    "error mta-sts-policy" },
		{ "no max_age", START "mx: " MX "\r\n", HOW,
		    "error mta-sts-policy" },
		{ "empty", "", HOW,
		    "error mta-sts-policy, error mta-sts-policy, "
		    "error mta-sts-policy, error mta-sts-policy" },
		{ "testing",
		    "version: STSv1\r\nmode: testing\r\n" REST, HOW,
		    "info mta-sts-testing" },
		{ "mode none",
		    "version: STSv1\r\nmode: none\r\nmax_age: 604800\r\n", HOW,
		    "warning mta-sts-mode-none" },
		{ "an hour", START "mx: " MX "\r\nmax_age: 3600\r\n", HOW,
		    "warning mta-sts-max-age-short" },
		{ "a day", START "mx: " MX "\r\nmax_age: 86400\r\n", HOW,
		    "" },
		{ "a wildcard that fits", START
		    "mx: *.example.com\r\nmax_age: 604800\r\n", HOW, "" },
		{ "a pattern too many", START "mx: a.example\r\n" REST, HOW,
		    "info mta-sts-mx-unused" },
	};
#undef HOW

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		judge_file(&rows[i]);
}

static void
a_host_that_is_not_named_depends_on_the_mode(void **state)
{
#define HOW	200, TEXT, "other.example", ALL, 0, 60, false
	static const struct file_row rows[] = {
		{ "enforce", POLICY, HOW,
		    "error mta-sts-mx-uncovered, info mta-sts-mx-unused" },
		{ "testing",
		    "version: STSv1\r\nmode: testing\r\n" REST, HOW,
		    "info mta-sts-testing, warning mta-sts-mx-uncovered, "
		    "info mta-sts-mx-unused" },
		{ "none",
		    "version: STSv1\r\nmode: none\r\n" REST, HOW,
		    "warning mta-sts-mode-none" },
	};
#undef HOW

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		judge_file(&rows[i]);
}

static void
a_policy_host_has_to_have_an_address(void **state)
{
	static const struct {
		const char *name, *address, *said;
		bool failed;
	} rows[] = {
		{ "none", NULL, "error mta-sts-no-address", false },
		{ "no answer", NULL, "error mta-sts-no-answer", true },
		{ "a private one", "10.0.0.1", "error mta-sts-unreachable",
		    false },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct check c;

		check_init(&c, DOMAIN);
		add_host(&c, MX);
		facts_txt(&c, &c.sts, RECORD);
		check_sts_read(&c);
		facts_none(&c.policy_host.a, false);
		facts_none(&c.policy_host.aaaa, false);
		if (rows[i].failed)
			facts_failed(&c.policy_host.a, NULL);
		if (rows[i].address != NULL)
			facts_address(&c, &c.policy_host, rows[i].address);
		check_read_hosts(&c);
		check_sts_judge(&c, &facts_config);
		facts_expect(rows[i].name, &c, rows[i].said);
		check_release(&c);
	}
}

static void
testing_without_reports_is_in_vain(void **state)
{
	static const char policy[] =
	    "version: STSv1\r\nmode: testing\r\n" REST;
	struct check c;

	(void)state;
	check_init(&c, DOMAIN);
	add_host(&c, MX);
	facts_txt(&c, &c.sts, RECORD);
	check_sts_read(&c);
	facts_address(&c, &c.policy_host, "8.8.8.8");
	check_read_hosts(&c);
	c.fetched = true;
	c.fetch.stage = FETCH_COMPLETE;
	c.fetch.status = 200;
	fmt(c.fetch.type, sizeof(c.fetch.type), TEXT);
	c.fetch.body = xstrdup(policy);
	c.fetch.len = strlen(policy);
	c.fetch.chain.not_after = FACTS_NOW + 60 * DAY_SECONDS;
	check_sts_judge(&c, &facts_config);
	facts_expect("testing", &c, "warning mta-sts-testing");
	check_release(&c);
}

static void
who_has_dane_or_no_mail_needs_no_policy(void **state)
{
	struct check c;

	(void)state;
	check_init(&c, DOMAIN);
	add_host(&c, MX);
	facts_none(&c.sts, false);
	memset(&c.hosts[0].tlsa, 0, sizeof(c.hosts[0].tlsa));
	facts_txt(&c, &c.hosts[0].tlsa, "secure");
	check_sts_read(&c);
	check_sts_judge(&c, &facts_config);
	facts_expect("DANE", &c, "info mta-sts-missing");
	check_release(&c);

	check_init(&c, DOMAIN);
	facts_mx(&c, 0, "");
	check_mx_read(&c);
	facts_none(&c.sts, false);
	check_sts_read(&c);
	check_sts_judge(&c, &facts_config);
	facts_expect("no mail", &c, "");
	check_release(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_record_is_judged),
		cmocka_unit_test(each_way_to_serve_it_is_judged),
		cmocka_unit_test(each_policy_is_judged),
		cmocka_unit_test(a_host_that_is_not_named_depends_on_the_mode),
		cmocka_unit_test(a_policy_host_has_to_have_an_address),
		cmocka_unit_test(testing_without_reports_is_in_vain),
		cmocka_unit_test(who_has_dane_or_no_mail_needs_no_policy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
