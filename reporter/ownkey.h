#ifndef REPORTER_OWNKEY_H
#define REPORTER_OWNKEY_H

#include <stdio.h>

#include "conf/conf.h"
#include "reporter/dkim.h"

/*
 * Is the DKIM key that DNS publishes (RFC 6376 section 3.6.1) the one we sign
 * with, and does its record let receivers of reports use it?
 */
enum ownkey {
	OWNKEY_GOOD,
	OWNKEY_NO_ANSWER,	/* DNS did not say */
	OWNKEY_WRONG		/* mails would be refused or ignored */
};

/*
 * Judge the TXT record found against the one to publish.  Each finding is
 * written to out as a sentence on a line of its own, behind `name: `.
 */
enum ownkey ownkey_judge(const char *name, const char *found,
	    const char *wanted, FILE *out);

/*
 * Ask DNS for the selectors of all keys of d and judge what is there; the
 * worst of them.
 */
enum ownkey ownkey_check(const struct conf *c, const struct dkim *d, FILE *out);

#endif
