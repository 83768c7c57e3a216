#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conf/mem.h"
#include "spool/ring.h"

static int
new_ring(struct ring *r, int dirfd, uint64_t size)
{
	return ring_create(r, dirfd, size) == 0 ? ring_publish(r, dirfd) : -1;
}

/*
 * A second name for the ring, which its successor takes the first one of.
 * What was kept in the same second stays.
 */
static int
keep(int dirfd, int64_t now, struct ring_found *found)
{
	for (int i = 0; i < 1000; i++) {
		if (fmt(found->kept, sizeof(found->kept), RING_FILE ".bad-%"
		    PRId64 "%.*d", now, i == 0 ? 0 : 3, i) == -1)
			return -1;
		if (linkat(dirfd, RING_FILE, dirfd, found->kept, 0) == 0)
			return 0;
		if (errno != EEXIST)
			break;
	}
	return -1;
}

/* Move aside what is no ring of ours, whatever kind of file it is. */
static int
move_aside(int dirfd, int64_t now, struct ring_found *found)
{
	if (keep(dirfd, now, found) == 0)
		return ring_remove(dirfd);
	/* A folder, perhaps, or a file system without links. */
	fmt(found->kept, sizeof(found->kept), RING_FILE ".bad-%" PRId64, now);
	return renameat(dirfd, RING_FILE, dirfd, found->kept);
}

/* How many entries there are; the result is that of the last ring_get. */
static int
count(const struct ring *r, uint64_t *n)
{
	uint64_t pos = r->commit.tail;
	const struct ring_entry *e;
	int rc;

	for (*n = 0; (rc = ring_get(r, &pos, &e)) == 1; ++*n)
		;
	return rc;
}

/* Returns false when they do not fit. */
static bool
copy(const struct ring *from, struct ring *to, uint64_t n)
{
	struct ring_commit c = from->commit;
	uint64_t pos = from->commit.tail;
	const struct ring_entry *e;

	while (n-- > 0 && ring_get(from, &pos, &e) == 1)
		if (!ring_put(to, e->kind, e->arrival, ring_payload(e),
		    e->len))
			return false;
	c.tail = 0;
	ring_commit(to, &c);
	ring_show(to);
	return true;
}

/* A new ring with the first n entries of the old one takes its place. */
static int
replace(struct ring *r, int dirfd, uint64_t size, int64_t now,
    struct ring_found *found)
{
	struct ring new;

	if (ring_create(&new, dirfd, size) == -1)
		return -1;
	if (!copy(r, &new, found->entries) ||
	    (found->bad != NULL && keep(dirfd, now, found) == -1)) {
		ring_abort(&new, dirfd);
		return -1;
	}
	if (ring_publish(&new, dirfd) == -1)
		return -1;
	ring_close(r);
	*r = new;
	return 0;
}

int
ring_open(struct ring *r, int dirfd, uint64_t size, int64_t now,
    struct ring_found *found)
{
	int saved;

	memset(found, 0, sizeof(*found));
	if (ring_attach(r, dirfd, &found->bad) == -1) {
		if (errno == EBADMSG && move_aside(dirfd, now, found) == -1)
			return -1;
		return found->bad != NULL || errno == ENOENT ?
		    new_ring(r, dirfd, size) : -1;
	}
	if (count(r, &found->entries) == -1) {
		found->bad = "an entry in it is damaged";
		/* It may be the only one there is memory for. */
		if (size < r->size)
			size = r->size;
	} else if (r->size == ring_round(size))
		return 0;
	if (replace(r, dirfd, size, now, found) == 0)
		return 0;
	if (found->bad == NULL) {
		found->other_size = true;
		return 0;
	}
	saved = errno;
	ring_close(r);
	errno = saved;
	return -1;
}
