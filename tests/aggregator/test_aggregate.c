#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/aggregator/sample.h"

#define DETAILS_MAX	500
#define ROWS_MAX	6

#define STS_1	"version: STSv1|mode: enforce|mx: mx1.example.net"
#define STS_2	"version: STSv1|mx: mx1.example.net|mode: enforce"
#define TLSA_1	"3 1 1 AA"

#define EXPIRED_AT(ip) { CERTIFICATE_EXPIRED, "192.0.2.1", "mx1.example.net", \
	"mx1.example.net", ip, NULL, NULL }
#define BARE(result)	{ result, NULL, NULL, NULL, NULL, NULL, NULL }

static const struct {
	const char *name;
	struct sample rows[ROWS_MAX];
	const char *expect;
} cases[] = {
	{ "nothing counted, nothing to report", { { 0 } }, "" },
	{ "sessions with our own reports are passed over",
	    { { .domain = "example.net", .type = POLICY_NONE, .sessions = 3,
	    .own_report = true } }, "" },
	{ "equal policies are counted together",
	    { { .domain = "example.net", .txt = "t", .type = POLICY_NONE,
	    .sessions = 3 },
	    { .domain = "example.net", .txt = "t", .type = POLICY_NONE,
	    .sessions = 4 },
	    { .domain = "example.net", .txt = "t", .type = POLICY_NONE,
	    .failed = true, .failure = BARE(STARTTLS_NOT_SUPPORTED),
	    .sessions = 2 } },
	    "example.net 9\n\ttxt t 9\n\t9 example.net +7 -2\n"
	    "\t\t201 - - - - - - x2\n" },
	{ "domains come by name, policies by type and domain",
	    { { .domain = "b.example", .type = POLICY_NONE, .sessions = 1 },
	    { .domain = "a.example", .type = POLICY_NONE, .sessions = 1 },
	    { .domain = "b.example", .type = POLICY_TLSA, .strings = TLSA_1,
	    .policy_domain = "mx2.b.example", .sessions = 2 },
	    { .domain = "b.example", .type = POLICY_TLSA, .strings = TLSA_1,
	    .policy_domain = "mx1.b.example", .sessions = 3 } },
	    "a.example 1 txt-missing\n\t9 a.example +1 -0\n"
	    "b.example 6 txt-missing\n"
	    "\t1 mx1.b.example 3 1 1 AA +3 -0\n"
	    "\t1 mx2.b.example 3 1 1 AA +2 -0\n"
	    "\t9 b.example +1 -0\n" },
	{ "the order of STS lines is part of the policy, as are its hosts",
	    { { .domain = "example.net", .txt = "t", .type = POLICY_STS,
	    .strings = STS_1, .mx = "mx1.example.net", .sessions = 1 },
	    { .domain = "example.net", .txt = "t", .type = POLICY_STS,
	    .strings = STS_2, .mx = "mx1.example.net", .sessions = 2 },
	    { .domain = "example.net", .txt = "t", .type = POLICY_STS,
	    .strings = STS_1, .mx = "mx2.example.net", .sessions = 4 },
	    { .domain = "example.net", .txt = "t", .type = POLICY_STS,
	    .strings = STS_1, .mx = "mx1.example.net", .sessions = 8 } },
	    "example.net 15\n\ttxt t 15\n"
	    "\t2 example.net " STS_1 " mx1.example.net +9 -0\n"
	    "\t2 example.net " STS_1 " mx2.example.net +4 -0\n"
	    "\t2 example.net " STS_2 " mx1.example.net +2 -0\n" },
	{ "the most frequent failure comes first, then by content",
	    { { .domain = "example.net", .txt = "t", .type = POLICY_NONE,
	    .failed = true, .failure = EXPIRED_AT("192.0.2.26"),
	    .sessions = 1 },
	    { .domain = "example.net", .txt = "t", .type = POLICY_NONE,
	    .failed = true, .failure = EXPIRED_AT("192.0.2.25"),
	    .sessions = 1 },
	    { .domain = "example.net", .txt = "t", .type = POLICY_NONE,
	    .failed = true, .failure = { VALIDATION_FAILURE, NULL, NULL, NULL,
	    NULL, "https://example.com/", "why" }, .sessions = 5 },
	    { .domain = "example.net", .txt = "t", .type = POLICY_NONE,
	    .failed = true, .failure = EXPIRED_AT(NULL), .sessions = 1 } },
	    "example.net 8\n\ttxt t 8\n\t9 example.net +0 -8\n"
	    "\t\t205 - - - - https://example.com/ why x5\n"
	    "\t\t204 192.0.2.1 mx1.example.net mx1.example.net - - - x1\n"
	    "\t\t204 192.0.2.1 mx1.example.net mx1.example.net 192.0.2.25"
	    " - - x1\n"
	    "\t\t204 192.0.2.1 mx1.example.net mx1.example.net 192.0.2.26"
	    " - - x1\n" },
	{ "f decides, whatever the details say",
	    { { .domain = "example.net", .txt = "t", .type = POLICY_NONE,
	    .failed = true, .sessions = 2 },
	    { .domain = "example.net", .txt = "t", .type = POLICY_NONE,
	    .failure = BARE(DANE_REQUIRED), .sessions = 3 } },
	    "example.net 5\n\ttxt t 5\n\t9 example.net +3 -2\n"
	    "\t\t306 - - - - - - x3\n" },
	{ "texts come by sessions, then by text",
	    { { .domain = "example.net", .txt = "b", .type = POLICY_NONE,
	    .sessions = 2 },
	    { .domain = "example.net", .txt = "c", .type = POLICY_NONE,
	    .sessions = 5 },
	    { .domain = "example.net", .txt = "a", .type = POLICY_NONE,
	    .sessions = 1 },
	    { .domain = "example.net", .txt = "a", .type = POLICY_NONE,
	    .sessions = 1 } },
	    "example.net 9\n\ttxt c 5\n\ttxt a 2\n\ttxt b 2\n"
	    "\t9 example.net +9 -0\n" },
	{ "counts go beyond 32 bits",
	    { { .domain = "example.net", .txt = "t", .type = POLICY_NONE,
	    .sessions = UINT32_MAX },
	    { .domain = "example.net", .txt = "t", .type = POLICY_NONE,
	    .sessions = UINT32_MAX } },
	    "example.net 8589934590\n\ttxt t 8589934590\n"
	    "\t9 example.net +8589934590 -0\n" },
};

static void
counts_sessions(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct aggregate *g = aggregate_new(DETAILS_MAX);
		const struct aggregate_domain *d;
		char *got;

		for (size_t k = 0; k < ROWS_MAX && cases[i].rows[k].domain; k++)
			sample_count(g, &cases[i].rows[k]);
		got = sample_finish(g, &d);
		if (strcmp(got, cases[i].expect) != 0)
			print_error("%s\n", cases[i].name);
		assert_string_equal(got, cases[i].expect);
		free(got);
		aggregate_free(g);
	}
}

static void
a_session_counts_in_each_of_its_policies(void **state)
{
	const char *strings[] = { TLSA_1 };
	struct record_failure twice[] = { BARE(TLSA_INVALID),
		BARE(DNSSEC_INVALID) };
	struct record_policy policies[] = {
		{ .type = POLICY_NONE, .domain = "example.net" },
		{ .type = POLICY_TLSA, .domain = "mx.example.net",
		    .strings = strings, .nstrings = 1, .failures = twice,
		    .nfailures = 2, .failed = true },
	};
	struct record_policy once = { .type = POLICY_NONE,
		.domain = "example.net" };
	struct record r = { .domain = "example.net", .n = 1, .npolicies = 2,
		.policies = policies };
	struct record other = { .domain = "example.net", .n = 1,
		.npolicies = 1, .policies = &once };
	struct aggregate *g = aggregate_new(DETAILS_MAX);
	const struct aggregate_domain *d;
	struct report_identity who = { "Example Org", "tls@example.org",
		"example.org", "mta1" };
	struct arena a = { 0 };
	struct report report;
	char *got;

	(void)state;
	aggregate_record(g, 0, &r, 7);
	aggregate_record(g, 0, &other, 1);
	got = sample_finish(g, &d);
	assert_string_equal(got, "example.net 8 txt-missing\n"
	    "\t1 mx.example.net 3 1 1 AA +0 -7\n"
	    "\t\t304 - - - - - - x7\n\t\t305 - - - - - - x7\n"
	    "\t9 example.net +8 -0\n");
	free(got);

	aggregate_report(d, &who, 20778, 2, &report, &a);
	assert_string_equal(report.domain, "example.net");
	assert_ptr_equal(report.who, &who);
	assert_int_equal(report.day, 20778);
	assert_int_equal(report.part, 2);
	assert_int_equal(report.npolicies, 2);
	assert_ptr_equal(report.policies, d->policies);
	assert_int_equal(report.successful, 8);
	assert_int_equal(report.failed, 7);
	assert_non_null(strstr(report.filename, "!example.net!"));
	arena_release(&a);
	aggregate_free(g);
}

static void
a_record_without_policies_makes_no_report(void **state)
{
	struct record r = { .domain = "example.net", .n = 1 };
	struct aggregate *g = aggregate_new(DETAILS_MAX);
	const struct aggregate_domain *d;

	(void)state;
	aggregate_record(g, 0, &r, 1);
	assert_int_equal(aggregate_finish(g, &d), 0);
	aggregate_free(g);
	aggregate_free(NULL);
}

/* What the aggregate gives lives on when the record's memory is gone. */
static void
nothing_points_into_the_record(void **state)
{
	char domain[] = "example.net", txt[] = "t", mx[] = "mx1.example.net";
	char ip[] = "192.0.2.25", string[] = "3 1 1 AA", name[] = "mx.example";
	const char *strings[] = { string };
	struct record_failure failure = { TLSA_INVALID, ip, mx, mx, ip, mx,
		mx };
	struct record_policy policy = { .type = POLICY_TLSA, .domain = name,
		.strings = strings, .nstrings = 1, .failures = &failure,
		.nfailures = 1 };
	struct record r = { .domain = domain, .txt = txt, .n = 1,
		.npolicies = 1, .policies = &policy };
	struct aggregate *g = aggregate_new(DETAILS_MAX);
	const struct aggregate_domain *d;
	char *got;

	(void)state;
	aggregate_record(g, 0, &r, 1);
	domain[0] = txt[0] = mx[0] = ip[0] = string[0] = name[0] = 'X';
	strings[0] = NULL;
	got = sample_finish(g, &d);
	assert_string_equal(got, "example.net 1\n\ttxt t 1\n"
	    "\t1 mx.example 3 1 1 AA +1 -0\n\t\t304 192.0.2.25 mx1.example.net "
	    "mx1.example.net 192.0.2.25 mx1.example.net mx1.example.net x1\n");
	free(got);
	aggregate_free(g);
}

static void
whatever_differs_makes_another_failure(void **state)
{
	static const struct record_failure failures[] = {
		{ CERTIFICATE_EXPIRED, NULL, NULL, NULL, NULL, NULL, NULL },
		{ TLSA_INVALID, NULL, NULL, NULL, NULL, NULL, NULL },
		{ CERTIFICATE_EXPIRED, "x", NULL, NULL, NULL, NULL, NULL },
		{ CERTIFICATE_EXPIRED, NULL, "x", NULL, NULL, NULL, NULL },
		{ CERTIFICATE_EXPIRED, NULL, NULL, "x", NULL, NULL, NULL },
		{ CERTIFICATE_EXPIRED, NULL, NULL, NULL, "x", NULL, NULL },
		{ CERTIFICATE_EXPIRED, NULL, NULL, NULL, NULL, "x", NULL },
		{ CERTIFICATE_EXPIRED, NULL, NULL, NULL, NULL, NULL, "x" },
		{ CERTIFICATE_EXPIRED, NULL, NULL, NULL, NULL, NULL, "y" },
	};
	enum { N = sizeof(failures) / sizeof(failures[0]) };
	struct aggregate *g = aggregate_new(DETAILS_MAX);
	const struct aggregate_domain *d;
	struct sample s = { .domain = "example.net", .type = POLICY_NONE,
		.failed = true, .sessions = 1 };

	(void)state;
	for (size_t i = 0; i < 2 * N; i++) {
		s.failure = failures[i % N];
		sample_count(g, &s);
	}
	assert_int_equal(aggregate_finish(g, &d), 1);
	assert_int_equal(d->policies[0].ndetails, N);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(d->policies[0].details[i].n, 2);
	aggregate_free(g);
}

/*
 * Samples that differ in every way, made from a number: below the ceilings,
 * whatever the order, the result is the same.
 */
static void
count_numbered(struct aggregate *g, unsigned i)
{
	static const struct {
		enum policy_type type;
		const char *strings, *mx;
	} policies[] = {
		{ POLICY_NONE, NULL, NULL },
		{ POLICY_STS, STS_1, "mx1.example.net|mx2.example.net" },
		{ POLICY_STS, STS_2, "mx1.example.net" },
		{ POLICY_TLSA, TLSA_1, NULL },
		{ POLICY_TLSA, TLSA_1 "|3 1 1 BB", NULL },
	};
	char domain[32], txt[64], ip[32];
	struct sample s = {
		.domain = domain,
		.txt = i % 7 == 0 ? NULL : txt,
		.type = policies[i % 5].type,
		.strings = policies[i % 5].strings,
		.mx = policies[i % 5].mx,
		.failed = i % 3 == 0,
		.sessions = i % 4 + 1,
	};

	snprintf(domain, sizeof(domain), "d%u.example", i % 50);
	snprintf(txt, sizeof(txt), "v=TLSRPTv1; rua=mailto:%u@example.com",
	    i % 3);
	snprintf(ip, sizeof(ip), "192.0.2.%u", i % 200);
	if (i % 3 == 0)
		s.failure = (struct record_failure){
			.result = i % 2 ? STARTTLS_NOT_SUPPORTED :
			    CERTIFICATE_EXPIRED,
			.receiving_ip = i % 9 ? ip : NULL,
		};
	sample_count(g, &s);
}

static char *
result_in_order(const unsigned *order, size_t n)
{
	struct aggregate *g = aggregate_new(DETAILS_MAX);
	const struct aggregate_domain *d;
	char *text;

	for (size_t i = 0; i < n; i++)
		count_numbered(g, order[i]);
	text = sample_finish(g, &d);
	aggregate_free(g);
	return text;
}

static void
the_order_of_records_does_not_matter(void **state)
{
	enum { N = 4000, ROUNDS = 5 };
	static unsigned order[N];
	uint32_t seed = 12345;
	char *first, *other;

	(void)state;
	for (unsigned i = 0; i < N; i++)
		order[i] = i;
	first = result_in_order(order, N);
	assert_non_null(strstr(first, "d49.example"));
	for (int round = 0; round < ROUNDS; round++) {
		for (unsigned i = N - 1; i > 0; i--) {
			unsigned k, swap = order[i];

			seed = seed * 1664525 + 1013904223;
			k = (seed >> 8) % (i + 1);
			order[i] = order[k];
			order[k] = swap;
		}
		other = result_in_order(order, N);
		assert_string_equal(first, other);
		free(other);
	}
	free(first);
}

/* The sum over one result type of a policy's details, and how many they are. */
static uint64_t
sum(const struct report_policy *p, enum result_type result, size_t *n)
{
	uint64_t total = 0;

	*n = 0;
	for (size_t i = 0; i < p->ndetails; i++) {
		if (p->details[i].result == result) {
			total += p->details[i].n;
			++*n;
		}
	}
	return total;
}

static void
details_beyond_the_ceiling_keep_the_sum(void **state)
{
	enum { N = 1000, MAX = 10 };
	struct aggregate *g = aggregate_new(MAX);
	const struct aggregate_domain *d;
	struct sample s = { .domain = "example.net", .type = POLICY_NONE,
		.failed = true, .sessions = 2 };
	struct sample none = s;
	char helo[32];
	size_t n;

	(void)state;
	none.failure.result = STARTTLS_NOT_SUPPORTED;
	for (int i = 0; i < N; i++) {
		snprintf(helo, sizeof(helo), "h%d.example.net", i);
		s.failure.mx_helo = helo;
		s.failure.result = i % 2 ? CERTIFICATE_EXPIRED :
		    STARTTLS_NOT_SUPPORTED;
		sample_count(g, &s);
		/* Known details go on being counted apart. */
		snprintf(helo, sizeof(helo), "h%d.example.net", i % MAX);
		s.failure.result = i % MAX % 2 ? CERTIFICATE_EXPIRED :
		    STARTTLS_NOT_SUPPORTED;
		sample_count(g, &s);
		sample_count(g, &none);
	}
	assert_int_equal(aggregate_finish(g, &d), 1);
	assert_int_equal(d->npolicies, 1);
	assert_int_equal(d->policies[0].failed, 3 * 2 * N);
	assert_int_equal(d->policies[0].ndetails, MAX + 2);
	assert_int_equal(sum(&d->policies[0], CERTIFICATE_EXPIRED, &n), 2 * N);
	assert_int_equal(n, MAX / 2 + 1);
	assert_int_equal(sum(&d->policies[0], STARTTLS_NOT_SUPPORTED, &n),
	    4 * N);
	assert_int_equal(n, MAX / 2 + 1);
	/* The one for the rest has the bare ones too, and just a type. */
	assert_int_equal(d->policies[0].details[0].n, 2 * N + N - MAX);
	assert_null(d->policies[0].details[0].mx_helo);
	assert_int_equal(d->policies[0].details[2].n, 2 * (N / MAX + 1));
	aggregate_free(g);
}

static void
policies_beyond_the_ceiling_keep_the_sum(void **state)
{
	enum { N = 10 * POLICIES_MAX };
	struct aggregate *g = aggregate_new(DETAILS_MAX);
	const struct aggregate_domain *d;
	struct sample s = { .domain = "example.net", .failed = true,
		.failure = EXPIRED_AT("192.0.2.25"), .sessions = 3 };
	uint64_t failed = 0, bare = 0;
	char name[32];

	(void)state;
	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "mx%d.example.net", i);
		s.policy_domain = name;
		s.type = i % 2 ? POLICY_TLSA : POLICY_STS;
		s.strings = i % 2 ? TLSA_1 : STS_1;
		s.mx = "mx1.example.net";
		sample_count(g, &s);
	}
	assert_int_equal(aggregate_finish(g, &d), 1);
	assert_int_equal(d->sessions, 3 * N);
	assert_int_equal(d->npolicies, POLICIES_MAX + 2);
	for (size_t i = 0; i < d->npolicies; i++) {
		const struct report_policy *p = &d->policies[i];

		failed += p->failed;
		assert_int_equal(p->ndetails, 1);
		assert_int_equal(p->details[0].n, p->failed);
		if (p->nstrings == 0) {
			assert_string_equal(p->domain, "example.net");
			assert_int_equal(p->nmx, 0);
			bare += p->failed;
		}
	}
	assert_int_equal(failed, 3 * N);
	assert_int_equal(bare, 3 * (N - POLICIES_MAX));
	aggregate_free(g);
}

static void
texts_beyond_the_ceiling_are_missing(void **state)
{
	struct aggregate *g = aggregate_new(DETAILS_MAX);
	const struct aggregate_domain *d;
	struct sample s = { .domain = "example.net", .type = POLICY_NONE,
		.sessions = 1 };
	char txt[32];

	(void)state;
	s.txt = txt;
	for (int i = 0; i <= TXTS_MAX; i++) {
		snprintf(txt, sizeof(txt), "text %d", i);
		sample_count(g, &s);
	}
	assert_int_equal(aggregate_finish(g, &d), 1);
	assert_int_equal(d->ntxts, TXTS_MAX);
	assert_true(d->txt_missing);
	assert_int_equal(d->sessions, TXTS_MAX + 1);
	aggregate_free(g);
}

/* A peer whose every banner is new and long cannot make us keep it all. */
static void
text_beyond_the_ceiling_keeps_the_sum(void **state)
{
	enum { N = 5000, LONG = 1000 };
	struct aggregate *g = aggregate_new(SIZE_MAX);
	const struct aggregate_domain *d;
	struct sample s = { .domain = "example.net", .type = POLICY_NONE,
		.failed = true, .sessions = 1 };
	char helo[LONG + 1], number[16];
	size_t n;

	(void)state;
	s.failure.result = CERTIFICATE_EXPIRED;
	s.failure.mx_helo = helo;
	memset(helo, 'x', LONG);
	helo[LONG] = '\0';
	for (int i = 0; i < N; i++) {
		snprintf(number, sizeof(number), "%07d", i);
		memcpy(helo, number, 7);
		sample_count(g, &s);
	}
	s.type = POLICY_TLSA;
	s.policy_domain = "new.example.net";
	sample_count(g, &s);
	assert_int_equal(aggregate_finish(g, &d), 1);
	assert_int_equal(d->npolicies, 2);
	assert_string_equal(d->policies[0].domain, "example.net");
	assert_int_equal(d->policies[0].ndetails, 1);
	assert_in_range(d->policies[1].ndetails, TEXT_MAX / LONG,
	    TEXT_MAX / LONG + 2);
	assert_int_equal(sum(&d->policies[1], CERTIFICATE_EXPIRED, &n), N);
	aggregate_free(g);
}

/* Nor one whose policies are new and long. */
static void
long_policies_count_for_the_text_too(void **state)
{
	enum { N = POLICIES_MAX, LONG = 100000 };
	struct aggregate *g = aggregate_new(DETAILS_MAX);
	const struct aggregate_domain *d;
	struct sample s = { .domain = "example.net", .type = POLICY_STS,
		.sessions = 1 };
	char line[LONG + 1], number[16];
	uint64_t total = 0;

	(void)state;
	s.strings = line;
	memset(line, 'x', LONG);
	line[LONG] = '\0';
	for (int i = 0; i < N; i++) {
		snprintf(number, sizeof(number), "%07d", i);
		memcpy(line, number, 7);
		sample_count(g, &s);
	}
	assert_int_equal(aggregate_finish(g, &d), 1);
	assert_in_range(d->npolicies, TEXT_MAX / LONG, TEXT_MAX / LONG + 2);
	for (size_t i = 0; i < d->npolicies; i++)
		total += d->policies[i].successful;
	assert_int_equal(total, N);
	aggregate_free(g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_sessions),
		cmocka_unit_test(a_session_counts_in_each_of_its_policies),
		cmocka_unit_test(a_record_without_policies_makes_no_report),
		cmocka_unit_test(nothing_points_into_the_record),
		cmocka_unit_test(whatever_differs_makes_another_failure),
		cmocka_unit_test(the_order_of_records_does_not_matter),
		cmocka_unit_test(details_beyond_the_ceiling_keep_the_sum),
		cmocka_unit_test(policies_beyond_the_ceiling_keep_the_sum),
		cmocka_unit_test(texts_beyond_the_ceiling_are_missing),
		cmocka_unit_test(text_beyond_the_ceiling_keeps_the_sum),
		cmocka_unit_test(long_policies_count_for_the_text_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
