#undef _FORTIFY_SOURCE		/* which has a body for pread, too */
#include <sys/syscall.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <limits.h>

#include "tests/spool/scratch.h"

/* Reads until something happens to the drop-box; 0: never. */
static int reads_left;
static void (*happens)(int incoming);
static int happens_in;

ssize_t
pread(int fd, void *buf, size_t len, off_t at)
{
	if (reads_left > 0 && --reads_left == 0)
		happens(happens_in);
	return syscall(SYS_pread64, fd, buf, len, at);
}

static int
take(struct spool *s)
{
	struct intake_totals t = { 0 };

	return spool_take_incoming(s, &t);
}

static void
a_file_is_taken_as_a_whole(void **state)
{
	struct scratch *s = *state;
	struct intake_totals t = { 0 };

	drop(&s->spool, "a.jsonl", RECORD("a.example") "\nbad\n"
	    WITH("\"ts\":1795132800", "a.example") "\n" RECORD("a.example"));
	drop(&s->spool, "b.jsonl", WITH("\"n\":5", "a.example") "\n");
	drop(&s->spool, "empty.jsonl", "");
	assert_int_equal(spool_take_incoming(&s->spool, &t), 3);
	assert_int_equal(files_in(s->spool.incoming, ""), 0);
	/* Without ts it is the day the file was last written. */
	assert_int_equal(sessions_of(&s->spool, DAY), 7);
	assert_int_equal(sessions_of(&s->spool, DAY - 1), 1);
	assert_int_equal(t.lines, 5);
	assert_int_equal(t.sessions, 8);
	assert_int_equal(t.rejected, 1);
	assert_int_equal(t.segments, 3);
	assert_int_equal(take(&s->spool), 0);
}

static void
a_rejected_line_is_kept_with_its_origin(void **state)
{
	struct scratch *s = *state;
	char *text;

	drop(&s->spool, "a.jsonl", "bad\n");
	assert_int_equal(take(&s->spool), 1);
	text = slurp(s->spool.rejected, "2026-11-21.jsonl");
	assert_non_null(strstr(text, "\"origin\":\"incoming/a.jsonl\""));
	assert_non_null(strstr(text, "\"line\":\"bad\"}\n"));
	free(text);
}

/* Two reads to know a file, and one to take it. */
static void
when_taken(const struct spool *s, void (*what)(int incoming))
{
	reads_left = 3;
	happens = what;
	happens_in = s->incoming;
}

static void
append(int incoming)
{
	int fd = openat(incoming, "a.jsonl", O_WRONLY | O_APPEND);

	assert_int_equal(write(fd, "\n", 1), 1);
	close(fd);
}

/* Its writer did not keep to the rule; half of it must not count. */
static void
one_that_changes_meanwhile_waits(void **state)
{
	struct scratch *s = *state;

	drop(&s->spool, "a.jsonl", RECORD("a.example") "\n");
	when_taken(&s->spool, append);
	assert_int_equal(take(&s->spool), -1);
	assert_int_equal(reads_left, 0);
	assert_int_equal(files_in(s->spool.days, ""), 0);
	assert_int_equal(take(&s->spool), 1);
	assert_int_equal(files_in(s->spool.incoming, ""), 0);
}

static void
replace(int incoming)
{
	put(incoming, ".a", RECORD("b.example") "\n");
	assert_int_equal(renameat(incoming, ".a", incoming, "a.jsonl"), 0);
}

static void
one_that_takes_its_name_is_not_removed(void **state)
{
	struct scratch *s = *state;
	struct intake_totals t = { 0 };

	drop(&s->spool, "a.jsonl", WITH("\"ts\":1795262400", "a.example")
	    "\n");
	when_taken(&s->spool, replace);
	assert_int_equal(take(&s->spool), 1);
	assert_int_equal(reads_left, 0);
	assert_int_equal(files_in(s->spool.incoming, ".jsonl"), 1);
	assert_int_equal(sessions_of(&s->spool, DAY), 1);
	assert_int_equal(spool_take_incoming(&s->spool, &t), 1);
	assert_int_equal(t.sessions, 1);
	assert_int_equal(t.known, 0);
	assert_int_equal(files_in(s->spool.incoming, ""), 0);
}

/* Being written, copied or edited. */
static void
other_names_are_left_alone(void **state)
{
	struct scratch *s = *state;

	drop(&s->spool, ".a.jsonl", RECORD("a.example") "\n");
	drop(&s->spool, ".a.jsonl.Xy12ab", RECORD("a.example") "\n");
	drop(&s->spool, "a.jsonl~", RECORD("a.example") "\n");
	drop(&s->spool, "a.jsonl.part", RECORD("a.example") "\n");
	drop(&s->spool, "README", "hello\n");
	assert_int_equal(take(&s->spool), 0);
	assert_int_equal(sessions_of(&s->spool, DAY), 0);
	assert_int_equal(files_in(s->spool.incoming, ""), 3);
	assert_int_equal(faccessat(s->spool.incoming, ".a.jsonl", F_OK, 0), 0);
}

static void
what_is_no_file_stays_and_the_others_go_on(void **state)
{
	struct scratch *s = *state;
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int sock = socket(AF_UNIX, SOCK_DGRAM, 0);

	put(s->spool.fd, "secret", RECORD("secret.example") "\n");
	drop(&s->spool, "a.jsonl", RECORD("a.example") "\n");
	assert_int_equal(symlinkat("../secret", s->spool.incoming,
	    "b.jsonl"), 0);
	assert_int_equal(mkfifoat(s->spool.incoming, "c.jsonl", 0600), 0);
	assert_int_equal(mkdirat(s->spool.incoming, "d.jsonl", 0700), 0);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/incoming/e.jsonl",
	    s->path);
	assert_int_equal(bind(sock, (struct sockaddr *)&sun, sizeof(sun)), 0);
	drop(&s->spool, "z.jsonl", RECORD("z.example") "\n");

	assert_int_equal(take(&s->spool), -1);
	assert_int_equal(sessions_of(&s->spool, DAY), 2);
	assert_int_equal(files_in(s->spool.incoming, ".jsonl"), 4);
	assert_int_equal(faccessat(s->spool.fd, "secret", F_OK, 0), 0);
	close(sock);
}

static void
a_second_file_of_the_name_counts_too(void **state)
{
	const struct timespec later[2] = { { NOON, 1 }, { NOON, 1 } };
	struct scratch *s = *state;

	drop(&s->spool, "a.jsonl", RECORD("a.example") "\n");
	assert_int_equal(take(&s->spool), 1);
	drop(&s->spool, "a.jsonl", RECORD("a.example") "\n"
	    RECORD("b.example") "\n");
	assert_int_equal(take(&s->spool), 1);
	assert_int_equal(sessions_of(&s->spool, DAY), 3);
	/* The same bytes, written a nanosecond later. */
	drop(&s->spool, "a.jsonl", RECORD("a.example") "\n");
	assert_int_equal(utimensat(s->spool.incoming, "a.jsonl", later, 0), 0);
	assert_int_equal(take(&s->spool), 1);
	assert_int_equal(sessions_of(&s->spool, DAY), 4);
}

/* A crash before it was removed: the same file is there again. */
static void
the_same_file_counts_once(void **state)
{
	static const char *const sources[] = { "mta1", "mta2", "mta1" };
	struct scratch *s = *state;

	drop(&s->spool, "a.jsonl", RECORD("a.example") "\n"
	    WITH("\"ts\":1795132800", "a.example") "\n");
	assert_int_equal(linkat(s->spool.incoming, "a.jsonl", s->spool.fd,
	    "kept", 0), 0);
	assert_int_equal(take(&s->spool), 1);
	for (int i = 0; i < 3; i++) {
		struct intake_totals t = { 0 };

		scratch_open(s, sources[i]);
		assert_int_equal(linkat(s->spool.fd, "kept",
		    s->spool.incoming, "a.jsonl", 0), 0);
		assert_int_equal(spool_take_incoming(&s->spool, &t), 1);
		assert_int_equal(t.known, 2);
	}
	assert_int_equal(sessions_of(&s->spool, DAY), 1);
	assert_int_equal(sessions_of(&s->spool, DAY - 1), 1);
}

static void
a_name_may_be_as_long_as_names_are(void **state)
{
	struct scratch *s = *state;
	char name[NAME_MAX + 1];

	memset(name, 'x', sizeof(name));
	memcpy(name + sizeof(name) - sizeof(".jsonl"), ".jsonl",
	    sizeof(".jsonl"));
	drop(&s->spool, name, RECORD("a.example") "\n");
	assert_int_equal(take(&s->spool), 1);
	assert_int_equal(take(&s->spool), 0);
	assert_int_equal(sessions_of(&s->spool, DAY), 1);
}

/* Another one may have been given its name just before. */
static void
what_a_killed_one_moved_aside_is_taken(void **state)
{
	struct scratch *s = *state;

	drop(&s->spool, ".taken.4711.a.jsonl", RECORD("a.example") "\n");
	drop(&s->spool, ".taken.4712.b.jsonl", RECORD("b.example") "\n");
	drop(&s->spool, "b.jsonl", RECORD("b.example") "\n");
	drop(&s->spool, ".taken.x.c.jsonl", "");
	assert_int_equal(take(&s->spool), 2);
	assert_int_equal(sessions_of(&s->spool, DAY), 2);
	assert_int_equal(take(&s->spool), 1);
	assert_int_equal(sessions_of(&s->spool, DAY), 3);
}

static void
odd_times_of_writing_mean_today(void **state)
{
	static const time_t odd[] = { -1, INT64_C(253402300800) };
	struct scratch *s = *state;
	int *days;
	size_t n;

	for (int i = 0; i < 2; i++) {
		const struct timespec t[2] = { { odd[i], 0 }, { odd[i], 0 } };

		put(s->spool.incoming, "a.jsonl", RECORD("a.example") "\n");
		/* Not every file system can hold such a time. */
		utimensat(s->spool.incoming, "a.jsonl", t, 0);
		assert_int_equal(take(&s->spool), 1);
		assert_int_equal(spool_days(&s->spool, &days, &n), 0);
		assert_true(n >= 1);
		assert_true(days[0] > DAY - 4000);
		free(days);
	}
}

static void
reading_in_place_changes_nothing(void **state)
{
	struct scratch *s = *state;
	struct counter c = { .day = DAY };
	const struct intake_sink sink = { .record = count_if_of_day,
		.arg = &c };
	struct intake_totals t = { 0 };
	char *before, *after;

	drop(&s->spool, "a.jsonl", RECORD("a.example") "\nbad\n"
	    WITH("\"n\":4", "b.example"));
	before = slurp(s->spool.incoming, "a.jsonl");
	assert_int_equal(spool_read_incoming(&s->spool, &sink, &t), 0);
	assert_int_equal(c.sessions, 5);
	assert_int_equal(t.rejected, 1);
	after = slurp(s->spool.incoming, "a.jsonl");
	assert_string_equal(before, after);
	assert_int_equal(files_in(s->spool.days, ""), 0);
	assert_int_equal(files_in(s->spool.rejected, ""), 0);
	free(before);
	free(after);

	assert_int_equal(symlinkat("a.jsonl", s->spool.incoming, "b.jsonl"), 0);
	assert_int_equal(spool_read_incoming(&s->spool, &sink, &t), -1);
	assert_int_equal(c.sessions, 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_file_is_taken_as_a_whole),
		CASE(a_rejected_line_is_kept_with_its_origin),
		CASE(one_that_changes_meanwhile_waits),
		CASE(one_that_takes_its_name_is_not_removed),
		CASE(other_names_are_left_alone),
		CASE(what_is_no_file_stays_and_the_others_go_on),
		CASE(a_second_file_of_the_name_counts_too),
		CASE(the_same_file_counts_once),
		CASE(a_name_may_be_as_long_as_names_are),
		CASE(what_a_killed_one_moved_aside_is_taken),
		CASE(odd_times_of_writing_mean_today),
		CASE(reading_in_place_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
