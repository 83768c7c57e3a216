#include "reporter/days.h"

#include <stdlib.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/ledger.h"
#include "reporter/quota.h"
#include "reporter/retry.h"
#include "reporter/sender.h"
#include "reporter/suppress.h"
#include "spool/day.h"

static void
must(const struct days *d, int rc)
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
	must(d, known);
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
 * Count the segments that are not reported yet, or, with `again`, those that
 * are.  An open one is read by a dry run only: else it is sealed first, or
 * its writer is still at it and it goes into a further report.  Returns how
 * many, or -1 when one could not be read to its end: what was counted of it
 * would be counted again.
 */
static ssize_t
count(struct days *d, const struct segments *segments, bool again,
    struct aggregate *g, bool *used)
{
	struct of_day o = { .g = g };
	const struct intake_sink sealed = {
		.record = aggregate_record, .arg = g,
	};
	const struct intake_sink open = { .record = count_of_day, .arg = &o };
	struct intake_totals totals = { 0 };
	ssize_t n = 0;

	for (size_t i = 0; i < segments->n; i++) {
		const struct segment *seg = &segments->list[i];

		used[i] = false;
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
		o.day = seg->day;
		if (spool_read(d->spool, seg, seg->sealed ? &sealed : &open,
		    &totals) == -1) {
			log_warn("segment %s cannot be read, so its day is "
			    "left for later: %m", seg->name);
			return -1;
		}
		used[i] = true;
		n++;
	}
	return n;
}

static struct queue_delivery
delivery_to(const struct rua *to)
{
	return (struct queue_delivery){
		.transport = to->scheme == RUA_MAILTO ? QUEUE_MAILTO :
		    QUEUE_HTTPS,
		.uri = to->uri, .host = to->host,
	};
}

static void
log_suppressed(const struct daily_report *r, const struct rua *to,
    const char *why)
{
	log_event(LOG_LEVEL_INFO, "delivery", (const struct log_field[]){
	    { "report", r->report->id }, { "domain", r->report->domain },
	    { "to", to->uri }, { "outcome", "refused" }, { "reason", why },
	    { NULL, NULL } });
}

const char *
days_refusal(struct days *d, const struct daily_report *r,
    const struct rua *to)
{
	const struct queue_delivery q = delivery_to(to);
	int rc;

	if (d->queue == NULL)
		return NULL;
	rc = suppress_check(d->queue, to->uri, d->now, d->refusal,
	    sizeof(d->refusal));
	must(d, rc);
	if (rc == 1) {
		if (!d->dry)
			log_suppressed(r, to, d->refusal);
		return d->refusal;
	}
	if (to->ours || d->again)
		return NULL;
	rc = quota_take(d->queue, d->conf, r->report->day, &q, d->refusal,
	    sizeof(d->refusal));
	must(d, rc);
	if (rc == 1)
		return NULL;
	d->left_out = true;
	return d->refusal;
}

int64_t
days_first_try(const struct days *d, const struct daily_report *r,
    const struct rua *to)
{
	const struct retry_config c = { .spread = d->conf->deliver.spread };

	return retry_first(&c, d->now, r->report->id, to->uri);
}

static void
enqueue(struct days *d, struct queue_delivery *to, const char *refusal)
{
	must(d, queue_add_delivery(d->queue, to));
	if (refusal != NULL)
		must(d, queue_failed(d->queue, to->row, d->now, refusal));
	d->destinations++;
}

static void
enqueue_lookup(struct days *d)
{
	char name[] = "dns";
	struct queue_delivery to = {
		.transport = QUEUE_LOOKUP, .uri = name, .host = name,
		.next_try = d->now,
	};

	enqueue(d, &to, NULL);
}

static void
enqueue_rua(struct days *d, const struct daily_report *r, const struct rua *to)
{
	struct queue_delivery q = delivery_to(to);

	q.next_try = days_first_try(d, r, to);
	enqueue(d, &q, days_refusal(d, r, to));
}

struct queue_report
days_queued(const struct daily_report *r, int64_t now)
{
	return (struct queue_report){
		.day = r->report->day, .part = r->report->part,
		.made = now,
		.domain = (char *)(uintptr_t)r->report->domain,
		.report_id = (char *)(uintptr_t)r->report->id,
		.filename = (char *)(uintptr_t)r->report->filename,
		.sessions = r->report->successful + r->report->failed,
		.failures = r->report->failed,
		.body = (void *)(uintptr_t)r->gzip, .len = r->gziplen,
	};
}

/* Copies are for people: without them the report goes out all the same. */
static void
copy_report(struct days *d, const struct daily_report *r)
{
	char *dir = d->conf->deliver.archive_dir, day[DAY_TEXT];

	if (archive_report(&d->archive, &dir, dir != NULL,
	    day_format(r->report->day, day), r->report->filename, r->gzip,
	    r->gziplen) == -1 ||
	    archive_report(&d->archive, r->to->folders, r->to->nfolders, NULL,
	    r->report->filename, r->gzip, r->gziplen) == -1)
		d->wrong = true;
}

/* Fits daily_reports: a finished report and its deliveries into the queue. */
static int
enqueue_report(void *arg, const struct daily_report *r)
{
	struct days *d = arg;
	struct queue_report q = days_queued(r, d->now);

	copy_report(d, r);
	d->reports++;
	if (!r->lookup && r->to->n == 0)
		return 0;		/* copies were all that is wanted */
	must(d, queue_add_report(d->queue, &q));
	if (r->lookup)
		enqueue_lookup(d);
	for (size_t i = 0; i < r->to->n; i++)
		enqueue_rua(d, r, &r->to->list[i]);
	return 0;
}

static void
log_day(int day, unsigned part, const struct daily_totals *t)
{
	char text[DAY_TEXT], p[16], reports[24], n[DAILY_VERDICTS][24];

	fmt(p, sizeof(p), "%u", part);
	fmt(reports, sizeof(reports), "%zu",
	    t->n[DAILY_REPORT] + t->n[DAILY_LATER]);
	for (size_t i = 0; i < DAILY_VERDICTS; i++)
		fmt(n[i], sizeof(n[i]), "%zu", t->n[i]);
	log_event(LOG_LEVEL_INFO, "day reported", (const struct log_field[]){
	    { "day", day_format(day, text) }, { "part", p },
	    { "reports", reports }, { "excluded", n[DAILY_EXCLUDED] },
	    { "all-well", n[DAILY_ALL_WELL] },
	    { "without-tlsrpt", n[DAILY_UNPUBLISHED] },
	    { "without-usable-rua", n[DAILY_UNUSABLE] },
	    { "own-reports-only", n[DAILY_OWN_ONLY] }, { NULL, NULL } });
}

/*
 * A day's reports, what was read for them, and the mark that it was done are
 * one transaction (contract 4).
 */
static int
queue_day(struct days *d, int day, const struct segments *segments,
    const bool *used, struct aggregate *g)
{
	struct daily_totals totals = { 0 };
	unsigned part;

	must(d, queue_begin(d->queue));
	must(d, queue_next_part(d->queue, day, &part));
	if (daily_reports(d->daily, g, day, part, NULL, enqueue_report, d,
	    &totals) != 0) {
		queue_rollback(d->queue);
		archive_end(&d->archive);
		return -1;
	}
	for (size_t i = 0; i < segments->n; i++)
		if (used[i])
			must(d, queue_add_segment(d->queue, day,
			    segments->list[i].id));
	if (archive_end(&d->archive) == -1)
		d->wrong = true;
	must(d, queue_add_part(d->queue, day, part, d->now));
	must(d, queue_commit(d->queue));
	log_day(day, part, &totals);
	if (d->left_out) {
		must(d, quota_log(d->queue, d->conf, day));
		d->wrong = true;
	}
	d->left_out = false;
	return 0;
}

static int
print_day(struct days *d, int day, struct aggregate *g, unsigned part)
{
	struct daily_totals totals = { 0 };

	return daily_reports(d->daily, g, day, part, d->domain, d->show,
	    d->show_arg, &totals);
}

static size_t
count_incoming(struct days *d, int day, struct aggregate *g)
{
	struct of_day o = { .day = day, .g = g };
	const struct intake_sink sink = { .record = count_of_day, .arg = &o };
	struct intake_totals totals = { 0 };

	if (spool_read_incoming(d->spool, &sink, &totals) == -1) {
		log_warn("the drop-box cannot be read: %m");
		d->wrong = true;
	}
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
		must(d, queue_next_part(d->queue, day, &part));
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
	int rc = n > 0 ? queue_day(d, day, segments, used, g) : (int)n;

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
	struct intake_totals totals = { 0 };
	int *list;
	size_t n;

	if (spool_days(d->spool, &list, &n) == -1)
		fatal("[spool] directory %s: %m", d->conf->spool.directory);
	for (size_t i = 0; i < n; i++)
		add_day(l, list[i]);
	free(list);
	if (d->dry)
		spool_read_incoming(d->spool, &sink, &totals);
	if (l->n > 0)
		qsort(l->list, l->n, sizeof(*l->list), by_day);
}

void
days_report(struct days *d)
{
	struct day_list l = { 0 };

	list_days(d, &l);
	for (size_t i = 0; i < l.n; i++)
		if (d->one ? l.list[i] == d->day :
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
	must(d, queue_purge(d->queue, before));
	must(d, ledger_purge(d->queue, day_of(before)));
	must(d, quota_purge(d->queue, day_of(before)));
	must(d, sender_purge(d->queue, before));
	must(d, suppress_purge(d->queue, d->now));
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
	forget_finished(d, d->now -
	    (int64_t)d->conf->queue.keep_days * DAY_SECONDS);
}
