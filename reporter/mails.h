#ifndef REPORTER_MAILS_H
#define REPORTER_MAILS_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/conf.h"
#include "reporter/dkim.h"
#include "reporter/job.h"
#include "reporter/marks.h"

/*
 * The mails of a run: all go to the smarthost, in sessions.  While it does
 * not answer, what is due is deferred without a try.
 */
struct mails;

/*
 * woken is called, from any thread, when a session has ended, or goes on but
 * has results.
 */
struct mails *mails_new(const struct conf *c, const struct dkim *dkim,
	    struct marks *marks, void (*woken)(void *arg), void *arg);
/* Gives up what is under way; jobs are their set's. */
void	mails_free(struct mails *m);

void	mails_add(struct mails *m, struct job *j);
/* Start what sessions may be started. */
void	mails_start(struct mails *m);
/*
 * Sessions that have ended make room for others; and then mark their mails,
 * and those that others have results for: the smarthost need not wait for it.
 */
void	mails_collect(struct mails *m);
void	mails_mark(struct mails *m);
/*
 * No further mail, and only what the smarthost answers is marked from now on.
 * With at_once, it is given no more time to answer.
 */
void	mails_stop(struct mails *m, bool at_once);

size_t	mails_waiting(const struct mails *m);	/* not started */
size_t	mails_started(const struct mails *m);	/* not marked */

#endif
