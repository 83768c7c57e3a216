/* What the writer does with the ring, the clock and a disk in trouble. */
#undef _FORTIFY_SOURCE		/* which has bodies for them, too */
#include "tests/spool/fate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/spool/writing.h"

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
	show_record(&p->ring, 0);
	clock_now = day_last(DAY);
	assert_int_equal(writer_round(&p->writer), 0);
	assert_int_not_equal(p->writer.segment.fd, -1);
	clock_now += 25;
	assert_int_equal(writer_round(&p->writer), 0);
	assert_int_not_equal(p->writer.segment.fd, -1);
	clock_now += 10;
	assert_int_equal(writer_round(&p->writer), 0);
	assert_int_equal(p->writer.segment.fd, -1);
	/* The clock goes back, and on come records of the day before. */
	clock_now = NOON;
	show_record(&p->ring, 1);
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
	show_record(&p->ring, 0);
	writer_round(&p->writer);
	/* Written, and not yet synced. */
	assert_int_not_equal(p->writer.segment.fd, -1);
	assert_int_equal(renameat(s->spool.fd, "days", s->spool.fd, "gone"), 0);
	show_record(&p->ring, 1);
	assert_true(process_finish(p));
	spool_close(&s->spool);
	const char *why;
	assert_int_equal(spool_open(&s->spool, s->path, "mta1", false, &why),
	    0);
	tally(&s->spool, &t);
	assert_int_equal(t.seen[0], 1);
	assert_int_equal(t.seen[1], 1);
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

	show_record(&p->ring, 0);
	fate.error = ENOSPC;
	fate.times = 1000000;
	fate.step = 0;
	fate.at = 1;
	fate.mode = FAIL;
	for (int i = 0; i < 100; i++)
		assert_int_equal(writer_round(&p->writer), -1);
	assert_int_equal(counter_get(&p->counters, DISK_TROUBLE), 1);
	assert_int_equal(counter_get(&p->counters, DISK_ERRORS), 100);
	fate.mode = LIVE;
	assert_int_equal(writer_finish(&p->writer), 0);
	assert_int_equal(counter_get(&p->counters, DISK_TROUBLE), 0);
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
		show_record(&p->ring, 0);
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

static bool name_synced;

static void
look_for_name(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) &&
	    files_in(fd, ".open") > 0)
		name_synced = true;
}

/* What is synced in a file is lost with its name. */
static void
the_name_of_a_segment_is_synced(void **state)
{
	struct scratch *s = *state;
	struct process *p;

	empty(s);
	p = process_start(s, RING);
	show_record(&p->ring, 0);
	fate.synced = look_for_name;
	assert_int_equal(writer_round(&p->writer), 0);
	fate.synced = NULL;
	assert_true(name_synced);
	assert_true(process_finish(p));
}

/* A call may take a part, nothing at all, or be interrupted. */
static void
a_write_may_come_in_parts(void **state)
{
	static const struct {
		int error, rc;
	} rows[] = { { EINTR, 0 }, { 0, -1 } };
	struct scratch *s = *state;

	for (int i = 0; i < 2; i++) {
		struct process *p;

		empty(s);
		p = process_start(s, RING);
		for (int n = 0; n < GROUP; n++)
			show_record(&p->ring, n);
		fate.most = 7;
		fate.hiccups = 3;
		fate.error = rows[i].error;
		assert_int_equal(writer_round(&p->writer), rows[i].rc);
		shared->shown = GROUP;
		assert_true(process_finish(p));
		fate.most = 0;
		all_shown_are_there_once(s, i);
	}
}

/* Its days have no name: those at the ends of what has one are taken. */
static void
a_clock_beyond_reason_loses_nothing(void **state)
{
	const char *text = RECORD("a.example");
	struct scratch *s = *state;
	struct process *p;
	int last;

	empty(s);
	p = process_start(s, RING);
	assert_true(ring_put(&p->ring, RING_RECORD, -DAY_SECONDS, text,
	    strlen(text)));
	assert_true(ring_put(&p->ring, RING_RECORD, INT64_MAX, text,
	    strlen(text)));
	ring_show(&p->ring);
	assert_true(process_finish(p));
	assert_int_equal(sessions_of(&s->spool, 0), 1);
	assert_true(day_parse("9999-12-31", &last));
	assert_int_equal(sessions_of(&s->spool, last), 1);
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
	show_record(&p->ring, 0);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WRITING_CASE(days_follow_the_arrival),
		WRITING_CASE(an_idle_day_is_sealed_after_midnight),
		WRITING_CASE(a_folder_that_vanishes_is_made_again),
		WRITING_CASE(trouble_is_said_once_a_minute),
		WRITING_CASE(an_error_of_a_sync_ends_the_segment),
		WRITING_CASE(the_name_of_a_segment_is_synced),
		WRITING_CASE(a_write_may_come_in_parts),
		WRITING_CASE(a_clock_beyond_reason_loses_nothing),
		WRITING_CASE(what_cannot_be_sealed_is_tried_again),
		WRITING_CASE(a_backlog_takes_few_syncs),
	};

	return cmocka_run_group_tests(tests, writing_begin, NULL);
}
