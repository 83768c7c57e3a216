#ifndef CONF_MEM_H
#define CONF_MEM_H

#include <stddef.h>
#include <stdio.h>

/*
 * Memory, or bust: when there is none left these log why and end the program
 * with status 1.  Nothing is half done then: the spool and the queue survive
 * a crash at any point, and the next run goes on from there.  The caller
 * frees what they return.
 */
void	*xmalloc(size_t size);
void	*xcalloc(size_t n, size_t size);
void	*xreallocarray(void *p, size_t n, size_t size);
char	*xstrdup(const char *s);
char	*xstrndup(const char *s, size_t len);
char	*xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * Text of any length, by stdio: open_memstream, and the fclose that makes
 * *text and *len valid.  For one thread only.
 */
FILE	*xmemstream(char **text, size_t *len);
void	xmemclose(FILE *f);

/*
 * snprintf that says when the text did not fit: returns its length, or -1
 * with errno ENAMETOOLONG and an empty buf.  For paths and other short texts
 * that would be wrong when cut.
 */
int	fmt(char *buf, size_t size, const char *format, ...)
	    __attribute__((format(printf, 3, 4)));

#endif
