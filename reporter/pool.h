#ifndef REPORTER_POOL_H
#define REPORTER_POOL_H

#include <stddef.h>

/*
 * Call work(arg, i) for each i below n, once, in at most so many threads
 * (at least one is enough), and come back when all of them did.  They start
 * in order.  Signals are left to the caller's thread.
 */
void	pool_run(size_t n, size_t threads, void (*work)(void *arg, size_t i),
	    void *arg);

#endif
