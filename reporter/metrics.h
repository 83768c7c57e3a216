#ifndef REPORTER_METRICS_H
#define REPORTER_METRICS_H

#include <stdint.h>
#include <stdio.h>

#include "reporter/queue.h"

/*
 * What monitoring wants to know after a run of tlsrpt-send, in the text
 * format of Prometheus.  The figures on deliveries are those of the queue, so
 * they go on from run to run.
 */
struct metrics {
	struct queue_measures queue;
	int64_t started, ended;		/* of the run */
	uint64_t reports;		/* it made */
	int status;			/* it exits with */
};

void	metrics_write(const struct metrics *m, FILE *out);

/*
 * Replace the file, which everybody may read.  -1 with errno when that fails;
 * it is as before then.
 */
int	metrics_save(const struct metrics *m, const char *path);

#endif
