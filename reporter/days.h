#ifndef REPORTER_DAYS_H
#define REPORTER_DAYS_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"
#include "reporter/archive.h"
#include "reporter/daily.h"
#include "reporter/queue.h"
#include "spool/spool.h"

/*
 * The days of the spool that are over and not yet reported, into the queue
 * (DESIGN contracts 3 and 4), or into a dry run, which changes nothing.
 */
struct days {
	const struct conf *conf;
	struct spool *spool;
	struct queue *queue;		/* a dry run may have none: NULL */
	struct daily *daily;
	bool dry;			/* reports go to show, not the queue */
	daily_fn *show;
	void *show_arg;
	int64_t now;
	bool one;			/* `day` only */
	int day;
	const char *domain;		/* dry run of this domain only, or NULL */

	uint64_t reports, destinations;	/* out: queued */
	bool again;			/* out, to show: it was queued before */
	bool wrong;			/* out: something was logged as wrong */

	bool left_out;			/* its own: the day is over a quota */
	char refusal[256];
	struct archive archive;
};

void	days_report(struct days *d);

/*
 * Why a report's delivery to one of its destinations fails at once, or NULL.
 * What runs for real and what shows it ask here.
 */
const char *days_refusal(struct days *d, const struct daily_report *r,
	    const struct rua *to);

/* When it is tried first, if queued now. */
int64_t	days_first_try(const struct days *d, const struct daily_report *r,
	    const struct rua *to);

/* As the queue has it, if queued now.  Points into r; not to be released. */
struct queue_report days_queued(const struct daily_report *r, int64_t now);

/*
 * Forget what has been kept long enough: days of the spool all of whose
 * segments are reported, and finished reports.
 */
void	days_forget(struct days *d);

#endif
