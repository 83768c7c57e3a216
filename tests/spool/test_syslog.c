#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "spool/syslog.h"

#define N(a)	(sizeof(a) / sizeof((a)[0]))
#define NEWEST	1795392000	/* 2026-11-23T00:00:00Z */

static void
is(struct span s, const char *want)
{
	assert_int_equal(s.n, strlen(want));
	assert_memory_equal(s.p, want, s.n);
}

static void
takes_a_line_apart(void **state)
{
	static const char *lines[] = {
		"Nov 21 10:00:00 mta1 postfix/smtp[347]: a [b]: c",
		"2026-11-21T10:00:00+00:00 mta1 postfix/smtp[347]: a [b]: c",
	};
	struct syslog_line l;

	(void)state;
	for (size_t i = 0; i < N(lines); i++) {
		print_message("# %s\n", lines[i]);
		assert_int_equal(syslog_parse(&l, lines[i],
		    strlen(lines[i])), 0);
		is(l.time, i == 0 ? "Nov 21 10:00:00" :
		    "2026-11-21T10:00:00+00:00");
		is(l.host, "mta1");
		is(l.program, "postfix/smtp");
		is(l.pid, "347");
		is(l.text, "a [b]: c");
	}
}

static void
refuses_what_is_no_line(void **state)
{
	static const char *lines[] = {
		"",
		"Nov 21 10:00:00",
		"Nov 21 10:00:00 ",
		"Nov 21 10:00:00 mta1",
		"Nov 21 10:00:00 mta1 kernel: no process id",
		"Nov 21 10:00:00 mta1 last message repeated 2 times",
		"Nov 21 10:00:00 mta1 postfix/smtp[]: no process id",
		"Nov 21 10:00:00 mta1 postfix/smtp[12a]: no number",
		"Nov 21 10:00:00 mta1 postfix/smtp[12",
		"Nov 21 10:00:00 mta1 postfix/smtp[12]",
		"Nov 21 10:00:00 mta1 postfix/smtp[12]:no blank",
		"Nov 21 10:00:00 mta1 a b[12]: blank in the name",
	};
	struct syslog_line l;

	(void)state;
	for (size_t i = 0; i < N(lines); i++) {
		print_message("# %s\n", lines[i]);
		assert_int_equal(syslog_parse(&l, lines[i],
		    strlen(lines[i])), -1);
	}
}

static const struct {
	const char *name, *zone, *stamp;
	int64_t t;		/* -1: none */
} times[] = {
	{ "this year", "UTC0", "Nov 21 10:00:01", 1795255201 },
	{ "the day padded with a blank", "UTC0", "Nov  1 00:00:00",
	    1793491200 },
	{ "not later than the newest", "UTC0", "Nov 23 00:00:00", NEWEST },
	{ "later: of last year", "UTC0", "Nov 23 00:01:00", 1763856060 },
	{ "29 February: of the last leap year", "UTC0", "Feb 29 12:00:00",
	    1709208000 },
	{ "no such day in any year", "UTC0", "Feb 30 12:00:00", -1 },
	{ "local time, east", "CET-1", "Nov 21 10:00:01", 1795251601 },
	{ "local time, west", "EST5", "Nov 21 10:00:01", 1795273201 },
	{ "local summer time", "CET-1CEST,M3.5.0,M10.5.0/3",
	    "Jul  1 12:00:00", 1782900000 },
	{ "no month", "UTC0", "Now 21 10:00:01", -1 },
	{ "no seconds", "UTC0", "Nov 21 10:00:x1", -1 },
	{ "RFC 3339 in UTC", "EST5", "2026-11-21T10:00:01Z", 1795255201 },
	{ "with a fraction", "EST5", "2026-11-21T10:00:01.123456Z",
	    1795255201 },
	{ "with an offset", "EST5", "2026-11-21T10:00:01.5+01:00",
	    1795251601 },
	{ "west of UTC", "EST5", "2026-11-21T10:00:01-08:30", 1795285801 },
	{ "as journalctl has it", "EST5", "2026-11-21T10:00:01+0100",
	    1795251601 },
	{ "without an offset", "UTC0", "2026-11-21T10:00:01", -1 },
	{ "with half an offset", "UTC0", "2026-11-21T10:00:01+01", -1 },
	{ "with too much", "UTC0", "2026-11-21T10:00:01+01:000", -1 },
	{ "no month of the year", "UTC0", "2026-13-21T10:00:01Z", -1 },
	{ "before 1970", "UTC0", "1969-12-31T23:59:59Z", -1 },
	{ "a whole book", "UTC0", "2026-11-21T10:00:01.00000000000000000000"
	    "00000000000000000000000000000000000000000000000Z", -1 },
	{ "nothing", "UTC0", "", -1 },
};

static void
knows_the_time(void **state)
{
	(void)state;
	for (size_t i = 0; i < N(times); i++) {
		struct syslog_clock c = { .newest = NEWEST };
		struct span s = { times[i].stamp, strlen(times[i].stamp) };
		int64_t t = -1;

		print_message("# %s\n", times[i].name);
		setenv("TZ", times[i].zone, 1);
		tzset();
		if (syslog_time(&c, s, &t) == -1)
			t = -1;
		assert_int_equal(t, times[i].t);
	}
}

static void
remembers_the_minute_and_no_more(void **state)
{
	static const struct {
		const char *stamp;
		int64_t t;
	} rows[] = {
		{ "Nov 21 10:00:01", 1795255201 },
		{ "Nov 21 10:00:59", 1795255259 },
		{ "Nov 21 10:01:00", 1795255260 },
		{ "Nov 21 09:59:59", 1795255199 },
		{ "Now 21 09:59:59", -1 },
		{ "Now 21 09:59:59", -1 },
		{ "Nov 22 10:00:01", 1795341601 },
	};
	struct syslog_clock c = { .newest = NEWEST };

	(void)state;
	setenv("TZ", "UTC0", 1);
	tzset();
	for (size_t i = 0; i < N(rows); i++) {
		struct span s = { rows[i].stamp, strlen(rows[i].stamp) };
		int64_t t = -1;

		if (syslog_time(&c, s, &t) == -1)
			t = -1;
		assert_int_equal(t, rows[i].t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_a_line_apart),
		cmocka_unit_test(refuses_what_is_no_line),
		cmocka_unit_test(knows_the_time),
		cmocka_unit_test(remembers_the_minute_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
