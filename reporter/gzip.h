#ifndef REPORTER_GZIP_H
#define REPORTER_GZIP_H

#include <stddef.h>

/*
 * gzip (RFC 1952), one member, no time, no name: the same input gives the
 * same bytes.  One struct gzip for many reports saves the set-up.
 */
struct gzip;

struct gzip *gzip_new(int level);	/* 1 to 9 */
void	gzip_free(struct gzip *g);

/* *out belongs to g and lives until the next call. */
void	gzip_pack(struct gzip *g, const void *in, size_t len,
	    const void **out, size_t *outlen);

/*
 * Unpack at most max bytes, as a terminated buffer that the caller frees.
 * NULL with *why (static) when it is not one whole gzip member or is larger.
 */
char	*gzip_unpack(const void *in, size_t len, size_t max, size_t *outlen,
	    const char **why);

#endif
