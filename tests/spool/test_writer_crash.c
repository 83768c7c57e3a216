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

#include <sys/mman.h>
#include <sys/wait.h>

#include "conf/log.h"
#include "spool/writer.h"
#include "tests/spool/scratch.h"

#define RECORDS	36
#define GROUP	6		/* that come before the writer looks */
#define FILES	64
#define RING	0		/* the smallest there is */

/* What is known when the process has died. */
static struct shared {
	int shown;		/* records that were in the ring */
	struct {
		ino_t ino;
		off_t size;
	} synced[FILES];	/* files, up to where they were synced */
} *shared;

/* And what a look at the spool has found of each record. */
struct tally {
	int seen[RECORDS];
};

static int64_t clock_now = NOON;

static int64_t
test_clock(void)
{
	return clock_now;
}

static int
day_of_record(int i)
{
	/* To the next day, back, and there again. */
	return i / (RECORDS / 4) % 2 == 0 ? DAY : DAY + 1;
}

static void
put_record(struct ring *r, int i)
{
	char text[256];
	int len = snprintf(text, sizeof(text),
	    "{\"d\":\"r%d.example\"," POLICIES "}", i);

	assert_true(ring_put(r, RING_RECORD,
	    NOON + DAY_SECONDS * (day_of_record(i) - DAY), text, (size_t)len));
	if (i % 10 == 3)
		assert_true(ring_put(r, RING_REFUSED, NOON, "junk", 4));
}

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

struct process {
	struct counters counters;
	struct ring ring;
	struct ring_found found;
	struct sealer sealer;
	struct writer writer;
	int runtime;
};

static struct process *
process_start(struct scratch *s, uint64_t ring_size)
{
	struct process *p = calloc(1, sizeof(*p));

	p->runtime = openat(s->spool.fd, "run", O_RDONLY | O_DIRECTORY);
	assert_int_not_equal(p->runtime, -1);
	if (ring_open(&p->ring, p->runtime, ring_size, NOON, &p->found) == -1)
		return NULL;
	sealer_init(&p->sealer, s->path, "mta1", &p->counters);
	writer_init(&p->writer);
	p->writer.ring = &p->ring;
	p->writer.counters = &p->counters;
	p->writer.sealer = &p->sealer;
	p->writer.path = s->path;
	p->writer.source = "mta1";
	p->writer.origin = "test";
	p->writer.now = test_clock;
	p->writer.wake = -1;
	p->writer.segment_size = 900;
	return p;
}

/* Until the ring is empty; false when that does not come. */
static bool
process_finish(struct process *p)
{
	int tries = 0, rc;

	while ((rc = writer_finish(&p->writer)) == -1 && ++tries < 100)
		;
	sealer_stop(&p->sealer);
	sealer_run(&p->sealer);
	writer_release(&p->writer);
	sealer_release(&p->sealer);
	if (rc == 0)
		assert_int_equal(ring_used(&p->ring), 0);
	ring_close(&p->ring);
	close(p->runtime);
	free(p);
	return rc == 0;
}

/* All the records, a few at a time. */
static bool
collect(struct scratch *s)
{
	struct process *p = process_start(s, RING);

	for (int i = 0; i < RECORDS; i++) {
		put_record(&p->ring, i);
		if (i % GROUP != GROUP - 1)
			continue;
		ring_show(&p->ring);
		shared->shown = i + 1;
		writer_round(&p->writer);
	}
	return process_finish(p);
}

static void
empty(struct scratch *s)
{
	fate.mode = LIVE;
	scratch_empty(s);
	assert_int_equal(mkdirat(s->spool.fd, "run", 0700), 0);
	memset(shared, 0, sizeof(*shared));
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

static void
count_record(void *arg, int day, const struct record *r, uint64_t sessions)
{
	struct tally *t = arg;
	int i;

	assert_int_equal(sscanf(r->domain, "r%d.example", &i), 1);
	assert_in_range(i, 0, RECORDS - 1);
	assert_int_equal(day, day_of_record(i));
	t->seen[i] += (int)sessions;
}

static void
tally(const struct spool *s, struct tally *t)
{
	const struct intake_sink sink = { .record = count_record, .arg = t };
	struct intake_totals totals = { 0 };
	struct segments list;

	memset(t, 0, sizeof(*t));
	for (int day = DAY; day <= DAY + 1; day++) {
		assert_int_equal(spool_segments(s, day, &list), 0);
		for (size_t i = 0; i < list.n; i++) {
			assert_null(list.list[i].bad);
			assert_int_equal(spool_read(s, &list.list[i], &sink,
			    &totals), 0);
		}
		segments_release(&list);
	}
	assert_int_equal(totals.rejected, 0);
}

static void
all_shown_are_there_once(struct scratch *s, int at)
{
	struct tally t;

	tally(&s->spool, &t);
	for (int i = 0; i < RECORDS; i++)
		if (t.seen[i] != (i < shared->shown))
			fail_msg("call %d: record %d of %d counts %d times",
			    at, i, shared->shown, t.seen[i]);
}

static bool
recover_and_finish(struct scratch *s, uint64_t ring_size)
{
	struct process *p = process_start(s, ring_size);

	assert_non_null(p);
	assert_null(p->found.bad);
	return process_finish(p);
}

static void
nothing_is_left_open(const struct spool *s)
{
	for (int day = DAY; day <= DAY + 1; day++) {
		char name[DAY_TEXT];
		int fd = openat(s->days, day_format(day, name), O_RDONLY);

		if (fd == -1)
			continue;
		assert_int_equal(files_in(fd, ".open"), 0);
		close(fd);
	}
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

/* Over midnight and back: a segment each time, and nothing else. */
static void
days_follow_the_arrival(void **state)
{
	struct scratch *s = *state;

	empty(s);
	assert_true(collect(s));
	all_shown_are_there_once(s, 0);
	nothing_is_left_open(&s->spool);
	assert_true(files_in(s->spool.rejected, "") == 1);
}

static void
an_idle_day_is_sealed_after_midnight(void **state)
{
	struct scratch *s = *state;
	struct process *p;

	empty(s);
	p = process_start(s, RING);
	put_record(&p->ring, 0);
	ring_show(&p->ring);
	clock_now = day_last(DAY);
	assert_int_equal(writer_round(&p->writer), 0);
	assert_int_not_equal(p->writer.fd, -1);
	clock_now += 25;
	assert_int_equal(writer_round(&p->writer), 0);
	assert_int_not_equal(p->writer.fd, -1);
	clock_now += 10;
	assert_int_equal(writer_round(&p->writer), 0);
	assert_int_equal(p->writer.fd, -1);
	/* The clock goes back, and on come records of the day before. */
	clock_now = NOON;
	put_record(&p->ring, 1);
	ring_show(&p->ring);
	assert_int_equal(writer_round(&p->writer), 0);
	shared->shown = 2;
	assert_true(process_finish(p));
	all_shown_are_there_once(s, 0);
}

static void
a_folder_that_vanishes_is_made_again(void **state)
{
	struct scratch *s = *state;
	struct process *p;
	struct tally t;

	empty(s);
	p = process_start(s, RING);
	p->writer.sync_interval = 3600;
	put_record(&p->ring, 0);
	ring_show(&p->ring);
	writer_round(&p->writer);
	/* Written, and not yet synced. */
	assert_int_not_equal(p->writer.fd, -1);
	assert_int_equal(renameat(s->spool.fd, "days", s->spool.fd, "gone"), 0);
	put_record(&p->ring, 1);
	ring_show(&p->ring);
	assert_true(process_finish(p));
	spool_close(&s->spool);
	const char *why;
	assert_int_equal(spool_open(&s->spool, s->path, "mta1", false, &why),
	    0);
	tally(&s->spool, &t);
	assert_int_equal(t.seen[0], 1);
	assert_int_equal(t.seen[1], 1);
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

/* How often the log says this while f runs. */
static int
times_said(const char *what, void (*f)(struct scratch *), struct scratch *s)
{
	FILE *log = tmpfile();
	int real = dup(STDERR_FILENO), n = 0;
	char line[1024];

	assert_non_null(log);
	dup2(fileno(log), STDERR_FILENO);
	log_open("test", LOG_TO_STDERR, LOG_AS_TEXT, LOG_LEVEL_WARN);
	f(s);
	log_open("test", LOG_TO_STDERR, LOG_AS_TEXT, LOG_LEVEL_ERROR);
	fflush(stderr);
	dup2(real, STDERR_FILENO);
	close(real);
	rewind(log);
	while (fgets(line, sizeof(line), log) != NULL)
		n += strstr(line, what) != NULL;
	fclose(log);
	return n;
}

static void
disk_full_for_long(struct scratch *s)
{
	struct process *p = process_start(s, RING);

	put_record(&p->ring, 0);
	ring_show(&p->ring);
	fate.error = ENOSPC;
	fate.times = 1000000;
	fate.step = 0;
	fate.at = 1;
	fate.mode = FAIL;
	for (int i = 0; i < 100; i++)
		assert_int_equal(writer_round(&p->writer), -1);
	fate.mode = LIVE;
	assert_true(process_finish(p));
}

static void
nowhere_to_reject_to(struct scratch *s)
{
	struct process *p = process_start(s, RING);

	assert_int_equal(mkdirat(s->spool.rejected, "2026-11-21.jsonl", 0700),
	    0);
	for (int i = 0; i < 100; i++) {
		assert_true(ring_put(&p->ring, RING_REFUSED, NOON, "junk", 4));
		ring_show(&p->ring);
		writer_round(&p->writer);
	}
	assert_true(process_finish(p));
	unlinkat(s->spool.rejected, "2026-11-21.jsonl", AT_REMOVEDIR);
}

static void
trouble_is_said_once_a_minute(void **state)
{
	struct scratch *s = *state;

	empty(s);
	assert_int_equal(times_said("trying again every second",
	    disk_full_for_long, s), 1);
	empty(s);
	assert_int_equal(times_said("what was rejected is not kept",
	    nowhere_to_reject_to, s), 1);
}

/* What a file has behind an error nobody knows; not so when it is full. */
static void
an_error_of_a_sync_ends_the_segment(void **state)
{
	static const struct {
		int error, segments;
	} rows[] = { { EIO, 2 }, { ENOSPC, 1 } };
	struct scratch *s = *state;

	for (int i = 0; i < 2; i++) {
		struct process *p;

		empty(s);
		p = process_start(s, RING);
		p->writer.sync_interval = 3600;
		put_record(&p->ring, 0);
		ring_show(&p->ring);
		assert_int_equal(writer_round(&p->writer), 0);
		p->writer.sync_interval = 0;
		fate.error = rows[i].error;
		fate.times = 1;
		fate.step = 0;
		fate.at = 1;
		fate.mode = FAIL;
		assert_int_equal(writer_round(&p->writer), -1);
		fate.mode = LIVE;
		assert_int_equal(writer_round(&p->writer), 0);
		assert_int_equal(counter_get(&p->counters, SEGMENTS),
		    rows[i].segments);
		shared->shown = 1;
		assert_true(process_finish(p));
		all_shown_are_there_once(s, 0);
	}
}

static size_t
jobs_of(struct sealer *s)
{
	size_t n;

	pthread_mutex_lock(&s->lock);
	n = s->njobs;
	pthread_mutex_unlock(&s->lock);
	return n;
}

static void
what_cannot_be_sealed_is_tried_again(void **state)
{
	struct scratch *s = *state;
	struct process *p;
	pthread_t thread;

	empty(s);
	p = process_start(s, RING);
	p->writer.recovered = true;	/* nobody was before us */
	put_record(&p->ring, 0);
	ring_show(&p->ring);
	assert_int_equal(writer_finish(&p->writer), 0);
	assert_int_equal(jobs_of(&p->sealer), 1);
	fate.error = ENOSPC;
	fate.times = 1000000;
	fate.step = 0;
	fate.at = 1;
	fate.mode = FAIL;
	assert_int_equal(pthread_create(&thread, NULL, sealer_run, &p->sealer),
	    0);
	for (int ms = 0; ms < 10000 && (fate.step == 0 ||
	    jobs_of(&p->sealer) != 1); ms++)
		usleep(1000);
	assert_int_equal(jobs_of(&p->sealer), 1);
	fate.mode = LIVE;
	sealer_stop(&p->sealer);
	pthread_join(thread, NULL);
	nothing_is_left_open(&s->spool);
	shared->shown = 1;
	assert_true(process_finish(p));
	all_shown_are_there_once(s, 0);
}

static int syncs;

static void
count_sync(int fd)
{
	(void)fd;
	syncs++;
}

/* A sync may take long: as much as can be is to be freed by one. */
static void
a_backlog_takes_few_syncs(void **state)
{
	struct scratch *s = *state;
	struct process *p;
	int rounds;

	empty(s);
	p = process_start(s, 1 << 20);
	p->writer.segment_size = 64 << 20;
	p->writer.sync_interval = 3600;
	for (int i = 0; i < 6000; i++)
		assert_true(ring_put(&p->ring, RING_RECORD, NOON,
		    RECORD("a.example"), strlen(RECORD("a.example"))));
	ring_show(&p->ring);
	assert_true(ring_used(&p->ring) > p->ring.size / 2);
	fate.synced = count_sync;
	syncs = 0;
	for (rounds = 0; writer_round(&p->writer) == 1; rounds++)
		;
	fate.synced = NULL;
	assert_in_range(rounds, 5, 8);
	/* But a quarter of the ring is worth one. */
	assert_true(ring_used(&p->ring) < p->ring.size / 4);
	/* Two of the folder and the header, when the segment was begun. */
	assert_in_range(syncs, 3, 7);
	assert_true(process_finish(p));
	assert_int_equal(sessions_of(&s->spool, DAY), 6000);
}

/* In memory where there is such a folder: this is about order, not speed. */
static int
setup(void **state)
{
	struct scratch *s;

	if (scratch_setup(state) == -1)
		return -1;
	s = *state;
	spool_close(&s->spool);
	nftw(s->path, scratch_remove, 8, FTW_DEPTH | FTW_PHYS);
	strcpy(s->path, "/dev/shm/tlsrpt-test.XXXXXX");
	if (mkdtemp(s->path) != NULL)
		return 0;
	strcpy(s->path, "/tmp/tlsrpt-test.XXXXXX");
	return mkdtemp(s->path) != NULL ? 0 : -1;
}

int
main(void)
{
#define CASE(f)	cmocka_unit_test_setup_teardown(f, setup, scratch_teardown)
	const struct CMUnitTest tests[] = {
		CASE(days_follow_the_arrival),
		CASE(each_counts_once_whenever_we_die),
		CASE(others_may_seal_in_between),
		CASE(ring_size_may_change_in_between),
		CASE(the_successor_may_die_too),
		CASE(each_counts_once_whatever_fails),
		CASE(a_power_cut_costs_what_was_not_synced),
		CASE(an_idle_day_is_sealed_after_midnight),
		CASE(a_folder_that_vanishes_is_made_again),
		CASE(what_is_rejected_is_kept_however_we_die),
		CASE(what_was_recovered_is_synced),
		CASE(trouble_is_said_once_a_minute),
		CASE(an_error_of_a_sync_ends_the_segment),
		CASE(what_cannot_be_sealed_is_tried_again),
		CASE(a_backlog_takes_few_syncs),
	};

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	/* Thousands of warnings are as they should be. */
	log_open("test_writer_crash", LOG_TO_STDERR, LOG_AS_TEXT,
	    LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
