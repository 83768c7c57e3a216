#ifndef SPOOL_ARENA_H
#define SPOOL_ARENA_H

#include <stddef.h>

/*
 * Memory of one batch: taken piece by piece, given back all at once.  What
 * arena_alloc returns is aligned for any type, not cleared, and lives until
 * arena_reset or arena_release.  Out of memory is fatal.  One arena belongs
 * to one thread at a time.  An all-zero struct is an empty arena.
 */
struct arena_block;
struct arena {
	struct arena_block *block;	/* newest first */
	char *next, *end;		/* free room of the newest */
	size_t size;			/* bytes held from the system */
};

void	*arena_alloc(struct arena *a, size_t size);
void	*arena_calloc(struct arena *a, size_t n, size_t size);
char	*arena_strndup(struct arena *a, const char *s, size_t len);
char	*arena_strdup(struct arena *a, const char *s);
char	*arena_printf(struct arena *a, const char *format, ...)
	    __attribute__((format(printf, 2, 3)));

/* Forget everything but keep one block for the next round. */
void	arena_reset(struct arena *a);
void	arena_release(struct arena *a);

#endif
