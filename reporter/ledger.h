#ifndef REPORTER_LEDGER_H
#define REPORTER_LEDGER_H

#include <stdint.h>

#include "reporter/queue.h"

/*
 * How many reports we mailed to addresses at a domain on a UTC day, so that
 * sessions which carried nothing but our own reports make no further one
 * (RFC 8460 section 3): the loop would never end.  It closes at the domain
 * of the address, which need not be the one reported on.
 *
 * The mark `sent` of a mail and its line in the ledger are one statement: see
 * the trigger in queue_db.c.
 */

/*
 * So many sessions with a domain are to be reported in this part of a day.
 * Can our own reports have been all there was on that day, as far as numbers
 * tell?  1, 0, or -1.  Where a day comes in parts, its sessions are counted
 * together: between queue_begin and queue_commit the ledger remembers them,
 * so ask whether they failed or not.
 */
int	ledger_explains(struct queue *q, const char *domain, int day,
	    unsigned part, uint64_t sessions);

/* Forget days before this one. */
int	ledger_purge(struct queue *q, int day);

#endif
