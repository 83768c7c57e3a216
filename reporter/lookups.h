#ifndef REPORTER_LOOKUPS_H
#define REPORTER_LOOKUPS_H

#include <stdint.h>

#include "conf/conf.h"
#include "reporter/daily.h"
#include "reporter/job.h"
#include "reporter/marks.h"

/*
 * Ask DNS for the records of the first LOOKUPS_MAX in the list, at once, so
 * that it takes one timeout, and queue their reports for what those name, due
 * at `due`.  The others stay in the list: meanwhile posts that are under way
 * stand still, their timeouts run, and nobody looks whether we are to stop.
 */
#define LOOKUPS_MAX	256	/* what dns.c has under way */

void	lookups_run(struct job_list *list, const struct conf *c,
	    struct daily *daily, struct marks *marks, int64_t due);

#endif
