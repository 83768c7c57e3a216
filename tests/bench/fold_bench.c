/*
 * fold_bench FILE [THREADS]: fold a file, and nothing else.
 */
#include "spool/fold.h"

#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

int
main(int argc, char **argv)
{
	struct fold *f = fold_new();
	const struct fold_line *line;
	size_t torn;
	off_t next;
	int fd;

	if (argc < 2 || argc > 3)
		errx(2, "usage: fold_bench FILE [THREADS]");
	if ((fd = open(argv[1], O_RDONLY | O_CLOEXEC)) == -1 ||
	    fold_file(f, fd, 0, 0, argc == 3 ? atoi(argv[2]) : 0, &next,
	    &torn) == -1)
		err(1, "%s", argv[1]);
	printf("%ju lines, %zu distinct, %zu bytes held\n",
	    (uintmax_t)fold_total(f), fold_lines(f, &line), fold_bytes(f));
	fold_free(f);
	return 0;
}
