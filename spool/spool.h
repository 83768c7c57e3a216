#ifndef SPOOL_SPOOL_H
#define SPOOL_SPOOL_H

#include <sys/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spool/file.h"
#include "spool/intake.h"

/*
 * The spool directory (tlsrpt-spool(5) has the bytes):
 *
 *	incoming/name.jsonl		dropped by others, taken in as a whole
 *	days/2026-11-21/base.open	its writer holds a lock on it
 *	days/2026-11-21/base.seg	sealed; never changed again
 *	rejected/2026-11-21.jsonl	what could not be read, with the reason
 *
 * base is <source>-<seq> and never used twice.  The header line of a segment
 * carries its id; of two segments of one day with the same id, one counts.
 *
 * Where nothing else is said, functions return 0, or -1 with errno.
 */
struct spool {
	char *path, *source;
	int fd, days, incoming, rejected;	/* folders */
};

/*
 * Open the spool; with `create` make what is missing of it.  source is this
 * host's name in segment names: letters, digits, `.`, `_` and `-`.  On -1
 * errno tells and *why is static text naming what could not be opened.
 */
int	spool_open(struct spool *s, const char *path, const char *source,
	    bool create, const char **why);
/* What to add for people after that errno, "" or static text. */
const char *spool_hint(int error);
/* Nothing to do after a failed spool_open, or for an all-zero struct. */
void	spool_close(struct spool *s);

/* The days that have a folder, oldest first; the caller frees *days. */
int	spool_days(const struct spool *s, int **days, size_t *n);

struct segment {
	char *name;		/* in the day's folder */
	char *id, *source;
	int day;
	int64_t created;
	int64_t lines;		/* of the sealed body, -1 when it does not
				   say */
	int64_t sessions;	/* that they stand for, likewise */
	int64_t open_bytes;	/* size of the open one that it was made of,
				   or 0 when it does not say */
	off_t body, size;	/* where records begin; file size */
	bool sealed;
	bool live;		/* open, and its writer holds the lock */
	const char *bad;	/* why it cannot be used now, or NULL */
};
struct segments {
	size_t n;
	struct segment *list;
};

/*
 * The segments of a day, sorted by name, each id once, an open one left out
 * when its sealed form is there.  Bad ones (no header, foreign version, wrong
 * day, sealed but shorter than its header says or cut within a line: still
 * being copied) are in the list with their reason.  A day without folder has
 * none.
 */
int	spool_segments(const struct spool *s, int day, struct segments *list);
void	segments_release(struct segments *list);

/*
 * Read one segment's records; the sealed form of an open one that was sealed
 * in the meantime.  EBADMSG: it must not be counted as it is now; adds to
 * *totals, also to what is read before an error.
 */
int	spool_read(const struct spool *s, const struct segment *g,
	    const struct intake_sink *sink, struct intake_totals *totals);

/*
 * Fold a source of lines into sealed segments, one per day that its records
 * belong to (day is for those without ts).  Lines that cannot be read go to
 * rejected/ with origin and reason.  When it returns 0 all is on stable
 * storage; on -1 no segment of this call is there.
 */
int	spool_add(struct spool *s, int fd, const char *origin, int day,
	    struct intake_totals *totals);

/*
 * Take in incoming/<name>.jsonl, each file once however often we crash in
 * between; a record without ts belongs to the day the file was last written.
 * Returns the number of files, or -1 when one could not be taken (logged; it
 * stays where it is and the others are taken).
 */
int	spool_take_incoming(struct spool *s, struct intake_totals *totals);

/* Read them in place, changing nothing (for --dry-run). */
int	spool_read_incoming(const struct spool *s,
	    const struct intake_sink *sink, struct intake_totals *totals);

/*
 * Seal the open segments of a day whose writer is gone.  Crash-safe: at any
 * moment the open or the sealed form is there and readers use just one.
 * Returns how many were sealed, or -1 when one could not be (logged).
 */
int	spool_seal_day(struct spool *s, int day, struct intake_totals *totals);
/*
 * Begin an open segment of this day: returns its descriptor, to append record
 * lines to, or -1.  The file appears under its name (*name, the caller frees
 * it) with its header synced and our lock held, so that nobody ever takes it
 * for one whose writer is gone.
 */
int	spool_begin(struct spool *s, int day, char **name);
/*
 * One open segment by its name, which the caller has locked or closed.  Others
 * may be sealing it at the same time, or have done so before: 0.
 */
int	spool_seal(struct spool *s, int day, const char *name,
	    struct intake_totals *totals);

/*
 * Remove these segments of a day, which were all that it had; then, unless
 * others have put something there in the meantime, its folder.
 */
int	spool_remove(struct spool *s, int day, const struct segments *list);

/*
 * Remove what was rejected of days before this one that have no folder, unless
 * it was written to on this day or later: people may not have seen it.
 */
int	spool_forget_rejected(struct spool *s, int before);

#endif
