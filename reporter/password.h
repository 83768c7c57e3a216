#ifndef REPORTER_PASSWORD_H
#define REPORTER_PASSWORD_H

#define PASSWORD_MAX	255	/* bytes; see CREDENTIAL_MAX in smtp.c */

/*
 * The password in a file: its first line, without its end.  The caller frees
 * it.  NULL with *why, `FILE: reason`, which he frees too, when the file cannot
 * be read or that line is empty or too long.
 */
char	*password_read(const char *file, char **why);

#endif
