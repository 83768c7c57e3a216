#ifndef REPORTER_SHOW_TABLE_H
#define REPORTER_SHOW_TABLE_H

#include <stdio.h>

#include "reporter/reading.h"
#include "reporter/show.h"
#include "spool/arena.h"

/* One report for people: who, when, and per policy what went wrong where. */
void	show_table(const struct show *s, FILE *f, const struct reading *r,
	    struct arena *a);

#endif
