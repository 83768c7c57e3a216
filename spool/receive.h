#ifndef SPOOL_RECEIVE_H
#define SPOOL_RECEIVE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "spool/counters.h"
#include "spool/ring.h"
#include "spool/socket.h"

/*
 * The receiving side: from the socket into the ring, and nothing else.  It
 * makes no system call but recvmmsg (and, when the ring has filled up to a
 * quarter, one that wakes the writing side), allocates nothing, takes no lock
 * and writes no log.
 */
struct receiver {
	int fd;
	int wake;			/* an eventfd */
	struct ring *ring;
	struct counters *counters;
	int64_t (*now)(void);
	atomic_bool stop;		/* and interrupt the thread */
	bool drain;			/* then take what is waiting */
	_Atomic uint64_t rounds;	/* at least one every few seconds */
};

/* Until r->stop; the thread's function. */
void	*receive(void *r);

/* Put one batch of n datagrams into the ring and show it. */
void	receive_batch(struct receiver *r, const struct socket_batch *b, int n);

#endif
