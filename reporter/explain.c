#include "reporter/explain.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/enqueue.h"
#include "reporter/hold.h"
#include "reporter/mailer.h"
#include "reporter/stop.h"
#include "spool/day.h"

struct explain {
	struct days *days;
	const struct dkim *dkim;
	FILE *out;
	bool decided;			/* something, on this domain */
	bool answered;			/* by DNS */
	int day;			/* of the queue's items printed last */
	unsigned part;			/* 0: none yet */
};

/* A line of text, part of which strangers may have chosen. */
static void __attribute__((format(printf, 2, 3)))
say(const struct explain *e, const char *format, ...)
{
	char *text = NULL, *safe;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) == -1)
		fatal("out of memory");
	va_end(ap);
	safe = log_escape(text);
	fprintf(e->out, "%s\n", safe);
	free(safe);
	free(text);
}

static void
say_skipped(const struct explain *e, const struct rua_list *list)
{
	for (size_t i = 0; i < list->nskipped; i++)
		say(e, "  not to %s: %s", list->skipped[i].uri,
		    list->skipped[i].why);
}

/* Fits daily_listen: what is decided before there is a report. */
static void
on_decision(void *arg, const struct daily_decision *c)
{
	struct explain *e = arg;
	const struct aggregate_domain *a = c->domain;
	uint64_t failed = 0;
	char day[DAY_TEXT];

	for (size_t i = 0; i < a->npolicies; i++)
		failed += a->policies[i].failed;
	say(e, "%s on %s, sessions: %" PRIu64 ", failed: %" PRIu64 "%s",
	    a->domain, day_format(c->day, day), a->sessions, failed,
	    e->days->again ? "; reported already, this is what would be "
	    "decided now" : "");
	if (c->txt != NULL)
		say(e, "  TLSRPT record %s: %s",
		    c->from_dns ? "from DNS" : "seen by the MTA", c->txt);
	say_skipped(e, &c->to);
	if (c->verdict == DAILY_LATER)
		say(e, "  a report is made; where it goes is decided later: %s",
		    c->why);
	else if (c->verdict != DAILY_REPORT)
		say(e, "  no report: %s", c->why);
	e->decided = true;
}

static const char *
refusal(const struct explain *e, const struct daily_report *r,
    const struct rua *to)
{
	const char *why = enqueue_refusal(e->days, r, to);

	if (why == NULL && to->scheme == RUA_MAILTO)
		why = mailer_refusal(e->days->conf, e->dkim);
	return why;
}

static void
say_destination(const struct explain *e, const struct rua *to,
    const char *when)
{
	say(e, "  to %s%s%s%s", to->uri, to->by != NULL ? ", by " : "",
	    to->by != NULL ? to->by : "", when);
}

static void
say_folders(const struct explain *e, const struct rua_list *list)
{
	for (size_t i = 0; i < list->nfolders; i++)
		say(e, "  to directory:%s", list->folders[i]);
}

/* Fits daily_reports: there is a report, and where it goes. */
static int
on_report(void *arg, const struct daily_report *r)
{
	const struct explain *e = arg;
	const struct queue_report q = enqueue_form(r, e->days->now);
	char time[DAY_TIME_TEXT], *when;
	char *held_back = hold_report(e->days->conf, &q);
	const char *why;

	if (held_back != NULL)
		say(e, "  %s", held_back);
	free(held_back);
	for (size_t i = 0; i < r->to->n; i++) {
		const struct rua *to = &r->to->list[i];

		if ((why = refusal(e, r, to)) != NULL) {
			say(e, "  not to %s: %s", to->uri, why);
			continue;
		}
		when = xasprintf(", first tried at %s", day_format_time(
		    enqueue_first_try(e->days, r, to), time));
		say_destination(e, to, e->days->again ? "" : when);
		free(when);
	}
	say_folders(e, r->to);
	return 0;
}

static void
say_delivery(const struct explain *e, const struct queue_delivery *d,
    int64_t ended)
{
	char time[DAY_TIME_TEXT];

	say(e, "  %s%s %s, %s %s, tries: %u%s%s",
	    queue_state_name(d->state), d->transport == QUEUE_LOOKUP ?
	    ": look-up in" : " to", d->uri,
	    d->state == QUEUE_PENDING ? "next at" : "at",
	    day_format_time(d->state == QUEUE_PENDING ? d->next_try : ended,
	    time), d->tries, d->note != NULL ? ", " : "",
	    d->note != NULL ? d->note : "");
}

static int
on_item(void *arg, const struct queue_item *item)
{
	struct explain *e = arg;
	char day[DAY_TEXT], made[DAY_TIME_TEXT];

	if (e->days->one && item->day != e->days->day)
		return 0;
	if (e->part == 0 || e->day != item->day || e->part != item->part)
		say(e, "%s on %s, part %u, in the queue since %s, sessions: %"
		    PRIu64 ", failed: %" PRIu64, item->domain,
		    day_format(item->day, day), item->part,
		    day_format_time(item->made, made), item->sessions,
		    item->failures);
	e->day = item->day;
	e->part = item->part;
	say_delivery(e, &item->delivery, item->ended);
	return 0;
}

static void
on_answer(void *arg, const struct daily_answer *a)
{
	struct explain *e = arg;

	e->answered = true;
	say_skipped(e, &a->list);
	if (a->what != ANSWER_PLACES) {
		say(e, "  %s: %s", a->what == ANSWER_NOWHERE ?
		    "there would be no report" :
		    "where a report would go is not known", a->why);
		return;
	}
	say(e, "  a report would go");
	for (size_t i = 0; i < a->list.n; i++)
		say_destination(e, &a->list.list[i], "");
	say_folders(e, &a->list);
}

/* Nothing to report: what would become of a report?  DNS knows. */
static void
explain_places(struct explain *e)
{
	if (e->days->conf->dns.rua_lookup == LOOKUP_NEVER) {
		say(e, "  [dns] rua_lookup is never: where a report would go "
		    "depends on what the MTA sees");
		return;
	}
	daily_lookup(e->days->daily, e->days->domain, on_answer, e);
	while (!e->answered && !stop_requested())
		daily_poll(e->days->daily, STOP_POLL_MS);
}

int
explain(struct days *d, const struct dkim *dkim, FILE *out)
{
	struct explain e = { .days = d, .dkim = dkim, .out = out };
	char day[DAY_TEXT];

	d->dry = true;
	d->show = on_report;
	d->show_arg = &e;
	daily_listen(d->daily, on_decision, &e);
	days_report(d);
	if (!e.decided) {
		if (d->one)
			say(&e, "%s on %s: no sessions", d->domain,
			    day_format(d->day, day));
		else
			say(&e, "%s: no sessions of a day that is over and "
			    "not reported", d->domain);
		explain_places(&e);
	}
	if (d->queue != NULL &&
	    queue_list(d->queue, d->domain, on_item, &e) == -1)
		fatal("[queue] database %s: %s", d->conf->queue.database,
		    queue_error(d->queue));
	daily_listen(d->daily, NULL, NULL);
	d->show = NULL;
	d->show_arg = NULL;
	return d->wrong ? -1 : 0;
}
