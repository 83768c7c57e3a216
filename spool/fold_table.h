#ifndef SPOOL_FOLD_TABLE_H
#define SPOOL_FOLD_TABLE_H

#include "spool/arena.h"
#include "spool/fold.h"
#include "spool/record.h"

/*
 * Inside of a fold: fold.c keeps the table, fold_read.c cuts files and pipes
 * into lines for it.
 */
#define LINE_KEPT	(RECORD_MAX + 1)	/* too long, to be refused */
#define BATCH		32	/* lines whose memory is fetched ahead */
#define GUESSES		65536
#define SECRET_SIZE	192	/* as large as the library's own */

/* A place in the hash table. */
struct slot {
	uint32_t hash;
	uint32_t line;		/* index + 1; 0: a free slot */
};

struct reader;

/*
 * A line is found by its hash.  But hashing all of it is a pass over all
 * bytes, when comparing is one anyway: so first a guess is made from length
 * and beginning, and only where comparing refutes it the line is hashed.
 */
struct fold {
	struct fold_line *line;
	size_t nlines, room;
	struct slot *slot;
	size_t mask;		/* number of slots - 1 */
	uint32_t guess[GUESSES];	/* index + 1 */
	size_t bytes;
	uint64_t total;
	struct arena text;
	struct reader *pipe;	/* of fold_stream, between two calls */
	char *tail;		/* the torn line it ended with, in text */
	size_t tail_len;
	/* Secret, so that nobody can send lines that collide. */
	unsigned char secret[SECRET_SIZE];
};

/* Something to add. */
struct item {
	const char *text;
	size_t len;
	uint64_t n;
	const char *next;	/* where the following line begins */
	uint32_t line;		/* index + 1, or 0 when not found yet */
	uint32_t guess, hash;
};

/*
 * Add up to BATCH items.  Stops after the first with which f is larger than
 * limit (0: never); returns how many were added.
 */
size_t	fold_items(struct fold *f, struct item *item, size_t n, size_t limit);

void	fold_reader_free(struct reader *r);

#endif
