#include "spool/day.h"

#include <string.h>
#include <time.h>

#include "conf/mem.h"

#define YEAR_MIN	1970
#define YEAR_MAX	9999

int
day_of(int64_t t)
{
	/* C divides towards zero; days before 1970 count downwards. */
	return (int)(t / DAY_SECONDS - (t % DAY_SECONDS < 0));
}

int64_t
day_first(int day)
{
	return (int64_t)day * DAY_SECONDS;
}

int64_t
day_last(int day)
{
	return day_first(day) + DAY_SECONDS - 1;
}

char *
day_format_time(int64_t t, char buf[DAY_TIME_TEXT])
{
	time_t seconds = (time_t)t;
	struct tm tm;

	if (gmtime_r(&seconds, &tm) == NULL || strftime(buf, DAY_TIME_TEXT,
	    "%Y-%m-%dT%H:%M:%SZ", &tm) != DAY_TIME_TEXT - 1)
		(void)fmt(buf, DAY_TIME_TEXT, "0000-00-00T00:00:00Z");
	return buf;
}

bool
day_is_over(int day, int64_t now, int64_t grace)
{
	return now >= day_last(day) + 1 + grace;
}

/* Reads n digits at *s and moves on; -1 when there is something else. */
static int
digits(const char **s, int n)
{
	int value = 0;

	for (; n > 0; n--, ++*s) {
		if (**s < '0' || **s > '9')
			return -1;
		value = value * 10 + (**s - '0');
	}
	return value;
}

static bool
accept(const char **s, char c)
{
	if (**s != c)
		return false;
	++*s;
	return true;
}

static bool
parse_date(const char **s, int *day)
{
	struct tm tm = { 0 };
	int year, mon, mday;
	time_t t;

	if ((year = digits(s, 4)) < YEAR_MIN || !accept(s, '-') ||
	    (mon = digits(s, 2)) == -1 || !accept(s, '-') ||
	    (mday = digits(s, 2)) == -1)
		return false;
	tm.tm_year = year - 1900;
	tm.tm_mon = mon - 1;
	tm.tm_mday = mday;
	t = timegm(&tm);
	/* timegm turns the 30th of February into a day of March. */
	if (tm.tm_year != year - 1900 || tm.tm_mon != mon - 1 ||
	    tm.tm_mday != mday)
		return false;
	*day = day_of(t);
	return true;
}

bool
day_parse(const char *text, int *day)
{
	int d;

	if (!parse_date(&text, &d) || *text != '\0')
		return false;
	*day = d;
	return true;
}

char *
day_format(int day, char buf[DAY_TEXT])
{
	time_t t = (time_t)day_first(day);
	struct tm tm;

	/* What has no four-digit year is no day of ours. */
	if (gmtime_r(&t, &tm) == NULL || tm.tm_year + 1900 < 0 ||
	    tm.tm_year + 1900 > YEAR_MAX ||
	    strftime(buf, DAY_TEXT, "%Y-%m-%d", &tm) != DAY_TEXT - 1)
		(void)fmt(buf, DAY_TEXT, "0000-00-00");
	return buf;
}

/* Seconds since midnight, or -1.  A leap second counts as the one before. */
static int
parse_time(const char **s)
{
	int hour, min, sec;

	if ((hour = digits(s, 2)) == -1 || hour > 23 || !accept(s, ':') ||
	    (min = digits(s, 2)) == -1 || min > 59 || !accept(s, ':') ||
	    (sec = digits(s, 2)) == -1 || sec > 60)
		return -1;
	if (sec == 60) {
		/* RFC 3339 section 5.7: in UTC only at the end of a day. */
		if (hour != 23 || min != 59)
			return -1;
		sec = 59;
	}
	if (accept(s, '.')) {
		if (digits(s, 1) == -1)
			return -1;
		while (digits(s, 1) != -1)
			continue;
	}
	return (hour * 60 + min) * 60 + sec;
}

bool
day_parse_rfc3339(const char *text, int64_t *t)
{
	int day, sec;

	/* RFC 3339 section 5.6: T and Z may be small letters. */
	if (!parse_date(&text, &day) ||
	    (!accept(&text, 'T') && !accept(&text, 't')) ||
	    (sec = parse_time(&text)) == -1)
		return false;
	if (strcmp(text, "Z") != 0 && strcmp(text, "z") != 0 &&
	    strcmp(text, "+00:00") != 0 && strcmp(text, "-00:00") != 0)
		return false;
	*t = day_first(day) + sec;
	return true;
}
