#include "spool/receive.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "spool/record.h"

#define DRAIN_BATCHES	10000	/* somebody may go on and on */

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

void *
receive(void *arg)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	struct receiver *r = arg;
	struct socket_batch b;
	int n;

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
