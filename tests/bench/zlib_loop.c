/*
 * zlib_loop init|reset LEVEL DIR: compress what the *.json.gz in DIR hold
 * again, and print the microseconds of processor time that deflate alone
 * took: with a deflateInit2 for each body, or one deflateReset.
 */
#include <err.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <zlib.h>

#include "conf/mem.h"
#include "spool/file.h"

#define GZIP	(MAX_WBITS + 16)	/* with a gzip header */

struct body {
	unsigned char *text;
	size_t len;
};

static struct body
load(int dir, const char *name)
{
	struct body b = { 0 };
	size_t room = 4096;
	gzFile gz;
	int fd, n;

	if ((fd = openat(dir, name, O_RDONLY | O_CLOEXEC)) == -1 ||
	    (gz = gzdopen(fd, "rb")) == NULL)
		err(1, "%s", name);
	b.text = xmalloc(room);
	while ((n = gzread(gz, b.text + b.len, (unsigned)(room - b.len))) > 0)
		if ((b.len += (size_t)n) == room)
			b.text = xreallocarray(b.text, room *= 2, 1);
	if (n < 0 || gzclose(gz) != Z_OK)
		errx(1, "%s: not gzip", name);
	return b;
}

static void
init(z_stream *z, int level)
{
	memset(z, 0, sizeof(*z));
	if (deflateInit2(z, level, Z_DEFLATED, GZIP, 8, Z_DEFAULT_STRATEGY) !=
	    Z_OK)
		errx(1, "deflateInit2");
}

static void
pack(z_stream *z, const struct body *b, unsigned char *out, size_t room)
{
	z->next_in = b->text;
	z->avail_in = (uInt)b->len;
	z->next_out = out;
	z->avail_out = (uInt)room;
	if (deflate(z, Z_FINISH) != Z_STREAM_END)
		errx(1, "deflate");
}

static void
loop(const struct body *b, size_t n, int level, bool reset, size_t room)
{
	unsigned char *out = xmalloc(room);
	z_stream z;

	if (reset)
		init(&z, level);
	for (size_t i = 0; i < n; i++) {
		if (!reset)
			init(&z, level);
		pack(&z, &b[i], out, room);
		if (reset)
			deflateReset(&z);
		else
			deflateEnd(&z);
	}
	if (reset)
		deflateEnd(&z);
	free(out);
}

static int64_t
cpu_microseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

int
main(int argc, char **argv)
{
	struct file_names names;
	struct body *body;
	size_t largest = 0;
	int64_t start;
	int dir, level;

	if (argc != 4 || (level = atoi(argv[2])) < 1 || level > 9)
		errx(2, "usage: zlib_loop init|reset LEVEL DIR");
	dir = open(argv[3], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir == -1 || file_names(&names, dir, ".json.gz") == -1)
		err(1, "%s", argv[3]);
	body = xcalloc(names.n, sizeof(*body));
	for (size_t i = 0; i < names.n; i++) {
		body[i] = load(dir, names.name[i]);
		if (body[i].len > largest)
			largest = body[i].len;
	}
	start = cpu_microseconds();
	loop(body, names.n, level, strcmp(argv[1], "reset") == 0,
	    2 * largest + 1000);
	printf("%jd\n", (intmax_t)(cpu_microseconds() - start));
	for (size_t i = 0; i < names.n; i++)
		free(body[i].text);
	free(body);
	file_names_free(&names);
	close(dir);
	return 0;
}
