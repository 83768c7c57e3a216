#ifndef REPORTER_LINES_H
#define REPORTER_LINES_H

#include <stddef.h>
#include <stdio.h>

/*
 * Files that the operator writes, a rule a line: words between blanks, up to
 * the line's end or to a word that begins with "#".  Lines without a word are
 * passed over.
 */
#define LINES_WORDS_MAX	64
#define LINES_BYTES_MAX	65536	/* of a line without its end */

/*
 * Takes one line's words, at least one; they live during the call only.
 * where is "FILE:LINE".  NULL, or what is wrong with it, which lines_read
 * frees.
 */
typedef char *lines_fn(void *arg, const char *where, char **word, size_t n);

/*
 * Read the file that this setting, or option, names.  Every bad line is
 * reported to err as `file:line: reason`, and that it cannot be read as
 * `setting file: reason`.  Nothing behind a line that is too long is read: it
 * is no file of this kind.  Returns 0, or -1 when anything was reported.
 */
int	lines_read(const char *setting, const char *file, FILE *err,
	    lines_fn *fn, void *arg);

#endif
