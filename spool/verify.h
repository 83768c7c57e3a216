#ifndef SPOOL_VERIFY_H
#define SPOOL_VERIFY_H

#include <stdint.h>
#include <stdio.h>

#include "spool/spool.h"

struct verify_totals {
	uint64_t files, lines, bad;
};

/*
 * Look at every line and print `file:line: reason` to out for each bad one.
 * A file is a segment or, when its first line is no segment header and its
 * name is none of a segment, JSON lines.  What is wrong is counted, a file
 * that cannot be read too; these do not fail.
 */
void	verify_file(const char *path, FILE *out, struct verify_totals *totals);
void	verify_day(const struct spool *s, int day, FILE *out,
	    struct verify_totals *totals);
void	verify_incoming(const struct spool *s, FILE *out,
	    struct verify_totals *totals);

#endif
