#include "spool/writer.h"

#include <sys/resource.h>
#include <sys/uio.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "conf/clock.h"
#include "conf/log.h"
#include "conf/mem.h"
#include "spool/day.h"
#include "spool/recover.h"

#define ROUND_MS	50	/* between two looks at the ring */
#define RETRY_MS	1000	/* while the disk does not work */
#define TELL_MS		60000	/* between two words about it */
#define MIDNIGHT	30	/* seconds after which an idle day is sealed */
#define CHUNK_RECORDS	IOV_MAX
#define CHUNK_BYTES	(1 << 20)
#define CHUNK_ENTRIES	8192

/* Records that go into one segment by one call. */
struct chunk {
	struct iovec iov[CHUNK_RECORDS];
	int n, day;
	size_t bytes;
	uint64_t end;		/* in the ring */
	bool more;
};

void
writer_init(struct writer *w)
{
	memset(w, 0, sizeof(*w));
	open_segment_init(&w->segment);
	w->last_day = w->segment.day;
}

static void
close_spool(struct writer *w)
{
	refused_end(&w->refused);
	if (w->opened)
		spool_close(&w->spool);
	w->opened = false;
}

void
writer_release(struct writer *w)
{
	open_segment_release(&w->segment);
	close_spool(w);
}

/* Say that the disk does not let us, once a minute; returns -1. */
static int
trouble(struct writer *w, const char *what)
{
	int error = errno;

	counter_add(w->counters, DISK_ERRORS, 1);
	if (!w->trouble)
		w->told = 0;
	if (clock_is_due(&w->told, TELL_MS))
		log_warn("%s: %s: %m; %" PRIu64 " bytes wait in the ring of %"
		    PRIu64 ", trying again every second", w->path, what,
		    ring_used(w->ring), w->ring->size);
	w->trouble = true;
	counter_set(w->counters, DISK_TROUBLE, 1);
	errno = error;
	return -1;
}

static void
is_well(struct writer *w)
{
	if (!w->trouble)
		return;
	log_info("%s: can be written again", w->path);
	w->trouble = false;
	counter_set(w->counters, DISK_TROUBLE, 0);
}

/* Everything since the last commit is to be written again. */
static void
rewind_ring(struct writer *w)
{
	w->pos = w->ring->commit.tail;
	w->records = 0;
	w->dirty = 0;
	counter_set(w->counters, WRITTEN, w->synced);
}

/* What the segment has beyond the last commit, it has not. */
static int
cut_back(struct writer *w)
{
	rewind_ring(w);
	return open_segment_cut(&w->segment, w->ring->commit.synced);
}

static void
commit(struct writer *w)
{
	const struct open_segment *g = &w->segment;
	struct ring_commit c = { .tail = w->pos, .synced = g->size,
		.day = g->day };

	refused_end(&w->refused);
	/* Cannot be too long: it is the name of a file. */
	if (g->name != NULL)
		fmt(c.name, sizeof(c.name), "%s", g->name);
	ring_commit(w->ring, &c);
	w->synced += w->records;
	w->records = 0;
	w->dirty = 0;
	counter_set(w->counters, SYNCED, w->synced);
	counter_set(w->counters, WRITTEN, w->synced);
	is_well(w);
}

/*
 * The segment up to the last commit is sealed; a new one gets what comes
 * behind.  One without records is not worth it.
 */
static void
hand_over(struct writer *w)
{
	struct open_segment *g = &w->segment;

	if (g->size > g->begin) {
		sealer_add(w->sealer, g->day, g->name, g->fd);
		open_segment_init(g);
	} else
		open_segment_remove(g, &w->spool);
}

/*
 * After an error of a write or a sync.  Full: the segment is cut back, and
 * the same is tried again.  Not there any more: a new one is begun in the
 * folders of this name.  Broken: what the system has told of a file's pages
 * once, it may not tell again, so the file ends with what it said it has.
 */
static int
failed(struct writer *w, const char *what, bool in_sync)
{
	int error = errno, cut;

	trouble(w, what);
	cut = cut_back(w);
	if (!open_segment_in_place(&w->segment, w->path)) {
		open_segment_release(&w->segment);
		close_spool(w);
	} else if (in_sync && cut == 0 && error != ENOSPC && error != EDQUOT)
		hand_over(w);
	return -1;
}

/* All that is written is on stable storage, and the ring knows it. */
static int
sync_all(struct writer *w)
{
	const struct open_segment *g = &w->segment;

	if (g->fd != -1 && g->size > w->ring->commit.synced &&
	    fdatasync(g->fd) == -1)
		return failed(w, "cannot be synced", true);
	if (g->fd != -1 && !open_segment_in_place(g, w->path)) {
		errno = ENOENT;
		return failed(w, "the open segment has been taken away", false);
	}
	commit(w);
	return 0;
}

static int
end_segment(struct writer *w)
{
	if (w->segment.fd == -1)
		return 0;
	if (sync_all(w) == -1)
		return -1;
	hand_over(w);
	return 0;
}

static int
open_spool(struct writer *w)
{
	const char *why;

	if (w->opened)
		return 0;
	if (spool_open(&w->spool, w->path, w->source, true, &why) == -1)
		return trouble(w, why);
	w->opened = true;
	return 0;
}

static int
begin_segment(struct writer *w, int day)
{
	if (open_segment_begin(&w->segment, &w->spool, day) == -1) {
		int error = errno;

		/* The folders may be others when they come back. */
		close_spool(w);
		errno = error;
		return trouble(w, "no segment can be begun");
	}
	counter_add(w->counters, SEGMENTS, 1);
	if (day != w->last_day)
		counter_add(w->counters, DAYS, 1);
	w->last_day = day;
	/* Before anything is in it: whoever finds this ring has to know. */
	commit(w);
	return 0;
}

/* The day of an entry; whatever the clock said, it is one that has a name. */
static int
entry_day(const struct ring_entry *e)
{
	static const int64_t last = INT64_C(253402300799);	/* of 9999 */

	return day_of(e->arrival < 0 ? 0 :
	    e->arrival > last ? last : e->arrival);
}

static int
next_entry(struct writer *w, uint64_t *pos, const struct ring_entry **e)
{
	int rc = ring_get(w->ring, pos, e);

	if (rc == -1)	/* our successor sets it aside and tells */
		fatal("the ring has been damaged at position %" PRIu64, *pos);
	return rc;
}

/* Take what belongs together off the ring; others stay for the next time. */
static void
gather(struct writer *w, struct chunk *c)
{
	size_t limit = (size_t)atomic_load(&w->segment_size);
	uint64_t pos = w->pos;
	const struct ring_entry *e;
	int day, entries = 0;

	if (limit > CHUNK_BYTES)
		limit = CHUNK_BYTES;
	c->n = 0;
	c->bytes = 0;
	c->end = pos;
	c->more = true;
	while (entries++ < CHUNK_ENTRIES && c->n < CHUNK_RECORDS &&
	    c->bytes < limit &&
	    (c->more = next_entry(w, &pos, &e)) == 1) {
		day = entry_day(e);
		if (e->kind == RING_REFUSED)
			refused_add(&w->refused, &w->spool, day, w->origin, e);
		else if (c->n > 0 && day != c->day)
			break;
		else {
			c->day = day;
			c->bytes += e->len + 1;
			c->iov[c->n++] = (struct iovec){
			    (void *)(uintptr_t)ring_payload(e), e->len + 1 };
		}
		c->end = pos;
	}
}

/* Have a segment for this day that is not full yet. */
static int
have_segment(struct writer *w, int day)
{
	const struct open_segment *g = &w->segment;
	long full = atomic_load_explicit(&w->segment_size,
	    memory_order_relaxed);

	if (g->fd != -1 && (g->day != day || g->size >= full) &&
	    end_segment(w) == -1)
		return -1;
	return g->fd != -1 ? 0 : begin_segment(w, day);
}

/* Returns 1 when there is more to write, 0 when not, -1 in trouble. */
static int
write_some(struct writer *w)
{
	struct chunk c;

	gather(w, &c);
	if (c.n > 0) {
		if (have_segment(w, c.day) == -1)
			return -1;
		if (open_segment_append(&w->segment, c.iov, c.n) == -1)
			return failed(w, "cannot be written", false);
		w->records += (uint64_t)c.n;
		counter_set(w->counters, WRITTEN, w->synced + w->records);
	}
	if (c.end != w->pos && w->dirty == 0)
		w->dirty = clock_ms();
	w->pos = c.end;
	return c.more;
}

/* What a process before us has left in the ring and in the segment. */
static int
take_over(struct writer *w)
{
	const struct ring_entry *e;
	struct recovered was;
	uint64_t pos;

	if (w->recovered)
		return 0;
	switch (recover(&w->spool, w->ring, &was)) {
	case RECOVER_BUSY:
		errno = EAGAIN;
		log_debug("%s: waiting for who is sealing it",
		    w->ring->commit.name);
		return -1;
	case RECOVER_FAILED:
		close_spool(w);
		return trouble(w, "the segment of the process before this one "
		    "cannot be read");
	default:
		break;
	}
	/* It may have died before it wrote these. */
	for (pos = w->pos = w->ring->commit.tail; pos < was.pos &&
	    next_entry(w, &pos, &e) == 1; )
		if (e->kind == RING_REFUSED)
			refused_add(&w->refused, &w->spool, entry_day(e),
			    w->origin, e);
	if (was.records > 0)
		log_info("%" PRIu64 " records of the ring are in %s already",
		    was.records, w->ring->commit.name);
	if (was.fd != -1)
		close(was.fd);
	w->pos = was.pos;
	w->recovered = true;
	commit(w);
	sealer_add_orphans(w->sealer);
	return 0;
}

/* Nothing comes any more, and the day is over by the clock. */
static bool
is_past(const struct writer *w)
{
	return w->segment.fd != -1 &&
	    w->now() > day_last(w->segment.day) + MIDNIGHT;
}

static bool
is_sync_due(const struct writer *w, bool more)
{
	int64_t interval = 1000 * atomic_load_explicit(&w->sync_interval,
	    memory_order_relaxed), age;

	if (w->dirty == 0)
		return false;
	/* Worth its while, however long it takes: it frees that much. */
	if (w->pos - w->ring->commit.tail >= w->ring->size / 4)
		return true;
	/* The records wait from one look at the ring to the next as well. */
	age = clock_ms() - w->dirty + ROUND_MS;
	return age >= interval + (more ? RETRY_MS : 0);
}

static int
one_round(struct writer *w)
{
	int more;

	if (open_spool(w) == -1 || take_over(w) == -1 ||
	    (more = write_some(w)) == -1)
		return -1;
	if (is_sync_due(w, more) && sync_all(w) == -1)
		return -1;
	if (!more && is_past(w) && end_segment(w) == -1)
		return -1;
	return more;
}

int
writer_round(struct writer *w)
{
	int rc;

	atomic_store(&w->busy_since, clock_ms());
	rc = one_round(w);
	atomic_store(&w->busy_since, 0);
	atomic_fetch_add(&w->rounds, 1);
	return rc;
}

int
writer_finish(struct writer *w)
{
	int rc;

	while ((rc = writer_round(w)) == 1)
		;
	if (rc == -1)
		return -1;
	if (w->segment.fd != -1)
		return end_segment(w);
	commit(w);
	return 0;
}

static void
pause_for(struct writer *w, int ms)
{
	struct pollfd wake = { .fd = w->wake, .events = POLLIN };

	if (poll(&wake, 1, ms) == 1)
		(void)!read(w->wake, &(uint64_t){ 0 }, sizeof(uint64_t));
}

void *
writer_run(void *arg)
{
	struct writer *w = arg;
	int rc;

	/* Who reads the socket goes before; this is for this thread only. */
	setpriority(PRIO_PROCESS, 0, 0);
	while (!atomic_load(&w->stop)) {
		rc = writer_round(w);
		if (rc != 1)
			pause_for(w, rc == 0 ? ROUND_MS : RETRY_MS);
	}
	return writer_finish(w) == 0 ? NULL : w;
}
