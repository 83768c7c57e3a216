#ifndef SPOOL_RING_H
#define SPOOL_RING_H

#include <sys/types.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What was taken from the socket and is not yet known to be on disk: a ring
 * in a mapped file, which outlives the process.  One thread puts entries in,
 * another takes them out; neither waits for the other.
 *
 * Positions count bytes since the ring was made and never go back: tail <=
 * what is written <= head.  An entry is on its place as a whole before head
 * moves beyond it, and stays there until a commit moves the tail beyond it.  So
 * a process may be killed between any two stores, and its successor finds all
 * that was between tail and head.
 *
 * The file is a header page, then data:
 *
 *	magic, version, sizes and their checksum
 *	head
 *	two commits, each with number and checksum, written in turns: the valid
 *	    one with the higher number is the last one
 */
#define RING_FILE	"ring"
#define RING_VERSION	1

enum ring_kind {
	RING_RECORD = 1,
	RING_REFUSED,		/* by record_refuse, for rejected/ */
	RING_SKIP		/* up to the end of the data */
};

/* In the ring, followed by the payload; a record's has a newline after it. */
struct ring_entry {
	uint64_t sum;		/* of all that follows, with the payload */
	uint64_t position;
	int64_t arrival;	/* seconds since the epoch */
	uint32_t len;		/* of the payload, without newline */
	uint32_t kind;
};

/*
 * Up to where the ring's entries are on stable storage, and where the next
 * ones are being written: this segment has `synced` bytes that are.  Its name
 * is empty before the first.
 */
struct ring_commit {
	uint64_t tail;
	int64_t synced;
	int32_t day;
	char name[NAME_MAX + 1];
};

struct ring_header;
struct ring {
	int fd;
	struct ring_header *header;
	unsigned char *data;
	uint64_t size;			/* of data */
	_Atomic uint64_t tail;		/* as of the last commit */
	uint64_t next;			/* behind the last entry put in */
	uint64_t commits;
	struct ring_commit commit;	/* the last one */
};

/*
 * Make an empty ring, for at least so many bytes, under a temporary name.
 * All of its memory is there from the beginning: a full tmpfs says so here
 * and does not kill us later.  -1 with errno, and then there is no file.
 */
int	ring_create(struct ring *r, int dirfd, uint64_t size);
/* What `size` of a new one would become. */
uint64_t ring_round(uint64_t size);
/* Give it its name, in place of the one there, if any. */
int	ring_publish(struct ring *r, int dirfd);
/* Remove it again, instead. */
void	ring_abort(struct ring *r, int dirfd);

/*
 * Map the one that is there.  -1 with ENOENT when there is none, with EBADMSG
 * and the reason in *why when it is not to be trusted, else as the system
 * says.  Entries are checked by ring_get only.
 */
int	ring_attach(struct ring *r, int dirfd, const char **why);

/*
 * The ring to start with: the one that is there if it is sound and of this
 * size; else a new one that holds what could be read of it, if anything.  What
 * is not to be trusted is kept under the name told, for people, and not
 * looked at again.  A ring that does not fit into a smaller one, or cannot be
 * replaced for lack of memory, stays as it is.  -1 with errno when there is
 * none to be had.
 */
struct ring_found {
	uint64_t entries;		/* taken over */
	const char *bad;		/* why it was not trusted, or NULL */
	char kept[64];			/* and its name now */
	bool other_size;		/* the size wanted has to wait */
};
int	ring_open(struct ring *r, int dirfd, uint64_t size, int64_t now,
	    struct ring_found *found);

void	ring_close(struct ring *r);
int	ring_remove(int dirfd);

/*
 * The side that puts in.  ring_put copies an entry into the ring, false when
 * there is no room; ring_show makes all put in so far visible.
 */
bool	ring_put(struct ring *r, enum ring_kind kind, int64_t arrival,
	    const void *payload, size_t len);
void	ring_show(struct ring *r);

/*
 * The side that takes out.  The entry at *pos: returns 1 and moves *pos
 * behind it, 0 when there is none yet, -1 when what is there is damaged.  It
 * is valid until a commit moves the tail beyond it.
 */
int	ring_get(const struct ring *r, uint64_t *pos,
	    const struct ring_entry **e);
static inline const char *
ring_payload(const struct ring_entry *e)
{
	return (const char *)(e + 1);
}
/* All before c->tail may be overwritten from now on. */
void	ring_commit(struct ring *r, const struct ring_commit *c);

/* Bytes between tail and head; either side may ask. */
uint64_t ring_used(const struct ring *r);

#endif
