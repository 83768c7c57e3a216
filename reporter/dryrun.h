#ifndef REPORTER_DRYRUN_H
#define REPORTER_DRYRUN_H

#include <stdint.h>
#include <stdio.h>

#include "conf/conf.h"
#include "reporter/days.h"
#include "reporter/dkim.h"

/*
 * What would be sent, printed instead: a line per report and destination, and
 * on request the very files.
 */
struct dryrun {
	const struct conf *conf;
	const struct dkim *dkim;	/* NULL: mails are not signed by us */
	struct days *days;		/* whose reports these are */
	FILE *out;
	int outdir;			/* folder for the files, or -1 */
	int64_t now;			/* the Date of the mails */

	uint64_t reports, destinations, bytes, sessions, failures;
	uint64_t held_back, errors;
};

/* Fits daily_reports; arg is the dry run.  What cannot be written is logged. */
int	dryrun_report(void *arg, const struct daily_report *r);

/* The heading, before the first; the totals, after the last. */
void	dryrun_begin(struct dryrun *d);
void	dryrun_end(struct dryrun *d);

#endif
