#include "spool/fold.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <xxhash.h>

#include "conf/mem.h"
#include "spool/file.h"
#include "tests/spool/lines.h"

static const int thread_counts[] = { 1, 2, 3, 7 };
#define NCOUNTS	(sizeof(thread_counts) / sizeof(thread_counts[0]))

/* In the place of the library's: as if somebody had found out the secret. */
static bool all_collide;

XXH64_hash_t
XXH3_64bits_withSecret(const void *text, size_t len, const void *secret,
    size_t size)
{
	assert_true(secret != NULL && size >= XXH3_SECRET_SIZE_MIN);
	return all_collide ? 42 : XXH3_64bits(text, len);
}

/* In the place of the C library's: a disk that is bad from here on. */
static off_t bad_from = -1;

ssize_t
pread(int fd, void *buf, size_t len, off_t at)
{
	static _Thread_local int turn;

	if (turn++ % 3 == 0) {
		errno = EINTR;
		return -1;
	}
	if (bad_from != -1 && at + (off_t)len > bad_from) {
		errno = EIO;
		return -1;
	}
	return syscall(SYS_pread64, fd, buf, len, at);
}

/* A file in memory that holds text. */
static int
file_of(const char *text, size_t len)
{
	int fd = memfd_create("lines", MFD_CLOEXEC);

	assert_int_not_equal(fd, -1);
	assert_int_equal(file_write(fd, text, len), 0);
	return fd;
}

static char *
fold_text(int fd, int threads, size_t *torn, uint64_t *total)
{
	struct fold *f = fold_new();
	off_t next;
	char *text;

	assert_int_equal(fold_file(f, fd, 0, 0, threads, &next, torn), 0);
	assert_int_equal(next, lseek(fd, 0, SEEK_END));
	*total = fold_total(f);
	text = text_of(f);
	fold_free(f);
	return text;
}

static void
folds_files(void **state)
{
	static const struct {
		const char *name, *file, *lines;
		uint64_t total;
		size_t torn;
	} rows[] = {
		{ "an empty file", "", "", 0, 0 },
		{ "one line", "a\n", "1 a\n", 1, 0 },
		{ "equal lines are counted", "a\na\na\n", "3 a\n", 3, 0 },
		{ "in order of first appearance", "b\na\nc\na\nb\na\n",
		    "2 b\n3 a\n1 c\n", 6, 0 },
		{ "a line that begins like another", "ab\na\nabc\nab\n",
		    "2 ab\n1 a\n1 abc\n", 4, 0 },
		{ "a torn last line is not added", "a\nbc", "1 a\n", 1, 2 },
		{ "not even when it equals another", "a\na", "1 a\n", 1, 1 },
		{ "nothing but a torn line", "abc", "", 0, 3 },
		{ "empty lines are passed over", "\n\na\n\n\nb\na\n\n",
		    "2 a\n1 b\n", 3, 0 },
		{ "nothing but empty lines", "\n\n\n\n\n\n\n\n\n", "", 0, 0 },
		{ "carriage returns are part of the line", "a\r\na\n",
		    "1 a\r\n1 a\n", 2, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t j = 0; j < NCOUNTS; j++) {
			int fd = file_of(rows[i].file, strlen(rows[i].file));
			uint64_t total;
			size_t torn;
			char *text;

			all_collide = j % 2 == 1;
			text = fold_text(fd, thread_counts[j], &torn, &total);
			all_collide = false;
			if (strcmp(text, rows[i].lines) != 0 ||
			    torn != rows[i].torn || total != rows[i].total)
				fail_msg("%s, %d threads: torn %zu, total %ju, "
				    "lines\n%s", rows[i].name,
				    thread_counts[j], torn, (uintmax_t)total,
				    text);
			free(text);
			close(fd);
		}
}

static void
keeps_null_bytes(void **state)
{
	static const char file[] = "a\0b\na\0c\na\0b\n";
	int fd = file_of(file, sizeof(file) - 1);
	const struct fold_line *line;
	struct fold *f = fold_new();
	size_t torn;
	off_t next;

	(void)state;
	assert_int_equal(fold_file(f, fd, 0, 0, 1, &next, &torn), 0);
	assert_int_equal(fold_lines(f, &line), 2);
	assert_int_equal(line[0].n, 2);
	assert_int_equal(line[0].len, 3);
	assert_memory_equal(line[0].text, "a\0b", 3);
	fold_free(f);
	close(fd);
}

static void
threads_make_no_difference(void **state)
{
	uint64_t expected_total, total;
	char *file, *expected, *text;
	size_t len, torn;
	int fd;

	(void)state;
	file = many_lines(100000, 9000, &len);
	expected = plain_fold(file, &expected_total);
	assert_int_equal(expected_total, 100000);
	fd = file_of(file, len);
	for (size_t i = 0; i < NCOUNTS; i++) {
		text = fold_text(fd, thread_counts[i], &torn, &total);
		assert_int_equal(total, expected_total);
		assert_int_equal(torn, 0);
		assert_true(strcmp(text, expected) == 0);
		free(text);
	}
	text = fold_text(fd, 0, &torn, &total);
	assert_true(strcmp(text, expected) == 0);
	free(text);
	free(expected);
	free(file);
	close(fd);
}

/* Slow and sure: lines by splitting, distinct ones by comparing with all. */
static void
agrees_with_comparing_all(void **state)
{
	size_t len, n, torn, nseen = 0;
	const struct fold_line *line;
	char *file, *copy, *rest, *p;
	struct fold *f = fold_new();
	struct {
		const char *text;
		uint64_t n;
	} seen[300];
	off_t next;
	int fd;

	(void)state;
	for (size_t i = 0; i < 300; i++) {
		seen[i].text = "";
		seen[i].n = 0;
	}
	copy = file = many_lines(5000, 300, &len);
	fd = file_of(file, len);
	assert_int_equal(fold_file(f, fd, 0, 0, 3, &next, &torn), 0);
	while ((p = strtok_r(copy, "\n", &rest)) != NULL) {
		size_t i;

		copy = NULL;
		for (i = 0; i < nseen; i++)
			if (strcmp(seen[i].text, p) == 0)
				break;
		if (i == nseen)
			seen[nseen++].text = p;
		seen[i].n++;
	}
	n = fold_lines(f, &line);
	assert_int_equal(n, nseen);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(line[i].n, seen[i].n);
		assert_int_equal(line[i].len, strlen(seen[i].text));
		assert_memory_equal(line[i].text, seen[i].text, line[i].len);
	}
	free(file);
	fold_free(f);
	close(fd);
}

static void
compares_what_collides(void **state)
{
	uint64_t expected_total, total;
	char *file, *expected, *text;
	size_t len, torn;
	int fd;

	(void)state;
	file = many_lines(4000, 500, &len);
	expected = plain_fold(file, &expected_total);
	fd = file_of(file, len);
	all_collide = true;
	text = fold_text(fd, 3, &torn, &total);
	all_collide = false;
	assert_int_equal(total, expected_total);
	assert_true(strcmp(text, expected) == 0);
	free(text);
	free(expected);
	free(file);
	close(fd);
}

/* A file of lines of these lengths, each filled with its own letter. */
static int
long_lines(const size_t *lens, size_t n, size_t torn)
{
	int fd = memfd_create("long", MFD_CLOEXEC);

	assert_int_not_equal(fd, -1);
	for (size_t i = 0; i <= n; i++) {
		size_t len = i < n ? lens[i] : torn;
		char *text = xmalloc(len + 1);

		memset(text, 'a' + (int)i, len);
		text[len] = '\n';
		assert_int_equal(file_write(fd, text, len + (i < n)), 0);
		free(text);
	}
	return fd;
}

static void
cuts_overlong_lines(void **state)
{
	static const size_t lens[] = { 10, KEPT - 1, KEPT, KEPT + 1, 3,
		2 * KEPT, 1500000, 1, 131072, 131071, 262144, 7 };
	const size_t n = sizeof(lens) / sizeof(lens[0]);
	int fd = long_lines(lens, n, 700001);
	const struct fold_line *line;

	(void)state;
	for (size_t j = 0; j < NCOUNTS; j++) {
		struct fold *f = fold_new();
		size_t torn;
		off_t next;

		assert_int_equal(fold_file(f, fd, 0, 0, thread_counts[j],
		    &next, &torn), 0);
		assert_int_equal(torn, 700001);
		assert_int_equal(fold_lines(f, &line), n);
		for (size_t i = 0; i < n; i++) {
			assert_int_equal(line[i].len,
			    lens[i] < KEPT ? lens[i] : KEPT);
			for (size_t k = 0; k < line[i].len; k++)
				if (line[i].text[k] != 'a' + (char)i)
					fail_msg("line %zu, byte %zu", i, k);
		}
		fold_free(f);
	}
	close(fd);
}

/* What is cut from two lines does not make them different. */
static void
overlong_lines_differ_in_what_is_kept(void **state)
{
	static const size_t lens[] = { KEPT + 5, KEPT + 300000 };
	int fd = long_lines(lens, 2, 0);
	const struct fold_line *line;
	struct fold *f = fold_new();
	size_t torn;
	off_t next;
	char *map;

	(void)state;
	map = mmap(NULL, 2 * KEPT, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	memset(map + KEPT + 6, 'a', KEPT);
	munmap(map, 2 * KEPT);
	assert_int_equal(fold_file(f, fd, 0, 0, 2, &next, &torn), 0);
	assert_int_equal(fold_lines(f, &line), 1);
	assert_int_equal(line[0].n, 2);
	fold_free(f);
	close(fd);
}

static void
starts_where_it_is_told(void **state)
{
	int fd = file_of("header\na\nb\na\n", 13);
	struct fold *f = fold_new();
	size_t torn;
	off_t next;
	char *text;

	(void)state;
	assert_int_equal(fold_file(f, fd, 7, 0, 2, &next, &torn), 0);
	text = text_of(f);
	assert_string_equal(text, "2 a\n1 b\n");
	free(text);
	assert_int_equal(fold_file(f, fd, 13, 0, 2, &next, &torn), 0);
	assert_int_equal(next, 13);
	assert_int_equal(fold_file(f, fd, 99, 0, 2, &next, &torn), 0);
	assert_int_equal(next, 99);
	assert_int_equal(fold_total(f), 3);
	fold_free(f);
	close(fd);
}

/* Fold the whole file in rounds; all rounds and their ends as one text. */
static char *
rounds(int fd, size_t limit, int threads, uint64_t *total)
{
	const off_t size = lseek(fd, 0, SEEK_END);
	struct fold *f = fold_new();
	char *all = NULL, *text;
	off_t at = 0, next;
	size_t len, torn;
	FILE *out;

	out = open_memstream(&all, &len);
	assert_non_null(out);
	*total = 0;
	for (; at < size; at = next) {
		assert_int_equal(fold_file(f, fd, at, limit, threads, &next,
		    &torn), 0);
		assert_true(next > at);
		if (next < size) {
			assert_true(fold_bytes(f) > limit);
			assert_int_equal(torn, 0);
		}
		assert_true(fold_bytes(f) < limit + 1000);
		*total += fold_total(f);
		text = text_of(f);
		fprintf(out, "%sround ends at %jd\n", text, (intmax_t)next);
		free(text);
		fold_reset(f);
	}
	assert_int_equal(fclose(out), 0);
	fold_free(f);
	return all;
}

static void
limit_stops_at_the_same_line(void **state)
{
	static const size_t limits[] = { 5000, 100000, 400000, 900000,
		1000000000 };
	char *file, *expected, *text;
	uint64_t total;
	size_t len;
	int fd;

	(void)state;
	file = many_lines(20001, 9000, &len);
	fd = file_of(file, len - 1);
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		expected = rounds(fd, limits[i], 1, &total);
		assert_int_equal(total, 20000);
		for (size_t j = 1; j < NCOUNTS; j++) {
			text = rounds(fd, limits[i], thread_counts[j], &total);
			assert_int_equal(total, 20000);
			assert_true(strcmp(text, expected) == 0);
			free(text);
		}
		free(expected);
	}
	free(file);
	close(fd);
}

static void
tiny_limit_still_goes_on(void **state)
{
	int fd = file_of("a\na\nb\n\nc", 8);
	uint64_t total;
	char *text;

	(void)state;
	text = rounds(fd, 1, 2, &total);
	assert_string_equal(text, "1 a\nround ends at 2\n"
	    "1 a\nround ends at 4\n1 b\nround ends at 6\n"
	    "round ends at 8\n");
	free(text);
	close(fd);
}

/* Small lines must not cost more than the limit allows. */
static void
limit_counts_what_is_held(void **state)
{
	struct fold *f = fold_new();
	char line[16];

	(void)state;
	for (int i = 0; i < 1000; i++)
		fold_add(f, line, (size_t)fmt(line, sizeof(line), "%d", i), 1);
	assert_true(fold_bytes(f) > 1000 * sizeof(struct fold_line));
	fold_reset(f);
	assert_int_equal(fold_bytes(f), 0);
	fold_free(f);
}

static void
adds_copies_and_counts(void **state)
{
	char line[] = "abc", *text, *huge = xcalloc(1, 2 * KEPT);
	struct fold *f = fold_new();
	const struct fold_line *l;

	(void)state;
	fold_add(f, line, 3, 5);
	line[1] = 'x';
	fold_add(f, line, 3, 1);
	fold_add(f, "abc", 3, 4000000000);
	fold_add(f, "abc", 3, 4000000000);
	text = text_of(f);
	assert_string_equal(text, "8000000005 abc\n1 axc\n");
	assert_int_equal(fold_total(f), 8000000006);
	free(text);
	fold_add(f, huge, 2 * KEPT, 1);
	assert_int_equal(fold_lines(f, &l), 3);
	assert_int_equal(l[2].len, KEPT);
	fold_reset(f);
	assert_int_equal(fold_lines(f, &l), 0);
	assert_int_equal(fold_total(f), 0);
	fold_add(f, "abc", 3, 1);
	text = text_of(f);
	assert_string_equal(text, "1 abc\n");
	free(text);
	free(huge);
	fold_free(f);
	fold_free(NULL);
}

static void
says_what_went_wrong(void **state)
{
	struct fold *f = fold_new();
	size_t torn;
	off_t next;

	(void)state;
	errno = 0;
	assert_int_equal(fold_file(f, -1, 0, 0, 2, &next, &torn), -1);
	assert_int_equal(errno, EBADF);
	fold_free(f);
}

/* Whichever thread it is that cannot read. */
static void
says_that_it_cannot_read(void **state)
{
	static const off_t bad[] = { 0, 900000, 2000000 };
	size_t len, torn;
	off_t next;
	char *file;
	int fd;

	(void)state;
	file = many_lines(60000, 9000, &len);
	assert_true(len > 2000000);
	fd = file_of(file, len);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		for (size_t j = 0; j < NCOUNTS; j++) {
			struct fold *f = fold_new();

			bad_from = bad[i];
			errno = 0;
			assert_int_equal(fold_file(f, fd, 0, 0,
			    thread_counts[j], &next, &torn), -1);
			assert_int_equal(errno, EIO);
			bad_from = -1;
			fold_free(f);
		}
	free(file);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folds_files),
		cmocka_unit_test(keeps_null_bytes),
		cmocka_unit_test(threads_make_no_difference),
		cmocka_unit_test(agrees_with_comparing_all),
		cmocka_unit_test(compares_what_collides),
		cmocka_unit_test(cuts_overlong_lines),
		cmocka_unit_test(overlong_lines_differ_in_what_is_kept),
		cmocka_unit_test(starts_where_it_is_told),
		cmocka_unit_test(limit_stops_at_the_same_line),
		cmocka_unit_test(tiny_limit_still_goes_on),
		cmocka_unit_test(limit_counts_what_is_held),
		cmocka_unit_test(adds_copies_and_counts),
		cmocka_unit_test(says_what_went_wrong),
		cmocka_unit_test(says_that_it_cannot_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
