#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <sched.h>

#include "conf/mem.h"
#include "spool/record.h"
#include "tests/spool/rings.h"

static void
entries_come_out_as_they_went_in(void **state)
{
	struct ring r;
	uint64_t pos = 0;

	make(*state, &r, 0);
	get_none(&r, pos);
	assert_true(add(&r, "{a}"));
	get_none(&r, pos);		/* not shown yet */
	ring_show(&r);
	get(&r, &pos, "{a}");
	get_none(&r, pos);
	assert_true(add(&r, "{b}") && add(&r, ""));
	ring_show(&r);
	get(&r, &pos, "{b}");
	get(&r, &pos, "");
	get_none(&r, pos);
	assert_int_equal(ring_used(&r), pos);
	ring_commit(&r, &(struct ring_commit){ .tail = pos });
	assert_int_equal(ring_used(&r), 0);
	ring_close(&r);
}

/* Entries of all sizes, many times around. */
static void
it_goes_around(void **state)
{
	char *big = xmalloc(RECORD_MAX);
	uint64_t pos = 0;
	struct ring r;

	make(*state, &r, 0);
	memset(big, 'x', RECORD_MAX);
	for (size_t i = 0; i < 3000; i++) {
		size_t len = i * 7919 % RECORD_MAX / (i % 7 == 0 ? 1 : 100);
		const struct ring_entry *e;

		big[0] = (char)i;
		assert_true(ring_put(&r, RING_REFUSED, (int64_t)i, big, len));
		ring_show(&r);
		assert_int_equal(ring_get(&r, &pos, &e), 1);
		assert_int_equal(e->len, len);
		assert_int_equal(e->arrival, i);
		assert_int_equal(e->kind, RING_REFUSED);
		assert_memory_equal(ring_payload(e), big, len);
		ring_commit(&r, &(struct ring_commit){ .tail = pos });
	}
	assert_true(pos > 20 * r.size);
	/* The largest one fits into an empty ring wherever its end is. */
	assert_true(ring_put(&r, RING_RECORD, 0, big, RECORD_MAX));
	free(big);
	ring_close(&r);
}

static void
a_full_one_takes_no_more(void **state)
{
	struct ring r;
	const struct ring_entry *e;
	uint64_t pos = 0;
	char text[1000] = "";
	int n = 0, out = 0;

	make(*state, &r, 0);
	while (ring_put(&r, RING_RECORD, n, text, sizeof(text)))
		n++;
	ring_show(&r);
	assert_in_range(n, 900, 1100);
	assert_true(ring_used(&r) <= r.size);
	/* Written is not enough to make room, committed is. */
	assert_int_equal(ring_get(&r, &pos, &e), 1);
	assert_false(ring_put(&r, RING_RECORD, 0, text, sizeof(text)));
	ring_commit(&r, &(struct ring_commit){ .tail = pos });
	assert_true(ring_put(&r, RING_RECORD, n, text, sizeof(text)));
	ring_show(&r);
	for (out = 1; ring_get(&r, &pos, &e) == 1; out++)
		assert_int_equal(e->arrival, out);
	assert_int_equal(out, n + 1);
	ring_close(&r);
}

/* Full again and again, with its end in another place each time. */
static void
nothing_is_overwritten(void **state)
{
	int64_t in = 0, out = 0;
	const struct ring_entry *e;
	char text[3000] = "";
	uint64_t pos = 0;
	struct ring r;

	make(*state, &r, 0);
	for (int i = 0; i < 5000; i++) {
		while (ring_put(&r, RING_RECORD, in, text,
		    (size_t)(in * 7919 % 3000)))
			in++;
		ring_show(&r);
		assert_int_equal(ring_get(&r, &pos, &e), 1);
		assert_int_equal(e->arrival, out++);
		ring_commit(&r, &(struct ring_commit){ .tail = pos });
	}
	assert_true(pos > 4 * r.size);
	ring_close(&r);
}

static void
a_successor_finds_all(void **state)
{
	const struct ring_commit c = { .synced = 123, .day = 20778,
		.name = "mta1-1.1.open" };
	struct ring r;
	uint64_t pos;

	make(*state, &r, 3);
	ring_commit(&r, &c);
	assert_true(add(&r, "{never shown}"));
	ring_close(&r);
	open_good(*state, &r, 1 << 20, 3);
	assert_string_equal(r.commit.name, c.name);
	assert_int_equal(r.commit.synced, 123);
	assert_int_equal(r.commit.day, 20778);
	assert_true(add(&r, "{next}"));
	ring_show(&r);
	pos = r.commit.tail;
	get(&r, &pos, "{entry 0}");
	get(&r, &pos, "{entry 1}");
	get(&r, &pos, "{entry 2}");
	get(&r, &pos, "{next}");
	ring_close(&r);
}

static void
another_size_takes_them_along(void **state)
{
	static const uint64_t sizes[] = { 4 << 20, 0, 2 << 20 };
	struct ring r;
	uint64_t pos;

	make(*state, &r, 3);
	pos = 0;
	get(&r, &pos, "{entry 0}");
	ring_commit(&r, &(struct ring_commit){ .tail = pos, .synced = 5,
	    .day = 1, .name = "a.open" });
	ring_close(&r);
	for (int i = 0; i < 3; i++) {
		open_good(*state, &r, sizes[i], 2);
		assert_int_equal(r.size, ring_round(sizes[i]));
		assert_string_equal(r.commit.name, "a.open");
		assert_int_equal(r.commit.synced, 5);
		pos = r.commit.tail;
		get(&r, &pos, "{entry 1}");
		get(&r, &pos, "{entry 2}");
		get_none(&r, pos);
		ring_close(&r);
	}
}

static void
a_smaller_one_waits_until_they_fit(void **state)
{
	const struct scratch *s = *state;
	struct ring_found found;
	char text[1000] = "";
	struct ring r;

	make(s, &r, 0);
	while (ring_put(&r, RING_RECORD, 0, text, sizeof(text)))
		;
	ring_show(&r);
	ring_close(&r);
	assert_int_equal(ring_open(&r, s->spool.fd, 0, 99, &found), 0);
	assert_true(found.other_size);
	assert_int_equal(r.size, 1 << 20);
	assert_true(found.entries > 900);
	ring_close(&r);
	assert_int_equal(faccessat(s->spool.fd, ".ring.new", F_OK, 0), -1);
}

#define MANY	200000

static void *
put_many(void *arg)
{
	char text[300] = "";

	for (int64_t i = 0; i < MANY; ) {
		if (ring_put(arg, RING_RECORD, i, text, (size_t)(i % 300)))
			i++;
		if (i % 32 == 0)
			ring_show(arg);
	}
	ring_show(arg);
	return NULL;
}

/* One thread puts in, another takes out, both as fast as they can. */
static void
two_at_a_time(void **state)
{
	const struct ring_entry *e;
	uint64_t pos = 0;
	struct ring r;
	pthread_t t;

	make(*state, &r, 0);
	assert_int_equal(pthread_create(&t, NULL, put_many, &r), 0);
	for (int64_t i = 0; i < MANY; ) {
		int rc = ring_get(&r, &pos, &e);

		assert_int_not_equal(rc, -1);
		if (rc == 0)
			sched_yield();
		else
			assert_int_equal(e->arrival, i++);
		if (i % 100 == 0)
			ring_commit(&r, &(struct ring_commit){ .tail = pos });
	}
	get_none(&r, pos);
	assert_int_equal(pthread_join(t, NULL), 0);
	ring_close(&r);
}

static void
no_room_for_it_is_said(void **state)
{
	const struct scratch *s = *state;
	struct ring r;

	assert_int_equal(ring_create(&r, s->spool.fd, UINT64_C(1) << 55), -1);
	assert_int_equal(faccessat(s->spool.fd, ".ring.new", F_OK, 0), -1);
	/* What a process left that died making one is no hindrance. */
	close(openat(s->spool.fd, ".ring.new", O_CREAT | O_WRONLY, 0600));
	make(s, &r, 1);
	ring_close(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(entries_come_out_as_they_went_in),
		CASE(it_goes_around),
		CASE(a_full_one_takes_no_more),
		CASE(nothing_is_overwritten),
		CASE(a_successor_finds_all),
		CASE(another_size_takes_them_along),
		CASE(a_smaller_one_waits_until_they_fit),
		CASE(two_at_a_time),
		CASE(no_room_for_it_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
