#ifndef REPORTER_ENQUEUE_H
#define REPORTER_ENQUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "aggregator/aggregate.h"
#include "reporter/days.h"

/*
 * A day's reports, what was read for them (those of the segments that are
 * used), and the mark that it was done, into the queue in one transaction
 * (DESIGN contract 4).  Returns 0, or -1 (logged) with nothing changed: the
 * day is left for later.
 */
int	enqueue_day(struct days *d, int day, const struct segments *segments,
	    const bool *used, struct aggregate *g);

/*
 * Why a report's delivery to one of its destinations fails at once, or NULL.
 * What runs for real and what shows it ask here.
 */
const char *enqueue_refusal(struct days *d, const struct daily_report *r,
	    const struct rua *to);

/* When it is tried first, if queued now. */
int64_t	enqueue_first_try(const struct days *d, const struct daily_report *r,
	    const struct rua *to);

/*
 * As the queue has them, if queued now, but without a seal: who only shows
 * them reads the finished report.  They point into what is given.
 */
struct queue_report enqueue_form(const struct daily_report *r, int64_t now);
struct queue_delivery enqueue_to(const struct rua *to);

#endif
