#include "spool/recover.h"

#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "spool/day.h"
#include "spool/file.h"
#include "spool/segment.h"

/* Is this record at this place of the file?  With fd -1, would it fit? */
static bool
is_there(int fd, const struct ring_entry *e, off_t at, off_t size, char *buf)
{
	size_t len = (size_t)e->len + 1;

	if ((off_t)len > size - at)
		return false;
	return fd == -1 || (pread(fd, buf, len, at) == (ssize_t)len &&
	    memcmp(buf, ring_payload(e), len) == 0);
}

/*
 * Go through the entries that may be in the first `size` bytes; returns where
 * the last one of them ends.
 */
static off_t
walk(const struct ring *r, int fd, off_t size, struct recovered *out)
{
	off_t at = r->commit.synced;
	const struct ring_entry *e;
	uint64_t pos = out->pos;
	char *buf = xmalloc(RECORD_MAX + 1);

	while (at < size && ring_get(r, &pos, &e) == 1) {
		if (e->kind != RING_RECORD)
			continue;	/* went elsewhere */
		if (!is_there(fd, e, at, size, buf))
			break;
		at += (off_t)e->len + 1;
		out->pos = pos;
		out->records++;
	}
	free(buf);
	return at;
}

static enum recover_state
look_sealed(const struct ring *r, int dirfd, struct recovered *out)
{
	char *name = segment_name(r->commit.name, SEGMENT_SEALED);
	enum recover_state state = RECOVER_NOTHING;
	struct segment g;
	int fd;

	fd = segment_open(&g, dirfd, name, r->commit.day);
	if (fd != -1) {
		close(fd);
		/* One that is damaged is no reason to lose anything. */
		if (g.bad == NULL) {
			walk(r, -1, g.open_bytes, out);
			state = RECOVER_SEALED;
		}
	} else if (errno != ENOENT)
		state = RECOVER_FAILED;
	segment_release(&g);
	free(name);
	return state;
}

/* Cut it behind the last whole record of ours. */
static enum recover_state
look_open(const struct ring *r, int fd, struct recovered *out)
{
	struct stat st;
	off_t end;

	if (file_lock(fd) == -1)
		return errno == EWOULDBLOCK ? RECOVER_BUSY : RECOVER_FAILED;
	if (fstat(fd, &st) == -1)
		return RECOVER_FAILED;
	if (st.st_nlink == 0)	/* sealed since we opened it */
		return RECOVER_BUSY;
	end = walk(r, fd, st.st_size, out);
	if ((end < st.st_size && ftruncate(fd, end) == -1) ||
	    fsync(fd) == -1)
		return RECOVER_FAILED;
	return RECOVER_OPEN;
}

static enum recover_state
look(const struct ring *r, int dirfd, struct recovered *out)
{
	enum recover_state state;

	out->fd = openat(dirfd, r->commit.name, O_RDWR | O_NOFOLLOW |
	    O_NONBLOCK | O_CLOEXEC);
	if (out->fd == -1 && errno != ENOENT)
		return RECOVER_FAILED;
	if (out->fd == -1)
		return look_sealed(r, dirfd, out);
	/* Both are there: who sealed it died before he removed the open one. */
	if ((state = look_sealed(r, dirfd, out)) == RECOVER_NOTHING)
		state = look_open(r, out->fd, out);
	if (state != RECOVER_OPEN) {
		int saved = errno;

		close(out->fd);
		out->fd = -1;
		errno = saved;
	}
	return state;
}

enum recover_state
recover(const struct spool *s, const struct ring *r, struct recovered *out)
{
	char day[DAY_TEXT];
	enum recover_state state;
	int dirfd, saved;

	*out = (struct recovered){ .pos = r->commit.tail, .fd = -1 };
	if (r->commit.name[0] == '\0' || strchr(r->commit.name, '/') != NULL)
		return RECOVER_NOTHING;
	dirfd = openat(s->days, day_format(r->commit.day, day),
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd == -1)
		return errno == ENOENT ? RECOVER_NOTHING : RECOVER_FAILED;
	state = look(r, dirfd, out);
	saved = errno;
	close(dirfd);
	errno = saved;
	return state;
}
