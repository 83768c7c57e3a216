#undef _FORTIFY_SOURCE		/* which has a body for pread, too */
#include <sys/syscall.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "conf/mem.h"
#include "spool/segment.h"
#include "tests/spool/scratch.h"

#define CORPUS	"tests/corpus/segment"
#define N(a)	(sizeof(a) / sizeof((a)[0]))

/* In the place of the C library's: every other one is interrupted. */
ssize_t
pread(int fd, void *buf, size_t len, off_t at)
{
	static int turn;

	if (turn++ % 2 == 0) {
		errno = EINTR;
		return -1;
	}
	return syscall(SYS_pread64, fd, buf, len, at);
}

static void
the_corpus_says_what_is_a_segment(void **state)
{
	static const char *const kind[] = { "valid", "invalid" };
	size_t seen = 0;

	(void)state;
	for (size_t k = 0; k < N(kind); k++) {
		char *folder = xasprintf(CORPUS "/%s", kind[k]);
		int dirfd = open(folder, O_RDONLY | O_DIRECTORY), fd;
		struct file_names names;
		struct segment g;

		assert_int_not_equal(dirfd, -1);
		assert_int_equal(file_names(&names, dirfd, ""), 0);
		for (size_t i = 0; i < names.n; i++, seen++) {
			char *want;

			if (strstr(names.name[i], ".want") != NULL)
				continue;
			print_message("%s/%s\n", folder, names.name[i]);
			fd = segment_open(&g, dirfd, names.name[i], DAY);
			assert_int_not_equal(fd, -1);
			close(fd);
			if (k == 0) {
				assert_null(g.bad);
				assert_non_null(g.id);
				assert_int_equal(g.day, DAY);
			} else {
				char *name = segment_name(names.name[i],
				    ".want");

				want = slurp(dirfd, name);
				want[strcspn(want, "\n")] = '\0';
				assert_string_equal(g.bad, want);
				free(want);
				free(name);
			}
			segment_release(&g);
		}
		file_names_free(&names);
		close(dirfd);
		free(folder);
	}
	assert_true(seen > 40);
}

static void
a_header_tells_all(void **state)
{
	struct scratch *s = *state;
	struct segment g;
	int fd, dirfd = day_folder(&s->spool);

	put(dirfd, "x.seg", HEADER("x-1", ",\"lines\":1,\"sessions\":5")
	    WITH("\"n\":5", "example.com") "\n");
	fd = segment_open(&g, dirfd, "x.seg", DAY);
	assert_int_not_equal(fd, -1);
	assert_null(g.bad);
	assert_string_equal(g.name, "x.seg");
	assert_string_equal(g.id, "x-1");
	assert_string_equal(g.source, "mta1");
	assert_int_equal(g.created, 1795219200);
	assert_int_equal(g.lines, 1);
	assert_int_equal(g.sessions, 5);
	assert_true(g.sealed);
	assert_int_equal(g.size - g.body,
	    strlen(WITH("\"n\":5", "example.com") "\n"));
	close(fd);
	segment_release(&g);
	close(dirfd);
}

/* What other programs read byte for byte. */
static void
a_header_is_written_as_documented(void **state)
{
	static char id[] = "mta1-1795219200.000001", source[] = "mta1";
	struct segment g = { .id = id, .source = source, .day = DAY,
		.created = NOON, .lines = -1, .sessions = -1 };
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	(void)state;
	assert_int_equal(segment_header(f, &g), 0);
	g.lines = 3;
	g.sessions = 40;
	assert_int_equal(segment_header(f, &g), 0);
	fclose(f);
	assert_string_equal(text,
	    "{\"tlsrpt-segment\":1,\"id\":\"mta1-1795219200.000001\","
	    "\"day\":\"2026-11-21\",\"source\":\"mta1\","
	    "\"created\":1795262400}\n"
	    "{\"tlsrpt-segment\":1,\"id\":\"mta1-1795219200.000001\","
	    "\"day\":\"2026-11-21\",\"source\":\"mta1\","
	    "\"created\":1795262400,\"lines\":3,\"sessions\":40}\n");
	free(text);
}

static void
only_a_readable_file_of_its_folders_day_counts(void **state)
{
	struct scratch *s = *state;
	int fd, dirfd = day_folder(&s->spool);
	struct segment g;

	put(dirfd, "real.seg", HEADER("x", "") RECORD("example.com") "\n");
	assert_int_equal(symlinkat("real.seg", dirfd, "link.seg"), 0);
	assert_int_equal(mkfifoat(dirfd, "fifo.seg", 0600), 0);
	assert_int_equal(mkdirat(dirfd, "folder.seg", 0700), 0);

	fd = segment_open(&g, dirfd, "real.seg", DAY + 1);
	assert_string_equal(g.bad, "its header names another day than its "
	    "folder");
	close(fd);
	segment_release(&g);
	fd = segment_open(&g, dirfd, "real.seg", -1);
	assert_null(g.bad);
	close(fd);
	segment_release(&g);

	assert_int_equal(segment_open(&g, dirfd, "link.seg", DAY), -1);
	assert_string_equal(g.bad, "a symbolic link");
	assert_string_equal(g.name, "link.seg");
	segment_release(&g);
	assert_int_equal(segment_open(&g, dirfd, "none.seg", DAY), -1);
	assert_int_equal(errno, ENOENT);
	assert_string_equal(g.bad, "No such file or directory");
	segment_release(&g);

	for (int i = 0; i < 2; i++) {
		fd = segment_open(&g, dirfd, i ? "fifo.seg" : "folder.seg",
		    DAY);
		assert_string_equal(g.bad, "not a regular file");
		close(fd);
		segment_release(&g);
	}
	close(dirfd);
}

static void
a_count_goes_into_n(void **state)
{
	static const struct {
		const char *name;
		uint64_t n;
		const char *want;
	} rows[] = {
		{ "one has none", 1, "{\"d\":\"x\"}\n" },
		{ "two", 2, "{\"d\":\"x\",\"n\":2}\n" },
		{ "the most", RECORD_N_MAX,
		    "{\"d\":\"x\",\"n\":4294967295}\n" },
		{ "one more", RECORD_N_MAX + UINT64_C(1),
		    "{\"d\":\"x\",\"n\":4294967295}\n{\"d\":\"x\"}\n" },
		{ "ten thousand million", UINT64_C(10000000000),
		    "{\"d\":\"x\",\"n\":4294967295}\n"
		    "{\"d\":\"x\",\"n\":4294967295}\n"
		    "{\"d\":\"x\",\"n\":1410065410}\n" },
	};

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		char *text;
		size_t len;
		FILE *f = open_memstream(&text, &len);
		uint64_t lines;

		print_message("%s\n", rows[i].name);
		lines = segment_record(f, "{\"d\":\"x\"}", 9, rows[i].n);
		assert_int_equal(lines, segment_record(NULL, "{\"d\":\"x\"}", 9,
		    rows[i].n));
		fclose(f);
		assert_string_equal(text, rows[i].want);
		free(text);
	}
}

/* A line of a segment never becomes one that record_parse refuses. */
static void
a_long_record_stays_within_bounds(void **state)
{
	static const struct {
		size_t spare;
		uint64_t n, lines;
	} rows[] = {
		{ 0, 1, 1 }, { 0, 3, 3 }, { 5, 3, 3 }, { 6, 9, 1 },
		{ 6, 10, 2 }, { 6, 25, 3 }, { 7, 25, 1 }, { 14, 1000000000, 2 },
		{ 15, 1000000000, 1 }, { 15, RECORD_N_MAX, 1 },
	};
	char *line = malloc(RECORD_MAX);

	(void)state;
	memset(line, ' ', RECORD_MAX);
	line[0] = '{';
	for (size_t i = 0; i < N(rows); i++) {
		size_t len = RECORD_MAX - rows[i].spare, size;
		uint64_t sum = 0;
		char *text, *p, *end;
		FILE *f = open_memstream(&text, &size);

		line[len - 1] = '}';
		assert_int_equal(segment_record(f, line, len, rows[i].n),
		    rows[i].lines);
		line[len - 1] = ' ';
		fclose(f);
		for (p = text; p < text + size; p = end + 1) {
			const char *n;

			end = strchr(p, '\n');
			*end = '\0';
			assert_true(end - p <= RECORD_MAX);
			n = strstr(p, ",\"n\":");
			sum += n ? strtoull(n + 5, NULL, 10) : 1;
		}
		assert_int_equal(sum, rows[i].n);
		free(text);
	}
	free(line);
}

static void
names_change_their_ending(void **state)
{
	char *a = segment_name("mta1-1.2.open", ".seg");
	char *b = segment_name("mta1-1.2.open", "");

	(void)state;
	assert_string_equal(a, "mta1-1.2.seg");
	assert_string_equal(b, "mta1-1.2");
	free(a);
	free(b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_corpus_says_what_is_a_segment),
		cmocka_unit_test_setup_teardown(a_header_tells_all,
		    scratch_setup, scratch_teardown),
		cmocka_unit_test(a_header_is_written_as_documented),
		cmocka_unit_test_setup_teardown(
		    only_a_readable_file_of_its_folders_day_counts,
		    scratch_setup, scratch_teardown),
		cmocka_unit_test(a_count_goes_into_n),
		cmocka_unit_test(a_long_record_stays_within_bounds),
		cmocka_unit_test(names_change_their_ending),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
