#ifndef REPORTER_MARKS_H
#define REPORTER_MARKS_H

#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"
#include "reporter/job.h"
#include "reporter/outcome.h"
#include "reporter/queue.h"
#include "reporter/retry.h"

#define MARKS_MS	200	/* no outcome waits longer than this */

struct deliver_totals;

/*
 * Outcomes are written down in groups: one transaction, so one disk write,
 * for what ends within MARKS_MS.  A queue that fails is fatal: it cannot be
 * worked around, and stopping does the least harm.
 */
struct marks {
	struct queue *queue;
	const char *database;		/* its name */
	int64_t (*clock)(void);
	struct retry_config retry;
	struct deliver_totals *totals;

	size_t n;			/* in the open transaction */
	int64_t first;			/* of them: clock_ms */
};

void	marks_init(struct marks *m, const struct conf *c, struct queue *q,
	    int64_t (*clock)(void), struct deliver_totals *totals);

/* Ends the program where a function of the queue failed. */
void	marks_must(const struct marks *m, int rc);

/* Before any change of the queue that belongs to the group. */
void	marks_begin(struct marks *m);
void	marks_commit(struct marks *m);
/* The same, if the group is large or old. */
void	marks_commit_old(struct marks *m);

/* Fill in j->r. */
void	marks_load(const struct marks *m, struct job *j);

/*
 * The one place where an outcome becomes a state of the queue, a line in the
 * log and a number in the totals.  Frees the job.
 */
void	marks_finish(struct marks *m, struct job *j, const struct result *r);
/* A new delivery of that report is not to be tried at all. */
void	marks_refuse(struct marks *m, const struct queue_report *report,
	    const struct queue_delivery *d, const struct result *r);

#endif
