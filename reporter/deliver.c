#include "reporter/deliver.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/archive.h"
#include "reporter/https.h"
#include "reporter/mailer.h"
#include "reporter/quota.h"
#include "reporter/retry.h"
#include "reporter/schedule.h"

#define DUE_MAX		20000	/* jobs held in memory at a time */
#define FAILURES_MAX	3	/* in a row put a host aside */
#define MARKS_MAX	256	/* outcomes in one transaction at the most */
#define MARKS_MS	200	/* and none waits longer than this */

/* One delivery, from its being due to its outcome in the queue. */
struct job {
	struct schedule_job scheduled;	/* first: a schedule hands this back */
	struct mailer_job mail;
	struct queue_delivery d;
	struct queue_report r;		/* filled in when it is started */
	struct job *next;		/* in mails or lookups */
	size_t slot;			/* in held */
	struct deliver *run;
};

struct job_list {
	struct job *first, **last;
	size_t n;
};

struct deliver {
	const struct conf *conf;
	const struct deliver_options *o;
	struct queue *queue;
	struct daily *daily;
	const struct dkim *dkim;
	struct https *https;
	struct mailer *mailer;		/* NULL until a mail is due */
	struct retry_config retry;
	struct deliver_totals *totals;
	uint64_t taken;			/* jobs so far, for the progress line */

	struct schedule *web;		/* https, by destination host */
	struct job_list mails;		/* all go to the smarthost */
	struct job_list lookups;
	size_t mails_started;

	struct job **held;		/* every job there is */
	size_t nheld, room;
	int64_t *rows;			/* theirs, sorted, during a refill */
	size_t nrows;
	int64_t started;		/* this run */
	int64_t refilled;		/* the last refill */
	bool more;			/* it did not take all that was due */

	size_t nmarks;			/* in the open transaction */
	struct timespec first_mark;
};

static volatile sig_atomic_t stopped;

void
deliver_stop(void)
{
	stopped = 1;
}

/* A queue that fails cannot be worked around: stop before harm is done. */
static void
must(struct deliver *v, int rc)
{
	if (rc == -1)
		fatal("queue %s: %s", v->conf->queue.database,
		    queue_error(v->queue));
}

static void
list_init(struct job_list *l)
{
	l->first = NULL;
	l->last = &l->first;
	l->n = 0;
}

static void
list_append(struct job_list *l, struct job *j)
{
	j->next = NULL;
	*l->last = j;
	l->last = &j->next;
	l->n++;
}

static struct job *
list_shift(struct job_list *l)
{
	struct job *j = l->first;

	if (j != NULL) {
		if ((l->first = j->next) == NULL)
			l->last = &l->first;
		l->n--;
	}
	return j;
}

static void
hold(struct deliver *v, struct job *j)
{
	if (v->nheld == v->room) {
		v->room = v->room ? 2 * v->room : 256;
		v->held = xreallocarray(v->held, v->room, sizeof(*v->held));
	}
	j->slot = v->nheld;
	v->held[v->nheld++] = j;
}

static void
job_free(struct deliver *v, struct job *j)
{
	struct job *last = v->held[--v->nheld];

	last->slot = j->slot;
	v->held[j->slot] = last;
	queue_delivery_release(&j->d);
	queue_report_release(&j->r);
	free(j);
}

/*
 * Outcomes are written down in groups: one transaction, so one disk write,
 * for what ends within MARKS_MS.
 */
static void
mark_begin(struct deliver *v)
{
	if (v->nmarks++ == 0) {
		must(v, queue_begin(v->queue));
		clock_gettime(CLOCK_MONOTONIC, &v->first_mark);
	}
}

static void
marks_commit(struct deliver *v)
{
	if (v->nmarks > 0)
		must(v, queue_commit(v->queue));
	v->nmarks = 0;
}

static void
marks_commit_old(struct deliver *v)
{
	struct timespec now;
	long ms;

	if (v->nmarks == 0)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	ms = (now.tv_sec - v->first_mark.tv_sec) * 1000 +
	    (now.tv_nsec - v->first_mark.tv_nsec) / 1000000;
	if (v->nmarks >= MARKS_MAX || ms >= MARKS_MS)
		marks_commit(v);
}

static const char *
utc_time(int64_t t, char *buf, size_t size)
{
	struct tm tm;
	time_t tt = (time_t)t;

	gmtime_r(&tt, &tm);
	strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return buf;
}

static void
log_delivery(const struct queue_report *report,
    const struct queue_delivery *d, const char *outcome,
    const struct result *r, unsigned tries, int64_t next)
{
	char code[16] = "", count[16], when[32] = "";

	fmt(count, sizeof(count), "%u", tries);
	if (r->code != 0)
		fmt(code, sizeof(code), "%d", r->code);
	if (next != 0)
		utc_time(next, when, sizeof(when));
	log_event(strcmp(outcome, "delivered") == 0 ? LOG_LEVEL_INFO :
	    LOG_LEVEL_WARN, "delivery", (const struct log_field[]){
	    { "report", report->report_id },
	    { "domain", report->domain },
	    { "to", d->uri },
	    { "outcome", outcome },
	    { d->transport == QUEUE_HTTPS ? "http" : "smtp",
		r->code != 0 ? code : NULL },
	    { "tries", count },
	    { "next", next != 0 ? when : NULL },
	    { r->outcome == DELIVERED ? "reply" : "reason",
		r->text[0] != '\0' ? r->text : NULL },
	    { NULL, NULL } });
}

/* The one place where an outcome becomes a state of the queue. */
static void
finish(struct deliver *v, struct job *j, const struct result *r)
{
	int64_t now = v->o->clock(), next;
	int64_t first = j->d.first_try != 0 ? j->d.first_try : now;
	unsigned tries = j->d.tries + 1;	/* one that was held back, too */

	mark_begin(v);
	switch (r->outcome) {
	case DELIVERED:
		must(v, queue_sent(v->queue, j->d.row, now, r->text));
		log_delivery(&j->r, &j->d, "delivered", r, tries, 0);
		v->totals->sent++;
		break;
	case REFUSED:
		must(v, queue_failed(v->queue, j->d.row, now, r->text));
		log_delivery(&j->r, &j->d, "refused", r, tries, 0);
		v->totals->failed++;
		break;
	case DEFERRED:
		next = retry_next(&v->retry, first, now, tries,
		    r->retry_after, j->r.report_id, j->d.uri);
		if (next == INT64_MAX) {
			must(v, queue_expired(v->queue, j->d.row, now,
			    r->text));
			log_delivery(&j->r, &j->d, "expired", r, tries, 0);
			v->totals->expired++;
			break;
		}
		must(v, queue_deferred(v->queue, j->d.row, now, next,
		    r->text));
		log_delivery(&j->r, &j->d, "deferred", r, tries, next);
		v->totals->deferred++;
	}
	job_free(v, j);
	marks_commit_old(v);
}

static void
load(struct deliver *v, struct job *j)
{
	must(v, queue_get_report(v->queue, j->d.report, &j->r));
}

static void
web_done(void *arg, const struct result *r)
{
	struct job *j = arg;
	struct deliver *v = j->run;

	schedule_done(v->web, &j->scheduled, r->code != 0, v->o->clock());
	finish(v, j, r);
}

static void
start_web(struct deliver *v)
{
	struct schedule_job *s;
	struct result r;

	while (https_active(v->https) < (size_t)v->conf->https.parallel &&
	    (s = schedule_next(v->web, v->o->clock())) != NULL) {
		struct job *j = (struct job *)s;

		load(v, j);
		https_post(v->https, j->d.uri, j->r.body, j->r.len, web_done,
		    j);
	}
	while ((s = schedule_hopeless(v->web, v->o->clock())) != NULL) {
		struct job *j = (struct job *)s;

		load(v, j);
		result_set(&r, DEFERRED, 0,
		    "not tried: this host did not answer others");
		finish(v, j, &r);
	}
}

static void
refuse_mails(struct deliver *v, const char *why)
{
	struct result r;
	struct job *j;

	while ((j = list_shift(&v->mails)) != NULL) {
		load(v, j);
		result_set(&r, REFUSED, 0, "%s", why);
		finish(v, j, &r);
	}
}

static void
wake(void *arg)
{
	struct deliver *v = arg;

	https_wake(v->https);
}

/* false: mail cannot be sent in this run, and what was due is deferred. */
static bool
mailer_ready(struct deliver *v)
{
	struct result r;
	struct job *j;
	char *why;

	if (v->mailer != NULL)
		return true;
	v->mailer = mailer_new(v->conf, v->dkim, wake, v, &why);
	if (v->mailer != NULL)
		return true;
	while ((j = list_shift(&v->mails)) != NULL) {
		load(v, j);
		result_set(&r, DEFERRED, 0, "%s", why);
		finish(v, j, &r);
	}
	free(why);
	return false;
}

static void
start_session(struct deliver *v)
{
	struct mailer_job *list = NULL, **end = &list;
	struct job *j;

	for (long n = v->conf->mail.messages_per_session; n > 0 &&
	    (j = list_shift(&v->mails)) != NULL; n--) {
		load(v, j);
		j->mail = (struct mailer_job){ .report = &j->r,
		    .address = j->d.uri + strlen("mailto:"), .arg = j };
		*end = &j->mail;
		end = &j->mail.next;
		v->mails_started++;
	}
	mailer_send(v->mailer, list);
}

static void
start_mails(struct deliver *v)
{
	const char *why = mailer_refusal(v->conf, v->dkim);

	if (v->mails.n == 0)
		return;
	if (why != NULL) {
		refuse_mails(v, why);
		return;
	}
	if (!mailer_ready(v))
		return;
	while (v->mails.n > 0 && mailer_room(v->mailer) > 0)
		start_session(v);
}

static void
collect_mails(struct deliver *v)
{
	struct mailer_job *m, *next;

	for (m = v->mailer != NULL ? mailer_done(v->mailer) : NULL; m != NULL;
	    m = next) {
		next = m->next;
		v->mails_started--;
		finish(v, m->arg, &m->result);
	}
}

/* A destination that DNS gave may be one too many for its day. */
static void
check_quota(struct deliver *v, const struct job *j,
    const struct queue_delivery *d)
{
	struct result r = { .outcome = REFUSED };
	int room = quota_take(v->queue, v->conf, j->r.day, d, r.text,
	    sizeof(r.text));

	must(v, room);
	if (room == 1)
		return;
	must(v, queue_failed(v->queue, d->row, v->o->clock(), r.text));
	log_delivery(&j->r, d, "refused", &r, 1, 0);
	v->totals->failed++;
}

/* DNS has told where the report on a domain is wanted: queue it for there. */
static void
resolved(struct deliver *v, struct job *j, const struct rua_list *list)
{
	struct queue_delivery *d = xcalloc(list->n, sizeof(*d));
	int64_t now = v->o->clock();
	struct archive copies = { 0 };

	/* Due in this pass, however long DNS took: see refill. */
	for (size_t i = 0; i < list->n; i++)
		d[i] = (struct queue_delivery){
			.transport = list->list[i].scheme == RUA_MAILTO ?
			    QUEUE_MAILTO : QUEUE_HTTPS,
			.uri = list->list[i].uri, .host = list->list[i].host,
			.next_try = v->started,
		};
	archive_report(&copies, list->folders, list->nfolders, NULL,
	    j->r.filename, j->r.body, j->r.len);
	archive_end(&copies);
	mark_begin(v);
	must(v, queue_resolved(v->queue, j->d.row, now, d, list->n,
	    list->n == 0 ? "copied to a folder, and to nobody else" : NULL));
	for (size_t i = 0; i < list->n; i++)
		if (!list->list[i].ours)
			check_quota(v, j, &d[i]);
	free(d);
	job_free(v, j);
}

static void
looked_up(struct deliver *v, struct job *j, const struct daily_answer *a)
{
	struct result r;

	switch (a->what) {
	case ANSWER_PLACES:
		resolved(v, j, &a->list);
		return;
	case ANSWER_NOWHERE:
		result_set(&r, REFUSED, 0, "%s", a->why);
		break;
	case ANSWER_NONE_YET:
		result_set(&r, DEFERRED, 0, "DNS did not answer for the TLSRPT "
		    "record");
	}
	finish(v, j, &r);
}

/* All that wait for DNS are asked for at once, so this takes one timeout. */
static void
run_lookups(struct deliver *v)
{
	size_t n = 0, most = v->lookups.n;
	struct job **jobs, *j;
	const char **domains;
	struct daily_answer *answers;

	if (most == 0)
		return;
	jobs = xcalloc(most, sizeof(*jobs));
	domains = xcalloc(most, sizeof(*domains));
	answers = xcalloc(most, sizeof(*answers));
	while ((j = list_shift(&v->lookups)) != NULL) {
		load(v, j);
		jobs[n] = j;
		domains[n++] = j->r.domain;
	}
	daily_lookup(v->daily, domains, n, answers);
	for (size_t i = 0; i < n; i++) {
		looked_up(v, jobs[i], &answers[i]);
		rua_list_release(&answers[i].list);
	}
	marks_commit(v);
	free(jobs);
	free(domains);
	free(answers);
}

static int
by_row(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static int
take_due(void *arg, const struct queue_delivery *d)
{
	struct deliver *v = arg;
	struct job *j;

	if (bsearch(&d->row, v->rows, v->nrows, sizeof(*v->rows),
	    by_row) != NULL)
		return 0;		/* under way */
	j = xcalloc(1, sizeof(*j));
	j->run = v;
	j->d = *d;
	j->d.uri = xstrdup(d->uri);
	j->d.host = xstrdup(d->host);
	j->d.note = NULL;
	hold(v, j);
	v->taken++;
	switch (d->transport) {
	case QUEUE_HTTPS:
		schedule_add(v->web, j->d.host, &j->scheduled);
		break;
	case QUEUE_MAILTO:
		list_append(&v->mails, j);
		break;
	case QUEUE_LOOKUP:
		list_append(&v->lookups, j);
	}
	v->more = v->nheld >= DUE_MAX;
	return v->more;
}

static size_t
waiting(const struct deliver *v)
{
	return schedule_waiting(v->web) + v->mails.n + v->lookups.n;
}

static size_t
under_way(const struct deliver *v)
{
	return schedule_started(v->web) + v->mails_started;
}

/*
 * Take what is due from the queue, when nothing waits any more.  While some
 * are under way, once a second is enough.
 */
static void
refill(struct deliver *v)
{
	int64_t now = v->o->clock();

	if (waiting(v) > 0 ||
	    (under_way(v) > 0 && !v->more && now == v->refilled))
		return;
	v->refilled = now;
	v->more = false;
	v->nrows = v->nheld;
	v->rows = xcalloc(v->nrows, sizeof(*v->rows));
	for (size_t i = 0; i < v->nrows; i++)
		v->rows[i] = v->held[i]->d.row;
	qsort(v->rows, v->nrows, sizeof(*v->rows), by_row);
	must(v, queue_due(v->queue, v->o->once ? v->started : now,
	    v->o->domain, take_due, v));
	free(v->rows);
	v->rows = NULL;
}

/* Interrupted by signals, so that a stop is not kept waiting. */
static void
sleep_until(const struct deliver *v, int64_t when)
{
	int64_t now = v->o->clock();
	struct timespec t = { .tv_nsec = 0 };

	if (when > v->o->until)
		when = v->o->until;
	if (when <= now || stopped)
		return;
	t.tv_sec = when - now > 60 ? 60 : (time_t)(when - now);
	nanosleep(&t, NULL);
}

static void
show_progress(const struct deliver *v)
{
	const struct deliver_totals *t = v->totals;

	log_progress("deliveries: %ju of %ju taken up, %ju sent, %ju deferred, "
	    "%ju failed, %zu under way", (uintmax_t)(v->taken - waiting(v)),
	    (uintmax_t)v->taken, (uintmax_t)t->sent, (uintmax_t)t->deferred,
	    (uintmax_t)(t->failed + t->expired), under_way(v));
}

static bool
may_start(const struct deliver *v)
{
	return !stopped && v->o->clock() < v->o->until;
}

/* Nothing waits and nothing is under way: is there more to come? */
static bool
wait_for_more(struct deliver *v)
{
	int64_t next;

	marks_commit(v);
	if (v->o->once)
		return false;
	must(v, queue_next_due(v->queue, v->o->domain, &next));
	if (next == INT64_MAX)
		return false;
	log_progress(NULL);
	sleep_until(v, next);
	return true;
}

static void
work(struct deliver *v)
{
	for (;;) {
		if (may_start(v)) {
			refill(v);
			if (waiting(v) + under_way(v) == 0 &&
			    !wait_for_more(v))
				break;
			run_lookups(v);
			start_web(v);
			start_mails(v);
		} else if (under_way(v) == 0)
			break;
		if (under_way(v) > 0)
			https_poll(v->https, MARKS_MS);
		collect_mails(v);
		marks_commit_old(v);
		show_progress(v);
	}
	log_progress(NULL);
}

static struct https *
https_ready(const struct conf *c)
{
	const struct https_config config = {
		.parallel = c->https.parallel,
		.per_host = c->https.per_host,
		.timeout = c->https.timeout,
		.ca_file = c->https.ca_file,
		.verify = c->https.verify,
		.allow_private = c->https.allow_private,
		.user_agent = "tlsrpt-send/" VERSION,
	};
	struct https *h;
	char *why;

	if ((h = https_new(&config, &why)) == NULL) {
		log_warn("cannot deliver by https: %s", why);
		free(why);
	}
	return h;
}

int
deliver_run(const struct conf *c, struct queue *q, struct daily *daily,
    const struct dkim *dkim, const struct deliver_options *o,
    struct deliver_totals *totals)
{
	struct deliver v = {
		.conf = c, .o = o, .queue = q, .daily = daily, .dkim = dkim,
		.totals = totals, .started = o->clock(),
		.retry = { c->deliver.spread, c->deliver.retry_min,
		    c->deliver.retry_max, c->deliver.give_up_after },
	};

	if ((v.https = https_ready(c)) == NULL)
		return -1;
	v.web = schedule_new((size_t)c->https.per_host, FAILURES_MAX,
	    c->deliver.retry_min, c->deliver.retry_max);
	list_init(&v.mails);
	list_init(&v.lookups);
	if (o->now)
		must(&v, queue_make_due(q, o->clock(), o->domain));
	work(&v);
	marks_commit(&v);
	mailer_free(v.mailer);
	while (v.nheld > 0)
		job_free(&v, v.held[v.nheld - 1]);
	schedule_free(v.web);
	https_free(v.https);
	free(v.held);
	return 0;
}
