#ifndef REPORTER_SUPPRESS_H
#define REPORTER_SUPPRESS_H

#include <stddef.h>
#include <stdint.h>

#include "reporter/queue.h"

/*
 * Destinations, as the queue writes them, that get nothing for a time: mail
 * to them came back.
 */
struct suppression {
	const char *destination;
	int64_t since, until;		/* seconds */
	const char *reason;
};

/* Anew for one that is suppressed already; it never ends earlier for that. */
int	suppress_add(struct queue *q, const struct suppression *s);

/*
 * Is it suppressed now?  1 with the reason, for a log or a person, in why; 0;
 * or -1.
 */
int	suppress_check(struct queue *q, const char *destination, int64_t now,
	    char *why, size_t size);

/* Those in force now, by destination, as queue_list does it. */
typedef int suppress_fn(void *arg, const struct suppression *s);
int	suppress_list(struct queue *q, int64_t now, suppress_fn *fn,
	    void *arg);

/* Forget what has ended by then. */
int	suppress_purge(struct queue *q, int64_t now);

#endif
