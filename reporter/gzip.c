#include "reporter/gzip.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "conf/log.h"
#include "conf/mem.h"

#define GZIP_WRAP	16	/* added to the window: gzip, not zlib */
#define MEM_LEVEL	8	/* zlib's default */
#define OS_UNKNOWN	255	/* RFC 1952 section 2.3.1 */
#define UNPACK_FIRST	16384	/* bytes: most reports are smaller */

struct gzip {
	z_stream z;
	gz_header header;
	unsigned char *out;
	size_t size;
};

struct gzip *
gzip_new(int level)
{
	struct gzip *g = xcalloc(1, sizeof(*g));

	/*
	 * What a zlib puts in the OS byte depends on how it was built.
	 * "Unknown" is true everywhere, so the same report is the same bytes
	 * wherever it is made, and tells nobody what we run on.
	 */
	g->header.os = OS_UNKNOWN;
	if (deflateInit2(&g->z, level, Z_DEFLATED, MAX_WBITS + GZIP_WRAP,
	    MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
		fatal("zlib: cannot compress at level %d", level);
	return g;
}

void
gzip_free(struct gzip *g)
{
	if (g == NULL)
		return;
	deflateEnd(&g->z);
	free(g->out);
	free(g);
}

/* zlib counts what it is given at once in 32 bits. */
static unsigned
at_once(size_t len)
{
	return len > UINT_MAX ? UINT_MAX : (unsigned)len;
}

void
gzip_pack(struct gzip *g, const void *in, size_t len, const void **out,
    size_t *outlen)
{
	z_stream *z = &g->z;
	size_t bound;
	int rc;

	deflateReset(z);
	deflateSetHeader(z, &g->header);
	bound = deflateBound(z, len);
	if (g->size < bound) {
		g->out = xreallocarray(g->out, bound, 1);
		g->size = bound;
	}
	z->next_in = (z_const Bytef *)in;
	z->next_out = g->out;
	do {
		z->avail_in = at_once(len - z->total_in);
		z->avail_out = at_once(g->size - z->total_out);
		rc = deflate(z, z->total_in + z->avail_in == len ? Z_FINISH :
		    Z_NO_FLUSH);
	} while (rc == Z_OK);
	*out = g->out;
	*outlen = z->total_out;
}

/*
 * How long it says it is (RFC 1952 section 2.3.1), which spares zlib a window
 * and us a second round, or any size where that cannot be true: deflate makes
 * at most 1032 bytes of one.
 */
static size_t
first_size(const unsigned char *in, size_t len, size_t max)
{
	size_t n;

	if (len < 4)
		return 1;
	in += len - 4;
	n = (size_t)in[0] | (size_t)in[1] << 8 | (size_t)in[2] << 16 |
	    (size_t)in[3] << 24;
	if (n > max || n / 1032 > len)
		n = max < UNPACK_FIRST ? max : UNPACK_FIRST;
	return n + 1;
}

/*
 * Inflate into *buf, of this size, which grows as needed, but stops being fed
 * when it holds more than max bytes.  There is room for a terminator.
 */
static int
inflate_all(z_stream *z, unsigned char **buf, size_t size, size_t max)
{
	int rc;

	*buf = xmalloc(size + 1);
	z->next_out = *buf;
	do {
		if (z->total_out == size) {
			if (size > max)
				return Z_MEM_ERROR;
			size = size > max / 2 ? max + 1 : 2 * size;
			*buf = xreallocarray(*buf, size + 1, 1);
			z->next_out = *buf + z->total_out;
		}
		z->avail_out = at_once(size - z->total_out);
		rc = inflate(z, Z_FINISH);
	} while (rc == Z_OK || (rc == Z_BUF_ERROR && z->avail_out == 0));
	return rc == Z_STREAM_END && z->total_out > max ? Z_MEM_ERROR : rc;
}

char *
gzip_unpack(const void *in, size_t len, size_t max, size_t *outlen,
    const char **why)
{
	z_stream z = { .next_in = (z_const Bytef *)in };
	unsigned char *buf = NULL;
	int rc;

	*outlen = 0;
	if (len > UINT_MAX) {
		*why = "larger than 4 GB";
		return NULL;
	}
	z.avail_in = (unsigned)len;
	if (inflateInit2(&z, MAX_WBITS + GZIP_WRAP) != Z_OK)
		fatal("zlib: cannot decompress");
	rc = inflate_all(&z, &buf, first_size(in, len, max), max);
	inflateEnd(&z);
	if (rc == Z_STREAM_END && z.avail_in == 0) {
		buf[z.total_out] = '\0';
		*outlen = z.total_out;
		return (char *)buf;
	}
	*why = rc == Z_STREAM_END ? "bytes after the gzip member" :
	    rc == Z_MEM_ERROR ? "unpacks to more than is allowed" :
	    rc == Z_BUF_ERROR ? "gzip data ends too early" : "not gzip data";
	free(buf);
	return NULL;
}
