#ifndef CONF_FOREIGN_H
#define CONF_FOREIGN_H

#include <stdio.h>

/*
 * The configuration files of tlsrpt-reporter (sections [tlsrpt_collectd],
 * [tlsrpt_fetcher] and [tlsrpt_reportd], in any files) as one of ours, written
 * to out: each setting either translated or, in a comment, with what becomes
 * of it; of ours that are needed and cannot be known, what to set.
 *
 * Every bad line is reported to err as `file:line: key: reason`, and nothing
 * written then.  Returns 0, or -1.  The list of files ends with NULL.
 */
int	foreign_conf(char *const *files, FILE *out, FILE *err);

#endif
