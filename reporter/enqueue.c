#include "reporter/enqueue.h"

#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/hold.h"
#include "reporter/retry.h"
#include "reporter/suppress.h"
#include "spool/day.h"

struct queue_delivery
enqueue_to(const struct rua *to)
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

/* Does the destination get nothing for a time?  Then d->refusal says so. */
static bool
is_suppressed(struct days *d, const struct daily_report *r,
    const struct rua *to)
{
	int rc;

	if (d->queue == NULL)
		return false;
	rc = suppress_check(d->queue, to->uri, d->now, d->refusal,
	    sizeof(d->refusal));
	days_must(d, rc);
	if (rc == 1 && !d->dry)
		log_suppressed(r, to, d->refusal);
	return rc == 1;
}

const char *
enqueue_refusal(struct days *d, const struct daily_report *r,
    const struct rua *to)
{
	const struct queue_delivery q = enqueue_to(to);
	const int day = r->report->day;
	int rc;

	if (is_suppressed(d, r, to))
		return d->refusal;
	if (to->ours || d->again)
		return NULL;
	rc = d->dry ? quota_pretend(&d->pretended, d->queue, d->conf, day, &q,
	    d->refusal, sizeof(d->refusal)) : quota_take(d->queue, d->conf,
	    day, &q, d->refusal, sizeof(d->refusal));
	days_must(d, rc);
	if (rc == 1)
		return NULL;
	d->left_out = true;
	return d->refusal;
}

int64_t
enqueue_first_try(const struct days *d, const struct daily_report *r,
    const struct rua *to)
{
	const struct retry_config c = { .spread = d->conf->deliver.spread };

	return retry_first(&c, d->now, r->report->id, to->uri);
}

static void
put(struct days *d, struct queue_delivery *to, const char *refusal)
{
	days_must(d, queue_add_delivery(d->queue, to));
	if (refusal != NULL)
		days_must(d, queue_failed(d->queue, to->row, d->now, refusal));
	d->destinations++;
}

static void
put_lookup(struct days *d)
{
	struct queue_delivery to = {
		.transport = QUEUE_LOOKUP, .uri = "dns", .host = "dns",
		.next_try = d->now,
	};

	put(d, &to, NULL);
}

static void
put_rua(struct days *d, const struct daily_report *r, const struct rua *to)
{
	struct queue_delivery q = enqueue_to(to);

	q.next_try = enqueue_first_try(d, r, to);
	put(d, &q, enqueue_refusal(d, r, to));
}

struct queue_report
enqueue_form(const struct daily_report *r, int64_t now)
{
	return (struct queue_report){
		.day = r->report->day, .part = r->report->part,
		.made = now,
		.domain = r->report->domain,
		.report_id = r->report->id,
		.filename = r->report->filename,
		.submitter = r->report->who->submitter,
		.sessions = r->report->successful + r->report->failed,
		.failures = r->report->failed,
		.body = r->gzip, .len = r->gziplen,
		.figures = r->figures,
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
put_report(void *arg, const struct daily_report *r)
{
	struct days *d = arg;
	struct queue_report q = enqueue_form(r, d->now);

	copy_report(d, r);
	d->reports++;
	if (!r->lookup && r->to->n == 0)
		return 0;		/* copies were all that is wanted */
	if (r->good)
		q.seal = hold_seal(&q);
	days_must(d, queue_add_report(d->queue, &q));
	if (r->lookup)
		put_lookup(d);
	for (size_t i = 0; i < r->to->n; i++)
		put_rua(d, r, &r->to->list[i]);
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
int
enqueue_day(struct days *d, int day, const struct segments *segments,
    const bool *used, struct aggregate *g)
{
	const uint64_t reports = d->reports, destinations = d->destinations;
	struct daily_domains *domains;
	struct daily_totals totals = { 0 };
	unsigned part;
	int rc;

	/* Outside of the transaction: it may take long. */
	if ((domains = daily_domains(d->daily, g, NULL)) == NULL)
		return -1;
	d->left_out = false;
	days_must(d, queue_begin(d->queue));
	days_must(d, queue_next_part(d->queue, day, &part));
	rc = daily_reports(d->daily, domains, day, part, put_report, d,
	    &totals);
	daily_domains_free(domains);
	if (rc != 0) {
		queue_rollback(d->queue);
		archive_end(&d->archive);
		d->reports = reports;
		d->destinations = destinations;
		return -1;
	}
	for (size_t i = 0; i < segments->n; i++)
		if (used[i])
			days_must(d, queue_add_segment(d->queue, day,
			    segments->list[i].id));
	if (archive_end(&d->archive) == -1)
		d->wrong = true;
	days_must(d, queue_add_part(d->queue, day, part, d->now));
	days_must(d, queue_commit(d->queue));
	log_day(day, part, &totals);
	if (d->left_out) {
		days_must(d, quota_log(d->queue, d->conf, day));
		d->wrong = true;
	}
	return 0;
}
