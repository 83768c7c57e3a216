#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "spool/day.h"

#define N(a)	(sizeof(a) / sizeof((a)[0]))

static void
a_day_holds_its_seconds(void **state)
{
	static const struct {
		const char *name;
		int64_t t;
		int day;
	} rows[] = {
		{ "the first second of all", 0, 0 },
		{ "the last of that day", 86399, 0 },
		{ "the next day", 86400, 1 },
		{ "2026-11-21T00:00:00Z", 1795219200, 20778 },
		{ "2026-11-21T23:59:59Z", 1795305599, 20778 },
		{ "2026-11-22T00:00:00Z", 1795305600, 20779 },
		{ "before 1970", -1, -1 },
		{ "a whole day before 1970", -86400, -1 },
		{ "and one second more", -86401, -2 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < N(rows); i++) {
		print_message("%s\n", rows[i].name);
		assert_int_equal(day_of(rows[i].t), rows[i].day);
		assert_true(day_first(rows[i].day) <= rows[i].t);
		assert_true(day_last(rows[i].day) >= rows[i].t);
	}
	assert_int_equal(day_first(20778), 1795219200);
	assert_int_equal(day_last(20778), 1795305599);
}

static void
days_are_read_and_written(void **state)
{
	static const char *const good[] = { "1970-01-01", "1999-12-31",
	    "2000-02-29", "2024-02-29", "2026-11-21", "2100-02-28",
	    "9999-12-31" };
	static const char *const bad[] = { "", "2026", "2026-11", "2026-11-2",
	    "2026-11-211", "2026-1-21", "2026-11-21 ", " 2026-11-21",
	    "2026/11/21", "26-11-21", "2026-00-10", "2026-13-10",
	    "2026-11-00", "2026-11-31", "2026-02-29", "2100-02-29",
	    "1969-12-31", "-026-11-21", "+2026-11-21", "10000-01-01",
	    "2026-11-2x", "2026-11-21T", "\xd9\xa2\xd9\xa0-11-21" };
	char buf[DAY_TEXT];
	int day = -7;
	size_t i;

	(void)state;
	for (i = 0; i < N(good); i++) {
		assert_true(day_parse(good[i], &day));
		assert_string_equal(day_format(day, buf), good[i]);
	}
	assert_true(day_parse("2026-11-21", &day));
	assert_int_equal(day, 20778);
	for (i = 0; i < N(bad); i++) {
		print_message("\"%s\"\n", bad[i]);
		assert_false(day_parse(bad[i], &day));
		assert_int_equal(day, 20778);
	}
}

static void
a_day_without_four_digit_year_stays_in_its_buffer(void **state)
{
	static const int days[] = { INT32_MIN, -800000, -10000000, 2932897,
	    INT32_MAX };
	char buf[DAY_TEXT];
	size_t i;

	(void)state;
	for (i = 0; i < N(days); i++)
		assert_string_equal(day_format(days[i], buf), "0000-00-00");
}

static void
every_day_of_four_centuries_is_one_further(void **state)
{
	char buf[DAY_TEXT];
	int day, again;

	(void)state;
	for (day = 0; day < 146097; day++) {
		assert_true(day_parse(day_format(day, buf), &again));
		assert_int_equal(again, day);
	}
}

static void
a_day_is_over_after_its_grace(void **state)
{
	static const struct {
		const char *name;
		int64_t now, grace;
		bool over;
	} rows[] = {
		{ "during the day", 1795219200, 0, false },
		{ "in its last second", 1795305599, 0, false },
		{ "at midnight", 1795305600, 0, true },
		{ "at midnight with grace", 1795305600, 900, false },
		{ "one second too early", 1795306499, 900, false },
		{ "when the grace is over", 1795306500, 900, true },
		{ "years later", 1895306500, 900, true },
		{ "with a clock that stands at zero", 0, 900, false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < N(rows); i++) {
		print_message("%s\n", rows[i].name);
		assert_int_equal(day_is_over(20778, rows[i].now,
		    rows[i].grace), rows[i].over);
	}
}

static void
rfc3339_in_utc_is_understood(void **state)
{
	static const struct {
		const char *text;
		int64_t t;
	} good[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "2026-11-21T00:00:00Z", 1795219200 },
		{ "2026-11-21T10:00:00Z", 1795255200 },
		{ "2026-11-21t10:00:00z", 1795255200 },
		{ "2026-11-21T10:00:00+00:00", 1795255200 },
		{ "2026-11-21T10:00:00-00:00", 1795255200 },
		{ "2026-11-21T10:00:00.5Z", 1795255200 },
		{ "2026-11-21T23:59:59.999999999+00:00", 1795305599 },
		{ "2016-12-31T23:59:60Z", 1483228799 },
		{ "9999-12-31T23:59:59Z", 253402300799 },
	};
	static const char *const bad[] = { "", "2026-11-21", "2026-11-21T",
	    "2026-11-21T10:00Z", "2026-11-21T10:00:00", "2026-11-21 10:00:00Z",
	    "2026-11-21T24:00:00Z", "2026-11-21T10:60:00Z",
	    "2026-11-21T10:00:61Z", "2026-11-21T10:00:60Z",
	    "2026-11-21T10:00:00.Z", "2026-11-21T10:00:00,5Z",
	    "2026-11-21T10:00:00+01:00", "2026-11-21T10:00:00+0000",
	    "2026-11-21T10:00:00Z ", "2026-02-30T10:00:00Z",
	    "1969-12-31T23:59:59Z", "2026-11-21T1:00:00Z",
	    "2026-11-21T10:00:00ZZ", "1795255200" };
	int64_t t = -7;
	size_t i;

	(void)state;
	for (i = 0; i < N(good); i++) {
		print_message("%s\n", good[i].text);
		assert_true(day_parse_rfc3339(good[i].text, &t));
		assert_int_equal(t, good[i].t);
	}
	t = -7;
	for (i = 0; i < N(bad); i++) {
		print_message("\"%s\"\n", bad[i]);
		assert_false(day_parse_rfc3339(bad[i], &t));
		assert_int_equal(t, -7);
	}
}

/* Everything must hold far from Greenwich and through a change of clocks. */
static int
far_east(void **state)
{
	(void)state;
	setenv("TZ", "WEST-13:45EAST,M3.5.0,M10.5.0", 1);
	tzset();
	return 0;
}

static const struct {
	const char *name;
	int64_t t;
	const char *text;
} times[] = {
	{ "the epoch", 0, "1970-01-01T00:00:00Z" },
	{ "a leap day's last second", 1709251199, "2024-02-29T23:59:59Z" },
	{ "the last with four digits", 253402300799, "9999-12-31T23:59:59Z" },
	{ "the first with five", 253402300800, "0000-00-00T00:00:00Z" },
	{ "no time at all", INT64_MAX, "0000-00-00T00:00:00Z" },
};

static void
times_are_written(void **state)
{
	char buf[DAY_TIME_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		print_message("  %s\n", times[i].name);
		assert_string_equal(day_format_time(times[i].t, buf),
		    times[i].text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_written),
		cmocka_unit_test(a_day_holds_its_seconds),
		cmocka_unit_test(days_are_read_and_written),
		cmocka_unit_test(
		    a_day_without_four_digit_year_stays_in_its_buffer),
		cmocka_unit_test(every_day_of_four_centuries_is_one_further),
		cmocka_unit_test(a_day_is_over_after_its_grace),
		cmocka_unit_test(rfc3339_in_utc_is_understood),
	};

	return cmocka_run_group_tests(tests, far_east, NULL);
}
