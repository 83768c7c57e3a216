#ifndef REPORTER_EXPLAIN_H
#define REPORTER_EXPLAIN_H

#include <stdio.h>

#include "reporter/days.h"
#include "reporter/dkim.h"

/*
 * For people: what becomes of one domain's reports, and why.  First of what
 * is not reported yet (with `one`, of that day in any case), decided by a dry
 * run of the days; then of what is queued, as the queue has it.  Where the
 * spool has no session with the domain, where a report would go if it had.
 * `domain` of the days says which; its dry and show are set.  0, or -1 when
 * something was logged as wrong.
 */
int	explain(struct days *d, const struct dkim *dkim, FILE *out);

#endif
