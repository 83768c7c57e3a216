#ifndef REPORTER_PLACES_H
#define REPORTER_PLACES_H

#include <stdbool.h>
#include <stdio.h>

#include "conf/conf.h"
#include "reporter/rua.h"

/*
 * From a domain's TLSRPT record to where its report goes: what the record
 * asks for, as the operator wants it.  Maps come first ([deliver] map_file,
 * then [mail] and [https] map_file), then [deliver] exclude_file and [https]
 * ports, which have the last word on all of it, then [mail] bcc.
 */
struct places;

/*
 * NULL when a file is not as it should be: each bad line was reported to err
 * as `file:line: reason`, one that cannot be read as `setting file: reason`.
 * The configuration must outlive it.
 */
struct places *places_new(const struct conf *c, FILE *err);
void	places_free(struct places *p);

/* Why this domain gets no reports at all; NULL: it may.  Lives as long as p. */
const char *places_excluded(const struct places *p, const char *domain);

/*
 * Fills in the list, which the caller releases in both cases: where the
 * report on the domain goes, and in `skipped` what it does not go to and why.
 * false when there is neither a destination nor a folder for it; *why, which
 * is static, says so.
 */
bool	places_find(const struct places *p, const char *domain,
	    const char *txt, struct rua_list *list, const char **why);

#endif
