#ifndef SPOOL_SEGMENT_H
#define SPOOL_SEGMENT_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "spool/spool.h"

/*
 * One segment file: a header line, then one record a line (tlsrpt-spool(5)).
 */
#define SEGMENT_OPEN		".open"
#define SEGMENT_SEALED		".seg"
#define SEGMENT_VERSION		1
#define SEGMENT_HEADER_MAX	4096	/* bytes, with its newline */
#define SEGMENT_ID_MAX		255	/* bytes of id and of source */

/*
 * Read a header line (without newline) into id, source, day, created, lines
 * and sessions of g, for segment_release.  Returns -1 with static text in *why
 * when it is none, and neither id nor source then.
 */
int	segment_parse(struct segment *g, const char *line, size_t len,
	    const char **why);
/*
 * Write it, with newline; lines and sessions only when not negative.  -1: not
 * all could be written.
 */
int	segment_header(FILE *f, const struct segment *g);

/*
 * Open dirfd/name, a segment of this day, for reading and fill in g but for
 * live; g->bad says why its records must not be counted.  Returns the
 * descriptor, or -1 with errno, g->name and g->bad set.  segment_release in
 * both cases.
 */
int	segment_open(struct segment *g, int dirfd, const char *name, int day);
/* The same with a file that is open, of this day or, with -1, of any. */
int	segment_load(struct segment *g, int fd, const char *name, int day);
void	segment_release(struct segment *g);

/* A base name never used before: source and time, in nanoseconds. */
char	*segment_base(const char *source);
/* name with another ending; the caller frees it. */
char	*segment_name(const char *name, const char *suffix);

/*
 * The lines from this offset on; a last one without newline is none.  -1 with
 * errno.
 */
int	segment_count(int fd, off_t from, int64_t *lines);

/*
 * A record as a line of a sealed segment, which stands for n sessions: the
 * final } of its text becomes ,"n":N}.  More than one line where N would be
 * more than RECORD_N_MAX or make the line longer than RECORD_MAX.  Returns
 * how many lines, or would be with f NULL.
 */
uint64_t segment_record(FILE *f, const char *text, size_t len, uint64_t n);

#endif
