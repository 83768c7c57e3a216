#ifndef REPORTER_ARCHIVE_H
#define REPORTER_ARCHIVE_H

#include <stddef.h>

/*
 * Copies of reports in folders of the operator's.  Thousands are written
 * between two disk flushes: a copy is whole under its name at once, and on
 * stable storage when archive_end returns 0.  All zero is an empty one.
 */
struct archive {
	struct archive_folder *list;
	size_t n;
};

/*
 * What a report's files are called: its RFC 8460 file name, or the last part
 * of it, which is unique too, where it is too long for a file.
 */
const char *archive_stem(const char *filename);

/*
 * Write a report as FOLDER/[SUB/]STEM.json.gz into each of n folders, which
 * are made as needed, over what is there.  sub may be NULL.  -1 when any of
 * them failed, which was logged.
 */
int	archive_report(struct archive *a, char *const *folders, size_t n,
	    const char *sub, const char *filename, const void *gzip,
	    size_t len);

/* Make all of it durable and let go of the folders.  -1: as above. */
int	archive_end(struct archive *a);

#endif
