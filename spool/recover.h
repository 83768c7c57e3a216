#ifndef SPOOL_RECOVER_H
#define SPOOL_RECOVER_H

#include <stdint.h>

#include "spool/ring.h"
#include "spool/spool.h"

/*
 * After the process died: which of the ring's entries are in the segment that
 * was being written, beyond what the last commit says?
 *
 * Bytes are appended in the order of the ring and without gaps, so a segment
 * that is longer than the commit says holds a whole number of further records,
 * and perhaps a part of one.  When others have sealed it in the meantime, its
 * sealed form says how long it was.
 */
enum recover_state {
	RECOVER_NOTHING,	/* there is no segment: all are to be written */
	RECOVER_OPEN,		/* cut behind a whole record, synced, locked */
	RECOVER_SEALED,		/* others did that */
	RECOVER_BUSY,		/* others are doing that: ask again */
	RECOVER_FAILED		/* errno says why: ask again */
};
struct recovered {
	uint64_t pos;		/* where writing is to go on */
	uint64_t records;	/* before pos, and in the segment */
	int fd;			/* of an open segment, else -1 */
};

/* Changes nothing in the ring; *out is set but for BUSY and FAILED. */
enum recover_state recover(const struct spool *s, const struct ring *r,
    struct recovered *out);

#endif
