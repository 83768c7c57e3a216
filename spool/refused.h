#ifndef SPOOL_REFUSED_H
#define SPOOL_REFUSED_H

#include <stdbool.h>
#include <stdint.h>

#include "spool/reject.h"
#include "spool/ring.h"

/*
 * What the collector's receiver has refused, from the ring into rejected/.  It
 * is no record, so it holds no record up: it is tried once, and where the disk
 * does not take it, that is said once a minute.
 *
 * An all-zero struct has nothing open and has seen nothing.
 */
struct refused {
	struct rejects rejects;		/* of one day, when open */
	bool open;
	uint64_t done;			/* in the ring: all before were tried */
	int64_t told;			/* monotonic ms, or 0 */
};

/* Unless it was added before, however often its place is come back to. */
void	refused_add(struct refused *r, const struct spool *s, int day,
	    const char *origin, const struct ring_entry *e);

/*
 * All that was added is on stable storage, or was lost and said to be.  To be
 * called before the spool is closed and before the ring's tail is moved.
 */
void	refused_end(struct refused *r);

#endif
