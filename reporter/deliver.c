#include "reporter/deliver.h"

#include <stdlib.h>
#include <time.h>

#include "conf/clock.h"
#include "conf/log.h"
#include "reporter/hold.h"
#include "reporter/https.h"
#include "reporter/job.h"
#include "reporter/lookups.h"
#include "reporter/mails.h"
#include "reporter/marks.h"
#include "reporter/schedule.h"
#include "reporter/stop.h"

#define BATCH_MAX	20000	/* jobs taken from the queue at a time */
#define HELD_MAX	100000	/* and held in memory */
#define REFILL_SECONDS	5	/* while others wait for their hosts */
#define FAILURES_MAX	3	/* in a row put a host aside */
#define STOP_MS		30000	/* for what is under way, after a stop */
#define CLOCK_SLACK	2	/* seconds: a clock that differs was set */

struct deliver {
	const struct conf *conf;
	const struct deliver_options *o;
	struct queue *queue;
	struct daily *daily;
	struct marks marks;
	struct deliver_totals *totals;
	uint64_t taken;			/* jobs so far, for the progress line */

	struct https *https;
	struct schedule *web;		/* by destination host */
	struct mails *mails;
	struct lookups lookups;

	struct job_set jobs;		/* every one that there is */
	int64_t started, started_ms;	/* this run: clock, clock_ms */
	int64_t refilled;		/* the last refill */
	size_t batch;			/* taken by it */
	bool more;			/* but not all that was due */
	bool starved;			/* nothing that waits could start */
	int64_t stop_by;		/* clock_ms; 0: we go on */
};

static void
web_done(void *arg, const struct result *r)
{
	struct job *j = arg;
	struct deliver *v = j->run;

	/* What is refused without a code is not the host's fault. */
	schedule_done(v->web, &j->scheduled,
	    r->code != 0 || r->outcome == REFUSED, v->o->clock());
	marks_finish(&v->marks, j, r);
}

/* The last look at it is here; for mails it is in compose_mail. */
static void
start_post(struct deliver *v, struct job *j)
{
	struct result r;
	char *why;

	marks_load(&v->marks, j);
	if ((why = hold_report(v->conf, &j->r)) == NULL) {
		https_post(v->https, j->d.uri, j->r.body, j->r.len, web_done,
		    j);
		return;
	}
	result_set(&r, REFUSED, 0, "%s", why);
	free(why);
	/* Not the host's fault. */
	schedule_done(v->web, &j->scheduled, true, v->o->clock());
	marks_finish(&v->marks, j, &r);
}

static void
start_web(struct deliver *v)
{
	struct schedule_job *s;
	struct result r;

	while ((s = schedule_next(v->web, v->o->clock())) != NULL)
		start_post(v, (struct job *)s);
	v->starved = schedule_has_room(v->web, v->o->clock());
	while ((s = schedule_hopeless(v->web, v->o->clock())) != NULL) {
		struct job *j = (struct job *)s;

		marks_load(&v->marks, j);
		result_set(&r, DEFERRED, 0,
		    "not tried: this host did not answer others");
		marks_finish(&v->marks, j, &r);
	}
}

static void
wake(void *arg)
{
	struct deliver *v = arg;

	https_wake(v->https);
}

static int
take_due(void *arg, const struct queue_delivery *d)
{
	struct deliver *v = arg;
	struct job *j;

	if (job_set_has(&v->jobs, d->row))
		return 0;		/* under way */
	j = job_new(&v->jobs, d);
	j->run = v;
	v->taken++;
	switch (d->transport) {
	case QUEUE_HTTPS:
		schedule_add(v->web, j->d.host, &j->scheduled);
		break;
	case QUEUE_MAILTO:
		mails_add(v->mails, j);
		break;
	case QUEUE_LOOKUP:
		lookups_add(&v->lookups, j);
	}
	v->more = ++v->batch >= BATCH_MAX || v->jobs.n >= HELD_MAX;
	return v->more;
}

static size_t
waiting(const struct deliver *v)
{
	return schedule_waiting(v->web) + mails_waiting(v->mails) +
	    v->lookups.waiting.n;
}

/* What has left this host, or may have: it is waited for when we stop. */
static size_t
being_sent(const struct deliver *v)
{
	return schedule_started(v->web) + mails_started(v->mails);
}

static size_t
under_way(const struct deliver *v)
{
	return being_sent(v) + v->lookups.started;
}

/*
 * When nothing waits any more; or when all that waits for a host has to go on
 * waiting, while others of the same batch, or later ones, could start.
 */
static bool
wants_more(const struct deliver *v, int64_t now)
{
	if (waiting(v) == 0)
		return under_way(v) == 0 || v->more || now != v->refilled;
	if (v->jobs.n >= HELD_MAX || !v->starved)
		return false;
	return v->more || now - v->refilled >= REFILL_SECONDS;
}

/*
 * Where the clock was set, so is the start of the run: what this pass puts
 * off, by the new time, would be due in it again, at once and for ever.
 */
static void
follow_clock(struct deliver *v, int64_t now)
{
	int64_t set = now - v->started -
	    (clock_ms() - v->started_ms) / 1000;

	if (set > CLOCK_SLACK || set < -CLOCK_SLACK) {
		log_warn("the clock was set by %jd seconds", (intmax_t)set);
		v->started += set;
	}
}

/* Take what is due from the queue. */
static void
refill(struct deliver *v)
{
	int64_t now = v->o->clock();

	follow_clock(v, now);
	if (!wants_more(v, now))
		return;
	v->refilled = now;
	v->batch = 0;
	v->more = false;
	job_set_sort(&v->jobs);
	marks_must(&v->marks, queue_due(v->queue,
	    v->o->once ? v->started : now, v->o->domain, take_due, v));
}

/* Not for long at a time: another thread may have got the signal to stop. */
static void
sleep_until(const struct deliver *v, int64_t when)
{
	int64_t now = v->o->clock();
	struct timespec t = { .tv_sec = 1 };

	if (when <= now || stop_requested())
		return;
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
	return !stop_requested() && v->stop_by == 0 && clock_ms() < v->o->until;
}

/* Nothing waits and nothing is under way: is there more to come? */
static bool
wait_for_more(struct deliver *v)
{
	int64_t next;

	marks_commit(&v->marks);
	if (v->o->once)
		return false;
	marks_must(&v->marks, queue_next_due(v->queue, v->o->domain, &next));
	if (next == INT64_MAX)
		return false;
	log_progress(NULL);
	sleep_until(v, next);
	return true;
}

/* Nothing more is started.  Is what is under way still to be waited for? */
static bool
wind_up(struct deliver *v)
{
	if (being_sent(v) == 0)
		return false;
	if (v->stop_by == 0) {
		v->stop_by = clock_ms() + STOP_MS;
		mails_stop(v->mails, false);
	}
	return clock_ms() < v->stop_by;
}

/* It stays as it is in the queue, as if the power had failed. */
static void
give_up(struct deliver *v)
{
	if (being_sent(v) > 0)
		log_warn("stopped with %zu deliveries under way: what became "
		    "of them is not known, so they are tried again",
		    being_sent(v));
	lookups_stop(&v->lookups);
	mails_stop(v->mails, true);
}

static void
work(struct deliver *v)
{
	for (;;) {
		mails_collect(v->mails);
		if (may_start(v)) {
			refill(v);
			if (waiting(v) + under_way(v) == 0 &&
			    !wait_for_more(v))
				break;
			lookups_start(&v->lookups);
			start_web(v);
			mails_start(v->mails);
		} else if (!wind_up(v))
			break;
		mails_mark(v->mails);
		if (under_way(v) > 0)
			https_poll(v->https, daily_fd(v->daily), MARKS_MS);
		follow_clock(v, v->o->clock());	/* for what DNS answers */
		daily_poll(v->daily, 0);
		marks_commit_old(&v->marks);
		show_progress(v);
	}
	log_progress(NULL);
	give_up(v);
}

static struct https *
https_ready(const struct conf *c)
{
	const struct https_config config = {
		.parallel = c->https.parallel + SCHEDULE_SLOW_MAX,
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
	const struct schedule_limits limits = {
		.parallel = (size_t)c->https.parallel,
		.per_host = (size_t)c->https.per_host,
		.failures_max = FAILURES_MAX,
		.hold_min = c->deliver.retry_min,
		.hold_max = c->deliver.retry_max,
	};
	struct deliver v = {
		.conf = c, .o = o, .queue = q, .daily = daily,
		.totals = totals, .started = o->clock(),
		.started_ms = clock_ms(),
	};

	if ((v.https = https_ready(c)) == NULL)
		return -1;
	marks_init(&v.marks, c, q, o->clock, totals);
	v.web = schedule_new(&limits);
	v.mails = mails_new(c, dkim, &v.marks, wake, &v);
	/* Due in this pass, however long DNS takes. */
	lookups_init(&v.lookups, c, daily, &v.marks, &v.started);
	if (o->now)
		marks_must(&v.marks, queue_make_due(q, o->clock(), o->domain));
	work(&v);
	marks_commit(&v.marks);
	mails_free(v.mails);
	job_set_release(&v.jobs);
	schedule_free(v.web);
	https_free(v.https);
	return 0;
}
