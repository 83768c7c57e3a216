#ifndef SPOOL_SYSLOG_H
#define SPOOL_SYSLOG_H

#include <stddef.h>
#include <stdint.h>

#include "spool/span.h"

/*
 * One line of a syslog file: a time, the host, the program with its process
 * id, and what it said.
 *
 *	Nov 21 10:00:00 mta1 postfix/smtp[347]: Trusted TLS connection ...
 *	2026-11-21T10:00:00.123456+01:00 mta1 postfix/smtp[347]: Trusted ...
 */
struct syslog_line {
	struct span time, host, program, pid, text;
};

/* Take a line (without newline) apart.  Returns -1 when it is none. */
int	syslog_parse(struct syslog_line *l, const char *line, size_t len);

/*
 * Seconds since the epoch.  The traditional stamp names neither year nor time
 * zone: it is local time of this process, and of the last year in which it is
 * not later than `newest`.  Remembers the last minute, so that most lines cost
 * no calendar.  Returns -1 when the stamp is none, or of a year before 1970 or
 * after 9999.
 */
struct syslog_clock {
	int64_t newest;
	char minute[sizeof("Nov 21 10:00")];
	int64_t start;
};
int	syslog_time(struct syslog_clock *c, struct span stamp, int64_t *t);

#endif
