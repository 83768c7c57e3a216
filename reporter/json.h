#ifndef REPORTER_JSON_H
#define REPORTER_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "aggregator/report.h"

/*
 * The report as RFC 8460 section 4 JSON, compact, or readable with an end of
 * line.  The caller frees it.  NULL when a text is not UTF-8: our own bug,
 * records are repaired when they come in.
 */
char	*json_report(const struct report *r, bool readable, size_t *len);

#endif
