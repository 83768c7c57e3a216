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
	struct schedule *s = schedule_new(10, 3, HOLD_MIN, HOLD_MAX);
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
	for (size_t i = 0; i < 7; i++)
		assert_string_equal(name_of(schedule_next(s, 0)), order[i]);
	assert_int_equal(schedule_waiting(s), 0);
	assert_int_equal(schedule_started(s), 6);
	schedule_free(s);
}

static void
a_host_has_no_more_than_its_share(void **state)
{
	struct schedule *s = schedule_new(2, 3, HOLD_MIN, HOLD_MAX);
	struct job jobs[4] = { { .name = "1" }, { .name = "2" },
		{ .name = "3" }, { .name = "4" } };

	(void)state;
	for (size_t i = 0; i < 4; i++)
		schedule_add(s, "h", &jobs[i].scheduled);
	assert_string_equal(name_of(schedule_next(s, 0)), "1");
	assert_string_equal(name_of(schedule_next(s, 0)), "2");
	assert_null(schedule_next(s, 0));
	assert_null(schedule_hopeless(s, 0));
	schedule_done(s, &jobs[0].scheduled, true, 0);
	assert_string_equal(name_of(schedule_next(s, 0)), "3");
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
	struct schedule *s = schedule_new(2, 3, HOLD_MIN, HOLD_MAX);
	struct job dead[1000] = { 0 }, live = { .name = "live" };
	int attempts = 0, hopeless = 0;

	(void)state;
	for (size_t i = 0; i < 1000; i++)
		schedule_add(s, "dead", &dead[i].scheduled);
	while (attempt(s, 0, 10))
		attempts++;
	assert_int_equal(attempts, 3);
	schedule_add(s, "live", &live.scheduled);
	assert_string_equal(name_of(schedule_next(s, 10)), "live");
	while (schedule_hopeless(s, 10) != NULL)
		hopeless++;
	assert_int_equal(hopeless, 997);
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
	struct schedule *s = schedule_new(2, 3, HOLD_MIN, HOLD_MAX);
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

static void
only_one_probe_at_a_time(void **state)
{
	struct schedule *s = schedule_new(4, 1, HOLD_MIN, HOLD_MAX);
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
	struct schedule *s = schedule_new(1, 2, HOLD_MIN, HOLD_MAX);
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
		cmocka_unit_test(a_host_has_no_more_than_its_share),
		cmocka_unit_test(a_dead_host_is_put_aside),
		cmocka_unit_test(it_is_tried_again_now_and_then),
		cmocka_unit_test(only_one_probe_at_a_time),
		cmocka_unit_test(a_success_between_failures_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
