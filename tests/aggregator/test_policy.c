#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "aggregator/policy.h"

static const char *none[] = { NULL };
static const char *a[] = { "a" };
static const char *b[] = { "b" };
static const char *ab[] = { "a", "b" };

/* In the order they sort: each is smaller than all below it. */
static const struct {
	const char *name;
	struct record_policy p;
} rows[] = {
	{ "tlsa", { .type = POLICY_TLSA, .domain = "example.net",
	    .strings = none } },
	{ "tlsa of another domain", { .type = POLICY_TLSA,
	    .domain = "mx.example.net", .strings = none } },
	{ "with a string", { .type = POLICY_TLSA, .domain = "mx.example.net",
	    .strings = a, .nstrings = 1 } },
	{ "with one more", { .type = POLICY_TLSA, .domain = "mx.example.net",
	    .strings = ab, .nstrings = 2 } },
	{ "with another", { .type = POLICY_TLSA, .domain = "mx.example.net",
	    .strings = b, .nstrings = 1 } },
	{ "sts", { .type = POLICY_STS, .domain = "example.net",
	    .strings = none } },
	{ "with a host", { .type = POLICY_STS, .domain = "example.net",
	    .strings = none, .mx = a, .nmx = 1 } },
	{ "with two hosts", { .type = POLICY_STS, .domain = "example.net",
	    .strings = none, .mx = ab, .nmx = 2 } },
	{ "with a string instead", { .type = POLICY_STS,
	    .domain = "example.net", .strings = a, .nstrings = 1 } },
	{ "with a string and a host", { .type = POLICY_STS,
	    .domain = "example.net", .strings = a, .nstrings = 1, .mx = b,
	    .nmx = 1 } },
	{ "with two strings", { .type = POLICY_STS, .domain = "example.net",
	    .strings = ab, .nstrings = 2 } },
	{ "none", { .type = POLICY_NONE, .domain = "example.net",
	    .strings = none } },
};
enum { N = sizeof(rows) / sizeof(rows[0]) };

static void
policies_have_an_order(void **state)
{
	(void)state;
	for (size_t i = 0; i < N; i++) {
		for (size_t k = 0; k < N; k++) {
			struct report_policy p = policy_of(&rows[i].p);
			struct report_policy q = policy_of(&rows[k].p);
			int c = policy_compare(&p, &q);

			if ((c > 0) - (c < 0) != (i > k) - (i < k))
				fail_msg("%s (%zu), %s (%zu): %d", rows[i].name,
				    i, rows[k].name, k, c);
			assert_int_equal(policy_hash(&p, 5) ==
			    policy_hash(&q, 5), i == k);
		}
	}
}

static void
what_is_kept_is_the_same_policy(void **state)
{
	struct arena arena = { 0 };

	(void)state;
	for (size_t i = 0; i < N; i++) {
		struct report_policy p = policy_of(&rows[i].p), kept = p;
		size_t bytes = policy_keep(&kept, &arena);

		assert_int_equal(policy_compare(&p, &kept), 0);
		assert_true(policy_hash(&p, 0) == policy_hash(&kept, 0));
		assert_ptr_not_equal(p.domain, kept.domain);
		assert_int_equal(bytes, strlen(p.domain) +
		    2 * (p.nstrings + p.nmx));
	}
	arena_release(&arena);
}

static void
a_bare_policy_says_nothing_but_its_type(void **state)
{
	(void)state;
	for (size_t i = 0; i < N; i++) {
		struct report_policy p = policy_of(&rows[i].p);

		assert_int_equal(policy_is_bare(&p, "example.net"),
		    strcmp(rows[i].name, "tlsa") == 0 ||
		    strcmp(rows[i].name, "sts") == 0 ||
		    strcmp(rows[i].name, "none") == 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policies_have_an_order),
		cmocka_unit_test(what_is_kept_is_the_same_policy),
		cmocka_unit_test(a_bare_policy_says_nothing_but_its_type),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
