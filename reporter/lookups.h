#ifndef REPORTER_LOOKUPS_H
#define REPORTER_LOOKUPS_H

#include <stdint.h>

#include "conf/conf.h"
#include "reporter/daily.h"
#include "reporter/job.h"
#include "reporter/marks.h"

/*
 * Deliveries that wait for what DNS says: their reports are queued for the
 * places that it names, due at `*due`, which may change.  The answers come by
 * daily_poll.
 */
struct lookups {
	const struct conf *conf;
	struct daily *daily;
	struct marks *marks;
	const int64_t *due;
	struct job_list waiting;
	size_t started;		/* and not answered */
};

void	lookups_init(struct lookups *l, const struct conf *c,
	    struct daily *daily, struct marks *marks, const int64_t *due);
void	lookups_add(struct lookups *l, struct job *j);
/* Ask for as many of those that wait as may be under way. */
void	lookups_start(struct lookups *l);
/* Leave what is not answered in the queue as it is. */
void	lookups_stop(struct lookups *l);

#endif
