#include "reporter/marks.h"

#include <string.h>
#include <time.h>

#include "conf/clock.h"
#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/deliver.h"
#include "spool/day.h"

#define MARKS_MAX	256	/* outcomes in one transaction at the most */

void
marks_init(struct marks *m, const struct conf *c, struct queue *q,
    int64_t (*clock)(void), struct deliver_totals *totals)
{
	*m = (struct marks){ .queue = q, .database = c->queue.database,
	    .clock = clock, .totals = totals,
	    .retry = { c->deliver.spread, c->deliver.retry_min,
		c->deliver.retry_max, c->deliver.give_up_after } };
}

void
marks_must(const struct marks *m, int rc)
{
	if (rc == -1)
		fatal("queue %s: %s", m->database, queue_error(m->queue));
}

void
marks_begin(struct marks *m)
{
	if (m->n++ == 0) {
		marks_must(m, queue_begin(m->queue));
		m->first = clock_ms();
	}
}

void
marks_commit(struct marks *m)
{
	if (m->n > 0)
		marks_must(m, queue_commit(m->queue));
	m->n = 0;
}

void
marks_commit_old(struct marks *m)
{
	if (m->n > 0 && (m->n >= MARKS_MAX ||
	    clock_ms() - m->first >= MARKS_MS))
		marks_commit(m);
}

void
marks_load(const struct marks *m, struct job *j)
{
	marks_must(m, queue_get_report(m->queue, j->d.report, &j->r));
}

static void
log_delivery(const struct queue_report *report,
    const struct queue_delivery *d, const char *outcome,
    const struct result *r, unsigned tries, int64_t next)
{
	char code[16] = "", count[16], when[DAY_TIME_TEXT];

	fmt(count, sizeof(count), "%u", tries);
	if (r->code != 0)
		fmt(code, sizeof(code), "%d", r->code);
	log_event(strcmp(outcome, "delivered") == 0 ? LOG_LEVEL_INFO :
	    LOG_LEVEL_WARN, "delivery", (const struct log_field[]){
	    { "report", report->report_id },
	    { "domain", report->domain },
	    { "to", d->uri },
	    { "outcome", outcome },
	    { d->transport == QUEUE_HTTPS ? "http" : "smtp",
		r->code != 0 ? code : NULL },
	    { "tries", count },
	    { "next", next != 0 ? day_format_time(next, when) : NULL },
	    { r->outcome == DELIVERED ? "reply" : "reason",
		r->text[0] != '\0' ? r->text : NULL },
	    { NULL, NULL } });
}

static void
defer(struct marks *m, struct job *j, const struct result *r, int64_t now,
    unsigned tries)
{
	int64_t first = j->d.first_try != 0 ? j->d.first_try : now;
	int64_t next = retry_next(&m->retry, first, now, tries,
	    r->retry_after, j->r.report_id, j->d.uri);

	if (next == INT64_MAX) {
		marks_must(m, queue_expired(m->queue, j->d.row, now,
		    r->text));
		log_delivery(&j->r, &j->d, "expired", r, tries, 0);
		m->totals->expired++;
		return;
	}
	marks_must(m, queue_deferred(m->queue, j->d.row, now, next, r->text));
	log_delivery(&j->r, &j->d, "deferred", r, tries, next);
	m->totals->deferred++;
}

void
marks_finish(struct marks *m, struct job *j, const struct result *r)
{
	int64_t now = m->clock();
	unsigned tries = j->d.tries + 1;	/* one that was held back, too */

	marks_begin(m);
	switch (r->outcome) {
	case DELIVERED:
		marks_must(m, queue_sent(m->queue, j->d.row, now, r->text));
		log_delivery(&j->r, &j->d, "delivered", r, tries, 0);
		m->totals->sent++;
		break;
	case REFUSED:
		marks_must(m, queue_failed(m->queue, j->d.row, now, r->text));
		log_delivery(&j->r, &j->d, "refused", r, tries, 0);
		m->totals->failed++;
		break;
	case DEFERRED:
		defer(m, j, r, now, tries);
	}
	job_free(j);
	marks_commit_old(m);
}

void
marks_refuse(struct marks *m, const struct queue_report *report,
    const struct queue_delivery *d, const struct result *r)
{
	marks_begin(m);
	marks_must(m, queue_failed(m->queue, d->row, m->clock(), r->text));
	log_delivery(report, d, "refused", r, 1, 0);
	m->totals->failed++;
}
