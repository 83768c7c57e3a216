#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/reporter/facts.h"

#define ROWS(a)	(sizeof(a) / sizeof((a)[0]))

/* What the domain promises. */
enum promise { NOTHING, ENFORCE, TESTING, DANE };

struct row {
	const char *name;
	enum promise promise;
	enum starttls_stage stage;
	int version;
	unsigned faults;
	int days;
	const char *said;
};

static void
fill(struct starttls *s, const struct row *r)
{
	s->stage = r->stage;
	s->why = xstrdup("a reason");
	s->version = r->version;
	fmt(s->version_name, sizeof(s->version_name), "TLSv1.x");
	s->chain.faults = r->faults;
	s->chain.not_after = FACTS_NOW + (int64_t)r->days * DAY_SECONDS;
}

/* Two addresses: the second is always well. */
static void
judge(const struct row *r)
{
	static const struct row well = { "", NOTHING, STARTTLS_WORKS,
	    TLS1_3_VERSION, 0, 60, "" };
	struct check c;

	check_init(&c, DOMAIN);
	facts_mx(&c, 10, "mx.example.com");
	check_mx_read(&c);
	facts_address(&c, &c.hosts[0], "8.8.8.8");
	facts_address(&c, &c.hosts[0], "8.8.4.4");
	check_read_hosts(&c);
	c.hosts[0].dane = r->promise == DANE;
	c.has_policy = r->promise == ENFORCE || r->promise == TESTING;
	c.policy.mode = r->promise == ENFORCE ? STS_ENFORCE : STS_TESTING;
	c.hosts[0].probed[0] = c.hosts[0].probed[1] = true;
	fill(&c.hosts[0].probes[0], r);
	fill(&c.hosts[0].probes[1], &well);
	check_starttls_judge(&c, &facts_config);
	facts_expect(r->name, &c, r->said);
	check_release(&c);
}

#define TLS13	TLS1_3_VERSION
#define WORKS	STARTTLS_WORKS

static void
each_stage_is_judged(void **state)
{
	static const struct row rows[] = {
		{ "well", NOTHING, WORKS, TLS13, 0, 60, "" },
		{ "not reached", NOTHING, STARTTLS_NOWHERE, 0, 0, 60,
		    "warning starttls-unreachable" },
		{ "no greeting", NOTHING, STARTTLS_CONNECTED, 0, 0, 60,
		    "warning starttls-smtp" },
		{ "no EHLO", NOTHING, STARTTLS_GREETED, 0, 0, 60,
		    "warning starttls-smtp" },
		{ "no STARTTLS", NOTHING, STARTTLS_PLAIN, 0, 0, 60,
		    "warning starttls-missing" },
		{ "no STARTTLS, but a policy", ENFORCE, STARTTLS_PLAIN, 0, 0,
		    60, "error starttls-missing" },
		{ "no STARTTLS, but TLSA records", DANE, STARTTLS_PLAIN, 0, 0,
		    60, "error starttls-missing" },
		{ "refused", NOTHING, STARTTLS_OFFERED, 0, 0, 60,
		    "error starttls-refused" },
		{ "no handshake", NOTHING, STARTTLS_ACCEPTED, 0, 0, 60,
		    "error starttls-handshake" },
		{ "nothing after it", NOTHING, STARTTLS_SECURED, TLS13, 0, 60,
		    "warning starttls-smtp" },
		{ "TLS 1.1", NOTHING, WORKS, TLS1_1_VERSION, 0, 60,
		    "warning starttls-version" },
		{ "TLS 1.1, and a policy", ENFORCE, WORKS, TLS1_1_VERSION, 0,
		    60, "error starttls-version" },
		{ "TLS 1.2", NOTHING, WORKS, TLS1_2_VERSION, 0, 60, "" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		judge(&rows[i]);
}

static void
a_certificate_is_as_bad_as_what_was_promised(void **state)
{
	static const struct row rows[] = {
		{ "expired", NOTHING, WORKS, TLS13, CHAIN_EXPIRED, -1,
		    "info starttls-expired" },
		{ "expired, testing", TESTING, WORKS, TLS13, CHAIN_EXPIRED,
		    -1, "warning starttls-expired" },
		{ "expired, enforce", ENFORCE, WORKS, TLS13, CHAIN_EXPIRED,
		    -1, "error starttls-expired" },
		{ "expired, DANE", DANE, WORKS, TLS13, CHAIN_EXPIRED, -1,
		    "info starttls-expired" },
		{ "not yet valid, enforce", ENFORCE, WORKS, TLS13,
		    CHAIN_NOT_YET, 60, "error starttls-expired" },
		{ "soon to expire", NOTHING, WORKS, TLS13, 0, 13,
		    "info starttls-expiring" },
		{ "soon to expire, enforce", ENFORCE, WORKS, TLS13, 0, 13,
		    "warning starttls-expiring" },
		{ "two weeks left", ENFORCE, WORKS, TLS13, 0, 14, "" },
		{ "name", NOTHING, WORKS, TLS13, CHAIN_WRONG_NAME, 60,
		    "info starttls-name" },
		{ "name, testing", TESTING, WORKS, TLS13, CHAIN_WRONG_NAME,
		    60, "warning starttls-name" },
		{ "name, enforce", ENFORCE, WORKS, TLS13, CHAIN_WRONG_NAME,
		    60, "error starttls-name" },
		{ "self-signed", NOTHING, WORKS, TLS13, CHAIN_SELF_SIGNED, 60,
		    "info starttls-untrusted" },
		{ "self-signed, enforce", ENFORCE, WORKS, TLS13,
		    CHAIN_SELF_SIGNED, 60, "error starttls-untrusted" },
		{ "an unknown CA, enforce", ENFORCE, WORKS, TLS13,
		    CHAIN_UNKNOWN_ISSUER, 60, "error starttls-untrusted" },
		{ "none at all, enforce", ENFORCE, WORKS, TLS13, CHAIN_NONE,
		    -20000, "error starttls-untrusted" },
		{ "all of it, enforce", ENFORCE, WORKS, TLS13,
		    CHAIN_SELF_SIGNED | CHAIN_WRONG_NAME | CHAIN_EXPIRED, -1,
		    "error starttls-expired, error starttls-untrusted, "
		    "error starttls-name" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		judge(&rows[i]);
}

/* Key and cipher, where all else is well. */
static void
weak_keys_and_ciphers_are_told(void **state)
{
	static const struct {
		const char *name, *key, *cipher, *said;
	} rows[] = {
		{ "strong", "RSA 2048", "ECDHE-RSA-AES256-GCM-SHA384", "" },
		{ "elliptic", "EC 256", "TLS_AES_256_GCM_SHA384", "" },
		{ "a short key", "RSA 1024", "TLS_AES_256_GCM_SHA384",
		    "warning starttls-key" },
		{ "RSA key exchange", "RSA 4096", "AES256-SHA",
		    "info starttls-cipher" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		static const struct row well = { "", NOTHING, WORKS, TLS13, 0,
		    60, "" };
		struct check c;
		struct starttls *s;

		check_init(&c, DOMAIN);
		facts_mx(&c, 10, "mx.example.com");
		check_mx_read(&c);
		facts_address(&c, &c.hosts[0], "8.8.8.8");
		check_read_hosts(&c);
		c.hosts[0].probed[0] = true;
		s = &c.hosts[0].probes[0];
		fill(s, &well);
		fmt(s->cipher, sizeof(s->cipher), "%s", rows[i].cipher);
		s->chain.key = xstrdup(rows[i].key);
		check_starttls_judge(&c, &facts_config);
		facts_expect(rows[i].name, &c, rows[i].said);
		check_release(&c);
	}
}

static void
prepare(struct check *c)
{
	check_init(c, DOMAIN);
	facts_mx(c, 10, "mx.example.com");
	check_mx_read(c);
	facts_address(c, &c->hosts[0], "8.8.8.8");
	facts_address(c, &c->hosts[0], "2a00::1");
	check_read_hosts(c);
}

static void
where_none_is_reached_it_may_be_us(void **state)
{
	struct check c;

	(void)state;
	prepare(&c);
	c.hosts[0].probed[0] = c.hosts[0].probed[1] = true;
	c.hosts[0].probes[0].why = xstrdup("timed out");
	check_starttls_judge(&c, &facts_config);
	facts_expect("none", &c, "warning starttls-all-unreachable");
	assert_string_equal(c.findings.verdicts[AREA_STARTTLS], "not known");
	check_release(&c);
}

static void
an_address_without_a_way_to_it_is_not_blamed(void **state)
{
	struct check c;

	(void)state;
	prepare(&c);
	c.hosts[0].probed[0] = true;
	c.hosts[0].probes[0].stage = STARTTLS_WORKS;
	c.hosts[0].probes[0].version = TLS1_3_VERSION;
	c.hosts[0].probes[0].chain.not_after = FACTS_NOW + 1000000000;
	check_starttls_judge(&c, &facts_config);
	facts_expect("no way", &c, "info starttls-no-route");
	check_release(&c);
}

static void
without_probes_nothing_is_said(void **state)
{
	struct check_config config = facts_config;
	struct check c;

	(void)state;
	config.probe = false;
	prepare(&c);
	check_starttls_judge(&c, &config);
	facts_expect("no probe", &c, "");
	check_release(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_stage_is_judged),
		cmocka_unit_test(a_certificate_is_as_bad_as_what_was_promised),
		cmocka_unit_test(weak_keys_and_ciphers_are_told),
		cmocka_unit_test(where_none_is_reached_it_may_be_us),
		cmocka_unit_test(an_address_without_a_way_to_it_is_not_blamed),
		cmocka_unit_test(without_probes_nothing_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
