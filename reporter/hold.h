#ifndef REPORTER_HOLD_H
#define REPORTER_HOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"
#include "reporter/lint.h"
#include "reporter/queue.h"

/*
 * What lint objects to is held back, whichever way it was to leave: it would
 * be refused, or spoil what receivers think of the others.
 */
struct lint_names hold_names(const struct conf *c,
	    const struct queue_report *r);

/*
 * The seal on a report that lint had no objections to, to be kept with it:
 * whoever finds it unbroken need not read the report again.  What was damaged
 * since, or looked over by other rules, has another one.  Never 0.
 */
int64_t	hold_seal(const struct queue_report *r);
bool	hold_is_sealed(const struct queue_report *r);

/*
 * May this report leave as the queue has it?  NULL, or why it is held back,
 * in the words of hold_reason.
 */
char	*hold_report(const struct conf *c, const struct queue_report *r);

/*
 * An objection as operators read it: that the fault is ours.  Frees the
 * objection; the caller frees the reason.
 */
char	*hold_reason(char *objection);

#endif
