#include "spool/spool.h"

#include <sys/stat.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/mem.h"
#include "conf/value.h"
#include "spool/day.h"
#include "spool/segment.h"

#define SOURCE_MAX	128	/* a segment's name has to fit into NAME_MAX */
#define REJECTED_SUFFIX	".jsonl"
#define LIST_TRIES	5	/* while others seal what we are listing */

static bool
source_is_fine(const char *source)
{
	size_t len = strlen(source);

	return len >= 1 && len <= SOURCE_MAX && source[0] != '.' &&
	    strspn(source, VALUE_NAME_BYTES) == len;
}

static int
open_folder(int dirfd, const char *name, bool create, mode_t mode)
{
	return create ? file_opendir(dirfd, name, mode) :
	    openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int
spool_open(struct spool *s, const char *path, const char *source, bool create,
    const char **why)
{
	int saved;

	*s = (struct spool){ .fd = -1, .days = -1, .incoming = -1,
		.rejected = -1 };
	errno = EINVAL;
	*why = "spool.source is empty, longer than 128 or has odd characters";
	if (source == NULL || !source_is_fine(source))
		return -1;
	s->path = xstrdup(path);
	s->source = xstrdup(source);
	*why = "the spool directory";
	if (create && file_mkdirs(path, 0750) == -1)
		goto fail;
	if ((s->fd = open_folder(AT_FDCWD, path, false, 0)) == -1)
		goto fail;
	*why = "the folder days of the spool";
	if ((s->days = open_folder(s->fd, "days", create, 0750)) == -1)
		goto fail;
	*why = "the folder incoming of the spool";
	if ((s->incoming = open_folder(s->fd, "incoming", create, 0770)) == -1)
		goto fail;
	*why = "the folder rejected of the spool";
	if ((s->rejected = open_folder(s->fd, "rejected", create, 0750)) == -1)
		goto fail;
	*why = NULL;
	return 0;
fail:
	saved = errno;
	spool_close(s);
	errno = saved;
	return -1;
}

const char *
spool_hint(int error)
{
	return error != ENOENT ? "" : "; there is none before the first "
	    "record, or [spool] directory names another place";
}

void
spool_close(struct spool *s)
{
	/* An all-zero struct holds no folders either. */
	if (s->path != NULL) {
		const int fd[] = { s->fd, s->days, s->incoming, s->rejected };

		for (size_t i = 0; i < sizeof(fd) / sizeof(fd[0]); i++)
			if (fd[i] != -1)
				close(fd[i]);
	}
	free(s->path);
	free(s->source);
	*s = (struct spool){ .fd = -1, .days = -1, .incoming = -1,
		.rejected = -1 };
}

int
spool_days(const struct spool *s, int **days, size_t *n)
{
	struct file_names names;

	*days = NULL;
	*n = 0;
	if (file_names(&names, s->days, "") == -1)
		return -1;
	*days = xmalloc((names.n + 1) * sizeof(**days));
	for (size_t i = 0; i < names.n; i++)
		if (day_parse(names.name[i], &(*days)[*n]))
			++*n;
	file_names_free(&names);
	return 0;
}

static int
open_day(const struct spool *s, int day)
{
	char name[DAY_TEXT];

	return openat(s->days, day_format(day, name),
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/*
 * Put dirfd/name on the list.  Returns -1 with ENOENT when it has gone since
 * the folder was read.
 */
static int
list_add(struct segments *list, int dirfd, const char *name, int day)
{
	struct segment *g;
	int fd;

	list->list = xreallocarray(list->list, list->n + 1,
	    sizeof(*list->list));
	g = &list->list[list->n];
	fd = segment_open(g, dirfd, name, day);
	if (fd == -1 && errno == ENOENT) {
		segment_release(g);
		errno = ENOENT;
		return -1;
	}
	list->n++;
	if (fd != -1) {
		/* A lock of our own, given back at once. */
		g->live = !g->sealed && file_lock(fd) == -1;
		close(fd);
	}
	return 0;
}

static bool
has_sealed(const struct file_names *sealed, const char *open)
{
	char *name = segment_name(open, SEGMENT_SEALED);
	bool found = false;

	for (size_t i = 0; i < sealed->n && !found; i++)
		found = strcmp(sealed->name[i], name) == 0;
	free(name);
	return found;
}

static int
list_day(struct segments *list, int dirfd, int day)
{
	struct file_names sealed = { 0 }, open = { 0 };
	size_t i;
	int rc = -1;

	/* The open ones first: what is sealed in between is in the second. */
	if (file_names(&open, dirfd, SEGMENT_OPEN) == -1 ||
	    file_names(&sealed, dirfd, SEGMENT_SEALED) == -1)
		goto out;
	for (i = 0; i < sealed.n; i++)
		if (list_add(list, dirfd, sealed.name[i], day) == -1)
			goto out;
	for (i = 0; i < open.n; i++)
		if (!has_sealed(&sealed, open.name[i]) &&
		    list_add(list, dirfd, open.name[i], day) == -1)
			goto out;
	rc = 0;
out:
	file_names_free(&sealed);
	file_names_free(&open);
	return rc;
}

static int
compare(const char *a, const char *b)
{
	return a == NULL || b == NULL ? (a == NULL) - (b == NULL) :
	    strcmp(a, b);
}

/* Of those with the same id, the one that is best to read comes first. */
static int
by_id(const void *one, const void *other)
{
	const struct segment *a = one, *b = other;
	int c;

	if ((c = compare(a->id, b->id)) != 0)
		return c;
	if ((a->bad == NULL) != (b->bad == NULL))
		return a->bad == NULL ? -1 : 1;
	if (a->sealed != b->sealed)
		return a->sealed ? -1 : 1;
	return strcmp(a->name, b->name);
}

static int
by_name(const void *one, const void *other)
{
	const struct segment *a = one, *b = other;

	return strcmp(a->name, b->name);
}

static void
each_id_once(struct segments *list)
{
	size_t n = 0;

	if (list->n == 0)
		return;
	qsort(list->list, list->n, sizeof(*list->list), by_id);
	for (size_t i = 0; i < list->n; i++) {
		struct segment *g = &list->list[i];

		if (n > 0 && g->id != NULL &&
		    compare(g->id, list->list[n - 1].id) == 0)
			segment_release(g);
		else if (n++ != i)
			list->list[n - 1] = *g;
	}
	list->n = n;
	qsort(list->list, list->n, sizeof(*list->list), by_name);
}

int
spool_segments(const struct spool *s, int day, struct segments *list)
{
	int dirfd, rc = -1, saved;

	*list = (struct segments){ 0 };
	if ((dirfd = open_day(s, day)) == -1)
		return errno == ENOENT ? 0 : -1;
	for (int i = 0; i < LIST_TRIES && rc == -1; i++) {
		segments_release(list);
		if ((rc = list_day(list, dirfd, day)) == -1 && errno != ENOENT)
			break;
	}
	saved = errno;
	close(dirfd);
	if (rc == -1)
		segments_release(list);
	else
		each_id_once(list);
	errno = saved;
	return rc;
}

void
segments_release(struct segments *list)
{
	for (size_t i = 0; i < list->n; i++)
		segment_release(&list->list[i]);
	free(list->list);
	list->list = NULL;
	list->n = 0;
}

/* The segment, or what it became when it was sealed. */
static int
open_either(struct segment *now, int dirfd, const struct segment *g)
{
	char *sealed;
	int fd;

	fd = segment_open(now, dirfd, g->name, g->day);
	if (fd != -1 || errno != ENOENT || g->sealed)
		return fd;
	segment_release(now);
	sealed = segment_name(g->name, SEGMENT_SEALED);
	fd = segment_open(now, dirfd, sealed, g->day);
	free(sealed);
	return fd;
}

int
spool_read(const struct spool *s, const struct segment *g,
    const struct intake_sink *sink, struct intake_totals *totals)
{
	struct segment now = { 0 };
	int dirfd, fd = -1, rc = -1, saved;

	if ((dirfd = open_day(s, g->day)) == -1)
		return -1;
	if ((fd = open_either(&now, dirfd, g)) == -1)
		goto out;
	if (now.bad != NULL) {
		errno = EBADMSG;
		goto out;
	}
	rc = intake_read(fd, now.body, now.day, sink, totals);
out:
	saved = errno;
	segment_release(&now);
	if (fd != -1)
		close(fd);
	close(dirfd);
	errno = saved;
	return rc;
}

/* What nobody will take up again: temporaries of those that died long ago. */
static void
remove_hidden(int dirfd)
{
	struct dirent *e;
	DIR *dir;
	int fd;

	fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return;
	if ((dir = fdopendir(fd)) == NULL) {
		close(fd);
		return;
	}
	while ((e = readdir(dir)) != NULL)
		if (e->d_name[0] == '.')
			(void)unlinkat(dirfd, e->d_name, 0);
	closedir(dir);
}

static int
remove_segments(int dirfd, const struct segments *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (unlinkat(dirfd, list->list[i].name, 0) == -1 &&
		    errno != ENOENT)
			return -1;
	return 0;
}

int
spool_remove(struct spool *s, int day, const struct segments *list)
{
	char name[DAY_TEXT];
	int dirfd, rc, saved;

	if ((dirfd = open_day(s, day)) == -1)
		return errno == ENOENT ? 0 : -1;
	rc = remove_segments(dirfd, list);
	saved = errno;
	remove_hidden(dirfd);
	close(dirfd);
	errno = saved;
	if (rc == -1)
		return -1;
	day_format(day, name);
	if (unlinkat(s->days, name, AT_REMOVEDIR) == -1 &&
	    errno != ENOTEMPTY && errno != ENOENT)
		return -1;
	return 0;
}

/* Is it the file of a day before, whose folder is gone, and nobody's news? */
static bool
is_forgotten(const struct spool *s, const char *file, int before)
{
	char name[DAY_TEXT] = "";
	struct stat st;
	int day;

	memcpy(name, file, strnlen(file, sizeof(name) - 1));
	return day_parse(name, &day) && day < before &&
	    strcmp(file + strlen(name), REJECTED_SUFFIX) == 0 &&
	    fstatat(s->days, name, &st, AT_SYMLINK_NOFOLLOW) == -1 &&
	    errno == ENOENT &&
	    fstatat(s->rejected, file, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_mtime < day_first(before);
}

int
spool_forget_rejected(struct spool *s, int before)
{
	struct file_names names;
	int error = 0;

	if (file_names(&names, s->rejected, REJECTED_SUFFIX) == -1)
		return -1;
	for (size_t i = 0; i < names.n; i++)
		if (is_forgotten(s, names.name[i], before) &&
		    unlinkat(s->rejected, names.name[i], 0) == -1 &&
		    errno != ENOENT)
			error = errno;
	file_names_free(&names);
	errno = error;
	return error == 0 ? 0 : -1;
}
