#ifndef SPOOL_IMPORT_H
#define SPOOL_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spool/postfix.h"
#include "spool/spool.h"

/*
 * A log of Postfix into the spool, so that an MTA without libtlsrpt can take
 * part.  What such a log can tell is in spool/postfix.h; what it cannot, in
 * tlsrpt-spool(5).
 */
struct import_options {
	/*
	 * The log's last line is not later than a day after this time (which
	 * gives the years that stamps leave out): when it was last written.
	 */
	int64_t written;
	bool one_day;		/* take sessions of this day only */
	int day;
};

/* How many bytes of distinct records are held in memory; tests lower it. */
extern size_t import_held_max;

struct import_totals {
	uint64_t lines;
	uint64_t cut;		/* lines that were too long */
	uint64_t other_days;	/* sessions, left out because of one_day */
	struct postfix_totals postfix;
	struct intake_totals intake;	/* known: of a day imported before */
};

/*
 * Read fd to its end, plain or gzip, and add what it tells to the spool, as
 * spool_add does.  A log is recognised by its contents, uncompressed: of a day
 * that came from the same log before, nothing is added.  The time of a session
 * is kept to the day.  Memory is bounded; sessions that do not fold wait in a
 * file without name in the spool.  On -1 with errno nothing was added; EBADMSG:
 * it is no gzip file to its end.
 */
int	import_log(struct spool *s, int fd, const char *origin,
	    const struct import_options *o, struct import_totals *totals);

/* A session as a record, of noon of its day; the caller frees it. */
char	*import_record(const struct postfix_session *x);

#endif
