/*
 * unpack_loop [-j] DIR: open, read and unpack what is in DIR, with a process
 * for each processor, and do nothing with it; with -j, jansson parses it, too,
 * in memory that costs nothing.  No reader of these files that uses these
 * libraries can be faster.
 */
#include <sys/wait.h>
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <jansson.h>
#include <zlib.h>

#include "spool/json_mem.h"

static unsigned char packed[1 << 16], plain[1 << 20];
static alignas(max_align_t) char tree[1 << 20];

static void
parse(size_t len, const char *name)
{
	json_t *v;

	json_mem_begin(tree, sizeof(tree));
	if ((v = json_loadb((char *)plain, len, JSON_REJECT_DUPLICATES,
	    NULL)) == NULL)
		errx(1, "%s: not JSON", name);
	json_mem_end(v);
}

static void
unpack(z_stream *z, int dir, const char *name, bool json)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd == -1 || (n = read(fd, packed, sizeof(packed))) == -1)
		err(1, "%s", name);
	close(fd);
	inflateReset(z);
	z->next_in = packed;
	z->avail_in = (unsigned)n;
	z->next_out = plain;
	z->avail_out = sizeof(plain);
	if (inflate(z, Z_FINISH) != Z_STREAM_END)
		errx(1, "%s: cannot be unpacked", name);
	if (json)
		parse(z->total_out, name);
}

static int
is_visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

int
main(int argc, char **argv)
{
	long processes = sysconf(_SC_NPROCESSORS_ONLN);
	struct dirent **list;
	z_stream z = { 0 };
	int n, dir, opt, status, failed = 0;
	bool json = false;

	while ((opt = getopt(argc, argv, "j")) == 'j')
		json = true;
	if (opt != -1 || optind != argc - 1)
		errx(2, "usage: unpack_loop [-j] DIR");
	argv += optind;
	if ((n = scandir(*argv, &list, is_visible, alphasort)) == -1 ||
	    (dir = open(*argv, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		err(1, "%s", *argv);
	if (inflateInit2(&z, MAX_WBITS + 16) != Z_OK)
		errx(1, "zlib: cannot decompress");
	for (int child = 0; child < (int)processes; child++)
		if (fork() == 0) {
			for (int i = child; i < n; i += (int)processes)
				unpack(&z, dir, list[i]->d_name, json);
			_exit(0);
		}
	while (wait(&status) != -1)
		failed |= status;
	return failed != 0;
}
