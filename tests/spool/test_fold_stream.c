#include "spool/fold.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/mem.h"
#include "spool/file.h"
#include "tests/spool/lines.h"

/* The other end of a pipe: writes text in pieces of odd sizes. */
struct feeder {
	int fd;
	const char *text;
	size_t len;
};

static void *
feed(void *arg)
{
	struct feeder *feeder = arg;
	size_t piece;

	for (size_t at = 0, i = 1; at < feeder->len; at += piece, i++) {
		piece = i * 7919 % 60000;
		if (piece > feeder->len - at)
			piece = feeder->len - at;
		if (file_write(feeder->fd, feeder->text + at, piece) == -1)
			abort();
	}
	close(feeder->fd);
	return NULL;
}

/* The rounds of a pipe as text; each but the last held more than limit. */
static char *
stream_rounds(const char *text, size_t len, size_t limit, uint64_t *total,
    size_t *torn)
{
	struct fold *f = fold_new(), *all = fold_new();
	struct feeder feeder = { -1, text, len };
	int fds[2], eof = 0;
	pthread_t thread;
	char *lines;

	assert_int_equal(pipe(fds), 0);
	feeder.fd = fds[1];
	assert_int_equal(pthread_create(&thread, NULL, feed, &feeder), 0);
	while (!eof) {
		const struct fold_line *line;
		size_t n;

		assert_int_equal(fold_stream(f, fds[0], limit, &eof, torn), 0);
		assert_true(eof || (fold_bytes(f) > limit && *torn == 0));
		n = fold_lines(f, &line);
		for (size_t i = 0; i < n; i++)
			fold_add(all, line[i].text, line[i].len, line[i].n);
		fold_reset(f);
	}
	pthread_join(thread, NULL);
	close(fds[0]);
	*total = fold_total(all);
	lines = text_of(all);
	fold_free(all);
	fold_free(f);
	return lines;
}

static void
folds_pipes(void **state)
{
	static const size_t limits[] = { 0, 20000, 300000 };
	uint64_t expected_total, total;
	char *file, *expected, *text;
	size_t len, torn, tail = 0;

	(void)state;
	file = many_lines(30000, 2000, &len);
	file[len - 1] = 'x';	/* torn */
	while (file[len - 1 - tail] != '\n')
		tail++;
	expected = plain_fold(file, &expected_total);
	assert_int_equal(expected_total, 29999);
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		text = stream_rounds(file, len, limits[i], &total, &torn);
		assert_int_equal(total, expected_total);
		assert_int_equal(torn, tail);
		assert_true(strcmp(text, expected) == 0);
		free(text);
	}
	text = stream_rounds("", 0, 0, &total, &torn);
	assert_string_equal(text, "");
	assert_int_equal(torn, 0);
	free(text);
	free(expected);
	free(file);
}

static void
overlong_lines_in_a_pipe(void **state)
{
	const size_t len = 3 * KEPT;
	char *file = xmalloc(len + 5), *text;
	uint64_t total;
	size_t torn;

	(void)state;
	memset(file, 'x', len);
	memcpy(file + len, "\ny\nz", 5);
	text = stream_rounds(file, len + 4, 0, &total, &torn);
	assert_int_equal(total, 2);
	assert_int_equal(torn, 1);
	assert_int_equal(strcspn(text, "\n"), 2 + KEPT);
	assert_string_equal(strchr(text, '\n'), "\n1 y\n");
	free(text);
	free(file);
}

static void
keeps_the_tail_of_a_pipe(void **state)
{
	static const char text[] = "a\nb\0c";
	struct fold *f = fold_new();
	size_t torn, len;
	const char *tail;
	int fds[2], eof;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(file_write(fds[1], text, sizeof(text) - 1), 0);
	close(fds[1]);
	assert_int_equal(fold_stream(f, fds[0], 0, &eof, &torn), 0);
	assert_int_equal(eof, 1);
	assert_int_equal(torn, 3);
	tail = fold_tail(f, &len);
	assert_int_equal(len, 3);
	assert_memory_equal(tail, "b\0c", 3);
	fold_reset(f);
	assert_null(fold_tail(f, &len));
	assert_int_equal(len, 0);
	fold_free(f);
	close(fds[0]);
}

static void
says_what_went_wrong(void **state)
{
	struct fold *f = fold_new();
	size_t torn;
	int eof;

	(void)state;
	errno = 0;
	assert_int_equal(fold_stream(f, -1, 0, &eof, &torn), -1);
	assert_int_equal(errno, EBADF);
	fold_free(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folds_pipes),
		cmocka_unit_test(overlong_lines_in_a_pipe),
		cmocka_unit_test(keeps_the_tail_of_a_pipe),
		cmocka_unit_test(says_what_went_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
