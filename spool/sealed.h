#ifndef SPOOL_SEALED_H
#define SPOOL_SEALED_H

#include <stdbool.h>

#include "spool/file.h"
#include "spool/fold.h"
#include "spool/record.h"
#include "spool/segment.h"

/*
 * The sealed form of an open segment while it is being written.  It is made by
 * the collector, too, which must not grow whatever comes, so memory is bounded
 * by sealed_held_max: what is more is written as it is, and a text may be in
 * it more than once.  What was seen most often so far stays to be counted.
 */
extern size_t sealed_held_max;	/* 4 MB; tests lower it */

struct sealed {
	const struct segment *open;
	int days, dirfd;
	struct fold *fold;
	struct file_new file;
	char *buffer;			/* of file.f */
	int room;			/* for the header, but its newline */
	int64_t lines, sessions;	/* written */
};

/* In the day's folder of this one; that and `open` stay the caller's. */
void	sealed_init(struct sealed *s, int days, const struct segment *open);
/* All-zero will do; what has no name by then is removed. */
void	sealed_release(struct sealed *s);

/* A record's text stands for so many sessions more; -1 with errno. */
int	sealed_add(struct sealed *s, const struct record *r, uint64_t sessions);
/*
 * Write all that is held, and the header; -1 with errno.  Then .file is to be
 * committed.
 */
int	sealed_finish(struct sealed *s);

#endif
