#include "spool/open_segment.h"

#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf/mem.h"
#include "spool/day.h"

void
open_segment_init(struct open_segment *g)
{
	*g = (struct open_segment){ .fd = -1, .day = INT_MIN };
}

void
open_segment_release(struct open_segment *g)
{
	if (g->fd != -1)
		close(g->fd);
	free(g->name);
	open_segment_init(g);
}

int
open_segment_begin(struct open_segment *g, struct spool *s, int day)
{
	if ((g->fd = spool_begin(s, day, &g->name)) == -1)
		return -1;
	/* With O_APPEND, Linux would not write where we say. */
	fcntl(g->fd, F_SETFL, 0);
	g->begin = g->size = lseek(g->fd, 0, SEEK_END);
	g->day = day;
	return 0;
}

void
open_segment_remove(struct open_segment *g, const struct spool *s)
{
	char day[DAY_TEXT];
	char *path = xasprintf("%s/%s", day_format(g->day, day), g->name);

	unlinkat(s->days, path, 0);
	free(path);
	open_segment_release(g);
}

int
open_segment_append(struct open_segment *g, struct iovec *iov, int n)
{
	off_t at = g->size;
	ssize_t done;

	while (n > 0) {
		if ((done = pwritev(g->fd, iov, n, at)) == -1) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		if (done == 0) {
			errno = ENOSPC;
			return -1;
		}
		at += done;
		for (; n > 0 && (size_t)done >= iov->iov_len; n--)
			done -= (ssize_t)iov++->iov_len;
		if (n > 0) {
			iov->iov_base = (char *)iov->iov_base + done;
			iov->iov_len -= (size_t)done;
		}
	}
	g->size = at;
	return 0;
}

int
open_segment_cut(struct open_segment *g, off_t size)
{
	g->size = size;
	return ftruncate(g->fd, size);
}

bool
open_segment_in_place(const struct open_segment *g, const char *path)
{
	char day[DAY_TEXT], *name;
	struct stat ours, there;
	bool in_place;

	name = xasprintf("%s/days/%s/%s", path, day_format(g->day, day),
	    g->name);
	in_place = fstat(g->fd, &ours) == 0 && (stat(name, &there) == -1 ?
	    errno != ENOENT && errno != ENOTDIR :
	    ours.st_dev == there.st_dev && ours.st_ino == there.st_ino);
	free(name);
	return in_place;
}
