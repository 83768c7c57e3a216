#ifndef SPOOL_REJECT_H
#define SPOOL_REJECT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "spool/spool.h"

/*
 * Writer of rejected/<day>.jsonl: one JSON object a line with time, origin,
 * reason, n, and the line as text, bytes that are no UTF-8 as U+FFFD.  Several
 * processes may append at the same time: whole lines go out in one write.  The
 * file is opened at the first rejected line; when it has REJECTED_MAX bytes,
 * what comes is left out, and that is no error.
 *
 * An all-zero struct is no writer.
 */
#define REJECTED_MAX	(64 << 20)

struct rejects {
	const struct spool *spool;
	int day, fd;
	off_t size;		/* of the file, as far as we know */
	char *buf;		/* of f: what is not written yet */
	size_t len;
	FILE *f;
	struct arena arena;	/* of one line */
	int error;		/* the first errno; nothing is written after */
};

void	rejects_init(struct rejects *j, const struct spool *s, int day);
/*
 * n times this line, which came from origin at the time now, is no record, and
 * why.  May be buffered; an error is remembered and comes out of rejects_sync.
 */
void	rejects_add(struct rejects *j, int64_t now, const char *origin,
	    const char *line, size_t len, uint64_t n, const char *why);
/*
 * All that was added is on stable storage, but for what REJECTED_MAX left out;
 * or -1 with errno.
 */
int	rejects_sync(struct rejects *j);
/* Does not sync; what is buffered is lost. */
void	rejects_release(struct rejects *j);

#endif
