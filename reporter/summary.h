#ifndef REPORTER_SUMMARY_H
#define REPORTER_SUMMARY_H

#include "reporter/reading.h"

/*
 * A report of ours for people: the text part of its mail.  UTF-8, lines end
 * with \n and have at most 76 columns unless a single word has more.  Control
 * characters in what peers sent come out as blanks, so that no banner can
 * write lines of its own.  The caller frees it.
 */
char	*summary_text(const struct reading *r, const char *submitter, int day,
	    unsigned part);

#endif
