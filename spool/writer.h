#ifndef SPOOL_WRITER_H
#define SPOOL_WRITER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "spool/counters.h"
#include "spool/open_segment.h"
#include "spool/refused.h"
#include "spool/ring.h"
#include "spool/sealer.h"
#include "spool/spool.h"

/*
 * The writing side: from the ring into open segments.
 *
 *	write	what is in the ring, at a known place of the open segment
 *	sync	after sync_interval
 *	commit	in the ring: so much of the segment is on stable storage
 *
 * Only the commit frees room in the ring, so whatever fails before it is done
 * again with the same bytes at the same place, and whoever dies before it
 * leaves a ring that tells all.  The disk may be slow, full, read-only or gone:
 * the ring fills meanwhile, and we try once a second.
 */
struct writer {
	/* Set by who starts it. */
	struct ring *ring;
	struct counters *counters;
	struct sealer *sealer;
	const char *path, *source;	/* of the spool */
	const char *origin;		/* of what is rejected */
	int64_t (*now)(void);
	int wake;			/* an eventfd */
	_Atomic long sync_interval, segment_size;
	atomic_bool stop;

	/* For others to see. */
	_Atomic uint64_t rounds;
	_Atomic int64_t busy_since;	/* with the disk; monotonic ms, or 0 */

	/* Its own. */
	struct spool spool;
	bool opened, recovered, trouble;
	int64_t told;			/* of trouble; monotonic ms, or 0 */
	uint64_t pos;			/* in the ring: written so far */
	uint64_t records, synced;	/* written since a commit; by commits */
	int64_t dirty;			/* since when unsynced; ms, or 0 */
	struct open_segment segment;
	int last_day;			/* that a segment was begun for */
	struct refused refused;
};

void	writer_init(struct writer *w);
void	writer_release(struct writer *w);

/*
 * One round: write what there is, sync when it is time.  Returns 1 when there
 * may be more, 0 when not, -1 when the disk does not let us (which was said).
 */
int	writer_round(struct writer *w);

/*
 * Write, sync and commit all there is, and hand the segment to be sealed.  -1
 * when something is left in the ring.
 */
int	writer_finish(struct writer *w);

/* Until w->stop, then writer_finish; the thread's function.  Returns NULL
 * when nothing is left in the ring. */
void	*writer_run(void *w);

#endif
