#ifndef TESTS_SPOOL_RINGS_H
#define TESTS_SPOOL_RINGS_H

/*
 * What the tests of the ring share: a small one in the scratch folder, put in
 * and got out as text.  Goes behind cmocka.h.
 */
#include "conf/mem.h"
#include "spool/ring.h"
#include "tests/spool/scratch.h"

static inline bool
add(struct ring *r, const char *text)
{
	return ring_put(r, RING_RECORD, 7, text, strlen(text));
}

static inline void
get(struct ring *r, uint64_t *pos, const char *text)
{
	const struct ring_entry *e;

	assert_int_equal(ring_get(r, pos, &e), 1);
	assert_int_equal(e->len, strlen(text));
	assert_memory_equal(ring_payload(e), text, e->len);
	assert_int_equal(ring_payload(e)[e->len], '\n');
	assert_int_equal(e->arrival, 7);
	assert_int_equal(e->kind, RING_RECORD);
}

static inline void
get_none(struct ring *r, uint64_t pos)
{
	const struct ring_entry *e;

	assert_int_equal(ring_get(r, &pos, &e), 0);
}

/* A ring in the folder with these entries shown. */
static inline void
make(const struct scratch *s, struct ring *r, int entries)
{
	char text[32];

	assert_int_equal(ring_create(r, s->spool.fd, 1 << 20), 0);
	assert_int_equal(ring_publish(r, s->spool.fd), 0);
	for (int i = 0; i < entries; i++) {
		fmt(text, sizeof(text), "{entry %d}", i);
		assert_true(add(r, text));
	}
	ring_show(r);
}

static inline void
open_good(const struct scratch *s, struct ring *r, uint64_t size, uint64_t n)
{
	struct ring_found found;

	assert_int_equal(ring_open(r, s->spool.fd, size, 99, &found), 0);
	assert_null(found.bad);
	assert_int_equal(found.entries, n);
	assert_false(found.other_size);
}

#endif
