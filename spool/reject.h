#ifndef SPOOL_REJECT_H
#define SPOOL_REJECT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "spool/spool.h"

/*
 * Writer of rejected/<day>.jsonl.  Several processes may append at the same
 * time: whole lines go out in one write.  The file is opened at the first
 * rejected line; an all-zero struct is no writer.
 */
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
void	rejects_add(struct rejects *j, int64_t now, const char *origin,
	    const char *line, size_t len, uint64_t n, const char *why);
/*
 * All that was added is on stable storage, but for what REJECTED_MAX cut off;
 * or -1 with errno.
 */
int	rejects_sync(struct rejects *j);
void	rejects_release(struct rejects *j);

#endif
