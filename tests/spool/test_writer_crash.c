/*
 * The collector's promise: what was in the ring is in the spool, once, whatever
 * the process or the disk does.  The process dies, or a call fails, at the
 * n-th call that changes anything on disk: n = 1, 2, ... until it is through.
 */
#undef _FORTIFY_SOURCE		/* which has bodies for them, too */
#include "tests/spool/fate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/wait.h>

#include "tests/spool/writing.h"

static void
note_synced(int fd)
{
	struct stat st;
	int i;

	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
		return;
	for (i = 0; i < FILES - 1 && shared->synced[i].ino != 0 &&
	    shared->synced[i].ino != st.st_ino; i++)
		;
	shared->synced[i].ino = st.st_ino;
	shared->synced[i].size = st.st_size;
}

static off_t
synced_size(ino_t ino)
{
	for (int i = 0; i < FILES; i++)
		if (shared->synced[i].ino == ino)
			return shared->synced[i].size;
	return 0;
}

/* Run it in a process of its own that dies at call `at`; did it? */
static bool
dies(struct scratch *s, int at)
{
	int status;
	pid_t pid = fork();

	assert_int_not_equal(pid, -1);
	if (pid == 0) {
		fate.synced = note_synced;
		fate.at = at;
		fate.times = 1;
		fate.step = 0;
		fate.mode = DIE;
		_exit(collect(s) ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_true(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == KILLED);
	return WEXITSTATUS(status) == KILLED;
}

static bool
recover_and_finish(struct scratch *s, uint64_t ring_size)
{
	struct process *p = process_start(s, ring_size);

	assert_null(p->found.bad);
	return process_finish(p);
}

static void
seal_all(struct spool *s)
{
	struct intake_totals t = { 0 };

	assert_int_not_equal(spool_seal_day(s, DAY, &t), -1);
	assert_int_not_equal(spool_seal_day(s, DAY + 1, &t), -1);
}

static void
each_counts_once_whenever_we_die(void **state)
{
	struct scratch *s = *state;
	bool died = true;
	int at;

	for (at = 1; died; at++) {
		empty(s);
		died = dies(s, at);
		assert_true(recover_and_finish(s, RING));
		all_shown_are_there_once(s, at);
		nothing_is_left_open(&s->spool);
	}
	assert_true(at > 60);
}

/* tlsrpt-send may come before our successor. */
static void
others_may_seal_in_between(void **state)
{
	struct scratch *s = *state;
	bool died = true;

	for (int at = 1; died; at++) {
		empty(s);
		died = dies(s, at);
		seal_all(&s->spool);
		assert_true(recover_and_finish(s, RING));
		all_shown_are_there_once(s, at);
	}
}

static void
ring_size_may_change_in_between(void **state)
{
	struct scratch *s = *state;
	bool died = true;

	for (int at = 1; died; at++) {
		empty(s);
		died = dies(s, at);
		assert_true(recover_and_finish(s, RING + 65536));
		all_shown_are_there_once(s, at);
	}
}

static void
the_successor_may_die_too(void **state)
{
	struct scratch *s = *state;

	for (int at = 20; at < 90; at += 9)
		for (int again = 1; again < 25; again += 2) {
			empty(s);
			dies(s, at);
			int shown = shared->shown;
			pid_t pid = fork();

			if (pid == 0) {
				fate.at = again;
				fate.step = 0;
				fate.mode = DIE;
				_exit(!recover_and_finish(s, RING));
			}
			waitpid(pid, NULL, 0);
			shared->shown = shown;
			assert_true(recover_and_finish(s, RING));
			all_shown_are_there_once(s, at);
		}
}

static const struct {
	const char *name;
	int error, times;
} failures[] = {
	{ "one input/output error", EIO, 1 },
	{ "several of them", EIO, 5 },
	{ "disk full for a moment", ENOSPC, 1 },
	{ "disk full for a while", ENOSPC, 12 },
	{ "read-only for a while", EROFS, 12 },
	{ "a quota", EDQUOT, 3 },
};

/* How much junk was kept; four of it are sent. */
static int
rejected(const struct spool *s)
{
	char *text, *p;
	int n = 0;

	if (faccessat(s->rejected, "2026-11-21.jsonl", F_OK, 0) == -1)
		return 0;
	text = slurp(s->rejected, "2026-11-21.jsonl");
	for (p = text; (p = strstr(p, "\"line\":\"junk\"")) != NULL; p++)
		n++;
	free(text);
	return n;
}

static void
each_counts_once_whatever_fails(void **state)
{
	struct scratch *s = *state;

	for (size_t f = 0; f < sizeof(failures) / sizeof(failures[0]); f++) {
		int at = 0;

		do {
			empty(s);
			fate.step = 0;
			/* Not while the ring itself is made. */
			fate.at = 6 + ++at;
			fate.times = failures[f].times;
			fate.error = failures[f].error;
			fate.mode = FAIL;
			if (!collect(s))
				fail_msg("%s at %d: never ends",
				    failures[f].name, fate.at);
			fate.mode = LIVE;
			assert_in_range(rejected(&s->spool), 0, 4);
			/* What could not be sealed then is sealed now. */
			assert_true(recover_and_finish(s, RING));
			all_shown_are_there_once(s, fate.at);
		} while (fate.step >= fate.at);
		assert_true(at > 40);
	}
}

/* The records in the first `size` bytes of a file. */
static void
tally_bytes(int dirfd, const char *name, off_t size, struct tally *t)
{
	char *text = slurp(dirfd, name), *p;
	int i;

	text[size] = '\0';
	for (p = text; (p = strstr(p, "{\"d\":\"r")) != NULL; p++)
		if (strchr(p, '\n') != NULL &&
		    sscanf(p, "{\"d\":\"r%d.example", &i) == 1)
			t->seen[i]++;
	free(text);
}

/*
 * The power fails: of an open file there is what was synced, and some of what
 * comes behind that (part of 4 quarters).  The ring is gone.
 */
static void
cut_power(struct scratch *s, int part, struct tally *t)
{
	char name[DAY_TEXT];
	struct file_names names;
	struct stat st;

	memset(t, 0, sizeof(*t));
	for (int day = DAY; day <= DAY + 1; day++) {
		int dirfd = openat(s->spool.days, day_format(day, name),
		    O_RDONLY);

		if (dirfd == -1)
			continue;
		assert_int_equal(file_names(&names, dirfd, ".open"), 0);
		for (size_t i = 0; i < names.n; i++) {
			int fd = openat(dirfd, names.name[i], O_RDWR);
			off_t to;

			assert_int_equal(fstat(fd, &st), 0);
			to = synced_size(st.st_ino);
			assert_true(to <= st.st_size);
			tally_bytes(dirfd, names.name[i], to, t);
			to += (st.st_size - to) * part / 4;
			assert_int_equal(ftruncate(fd, to), 0);
			close(fd);
		}
		file_names_free(&names);
		close(dirfd);
	}
	unlinkat(s->spool.fd, "run/ring", 0);
}

static void
a_power_cut_costs_what_was_not_synced(void **state)
{
	struct scratch *s = *state;
	struct tally synced, t;
	bool died = true;
	int kept = 0;

	for (int at = 1; died; at++)
		for (int part = 0; part <= 4; part += 2) {
			empty(s);
			died = dies(s, at);
			cut_power(s, part, &synced);
			assert_true(recover_and_finish(s, RING));
			tally(&s->spool, &t);
			for (int i = 0; i < RECORDS; i++) {
				assert_true(t.seen[i] <= 1);
				assert_true(t.seen[i] == 1 ||
				    synced.seen[i] == 0);
				kept += synced.seen[i];
			}
			nothing_is_left_open(&s->spool);
		}
	assert_true(kept > 1000);
}

static void
what_is_rejected_is_kept_however_we_die(void **state)
{
	static const long intervals[] = { 0, 3600 };
	struct scratch *s = *state;
	struct process *p;
	char *text;
	pid_t pid;

	for (int i = 0; i < 2; i++) {
		empty(s);
		if ((pid = fork()) == 0) {
			p = process_start(s, RING);
			p->writer.sync_interval = intervals[i];
			for (int n = 0; n < 4; n++)
				put_record(&p->ring, n);
			ring_show(&p->ring);
			writer_round(&p->writer);
			_exit(KILLED);
		}
		waitpid(pid, NULL, 0);
		shared->shown = 4;
		assert_true(recover_and_finish(s, RING));
		all_shown_are_there_once(s, 0);
		text = slurp(s->spool.rejected, "2026-11-21.jsonl");
		assert_non_null(strstr(text, "\"line\":\"junk\""));
		assert_non_null(strstr(text, "\"origin\":\"test\""));
		free(text);
	}
}

/* The power fails behind the successor of a process that died. */
static void
what_was_recovered_is_synced(void **state)
{
	struct scratch *s = *state;
	struct tally t;
	bool died = true;
	pid_t pid;

	for (int at = 1; died; at += 2) {
		empty(s);
		died = dies(s, at);
		if ((pid = fork()) == 0) {
			struct process *p = process_start(s, RING);

			fate.synced = note_synced;
			_exit(writer_finish(&p->writer) == 0 ? 0 : 1);
		}
		waitpid(pid, NULL, 0);
		cut_power(s, 0, &t);
		seal_all(&s->spool);
		all_shown_are_there_once(s, at);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WRITING_CASE(each_counts_once_whenever_we_die),
		WRITING_CASE(others_may_seal_in_between),
		WRITING_CASE(ring_size_may_change_in_between),
		WRITING_CASE(the_successor_may_die_too),
		WRITING_CASE(each_counts_once_whatever_fails),
		WRITING_CASE(a_power_cut_costs_what_was_not_synced),
		WRITING_CASE(what_is_rejected_is_kept_however_we_die),
		WRITING_CASE(what_was_recovered_is_synced),
	};

	return cmocka_run_group_tests(tests, writing_begin, NULL);
}
