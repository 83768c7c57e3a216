#ifndef REPORTER_JSON_H
#define REPORTER_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "aggregator/report.h"

/* The report as RFC 8460 section 4 has it.  NULL where a text is missing. */
json_t	*json_tree(const struct report *r);

/*
 * A report's JSON text, compact, or readable with an end of line.  The caller
 * frees it.  NULL when there is no tree, or a text is not UTF-8: our own bug,
 * records are repaired when they come in.
 */
char	*json_text(const json_t *tree, bool readable, size_t *len);

/* Both at once. */
char	*json_report(const struct report *r, bool readable, size_t *len);

#endif
