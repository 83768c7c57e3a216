#ifndef REPORTER_CHECK_OUTPUT_H
#define REPORTER_CHECK_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "reporter/findings.h"
#include "reporter/show.h"
#include "reporter/suggest.h"

/*
 * Findings, sorted, for people: a line per area, then what is to be said;
 * what is well only when all is wanted.  suggestion may be NULL.
 */
void	check_text(const char *title, const struct findings *findings,
	    const struct suggestion *suggestion, bool all,
	    const struct show *look, FILE *f);

/* The same for programs: one object, one line, everything in it. */
void	check_json(const char *title, const struct findings *findings,
	    const struct suggestion *suggestion, FILE *f);

#endif
