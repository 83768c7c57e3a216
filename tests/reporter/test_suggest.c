#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "reporter/suggest.h"
#include "tests/reporter/facts.h"

#define POLICY	"version: STSv1\r\nmode: enforce\r\n" \
		"mx: mx.example.com\r\nmax_age: 86401\r\n"
#define SPKI	"0123456789ABCDEF0123456789ABCDEF" \
		"0123456789ABCDEF0123456789ABCDEF"

/* A domain of one host, in a signed zone, with a policy or without. */
static void
prepare(struct check *c, const char *tlsrpt, const char *policy)
{
	check_init(c, DOMAIN);
	facts_none(&c->tlsrpt, true);
	facts_none(&c->sts, true);
	if (tlsrpt != NULL) {
		memset(&c->tlsrpt, 0, sizeof(c->tlsrpt));
		facts_txt(c, &c->tlsrpt, tlsrpt);
	}
	if (policy != NULL) {
		memset(&c->sts, 0, sizeof(c->sts));
		facts_txt(c, &c->sts, "v=STSv1; id=mine;");
	}
	facts_mx(c, 10, "mx.example.com");
	check_read_domain(c);
	facts_address(c, &c->hosts[0], "8.8.8.8");
	facts_none(&c->hosts[0].aaaa, true);
	facts_none(&c->hosts[0].tlsa, true);
	if (policy != NULL) {
		facts_address(c, &c->policy_host, "8.8.8.8");
		c->fetched = true;
		c->fetch.stage = FETCH_COMPLETE;
		c->fetch.status = 200;
		fmt(c->fetch.type, sizeof(c->fetch.type), "text/plain");
		c->fetch.body = xstrdup(policy);
		c->fetch.len = strlen(policy);
		c->fetch.chain.not_after = FACTS_NOW + 60 * DAY_SECONDS;
	}
	check_read_hosts(c);
	c->hosts[0].probed[0] = true;
	c->hosts[0].probes[0].stage = STARTTLS_WORKS;
	c->hosts[0].probes[0].version = TLS1_3_VERSION;
	fmt(c->hosts[0].probes[0].chain.spki,
	    sizeof(c->hosts[0].probes[0].chain.spki), SPKI);
	check_judge(c, &facts_config);
}

static bool
suggests(const struct suggestion *s, const char *record)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->records[i], record) == 0)
			return true;
	return false;
}

static void
where_nothing_is_there_all_is_suggested(void **state)
{
	struct suggestion s;
	struct check c;

	(void)state;
	prepare(&c, NULL, NULL);
	suggestion_make(&s, &c, &facts_config);
	assert_int_equal(s.n, 3);
	assert_true(suggests(&s, "_smtp._tls.example.com. IN TXT "
	    "\"v=TLSRPTv1; rua=mailto:tls-reports@example.com\""));
	assert_true(suggests(&s, "_25._tcp.mx.example.com. IN TLSA 3 1 1 "
	    SPKI));
	assert_string_equal(s.policy, "version: STSv1\r\nmode: testing\r\n"
	    "mx: mx.example.com\r\nmax_age: 604800\r\n");
	assert_string_equal(s.policy_url,
	    "https://mta-sts.example.com/.well-known/mta-sts.txt");
	suggestion_release(&s);
	check_release(&c);
}

/* The id in a suggestion, of the record for _mta-sts. */
static void
get_id(const struct suggestion *s, char id[64])
{
	const char *at = NULL;

	for (size_t i = 0; i < s->n && at == NULL; i++)
		if (strncmp(s->records[i], "_mta-sts.", 9) == 0)
			at = strstr(s->records[i], "id=");
	assert_non_null(at);
	fmt(id, 64, "%.*s", (int)strcspn(at + 3, ";"), at + 3);
}

static void
what_is_good_stays_as_it_is(void **state)
{
	struct suggestion s;
	struct check c;
	char id[64];

	(void)state;
	prepare(&c, "v=TLSRPTv1; rua=mailto:a@example.net,https://b.example/",
	    POLICY);
	suggestion_make(&s, &c, &facts_config);
	assert_true(suggests(&s, "_smtp._tls.example.com. IN TXT "
	    "\"v=TLSRPTv1; rua=mailto:a@example.net,https://b.example/\""));
	assert_string_equal(s.policy, POLICY);
	get_id(&s, id);
	assert_string_equal(id, "mine");
	suggestion_release(&s);
	check_release(&c);
}

static void
a_policy_that_changes_gets_an_id_of_its_content(void **state)
{
	static const char *const policies[] = {
		"version: STSv1\r\nmode: enforce\r\nmx: a.example\r\n"
		    "max_age: 604800\r\n",
		"version: STSv1\r\nmode: enforce\r\nmx: b.example\r\n"
		    "max_age: 604800\r\n",
		"version: STSv1\r\nmode: testing\r\nmx: b.example\r\n"
		    "max_age: 604800\r\n",
	};
	char ids[3][64], *policy = NULL;
	struct sts_record record;
	struct suggestion s;
	struct check c;
	const char *why;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		prepare(&c, NULL, policies[i]);
		suggestion_make(&s, &c, &facts_config);
		get_id(&s, ids[i]);
		assert_non_null(strstr(s.policy, "mx: mx.example.com\r\n"));
		assert_null(strstr(s.policy, "mx: b.example\r\n"));
		free(policy);
		policy = xasprintf("v=STSv1; id=%s;", ids[i]);
		assert_int_equal(sts_record_parse(&record, policy, &why), 0);
		suggestion_release(&s);
		check_release(&c);
	}
	free(policy);
	assert_string_equal(ids[0], ids[1]);
	assert_string_not_equal(ids[1], ids[2]);
}

static void
a_policy_that_is_suggested_has_no_faults(void **state)
{
	struct sts_policy p;
	struct suggestion s;
	struct check c;

	(void)state;
	prepare(&c, NULL, "version: STSv2\nmode: on\nmax_age: -1\n");
	suggestion_make(&s, &c, &facts_config);
	assert_int_equal(sts_policy_parse(&p, s.policy, strlen(s.policy)), 0);
	assert_int_equal(p.nfaults, 0);
	assert_true(sts_policy_fits(&p, "mx.example.com"));
	sts_policy_release(&p);
	suggestion_release(&s);
	check_release(&c);
}

static void
what_cannot_be_suggested_is_said(void **state)
{
	struct check_config config = facts_config;
	struct suggestion s;
	struct check c;

	(void)state;
	prepare(&c, NULL, NULL);
	c.hosts[0].tlsa.secure = false;
	suggestion_make(&s, &c, &facts_config);
	assert_int_equal(s.n, 2);
	assert_string_equal(s.notes[0], "No TLSA records for mx.example.com: "
	    "its zone is not signed, or DNSSEC does not work there.");
	suggestion_release(&s);
	config.validates = false;
	suggestion_make(&s, &c, &config);
	assert_non_null(strstr(s.notes[0], "without a trust anchor"));
	suggestion_release(&s);
	check_release(&c);

	check_init(&c, DOMAIN);
	facts_mx(&c, 0, "");
	check_mx_read(&c);
	suggestion_make(&s, &c, &facts_config);
	assert_int_equal(s.n, 0);
	assert_int_equal(s.nnotes, 1);
	assert_null(s.policy);
	suggestion_release(&s);
	check_release(&c);
}

static void
a_record_is_quoted_and_cut_for_a_zone(void **state)
{
	struct suggestion s;
	struct check c;
	char text[400], *record;

	(void)state;
	fmt(text, sizeof(text), "v=TLSRPTv1; rua=https://r.example/%%2C%0300d",
	    1);
	prepare(&c, text, NULL);
	suggestion_make(&s, &c, &facts_config);
	record = s.records[0];
	assert_non_null(strstr(record, "\" \""));
	assert_non_null(strstr(record, "r.example/%2C0"));
	assert_int_equal(strcspn(strchr(record, '"') + 1, "\""), 255);
	suggestion_release(&s);
	check_release(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_nothing_is_there_all_is_suggested),
		cmocka_unit_test(what_is_good_stays_as_it_is),
		cmocka_unit_test(
		    a_policy_that_changes_gets_an_id_of_its_content),
		cmocka_unit_test(a_policy_that_is_suggested_has_no_faults),
		cmocka_unit_test(what_cannot_be_suggested_is_said),
		cmocka_unit_test(a_record_is_quoted_and_cut_for_a_zone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
