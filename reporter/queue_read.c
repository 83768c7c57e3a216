#include "reporter/queue_db.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/mem.h"

/* Nothing is put off for so long: see conf's bounds of [deliver]. */
#define AHEAD_MAX	(2 * INT64_C(86400))

#define DELIVERY_COLUMNS "delivery.id, delivery.report, transport, uri, " \
	"host, state, next_try, first_try, tries, note"

#define SELECT_ITEMS "SELECT " DELIVERY_COLUMNS ", ended, domain, report_id," \
	" filename, day, part, made, sessions, failures, length(body)" \
	" FROM report JOIN delivery ON delivery.report = report.id "
#define ORDER_ITEMS " ORDER BY domain, day, part, delivery.id"

const char *
queue_state_name(enum queue_state s)
{
	return queue_states[s];
}

/* Columns never hold NULL but for note, figures; without memory they would. */
static const char *
column(sqlite3_stmt *s, int i)
{
	return (const char *)sqlite3_column_text(s, i);
}

/* Append to memory; where the copy begins. */
static void *
append(char **end, const void *p, size_t len)
{
	void *copy = *end;

	if (len > 0)
		memcpy(copy, p, len);
	*end += len;
	return copy;
}

static const char *
append_text(char **end, const char *text)
{
	return append(end, text, strlen(text) + 1);
}

/* The index of a name that the table's CHECK lets in. */
static int
name_index(const char *const *names, int n, const char *name)
{
	int i = n - 1;

	while (i > 0 && (name == NULL || strcmp(names[i], name) != 0))
		i--;
	return i;
}

static void
read_delivery(sqlite3_stmt *s, struct queue_delivery *d)
{
	d->row = sqlite3_column_int64(s, 0);
	d->report = sqlite3_column_int64(s, 1);
	d->transport = (enum queue_transport)name_index(queue_transports, 3,
	    column(s, 2));
	d->uri = column(s, 3);
	d->host = column(s, 4);
	d->state = (enum queue_state)name_index(queue_states, 4,
	    column(s, 5));
	d->next_try = sqlite3_column_int64(s, 6);
	d->first_try = sqlite3_column_int64(s, 7);
	d->tries = (unsigned)sqlite3_column_int64(s, 8);
	d->note = column(s, 9);
	d->memory = NULL;
}

/*
 * CROSS JOIN: SQLite is to begin with the domain's few reports, not with all
 * that is pending.
 */
#define DUE_TEXT(from) "SELECT " DELIVERY_COLUMNS " FROM " from \
	" state = 'pending' AND next_try BETWEEN ?1 AND ?2" \
	" ORDER BY next_try, delivery.id"
#define NEXT_DUE_TEXT(from) "SELECT min(next_try) FROM " from \
	" state = 'pending'"
#define OF_ALL		"delivery WHERE"
#define OF_DOMAIN	"report CROSS JOIN delivery" \
	" WHERE delivery.report = report.id AND domain = ?3 AND"

/* 1 when fn wanted to stop. */
static int
due_between(struct queue *q, int64_t from, int64_t to, const char *domain,
    queue_fn *fn, void *arg)
{
	sqlite3_stmt *s = domain == NULL ?
	    queue_statement(q, DUE, DUE_TEXT(OF_ALL)) :
	    queue_statement(q, DUE_OF_DOMAIN, DUE_TEXT(OF_DOMAIN));
	struct queue_delivery d;
	int rc;

	bind_int(s, 1, from);
	bind_int(s, 2, to);
	if (domain != NULL)
		bind_text(s, 3, domain);
	while ((rc = queue_step(q, s, "cannot read what is due")) == 1) {
		read_delivery(s, &d);
		if (fn(arg, &d) != 0) {
			sqlite3_reset(s);
			break;
		}
	}
	return rc;
}

int
queue_due(struct queue *q, int64_t now, const char *domain, queue_fn *fn,
    void *arg)
{
	int rc;

	if ((rc = due_between(q, INT64_MIN, now, domain, fn, arg)) == 0)
		rc = due_between(q, now + AHEAD_MAX, INT64_MAX, domain, fn,
		    arg);
	return rc == -1 ? -1 : 0;
}

int
queue_next_due(struct queue *q, const char *domain, int64_t *t)
{
	sqlite3_stmt *s = domain == NULL ?
	    queue_statement(q, NEXT_DUE, NEXT_DUE_TEXT(OF_ALL)) :
	    queue_statement(q, NEXT_DUE_OF_DOMAIN, NEXT_DUE_TEXT(OF_DOMAIN));

	if (domain != NULL)
		bind_text(s, 3, domain);
	*t = INT64_MAX;
	return queue_ask(q, s, "cannot ask what is due", t) == -1 ? -1 : 0;
}

static void
read_report(sqlite3_stmt *s, struct queue_report *r)
{
	const char *texts[3], *figures = column(s, 10);
	const void *body = sqlite3_column_blob(s, 8);
	size_t room, submitter;
	char *end, *text;

	r->day = sqlite3_column_int(s, 0);
	r->part = (unsigned)sqlite3_column_int64(s, 1);
	r->made = sqlite3_column_int64(s, 2);
	r->sessions = (uint64_t)sqlite3_column_int64(s, 6);
	r->failures = (uint64_t)sqlite3_column_int64(s, 7);
	r->len = body ? (size_t)sqlite3_column_bytes(s, 8) : 0;
	r->seal = sqlite3_column_int64(s, 9);
	room = r->len + (figures != NULL ? strlen(figures) + 1 : 0);
	for (int i = 0; i < 3; i++) {
		if ((texts[i] = column(s, 3 + i)) == NULL)
			texts[i] = "";
		room += strlen(texts[i]) + 1;
	}
	submitter = strcspn(texts[2], "!");	/* RFC 8460 section 5.1 */
	room += submitter + 1;
	r->memory = end = xmalloc(room);
	r->domain = append_text(&end, texts[0]);
	r->report_id = append_text(&end, texts[1]);
	r->filename = append_text(&end, texts[2]);
	r->submitter = text = append(&end, texts[2], submitter + 1);
	text[submitter] = '\0';
	r->figures = figures != NULL ? append_text(&end, figures) : NULL;
	r->body = append(&end, body, r->len);
}

int
queue_get_report(struct queue *q, int64_t row, struct queue_report *r)
{
	sqlite3_stmt *s = queue_statement(q, GET_REPORT,
	    "SELECT day, part, made, domain, report_id, filename,"
	    " sessions, failures, body, seal, figures FROM report"
	    " WHERE id = ?1");
	int rc;

	memset(r, 0, sizeof(*r));
	bind_int(s, 1, row);
	if ((rc = queue_step(q, s, "cannot read a report")) != 1) {
		if (rc == 0)
			queue_fail(q, "no report in row %lld", (long long)row);
		errno = rc == 0 ? ENOENT : EIO;
		return -1;
	}
	r->row = row;
	read_report(s, r);
	sqlite3_reset(s);
	return 0;
}

void
queue_report_release(struct queue_report *r)
{
	free(r->memory);
	memset(r, 0, sizeof(*r));
}

void
queue_delivery_copy(struct queue_delivery *d, const struct queue_delivery *from)
{
	char *end = xmalloc(strlen(from->uri) + strlen(from->host) + 2);

	*d = *from;
	d->memory = end;
	d->uri = append_text(&end, from->uri);
	d->host = append_text(&end, from->host);
	d->note = NULL;
}

void
queue_delivery_release(struct queue_delivery *d)
{
	free(d->memory);
	memset(d, 0, sizeof(*d));
}

int
queue_list(struct queue *q, const char *domain, queue_item_fn *fn, void *arg)
{
	sqlite3_stmt *s = domain == NULL ?
	    queue_statement(q, LIST, SELECT_ITEMS ORDER_ITEMS) :
	    queue_statement(q, LIST_OF_DOMAIN,
	    SELECT_ITEMS "WHERE domain = ?1" ORDER_ITEMS);
	struct queue_item item;
	int rc;

	if (domain != NULL)
		bind_text(s, 1, domain);
	while ((rc = queue_step(q, s, "cannot read the queue")) == 1) {
		read_delivery(s, &item.delivery);
		item.ended = sqlite3_column_int64(s, 10);
		item.domain = column(s, 11);
		item.report_id = column(s, 12);
		item.filename = column(s, 13);
		item.day = sqlite3_column_int(s, 14);
		item.part = (unsigned)sqlite3_column_int64(s, 15);
		item.made = sqlite3_column_int64(s, 16);
		item.sessions = (uint64_t)sqlite3_column_int64(s, 17);
		item.failures = (uint64_t)sqlite3_column_int64(s, 18);
		item.len = (size_t)sqlite3_column_int64(s, 19);
		if (fn(arg, &item) != 0) {
			sqlite3_reset(s);
			return 0;
		}
	}
	return rc;
}

int
queue_count(struct queue *q, struct queue_counts *c)
{
	sqlite3_stmt *s = queue_statement(q, COUNT,
	    "SELECT state, count(*) FROM delivery GROUP BY state");
	uint64_t n[4] = { 0 };
	int rc;

	while ((rc = queue_step(q, s, "cannot count the queue")) == 1)
		n[name_index(queue_states, 4, column(s, 0))] +=
		    (uint64_t)sqlite3_column_int64(s, 1);
	c->pending = n[QUEUE_PENDING];
	c->sent = n[QUEUE_SENT];
	c->failed = n[QUEUE_FAILED];
	c->expired = n[QUEUE_EXPIRED];
	return rc;
}

int
queue_measure(struct queue *q, struct queue_measures *m)
{
	sqlite3_stmt *s = queue_statement(q, MEASURE,
	    "SELECT transport, state, count(*), sum(tries > 0), min(made),"
	    " max(ended) FROM delivery JOIN report ON report.id = report"
	    " GROUP BY transport, state");
	int rc;

	memset(m, 0, sizeof(*m));
	while ((rc = queue_step(q, s, "cannot measure the queue")) == 1) {
		int transport = name_index(queue_transports, 3, column(s, 0));
		int state = name_index(queue_states, 4, column(s, 1));
		int64_t made = sqlite3_column_int64(s, 4);
		int64_t ended = sqlite3_column_int64(s, 5);

		m->n[transport][state] = (uint64_t)sqlite3_column_int64(s, 2);
		if (state == QUEUE_PENDING) {
			m->deferred[transport] =
			    (uint64_t)sqlite3_column_int64(s, 3);
			if (m->oldest == 0 || made < m->oldest)
				m->oldest = made;
		} else if (state == QUEUE_SENT && ended > m->last_success)
			m->last_success = ended;
	}
	return rc;
}

