#ifndef SPOOL_CLAIM_H
#define SPOOL_CLAIM_H

#include <stdio.h>

#include "conf/conf.h"
#include "conf/priv.h"
#include "spool/socket.h"

/*
 * What the collector takes hold of while it may still be root, and whom it
 * becomes then: the folder of the ring, with the lock that says that we run,
 * the socket, and the folder of the spool.
 */
struct claim {
	const struct conf *conf;
	struct priv user;	/* whom to become; no name: stay */
	int runtime;		/* the ring's folder, locked, or -1 */
	int socket;		/* or -1 */
	struct socket_own own;	/* no path: it was passed to us */
};

/*
 * Are there the users and the group that the settings name?  Who is missing is
 * said to err, a line each that begins with the name of the configuration, and
 * -1 returned; else 0.
 */
int	claim_check(const struct conf *c, const char *config, FILE *err);

/*
 * All of it, with listen_fds sockets passed to this program by who started it.
 * Returns -1 when another instance is running, after a word about it; what
 * else is in the way ends the program.  To be released in both cases.
 */
int	claim_take(struct claim *c, const struct conf *conf, int listen_fds);
/* Does not take the socket's name away, for which there is socket_unlink. */
void	claim_release(struct claim *c);

#endif
