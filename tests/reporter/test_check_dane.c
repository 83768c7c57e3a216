#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "tests/reporter/certs.h"
#include "tests/reporter/facts.h"

#define ROWS(a)	(sizeof(a) / sizeof((a)[0]))

/* One for the whole run: its key is what TLSA records are about. */
static struct cert served;

static int
make_cert(void **state)
{
	(void)state;
	served = cert_make("mx.example.com", "DNS:mx.example.com", NULL, -1,
	    60);
	return 0;
}

static int
drop_cert(void **state)
{
	(void)state;
	cert_free(&served);
	return 0;
}

enum tlsa_kind { NO_RECORD, FITS, OTHER, USAGE_1, SHORT };

static void
add_tlsa(struct check *c, struct check_host *h, enum tlsa_kind what)
{
	unsigned char rdata[3 + 32] = { 3, 1, 1 };
	unsigned char *key = NULL;
	int len;

	if (what == SHORT) {
		facts_add(c, &h->tlsa, "\3\1", 2);
		return;
	}
	if (what == USAGE_1)
		rdata[0] = 1;
	len = i2d_PUBKEY(served.key, &key);
	assert_true(len > 0);
	assert_int_equal(EVP_Digest(key, (size_t)len, rdata + 3, NULL,
	    EVP_sha256(), NULL), 1);
	OPENSSL_free(key);
	if (what == OTHER)
		rdata[3] ^= 1;
	facts_add(c, &h->tlsa, rdata, sizeof(rdata));
}

static void
serve(struct check_host *h)
{
	h->probed[0] = true;
	h->probes[0].stage = STARTTLS_WORKS;
	h->probes[0].chain.certs = sk_X509_new_null();
	X509_up_ref(served.x509);
	sk_X509_push(h->probes[0].chain.certs, served.x509);
}

struct row {
	const char *name;
	enum tlsa_kind records[3];
	bool secure, mx_secure, a_secure, serves;
	const char *said, *verdict;
};

static void
judge(const struct row *r)
{
	struct check_config config = facts_config;
	struct check c;
	struct check_host *h;

	check_init(&c, DOMAIN);
	facts_mx(&c, 10, "mx.example.com");
	c.mx.secure = r->mx_secure;
	check_mx_read(&c);
	h = &c.hosts[0];
	facts_address(&c, h, "8.8.8.8");
	h->a.secure = r->a_secure;
	check_read_hosts(&c);
	facts_none(&h->tlsa, r->secure);
	if (r->records[0] != NO_RECORD)
		memset(&h->tlsa, 0, sizeof(h->tlsa));
	for (size_t i = 0; i < 3 && r->records[i] != NO_RECORD; i++)
		add_tlsa(&c, h, r->records[i]);
	h->tlsa.secure = r->secure;
	if (r->serves)
		serve(h);
	check_dane_judge(&c, &config);
	facts_expect(r->name, &c, r->said);
	assert_string_equal(c.findings.verdicts[AREA_DANE], r->verdict);
	check_release(&c);
}

#define ALL	"all hosts have secure TLSA records"
#define MATCH	ALL " that match"
#define NONE	"no TLSA records"
#define USELESS	"TLSA records, but none that senders can rely on"

static void
each_set_of_records_is_judged(void **state)
{
	static const struct row rows[] = {
		{ "none", { NO_RECORD }, true, true, true, true,
		    "info dane-none", NONE },
		{ "the key in use", { FITS }, true, true, true, true,
		    "info dane-rollover", MATCH },
		{ "and the next one", { FITS, OTHER }, true, true, true, true,
		    "info dane-stale", MATCH },
		{ "another key", { OTHER }, true, true, true, true,
		    "error dane-mismatch", ALL ", but not of what they serve" },
		{ "another key, but not looked at", { OTHER }, true, true,
		    true, false, "", ALL },
		{ "usage 1 only", { USAGE_1 }, true, true, true, true,
		    "warning dane-unusable, error dane-all-unusable", ALL },
		{ "usage 1 beside a good one", { USAGE_1, FITS }, true, true,
		    true, true, "warning dane-unusable, info dane-rollover",
		    MATCH },
		{ "too short", { SHORT, FITS }, true, true, true, true,
		    "error dane-malformed, info dane-rollover", MATCH },
		{ "not signed", { OTHER }, false, true, true, true,
		    "warning dane-insecure", USELESS },
		{ "MX not signed", { FITS }, true, false, true, true,
		    "warning dane-mx-insecure, info dane-rollover",
		    MATCH },
		{ "address not signed", { FITS }, true, true, false, true,
		    "warning dane-address-insecure, info dane-rollover",
		    USELESS },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		judge(&rows[i]);
}

/* One host's answer about TLSA records is not to be had. */
static void
judge_failed(const char *name, const char *bogus, bool a_secure,
    const char *said)
{
	struct check c;

	check_init(&c, DOMAIN);
	facts_mx(&c, 10, "mx.example.com");
	check_mx_read(&c);
	facts_address(&c, &c.hosts[0], "8.8.8.8");
	c.hosts[0].a.secure = a_secure;
	facts_failed(&c.hosts[0].tlsa, bogus);
	check_dane_judge(&c, &facts_config);
	facts_expect(name, &c, said);
	assert_string_equal(c.findings.verdicts[AREA_DANE], "not known");
	check_release(&c);
}

static void
no_answer_keeps_mail_away_where_senders_ask(void **state)
{
	(void)state;
	judge_failed("a signed host", NULL, true, "error dane-no-answer");
	judge_failed("one that is not", NULL, false, "info dane-no-answer");
	judge_failed("a false answer", "signature expired", false,
	    "error dane-no-answer");
}

static void
all_hosts_have_to_have_them(void **state)
{
	struct check c;

	(void)state;
	check_init(&c, DOMAIN);
	facts_mx(&c, 10, "a.example");
	facts_mx(&c, 20, "b.example");
	check_mx_read(&c);
	facts_none(&c.hosts[1].tlsa, true);
	add_tlsa(&c, &c.hosts[0], FITS);
	check_dane_judge(&c, &facts_config);
	facts_expect("partial", &c, "warning dane-partial");
	assert_string_equal(c.findings.verdicts[AREA_DANE], "1 of 2 hosts");
	assert_true(c.hosts[0].dane);
	assert_false(c.hosts[1].dane);
	check_release(&c);
}

static void
without_a_trust_anchor_nothing_is_called_secure(void **state)
{
	struct check_config config = facts_config;
	struct check c;

	(void)state;
	config.validates = false;
	check_init(&c, DOMAIN);
	facts_mx(&c, 10, "mx.example.com");
	check_mx_read(&c);
	add_tlsa(&c, &c.hosts[0], FITS);
	c.hosts[0].tlsa.secure = false;
	check_dane_judge(&c, &config);
	facts_expect("no anchor", &c, "info dane-unvalidated");
	assert_false(c.hosts[0].dane);
	check_release(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_set_of_records_is_judged),
		cmocka_unit_test(no_answer_keeps_mail_away_where_senders_ask),
		cmocka_unit_test(all_hosts_have_to_have_them),
		cmocka_unit_test(
		    without_a_trust_anchor_nothing_is_called_secure),
	};

	return cmocka_run_group_tests(tests, make_cert, drop_cert);
}
