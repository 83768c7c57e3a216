#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "reporter/schedule.h"

#define HOLD_MIN	300
#define HOLD_MAX	1000

/* A schedule with room for that many jobs, and that many of a host. */
static struct schedule *
schedule_of(size_t parallel, size_t per_host, unsigned failures_max)
{
	const struct schedule_limits limits = { parallel, per_host,
	    failures_max, HOLD_MIN, HOLD_MAX };

	return schedule_new(&limits);
}

struct job {
	struct schedule_job scheduled;	/* first */
	const char *name;
};

static const char *
name_of(struct schedule_job *j)
{
	return j != NULL ? ((struct job *)j)->name : "none";
}

static void
hosts_take_turns(void **state)
{
	struct schedule *s = schedule_of(10, 10, 3);
	struct job jobs[] = { { .name = "a1" }, { .name = "a2" },
		{ .name = "a3" }, { .name = "b1" }, { .name = "c1" },
		{ .name = "c2" } };
	static const char *const order[] = { "a1", "b1", "c1", "a2", "c2",
		"a3", "none" };

	(void)state;
	for (size_t i = 0; i < 6; i++)
		schedule_add(s, (const char[]){ jobs[i].name[0], 0 },
		    &jobs[i].scheduled);
	assert_int_equal(schedule_waiting(s), 6);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(name_of(schedule_next(s, 0)), order[i]);
	schedule_done(s, &jobs[0].scheduled, true, 0);
	schedule_done(s, &jobs[4].scheduled, true, 0);
	for (size_t i = 3; i < 7; i++)
		assert_string_equal(name_of(schedule_next(s, 0)), order[i]);
	assert_int_equal(schedule_waiting(s), 0);
	assert_int_equal(schedule_started(s), 4);
	schedule_free(s);
}

/* What one host does when it is its turn, at such a pace. */
static void
assert_turn(int64_t seconds_each, int jobs)
{
	struct schedule *s = schedule_of(1, 1, 3);
	static struct job a[2 * SCHEDULE_TURN], b[2];
	struct schedule_job *j;
	int64_t now = 1000;
	int n = 0;

	for (size_t i = 0; i < 2 * SCHEDULE_TURN; i++) {
		a[i] = (struct job){ .name = "a" };
		schedule_add(s, "a", &a[i].scheduled);
	}
	for (size_t i = 0; i < 2; i++) {
		b[i] = (struct job){ .name = "b" };
		schedule_add(s, "b", &b[i].scheduled);
	}
	/* Both are reached for the first time; then a begins its turn anew. */
	for (int i = 0; i < 2; i++)
		schedule_done(s, schedule_next(s, now), true, now);
	now += SCHEDULE_TURN_SECONDS + 1;
	while (strcmp(name_of(j = schedule_next(s, now)), "a") == 0) {
		n++;
		now += seconds_each;
		schedule_done(s, j, true, now);
	}
	assert_string_equal(name_of(j), "b");
	assert_int_equal(n, jobs);
	schedule_free(s);
}

static void
a_turn_is_so_many_jobs(void **state)
{
	(void)state;
	assert_turn(0, SCHEDULE_TURN);
}

static void
a_turn_is_short(void **state)
{
	(void)state;
	assert_turn(1, 2);
	assert_turn(10, 1);
}

static void
a_host_has_no_more_than_its_share(void **state)
{
	struct schedule *s = schedule_of(10, 2, 3);
	struct job jobs[5] = { { .name = "1" }, { .name = "2" },
		{ .name = "3" }, { .name = "4" }, { .name = "5" } };

	(void)state;
	for (size_t i = 0; i < 5; i++)
		schedule_add(s, "h", &jobs[i].scheduled);
	assert_string_equal(name_of(schedule_next(s, 0)), "1");
	/* not before we know that it is there */
	assert_null(schedule_next(s, 0));
	schedule_done(s, &jobs[0].scheduled, true, 0);
	assert_string_equal(name_of(schedule_next(s, 0)), "2");
	assert_string_equal(name_of(schedule_next(s, 0)), "3");
	assert_null(schedule_next(s, 0));
	assert_null(schedule_hopeless(s, 0));
	assert_true(schedule_has_room(s, 0));
	schedule_done(s, &jobs[1].scheduled, true, 0);
	assert_string_equal(name_of(schedule_next(s, 0)), "4");
	assert_null(schedule_next(s, 0));
	schedule_free(s);
}

static void
all_have_no_more_than_there_may_be(void **state)
{
	struct schedule *s = schedule_of(3, 2, 3);
	char host[5][4];
	struct job jobs[5] = { 0 };

	(void)state;
	for (size_t i = 0; i < 5; i++) {
		snprintf(host[i], sizeof(host[i]), "%zu", i);
		schedule_add(s, host[i], &jobs[i].scheduled);
	}
	for (size_t i = 0; i < 3; i++)
		assert_ptr_equal(schedule_next(s, 0), &jobs[i]);
	assert_false(schedule_has_room(s, 0));
	assert_null(schedule_next(s, 0));
	schedule_done(s, &jobs[1].scheduled, false, 0);
	assert_ptr_equal(schedule_next(s, 0), &jobs[3]);
	assert_null(schedule_next(s, 0));
	schedule_free(s);
}

static void
slow_ones_make_room(void **state)
{
	enum { N = SCHEDULE_SLOW_MAX + 10 };
	struct schedule *s = schedule_of(2, 1, 3);
	static struct job jobs[N];
	char host[8];
	size_t n = 0;

	(void)state;
	for (size_t i = 0; i < N; i++) {
		snprintf(host, sizeof(host), "%zu", i);
		schedule_add(s, host, &jobs[i].scheduled);
	}
	assert_non_null(schedule_next(s, 100));
	assert_non_null(schedule_next(s, 101));
	assert_null(schedule_next(s, 101));
	assert_non_null(schedule_next(s, 100 + SCHEDULE_SLOW));
	assert_null(schedule_next(s, 100 + SCHEDULE_SLOW));
	/* whether a slow one or another one ends */
	schedule_done(s, &jobs[0].scheduled, true, 102);
	assert_null(schedule_next(s, 102));
	schedule_done(s, &jobs[2].scheduled, true, 102);
	assert_non_null(schedule_next(s, 102));
	/* there is an end to it */
	for (int64_t now = 200; now < 200 + 10 * N; now += 10)
		while (schedule_next(s, now) != NULL)
			n++;
	assert_int_equal(schedule_started(s), SCHEDULE_SLOW_MAX + 2);
	assert_int_equal(n, SCHEDULE_SLOW_MAX);
	schedule_free(s);
}

/* Live hosts are not kept waiting by new ones that may be dead. */
static void
hosts_not_yet_reached_get_half(void **state)
{
	struct schedule *s = schedule_of(4, 4, 3);
	struct job live[6] = { { .name = "live" } };
	struct job strange[6] = { 0 };
	char host[8];

	(void)state;
	schedule_add(s, "live", &live[0].scheduled);
	assert_ptr_equal(schedule_next(s, 0), &live[0]);
	schedule_done(s, &live[0].scheduled, true, 0);
	for (size_t i = 0; i < 6; i++) {
		snprintf(host, sizeof(host), "%zu", i);
		schedule_add(s, host, &strange[i].scheduled);
	}
	for (size_t i = 1; i < 6; i++)
		schedule_add(s, "live", &live[i].scheduled);
	assert_ptr_equal(schedule_next(s, 0), &strange[0]);
	assert_ptr_equal(schedule_next(s, 0), &strange[1]);
	for (size_t i = 1; i < 6; i++) {
		assert_ptr_equal(schedule_next(s, 0), &live[i]);
		schedule_done(s, &live[i].scheduled, true, 0);
	}
	/* when nothing else waits, all of it */
	assert_ptr_equal(schedule_next(s, 0), &strange[2]);
	assert_ptr_equal(schedule_next(s, 0), &strange[3]);
	/* one that answers is no stranger any more */
	schedule_done(s, &strange[0].scheduled, true, 0);
	assert_ptr_equal(schedule_next(s, 0), &strange[4]);
	assert_null(schedule_next(s, 0));
	schedule_free(s);
}

/* Start and end the next job; false when there was none to start. */
static int
attempt(struct schedule *s, int reached, int64_t now)
{
	struct schedule_job *j = schedule_next(s, now);

	if (j != NULL)
		schedule_done(s, j, reached, now);
	return j != NULL;
}

static void
a_dead_host_is_put_aside(void **state)
{
	struct schedule *s = schedule_of(10, 4, 3);
	struct job dead[1000] = { 0 }, live = { .name = "live" };
	int attempts = 0, hopeless = 0;

	(void)state;
	for (size_t i = 0; i < 1000; i++)
		schedule_add(s, "dead", &dead[i].scheduled);
	while (attempt(s, 0, 10))
		attempts++;
	assert_int_equal(attempts, 3);
	assert_null(schedule_next(s, 10));
	schedule_add(s, "live", &live.scheduled);
	assert_string_equal(name_of(schedule_next(s, 10)), "live");
	while (schedule_hopeless(s, 10) != NULL)
		hopeless++;
	assert_int_equal(hopeless, 997);
	schedule_free(s);
}

static void
no_more_attempts_than_failures_allow(void **state)
{
	struct schedule *s = schedule_of(10, 4, 3);
	struct job jobs[5] = { 0 };

	(void)state;
	for (size_t i = 0; i < 5; i++)
		schedule_add(s, "h", &jobs[i].scheduled);
	assert_ptr_equal(schedule_next(s, 0), &jobs[0]);
	schedule_done(s, &jobs[0].scheduled, false, 30);
	assert_ptr_equal(schedule_next(s, 30), &jobs[1]);
	assert_ptr_equal(schedule_next(s, 30), &jobs[2]);
	assert_null(schedule_next(s, 30));
	schedule_done(s, &jobs[1].scheduled, false, 60);
	schedule_done(s, &jobs[2].scheduled, false, 60);
	assert_null(schedule_next(s, 60));
	assert_ptr_equal(schedule_hopeless(s, 60), &jobs[3]);
	assert_ptr_equal(schedule_hopeless(s, 60), &jobs[4]);
	schedule_free(s);
}

/* What a dead host costs over time: one attempt a hold, which doubles. */
static void
it_is_tried_again_now_and_then(void **state)
{
	static const struct {
		int64_t now;
		int starts;
	} rows[] = {
		{ 0, 1 }, { 0, 1 }, { 0, 1 },	/* three failures: aside */
		{ 1, 0 }, { 299, 0 },
		{ 300, 1 },			/* one probe, hold 600 */
		{ 301, 0 }, { 899, 0 },
		{ 900, 1 },			/* hold 1000: the longest */
		{ 1899, 0 }, { 1900, 1 }, { 2899, 0 }, { 2900, 1 },
	};
	struct schedule *s = schedule_of(10, 2, 3);
	struct job jobs[sizeof(rows) / sizeof(rows[0])] = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		print_message("  at %ld\n", (long)rows[i].now);
		schedule_add(s, "h", &jobs[i].scheduled);
		assert_int_equal(attempt(s, 0, rows[i].now), rows[i].starts);
		while (schedule_hopeless(s, rows[i].now) != NULL)
			;
		assert_int_equal(schedule_waiting(s), 0);
	}
	schedule_free(s);
}

/* Those under way when it died tell nothing new. */
static void
they_fail_together_and_count_as_one(void **state)
{
	struct schedule *s = schedule_of(10, 4, 1);
	struct job jobs[8] = { 0 };
	struct schedule_job *started[4];

	(void)state;
	for (size_t i = 0; i < 5; i++)
		schedule_add(s, "h", &jobs[i].scheduled);
	assert_true(attempt(s, 1, 0));
	for (size_t i = 0; i < 4; i++)
		assert_non_null(started[i] = schedule_next(s, 0));
	for (size_t i = 0; i < 4; i++)
		schedule_done(s, started[i], false, 0);
	schedule_add(s, "h", &jobs[5].scheduled);
	assert_true(attempt(s, 1, 300));
	/* It was back: the next hold is a short one again. */
	schedule_add(s, "h", &jobs[6].scheduled);
	assert_true(attempt(s, 0, 300));
	schedule_add(s, "h", &jobs[7].scheduled);
	assert_true(attempt(s, 0, 600));
	assert_int_equal(schedule_waiting(s), 0);
	schedule_free(s);
}

static void
only_one_probe_at_a_time(void **state)
{
	struct schedule *s = schedule_of(10, 4, 1);
	struct job jobs[4] = { 0 };

	(void)state;
	schedule_add(s, "h", &jobs[0].scheduled);
	assert_true(attempt(s, 0, 0));
	for (size_t i = 1; i < 4; i++)
		schedule_add(s, "h", &jobs[i].scheduled);
	assert_ptr_equal(schedule_next(s, 300), &jobs[1]);
	assert_null(schedule_next(s, 300));
	/* it is back: all may go */
	schedule_done(s, &jobs[1].scheduled, true, 300);
	assert_ptr_equal(schedule_next(s, 300), &jobs[2]);
	assert_ptr_equal(schedule_next(s, 300), &jobs[3]);
	schedule_free(s);
}

static void
a_success_between_failures_counts(void **state)
{
	struct schedule *s = schedule_of(10, 1, 2);
	struct job jobs[6] = { 0 };

	(void)state;
	for (size_t i = 0; i < 6; i++)
		schedule_add(s, "h", &jobs[i].scheduled);
	for (int i = 0; i < 6; i++)
		assert_true(attempt(s, i % 2, 0));
	schedule_free(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts_take_turns),
		cmocka_unit_test(a_turn_is_so_many_jobs),
		cmocka_unit_test(a_turn_is_short),
		cmocka_unit_test(a_host_has_no_more_than_its_share),
		cmocka_unit_test(all_have_no_more_than_there_may_be),
		cmocka_unit_test(slow_ones_make_room),
		cmocka_unit_test(hosts_not_yet_reached_get_half),
		cmocka_unit_test(a_dead_host_is_put_aside),
		cmocka_unit_test(no_more_attempts_than_failures_allow),
		cmocka_unit_test(it_is_tried_again_now_and_then),
		cmocka_unit_test(they_fail_together_and_count_as_one),
		cmocka_unit_test(only_one_probe_at_a_time),
		cmocka_unit_test(a_success_between_failures_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
