#ifndef SPOOL_OPEN_SEGMENT_H
#define SPOOL_OPEN_SEGMENT_H

#include <sys/types.h>
#include <sys/uio.h>
#include <stdbool.h>

#include "spool/spool.h"

/*
 * The segment that the collector's writer appends to.  Its size is what we
 * know to be in it: a write goes there, and one that failed half-way can be
 * done again at the same place.  Functions that fail set errno.
 */
struct open_segment {
	int fd;			/* with our lock on it; -1: there is none */
	char *name;		/* in the day's folder */
	int day;
	off_t begin, size;	/* of its records; of all of it */
};

/* There is none: fd -1, no name, an impossible day, size 0. */
void	open_segment_init(struct open_segment *g);
/* Close it, if there is one; the file stays as it is. */
void	open_segment_release(struct open_segment *g);

/* Begin one, where there is none; on -1 there still is none. */
int	open_segment_begin(struct open_segment *g, struct spool *s, int day);
/* Remove one without records. */
void	open_segment_remove(struct open_segment *g, const struct spool *s);

/* Append all of iov, which is used up.  On -1 the size is as before. */
int	open_segment_append(struct open_segment *g, struct iovec *iov, int n);
/*
 * It has `size` bytes from now on.  On -1 the file may have more, which the
 * next append writes over.
 */
int	open_segment_cut(struct open_segment *g, off_t size);

/*
 * Does its name, from the root of the spool at path, still lead to it?  Where
 * the system does not let us look, it counts as so.
 */
bool	open_segment_in_place(const struct open_segment *g, const char *path);

#endif
