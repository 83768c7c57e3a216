#include "spool/ring.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <xxhash.h>

#include "spool/record.h"

#define HEADER_SIZE	4096
#define UNIT		sizeof(struct ring_entry)	/* all begin on one */
#define TEMPORARY	"." RING_FILE ".new"

static const char magic[8] = "tlsrpt-r";

struct geometry {
	char magic[sizeof(magic)];
	uint32_t version, header_size, entry_size, reserved;
	uint64_t data_size;
	uint64_t sum;			/* of all before it */
};

struct slot {
	uint64_t sum;			/* of all behind it */
	uint64_t number;		/* 0: never written */
	struct ring_commit commit;
};

struct ring_header {
	struct geometry geometry;
	/* Lines of their own: one thread writes it, another reads it. */
	_Alignas(128) _Atomic uint64_t head;
	_Alignas(128) struct slot slot[2];
};

_Static_assert(UNIT == 32, "entries lie on 32 byte boundaries");
_Static_assert(sizeof(struct ring_header) <= HEADER_SIZE, "one page");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "shared with our successor");

static uint64_t
geometry_sum(const struct geometry *g)
{
	return XXH3_64bits(g, offsetof(struct geometry, sum));
}

static uint64_t
slot_sum(const struct slot *s)
{
	return XXH3_64bits((const char *)s + sizeof(s->sum),
	    sizeof(*s) - sizeof(s->sum));
}

static uint64_t
entry_sum(const struct ring_entry *e)
{
	return XXH3_64bits((const char *)e + sizeof(e->sum),
	    sizeof(*e) - sizeof(e->sum) + e->len);
}

/* What an entry takes, with its newline. */
static uint64_t
room_for(size_t len)
{
	return (sizeof(struct ring_entry) + len + 1 + UNIT - 1) / UNIT * UNIT;
}

uint64_t
ring_round(uint64_t size)
{
	/* The largest entry has to fit wherever the end of the data is. */
	if (size < 2 * room_for(RECORD_MAX))
		size = 2 * room_for(RECORD_MAX);
	return (size + HEADER_SIZE - 1) / HEADER_SIZE * HEADER_SIZE;
}

static int
map(struct ring *r, size_t data_size)
{
	void *p;

	p = mmap(NULL, HEADER_SIZE + data_size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_POPULATE, r->fd, 0);
	if (p == MAP_FAILED)
		return -1;
	r->header = p;
	r->data = (unsigned char *)p + HEADER_SIZE;
	r->size = data_size;
	return 0;
}

static void
fail(struct ring *r)
{
	int saved = errno;

	ring_close(r);
	errno = saved;
}

int
ring_create(struct ring *r, int dirfd, uint64_t size)
{
	struct geometry *g;
	int error;

	size = ring_round(size);
	memset(r, 0, sizeof(*r));
	/* One that is there was left by a process that died making it. */
	unlinkat(dirfd, TEMPORARY, 0);
	r->fd = openat(dirfd, TEMPORARY, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
	    0600);
	if (r->fd == -1)
		return -1;
	error = posix_fallocate(r->fd, 0, (off_t)(HEADER_SIZE + size));
	if (error != 0 || map(r, size) == -1) {
		errno = error != 0 ? error : errno;
		fail(r);
		unlinkat(dirfd, TEMPORARY, 0);
		return -1;
	}
	g = &r->header->geometry;
	*g = (struct geometry){ .version = RING_VERSION,
		.header_size = HEADER_SIZE, .entry_size = UNIT,
		.data_size = size };
	memcpy(g->magic, magic, sizeof(magic));
	g->sum = geometry_sum(g);
	ring_commit(r, &(struct ring_commit){ 0 });
	return 0;
}

void
ring_abort(struct ring *r, int dirfd)
{
	ring_close(r);
	unlinkat(dirfd, TEMPORARY, 0);
}

int
ring_publish(struct ring *r, int dirfd)
{
	int saved;

	if (renameat(dirfd, TEMPORARY, dirfd, RING_FILE) == 0)
		return 0;
	saved = errno;
	ring_abort(r, dirfd);
	errno = saved;
	return -1;
}

/* Returns what is wrong with the file, or NULL. */
static const char *
check_geometry(const struct geometry *g, uint64_t file_size)
{
	if (memcmp(g->magic, magic, sizeof(magic)) != 0)
		return "it is not a ring";
	if (g->version != RING_VERSION)
		return "it is a ring of another version";
	if (g->sum != geometry_sum(g))
		return "its header is damaged";
	if (g->header_size != HEADER_SIZE || g->entry_size != UNIT)
		return "its header has another layout";
	if (g->data_size % UNIT != 0 || g->data_size == 0 ||
	    g->data_size > file_size ||
	    g->data_size + HEADER_SIZE != file_size)
		return "its file does not have the size that its header says";
	return NULL;
}

static const struct slot *
last_commit(const struct ring_header *h)
{
	const struct slot *last = NULL;

	for (int i = 0; i < 2; i++) {
		const struct slot *s = &h->slot[i];

		if (s->number != 0 && s->sum == slot_sum(s) &&
		    memchr(s->commit.name, '\0', sizeof(s->commit.name)) !=
		    NULL && (last == NULL || s->number > last->number))
			last = s;
	}
	return last;
}

static const char *
check_positions(struct ring *r)
{
	const struct slot *s = last_commit(r->header);
	uint64_t head = atomic_load(&r->header->head);

	if (s == NULL)
		return "none of its commits is whole";
	if (s->commit.tail > head || head - s->commit.tail > r->size ||
	    s->commit.tail % UNIT != 0 || head % UNIT != 0)
		return "its head and its tail do not go together";
	r->commit = s->commit;
	r->commits = s->number;
	r->next = head;
	atomic_store(&r->tail, s->commit.tail);
	return NULL;
}

int
ring_attach(struct ring *r, int dirfd, const char **why)
{
	struct geometry g;
	struct stat st;

	memset(r, 0, sizeof(*r));
	*why = NULL;
	r->fd = openat(dirfd, RING_FILE, O_RDWR | O_NOFOLLOW | O_NONBLOCK |
	    O_CLOEXEC);
	if (r->fd == -1) {
		*why = errno == ELOOP ? "it is a symbolic link" : NULL;
		errno = errno == ELOOP ? EBADMSG : errno;
		return -1;
	}
	if (fstat(r->fd, &st) == -1) {
		fail(r);
		return -1;
	}
	if (!S_ISREG(st.st_mode))
		*why = "it is not a regular file";
	else if (pread(r->fd, &g, sizeof(g), 0) != sizeof(g))
		*why = "it is too short";
	else if ((*why = check_geometry(&g, (uint64_t)st.st_size)) == NULL) {
		/* If it has holes: they are filled now, not under our feet. */
		int error = posix_fallocate(r->fd, 0, st.st_size);

		if (error != 0 || map(r, g.data_size) == -1) {
			errno = error != 0 ? error : errno;
			fail(r);
			return -1;
		}
		*why = check_positions(r);
	}
	if (*why == NULL)
		return 0;
	ring_close(r);
	errno = EBADMSG;
	return -1;
}

void
ring_close(struct ring *r)
{
	if (r->header != NULL)
		munmap(r->header, HEADER_SIZE + r->size);
	if (r->fd > 0)
		close(r->fd);
	memset(r, 0, sizeof(*r));
	r->fd = -1;
}

int
ring_remove(int dirfd)
{
	return unlinkat(dirfd, RING_FILE, 0);
}

static struct ring_entry *
entry_at(const struct ring *r, uint64_t pos)
{
	return (struct ring_entry *)(void *)(r->data + pos % r->size);
}

static void
finish(struct ring *r, struct ring_entry *e, enum ring_kind kind,
    int64_t arrival, uint32_t len)
{
	e->position = r->next;
	e->arrival = arrival;
	e->len = len;
	e->kind = kind;
	e->sum = entry_sum(e);
}

bool
ring_put(struct ring *r, enum ring_kind kind, int64_t arrival,
    const void *payload, size_t len)
{
	uint64_t room = room_for(len), left = r->size - r->next % r->size;
	uint64_t skip = left < room ? left : 0, free;
	struct ring_entry *e;
	char *text;

	free = r->size - (r->next -
	    atomic_load_explicit(&r->tail, memory_order_acquire));
	if (skip + room > free)
		return false;
	if (skip > 0) {
		finish(r, entry_at(r, r->next), RING_SKIP, arrival, 0);
		r->next += skip;
	}
	e = entry_at(r, r->next);
	text = (char *)(e + 1);
	memcpy(text, payload, len);
	text[len] = '\n';
	finish(r, e, kind, arrival, (uint32_t)len);
	r->next += room;
	return true;
}

void
ring_show(struct ring *r)
{
	atomic_store_explicit(&r->header->head, r->next, memory_order_release);
}

/* The entry at pos as it should be, with head - pos bytes to look at. */
static bool
is_whole(const struct ring *r, const struct ring_entry *e, uint64_t pos,
    uint64_t head)
{
	uint64_t left = r->size - pos % r->size;
	uint64_t room = left < head - pos ? left : head - pos;

	if (e->position != pos || e->len > RECORD_MAX || room < UNIT)
		return false;
	if (e->kind == RING_SKIP)
		return e->len == 0 && left <= head - pos &&
		    e->sum == entry_sum(e);
	return (e->kind == RING_RECORD || e->kind == RING_REFUSED) &&
	    room_for(e->len) <= room && e->sum == entry_sum(e);
}

int
ring_get(const struct ring *r, uint64_t *pos, const struct ring_entry **e)
{
	uint64_t head = atomic_load_explicit(&r->header->head,
	    memory_order_acquire);

	for (;;) {
		if (*pos == head)
			return 0;
		*e = entry_at(r, *pos);
		if (!is_whole(r, *e, *pos, head))
			return -1;
		if ((*e)->kind != RING_SKIP)
			break;
		*pos += r->size - *pos % r->size;
	}
	*pos += room_for((*e)->len);
	return 1;
}

void
ring_commit(struct ring *r, const struct ring_commit *c)
{
	struct slot *s = &r->header->slot[++r->commits % 2];

	r->commit = *c;
	s->number = r->commits;
	s->commit = *c;
	s->sum = slot_sum(s);
	/* Not before the commit is whole: the other side overwrites then. */
	atomic_store_explicit(&r->tail, c->tail, memory_order_release);
}

uint64_t
ring_used(const struct ring *r)
{
	/* The tail first: it never gets ahead of a head read later. */
	uint64_t tail = atomic_load(&r->tail);

	return atomic_load(&r->header->head) - tail;
}
