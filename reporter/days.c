#include "reporter/days.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/enqueue.h"
#include "reporter/ledger.h"
#include "reporter/quota.h"
#include "reporter/sender.h"
#include "reporter/stop.h"
#include "reporter/suppress.h"
#include "spool/day.h"
#include "spool/reject.h"

void
days_must(const struct days *d, int rc)
{
	if (rc == -1)
		fatal("[queue] database %s: %s", d->conf->queue.database,
		    queue_error(d->queue));
}

/* Have this segment's records been reported before? */
static bool
is_known(const struct days *d, const struct segment *g)
{
	int known;

	if (d->queue == NULL)
		return false;
	known = queue_knows_segment(d->queue, g->day, g->id);
	days_must(d, known);
	return known == 1;
}

/*
 * Counts the records of one day only: an open segment and the drop-box, as a
 * dry run reads them, may hold others, which sealing would put elsewhere.
 */
struct of_day {
	int day;
	struct aggregate *g;
	size_t n;
};

static void
count_of_day(void *arg, int day, const struct record *r, uint64_t sessions)
{
	struct of_day *o = arg;

	if (day != o->day)
		return;
	aggregate_record(o->g, day, r, sessions);
	o->n++;
}

/*
 * Counts what is in a segment.  Others than we may have sealed it, so there
 * may be lines in it that cannot be read.
 */
struct of_segment {
	struct days *d;
	const struct segment *segment;
	char *origin;
	struct of_day o;
	struct rejects rejects;
};

static void
count_of_segment(void *arg, int day, const struct record *r, uint64_t sessions)
{
	struct of_segment *s = arg;

	if (s->segment->sealed)		/* its folder says of which day */
		aggregate_record(s->o.g, day, r, sessions);
	else
		count_of_day(&s->o, day, r, sessions);
}

static void
reject(void *arg, const char *line, size_t len, uint64_t n, const char *why)
{
	struct of_segment *s = arg;

	if (!s->d->dry)
		rejects_add(&s->rejects, s->d->now, s->origin, line, len, n,
		    why);
}

static void
tell_rejected(struct of_segment *s, const struct intake_totals *t)
{
	if (t->rejected > 0)
		log_warn("%s: %" PRIu64 " lines cannot be read and do not "
		    "count; tlsrpt-spool verify says why", s->origin,
		    t->rejected);
	if (rejects_sync(&s->rejects) == -1) {
		log_warn("%s: what was rejected is not kept: %m", s->origin);
		s->d->wrong = true;
	}
}

/* 0, or -1 with errno. */
static int
count_segment(struct days *d, const struct segment *segment,
    struct aggregate *g)
{
	char day[DAY_TEXT];
	struct of_segment s = { .d = d, .segment = segment,
		.o = { .day = segment->day, .g = g } };
	const struct intake_sink sink = { .record = count_of_segment,
		.reject = reject, .arg = &s };
	struct intake_totals totals = { 0 };
	int rc, saved;

	s.origin = xasprintf("days/%s/%s", day_format(segment->day, day),
	    segment->name);
	rejects_init(&s.rejects, d->spool, segment->day);
	rc = spool_read(d->spool, segment, &sink, &totals);
	saved = errno;
	if (rc == 0)
		tell_rejected(&s, &totals);
	rejects_release(&s.rejects);
	free(s.origin);
	errno = saved;
	return rc;
}

/*
 * Count the segments that are not reported yet, or, with `again`, those that
 * are.  An open one is read by a dry run only: else it is sealed first, or
 * its writer is still at it and it goes into a further report.  Returns how
 * many, or -1 when we are to stop, or when one could not be read to its end:
 * what was counted of it would be counted again.
 */
static ssize_t
count(struct days *d, const struct segments *segments, bool again,
    struct aggregate *g, bool *used)
{
	ssize_t n = 0;

	for (size_t i = 0; i < segments->n; i++) {
		const struct segment *seg = &segments->list[i];

		used[i] = false;
		if (stop_requested())
			return -1;
		if (again && !seg->sealed)
			continue;
		if (seg->bad != NULL) {
			log_warn("segment %s is left for later: %s", seg->name,
			    seg->bad);
			d->wrong = true;
			continue;
		}
		if (!seg->sealed && !d->dry) {
			log_warn("segment %s is still being written; its "
			    "records go into a further report", seg->name);
			continue;
		}
		if (is_known(d, seg) != again)
			continue;
		if (count_segment(d, seg, g) == -1) {
			log_warn("segment %s cannot be read, so its day is "
			    "left for later: %m", seg->name);
			return -1;
		}
		used[i] = true;
		n++;
	}
	return n;
}

static int
print_day(struct days *d, int day, struct aggregate *g, unsigned part)
{
	struct daily_domains *domains;
	struct daily_totals totals = { 0 };
	int rc;

	if ((domains = daily_domains(d->daily, g, d->domain)) == NULL)
		return -1;
	rc = daily_reports(d->daily, domains, day, part, d->show, d->show_arg,
	    &totals);
	daily_domains_free(domains);
	return rc;
}

/* A dry run leaves in the drop-box what is there, and reads it twice. */
static void
read_incoming(struct days *d, const struct intake_sink *sink)
{
	struct intake_totals totals = { 0 };

	if (spool_read_incoming(d->spool, sink, &totals) == -1) {
		log_warn("the drop-box cannot be read: %m");
		d->wrong = true;
	}
}

static size_t
count_incoming(struct days *d, int day, struct aggregate *g)
{
	struct of_day o = { .day = day, .g = g };
	const struct intake_sink sink = { .record = count_of_day, .arg = &o };

	read_incoming(d, &sink);
	return o.n;
}

/*
 * A dry run of a day named by the operator shows that day even when there is
 * nothing new in it: what its first reports said.
 */
static int
dry_day(struct days *d, int day, const struct segments *segments, bool *used)
{
	struct aggregate *g = aggregate_new((size_t)d->conf->report.details_max);
	char text[DAY_TEXT];
	unsigned part = 1;
	ssize_t n;
	int rc = -1;

	if ((n = count(d, segments, false, g, used)) == -1)
		goto out;
	n += (ssize_t)count_incoming(d, day, g);
	if (n > 0 && d->queue != NULL)
		days_must(d, queue_next_part(d->queue, day, &part));
	if (n == 0 && d->one) {
		if ((n = count(d, segments, true, g, used)) == -1)
			goto out;
		if ((d->again = n > 0))
			log_info("day %s is reported already; this is what "
			    "was counted", day_format(day, text));
	}
	rc = n == 0 ? 0 : print_day(d, day, g, part);
out:
	aggregate_free(g);
	return rc;
}

static int
real_day(struct days *d, int day, const struct segments *segments, bool *used)
{
	struct aggregate *g = aggregate_new((size_t)d->conf->report.details_max);
	ssize_t n = count(d, segments, false, g, used);
	int rc = n > 0 ? enqueue_day(d, day, segments, used, g) : (int)n;

	aggregate_free(g);
	return rc;
}

static void
report_day(struct days *d, int day)
{
	struct intake_totals sealed = { 0 };
	struct segments segments;
	char text[DAY_TEXT];
	bool *used;

	if (!d->dry && spool_seal_day(d->spool, day, &sealed) == -1)
		d->wrong = true;
	if (spool_segments(d->spool, day, &segments) == -1) {
		log_warn("day %s cannot be read: %m", day_format(day, text));
		d->wrong = true;
		return;
	}
	used = xcalloc(segments.n, sizeof(*used));
	if ((d->dry ? dry_day : real_day)(d, day, &segments,
	    used) != 0)
		d->wrong = true;
	free(used);
	segments_release(&segments);
}

/* Days found so far. */
struct day_list {
	int *list;
	size_t n, room;
};

static void
add_day(struct day_list *l, int day)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->list[i] == day)
			return;
	if (l->n == l->room) {
		l->room = l->room ? 2 * l->room : 16;
		l->list = xreallocarray(l->list, l->room, sizeof(*l->list));
	}
	l->list[l->n++] = day;
}

static void
note_day(void *arg, int day, const struct record *r, uint64_t sessions)
{
	(void)r, (void)sessions;
	add_day(arg, day);
}

static int
by_day(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

/* The days there is anything of, those of the drop-box included. */
static void
list_days(struct days *d, struct day_list *l)
{
	const struct intake_sink sink = { .record = note_day, .arg = l };
	int *list;
	size_t n;

	if (spool_days(d->spool, &list, &n) == -1)
		fatal("[spool] directory %s: %m", d->conf->spool.directory);
	for (size_t i = 0; i < n; i++)
		add_day(l, list[i]);
	free(list);
	if (d->dry)
		read_incoming(d, &sink);
	if (l->n > 0)
		qsort(l->list, l->n, sizeof(*l->list), by_day);
}

void
days_report(struct days *d)
{
	struct day_list l = { 0 };

	list_days(d, &l);
	for (size_t i = 0; i < l.n; i++)
		if (stop_requested())
			d->wrong = true;	/* the rest is for later */
		else if (d->one ? l.list[i] == d->day :
		    day_is_over(l.list[i], d->now, d->conf->spool.grace))
			report_day(d, l.list[i]);
	free(l.list);
}

static bool
all_reported(struct days *d, const struct segments *segments)
{
	for (size_t i = 0; i < segments->n; i++)
		if (segments->list[i].bad != NULL ||
		    !segments->list[i].sealed ||
		    !is_known(d, &segments->list[i]))
			return false;
	return true;
}

/*
 * Remove a day all of which is reported.  Only what was looked at goes: a
 * segment may arrive in between.  Once more for those that were hidden behind
 * another with the same id.
 */
static void
forget_day(struct days *d, int day)
{
	struct segments segments;
	bool again = true;

	while (again && spool_segments(d->spool, day, &segments) == 0) {
		again = all_reported(d, &segments);
		if (again && spool_remove(d->spool, day, &segments) == -1) {
			log_warn("a reported day cannot be removed: %m");
			again = false;
		}
		again = again && segments.n > 0;
		segments_release(&segments);
	}
}

static void
forget_finished(struct days *d, int64_t before)
{
	days_must(d, queue_purge(d->queue, before));
	days_must(d, ledger_purge(d->queue, day_of(before)));
	days_must(d, quota_purge(d->queue, day_of(before)));
	days_must(d, sender_purge(d->queue, before));
	days_must(d, suppress_purge(d->queue, d->now));
}

void
days_forget(struct days *d)
{
	int *list, last = day_of(d->now) - 1 - (int)d->conf->spool.keep_days;
	size_t n;

	if (spool_days(d->spool, &list, &n) == -1)
		return;
	for (size_t i = 0; i < n && list[i] < last; i++)
		forget_day(d, list[i]);
	free(list);
	if (spool_forget_rejected(d->spool, last) == -1)
		log_warn("what was rejected long ago cannot be removed: %m");
	forget_finished(d, d->now -
	    (int64_t)d->conf->queue.keep_days * DAY_SECONDS);
}
