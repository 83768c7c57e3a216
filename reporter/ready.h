#ifndef REPORTER_READY_H
#define REPORTER_READY_H

#include <stdio.h>

#include "conf/conf.h"

/*
 * Is there what a run will open, for the user who asks?  --check-config wants
 * to know before the night does.  Each function says what is wrong, a line
 * each that begins with the name of the configuration, and returns 0 or -1.
 */

/* Files that settings name: can they be read, and is in them what should be? */
int	ready_files(const struct conf *c, const char *config, FILE *err);

/* The system's CAs, where they are used and no ca_file is. */
int	ready_cas(const struct conf *c, const char *config, FILE *err);

/*
 * Folders to write in: the spool's, the queue's, and those of copies and
 * metrics.  One that a run would make may be missing, and so may the queue;
 * what is in its place is looked into.
 */
int	ready_folders(const struct conf *c, const char *config, FILE *err);

/* Keys and passwords that others may read, or change. */
int	ready_secrets(const struct conf *c, const char *config, FILE *err);

#endif
