#ifndef SPOOL_LIST_H
#define SPOOL_LIST_H

#include <stdio.h>

#include "spool/spool.h"

/*
 * What is in the spool, as a table for people: a line per day, then what
 * waits in incoming/ and what lies in rejected/, then the segments that
 * cannot be used, each with the reason.  Returns -1 with errno.
 */
int	list_spool(const struct spool *s, FILE *out);

#endif
