#ifndef SPOOL_FOLD_H
#define SPOOL_FOLD_H

#include <sys/types.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Count equal lines.  Nearly all records of a day are byte for byte equal to
 * one already seen, so lines are hashed, compared and counted before anything
 * looks into them.  Memory grows with distinct lines, not with lines.
 */
struct fold;

/* A distinct line, not terminated; lives until fold_reset or fold_free. */
struct fold_line {
	const char *text;
	uint32_t len;
	uint32_t pad;
	uint64_t n;		/* how often it was seen */
};

struct fold *fold_new(void);
void	fold_free(struct fold *f);
void	fold_reset(struct fold *f);

/*
 * Add n times this line, cut as fold_file does.  The text is copied when it
 * is new.
 */
void	fold_add(struct fold *f, const char *line, size_t len, uint64_t n);

/*
 * Add the lines of a regular file from offset `from` on, with as many threads
 * as the machine has processors (threads 0) or the given number.  Lines end
 * with \n, which does not count as part of the line; a last line without one
 * is torn: it is not added, and *torn is its length (else 0).  Empty lines
 * are passed over.  A line longer than RECORD_MAX + 1 is added as its first
 * RECORD_MAX + 1 bytes, for record_refuse to refuse: memory stays bounded
 * whatever the file holds.  The order of the distinct lines is that of their
 * first appearance, whatever the number of threads.
 *
 * Stops early, at the end of a line, when fold_bytes is more than limit (limit
 * 0: never), at the same line whatever the number of threads; *next is where
 * to go on, the file's size when all was read.  At least one line is added.
 * Returns 0, or -1 with errno, f then holding an unknown part.
 */
int	fold_file(struct fold *f, int fd, off_t from, size_t limit, int threads,
	    off_t *next, size_t *torn);

/*
 * The same for a pipe or terminal: read to its end (*eof 1) or the limit.
 * What was read beyond the limit waits in f, also through fold_reset, for the
 * next call with this fd.
 */
int	fold_stream(struct fold *f, int fd, size_t limit, int *eof,
	    size_t *torn);
/*
 * The torn line that fold_stream ended with, as far as it is kept; lives until
 * fold_reset or fold_free.
 */
const char *fold_tail(const struct fold *f, size_t *len);

size_t	fold_lines(const struct fold *f, const struct fold_line **lines);
/* What the distinct lines hold in memory: what `limit` bounds. */
size_t	fold_bytes(const struct fold *f);
uint64_t fold_total(const struct fold *f);	/* lines added */

#endif
