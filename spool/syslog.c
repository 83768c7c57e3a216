#include "spool/syslog.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define TRADITIONAL	(sizeof("Nov 21 10:00:00") - 1)
#define MINUTE		(sizeof("Nov 21 10:00") - 1)
#define LEAP_YEARS_APART 8	/* over the turn of most centuries */
#define STAMP_MAX	64

int
syslog_parse(struct syslog_line *l, const char *line, size_t len)
{
	struct span rest = { line, len };

	if (len > TRADITIONAL && isalpha((unsigned char)line[0]) &&
	    line[TRADITIONAL] == ' ') {
		l->time = (struct span){ line, TRADITIONAL };
		rest.p += TRADITIONAL + 1;
		rest.n -= TRADITIONAL + 1;
	} else if (!span_cut(&rest, " ", &l->time))
		return -1;
	if (!span_cut(&rest, " ", &l->host) ||
	    !span_cut(&rest, "[", &l->program) ||
	    !span_cut(&rest, "]", &l->pid) || rest.n < 2 || rest.p[0] != ':' ||
	    rest.p[1] != ' ')
		return -1;
	l->text = (struct span){ rest.p + 2, rest.n - 2 };
	if (l->host.n == 0 || !span_digits(l->pid) ||
	    memchr(l->program.p, ' ', l->program.n) != NULL)
		return -1;
	return 0;
}

/* "Nov 21 10:00" to the start of that minute. */
static int
minute_start(struct syslog_clock *c, int64_t *start)
{
	time_t newest = c->newest;
	struct tm want = { 0 }, now, tm;
	const char *end;
	time_t t;

	end = strptime(c->minute, "%b %d %H:%M", &want);
	if (end == NULL || *end != '\0' || localtime_r(&newest, &now) == NULL)
		return -1;
	for (int i = 0; i <= LEAP_YEARS_APART; i++) {
		tm = want;
		tm.tm_year = now.tm_year - i;
		tm.tm_isdst = -1;
		t = mktime(&tm);
		/* It makes 1 March of 29 February where there is none. */
		if (tm.tm_mday == want.tm_mday && t <= newest && t >= 0) {
			*start = t;
			return 0;
		}
	}
	return -1;
}

static int
traditional(struct syslog_clock *c, struct span stamp, int64_t *t)
{
	const char *second = stamp.p + MINUTE;

	if (second[0] != ':' || !span_digits((struct span){ second + 1, 2 }))
		return -1;
	if (memcmp(c->minute, stamp.p, MINUTE) != 0) {
		memcpy(c->minute, stamp.p, MINUTE);
		c->minute[MINUTE] = '\0';
		if (minute_start(c, &c->start) == -1) {
			c->minute[0] = '\0';
			return -1;
		}
	}
	*t = c->start + (second[1] - '0') * 10 + (second[2] - '0');
	return 0;
}

/* "+01:00", "+0100" or "Z" to seconds. */
static bool
offset(const char *s, int64_t *seconds)
{
	int hours, minutes, n = 0;

	if (strcmp(s, "Z") == 0) {
		*seconds = 0;
		return true;
	}
	if ((*s != '+' && *s != '-') ||
	    (sscanf(s + 1, "%2d:%2d%n", &hours, &minutes, &n) != 2 &&
	    sscanf(s + 1, "%2d%2d%n", &hours, &minutes, &n) != 2) ||
	    s[n + 1] != '\0' || hours < 0 || hours > 24 || minutes < 0 ||
	    minutes > 59)
		return false;
	*seconds = (hours * 60 + minutes) * 60 * (*s == '-' ? -1 : 1);
	return true;
}

/* RFC 3339 as rsyslog writes it, and as journalctl -o short-iso does. */
static int
rfc3339(struct span stamp, int64_t *t)
{
	const int64_t max = INT64_C(253402300799);	/* end of 9999 */
	char text[STAMP_MAX], *end;
	struct tm tm = { 0 };
	int64_t east;

	if (stamp.n >= sizeof(text))
		return -1;
	memcpy(text, stamp.p, stamp.n);
	text[stamp.n] = '\0';
	if ((end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm)) == NULL)
		return -1;
	if (*end == '.' || *end == ',')
		end += 1 + strspn(end + 1, "0123456789");
	if (!offset(end, &east))
		return -1;
	*t = timegm(&tm) - east;
	return *t >= 0 && *t <= max ? 0 : -1;
}

int
syslog_time(struct syslog_clock *c, struct span stamp, int64_t *t)
{
	if (stamp.n == TRADITIONAL && isalpha((unsigned char)stamp.p[0]))
		return traditional(c, stamp, t);
	return rfc3339(stamp, t);
}
