#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "reporter/day_view.h"
#include "tests/aggregator/sample.h"

static const struct sample today[] = {
	{ .domain = "a.example", .type = POLICY_STS, .sessions = 90 },
	{ .domain = "a.example", .type = POLICY_STS, .failed = true,
	    .failure = { .result = CERTIFICATE_EXPIRED }, .sessions = 10 },
	{ .domain = "a.example", .type = POLICY_TLSA, .failed = true,
	    .failure = { .result = TLSA_INVALID }, .sessions = 2 },
	{ .domain = "b.example", .type = POLICY_NONE, .failed = true,
	    .failure = { .result = STARTTLS_NOT_SUPPORTED }, .sessions = 30 },
	{ .domain = "c.example", .type = POLICY_NONE, .sessions = 7 },
	{ .domain = "d.example", .type = POLICY_NONE, .failed = true,
	    .sessions = 1 },
};
static const struct sample yesterday[] = {
	{ .domain = "a.example", .type = POLICY_STS, .failed = true,
	    .failure = { .result = CERTIFICATE_EXPIRED }, .sessions = 1 },
	{ .domain = "c.example", .type = POLICY_NONE, .failed = true,
	    .failure = { .result = VALIDATION_FAILURE }, .sessions = 1 },
};

static struct aggregate *
count(const struct sample *s, size_t n)
{
	struct aggregate *g = aggregate_new(500);

	for (size_t i = 0; i < n; i++)
		sample_count(g, &s[i]);
	return g;
}

#define COUNT(s) count(s, sizeof(s) / sizeof(s[0]))

static void
a_day(void **state)
{
	struct aggregate *g = COUNT(today), *before = COUNT(yesterday);
	const struct aggregate_domain *d, *old;
	size_t n = aggregate_finish(g, &d), nold = aggregate_finish(before,
	    &old);
	struct arena a = { 0 };
	struct day_view v;

	(void)state;
	day_view_make(&v, d, n, old, nold, &a);
	assert_int_equal(v.domains, 4);
	assert_int_equal(v.successful, 97);
	assert_int_equal(v.failed, 43);

	assert_int_equal(v.npolicies, 3);
	assert_int_equal(v.policies[0].type, POLICY_STS);
	assert_int_equal(v.policies[0].domains, 1);
	assert_int_equal(v.policies[0].failed, 10);
	assert_int_equal(v.policies[1].type, POLICY_NONE);
	assert_int_equal(v.policies[1].domains, 3);
	assert_int_equal(v.policies[1].successful, 7);
	assert_int_equal(v.policies[2].type, POLICY_TLSA);

	assert_int_equal(v.nresults, 3);
	assert_int_equal(v.results[0].result, STARTTLS_NOT_SUPPORTED);
	assert_int_equal(v.results[0].failures, 30);
	assert_int_equal(v.results[1].result, CERTIFICATE_EXPIRED);
	assert_int_equal(v.results[1].domains, 1);

	assert_int_equal(v.nworst, 3);
	assert_string_equal(v.worst[0].domain, "b.example");
	assert_int_equal(v.worst[0].failed, 30);
	assert_string_equal(v.worst[1].domain, "a.example");
	assert_int_equal(v.worst[1].result, CERTIFICATE_EXPIRED);
	assert_int_equal(v.worst[1].successful, 90);
	assert_string_equal(v.worst[2].domain, "d.example");
	assert_int_equal(v.worst[2].result, 0);

	/* a.example's certificate had expired the day before. */
	assert_int_equal(v.nfresh, 2);
	assert_string_equal(v.fresh[0].domain, "b.example");
	assert_int_equal(v.fresh[0].result, STARTTLS_NOT_SUPPORTED);
	assert_string_equal(v.fresh[1].domain, "a.example");
	assert_int_equal(v.fresh[1].result, TLSA_INVALID);
	assert_int_equal(v.fresh[1].failures, 2);
	arena_release(&a);
	aggregate_free(g);
	aggregate_free(before);
}

static void
an_empty_day(void **state)
{
	struct arena a = { 0 };
	struct day_view v;

	(void)state;
	day_view_make(&v, NULL, 0, NULL, 0, &a);
	assert_int_equal(v.domains + v.npolicies + v.nresults + v.nworst +
	    v.nfresh, 0);
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_day),
		cmocka_unit_test(an_empty_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
