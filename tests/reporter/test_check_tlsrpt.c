#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/reporter/facts.h"

#define ROWS(a)	(sizeof(a) / sizeof((a)[0]))
#define GOOD	"v=TLSRPTv1; rua=mailto:tls@example.net"

/* The first destination's domain takes mail. */
static void
facts_mail(struct check *c, const char *mx)
{
	facts_mx(c, 0, mx);
	c->places[0].mx = c->mx;
}

static void
each_record_is_judged(void **state)
{
	static const struct {
		const char *name, *texts[3], *said;
	} rows[] = {
		{ "none", { NULL }, "warning tlsrpt-missing" },
		{ "a good one", { GOOD }, "" },
		{ "two", { GOOD, "v=TLSRPTv1;rua=mailto:a@example.net" },
		    "error tlsrpt-duplicate" },
		{ "a stranger beside it", { "v=spf1 -all", GOOD },
		    "info tlsrpt-stray" },
		{ "only a stranger", { "v=spf1 -all" },
		    "info tlsrpt-stray, warning tlsrpt-missing" },
		{ "another spelling", { "v=tlsrptv1; rua=mailto:a@b.example" },
		    "error tlsrpt-version" },
		{ "another version", { "v=TLSRPTv2; rua=mailto:a@b.example" },
		    "error tlsrpt-version" },
		{ "nothing after the version", { "v=TLSRPTv1" },
		    "error tlsrpt-version" },
		{ "no rua", { "v=TLSRPTv1; a=b" }, "error tlsrpt-syntax" },
		{ "no =", { "v=TLSRPTv1; rua" }, "error tlsrpt-syntax" },
		{ "http", { "v=TLSRPTv1; rua=http://a.example/" },
		    "error tlsrpt-rua-unusable, error tlsrpt-rua-none" },
		{ "one of two", { GOOD ",ftp://a.example/" },
		    "error tlsrpt-rua-unusable" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct check c;

		check_init(&c, DOMAIN);
		facts_none(&c.tlsrpt, false);
		if (rows[i].texts[0] != NULL)
			memset(&c.tlsrpt, 0, sizeof(c.tlsrpt));
		for (size_t k = 0; k < 3 && rows[i].texts[k] != NULL; k++)
			facts_txt(&c, &c.tlsrpt, rows[i].texts[k]);
		check_tlsrpt_read(&c);
		if (c.nplaces > 0)
			facts_mail(&c, "mx.example.net");
		check_tlsrpt_judge(&c, &facts_config);
		facts_expect(rows[i].name, &c, rows[i].said);
		check_release(&c);
	}
}

static void
who_takes_no_mail_needs_no_record(void **state)
{
	struct check c;

	(void)state;
	check_init(&c, DOMAIN);
	facts_none(&c.tlsrpt, false);
	c.null_mx = true;
	check_tlsrpt_read(&c);
	check_tlsrpt_judge(&c, &facts_config);
	facts_expect("null MX", &c, "");
	check_release(&c);
}

static void
a_syntax_error_has_its_place(void **state)
{
	struct check c;

	(void)state;
	check_init(&c, DOMAIN);
	facts_txt(&c, &c.tlsrpt, GOOD "; what; a=b");
	check_tlsrpt_read(&c);
	assert_string_equal(facts_text(&c, F_TLSRPT_SYNTAX),
	    "the record breaks the grammar at byte 41, \"what; a=b\": a field "
	    "without \"=\"");
	check_release(&c);
}

static void
without_an_answer_nothing_is_claimed(void **state)
{
	struct check c;

	(void)state;
	check_init(&c, DOMAIN);
	facts_failed(&c.tlsrpt, NULL);
	check_tlsrpt_read(&c);
	check_tlsrpt_judge(&c, &facts_config);
	facts_expect("failed", &c, "error tlsrpt-no-answer");
	check_release(&c);

	check_init(&c, DOMAIN);
	facts_failed(&c.tlsrpt, "signature expired");
	check_tlsrpt_read(&c);
	check_tlsrpt_judge(&c, &facts_config);
	facts_expect("bogus", &c, "error tlsrpt-bogus");
	assert_non_null(strstr(facts_text(&c, F_TLSRPT_BOGUS),
	    "signature expired"));
	assert_string_equal(c.findings.verdicts[AREA_TLSRPT], "not known");
	check_release(&c);
}

/* One https destination, and what is known of its host. */
struct https_row {
	const char *name, *uri, *address;
	bool failed, probed;
	enum fetch_stage stage;
	unsigned faults;
	int days;		/* until the certificate expires */
	const char *said;
};

static void
judge_https(const struct https_row *r)
{
	struct check c;
	struct check_place *p;

	check_init(&c, DOMAIN);
	facts_txt(&c, &c.tlsrpt, r->uri);
	check_tlsrpt_read(&c);
	assert_int_equal(c.nplaces, 1);
	p = &c.places[0];
	facts_none(&p->host.a, false);
	facts_none(&p->host.aaaa, false);
	if (r->failed)
		facts_failed(&p->host.a, NULL);
	if (r->address != NULL)
		facts_address(&c, &p->host, r->address);
	check_read_hosts(&c);
	p->probed = r->probed;
	p->hello.stage = r->stage;
	p->hello.why = xstrdup("refused");
	p->hello.chain.faults = r->faults;
	p->hello.chain.not_after = FACTS_NOW + (int64_t)r->days * DAY_SECONDS;
	check_tlsrpt_judge(&c, &facts_config);
	facts_expect(r->name, &c, r->said);
	if (!p->probed)
		fetch_release(&p->hello);
	check_release(&c);
}

static void
each_https_destination_is_judged(void **state)
{
#define HOST	"v=TLSRPTv1; rua=https://r.example/in"
	static const struct https_row rows[] = {
		{ "good", HOST, "8.8.8.8", false, true, FETCH_SECURED, 0, 60,
		    "" },
		{ "not looked at", HOST, "8.8.8.8", false, false,
		    FETCH_NOWHERE, 0, 60, "" },
		{ "no address", HOST, NULL, false, false, FETCH_NOWHERE, 0,
		    60, "error tlsrpt-rua-no-address" },
		{ "no answer", HOST, NULL, true, false, FETCH_NOWHERE, 0, 60,
		    "warning tlsrpt-rua-no-answer" },
		{ "a private address", HOST, "10.1.2.3", false, false,
		    FETCH_NOWHERE, 0, 60, "error tlsrpt-rua-private" },
		{ "loopback by IPv6", HOST, "::1", false, false,
		    FETCH_NOWHERE, 0, 60, "error tlsrpt-rua-private" },
		{ "no connection", HOST, "8.8.8.8", false, true,
		    FETCH_NOWHERE, 0, 60, "error tlsrpt-rua-unreachable" },
		{ "no TLS", HOST, "8.8.8.8", false, true, FETCH_CONNECTED, 0,
		    60, "error tlsrpt-rua-unreachable" },
		{ "a bad certificate", HOST, "8.8.8.8", false, true,
		    FETCH_SECURED, CHAIN_SELF_SIGNED, 60,
		    "warning tlsrpt-rua-certificate" },
		{ "soon to expire", HOST, "8.8.8.8", false, true,
		    FETCH_SECURED, 0, 13, "warning tlsrpt-rua-expiring" },
		{ "not so soon", HOST, "8.8.8.8", false, true,
		    FETCH_SECURED, 0, 14, "" },
	};
#undef HOST

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		judge_https(&rows[i]);
}

enum mail_facts { MX, NULL_MX, NO_MX, ONLY_A, MX_FAILED };

static void
judge_mail(const char *name, enum mail_facts facts, const char *said)
{
	struct check c;
	struct check_place *p;
	struct rrset mx;

	check_init(&c, DOMAIN);
	facts_txt(&c, &c.tlsrpt, GOOD);
	check_tlsrpt_read(&c);
	p = &c.places[0];
	facts_none(&p->mx, false);
	facts_none(&p->host.a, false);
	if (facts == MX || facts == NULL_MX) {
		facts_mx(&c, 0, facts == MX ? "mx.example.net" : "");
		mx = c.mx;
		p->mx = mx;
	} else if (facts == ONLY_A) {
		facts_address(&c, &p->host, "8.8.8.8");
	} else if (facts == MX_FAILED) {
		facts_failed(&p->mx, NULL);
	}
	check_read_hosts(&c);
	check_tlsrpt_judge(&c, &facts_config);
	facts_expect(name, &c, said);
	check_release(&c);
}

static void
each_mail_destination_is_judged(void **state)
{
	(void)state;
	judge_mail("an MX", MX, "");
	judge_mail("no MX, but an address", ONLY_A, "");
	judge_mail("null MX", NULL_MX, "error tlsrpt-rua-null-mx");
	judge_mail("nothing", NO_MX, "error tlsrpt-rua-no-mx");
	judge_mail("no answer", MX_FAILED, "warning tlsrpt-rua-no-answer");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_record_is_judged),
		cmocka_unit_test(who_takes_no_mail_needs_no_record),
		cmocka_unit_test(a_syntax_error_has_its_place),
		cmocka_unit_test(without_an_answer_nothing_is_claimed),
		cmocka_unit_test(each_https_destination_is_judged),
		cmocka_unit_test(each_mail_destination_is_judged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
