#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "conf/mem.h"
#include "reporter/retry.h"

#define HOUR	3600
#define DAY	(24 * HOUR)
#define BIRTH	INT64_C(1795305600)	/* 2026-11-22 00:00:00Z */
#define ID	"20261121.example.net.1@example.org"
#define URI	"https://in.example.net/v1/tls"

static const struct retry_config conf = { 4 * HOUR, 300, 4 * HOUR, DAY };

static void
first_is_spread(void **state)
{
	static const long spreads[] = { 1, 2, 60, 4 * HOUR, DAY };

	(void)state;
	for (size_t i = 0; i < sizeof(spreads) / sizeof(spreads[0]); i++) {
		struct retry_config c = conf;
		int64_t quarter[4] = { 0 };

		c.spread = spreads[i];
		for (int n = 0; n < 4000; n++) {
			char *id = xasprintf("%d@example.org", n);
			int64_t t = retry_first(&c, BIRTH, id, URI);

			assert_true(t >= BIRTH && t < BIRTH + c.spread);
			assert_true(t == retry_first(&c, BIRTH, id, URI));
			quarter[4 * (t - BIRTH) / c.spread]++;
			free(id);
		}
		for (int k = 0; c.spread >= 60 && k < 4; k++)
			assert_in_range(quarter[k], 850, 1150);
	}
}

static void
first_depends_on_report_and_destination(void **state)
{
	int64_t t = retry_first(&conf, BIRTH, ID, URI);

	(void)state;
	/* Pinned: a repeat by another build must come out the same. */
	assert_int_equal(t - BIRTH, 10952);
	assert_true(t != retry_first(&conf, BIRTH, ID "x", URI));
	assert_true(t != retry_first(&conf, BIRTH, ID, URI "x"));
	assert_true(retry_first(&conf, BIRTH + 7, ID, URI) == t + 7);
}

static void
first_without_spread_is_at_once(void **state)
{
	struct retry_config c = conf;

	(void)state;
	c.spread = 0;
	assert_true(retry_first(&c, BIRTH, ID, URI) == BIRTH);
}

/* Waits and ages are seconds; wait -1 means: given up. */
static const struct {
	const char *name;
	int64_t age;
	unsigned tries;
	long retry_after;
	int64_t min, max;	/* wait */
} rows[] = {
	{ "first failure waits retry_min", 0, 1, -1, 300, 337 },
	{ "young waits retry_min", 299, 2, -1, 300, 337 },
	{ "wait is the age", HOUR, 5, -1, HOUR, HOUR + 450 },
	{ "wait stops at retry_max", 6 * HOUR, 9, -1, 4 * HOUR,
	    4 * HOUR + 1800 },
	{ "Retry-After lengthens", 0, 1, 1000, 1000, 1125 },
	{ "Retry-After 0 does not shorten", HOUR, 5, 0, HOUR, HOUR + 450 },
	{ "Retry-After does not shorten", HOUR, 5, 60, HOUR, HOUR + 450 },
	{ "Retry-After is cut at retry_max", 0, 1, 100 * DAY, 4 * HOUR,
	    4 * HOUR + 1800 },
	{ "Retry-After of a madman", 0, 1, INT64_MAX, 4 * HOUR,
	    4 * HOUR + 1800 },
	{ "what would be too late is the last", 22 * HOUR, 20, -1, 2 * HOUR,
	    2 * HOUR },
	{ "Retry-After beyond the end still gets its last try", 23 * HOUR, 20,
	    7200, HOUR, HOUR },
	{ "no room for another after this one", DAY - 4 * HOUR - 300, 20, -1,
	    4 * HOUR + 300, 4 * HOUR + 300 },
	{ "a second is left", DAY - 1, 20, -1, 1, 1 },
	{ "the last try failed", DAY, 21, -1, -1, -1 },
	{ "long overdue", 300 * DAY, 3, -1, -1, -1 },
	{ "clock set back: first failure", -1, 1, -1, 300, 337 },
	{ "clock set back a year: tries count", -365 * DAY, 4, -1, 1200, 1350 },
	{ "clock set back a year: given up", -365 * DAY, 50, -1, -1, -1 },
	{ "clock set back: tries overflow nothing", -1, UINT32_MAX, -1, -1,
	    -1 },
};

static void
next_by_age(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t now = BIRTH + rows[i].age;
		int64_t t = retry_next(&conf, BIRTH, now, rows[i].tries,
		    rows[i].retry_after, ID, URI);
		int64_t wait = t == INT64_MAX ? -1 : t - now;

		if (wait < rows[i].min || wait > rows[i].max)
			fail_msg("%s: waits %lld", rows[i].name,
			    (long long)wait);
	}
}

/* Live through it with a far end that never works. */
static unsigned
live(const struct retry_config *c, const char *uri, int64_t *last)
{
	unsigned tries = 0;

	for (int64_t t = BIRTH; t != INT64_MAX; tries++) {
		int64_t next = retry_next(c, BIRTH, t, tries + 1, -1, ID, uri);

		assert_true(next == retry_next(c, BIRTH, t, tries + 1, -1, ID,
		    uri));
		assert_true(next == INT64_MAX || next - t >= c->retry_min);
		assert_true(next == INT64_MAX ||
		    next <= BIRTH + c->give_up_after);
		*last = t;
		t = next;
	}
	return tries;
}

static void
full_time_is_used(void **state)
{
	static const struct retry_config cs[] = {
		{ 0, 300, 4 * HOUR, DAY },
		{ 0, 60, 60, HOUR },
		{ 0, 1, 2, 3 },
		{ 0, 7 * HOUR, 7 * HOUR, DAY },
		{ 0, DAY, DAY, DAY },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cs) / sizeof(cs[0]); i++) {
		for (int n = 0; n < 500; n++) {
			char *uri = xasprintf("mailto:%d@example.net", n);
			int64_t last = 0;
			unsigned tries = live(&cs[i], uri, &last);

			assert_true(last == BIRTH + cs[i].give_up_after);
			assert_true(tries > 1);
			assert_true(tries <= 2 + cs[i].give_up_after /
			    cs[i].retry_min);
			free(uri);
		}
	}
}

static void
jitter_differs_between_destinations(void **state)
{
	unsigned differ = 0;
	int64_t t = retry_next(&conf, BIRTH, BIRTH + HOUR, 4, -1, ID, URI);

	(void)state;
	for (int n = 0; n < 100; n++) {
		char *uri = xasprintf("mailto:%d@example.net", n);

		differ += t != retry_next(&conf, BIRTH, BIRTH + HOUR, 4, -1,
		    ID, uri);
		free(uri);
	}
	assert_true(differ > 90);
	assert_true(t != retry_next(&conf, BIRTH, BIRTH + HOUR, 5, -1, ID,
	    URI));
}

static void
give_up_at_once(void **state)
{
	struct retry_config c = { 0, 300, HOUR, 0 };

	(void)state;
	assert_true(retry_next(&c, BIRTH, BIRTH, 1, -1, ID, URI) == INT64_MAX);
	assert_true(retry_next(&c, BIRTH, BIRTH - 1, 1, -1, ID, URI) ==
	    INT64_MAX);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_is_spread),
		cmocka_unit_test(first_depends_on_report_and_destination),
		cmocka_unit_test(first_without_spread_is_at_once),
		cmocka_unit_test(next_by_age),
		cmocka_unit_test(full_time_is_used),
		cmocka_unit_test(jitter_differs_between_destinations),
		cmocka_unit_test(give_up_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
