/*
 * The spool's promises when the process dies, or a call fails, at the n-th
 * call that changes anything on disk: n = 1, 2, ... until it is through.
 */
#undef _FORTIFY_SOURCE		/* which has bodies for them, too */
#include "tests/spool/fate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/wait.h>
#include <dirent.h>

#include "conf/log.h"
#include "tests/spool/scratch.h"

/* Two days, a line that is none, equal lines, no newline at the end. */
#define LINES \
	RECORD("a.example") "\n" RECORD("b.example") "\n" \
	RECORD("a.example") "\n" "nonsense\n" \
	WITH("\"ts\":1795132800,\"n\":3", "c.example") "\n" \
	RECORD("a.example")
#define SESSIONS	4	/* of DAY */
#define EARLIER		3	/* of the day before */

static int
take(struct spool *s)
{
	struct intake_totals t = { 0 };

	return spool_take_incoming(s, &t);
}

static int
seal(struct spool *s)
{
	struct intake_totals t = { 0 };

	return spool_seal_day(s, DAY, &t);
}

static int lines_fd;

static int
add(struct spool *s)
{
	struct intake_totals t = { 0 };

	return spool_add(s, lines_fd, "test", DAY, &t);
}

static void
with_dropped(struct spool *s)
{
	drop(s, "mta.jsonl", LINES);
}

/* What a collector left that was killed in the middle of a line. */
static void
with_open(struct spool *s)
{
	put_segment(s, "mta1-1.1.open", HEADER("mta1-1.1", "") LINES "\n"
	    "{\"d\":\"torn.exam");
}

/* Run it in a process of its own that dies at call `at`; did it? */
static bool
dies(struct scratch *s, int (*run)(struct spool *), int at)
{
	int status;
	pid_t pid = fork();

	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		fate.at = at;
		fate.step = 0;
		fate.mode = DIE;
		run(&s->spool);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == KILLED);
	return WEXITSTATUS(status) == KILLED;
}

/* Run it with call `at` failing; was there such a call? */
static bool
fails(struct scratch *s, int (*run)(struct spool *), int at, int *rc)
{
	fate.at = at;
	fate.step = 0;
	fate.mode = FAIL;
	*rc = run(&s->spool);
	fate.mode = LIVE;
	return fate.step >= at;
}

static void
all_is_there_once(struct spool *s)
{
	assert_int_equal(sessions_of(s, DAY), SESSIONS);
	assert_int_equal(sessions_of(s, DAY - 1), EARLIER);
	assert_true(files_in(s->rejected, ".jsonl") == 1);
}

/* Not even a hidden one. */
static bool
holds_no_file(int dirfd)
{
	DIR *dir = fdopendir(dup(dirfd));
	struct dirent *e;
	bool none = true;

	assert_non_null(dir);
	rewinddir(dir);
	while ((e = readdir(dir)) != NULL)
		none &= strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0;
	closedir(dir);
	return none;
}

/* It dies at each call twice: the next start may be with another source. */
static void
starts_again(struct scratch *s, int at)
{
	scratch_open(s, at % 2 == 0 ? "mta2" : "mta1");
}

static void
a_dropped_file_counts_once_whenever_we_die(void **state)
{
	struct scratch *s = *state;
	bool died = true;
	int at;

	for (at = 2; died; at++) {
		scratch_empty(s);
		with_dropped(&s->spool);
		died = dies(s, take, at / 2);
		starts_again(s, at);
		if (died)
			assert_in_range(take(&s->spool), 0, 1);
		all_is_there_once(&s->spool);
		assert_true(holds_no_file(s->spool.incoming));
	}
	assert_true(at > 30);
}

static void
a_dropped_file_counts_once_whatever_fails(void **state)
{
	struct scratch *s = *state;
	bool failed = true;
	int at, rc;

	for (at = 1; failed; at++) {
		scratch_empty(s);
		with_dropped(&s->spool);
		failed = fails(s, take, at, &rc);
		if (rc == -1)
			take(&s->spool);
		all_is_there_once(&s->spool);
		assert_int_equal(files_in(s->spool.incoming, ".jsonl"), 0);
	}
	assert_true(at > 15);
}

/* And not only in the end: readers come at any moment. */
static void
an_open_segment_counts_once_whenever_we_die(void **state)
{
	struct scratch *s = *state;
	bool died = true;
	int at;

	for (at = 2; died; at++) {
		scratch_empty(s);
		with_open(&s->spool);
		died = dies(s, seal, at / 2);
		starts_again(s, at);
		assert_int_equal(sessions_of(&s->spool, DAY), SESSIONS);
		assert_true(sessions_of(&s->spool, DAY - 1) <= EARLIER);
		assert_int_not_equal(seal(&s->spool), -1);
		all_is_there_once(&s->spool);
	}
	assert_true(at > 30);
}

static void
an_open_segment_counts_once_whatever_fails(void **state)
{
	struct scratch *s = *state;
	bool failed = true;
	int at, rc;

	for (at = 1; failed; at++) {
		scratch_empty(s);
		with_open(&s->spool);
		failed = fails(s, seal, at, &rc);
		assert_int_equal(sessions_of(&s->spool, DAY), SESSIONS);
		assert_int_not_equal(seal(&s->spool), -1);
		all_is_there_once(&s->spool);
	}
	assert_true(at > 15);
}

static void
add_does_all_or_nothing_whatever_fails(void **state)
{
	struct scratch *s = *state;
	bool failed = true;
	int at, rc, bad = 0;

	for (at = 1; failed; at++) {
		scratch_empty(s);
		lines_fd = text_fd(LINES, strlen(LINES));
		failed = fails(s, add, at, &rc);
		close(lines_fd);
		if (rc == 0) {
			all_is_there_once(&s->spool);
			continue;
		}
		bad++;
		assert_int_equal(sessions_of(&s->spool, DAY), 0);
		assert_int_equal(sessions_of(&s->spool, DAY - 1), 0);
	}
	assert_true(bad > 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_dropped_file_counts_once_whenever_we_die),
		CASE(a_dropped_file_counts_once_whatever_fails),
		CASE(an_open_segment_counts_once_whenever_we_die),
		CASE(an_open_segment_counts_once_whatever_fails),
		CASE(add_does_all_or_nothing_whatever_fails),
	};

	/* Hundreds of warnings are as they should be. */
	log_open("test_crash", LOG_TO_STDERR, LOG_AS_TEXT, LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
