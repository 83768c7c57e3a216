#ifndef REPORTER_JOB_H
#define REPORTER_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "reporter/queue.h"
#include "reporter/rua.h"
#include "reporter/schedule.h"

/* One delivery, from its being due to its outcome in the queue. */
struct job {
	struct schedule_job scheduled;	/* first: a schedule hands this back */
	struct queue_delivery d;
	struct queue_report r;		/* filled in when it is started */
	char *sender;			/* of a mail, likewise */
	struct rua to;			/* of a mail, likewise */
	struct job *next;		/* in a list */
	struct job_set *set;
	size_t slot;			/* there */
	void *run;			/* for a callback to find it */
};

/* Every job that there is. */
struct job_set {
	struct job **job;
	size_t n, room;
	int64_t *rows;			/* theirs: see job_set_sort */
	size_t nrows;
};

/* A copy of what is due. */
struct job *job_new(struct job_set *set, const struct queue_delivery *d);
void	job_unload(struct job *j);	/* what starting it has filled in */
void	job_free(struct job *j);
void	job_set_release(struct job_set *set);	/* and all jobs */

/*
 * Is there a job for this row?  As of the last job_set_sort: what was added
 * since is not found.
 */
void	job_set_sort(struct job_set *set);
bool	job_set_has(const struct job_set *set, int64_t row);

/* First in, first out. */
struct job_list {
	struct job *first, **last;
	size_t n;
};
void	job_list_init(struct job_list *l);
void	job_list_append(struct job_list *l, struct job *j);
struct job *job_list_shift(struct job_list *l);	/* NULL: empty */

#endif
