#include "spool/fold.h"

#include <sys/stat.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/mem.h"
#include "spool/fold_table.h"

#define WINDOW		(128 << 10)	/* with all it touches within L2 */
#define THREADS_MAX	16	/* what they find is merged by one */
#define THREAD_BYTES	(4 << 20)	/* less is not worth a thread */

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

void
fold_reader_free(struct reader *r)
{
	if (r == NULL)
		return;
	free(r->room);
	free(r);
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
			done = fold_items(f, item, n, limit);
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
		fold_reader_free(f->pipe);
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
			fold_items(f, item, n, 0);
			n = 0;
		}
	}
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
