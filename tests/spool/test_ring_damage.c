/* A ring that a process before us, or anybody, has left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include <xxhash.h>

#include "spool/record.h"
#include "tests/spool/rings.h"

/*
 * What may have happened to the file; the offsets are of its layout.
 */
#define HEADER_PAGE	4096
#define HEAD	128
#define SLOTS	256
#define SLOT	296

static void
patch(int fd, off_t at, const char *bytes, size_t len)
{
	assert_int_equal(pwrite(fd, bytes, len, at), len);
}

static void cut(int fd) { assert_int_equal(ftruncate(fd, 100000), 0); }
static void cut_short(int fd) { assert_int_equal(ftruncate(fd, 20), 0); }
static void empty(int fd) { assert_int_equal(ftruncate(fd, 0), 0); }
static void grown(int fd) { assert_int_equal(ftruncate(fd, 8 << 20), 0); }
static void foreign(int fd) { patch(fd, 0, "GIF89a..", 8); }
static void version(int fd) { patch(fd, 8, "\2", 1); }
static void size(int fd) { patch(fd, 24, "\377\377\377\377\377\377", 6); }
static void bad_head(int fd) { patch(fd, HEAD, "\0\0\0\0\1", 5); }
static void odd_head(int fd) { patch(fd, HEAD, "\7", 1); }

/* What has a good checksum need not be good. */
static void
reseal(int fd, off_t sum, off_t from, off_t to)
{
	unsigned char bytes[SLOT];
	uint64_t hash;

	assert_int_equal(pread(fd, bytes, (size_t)(to - from), from),
	    to - from);
	hash = XXH3_64bits(bytes, (size_t)(to - from));
	patch(fd, sum, (const char *)&hash, sizeof(hash));
}

static void
header(int fd, off_t at, uint64_t value, size_t len)
{
	patch(fd, at, (const char *)&value, len);
	reseal(fd, 32, 0, 32);
}

static void header_size(int fd) { header(fd, 12, 64, 4); }
static void entry_size(int fd) { header(fd, 16, 64, 4); }

static void
odd_size(int fd)
{
	header(fd, 24, (1 << 20) - 8, 8);
	assert_int_equal(ftruncate(fd, HEADER_PAGE + (1 << 20) - 8), 0);
}

/* With the header's page it comes to 64 again. */
static void
overflow(int fd)
{
	header(fd, 24, UINT64_C(64) - HEADER_PAGE, 8);
	assert_int_equal(ftruncate(fd, 64), 0);
}

/* The same into both commits. */
static void
commits(int fd, off_t at, const char *bytes, size_t len)
{
	for (off_t slot = SLOTS; slot <= SLOTS + SLOT; slot += SLOT) {
		patch(fd, slot + 8, "\1", 1);
		patch(fd, slot + 16 + at, bytes, len);
		reseal(fd, slot, slot + 8, slot + SLOT);
	}
}

static void odd_tail(int fd) { commits(fd, 0, "\10", 1); }

static void
bad_tail(int fd)
{
	patch(fd, HEAD, "\0", 1);
	commits(fd, 0, "\340\377\377\377\377\377\377\377", 8);
}

static void
endless_name(int fd)
{
	char name[NAME_MAX + 1];

	memset(name, 'x', sizeof(name));
	commits(fd, 20, name, sizeof(name));
}

static void
zeroes(int fd)
{
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(ftruncate(fd, HEADER_PAGE + (1 << 20)), 0);
}

static void
both_slots(int fd)
{
	patch(fd, SLOTS + 24, "spoilt", 6);
	patch(fd, SLOTS + SLOT + 24, "spoilt", 6);
}

static const struct {
	const char *name;
	void (*spoil)(int fd);
	const char *why;
} spoilt[] = {
	{ "cut", cut, "its file does not have the size that its header says" },
	{ "cut within its header", cut_short, "it is too short" },
	{ "empty", empty, "it is too short" },
	{ "longer", grown, "its file does not have the size that its header "
	    "says" },
	{ "all zeroes", zeroes, "it is not a ring" },
	{ "another program's", foreign, "it is not a ring" },
	{ "of the next version", version, "it is a ring of another version" },
	{ "with a huge size", size, "its header is damaged" },
	{ "with another size of header", header_size, "its header has another "
	    "layout" },
	{ "with another size of entries", entry_size, "its header has another "
	    "layout" },
	{ "whose end is within an entry", odd_size, "its file does not have "
	    "the size that its header says" },
	{ "with a size that overflows", overflow, "its file does not have the "
	    "size that its header says" },
	{ "with names that do not end", endless_name, "none of its commits is "
	    "whole" },
	{ "with its tail within an entry", odd_tail, "its head and its tail "
	    "do not go together" },
	{ "with its tail beyond reason", bad_tail, "its head and its tail do "
	    "not go together" },
	{ "without a whole commit", both_slots, "none of its commits is "
	    "whole" },
	{ "with its head beyond reason", bad_head, "its head and its tail do "
	    "not go together" },
	{ "with its head within an entry", odd_head, "its head and its tail "
	    "do not go together" },
};

static void
what_is_no_ring_is_set_aside(void **state)
{
	const struct scratch *s = *state;
	struct ring_found found;
	struct stat st, kept;
	struct ring r;
	int fd;

	for (size_t i = 0; i < sizeof(spoilt) / sizeof(spoilt[0]); i++) {
		make(s, &r, 3);
		ring_close(&r);
		fd = openat(s->spool.fd, RING_FILE, O_RDWR);
		spoilt[i].spoil(fd);
		fstat(fd, &st);
		close(fd);
		assert_int_equal(ring_open(&r, s->spool.fd, 1 << 20, 99,
		    &found), 0);
		if (found.bad == NULL || strcmp(found.bad, spoilt[i].why) != 0)
			fail_msg("%s: %s", spoilt[i].name, found.bad);
		assert_int_equal(found.entries, 0);
		get_none(&r, r.commit.tail);
		/* It is there for people, whatever was kept before. */
		assert_int_equal(fstatat(s->spool.fd, found.kept, &kept, 0), 0);
		assert_int_equal(kept.st_ino, st.st_ino);
		assert_memory_equal(found.kept, "ring.bad-99", 11);
		ring_close(&r);
	}
}

static void
no_link_and_no_folder_is_followed(void **state)
{
	const struct scratch *s = *state;
	struct ring_found found;
	struct ring r;

	assert_int_equal(symlinkat("/etc/passwd", s->spool.fd, RING_FILE), 0);
	assert_int_equal(ring_open(&r, s->spool.fd, 0, 1, &found), 0);
	assert_string_equal(found.bad, "it is a symbolic link");
	ring_close(&r);
	assert_int_equal(ring_remove(s->spool.fd), 0);
	assert_int_equal(mkfifoat(s->spool.fd, RING_FILE, 0600), 0);
	assert_int_equal(ring_open(&r, s->spool.fd, 0, 2, &found), 0);
	assert_string_equal(found.bad, "it is not a regular file");
	ring_close(&r);
}

/* Its memory is there before it is used, and nobody else reads it. */
static void
all_of_it_is_there_and_ours(void **state)
{
	const struct scratch *s = *state;
	mode_t mask = umask(0);
	struct ring_found found;
	struct stat st;
	struct ring r;
	int fd;

	make(s, &r, 3);
	umask(mask);
	assert_int_equal(fstat(r.fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true(st.st_blocks * 512 >= st.st_size);
	ring_close(&r);
	fd = openat(s->spool.fd, RING_FILE, O_RDWR);
	/* Where a file can have holes. */
	assert_true(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	    HEADER_PAGE * 2, HEADER_PAGE * 8) == 0 || errno == EOPNOTSUPP);
	close(fd);
	assert_int_equal(ring_open(&r, s->spool.fd, 1 << 20, 99, &found), 0);
	assert_null(found.bad);
	assert_int_equal(found.entries, 3);
	assert_int_equal(fstat(r.fd, &st), 0);
	assert_true(st.st_blocks * 512 >= st.st_size);
	ring_close(&r);
}

/* Killed between any two stores of a commit, into either slot. */
static void
half_a_commit_is_none(void **state)
{
	const struct scratch *s = *state;
	struct ring r;
	int fd;

	for (int at = 0; at < 2 * SLOT; at += 8) {
		make(s, &r, 3);
		ring_commit(&r, &(struct ring_commit){ .name = "second" });
		ring_commit(&r, &(struct ring_commit){ .name = "third" });
		ring_close(&r);
		fd = openat(s->spool.fd, RING_FILE, O_RDWR);
		patch(fd, SLOTS + at, "\252\252\252\252", 4);
		close(fd);
		open_good(s, &r, 1 << 20, 3);
		/* The third is in the first one's place. */
		assert_true(strcmp(r.commit.name, "second") == 0 ||
		    strcmp(r.commit.name, "third") == 0);
		ring_close(&r);
	}
}

/* Those before it are good. */
static void
from_a_damaged_entry_on_nothing_is_read(void **state)
{
	static const off_t spots[] = { 0, 8, 16, 24, 28, 35 };
	const struct scratch *s = *state;
	struct ring_found found;
	struct ring r;
	uint64_t pos;
	int fd;

	for (size_t i = 0; i < sizeof(spots) / sizeof(spots[0]); i++) {
		make(s, &r, 4);
		ring_close(&r);
		fd = openat(s->spool.fd, RING_FILE, O_RDWR);
		/* An entry takes two units of 32 bytes. */
		patch(fd, HEADER_PAGE + 2 * 64 + spots[i], "\245", 1);
		close(fd);
		assert_int_equal(ring_open(&r, s->spool.fd, 1 << 20, 99,
		    &found), 0);
		assert_string_equal(found.bad, "an entry in it is damaged");
		assert_int_equal(found.entries, 2);
		pos = r.commit.tail;
		get(&r, &pos, "{entry 0}");
		get(&r, &pos, "{entry 1}");
		get_none(&r, pos);
		assert_int_equal(faccessat(s->spool.fd, found.kept, F_OK, 0),
		    0);
		ring_close(&r);
	}
}

/* With a good checksum, too: a reader would go astray or beyond a buffer. */
static void
entry(int fd, off_t at, uint32_t len, uint32_t kind)
{
	patch(fd, HEADER_PAGE + at + 24, (const char *)&len, sizeof(len));
	patch(fd, HEADER_PAGE + at + 28, (const char *)&kind, sizeof(kind));
	reseal(fd, HEADER_PAGE + at, HEADER_PAGE + at + 8,
	    HEADER_PAGE + at + 32 + (off_t)len);
}

static void no_kind(int fd) { entry(fd, 64, 9, RING_SKIP + 1); }
static void skip_too_far(int fd) { entry(fd, 64, 0, RING_SKIP); }

static void
long_skip(int fd)
{
	uint64_t head = 1 << 20;

	entry(fd, 64, 9, RING_SKIP);
	patch(fd, HEAD, (const char *)&head, sizeof(head));
}

static void
beyond_the_head(int fd)
{
	uint64_t head = 64 + 32;

	patch(fd, HEAD, (const char *)&head, sizeof(head));
}

static void
an_entry_that_cannot_be_ends_them(void **state)
{
	static void (*const spoil[])(int fd) = {
		no_kind, long_skip, skip_too_far, beyond_the_head
	};
	const struct scratch *s = *state;
	struct ring_found found;
	struct ring r;
	int fd;

	for (size_t i = 0; i < sizeof(spoil) / sizeof(spoil[0]); i++) {
		make(s, &r, 3);
		ring_close(&r);
		fd = openat(s->spool.fd, RING_FILE, O_RDWR);
		spoil[i](fd);
		close(fd);
		assert_int_equal(ring_open(&r, s->spool.fd, 0, 99, &found), 0);
		assert_string_equal(found.bad, "an entry in it is damaged");
		assert_int_equal(found.entries, 1);
		/* There may be no memory for two of them. */
		assert_int_equal(r.size, 1 << 20);
		ring_close(&r);
	}
}

static void
an_entry_longer_than_a_record_is_none(void **state)
{
	static char text[RECORD_MAX + 1];
	const struct scratch *s = *state;
	const struct ring_entry *e;
	uint64_t pos = 0;
	struct ring r;

	make(s, &r, 0);
	assert_true(ring_put(&r, RING_RECORD, 7, text, sizeof(text) - 1));
	assert_true(ring_put(&r, RING_RECORD, 7, text, sizeof(text)));
	ring_show(&r);
	assert_int_equal(ring_get(&r, &pos, &e), 1);
	assert_int_equal(ring_get(&r, &pos, &e), -1);
	ring_close(&r);
}

/* Whole as they are, they are not what the head says is there now. */
static void
entries_of_the_lap_before_are_none(void **state)
{
	const struct scratch *s = *state;
	struct ring_found found;
	struct ring r;
	uint64_t pos = 0, head;
	int fd;

	make(s, &r, 0);
	while (pos <= r.size) {
		assert_true(add(&r, "{entry}"));
		ring_show(&r);
		get(&r, &pos, "{entry}");
		ring_commit(&r, &(struct ring_commit){ .tail = pos });
	}
	ring_close(&r);
	fd = openat(s->spool.fd, RING_FILE, O_RDWR);
	head = pos + 3 * 64;
	patch(fd, HEAD, (const char *)&head, sizeof(head));
	close(fd);
	assert_int_equal(ring_open(&r, s->spool.fd, 1 << 20, 99, &found), 0);
	assert_string_equal(found.bad, "an entry in it is damaged");
	assert_int_equal(found.entries, 0);
	ring_close(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_is_no_ring_is_set_aside),
		CASE(no_link_and_no_folder_is_followed),
		CASE(all_of_it_is_there_and_ours),
		CASE(half_a_commit_is_none),
		CASE(from_a_damaged_entry_on_nothing_is_read),
		CASE(an_entry_that_cannot_be_ends_them),
		CASE(an_entry_longer_than_a_record_is_none),
		CASE(entries_of_the_lap_before_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
