#include "spool/batch.h"

#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <xxhash.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "spool/day.h"
#include "spool/file.h"
#include "spool/fold.h"
#include "spool/reject.h"
#include "spool/sealed.h"

#define DAYS_MAX	400	/* in one batch: each needs a descriptor */
#define REASONS_LOGGED	5
#define WRITE_BUFFER	(1 << 20)

size_t batch_held_max = (size_t)256 << 20;

struct batch_day {
	int day, fd;		/* its folder */
	unsigned parts;		/* segments begun */
	struct fold *fold;	/* distinct texts with their sessions */
};

/* A segment that waits for its name. */
struct pending {
	struct file_new file;
	char *buffer;		/* of file.f */
	char *name;
	int dirfd;
};

struct batch {
	struct spool *spool;
	const struct batch_source *source;
	struct intake_totals *totals;
	struct rejects rejects;
	uint64_t rejected;
	time_t now;
	size_t ndays, npending, current;
	size_t held;		/* bytes */
	struct batch_day *day;
	struct pending *pending;
	struct sealed own;	/* of the open segment */
	int error;		/* the first errno */
};

static struct batch *
batch_new(struct spool *s, const struct batch_source *source,
    struct intake_totals *totals)
{
	struct batch *b = xcalloc(1, sizeof(*b));

	b->spool = s;
	b->source = source;
	b->totals = totals;
	b->now = time(NULL);
	if (source->open != NULL)
		sealed_init(&b->own, s->days, source->open);
	rejects_init(&b->rejects, s, source->day);
	return b;
}

static void
release_pending(struct pending *p)
{
	file_new_abort(&p->file);
	free(p->buffer);
	free(p->name);
}

static void
batch_free(struct batch *b)
{
	char day[DAY_TEXT];

	for (size_t i = 0; i < b->npending; i++)
		release_pending(&b->pending[i]);
	for (size_t i = 0; i < b->ndays; i++) {
		close(b->day[i].fd);
		fold_free(b->day[i].fold);
		/* Fails, as it should, when there is anything in it. */
		unlinkat(b->spool->days, day_format(b->day[i].day, day),
		    AT_REMOVEDIR);
	}
	sealed_release(&b->own);
	rejects_release(&b->rejects);
	free(b->day);
	free(b->pending);
	free(b);
}

/* What is not taken: written to rejected/, and the first few are told. */
static void
reject(void *arg, const char *line, size_t len, uint64_t n, const char *why)
{
	struct batch *b = arg;

	if (b->rejected < REASONS_LOGGED)
		log_warn("%s: rejected: %s", b->source->origin, why);
	b->rejected += n;
	rejects_add(&b->rejects, b->now, b->source->origin, line, len, n, why);
}

/* The place of this day, if it has one. */
static struct batch_day *
find_day(struct batch *b, int day)
{
	size_t i;

	if (b->current < b->ndays && b->day[b->current].day == day)
		return &b->day[b->current];
	for (i = 0; i < b->ndays && b->day[i].day != day; i++)
		;
	if (i == b->ndays)
		return NULL;
	b->current = i;
	return &b->day[i];
}

static struct batch_day *
new_day(struct batch *b, int day)
{
	char name[DAY_TEXT];
	struct batch_day *d;
	int fd;

	fd = file_opendir(b->spool->days, day_format(day, name), 0750);
	if (fd == -1)
		return NULL;
	b->day = xreallocarray(b->day, b->ndays + 1, sizeof(*b->day));
	d = &b->day[b->ndays++];
	*d = (struct batch_day){ .day = day, .fd = fd };
	d->fold = fold_new();
	return d;
}

/*
 * The id of a day's next segment: never used twice, but for the same part of
 * the same keyed source, even when this host has another name by then.
 */
static char *
new_id(const struct batch *b, const struct batch_day *d)
{
	const char *key = b->source->key;
	XXH128_canonical_t hash;
	char *text, hex[2 * sizeof(hash.digest) + 1];

	if (key == NULL)
		return segment_base(b->spool->source);
	text = xasprintf("%s day %d part %u", key, d->day, d->parts);
	XXH128_canonicalFromHash(&hash, XXH3_128bits(text, strlen(text)));
	free(text);
	for (size_t i = 0; i < sizeof(hash.digest); i++)
		fmt(hex + 2 * i, 3, "%02x", hash.digest[i]);
	return xstrdup(hex);
}

/*
 * The name of that segment says who made it.  One of a keyed source that is
 * there already has that name, for it to be known again.
 */
static char *
new_name(const struct batch *b, const struct batch_day *d, const char *id)
{
	struct file_names there = { 0 };
	char *end, *name;

	if (b->source->key == NULL)
		return xasprintf("%s" SEGMENT_SEALED, id);
	end = xasprintf("-%s" SEGMENT_SEALED, id);
	if (file_names(&there, d->fd, end) == 0 && there.n > 0)
		name = xstrdup(there.name[0]);
	else
		name = xasprintf("%s%s", b->spool->source, end);
	file_names_free(&there);
	free(end);
	return name;
}

/* The header's counts are known before its lines are written. */
static void
count(const struct fold *f, struct segment *g)
{
	const struct fold_line *line;
	size_t n = fold_lines(f, &line);

	g->lines = g->sessions = 0;
	for (size_t i = 0; i < n; i++) {
		g->lines += (int64_t)segment_record(NULL, line[i].text,
		    line[i].len, line[i].n);
		g->sessions += (int64_t)line[i].n;
	}
}

static int
write_segment(struct pending *p, const struct batch_day *d,
    const struct segment *g)
{
	const struct fold_line *line;
	size_t n = fold_lines(d->fold, &line);

	if (file_new_open(&p->file, d->fd, p->name, 0640) == -1)
		return -1;
	p->buffer = xmalloc(WRITE_BUFFER);
	setvbuf(p->file.f, p->buffer, _IOFBF, WRITE_BUFFER);
	segment_header(p->file.f, g);
	for (size_t i = 0; i < n; i++)
		segment_record(p->file.f, line[i].text, line[i].len, line[i].n);
	return file_flush(p->file.f);
}

/* Write what is held of this day to a temporary, and forget it. */
static int
put_out(struct batch *b, struct batch_day *d)
{
	struct segment g = { .source = b->spool->source, .day = d->day,
		.created = b->now };
	struct pending *p;
	char *id = new_id(b, d);
	int rc;

	b->pending = xreallocarray(b->pending, b->npending + 1,
	    sizeof(*b->pending));
	p = &b->pending[b->npending++];
	*p = (struct pending){ .dirfd = d->fd };
	p->name = new_name(b, d, id);
	g.id = id;
	count(d->fold, &g);
	d->parts++;
	rc = write_segment(p, d, &g);
	free(id);
	b->held -= fold_bytes(d->fold);
	fold_reset(d->fold);
	return rc;
}

/* Make room by writing out the day that holds most. */
static int
put_out_largest(struct batch *b)
{
	struct batch_day *most = NULL;

	for (size_t i = 0; i < b->ndays; i++) {
		struct batch_day *d = &b->day[i];

		if (most == NULL ||
		    fold_bytes(d->fold) > fold_bytes(most->fold))
			most = d;
	}
	return most != NULL ? put_out(b, most) : 0;
}

/*
 * A text that grew when it was repaired may leave no room for its n; it must
 * not become more lines than came in.
 */
static bool
outgrown(const struct record *r, uint64_t sessions)
{
	return segment_record(NULL, r->text, r->len, sessions) >
	    sessions / r->n;
}

static bool
is_sealing(const struct batch *b)
{
	return b->source->open != NULL;
}

/* The day of the open segment: all of it goes into one. */
static bool
is_own(const struct batch *b, int day)
{
	return is_sealing(b) && b->source->open->day == day;
}

static const char *
refuse(struct batch *b, int day, const struct record *r, uint64_t sessions)
{
	if (b->ndays == DAYS_MAX && !is_own(b, day) &&
	    find_day(b, day) == NULL)
		return "ts of more than 400 different days in one source";
	if (outgrown(r, sessions))
		return "too long to be kept once its UTF-8 is repaired";
	return NULL;
}

static int
hold(struct batch *b, int day, const struct record *r, uint64_t sessions)
{
	struct batch_day *d;
	size_t before;

	if (is_own(b, day))
		return sealed_add(&b->own, r, sessions);
	if ((d = find_day(b, day)) == NULL && (d = new_day(b, day)) == NULL)
		return -1;
	before = fold_bytes(d->fold);
	fold_add(d->fold, r->text, r->len, sessions);
	b->held += fold_bytes(d->fold) - before;
	return b->held > batch_held_max ? put_out_largest(b) : 0;
}

static void
record(void *arg, int day, const struct record *r, uint64_t sessions)
{
	struct batch *b = arg;
	const char *why;

	if ((why = refuse(b, day, r, sessions)) != NULL) {
		b->totals->sessions -= sessions;
		b->totals->rejected += sessions / r->n;
		reject(b, r->text, r->len, sessions / r->n, why);
	} else if (b->error == 0 && hold(b, day, r, sessions) == -1)
		b->error = errno;
}

/* Write out all that is still held. */
static int
put_out_rest(struct batch *b)
{
	for (size_t i = 0; i < b->ndays; i++) {
		struct batch_day *d = &b->day[i];

		if (fold_bytes(d->fold) > 0 && put_out(b, d) == -1)
			return -1;
	}
	return is_sealing(b) ? sealed_finish(&b->own) : 0;
}

static int
publish_one(struct batch *b, struct file_new *file)
{
	if (file_new_commit(file, true) == 0)
		return 0;
	if (b->source->key == NULL || errno != EEXIST)
		return -1;
	b->totals->known++;
	return 0;
}

/*
 * Give all their names, or none.  But those of a keyed source stay: they are
 * right already when it comes again, and another process that is doing the
 * same may have found them there and count on them.
 */
static int
publish(struct batch *b)
{
	bool keyed = b->source->key != NULL;
	size_t i;
	int saved;

	for (i = 0; i < b->npending; i++)
		if (publish_one(b, &b->pending[i].file) == -1)
			break;
	if (i == b->npending)
		return is_sealing(b) ? publish_one(b, &b->own.file) : 0;
	saved = errno;
	while (!keyed && i-- > 0)
		unlinkat(b->pending[i].dirfd, b->pending[i].name, 0);
	errno = saved;
	return -1;
}

static int
batch_commit(struct batch *b)
{
	const struct batch_source *source = b->source;
	char day[DAY_TEXT];

	if (b->error != 0) {
		errno = b->error;
		return -1;
	}
	if (put_out_rest(b) == -1 || rejects_sync(&b->rejects) == -1 ||
	    publish(b) == -1)
		return -1;
	b->totals->days += b->ndays + is_sealing(b);
	b->totals->segments += b->npending + is_sealing(b);
	if (b->rejected > 0)
		log_warn("%s: %" PRIu64 " lines rejected, see rejected/%s"
		    ".jsonl", source->origin, b->rejected,
		    day_format(source->day, day));
	return 0;
}

static bool
has_changed(int fd, const struct stat *before)
{
	struct stat now;

	return fstat(fd, &now) == -1 || now.st_size != before->st_size ||
	    now.st_mtim.tv_sec != before->st_mtim.tv_sec ||
	    now.st_mtim.tv_nsec != before->st_mtim.tv_nsec;
}

int
batch_run(struct spool *s, int fd, off_t from,
    const struct batch_source *source, struct intake_totals *totals)
{
	struct batch *b = batch_new(s, source, totals);
	struct intake_sink sink = { .record = record, .reject = reject,
		.arg = b, .complete = source->open == NULL,
		.use = RECORD_KEEP,
		.round_max = source->open != NULL ? sealed_held_max / 2 : 0 };
	struct stat before;
	int rc = -1, saved;

	if (fstat(fd, &before) == -1 ||
	    intake_read(fd, from, source->day, &sink, totals) == -1)
		goto out;
	if (source->key != NULL && sink.complete && has_changed(fd, &before)) {
		errno = EBUSY;
		goto out;
	}
	rc = batch_commit(b);
out:
	saved = errno;
	batch_free(b);
	errno = saved;
	return rc;
}
