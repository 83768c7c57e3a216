/*
 * unpack_loop DIR: open, read and unpack what is in DIR, with a process for
 * each processor, and do nothing with it.  No reader of these files that uses
 * zlib can be faster.
 */
#include <sys/wait.h>
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <zlib.h>

static unsigned char packed[1 << 16], plain[1 << 20];

static void
unpack(z_stream *z, int dir, const char *name)
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
	int n, dir, status, failed = 0;

	if (argc != 2)
		errx(2, "usage: unpack_loop DIR");
	if ((n = scandir(argv[1], &list, is_visible, alphasort)) == -1 ||
	    (dir = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		err(1, "%s", argv[1]);
	if (inflateInit2(&z, MAX_WBITS + 16) != Z_OK)
		errx(1, "zlib: cannot decompress");
	for (int child = 0; child < (int)processes; child++)
		if (fork() == 0) {
			for (int i = child; i < n; i += (int)processes)
				unpack(&z, dir, list[i]->d_name);
			_exit(0);
		}
	while (wait(&status) != -1)
		failed |= status;
	return failed != 0;
}
