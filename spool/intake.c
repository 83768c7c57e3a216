#include "spool/intake.h"

#include <sys/stat.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf/mem.h"
#include "spool/day.h"
#include "spool/fold.h"

#define CHUNK_LINES	512	/* parsed in one go by one thread, */
#define CHUNK_BYTES	(1 << 20)	/* or so many bytes of them */
#define CHUNKS_AHEAD	4	/* for each thread */
#define THREADS_MAX	64
#define THREADS_WORTH	(2 * CHUNK_LINES)	/* fewer lines: no threads */

size_t intake_round_max = (size_t)256 << 20;

/* A run of neighbouring lines, parsed. */
struct chunk {
	bool done;
	size_t first, n;		/* lines */
	struct arena arena;
	struct {
		struct record record;
		const char *why;	/* NULL: it is a record */
	} line[CHUNK_LINES];
};

/*
 * Threads take the chunks of a round in order, parse them in parallel, and
 * the caller's thread hands them on in order.  Chunk i lives in place
 * i % nchunks, so nobody runs further ahead than there are places.
 */
struct round {
	const struct fold_line *line;
	size_t nlines;
	enum record_use use;
	size_t next;			/* the first line nobody took */
	size_t taken, handed_on;	/* chunks */
	size_t nchunks;
	struct chunk *chunk;
	pthread_mutex_t lock;
	pthread_cond_t ready, room;
};

static struct chunk *
take(struct round *r)
{
	struct chunk *c = NULL;
	size_t bytes = 0;

	pthread_mutex_lock(&r->lock);
	while (r->next < r->nlines && r->taken - r->handed_on == r->nchunks)
		pthread_cond_wait(&r->room, &r->lock);
	if (r->next < r->nlines) {
		c = &r->chunk[r->taken++ % r->nchunks];
		c->first = r->next;
		while (r->next < r->nlines && bytes < CHUNK_BYTES &&
		    r->next - c->first < CHUNK_LINES)
			bytes += r->line[r->next++].len;
		c->n = r->next - c->first;
	}
	pthread_mutex_unlock(&r->lock);
	return c;
}

static void
parse(const struct round *r, struct chunk *c)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct fold_line *l = &r->line[c->first + i];

		c->line[i].why = NULL;
		if (record_parse(&c->line[i].record, l->text, l->len, r->use,
		    &c->arena, &c->line[i].why) == 0)
			c->line[i].why = NULL;
	}
}

static void *
parser(void *arg)
{
	struct round *r = arg;
	struct chunk *c;

	while ((c = take(r)) != NULL) {
		parse(r, c);
		pthread_mutex_lock(&r->lock);
		c->done = true;
		pthread_cond_signal(&r->ready);
		pthread_mutex_unlock(&r->lock);
	}
	return NULL;
}

static void
hand_on(const struct round *r, struct chunk *c, int day,
    const struct intake_sink *sink, struct intake_totals *totals)
{
	for (size_t i = 0; i < c->n; i++) {
		const struct fold_line *l = &r->line[c->first + i];
		const struct record *rec = &c->line[i].record;

		if (c->line[i].why != NULL) {
			totals->rejected += l->n;
			if (sink->reject != NULL)
				sink->reject(sink->arg, l->text, l->len, l->n,
				    c->line[i].why);
			continue;
		}
		totals->sessions += l->n * rec->n;
		if (sink->record != NULL)
			sink->record(sink->arg, rec->has_ts ? day_of(rec->ts) :
			    day, rec, l->n * rec->n);
	}
	arena_reset(&c->arena);
}

static void
release_chunk(struct round *r, struct chunk *c)
{
	pthread_mutex_lock(&r->lock);
	c->done = false;
	r->handed_on++;
	pthread_cond_broadcast(&r->room);
	pthread_mutex_unlock(&r->lock);
}

static void
hand_on_as_they_come(struct round *r, int day, const struct intake_sink *sink,
    struct intake_totals *totals)
{
	size_t lines = 0;

	while (lines < r->nlines) {
		struct chunk *c = &r->chunk[r->handed_on % r->nchunks];

		pthread_mutex_lock(&r->lock);
		while (!c->done)
			pthread_cond_wait(&r->ready, &r->lock);
		pthread_mutex_unlock(&r->lock);
		hand_on(r, c, day, sink, totals);
		lines += c->n;
		release_chunk(r, c);
	}
}

static int
processors(void)
{
	cpu_set_t set;
	int n;

	if (sched_getaffinity(0, sizeof(set), &set) == -1)
		return 1;
	n = CPU_COUNT(&set);
	return n < THREADS_MAX ? n : THREADS_MAX;
}

static int
start(struct round *r, pthread_t *thread, int want)
{
	sigset_t all, old;
	int n = 0;

	/* Signals are the business of the program's own thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (n < want && pthread_create(&thread[n], NULL, parser, r) == 0)
		n++;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return n;
}

/* Parse all distinct lines and hand them on. */
static void
drain(const struct fold *f, int day, const struct intake_sink *sink,
    struct intake_totals *totals)
{
	struct round r = { .use = sink->use, .lock = PTHREAD_MUTEX_INITIALIZER,
		.ready = PTHREAD_COND_INITIALIZER,
		.room = PTHREAD_COND_INITIALIZER };
	int want = 0, threads;
	pthread_t thread[THREADS_MAX];
	struct chunk *c;

	r.nlines = fold_lines(f, &r.line);
	totals->lines += fold_total(f);
	totals->distinct += r.nlines;
	if (r.nlines >= THREADS_WORTH && sink->round_max == 0)
		want = processors();
	r.nchunks = want ? (size_t)want * CHUNKS_AHEAD : 1;
	r.chunk = xcalloc(r.nchunks, sizeof(*r.chunk));
	threads = start(&r, thread, want);
	if (threads > 0)
		hand_on_as_they_come(&r, day, sink, totals);
	else
		while ((c = take(&r)) != NULL) {
			parse(&r, c);
			hand_on(&r, c, day, sink, totals);
			release_chunk(&r, c);
		}
	while (threads > 0)
		pthread_join(thread[--threads], NULL);
	for (size_t i = 0; i < r.nchunks; i++)
		arena_release(&r.chunk[i].arena);
	free(r.chunk);
}

/* The last line, without newline, of a file that ends at this offset. */
static int
add_file_tail(struct fold *f, int fd, off_t end, size_t len)
{
	size_t want = len <= RECORD_MAX ? len : RECORD_MAX + 1;
	char *tail = xmalloc(want);
	ssize_t n = pread(fd, tail, want, end - (off_t)len);

	if (n == (ssize_t)want)
		fold_add(f, tail, want, 1);
	else if (n != -1)	/* cut off under our hands */
		errno = EIO;
	free(tail);
	return n == (ssize_t)want ? 0 : -1;
}

/* The line that a complete source has without newline at its end. */
static int
add_tail(struct fold *f, int fd, const struct stat *st, off_t end, size_t torn)
{
	const char *tail;
	size_t len;

	if (S_ISREG(st->st_mode))
		return add_file_tail(f, fd, end, torn);
	tail = fold_tail(f, &len);
	fold_add(f, tail, len, 1);
	return 0;
}

/*
 * One round of reading into f; *from and *eof say where and whether to go on.
 */
static int
fill(struct fold *f, int fd, const struct stat *st, size_t round_max,
    off_t *from, int *eof, size_t *torn)
{
	size_t max = round_max != 0 ? round_max : intake_round_max;

	if (!S_ISREG(st->st_mode))
		return fold_stream(f, fd, max, eof, torn);
	if (fold_file(f, fd, *from, max, round_max != 0, from, torn) == -1)
		return -1;
	*eof = *from >= st->st_size;
	return 0;
}

int
intake_read(int fd, off_t from, int day, const struct intake_sink *sink,
    struct intake_totals *totals)
{
	struct fold *f;
	struct stat st;
	size_t torn;
	int eof = 0, rc;

	if (fstat(fd, &st) == -1)
		return -1;
	f = fold_new();
	do {
		fold_reset(f);
		if ((rc = fill(f, fd, &st, sink->round_max, &from, &eof,
		    &torn)) == -1)
			break;
		if (torn > 0 && sink->complete)
			rc = add_tail(f, fd, &st, from, torn);
		else
			totals->torn += torn;
		if (rc == 0)
			drain(f, day, sink, totals);
	} while (rc == 0 && !eof);
	fold_free(f);
	return rc;
}
