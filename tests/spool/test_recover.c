#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/file.h>
#include <sys/syscall.h>

#include "spool/recover.h"
#include "tests/spool/scratch.h"

#define NAME	"mta1-1.open"
#define OPEN	HEADER("mta1-1", "")
#define FIRST	RECORD("a.example") "\n"
#define SECOND	RECORD("bb.example") "\n"

/* A folder where NAME is sealed just before it is locked; -1: none. */
static int sealed_in = -1;

int
flock(int fd, int operation)
{
	if (sealed_in != -1)
		unlinkat(sealed_in, NAME, 0);
	return (int)syscall(SYS_flock, fd, operation);
}

/* A ring whose last commit says that all of `synced` is in this segment. */
static void
make_ring(const struct scratch *s, struct ring *r, const char *name,
    const char *synced)
{
	struct ring_commit c = { .synced = (int64_t)strlen(synced),
		.day = DAY };

	assert_int_equal(ring_create(r, s->spool.fd, 0), 0);
	assert_int_equal(ring_publish(r, s->spool.fd), 0);
	snprintf(c.name, sizeof(c.name), "%s", name);
	ring_commit(r, &c);
	assert_true(ring_put(r, RING_RECORD, NOON, FIRST, strlen(FIRST) - 1));
	assert_true(ring_put(r, RING_REFUSED, NOON, "junk", 4));
	assert_true(ring_put(r, RING_RECORD, NOON, SECOND,
	    strlen(SECOND) - 1));
	ring_show(r);
}

/* How many bytes a file of DAY's folder has; -1 without it. */
static long
size_of(const struct scratch *s, const char *name)
{
	int dirfd = day_folder(&s->spool);
	struct stat st;
	long size = fstatat(dirfd, name, &st, 0) == 0 ? (long)st.st_size : -1;

	close(dirfd);
	return size;
}

/* What the file holds, and up to where it is taken for ours. */
static const struct {
	const char *name, *text, *kept;
	uint64_t records;
} opens[] = {
	{ "nothing more", OPEN, OPEN, 0 },
	{ "a part of a record", OPEN "{\"d\":", OPEN, 0 },
	{ "one", OPEN FIRST, OPEN FIRST, 1 },
	{ "one and a part", OPEN FIRST "{\"d\":\"bb", OPEN FIRST, 1 },
	{ "both", OPEN FIRST SECOND, OPEN FIRST SECOND, 2 },
	{ "more than was ever in the ring", OPEN FIRST SECOND "{}\n",
	    OPEN FIRST SECOND, 2 },
	{ "another record of this length", OPEN RECORD("z.example") "\n",
	    OPEN, 0 },
	{ "another one behind the first", OPEN FIRST RECORD("zz.example") "\n",
	    OPEN FIRST, 1 },
};

static void
an_open_one_is_cut_behind_what_is_ours(void **state)
{
	struct scratch *s = *state;

	for (size_t i = 0; i < sizeof(opens) / sizeof(opens[0]); i++) {
		struct recovered out;
		struct ring r;

		put_segment(&s->spool, NAME, opens[i].text);
		make_ring(s, &r, NAME, OPEN);
		assert_int_equal(recover(&s->spool, &r, &out), RECOVER_OPEN);
		if (out.records != opens[i].records ||
		    size_of(s, NAME) != (long)strlen(opens[i].kept))
			fail_msg("%s: %d records, %ld bytes", opens[i].name,
			    (int)out.records, size_of(s, NAME));
		assert_int_not_equal(out.fd, -1);
		close(out.fd);
		ring_close(&r);
	}
}

/* In the sealed form only its header tells how far the open one came. */
static void
a_sealed_one_had_whole_records(void **state)
{
	static const struct {
		size_t bytes;
		uint64_t records;
	} rows[] = {
		{ sizeof(OPEN) - 1, 0 },
		{ sizeof(OPEN FIRST) - 2, 0 },
		{ sizeof(OPEN FIRST) - 1, 1 },
		{ sizeof(OPEN FIRST), 1 },
		{ sizeof(OPEN FIRST SECOND) - 2, 1 },
		{ sizeof(OPEN FIRST SECOND) - 1, 2 },
	};
	struct scratch *s = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct recovered out;
		struct ring r;
		char text[1024];

		snprintf(text, sizeof(text), HEADER("mta1-1",
		    ",\"lines\":1,\"sessions\":1,\"open_bytes\":%zu") FIRST,
		    rows[i].bytes);
		put_segment(&s->spool, "mta1-1.seg", text);
		make_ring(s, &r, NAME, OPEN);
		assert_int_equal(recover(&s->spool, &r, &out), RECOVER_SEALED);
		assert_int_equal(out.records, rows[i].records);
		assert_int_equal(out.fd, -1);
		ring_close(&r);
	}
}

static void
a_damaged_sealed_one_is_none(void **state)
{
	struct scratch *s = *state;
	struct recovered out;
	struct ring r;

	put_segment(&s->spool, "mta1-1.seg",
	    HEADER("mta1-1", ",\"lines\":2,\"open_bytes\":9999") FIRST);
	make_ring(s, &r, NAME, OPEN);
	assert_int_equal(recover(&s->spool, &r, &out), RECOVER_NOTHING);
	assert_int_equal(out.records, 0);
	/* While the open one is there, that one counts. */
	put_segment(&s->spool, NAME, OPEN FIRST);
	assert_int_equal(recover(&s->spool, &r, &out), RECOVER_OPEN);
	assert_int_equal(out.records, 1);
	close(out.fd);
	ring_close(&r);
}

static void
one_that_is_being_sealed_is_waited_for(void **state)
{
	struct scratch *s = *state;
	int dirfd = day_folder(&s->spool), fd;
	struct recovered out;
	struct ring r;

	put_segment(&s->spool, NAME, OPEN FIRST "{\"torn");
	make_ring(s, &r, NAME, OPEN);
	fd = openat(dirfd, NAME, O_RDONLY);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(recover(&s->spool, &r, &out), RECOVER_BUSY);
	assert_int_equal(size_of(s, NAME), strlen(OPEN FIRST "{\"torn"));
	close(fd);
	assert_int_equal(recover(&s->spool, &r, &out), RECOVER_OPEN);
	/* And who has it now has the lock. */
	fd = openat(dirfd, NAME, O_RDONLY);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), -1);
	close(fd);
	close(out.fd);
	/* Without a name, what is in it counts nowhere. */
	sealed_in = dirfd;
	assert_int_equal(recover(&s->spool, &r, &out), RECOVER_BUSY);
	sealed_in = -1;
	close(dirfd);
	ring_close(&r);
}

/* A ring may say anything: no file but a segment of that day is cut. */
static void
no_other_file_is_touched(void **state)
{
	struct scratch *s = *state;
	int dirfd = day_folder(&s->spool);
	struct recovered out;
	struct ring r;

	put(s->spool.days, "elsewhere.open", OPEN "what is in it stays");
	make_ring(s, &r, "../elsewhere.open", OPEN);
	assert_int_equal(recover(&s->spool, &r, &out), RECOVER_NOTHING);
	ring_close(&r);
	assert_int_equal(symlinkat("../elsewhere.open", dirfd, NAME), 0);
	make_ring(s, &r, NAME, OPEN);
	assert_int_equal(recover(&s->spool, &r, &out), RECOVER_FAILED);
	assert_int_equal(errno, ELOOP);
	ring_close(&r);
	assert_int_equal(size_of(s, "../elsewhere.open"),
	    strlen(OPEN "what is in it stays"));
	make_ring(s, &r, "", OPEN);
	assert_int_equal(recover(&s->spool, &r, &out), RECOVER_NOTHING);
	ring_close(&r);
	close(dirfd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(an_open_one_is_cut_behind_what_is_ours),
		CASE(a_sealed_one_had_whole_records),
		CASE(a_damaged_sealed_one_is_none),
		CASE(one_that_is_being_sealed_is_waited_for),
		CASE(no_other_file_is_touched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
