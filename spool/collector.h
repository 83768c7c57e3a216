#ifndef SPOOL_COLLECTOR_H
#define SPOOL_COLLECTOR_H

#include "conf/conf.h"

/*
 * tlsrpt-spoold: receive, write and seal, each in a thread of its own, with
 * the main thread looking after them and listening to signals:
 *
 *	TERM, INT	stop: take what is waiting if the socket is ours (else
 *			it waits for our successor), write and seal everything
 *	HUP		read the configuration again
 *	USR1		log the counters
 */
struct collector_options {
	const char *config;	/* its file, or NULL; for HUP */
	int verbose;
};

/* Until a signal says stop.  Returns the exit status of the program. */
int	collector_run(const struct conf *c, const struct collector_options *o);

#endif
