#ifndef SPOOL_COUNTERS_H
#define SPOOL_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

/*
 * What the collector has done since it started.  Every thread may read and
 * change them at any time.
 */
enum counted {
	RECEIVED,		/* datagrams taken from the socket */
	REFUSED,		/* that cannot be a record */
	TRUNCATED,		/* longer than a record may be: not kept */
	LOST,			/* the ring was full */
	RECEIVE_ERRORS,
	RECOVERED,		/* left in the ring by the process before us */
	WRITTEN,		/* records in segments */
	SYNCED,			/* of them on stable storage */
	SEGMENTS,		/* begun */
	DAYS,			/* begun */
	SEALED,			/* segments */
	DISK_ERRORS,		/* tries that failed */
	DISK_TROUBLE,		/* 1 while the disk does not work, else 0 */
	RING_SIZE,		/* bytes */
	RING_USED,
	RING_HIGH_WATER,
	COUNTERS
};

struct counters {
	_Atomic uint64_t value[COUNTERS];
};

static inline void
counter_add(struct counters *c, enum counted which, uint64_t n)
{
	atomic_fetch_add_explicit(&c->value[which], n, memory_order_relaxed);
}

static inline void
counter_set(struct counters *c, enum counted which, uint64_t n)
{
	atomic_store_explicit(&c->value[which], n, memory_order_relaxed);
}

static inline uint64_t
counter_get(const struct counters *c, enum counted which)
{
	return atomic_load_explicit(&c->value[which], memory_order_relaxed);
}

/* All of them as one event in the log. */
void	counters_log(const struct counters *c);

/* In Prometheus' text format. */
void	counters_write(const struct counters *c, FILE *f);

/*
 * The same as a file that is replaced as a whole.  It is not synced: nobody
 * wants it after a power cut, and we do not want to wait for it.  -1 with
 * errno.
 */
int	counters_save(const struct counters *c, const char *path);

#endif
