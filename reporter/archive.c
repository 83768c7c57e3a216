#include "reporter/archive.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "spool/file.h"

#define FOLDER_MODE	0750
#define COPY_MODE	0640
#define TEMPORARY	".tlsrpt-send.new"	/* one at a time */

#define STEM_MAX	200	/* NAME_MAX is 255, and ours are not all of it */

struct archive_folder {
	char *path;
	int fd;
};

const char *
archive_stem(const char *filename)
{
	const char *last = strrchr(filename, '!');

	return strlen(filename) <= STEM_MAX || last == NULL ? filename :
	    last + 1;
}

/* The open folder, owned by the archive, or -1. */
static int
folder(struct archive *a, const char *path)
{
	int fd;

	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->list[i].path, path) == 0)
			return a->list[i].fd;
	if (file_mkdirs(path, FOLDER_MODE) == -1 || (fd = open(path,
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		return -1;
	a->list = xreallocarray(a->list, a->n + 1, sizeof(*a->list));
	a->list[a->n++] = (struct archive_folder){ xstrdup(path), fd };
	return fd;
}

static int
write_copy(int fd, const void *buf, size_t len)
{
	int rc = file_write(fd, buf, len), saved = errno;

	if (close(fd) == -1 && rc == 0)
		return -1;
	errno = saved;
	return rc;
}

static int
put(struct archive *a, const char *path, const char *name, const void *buf,
    size_t len)
{
	int dir = folder(a, path), fd, saved;

	if (dir == -1 || (fd = openat(dir, TEMPORARY,
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
	    COPY_MODE)) == -1)
		return -1;
	if (write_copy(fd, buf, len) == 0 &&
	    renameat(dir, TEMPORARY, dir, name) == 0)
		return 0;
	saved = errno;
	unlinkat(dir, TEMPORARY, 0);
	errno = saved;
	return -1;
}

int
archive_report(struct archive *a, char *const *folders, size_t n,
    const char *sub, const char *filename, const void *gzip, size_t len)
{
	char *name = xasprintf("%s.json.gz", archive_stem(filename)), *path;
	int rc = 0;

	for (size_t i = 0; i < n; i++) {
		path = sub != NULL ? xasprintf("%s/%s", folders[i], sub) :
		    xstrdup(folders[i]);
		if (put(a, path, name, gzip, len) == -1) {
			log_warn("no copy of %s in %s: %m", name, path);
			rc = -1;
		}
		free(path);
	}
	free(name);
	return rc;
}

int
archive_end(struct archive *a)
{
	int rc = 0;

	for (size_t i = 0; i < a->n; i++) {
		if (syncfs(a->list[i].fd) == -1) {
			log_warn("copies in %s may be lost: %m",
			    a->list[i].path);
			rc = -1;
		}
		close(a->list[i].fd);
		free(a->list[i].path);
	}
	free(a->list);
	*a = (struct archive){ 0 };
	return rc;
}
