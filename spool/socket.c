#include "spool/socket.h"

#include <sys/stat.h>
#include <sys/un.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/mem.h"
#include "spool/file.h"
#include "spool/record.h"

#define RECEIVE_SECONDS	1	/* how long one call waits */

static int
address(struct sockaddr_un *to, const char *path, const char **why)
{
	*to = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (fmt(to->sun_path, sizeof(to->sun_path), "%s", path) != -1)
		return 0;
	*why = "its path is longer than a socket's may be";
	return -1;
}

static int
unix_socket(void)
{
	return socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

/* May what is at this name be replaced? */
static int
check_old(const struct sockaddr_un *to, const char **why)
{
	struct stat st;
	int fd, rc;

	*why = "looking for an old one";
	if (lstat(to->sun_path, &st) == -1)
		return errno == ENOENT ? 0 : -1;
	if (!S_ISSOCK(st.st_mode)) {
		*why = "there is a file of this name that is no socket";
		errno = EEXIST;
		return -1;
	}
	if ((fd = unix_socket()) == -1)
		return -1;
	rc = connect(fd, (const struct sockaddr *)to, sizeof(*to));
	if (rc == 0) {
		*why = "another program listens to it";
		errno = EADDRINUSE;
	} else
		*why = "finding out whether another program listens to it";
	int saved = errno;
	close(fd);
	errno = saved;
	return rc == -1 && (errno == ECONNREFUSED || errno == ENOENT) ? 0 : -1;
}

/* Bind under a name of this process, with mode and owner. */
static int
bind_as(int fd, const struct sockaddr_un *to, const struct socket_place *place,
    struct socket_own *own, const char **why)
{
	mode_t mask;
	struct stat st;
	int rc;

	*why = "bind";
	/* Nobody else has this name: it has our process-id. */
	unlink(to->sun_path);
	/* We have no other threads yet that could mind. */
	mask = umask(~place->mode & 0777);
	rc = bind(fd, (const struct sockaddr *)to, sizeof(*to));
	umask(mask);
	if (rc == -1)
		return -1;
	*why = "setting its owner and group";
	if (lchown(to->sun_path, place->uid, place->gid) == -1 ||
	    lstat(to->sun_path, &st) == -1)
		return -1;
	own->dev = st.st_dev;
	own->ino = st.st_ino;
	return 0;
}

/* The folder's name with a name of our own in it, no longer than most. */
static char *
temporary(const char *path)
{
	const char *slash = strrchr(path, '/');
	int len = slash != NULL ? (int)(slash - path) + 1 : 0;

	return xasprintf("%.*s.%ld", len, path, (long)getpid());
}

static int
make_folder(const char *path, const char **why)
{
	const char *slash = strrchr(path, '/');
	char *folder;
	int rc;

	*why = "making its folder";
	if (slash == NULL || slash == path)
		return 0;
	folder = xstrndup(path, (size_t)(slash - path));
	rc = file_mkdirs(folder, 0755);
	free(folder);
	return rc;
}

/* Give up waiting now and then, to see whether we are to stop. */
static int
set_timeout(int fd)
{
	const struct timeval wait = { .tv_sec = RECEIVE_SECONDS };

	return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
}

int
socket_bind(const struct socket_place *place, struct socket_own *own,
    const char **why)
{
	char *temp = temporary(place->path);
	struct sockaddr_un to, first;
	int fd = -1, saved;

	memset(own, 0, sizeof(*own));
	if (address(&to, place->path, why) == -1 ||
	    address(&first, temp, why) == -1 ||
	    make_folder(place->path, why) == -1 ||
	    check_old(&to, why) == -1)
		goto fail;
	*why = "socket";
	if ((fd = unix_socket()) == -1 || set_timeout(fd) == -1)
		goto fail;
	if (bind_as(fd, &first, place, own, why) == -1)
		goto unlink;
	*why = "rename";
	if (rename(temp, place->path) == -1)
		goto unlink;
	own->path = xstrdup(place->path);
	free(temp);
	*why = NULL;
	return fd;
unlink:
	saved = errno;
	unlink(temp);
	errno = saved;
fail:
	saved = errno;
	if (fd != -1)
		close(fd);
	free(temp);
	errno = saved;
	return -1;
}

void
socket_unlink(struct socket_own *own)
{
	struct stat st;

	if (own->path != NULL && lstat(own->path, &st) == 0 &&
	    st.st_dev == own->dev && st.st_ino == own->ino)
		unlink(own->path);
	free(own->path);
	memset(own, 0, sizeof(*own));
}

int
socket_inherit(int fd, const char **why)
{
	int domain = -1, type = -1, flags;
	socklen_t len = sizeof(domain);

	*why = "it is not a unix datagram socket";
	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == -1)
		return -1;
	len = sizeof(type);
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == -1)
		return -1;
	if (domain != AF_UNIX || type != SOCK_DGRAM) {
		errno = EPROTOTYPE;
		return -1;
	}
	*why = "its flags cannot be set";
	if ((flags = fcntl(fd, F_GETFL)) == -1 ||
	    fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) == -1 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) == -1 || set_timeout(fd) == -1)
		return -1;
	*why = NULL;
	return 0;
}

long
socket_queue_length(void)
{
	FILE *f = fopen("/proc/sys/net/unix/max_dgram_qlen", "re");
	long n = -1;

	if (f == NULL)
		return -1;
	if (fscanf(f, "%ld", &n) != 1)
		n = -1;
	fclose(f);
	return n;
}

void
socket_batch_init(struct socket_batch *b)
{
	memset(b, 0, sizeof(*b));
	b->buf = xmalloc((size_t)SOCKET_BATCH * RECORD_MAX);
	for (int i = 0; i < SOCKET_BATCH; i++) {
		b->iov[i].iov_base = b->buf + (size_t)i * RECORD_MAX;
		b->iov[i].iov_len = RECORD_MAX;
		b->msg[i].msg_hdr.msg_iov = &b->iov[i];
		b->msg[i].msg_hdr.msg_iovlen = 1;
	}
}

void
socket_batch_release(struct socket_batch *b)
{
	free(b->buf);
	memset(b, 0, sizeof(*b));
}

int
socket_receive(int fd, struct socket_batch *b, bool wait)
{
	return recvmmsg(fd, b->msg, SOCKET_BATCH,
	    wait ? MSG_WAITFORONE : MSG_DONTWAIT, NULL);
}
