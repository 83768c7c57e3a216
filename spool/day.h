#ifndef SPOOL_DAY_H
#define SPOOL_DAY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A UTC day as the number of days since 1970-01-01.  All arithmetic is in
 * UTC: time zone and locale of the process do not matter.
 */
#define DAY_SECONDS	86400
#define DAY_TEXT	sizeof("2026-11-21")
#define DAY_TIME_TEXT	sizeof("2026-11-21T10:00:00Z")

/* The day that holds this second. */
int	day_of(int64_t t);
/* Its first and its last second, 00:00:00Z and 23:59:59Z. */
int64_t	day_first(int day);
int64_t	day_last(int day);

/* "2026-11-21", whole and with nothing around it; years 1970 to 9999. */
bool	day_parse(const char *text, int *day);
/* Writes DAY_TEXT bytes and returns buf. */
char	*day_format(int day, char buf[DAY_TEXT]);

/* "2026-11-21T10:00:00Z": writes DAY_TIME_TEXT bytes and returns buf. */
char	*day_format_time(int64_t t, char buf[DAY_TIME_TEXT]);

/* Day D is over at 00:00 UTC of D+1 plus grace seconds (contract 3). */
bool	day_is_over(int day, int64_t now, int64_t grace);

/*
 * RFC 3339 date-time in UTC ("2026-11-21T10:00:00Z", "…+00:00", with or
 * without a fraction, which is cut) to seconds since the epoch.
 */
bool	day_parse_rfc3339(const char *text, int64_t *t);

#endif
