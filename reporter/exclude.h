#ifndef REPORTER_EXCLUDE_H
#define REPORTER_EXCLUDE_H

#include <stdio.h>

#include "reporter/rua.h"

/*
 * Whom the operator sends nothing: a file with an entry a line (see lines.h),
 *
 *	example.com		this policy domain, and destinations there
 *	.example.com		all domains and hosts below it, not itself
 *	reports@example.com	this address, in whatever case
 *	192.0.2.1, [2001:db8::1]	https destinations at this address
 *	https://example.com/in	this one destination; mailto: likewise
 *
 * Domains may be written with any letters; names and addresses are compared
 * as A-labels in lower case.
 */
struct exclude;

/*
 * NULL when anything was reported to err, as lines_read does.  file NULL:
 * nobody is excluded.
 */
struct exclude *exclude_new(const char *setting, const char *file,
	    FILE *err);
void	exclude_free(struct exclude *e);

/*
 * NULL when it is not excluded, else "excluded by FILE:LINE", which lives as
 * long as e.
 */
const char *exclude_domain(const struct exclude *e, const char *domain);
const char *exclude_rua(const struct exclude *e, const struct rua *to);

#endif
