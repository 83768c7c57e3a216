#ifndef TESTS_SPOOL_WRITING_H
#define TESTS_SPOOL_WRITING_H

/*
 * What the tests of the writer share: records numbered from 0 that go through
 * a ring into a spool, and a look at which of them count.  Goes behind fate.h
 * and cmocka.h.
 */
#include <sys/mman.h>

#include "conf/log.h"
#include "spool/writer.h"
#include "tests/spool/scratch.h"

#define RECORDS	36
#define GROUP	6		/* that come before the writer looks */
#define FILES	64
#define RING	0		/* the smallest there is */

/* What is known when a process has died. */
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

static inline int64_t
test_clock(void)
{
	return clock_now;
}

static inline int
day_of_record(int i)
{
	/* To the next day, back, and there again. */
	return i / (RECORDS / 4) % 2 == 0 ? DAY : DAY + 1;
}

static inline void
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

static inline void
show_record(struct ring *r, int i)
{
	put_record(r, i);
	ring_show(r);
}

struct process {
	struct counters counters;
	struct ring ring;
	struct ring_found found;
	struct sealer sealer;
	struct writer writer;
	int runtime;
};

static inline struct process *
process_start(struct scratch *s, uint64_t ring_size)
{
	struct process *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	p->runtime = openat(s->spool.fd, "run", O_RDONLY | O_DIRECTORY);
	assert_int_not_equal(p->runtime, -1);
	assert_int_not_equal(ring_open(&p->ring, p->runtime, ring_size, NOON,
	    &p->found), -1);
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
static inline bool
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
static inline bool
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

static inline void
empty(struct scratch *s)
{
	fate.mode = LIVE;
	scratch_empty(s);
	assert_int_equal(mkdirat(s->spool.fd, "run", 0700), 0);
	memset(shared, 0, sizeof(*shared));
}

static inline void
count_record(void *arg, int day, const struct record *r, uint64_t sessions)
{
	struct tally *t = arg;
	int i;

	assert_int_equal(sscanf(r->domain, "r%d.example", &i), 1);
	assert_in_range(i, 0, RECORDS - 1);
	assert_int_equal(day, day_of_record(i));
	t->seen[i] += (int)sessions;
}

static inline void
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

static inline void
all_shown_are_there_once(struct scratch *s, int at)
{
	struct tally t;

	tally(&s->spool, &t);
	for (int i = 0; i < RECORDS; i++)
		if (t.seen[i] != (i < shared->shown))
			fail_msg("call %d: record %d of %d counts %d times",
			    at, i, shared->shown, t.seen[i]);
}

static inline void
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

/* In memory where there is such a folder: this is about order, not speed. */
static inline int
writing_setup(void **state)
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

/* Of the group. */
static inline int
writing_begin(void **state)
{
	(void)state;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	/* Thousands of warnings are as they should be. */
	log_open("test", LOG_TO_STDERR, LOG_AS_TEXT, LOG_LEVEL_ERROR);
	return shared == MAP_FAILED ? -1 : 0;
}

#define WRITING_CASE(f) \
	cmocka_unit_test_setup_teardown(f, writing_setup, scratch_teardown)

#endif
