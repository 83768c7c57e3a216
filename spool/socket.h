#ifndef SPOOL_SOCKET_H
#define SPOOL_SOCKET_H

#include <sys/types.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * The unix datagram socket that MTAs send to: made by us, or by the service
 * manager that started us.
 */

/* Where it is to be; uid and gid -1 for our own. */
struct socket_place {
	const char *path;
	uid_t uid;
	gid_t gid;
	mode_t mode;
};

/* The one that we have made. */
struct socket_own {
	char *path;
	dev_t dev;
	ino_t ino;
};

/*
 * Make the socket.  Its name appears with owner, group and mode set.  One that
 * is there is replaced if nobody listens to it, and only then.  Returns the
 * descriptor; -1 with errno and in *why what could not be done.
 */
int	socket_bind(const struct socket_place *place, struct socket_own *own,
	    const char **why);
/* Take its name away, if it is still ours. */
void	socket_unlink(struct socket_own *own);

/*
 * Is this descriptor, which somebody else has opened, such a socket?  -1 with
 * the reason in *why.
 */
int	socket_inherit(int fd, const char **why);

/* How many may wait in a socket made now; -1 when that cannot be found out. */
long	socket_queue_length(void);
#define SOCKET_QUEUE_WANTED	512

/*
 * A batch of datagrams, with memory for the largest ones, which is touched as
 * far as they fill it.
 */
#define SOCKET_BATCH	32
struct socket_batch {
	struct mmsghdr msg[SOCKET_BATCH];
	struct iovec iov[SOCKET_BATCH];
	char *buf;
};

void	socket_batch_init(struct socket_batch *b);
void	socket_batch_release(struct socket_batch *b);

/*
 * Wait for datagrams and take as many as there are: how many, or -1 with
 * errno; EAGAIN after a second without any.  With `wait` false it does not
 * wait.
 */
int	socket_receive(int fd, struct socket_batch *b, bool wait);

/* The i-th of them, and whether the end of it is missing. */
static inline const char *
socket_datagram(const struct socket_batch *b, int i, size_t *len, bool *cut)
{
	*len = b->msg[i].msg_len;
	*cut = b->msg[i].msg_hdr.msg_flags & MSG_TRUNC;
	return b->iov[i].iov_base;
}

#endif
