#include "spool/file.h"

#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/mem.h"

#define TEMP_TRIES	16

static void
close_keep_errno(int fd)
{
	int saved = errno;

	close(fd);
	errno = saved;
}

static void
unlink_keep_errno(int dirfd, const char *name, int flags)
{
	int saved = errno;

	unlinkat(dirfd, name, flags);
	errno = saved;
}

/*
 * Sync the folder dirfd/path.  It is opened anew, so that dirfd may be
 * AT_FDCWD.  EINVAL is what file systems say that cannot sync a folder.
 */
static int
sync_folder(int dirfd, const char *path)
{
	int fd, rc;

	if ((fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) ==
	    -1)
		return -1;
	if ((rc = fsync(fd)) == -1 && errno == EINVAL)
		rc = 0;
	close_keep_errno(fd);
	return rc;
}

int
file_write(int fd, const void *buf, size_t len)
{
	const char *p = buf;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

/* An exclusive temporary for name; *temp is the caller's to free. */
static int
open_temp(int dirfd, const char *name, mode_t mode, char **temp)
{
	int fd = -1;

	for (int i = 0; i < TEMP_TRIES; i++) {
		uint64_t unique;

		if (getrandom(&unique, sizeof(unique), 0) != sizeof(unique))
			return -1;
		*temp = xasprintf(".%s.%016" PRIx64, name, unique);
		fd = openat(dirfd, *temp,
		    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
		if (fd != -1)
			return fd;
		free(*temp);
		*temp = NULL;
		if (errno != EEXIST)
			break;
	}
	return -1;
}

int
file_new_open(struct file_new *n, int dirfd, const char *name, mode_t mode)
{
	int fd;

	memset(n, 0, sizeof(*n));
	if ((fd = open_temp(dirfd, name, mode, &n->temp)) == -1)
		return -1;
	n->dirfd = dirfd;
	n->name = xstrdup(name);
	if ((n->f = fdopen(fd, "w")) == NULL) {
		close_keep_errno(fd);
		file_new_abort(n);
		return -1;
	}
	return 0;
}

int
file_flush(FILE *f)
{
	if (fflush(f) == EOF)
		return -1;
	if (!ferror(f))
		return 0;
	errno = EIO;		/* an earlier write, whose errno is gone */
	return -1;
}

/*
 * All that was written to n->f is on stable storage, and n->f closed.  On -1
 * it may still be open.
 */
static int
finish(struct file_new *n)
{
	FILE *f = n->f;

	if (file_flush(f) == -1 || fsync(fileno(f)) == -1)
		return -1;
	n->f = NULL;
	return fclose(f) == EOF ? -1 : 0;
}

/*
 * Give the temporary its name.  A link, unlike a rename, fails when the name
 * is taken, on every file system that has links.
 */
static int
publish(struct file_new *n, bool once)
{
	if (!once)
		return renameat(n->dirfd, n->temp, n->dirfd, n->name);
	if (linkat(n->dirfd, n->temp, n->dirfd, n->name, 0) == -1)
		return -1;
	unlink_keep_errno(n->dirfd, n->temp, 0);
	return 0;
}

int
file_new_commit(struct file_new *n, bool once)
{
	int rc = -1;

	if (finish(n) == -1 || publish(n, once) == -1)
		goto out;
	free(n->temp);
	n->temp = NULL;		/* no longer there */
	if (sync_folder(n->dirfd, ".") == -1) {
		if (once)
			unlink_keep_errno(n->dirfd, n->name, 0);
		goto out;
	}
	rc = 0;
out:
	file_new_abort(n);
	return rc;
}

void
file_new_abort(struct file_new *n)
{
	int saved = errno;

	if (n->f != NULL)
		fclose(n->f);
	if (n->temp != NULL)
		unlinkat(n->dirfd, n->temp, 0);
	free(n->temp);
	free(n->name);
	memset(n, 0, sizeof(*n));
	errno = saved;
}

int
file_replace(int dirfd, const char *name, const void *buf, size_t len,
    mode_t mode)
{
	struct file_new n;

	if (file_new_open(&n, dirfd, name, mode) == -1)
		return -1;
	if (file_write(fileno(n.f), buf, len) == -1) {
		file_new_abort(&n);
		return -1;
	}
	return file_new_commit(&n, false);
}

int
file_opendir(int dirfd, const char *name, mode_t mode)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
	bool made;
	int fd;

	if ((fd = openat(dirfd, name, flags)) != -1 || errno != ENOENT)
		return fd;
	if (!(made = mkdirat(dirfd, name, mode) == 0) && errno != EEXIST)
		return -1;
	if ((fd = openat(dirfd, name, flags)) != -1 &&
	    (!made || sync_folder(fd, "..") == 0))
		return fd;
	if (fd != -1)
		close_keep_errno(fd);
	if (made)
		unlink_keep_errno(dirfd, name, AT_REMOVEDIR);
	return -1;
}

/* As file_opendir, but what is there already need not be readable. */
static int
make_folder(const char *path, mode_t mode)
{
	struct stat st;
	int fd;

	if (stat(path, &st) == 0) {
		if (S_ISDIR(st.st_mode))
			return 0;
		errno = ENOTDIR;
		return -1;
	}
	if (errno != ENOENT || (fd = file_opendir(AT_FDCWD, path, mode)) == -1)
		return -1;
	close(fd);
	return 0;
}

int
file_mkdirs(const char *path, mode_t mode)
{
	char *part = xstrdup(path);
	int rc = 0;

	for (char *p = part; rc == 0 && *p != '\0'; p++)
		if (*p == '/' && p != part) {
			*p = '\0';
			rc = make_folder(part, mode);
			*p = '/';
		}
	if (rc == 0)
		rc = make_folder(part, mode);
	free(part);
	return rc;
}

int
file_lock(int fd)
{
	return flock(fd, LOCK_EX | LOCK_NB);
}

static bool
wanted(const char *name, const char *suffix)
{
	size_t len = strlen(name), end = strlen(suffix);

	return name[0] != '.' && len >= end &&
	    memcmp(name + len - end, suffix, end) == 0;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int
file_names(struct file_names *names, int dirfd, const char *suffix)
{
	size_t room = 0;
	struct dirent *e;
	int fd, error;
	DIR *dir;

	memset(names, 0, sizeof(*names));
	/* Anew, for a place of our own in the folder. */
	fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return -1;
	if ((dir = fdopendir(fd)) == NULL) {
		close_keep_errno(fd);
		return -1;
	}
	while (errno = 0, (e = readdir(dir)) != NULL) {
		if (!wanted(e->d_name, suffix))
			continue;
		if (names->n == room) {
			room = room ? 2 * room : 16;
			names->name = xreallocarray(names->name, room,
			    sizeof(*names->name));
		}
		names->name[names->n++] = xstrdup(e->d_name);
	}
	error = errno;
	closedir(dir);
	if (error != 0) {
		file_names_free(names);
		errno = error;
		return -1;
	}
	if (names->n > 0)
		qsort(names->name, names->n, sizeof(*names->name), by_name);
	return 0;
}

void
file_names_free(struct file_names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->name[i]);
	free(names->name);
	memset(names, 0, sizeof(*names));
}
