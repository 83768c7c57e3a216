#ifndef REPORTER_FINISH_H
#define REPORTER_FINISH_H

#include <stdbool.h>

#include "reporter/daily.h"
#include "reporter/gzip.h"

/*
 * Write the report, look it over while it is there as a tree, pack it, and
 * call fn, whose return is returned.
 */
int	finish_report(struct gzip *g, const struct report *r,
	    const struct rua_list *to, bool lookup, daily_fn *fn, void *arg);

#endif
