#ifndef SPOOL_INTAKE_H
#define SPOOL_INTAKE_H

#include <sys/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spool/record.h"

/*
 * From lines to records: fold equal lines, parse each distinct one once (on
 * all cores), and hand them on.  Everything that reads records goes through
 * here: tlsrpt-spool add, sealing, the drop-box, reports, people's views.
 */
struct intake_sink {	/* a function that is NULL is not called */
	/*
	 * A record, its UTC day (that of its ts, else the day given), and the
	 * sessions it stands for (equal lines times n).  Called from one
	 * thread, in order of first appearance; r lives during the call only.
	 */
	void (*record)(void *arg, int day, const struct record *r,
	    uint64_t sessions);
	/* A line that cannot be read, seen n times. */
	void (*reject)(void *arg, const char *line, size_t len, uint64_t n,
	    const char *why);
	void *arg;
	/*
	 * The source was complete before we came to read it, so that a last
	 * line without newline is a line like the others and not a torn one.
	 */
	bool complete;
	enum record_use use;	/* is the text of records wanted, too? */
	/* 0: as much memory and as many processors as help; or so much, one. */
	size_t round_max;
};

struct intake_totals {
	uint64_t lines;		/* without torn and empty ones */
	uint64_t distinct;	/* different ones among them; where limits made
				   several rounds necessary, summed over them */
	uint64_t sessions;	/* what the accepted ones stand for */
	uint64_t rejected;	/* lines */
	uint64_t days, segments;	/* written, by those that write some */
	uint64_t known;		/* of these segments, there already */
	size_t torn;		/* bytes of a last line without newline */
};

/*
 * All lines of a regular file from offset on, or of a pipe (from 0).  Memory
 * is bounded: beyond intake_round_max bytes of distinct lines (or the sink's
 * round_max) they are handed on and forgotten in rounds.  A torn last line is
 * not handed on, just counted (unless the sink says that the source is
 * complete).  Adds to *totals.  Returns 0, or -1 with errno.
 */
extern size_t intake_round_max;	/* 256 MB; tests lower it */
int	intake_read(int fd, off_t from, int day, const struct intake_sink *sink,
	    struct intake_totals *totals);

#endif
