#include "spool/receive.h"

#include <sys/syscall.h>
#include <errno.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

#include "spool/record.h"

#define DRAIN_BATCHES	10000	/* somebody may go on and on */
#define SLICE_NS	100000	/* the least that Linux takes */

static void
note_use(struct receiver *r, uint64_t before)
{
	uint64_t used = ring_used(r->ring), quarter = r->ring->size / 4;

	if (used > counter_get(r->counters, RING_HIGH_WATER))
		counter_set(r->counters, RING_HIGH_WATER, used);
	if (before < quarter && used >= quarter)
		(void)!write(r->wake, &(uint64_t){ 1 }, sizeof(uint64_t));
}

void
receive_batch(struct receiver *r, const struct socket_batch *b, int n)
{
	uint64_t before = ring_used(r->ring), refused = 0, lost = 0, cuts = 0;
	int64_t now = r->now();

	for (int i = 0; i < n; i++) {
		size_t len;
		bool cut;
		const char *text = socket_datagram(b, i, &len, &cut);
		bool bad = !cut && record_refuse(text, len) != NULL;

		if (cut)
			cuts++;
		else if (!ring_put(r->ring, bad ? RING_REFUSED : RING_RECORD,
		    now, text, len))
			lost++;
		refused += bad;
	}
	ring_show(r->ring);
	counter_add(r->counters, RECEIVED, (uint64_t)n);
	if (refused + cuts + lost > 0) {
		counter_add(r->counters, REFUSED, refused);
		counter_add(r->counters, TRUNCATED, cuts);
		counter_add(r->counters, LOST, lost);
	}
	note_use(r, before);
}

/*
 * The kernel's queue may be as short as 10 datagrams, half a millisecond at
 * 20,000 a second: what runs is to give way at once.  Linux takes a short
 * slice for that wish since 6.12, before it went by nice; without it, less is
 * kept, and nothing else changes.
 */
static void
want_short_slice(void)
{
	struct {		/* sched_setattr(2); no C library has it yet */
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} attr;

	if (syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0) == -1 ||
	    attr.policy != SCHED_OTHER)
		return;
	attr.runtime = SLICE_NS;
	(void)syscall(SYS_sched_setattr, 0, &attr, 0);
}

void *
receive(void *arg)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	struct receiver *r = arg;
	struct socket_batch b;
	int n;

	want_short_slice();
	socket_batch_init(&b);
	while (!atomic_load_explicit(&r->stop, memory_order_relaxed)) {
		n = socket_receive(r->fd, &b, true);
		if (n > 0)
			receive_batch(r, &b, n);
		else if (n == -1 && errno != EAGAIN && errno != EINTR) {
			counter_add(r->counters, RECEIVE_ERRORS, 1);
			nanosleep(&pause, NULL);
		}
		atomic_fetch_add_explicit(&r->rounds, 1, memory_order_relaxed);
	}
	for (int i = 0; r->drain && i < DRAIN_BATCHES &&
	    (n = socket_receive(r->fd, &b, false)) > 0; i++)
		receive_batch(r, &b, n);
	socket_batch_release(&b);
	return NULL;
}
