#include "spool/fold.h"

#include <sys/random.h>
#include <sys/stat.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xxhash.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "spool/arena.h"
#include "spool/record.h"

#define LINE_KEPT	(RECORD_MAX + 1)	/* too long, to be refused */
#define WINDOW		(128 << 10)	/* with all it touches within L2 */
#define BATCH		32	/* lines whose memory is fetched ahead */
#define SLOTS_MIN	1024
#define GUESSES		65536
#define GUESS_BYTES	64	/* enough to reach the domain's name */
#define FETCH_BYTES	512	/* of a line, before comparing it */
#define SECRET_SIZE	192	/* as large as the library's own */
#define THREADS_MAX	16	/* what they find is merged by one */
#define THREAD_BYTES	(4 << 20)	/* less is not worth a thread */

/* A place in the hash table. */
struct slot {
	uint32_t hash;
	uint32_t line;		/* index + 1; 0: a free slot */
};

/* What a distinct line costs besides its text; tables grow when half full. */
#define LINE_COST	(sizeof(struct fold_line) + 4 * sizeof(struct slot))

/*
 * Where reading stands: the current line begins at `start`, before or in the
 * window; the bytes from p to end have not been looked at.
 *
 *	room             window
 *	|      start     |          p               end
 *	+-------v--------+----------v----------------v----+
 *	|       begun    | seen     | not yet        |    |
 */
struct reader {
	int fd;
	off_t at;		/* file offset of end; -1: not a file */
	off_t to;		/* read no further */
	char *room, *window, *start, *p, *end;
	size_t cut;		/* bytes of the current line not kept */
};

/*
 * A line is found by its hash.  But hashing all of it is a pass over all
 * bytes, when comparing is one anyway: so first a guess is made from length
 * and beginning, and only where comparing refutes it the line is hashed.
 */
struct fold {
	struct fold_line *line;
	size_t nlines, room;
	struct slot *slot;
	size_t mask;		/* number of slots - 1 */
	uint32_t guess[GUESSES];	/* index + 1 */
	size_t bytes;
	uint64_t total;
	struct arena text;
	struct reader *pipe;	/* of fold_stream, between two calls */
	char *tail;		/* the torn line it ended with, in text */
	size_t tail_len;
	/* Secret, so that nobody can send lines that collide. */
	unsigned char secret[SECRET_SIZE];
};

/* Something to add. */
struct item {
	const char *text;
	size_t len;
	uint64_t n;
	const char *next;	/* where the following line begins */
	uint32_t line;		/* index + 1, or 0 when not found yet */
	uint32_t guess, hash;
};

struct fold *
fold_new(void)
{
	struct fold *f = xcalloc(1, sizeof(*f));

	if (getrandom(f->secret, SECRET_SIZE, 0) != SECRET_SIZE)
		fatal("getrandom: %m");
	f->slot = xcalloc(SLOTS_MIN, sizeof(*f->slot));
	f->mask = SLOTS_MIN - 1;
	return f;
}

static void
reader_free(struct reader *r)
{
	if (r == NULL)
		return;
	free(r->room);
	free(r);
}

void
fold_free(struct fold *f)
{
	if (f == NULL)
		return;
	reader_free(f->pipe);
	arena_release(&f->text);
	free(f->line);
	free(f->slot);
	free(f);
}

void
fold_reset(struct fold *f)
{
	arena_reset(&f->text);
	memset(f->slot, 0, (f->mask + 1) * sizeof(*f->slot));
	memset(f->guess, 0, sizeof(f->guess));
	f->nlines = f->bytes = f->tail_len = 0;
	f->total = 0;
	f->tail = NULL;
}

size_t
fold_lines(const struct fold *f, const struct fold_line **lines)
{
	*lines = f->line;
	return f->nlines;
}

const char *
fold_tail(const struct fold *f, size_t *len)
{
	*len = f->tail_len;
	return f->tail;
}

size_t
fold_bytes(const struct fold *f)
{
	return f->bytes;
}

uint64_t
fold_total(const struct fold *f)
{
	return f->total;
}

/* Enter a line that is not there yet. */
static void
slot_fill(struct fold *f, uint32_t hash, uint32_t line)
{
	size_t i = hash & f->mask;

	while (f->slot[i].line != 0)
		i = (i + 1) & f->mask;
	f->slot[i] = (struct slot){ hash, line };
}

static void
slots_double(struct fold *f)
{
	struct slot *old = f->slot;
	size_t n = f->mask + 1;

	f->slot = xcalloc(2 * n, sizeof(*f->slot));
	f->mask = 2 * n - 1;
	for (size_t i = 0; i < n; i++)
		if (old[i].line != 0)
			slot_fill(f, old[i].hash, old[i].line);
	free(old);
}

static uint32_t
line_new(struct fold *f, const struct item *item)
{
	char *text = arena_alloc(&f->text, item->len);

	if (f->nlines == UINT32_MAX)
		fatal("more than %u different lines", UINT32_MAX);
	if (f->nlines == f->room) {
		f->room = f->room ? 2 * f->room : SLOTS_MIN / 2;
		f->line = xreallocarray(f->line, f->room, sizeof(*f->line));
	}
	if (2 * f->nlines > f->mask)
		slots_double(f);
	memcpy(text, item->text, item->len);
	f->line[f->nlines++] = (struct fold_line){ text, (uint32_t)item->len,
	    0, 0 };
	f->bytes += item->len + LINE_COST;
	slot_fill(f, item->hash, (uint32_t)f->nlines);
	return (uint32_t)f->nlines;
}

static bool
line_is(const struct fold_line *l, const struct item *item)
{
	return l->len == item->len &&
	    memcmp(l->text, item->text, item->len) == 0;
}

/* The line with the item's hash and text, or 0. */
static uint32_t
line_find(const struct fold *f, const struct item *item)
{
	const struct slot *s;

	for (size_t i = item->hash & f->mask; (s = &f->slot[i])->line != 0;
	    i = (i + 1) & f->mask)
		if (s->hash == item->hash &&
		    line_is(&f->line[s->line - 1], item))
			return s->line;
	return 0;
}

/*
 * Find lines by guessing.  What that reads is fetched ahead, one level of
 * indirection after the other for all of them, so that the waits overlap.
 */
static void
guess(const struct fold *f, struct item *item, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const size_t begin = item[i].len < GUESS_BYTES ? item[i].len :
		    GUESS_BYTES;

		item[i].guess = (uint32_t)XXH3_64bits_withSeed(item[i].text,
		    begin, item[i].len) % GUESSES;
		__builtin_prefetch(&f->guess[item[i].guess]);
	}
	for (size_t i = 0; i < n; i++)
		if ((item[i].line = f->guess[item[i].guess]) != 0)
			__builtin_prefetch(&f->line[item[i].line - 1]);
	for (size_t i = 0; i < n; i++)
		if (item[i].line != 0)
			for (size_t at = 0; at < item[i].len &&
			    at < FETCH_BYTES; at += 64)
				__builtin_prefetch(
				    f->line[item[i].line - 1].text + at);
	for (size_t i = 0; i < n; i++)
		if (item[i].line != 0 &&
		    !line_is(&f->line[item[i].line - 1], &item[i]))
			item[i].line = 0;
}

/* Hash those that guessing did not find. */
static void
hash(const struct fold *f, struct item *item, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (item[i].line == 0) {
			item[i].hash = (uint32_t)XXH3_64bits_withSecret(
			    item[i].text, item[i].len, f->secret, SECRET_SIZE);
			__builtin_prefetch(&f->slot[item[i].hash & f->mask]);
		}
}

/*
 * Add up to BATCH items.  Stops after the first with which f is larger than
 * limit; returns how many were added.
 */
static size_t
add(struct fold *f, struct item *item, size_t n, size_t limit)
{
	guess(f, item, n);
	hash(f, item, n);
	for (size_t i = 0; i < n; i++) {
		uint32_t line = item[i].line;

		if (line == 0 && (line = line_find(f, &item[i])) == 0)
			line = line_new(f, &item[i]);
		f->guess[item[i].guess] = line;
		f->line[line - 1].n += item[i].n;
		f->total += item[i].n;
		if (limit != 0 && f->bytes > limit)
			return i + 1;
	}
	return n;
}

void
fold_add(struct fold *f, const char *line, size_t len, uint64_t n)
{
	struct item item = { .text = line, .len = len, .n = n };

	if (item.len > LINE_KEPT)
		item.len = LINE_KEPT;
	add(f, &item, 1, 0);
}

/* Add what another fold holds. */
static void
merge(struct fold *f, const struct fold *from)
{
	struct item item[BATCH];
	size_t n = 0;

	for (size_t i = 0; i < from->nlines; i++) {
		const struct fold_line *l = &from->line[i];

		item[n] = (struct item){ .text = l->text, .len = l->len,
		    .n = l->n };
		n++;
		if (n == BATCH || i + 1 == from->nlines) {
			add(f, item, n, 0);
			n = 0;
		}
	}
}

static void
reader_init(struct reader *r, int fd, off_t from, off_t to)
{
	r->fd = fd;
	r->at = from;
	r->to = to;
	r->room = xmalloc(LINE_KEPT + WINDOW);
	r->window = r->room + LINE_KEPT;
	r->start = r->p = r->end = r->window;
	r->cut = 0;
}

/* Bytes of a line that has begun. */
static size_t
reader_begun(const struct reader *r)
{
	return (size_t)(r->end - r->start) + r->cut;
}

/*
 * Read on; the line that has begun, as far as it is kept, moves to before the
 * window.  Returns 1, 0 at the end, or -1 with errno.
 */
static int
reader_fill(struct reader *r)
{
	size_t begun = (size_t)(r->end - r->start), want = WINDOW;
	size_t keep = begun < LINE_KEPT ? begun : LINE_KEPT;
	ssize_t n;

	memmove(r->window - keep, r->start, keep);
	r->start = r->window - keep;
	r->cut += begun - keep;
	r->p = r->end = r->window;
	if (r->at != -1 && r->to - r->at < WINDOW)
		want = (size_t)(r->to - r->at);
	do {
		n = r->at == -1 ? read(r->fd, r->window, want) :
		    pread(r->fd, r->window, want, r->at);
	} while (n == -1 && errno == EINTR);
	if (n <= 0)
		return (int)n;
	r->end += n;
	if (r->at != -1)
		r->at += n;
	return 1;
}

/* Cut up to BATCH lines from the window. */
static size_t
reader_cut(struct reader *r, struct item *item)
{
	size_t n = 0;
	char *nl;

	while (n < BATCH &&
	    (nl = memchr(r->p, '\n', (size_t)(r->end - r->p))) != NULL) {
		size_t len = (size_t)(nl - r->start);

		if (len > LINE_KEPT)
			len = LINE_KEPT;
		if (len > 0) {
			item[n] = (struct item){ .text = r->start, .len = len,
			    .n = 1, .next = nl + 1 };
			n++;
		}
		r->start = r->p = nl + 1;
		r->cut = 0;
	}
	return n;
}

/*
 * Add lines until the reader's end or the limit.  Returns 1 at the limit, 0
 * at the end, or -1 with errno.
 */
static int
fold_read(struct fold *f, struct reader *r, size_t limit)
{
	struct item item[BATCH];
	size_t n, done;
	int rc;

	do {
		while ((n = reader_cut(r, item)) > 0) {
			done = add(f, item, n, limit);
			if (limit != 0 && f->bytes > limit) {
				r->start = r->p = (char *)item[done - 1].next;
				return 1;
			}
		}
	} while ((rc = reader_fill(r)) > 0);
	return rc;
}

int
fold_stream(struct fold *f, int fd, size_t limit, int *eof, size_t *torn)
{
	int rc;

	*eof = 0;
	*torn = 0;
	if (f->pipe == NULL) {
		f->pipe = xmalloc(sizeof(*f->pipe));
		reader_init(f->pipe, fd, -1, -1);
	}
	if ((rc = fold_read(f, f->pipe, limit)) == 0) {
		*eof = 1;
		*torn = reader_begun(f->pipe);
		f->tail_len = (size_t)(f->pipe->end - f->pipe->start);
		f->tail = arena_alloc(&f->text, f->tail_len);
		memcpy(f->tail, f->pipe->start, f->tail_len);
		reader_free(f->pipe);
		f->pipe = NULL;
	}
	return rc == -1 ? -1 : 0;
}

/*
 * A part of a file that begins and ends with a line (but for the file's last
 * one), and how far it was folded, also when that was not to the end.
 */
struct chunk {
	struct fold *fold;
	pthread_t thread;
	off_t from, to;
	off_t next;
	size_t limit;
	size_t torn;
	int fd;
	bool started;
};

static int
chunk_fold(struct chunk *c)
{
	struct reader r;
	int rc;

	reader_init(&r, c->fd, c->from, c->to);
	rc = fold_read(c->fold, &r, c->limit);
	c->torn = rc == 0 ? reader_begun(&r) : 0;
	c->next = r.at - (off_t)reader_begun(&r);
	if (rc == 0)
		c->next = c->to;	/* even if the file has shrunk */
	free(r.room);
	return rc;
}

static void *
chunk_thread(void *arg)
{
	chunk_fold(arg);
	return NULL;
}

/* The offset behind the first newline at or after `from`; at most `to`. */
static off_t
next_line(int fd, off_t from, off_t to)
{
	char buf[4096], *nl;
	ssize_t n;

	while (from < to) {
		n = pread(fd, buf, sizeof(buf), from);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 ? to : -1;
		if ((nl = memchr(buf, '\n', (size_t)n)) != NULL) {
			from += nl + 1 - buf;
			break;
		}
		from += n;
	}
	return from < to ? from : to;
}

/* Cut [from, to) at line ends into n parts of about equal size. */
static int
chunks_init(struct chunk *c, int n, int fd, off_t from, off_t to)
{
	const off_t size = (to - from) / n;

	for (int i = 0; i < n; i++) {
		const off_t begin = i == 0 ? from : c[i - 1].to;
		off_t end = from + size * (i + 1);

		if (i + 1 == n)
			end = to;
		else if (end <= begin)
			end = begin;
		else if ((end = next_line(fd, end - 1, to)) == -1)
			return -1;
		c[i] = (struct chunk){ .fd = fd, .from = begin, .to = end,
		    .next = begin };
	}
	return 0;
}

/*
 * A thread with a fold of its own for each chunk but the first.  One that
 * cannot be started is left to the merging thread.
 */
static void
chunks_start(struct chunk *c, int n, size_t limit)
{
	sigset_t all, old;

	/* Signals are the business of the program's own thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (int i = 1; i < n; i++) {
		c[i].fold = fold_new();
		c[i].limit = limit / (size_t)n;	/* bounded together, too */
		c[i].started = pthread_create(&c[i].thread, NULL, chunk_thread,
		    &c[i]) == 0;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

/*
 * Bring into f what a thread found, and fold what it left over: because of
 * its own limit, or of an error, which then comes up again here.  Where the
 * limit may be reached the chunk is folded again, straight into f, to stop at
 * the very line at which one thread alone would have stopped.  Returns as
 * fold_read does.
 */
static int
chunk_merge(struct chunk *c, struct fold *f, size_t limit)
{
	if (c->fold != NULL &&
	    (limit == 0 || f->bytes + c->fold->bytes <= limit)) {
		merge(f, c->fold);
		c->from = c->next;
	}
	fold_free(c->fold);
	c->fold = f;
	c->limit = limit;
	return c->from == c->to ? 0 : chunk_fold(c);
}

static int
thread_count(int wanted, off_t size)
{
	off_t n = wanted;
	cpu_set_t cpus;

	if (wanted == 0) {
		n = sched_getaffinity(0, sizeof(cpus), &cpus) == 0 ?
		    CPU_COUNT(&cpus) : 1;
		if (n > 1 + size / THREAD_BYTES)
			n = 1 + size / THREAD_BYTES;
	}
	return n < THREADS_MAX ? (int)n : THREADS_MAX;
}

int
fold_file(struct fold *f, int fd, off_t from, size_t limit, int threads,
    off_t *next, size_t *torn)
{
	struct chunk c[THREADS_MAX];
	struct stat st;
	int n, rc = 0;

	*next = from;
	*torn = 0;
	if (fstat(fd, &st) == -1)
		return -1;
	if (from >= st.st_size)
		return 0;
	n = thread_count(threads, st.st_size - from);
	if (chunks_init(c, n, fd, from, st.st_size) == -1)
		return -1;
	chunks_start(c, n, limit);
	for (int i = 0; i < n; i++) {
		if (c[i].started)
			pthread_join(c[i].thread, NULL);
		if (rc == 0) {
			rc = chunk_merge(&c[i], f, limit);
			*next = c[i].next;
			*torn += c[i].torn;
		} else
			fold_free(c[i].fold);
	}
	return rc == -1 ? -1 : 0;
}
