/*
 * LD_PRELOAD: a disk whose syncs take SLOW_SYNC_MS milliseconds.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static void
take_long(void)
{
	const char *text = getenv("SLOW_SYNC_MS");
	long ms = text != NULL ? strtol(text, NULL, 10) : 0;
	struct timespec left = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&left, &left) == -1)
		;
}

static int
call(const char *name, int fd)
{
	int (*libc)(int);

	*(void **)&libc = dlsym(RTLD_NEXT, name);
	take_long();
	return libc(fd);
}

int
fdatasync(int fd)
{
	return call("fdatasync", fd);
}

int
fsync(int fd)
{
	return call("fsync", fd);
}
