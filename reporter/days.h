#ifndef REPORTER_DAYS_H
#define REPORTER_DAYS_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"
#include "reporter/archive.h"
#include "reporter/daily.h"
#include "reporter/queue.h"
#include "reporter/quota.h"
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

	struct quota_dry pretended;	/* a dry run's; to be released */

	bool left_out;			/* enqueue's: the day is over a quota */
	char refusal[256];
	struct archive archive;
};

void	days_report(struct days *d);

/* Ends the program where a function of the queue failed. */
void	days_must(const struct days *d, int rc);

/*
 * Forget what has been kept long enough: days of the spool all of whose
 * segments are reported, and finished reports.
 */
void	days_forget(struct days *d);

#endif
