/*
 * The main() of a fuzz target that is not linked with libFuzzer: every file
 * in the folders named on the command line, and every file named itself, goes
 * through the target once.  TAP on stdout; a crash ends the list.
 */
#include <sys/stat.h>

#include <fts.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "tests/fuzz/fuzz.h"

static int cases;

static void
replay(const char *name, const uint8_t *data, size_t size)
{
	LLVMFuzzerTestOneInput(data, size);
	printf("ok %d - %s\n", ++cases, name);
	fflush(stdout);
}

static void
replay_file(const char *path, size_t size)
{
	/* Exactly as large as the file, so that a read beyond it is seen. */
	uint8_t *data = xmalloc(size);
	FILE *f = fopen(path, "rb");

	if (f == NULL || fread(data, 1, size, f) != size)
		fatal("%s: %m", path);
	fclose(f);
	printf("# %s\n", path);
	fflush(stdout);
	replay(path, data, size);
	free(data);
}

static int
by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

int
main(int argc, char *argv[])
{
	FTS *tree;
	FTSENT *entry;

	replay("nothing", (const uint8_t *)"", 0);
	if (argc > 1) {
		tree = fts_open(argv + 1, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
		if (tree == NULL)
			fatal("fts_open: %m");
		while ((entry = fts_read(tree)) != NULL)
			switch (entry->fts_info) {
			case FTS_F:
				replay_file(entry->fts_path,
				    (size_t)entry->fts_statp->st_size);
				break;
			case FTS_NS:
			case FTS_DNR:
			case FTS_ERR:
				fatal("%s: cannot read", entry->fts_path);
			}
		fts_close(tree);
	}
	printf("1..%d\n", cases);
	return 0;
}
