#ifndef SPOOL_FILE_H
#define SPOOL_FILE_H

#include <sys/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*
 * Durable file primitives.  All return -1 with errno set on failure and then
 * leave no file of their own making behind.  Names are plain names in the
 * folder dirfd, which may be AT_FDCWD; modes are subject to the umask.
 */

/*
 * Replace dirfd/name with buf.  When this returns 0 the new contents are on
 * stable storage under that name.  On -1 the name still holds one whole
 * version (normally the old one).
 */
int	file_replace(int dirfd, const char *name, const void *buf, size_t len,
	    mode_t mode);

/*
 * A file that appears under its name whole and synced, or not at all.
 * file_new_open makes a temporary `.name.<unique>` in the same folder; write
 * to .f; file_new_commit flushes, syncs, renames, syncs the folder and closes
 * (with `once`, it fails with EEXIST rather than replace a file);
 * file_new_abort removes the temporary.  Both leave an all-zero struct, on
 * which file_new_abort does nothing.  An error of an earlier
 * write to .f that nobody looked at comes out of the commit as EIO.
 */
struct file_new {
	int dirfd;		/* the caller's; not closed */
	char *temp, *name;
	FILE *f;
};
int	file_new_open(struct file_new *n, int dirfd, const char *name,
	    mode_t mode);
int	file_new_commit(struct file_new *n, bool once);
void	file_new_abort(struct file_new *n);

/*
 * Hand the system what is buffered; -1 with errno, also for an earlier error
 * of this stream.
 */
int	file_flush(FILE *f);

/* Write all of buf, going on after short writes and EINTR. */
int	file_write(int fd, const void *buf, size_t len);

/*
 * Open the folder dirfd/name, making it (and syncing its parent) if needed.
 * Here name may be a path.
 */
int	file_opendir(int dirfd, const char *name, mode_t mode);

/* Make path and its missing parents; on -1 those made so far stay. */
int	file_mkdirs(const char *path, mode_t mode);

/*
 * An exclusive advisory lock on an open file, held until it is closed or the
 * process dies.  Returns 0, or -1 with EWOULDBLOCK when somebody else has it.
 */
int	file_lock(int fd);

/* The names in a folder that match, sorted; frees with file_names_free. */
struct file_names {
	size_t n;
	char **name;
};
/* Every name in dirfd that does not begin with a dot and ends with suffix. */
int	file_names(struct file_names *names, int dirfd, const char *suffix);
void	file_names_free(struct file_names *names);

#endif
