#ifndef REPORTER_DELIVER_H
#define REPORTER_DELIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"
#include "reporter/daily.h"
#include "reporter/dkim.h"
#include "reporter/queue.h"

/*
 * Deliver what is due, over all transports at once, and write down what came
 * of it.  One thread holds the queue; libcurl's transfers run in it, mail
 * sessions in threads of their own.
 */
struct deliver_options {
	bool once;		/* one pass over what is due now, then return */
	bool now;		/* first, a try of everything pending */
	const char *domain;	/* only reports on this one, or NULL */
	int64_t until;		/* start nothing from then on: clock_ms */
	int64_t (*clock)(void);	/* seconds since the epoch, may jump */
};

struct deliver_totals {
	uint64_t sent, deferred, failed, expired;
	bool wrong;		/* something else, that was logged */
};

/*
 * Returns 0 when it ran to its end, -1 when it could not start (logged).
 * When we are to stop (stop.h), or after `until`, nothing more is started.
 * What is under way then has half a minute to finish; what has not stays in
 * the queue as it was.
 */
int	deliver_run(const struct conf *c, struct queue *q, struct daily *daily,
	    const struct dkim *dkim, const struct deliver_options *o,
	    struct deliver_totals *totals);

#endif
