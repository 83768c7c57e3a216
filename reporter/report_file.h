#ifndef REPORTER_REPORT_FILE_H
#define REPORTER_REPORT_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "reporter/lint.h"
#include "spool/arena.h"

/*
 * Reports in files as people have them: the JSON text, plain or packed, or a
 * mail that carries some.  What a file is, its bytes say, not its name.
 */
#define REPORT_FILE_MAX	(64 << 20)	/* bytes of a file that are read */

/* Buffers for many files, one after the other.  All zero is an empty one. */
struct report_file {
	struct arena arena;	/* for whom it concerns, too: until the next */
	char *buf;
	size_t size;
};

/* The JSON text, terminated, and what names came with it. */
typedef void report_file_fn(void *arg, const char *text, size_t len,
	    const struct lint_names *names);

/*
 * What there is to read at path: a file is itself; a Maildir is its mails; a
 * folder is all below it but for what begins with a dot, by name.  Returns
 * -1 with errno when it cannot be looked at; a folder below that cannot is
 * logged and counted in `bad`.
 */
struct report_path {
	char *name;		/* "-": standard input */
	bool regular;		/* a plain file, as far as it was looked at */
};
struct report_paths {
	size_t n, size, bad;
	struct report_path *path;
	bool many;		/* a folder was among what was added */
};
int	report_paths_add(struct report_paths *p, const char *path);
void	report_paths_release(struct report_paths *p);

/*
 * Call fn for every report in the file; what fn gets lives during the call.
 * Returns how many these were, or -1 with *why (the caller frees it) when one
 * could not be read: fn was called for the others.  None at all is an error
 * only for a file that is no mail.
 */
int	report_file_read(struct report_file *f, const struct report_path *path,
	    report_file_fn *fn, void *arg, char **why);
void	report_file_release(struct report_file *f);

#endif
