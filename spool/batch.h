#ifndef SPOOL_BATCH_H
#define SPOOL_BATCH_H

#include "spool/segment.h"
#include "spool/spool.h"

/*
 * What one source of lines becomes: a sealed segment for each day, or more
 * than one where the distinct lines of a day would not fit into memory, and
 * lines in rejected/.
 */
/* How many bytes of distinct lines are held, of all days; tests lower it. */
extern size_t batch_held_max;

struct batch_source {
	const char *origin;	/* its name in rejected/ and in the log */
	int day;		/* of records without ts */
	/*
	 * Where the same source may come again after a crash, a text that is
	 * the same then and never for another source: the ids of segments are
	 * made from it.  NULL: from the clock.
	 */
	const char *key;
	/*
	 * The open segment whose sealed form this is.  All of its own day
	 * goes into one segment with the same id (spool/sealed.h says how
	 * little memory that takes), and a torn last line is left out.  NULL:
	 * the source is complete.
	 */
	const struct segment *open;
};

/*
 * Read fd from this offset on, to its end, and bring rejected lines and then
 * the segments to stable storage, the one of the open segment last.  A
 * segment of a keyed source that is there already is left as it is, also when
 * this host had another name then.  The first few reasons are logged.  On -1
 * with errno no segment of this call is there, of a keyed source perhaps some:
 * it has to come again.  EBUSY: it has changed while it was read.
 */
int	batch_run(struct spool *s, int fd, off_t from,
	    const struct batch_source *source, struct intake_totals *totals);

#endif
