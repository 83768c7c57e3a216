#ifndef TESTS_SPOOL_FATE_H
#define TESTS_SPOOL_FATE_H

/*
 * A process that dies, or a call that fails, at the n-th call that changes
 * anything on disk.  These calls are functions of this file: the linker takes
 * them from here rather than from libc.  Goes first of all, behind
 *
 *	#undef _FORTIFY_SOURCE		which has bodies for them, too
 */
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#define KILLED	99

static struct {
	enum { LIVE, DIE, FAIL } mode;
	int at, step;
	int times;		/* calls that fail, from that one on */
	int error;		/* what they fail with; EIO by default */
	size_t most;		/* bytes that a pwritev takes; 0: all */
	int hiccups;		/* how many of them take none, with error */
	void (*synced)(int fd);	/* is told of what was synced */
} fate;

/* Is this the call that does not work? */
static bool
struck(void)
{
	int times = fate.times > 0 ? fate.times : 1;

	if (fate.mode == LIVE || ++fate.step < fate.at ||
	    fate.step >= fate.at + times)
		return false;
	if (fate.mode == DIE)
		_exit(KILLED);
	errno = fate.error != 0 ? fate.error : EIO;
	return true;
}

int
openat(int dirfd, const char *name, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	va_start(ap, flags);
	if (flags & O_CREAT)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	return struck() ? -1 :
	    (int)syscall(SYS_openat, dirfd, name, flags, mode);
}

int
mkdirat(int dirfd, const char *name, mode_t mode)
{
	return struck() ? -1 : (int)syscall(SYS_mkdirat, dirfd, name, mode);
}

int
linkat(int from, const char *old, int to, const char *new, int flags)
{
	return struck() ? -1 :
	    (int)syscall(SYS_linkat, from, old, to, new, flags);
}

int
renameat(int from, const char *old, int to, const char *new)
{
	return struck() ? -1 :
	    (int)syscall(SYS_renameat2, from, old, to, new, 0);
}

int
unlinkat(int dirfd, const char *name, int flags)
{
	return struck() ? -1 : (int)syscall(SYS_unlinkat, dirfd, name, flags);
}

static int
told(int fd, long rc)
{
	if (rc == 0 && fate.synced != NULL)
		fate.synced(fd);
	return (int)rc;
}

int
fsync(int fd)
{
	return struck() ? -1 : told(fd, syscall(SYS_fsync, fd));
}

int
fdatasync(int fd)
{
	return struck() ? -1 : told(fd, syscall(SYS_fdatasync, fd));
}

int
ftruncate(int fd, off_t len)
{
	return struck() ? -1 : (int)syscall(SYS_ftruncate, fd, len);
}

static ssize_t
pwritev_some(int fd, const struct iovec *iov, off_t at)
{
	struct iovec part = iov[0];

	if (fate.hiccups > 0) {
		fate.hiccups--;
		errno = fate.error;
		return fate.error != 0 ? -1 : 0;
	}
	if (part.iov_len > fate.most)
		part.iov_len = fate.most;
	return syscall(SYS_pwritev, fd, &part, 1, at, 0);
}

/* Whoever dies in it has written a part, and so has one that fails. */
ssize_t
pwritev(int fd, const struct iovec *iov, int n, off_t at)
{
	struct iovec part = iov[0];

	if (fate.most > 0)
		return pwritev_some(fd, iov, at);
	if (fate.mode != LIVE && fate.step + 1 == fate.at) {
		if (n > 1)
			syscall(SYS_pwritev, fd, iov, n / 2, at, 0);
		else {
			part.iov_len /= 2;
			syscall(SYS_pwritev, fd, &part, 1, at, 0);
		}
	}
	return struck() ? -1 : syscall(SYS_pwritev, fd, iov, n, at, 0);
}

ssize_t
write(int fd, const void *buf, size_t len)
{
	return struck() ? -1 : syscall(SYS_write, fd, buf, len);
}

#endif
