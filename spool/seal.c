#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "spool/batch.h"
#include "spool/day.h"
#include "spool/file.h"
#include "spool/segment.h"
#include "spool/spool.h"

/*
 * States of a collector's segment, and what a crash in each leaves:
 *
 *	.base.open.new			nothing yet: ignored by everybody
 *	base.open, locked		being appended to
 *	base.open			its writer is gone: to be sealed
 *	base.open, .base.seg.<random>	being sealed: done again from the start
 *	base.open, base.seg		sealed: base.seg counts, base.open not
 *	base.seg			the same
 *
 * Records whose ts names another day go to that day's folder before base.seg
 * appears, with ids made from the segment's: done again, they count once.
 */

int
spool_add(struct spool *s, int fd, const char *origin, int day,
    struct intake_totals *totals)
{
	const struct batch_source source = { .origin = origin, .day = day };
	off_t from = lseek(fd, 0, SEEK_CUR);	/* -1: a pipe */

	return batch_run(s, fd, from == -1 ? 0 : from, &source, totals);
}

/* Write the header of a new open segment and bring it to stable storage. */
static int
write_header(int fd, const struct spool *s, int day, char *id)
{
	const struct segment g = { .id = id, .source = s->source, .day = day,
		.created = time(NULL), .lines = -1, .sessions = -1 };
	char *text = NULL;
	size_t len;
	FILE *f;
	int rc = -1;

	if ((f = open_memstream(&text, &len)) == NULL)
		return -1;
	segment_header(f, &g);
	if (fclose(f) != EOF && file_write(fd, text, len) == 0 &&
	    fsync(fd) == 0)
		rc = 0;
	free(text);
	return rc;
}

static int
begin(const struct spool *s, int dirfd, int day, const char *temp,
    const char *name, char *base)
{
	int fd, saved;

	fd = openat(dirfd, temp, O_RDWR | O_APPEND | O_CREAT | O_EXCL |
	    O_CLOEXEC, 0640);
	if (fd == -1)
		return -1;
	if (file_lock(fd) == -1 || write_header(fd, s, day, base) == -1 ||
	    linkat(dirfd, temp, dirfd, name, 0) == -1)
		goto fail;
	unlinkat(dirfd, temp, 0);
	if (fsync(dirfd) == 0)
		return fd;
	temp = name;
fail:
	saved = errno;
	unlinkat(dirfd, temp, 0);
	close(fd);
	errno = saved;
	return -1;
}

int
spool_begin(struct spool *s, int day, char **name)
{
	char text[DAY_TEXT], *base, *temp;
	int dirfd, fd, saved;

	*name = NULL;
	dirfd = file_opendir(s->days, day_format(day, text), 0750);
	if (dirfd == -1)
		return -1;
	base = segment_base(s->source);
	temp = xasprintf(".%s" SEGMENT_OPEN ".new", base);
	*name = xasprintf("%s" SEGMENT_OPEN, base);
	fd = begin(s, dirfd, day, temp, *name, base);
	saved = errno;
	if (fd == -1) {
		free(*name);
		*name = NULL;
	}
	free(temp);
	free(base);
	close(dirfd);
	errno = saved;
	return fd;
}

/* Is the sealed form of an open segment there, and whole?  id may be NULL. */
static bool
is_sealed(int dirfd, int day, const char *open, const char *id)
{
	char *name = segment_name(open, SEGMENT_SEALED);
	struct segment sealed;
	bool ok = false;
	int fd;

	if ((fd = segment_open(&sealed, dirfd, name, day)) != -1) {
		ok = sealed.bad == NULL &&
		    (id == NULL || strcmp(sealed.id, id) == 0);
		close(fd);
	}
	segment_release(&sealed);
	free(name);
	return ok;
}

/* The open segment g, which fd reads: its sealed form takes its place. */
static int
replace(struct spool *s, int dirfd, int fd, const struct segment *g,
    const char *origin, struct intake_totals *totals)
{
	const struct batch_source source = { .origin = origin, .day = g->day,
		.key = g->id, .open = g };
	size_t torn = totals->torn;

	if (batch_run(s, fd, g->body, &source, totals) == -1) {
		log_warn("%s: cannot be sealed: %m", origin);
		return -1;
	}
	if (totals->torn > torn)
		log_warn("%s: the last %zu bytes are a torn line, skipped",
		    origin, totals->torn - torn);
	if (!is_sealed(dirfd, g->day, g->name, g->id)) {
		log_warn("%s: the sealed file of this name is damaged or "
		    "another segment's; remove it to have it made anew",
		    origin);
		errno = EEXIST;
		return -1;
	}
	if ((unlinkat(dirfd, g->name, 0) == -1 && errno != ENOENT) ||
	    fsync(dirfd) == -1) {
		log_warn("%s: is sealed, but cannot be removed: %m", origin);
		return -1;
	}
	return 0;
}

static int
seal(struct spool *s, int dirfd, int day, const char *name,
    struct intake_totals *totals)
{
	char text[DAY_TEXT], *origin;
	struct segment g;
	int fd, rc = -1, saved;

	origin = xasprintf("days/%s/%s", day_format(day, text), name);
	fd = segment_open(&g, dirfd, name, day);
	if (fd != -1 && g.bad == NULL)
		rc = replace(s, dirfd, fd, &g, origin, totals);
	else if (fd != -1 && g.size == 0) {	/* nothing was ever in it */
		if ((rc = unlinkat(dirfd, name, 0)) == -1)
			log_warn("%s: is empty, but cannot be removed: %m",
			    origin);
	} else if (fd == -1 && errno == ENOENT &&
	    is_sealed(dirfd, day, name, NULL))	/* by somebody else */
		rc = 0;
	else {
		saved = fd == -1 ? errno : EBADMSG;
		log_warn("%s: cannot be sealed: %s", origin, g.bad);
		errno = saved;
	}
	saved = errno;
	if (fd != -1)
		close(fd);
	segment_release(&g);
	free(origin);
	errno = saved;
	return rc;
}

int
spool_seal(struct spool *s, int day, const char *name,
    struct intake_totals *totals)
{
	char text[DAY_TEXT];
	int dirfd, rc, saved;

	dirfd = openat(s->days, day_format(day, text),
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd == -1)
		return -1;
	rc = seal(s, dirfd, day, name, totals);
	saved = errno;
	close(dirfd);
	errno = saved;
	return rc;
}

/* Returns 1 when it was sealed, 0 when it is live or gone, or -1. */
static int
seal_if_dead(struct spool *s, int dirfd, int day, const char *name,
    struct intake_totals *totals)
{
	struct stat st;
	int fd, rc = 0;

	fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
	    O_CLOEXEC);
	if (fd == -1 && errno == ENOENT)
		return 0;
	if (fd == -1)		/* seal says why */
		return seal(s, dirfd, day, name, totals);
	if (file_lock(fd) == -1) {
		if (errno != EWOULDBLOCK) {
			log_warn("%s: cannot be locked: %m", name);
			rc = -1;
		}
	} else if (fstat(fd, &st) == 0 && st.st_nlink > 0)
		/* We hold the lock: nobody else is sealing it. */
		rc = seal(s, dirfd, day, name, totals) == 0 ? 1 : -1;
	close(fd);
	return rc;
}

int
spool_seal_day(struct spool *s, int day, struct intake_totals *totals)
{
	char text[DAY_TEXT];
	struct file_names open;
	bool failed = false;
	int dirfd, n = 0, rc;

	dirfd = openat(s->days, day_format(day, text),
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd == -1 && errno == ENOENT)
		return 0;
	if (dirfd == -1 || file_names(&open, dirfd, SEGMENT_OPEN) == -1) {
		log_warn("days/%s: cannot be read: %m", text);
		if (dirfd != -1)
			close(dirfd);
		return -1;
	}
	for (size_t i = 0; i < open.n; i++) {
		rc = seal_if_dead(s, dirfd, day, open.name[i], totals);
		if (rc == -1)
			failed = true;
		else
			n += rc;
	}
	file_names_free(&open);
	close(dirfd);
	return failed ? -1 : n;
}
