#include <sys/stat.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <xxhash.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "spool/batch.h"
#include "spool/day.h"
#include "spool/file.h"
#include "spool/spool.h"

#define DROPPED		".jsonl"
#define ASIDE		".taken."	/* inode, dot, name */
#define HASH_BUFFER	(256 << 10)

/*
 * The drop-box.  A file is taken in three steps: its segments appear, with
 * ids made from what the file is; it moves to a dot name; it is removed.  A
 * crash after the first step leaves a file whose segments are there already,
 * one after the second a dot file, which gets its name back first of all.
 */

/* A file of the drop-box, open for reading. */
struct dropped {
	const char *name;
	int fd;
	struct stat st;
};

/* Returns 1, 0 when somebody else has taken it, or -1 (logged). */
static int
dropped_open(struct dropped *d, const struct spool *s, const char *name)
{
	d->name = name;
	d->fd = openat(s->incoming, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
	    O_CLOEXEC);
	if (d->fd == -1 && errno == ENOENT)
		return 0;
	if (d->fd == -1 && errno != ELOOP) {
		log_warn("incoming/%s: not taken: %m", name);
		return -1;
	}
	if (d->fd == -1 || fstat(d->fd, &d->st) == -1 ||
	    !S_ISREG(d->st.st_mode)) {
		log_warn("incoming/%s: not taken: not a regular file; remove "
		    "it", name);
		if (d->fd != -1)
			close(d->fd);
		return -1;
	}
	return 1;
}

/* The day of records without ts: when the file was last written. */
static int
dropped_day(const struct dropped *d)
{
	const int64_t max = INT64_C(253402300799);	/* end of 9999 */
	int64_t t = d->st.st_mtime;

	return day_of(t >= 0 && t <= max ? t : time(NULL));
}

/*
 * What this file is and no other: the same after a crash, and not the same
 * for a second file of that name.  NULL with errno.
 */
static char *
dropped_key(const struct dropped *d)
{
	XXH3_state_t *hash = XXH3_createState();
	char *buf = xmalloc(HASH_BUFFER), *key = NULL;
	XXH128_hash_t h;
	off_t at = 0;
	ssize_t n;

	if (hash == NULL)
		fatal("out of memory");
	XXH3_128bits_reset(hash);
	while ((n = pread(d->fd, buf, HASH_BUFFER, at)) > 0) {
		XXH3_128bits_update(hash, buf, (size_t)n);
		at += n;
	}
	h = XXH3_128bits_digest(hash);
	if (n == 0)
		key = xasprintf("%s %jd %ju %jd.%09ld %016" PRIx64 "%016"
		    PRIx64, d->name, (intmax_t)d->st.st_size,
		    (uintmax_t)d->st.st_ino, (intmax_t)d->st.st_mtim.tv_sec,
		    d->st.st_mtim.tv_nsec, h.high64, h.low64);
	free(buf);
	XXH3_freeState(hash);
	return key;
}

static bool
is_ours(const struct dropped *d, const struct stat *st)
{
	return st->st_ino == d->st.st_ino && st->st_dev == d->st.st_dev;
}

/* Its name leaves no room for another: less careful. */
static int
remove_in_place(const struct spool *s, const struct dropped *d)
{
	struct stat st;

	if (fstatat(s->incoming, d->name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return -1;
	return is_ours(d, &st) ? unlinkat(s->incoming, d->name, 0) : 0;
}

/*
 * Remove the file, and not another one that was given its name since.  So it
 * moves aside first, is looked at, and moves back when it is not ours.
 */
static int
dropped_remove(const struct spool *s, const struct dropped *d)
{
	char *aside = xasprintf(ASIDE "%ju.%s", (uintmax_t)d->st.st_ino,
	    d->name);
	char *back = xasprintf("%ju.%s", (uintmax_t)d->st.st_ino, d->name);
	struct stat st;
	int rc;

	if ((rc = renameat(s->incoming, d->name, s->incoming, aside)) == -1 &&
	    errno == ENAMETOOLONG)
		rc = remove_in_place(s, d);
	else if (rc == 0 && (rc = fstatat(s->incoming, aside, &st,
	    AT_SYMLINK_NOFOLLOW)) == 0)
		/* Back under a name of its own: d->name may be taken again. */
		rc = is_ours(d, &st) ? unlinkat(s->incoming, aside, 0) :
		    renameat(s->incoming, aside, s->incoming, back);
	if (rc == 0)
		rc = fsync(s->incoming);
	free(aside);
	free(back);
	return rc;
}

/* The name of a file that was moved aside, in its name now; or NULL. */
static const char *
name_aside(const char *name)
{
	const char *p = name + strlen(ASIDE);

	if (strncmp(name, ASIDE, strlen(ASIDE)) != 0)
		return NULL;
	while (isdigit((unsigned char)*p))
		p++;
	return p[0] == '.' && p[1] != '.' && p[1] != '\0' ? p + 1 : NULL;
}

/*
 * Who moved them aside was killed before he had looked at them.  Under their
 * names their segments are known, if they are ours.
 */
static void
put_back(const struct spool *s)
{
	int fd = openat(s->incoming, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const char *name;
	struct dirent *e;
	DIR *dir;

	if (fd == -1)
		return;		/* who reads it next says so */
	if ((dir = fdopendir(fd)) == NULL) {
		close(fd);
		return;
	}
	while ((e = readdir(dir)) != NULL)
		if ((name = name_aside(e->d_name)) != NULL &&
		    renameat2(s->incoming, e->d_name, s->incoming, name,
		    RENAME_NOREPLACE) == -1 && errno != ENOENT)
			log_warn("incoming/%s: cannot get its name back: %m",
			    e->d_name);
	closedir(dir);
}

/* What is done with each file. */
struct visit {
	struct spool *spool;		/* to take it into, or NULL: */
	struct intake_sink sink;	/* to read it to */
	struct intake_totals *totals;
};

static int
dropped_take(const struct dropped *d, const struct visit *v)
{
	char *origin = xasprintf("incoming/%s", d->name);
	struct batch_source source = { .origin = origin,
		.day = dropped_day(d) };
	char *key = dropped_key(d);
	int rc = -1;

	source.key = key;
	if (key == NULL ||
	    batch_run(v->spool, d->fd, 0, &source, v->totals) == -1)
		log_warn("%s: not taken: %s", origin, key != NULL &&
		    errno == EBUSY ? "it is still being written" :
		    strerrordesc_np(errno));
	else if (dropped_remove(v->spool, d) == -1)
		log_warn("%s: taken, but cannot be removed: %m", origin);
	else
		rc = 0;
	free(origin);
	free(key);
	return rc;
}

static int
dropped_read(const struct dropped *d, const struct visit *v)
{
	int rc;

	rc = intake_read(d->fd, 0, dropped_day(d), &v->sink, v->totals);
	if (rc == -1)
		log_warn("incoming/%s: cannot be read: %m", d->name);
	return rc;
}

/* Returns how many files there were, or -1 when one could not be visited. */
static int
visit_all(const struct spool *s, const struct visit *v)
{
	struct file_names names;
	bool failed = false;
	int n = 0;

	if (file_names(&names, s->incoming, DROPPED) == -1)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		struct dropped d;
		int rc = dropped_open(&d, s, names.name[i]);

		if (rc == 0)
			continue;
		if (rc == 1) {
			rc = v->spool != NULL ? dropped_take(&d, v) :
			    dropped_read(&d, v);
			close(d.fd);
		}
		failed |= rc == -1;
		n++;
	}
	file_names_free(&names);
	return failed ? -1 : n;
}

int
spool_take_incoming(struct spool *s, struct intake_totals *totals)
{
	const struct visit v = { .spool = s, .totals = totals };

	put_back(s);
	return visit_all(s, &v);
}

int
spool_read_incoming(const struct spool *s, const struct intake_sink *sink,
    struct intake_totals *totals)
{
	struct visit v = { .sink = *sink, .totals = totals };

	v.sink.complete = true;
	return visit_all(s, &v) == -1 ? -1 : 0;
}
