/*
 * tlsrpt-show queue: every delivery, what became of it and why.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/queue.h"
#include "reporter/show.h"
#include "reporter/show_queue.h"
#include "reporter/suppress.h"
#include "spool/day.h"

#define ROWS_SHOWN	50	/* of a state, unless all are wanted */
#define STATES		4

struct listing {
	const struct show *show;
	uint64_t seen[STATES], left_out[STATES], suppressed;
};

struct queue *
show_queue_open(const struct show *s)
{
	const char *path = s->conf.queue.database;
	struct queue *q;
	char *why;

	if (access(path, F_OK) == -1 && errno == ENOENT)
		fatal("[queue] database %s: there is none before the first "
		    "run of tlsrpt-send", path);
	if ((q = queue_open(path, QUEUE_READ, &why)) == NULL)
		fatal("[queue] database %s", why);
	return q;
}

#define TIME_TEXT	sizeof("2026-11-21T00:00:00Z")

static char *
time_text(int64_t t, char buf[TIME_TEXT])
{
	time_t seconds = (time_t)t;
	struct tm tm;

	if (gmtime_r(&seconds, &tm) == NULL ||
	    strftime(buf, TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		fmt(buf, TIME_TEXT, "-");
	return buf;
}

/* What happens next, or happened last. */
static int64_t
moment(const struct queue_item *i)
{
	return i->delivery.state == QUEUE_PENDING ? i->delivery.next_try :
	    i->ended;
}

static json_t *
time_json(int64_t t)
{
	char text[TIME_TEXT];

	return t == 0 ? json_null() : json_string(time_text(t, text));
}

/* SQLite keeps what it was given; text of peers need not be UTF-8. */
static json_t *
note_json(const char *note)
{
	json_t *text;
	char *escaped;

	if (note == NULL || (text = json_string(note)) != NULL)
		return note == NULL ? json_null() : text;
	escaped = log_escape(note);
	text = json_string(escaped);
	free(escaped);
	return text;
}

/* One line; takes the object over. */
static void
put_json(json_t *o)
{
	if (o == NULL || json_dumpf(o, stdout, JSON_COMPACT) == -1)
		fatal("cannot write the queue as JSON");
	putchar('\n');
	json_decref(o);
}

static int
json_item(void *arg, const struct queue_item *i)
{
	char day[DAY_TEXT];
	json_t *o = json_pack("{s:s, s:s, s:I, s:s, s:I, s:I, s:I, s:o, s:s, "
	    "s:s, s:I, s:o, s:o, s:o, s:o}", "domain", i->domain,
	    "day", day_format(i->day, day), "part", (json_int_t)i->part,
	    "report-id", i->report_id,
	    "sessions", (json_int_t)i->sessions,
	    "failed", (json_int_t)i->failures,
	    "bytes", (json_int_t)i->len,
	    "made", time_json(i->made),
	    "destination", i->delivery.uri,
	    "state", queue_state_name(i->delivery.state),
	    "tries", (json_int_t)i->delivery.tries,
	    "first-try", time_json(i->delivery.first_try),
	    "next-try", i->delivery.state == QUEUE_PENDING ?
	    time_json(i->delivery.next_try) : json_null(),
	    "ended", time_json(i->ended),
	    "note", note_json(i->delivery.note));

	(void)arg;
	put_json(o);
	return 0;
}

/* What was sent is no news, unless somebody asks for it. */
static bool
is_shown(struct listing *l, const struct queue_item *i)
{
	enum queue_state state = i->delivery.state;

	if (l->show->all || l->show->domain != NULL)
		return true;
	if (state != QUEUE_SENT && l->seen[state]++ < ROWS_SHOWN)
		return true;
	l->left_out[state]++;
	return false;
}

static int
print_item(void *arg, const struct queue_item *i)
{
	static const enum show_style styles[STATES] = {
		[QUEUE_PENDING] = SHOW_ODD, [QUEUE_SENT] = SHOW_GOOD,
		[QUEUE_FAILED] = SHOW_BAD, [QUEUE_EXPIRED] = SHOW_BAD,
	};
	struct listing *l = arg;
	char day[DAY_TEXT], when[TIME_TEXT];

	if (!is_shown(l, i))
		return 0;
	printf("%s ", day_format(i->day, day));
	show_column(stdout, i->domain, 32);
	show_print(l->show, stdout, styles[i->delivery.state], " %-8s",
	    queue_state_name(i->delivery.state));
	printf(" %s %5u  ", time_text(moment(i), when), i->delivery.tries);
	show_clean(stdout, i->delivery.transport == QUEUE_LOOKUP ?
	    "(DNS is asked where to)" : i->delivery.uri);
	if (i->delivery.note != NULL) {
		show_print(l->show, stdout, SHOW_DIM, "\n%44s", "");
		show_clean(stdout, i->delivery.note);
	}
	putchar('\n');
	return 0;
}

static void
print_left_out(const struct listing *l)
{
	for (int state = 0; state < STATES; state++)
		if (l->left_out[state] > 0)
			show_print(l->show, stdout, SHOW_DIM, "%" PRIu64
			    " %s %s not shown; --all shows them\n",
			    l->left_out[state],
			    queue_state_name((enum queue_state)state),
			    l->left_out[state] == 1 ? "is" : "are");
}

static int
count_item(void *arg, const struct queue_item *i)
{
	struct queue_counts *c = arg;
	uint64_t *const counts[STATES] = {
		[QUEUE_PENDING] = &c->pending, [QUEUE_SENT] = &c->sent,
		[QUEUE_FAILED] = &c->failed, [QUEUE_EXPIRED] = &c->expired,
	};

	++*counts[i->delivery.state];
	return 0;
}

static int
print_counts(const struct show *s, struct queue *q)
{
	struct queue_counts c = { 0 };

	if ((s->domain == NULL ? queue_count(q, &c) :
	    queue_list(q, s->domain, count_item, &c)) == -1)
		return -1;
	if (s->domain != NULL)
		printf("%s: ", s->domain);
	show_print(s, stdout, SHOW_BOLD, "%" PRIu64 " pending, %" PRIu64
	    " sent, %" PRIu64 " failed, %" PRIu64 " expired\n", c.pending,
	    c.sent, c.failed, c.expired);
	if (c.pending + c.sent + c.failed + c.expired > 0)
		show_print(s, stdout, SHOW_DIM, "\n%-10s %-32s %-8s %-20s %5s"
		    "  %s\n", "day", "domain", "state", "next try, or end",
		    "tries", "destination");
	else if (s->domain != NULL)
		printf("tlsrpt-send --explain %s --day YYYY-MM-DD says why.\n",
		    s->domain);
	return 0;
}

static int
json_suppression(void *arg, const struct suppression *s)
{
	json_t *o = json_pack("{s:s, s:o, s:o, s:o}",
	    "suppressed", s->destination, "since", time_json(s->since),
	    "until", time_json(s->until), "reason", note_json(s->reason));

	(void)arg;
	put_json(o);
	return 0;
}

static int
print_suppression(void *arg, const struct suppression *s)
{
	struct listing *l = arg;
	char until[TIME_TEXT];

	if (l->suppressed++ == 0)
		show_print(l->show, stdout, SHOW_DIM, "\n%-20s  %s\n",
		    "suppressed until", "destination");
	printf("%s  ", time_text(s->until, until));
	show_clean(stdout, s->destination);
	show_print(l->show, stdout, SHOW_DIM, "\n%22s", "");
	show_clean(stdout, s->reason);
	putchar('\n');
	return 0;
}

/* They concern no domain more than any other. */
static int
list_suppressed(const struct show *s, struct queue *q, struct listing *l)
{
	if (s->domain != NULL)
		return 0;
	return suppress_list(q, time(NULL), s->form == SHOW_JSON ?
	    json_suppression : print_suppression, l);
}

int
show_queue(const struct show *s)
{
	struct queue *q = show_queue_open(s);
	struct listing l = { .show = s };
	int rc;

	if (s->form == SHOW_JSON)
		rc = queue_list(q, s->domain, json_item, NULL);
	else if ((rc = print_counts(s, q)) != -1)
		rc = queue_list(q, s->domain, print_item, &l);
	if (rc != -1 && s->form == SHOW_TEXT)
		print_left_out(&l);
	if (rc == -1 || list_suppressed(s, q, &l) == -1)
		fatal("[queue] database %s: %s", s->conf.queue.database,
		    queue_error(q));
	queue_close(q);
	return SHOW_OK;
}
