#include "reporter/queue_db.h"

#include <stdio.h>
#include <string.h>

#define ROOM	(2 << 20)	/* bytes: for some hundred marks */

/*
 * States of a day, each transition one transaction:
 *
 *   state       what is there              leaves by
 *   unreported  no row in day; its         the day transaction: rows in
 *               segments unknown           segment, day, report and delivery
 *                                          appear together
 *   reported    row (day, part);           never; segments that come late
 *               segments known for ever    make a further part
 *
 * States of a delivery, each transition one transaction:
 *
 *   state       what is promised           leaves by
 *   pending     it is tried at next_try;   queue_sent, queue_failed,
 *               its report and body stay   queue_expired; stays by
 *                                          queue_deferred, queue_make_due
 *   … look-up   the record is asked for    queue_resolved: the row goes, its
 *               at next_try                destinations come, pending; or
 *                                          it failed
 *   sent        the far end took it        queue_purge
 *   failed      refused for good           queue_purge
 *   expired     given up after its time    queue_purge
 *
 * Rows exist for a delivery from the day transaction (or queue_resolved) to
 * queue_purge, which takes a report with all its deliveries or none.
 *
 * What a crash leaves: before a COMMIT the state before, after it the state
 * after.  Between the far end's acceptance and queue_sent: pending, so the
 * same bytes under the same names are sent once more.
 *
 * What a power cut leaves: what queue_begin begins, a day or a group of
 * outcomes, is synced before commit returns (synchronous=FULL).  The others
 * are not (NORMAL): the last of them may be undone in reverse order, which
 * again repeats an attempt and loses nothing.
 */

#define PURGE_BATCH	1000	/* reports in one transaction */

/* The day transaction. */

/* Too late within a transaction, so it is set around them. */
static int
set_sync(struct queue *q, const char *level)
{
	char text[64];

	snprintf(text, sizeof(text), "PRAGMA synchronous = %s", level);
	return queue_exec(q, text, "cannot set synchronous");
}

int
queue_begin(struct queue *q)
{
	if (q->in_day)
		return queue_fail(q, "a day has begun already");
	if (set_sync(q, "FULL") == -1 ||
	    queue_exec(q, "BEGIN IMMEDIATE", "cannot begin a day") == -1)
		return -1;
	q->in_day = true;
	q->failed = false;
	q->first_report = q->last_report = 0;
	return 0;
}

void
queue_rollback(struct queue *q)
{
	/* After some errors SQLite has done it itself. */
	if (!sqlite3_get_autocommit(q->db))
		sqlite3_exec(q->db, "ROLLBACK", NULL, NULL, NULL);
	q->in_day = q->failed = false;
	set_sync(q, "NORMAL");
}

/* A report that nobody is to get would stay for ever. */
static int
check_bare(struct queue *q)
{
	sqlite3_stmt *s = queue_statement(q, BARE_REPORT,
	    "SELECT report_id FROM report WHERE id >= ?1 AND NOT EXISTS"
	    " (SELECT 1 FROM delivery WHERE delivery.report = report.id)");
	int rc;

	bind_int(s, 1, q->first_report);
	if ((rc = queue_step(q, s, "cannot check the day")) == 1) {
		queue_fail(q, "report %s has no delivery",
		    (const char *)sqlite3_column_text(s, 0));
		sqlite3_reset(s);
	}
	return rc == 0 ? 0 : -1;
}

int
queue_commit(struct queue *q)
{
	if (!q->in_day)
		return queue_fail(q, "no day has begun");
	if (q->failed || (q->first_report != 0 && check_bare(q) == -1) ||
	    queue_exec(q, "COMMIT", "cannot commit a day") == -1) {
		queue_rollback(q);
		return -1;
	}
	q->in_day = false;
	set_sync(q, "NORMAL");
	return 0;
}

int
queue_knows_segment(struct queue *q, int day, const char *id)
{
	sqlite3_stmt *s = queue_statement(q, KNOWS_SEGMENT,
	    "SELECT 1 FROM segment WHERE day = ?1 AND segment = ?2");
	int64_t one;

	bind_int(s, 1, day);
	bind_text(s, 2, id);
	return queue_ask(q, s, "cannot look for a segment", &one);
}

/* What belongs to a day is added to it while it is whole, or not at all. */
static int
in_day(struct queue *q)
{
	if (!q->in_day)
		return queue_fail(q, "no day has begun");
	return q->failed ? -1 : 0;
}

int
queue_add_segment(struct queue *q, int day, const char *id)
{
	sqlite3_stmt *s = queue_statement(q, ADD_SEGMENT,
	    "INSERT INTO segment (day, segment) VALUES (?1, ?2)");

	bind_int(s, 1, day);
	bind_text(s, 2, id);
	return in_day(q) == -1 ? -1 : queue_step(q, s, "cannot add a segment");
}

int
queue_next_part(struct queue *q, int day, unsigned *part)
{
	sqlite3_stmt *s = queue_statement(q, NEXT_PART,
	    "SELECT ifnull(max(part), 0) + 1 FROM day WHERE day = ?1");
	int64_t n = 1;
	int rc;

	bind_int(s, 1, day);
	rc = queue_ask(q, s, "cannot ask for a day's parts", &n);
	*part = (unsigned)n;
	return rc == -1 ? -1 : 0;
}

int
queue_add_part(struct queue *q, int day, unsigned part, int64_t now)
{
	sqlite3_stmt *s = queue_statement(q, ADD_PART,
	    "INSERT INTO day (day, part, done) VALUES (?1, ?2, ?3)");

	bind_int(s, 1, day);
	bind_int(s, 2, part);
	bind_int(s, 3, now);
	return in_day(q) == -1 ? -1 : queue_step(q, s, "cannot mark a day");
}

int
queue_add_report(struct queue *q, struct queue_report *r)
{
	sqlite3_stmt *s = queue_statement(q, ADD_REPORT,
	    "INSERT INTO report (day, part, made, domain, report_id, filename,"
	    " sessions, failures, body, seal, figures)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)");

	bind_int(s, 1, r->day);
	bind_int(s, 2, r->part);
	bind_int(s, 3, r->made);
	bind_text(s, 4, r->domain);
	bind_text(s, 5, r->report_id);
	bind_text(s, 6, r->filename);
	bind_int(s, 7, (int64_t)r->sessions);
	bind_int(s, 8, (int64_t)r->failures);
	bind_blob(s, 9, r->body, r->len);
	bind_int(s, 10, r->seal);
	bind_text(s, 11, r->figures);
	if (in_day(q) == -1 || queue_step(q, s, "cannot add a report") == -1)
		return -1;
	r->row = q->last_report = sqlite3_last_insert_rowid(q->db);
	if (q->first_report == 0)
		q->first_report = r->row;
	return 0;
}

static int
add_delivery(struct queue *q, struct queue_delivery *d)
{
	sqlite3_stmt *s = queue_statement(q, ADD_DELIVERY,
	    "INSERT INTO delivery (report, transport, uri, host, state,"
	    " next_try) VALUES (?1, ?2, ?3, ?4, 'pending', ?5)");

	bind_int(s, 1, d->report);
	bind_text(s, 2, queue_transports[d->transport]);
	bind_text(s, 3, d->uri);
	bind_text(s, 4, d->host);
	bind_int(s, 5, d->next_try);
	if (queue_step(q, s, "cannot add a delivery") == -1)
		return -1;
	d->row = sqlite3_last_insert_rowid(q->db);
	return 0;
}

int
queue_add_delivery(struct queue *q, struct queue_delivery *d)
{
	if (d->report == 0)
		d->report = q->last_report;
	return in_day(q) == -1 ? -1 : add_delivery(q, d);
}

int
queue_make_due(struct queue *q, int64_t now, const char *domain)
{
#define MAKE_DUE_TEXT "UPDATE delivery SET next_try = ?1" \
	" WHERE state = 'pending' AND next_try > ?1"
	sqlite3_stmt *s = domain == NULL ?
	    queue_statement(q, MAKE_DUE, MAKE_DUE_TEXT) :
	    queue_statement(q, MAKE_DUE_OF_DOMAIN, MAKE_DUE_TEXT
	    " AND report IN (SELECT id FROM report WHERE domain = ?2)");

	bind_int(s, 1, now);
	if (domain != NULL)
		bind_text(s, 2, domain);
	return queue_step(q, s, "cannot make deliveries due");
}

/*
 * The write-ahead log is what marks go to first: they are safe there even when
 * the database itself cannot grow.  All of the log may be in use, so what is
 * set aside for them is added to it.  It reads as zeros, which no reader takes
 * for a part of the log.
 */
int
queue_reserve(struct queue *q)
{
	static const char why[] =
	    "no room to note what is sent, so nothing is sent";
	sqlite3_int64 size = 0;
	sqlite3_file *log;
	int rc, chunk = 4096;

	/* The log is open when something was read or written. */
	if (queue_exec(q, "REPLACE INTO secret (name, value)"
	    " VALUES ('room', '');"
	    "DELETE FROM secret WHERE name = 'room'", why) == -1)
		return -1;
	rc = sqlite3_file_control(q->db, "main", SQLITE_FCNTL_JOURNAL_POINTER,
	    &log);
	if (rc == SQLITE_OK)
		rc = log->pMethods->xFileSize(log, &size);
	size += ROOM;
	/* Without chunks the file would not grow now. */
	if (rc == SQLITE_OK)
		rc = log->pMethods->xFileControl(log, SQLITE_FCNTL_CHUNK_SIZE,
		    &chunk);
	if (rc == SQLITE_OK)
		rc = log->pMethods->xFileControl(log, SQLITE_FCNTL_SIZE_HINT,
		    &size);
	return rc == SQLITE_OK ? 0 : queue_fail(q, "%s: %s", why,
	    sqlite3_errstr(rc));
}

/* What became of an attempt. */

static int
end(struct queue *q, enum queue_state state, int64_t row, int64_t now,
    const char *note)
{
	sqlite3_stmt *s = queue_statement(q, END,
	    "UPDATE delivery SET state = ?1, note = ?2, ended = ?3,"
	    " tries = tries + 1, first_try = iif(first_try, first_try, ?3)"
	    " WHERE id = ?4 AND state = 'pending'");

	bind_text(s, 1, queue_states[state]);
	bind_text(s, 2, note);
	bind_int(s, 3, now);
	bind_int(s, 4, row);
	return queue_step(q, s, "cannot mark a delivery");
}

int
queue_sent(struct queue *q, int64_t row, int64_t now, const char *note)
{
	return end(q, QUEUE_SENT, row, now, note);
}

int
queue_failed(struct queue *q, int64_t row, int64_t now, const char *note)
{
	return end(q, QUEUE_FAILED, row, now, note);
}

int
queue_expired(struct queue *q, int64_t row, int64_t now, const char *note)
{
	return end(q, QUEUE_EXPIRED, row, now, note);
}

int
queue_deferred(struct queue *q, int64_t row, int64_t now, int64_t next_try,
    const char *note)
{
	sqlite3_stmt *s = queue_statement(q, DEFER,
	    "UPDATE delivery SET next_try = ?1, note = ?2,"
	    " tries = tries + 1, first_try = iif(first_try, first_try, ?3)"
	    " WHERE id = ?4 AND state = 'pending'");

	bind_int(s, 1, next_try);
	bind_text(s, 2, note);
	bind_int(s, 3, now);
	bind_int(s, 4, row);
	return queue_step(q, s, "cannot defer a delivery");
}

/* Within a savepoint. */
static int
replace(struct queue *q, int64_t row, struct queue_delivery *list, size_t n)
{
	sqlite3_stmt *s = queue_statement(q, REMOVE,
	    "DELETE FROM delivery WHERE id = ?1 AND transport = 'lookup'"
	    " AND state = 'pending' RETURNING report");
	int64_t report = 0;
	int rc;

	bind_int(s, 1, row);
	if ((rc = queue_ask(q, s, "cannot remove a look-up", &report)) != 1)
		return rc;	/* 0: answered before */
	for (size_t i = 0; i < n; i++) {
		list[i].report = report;
		if (add_delivery(q, &list[i]) == -1)
			return -1;
	}
	return 0;
}

int
queue_resolved(struct queue *q, int64_t row, int64_t now,
    struct queue_delivery *list, size_t n, const char *note)
{
	if (n == 0)
		return queue_failed(q, row, now, note);
	if (queue_exec(q, "SAVEPOINT resolved", "cannot begin") == -1)
		return -1;
	if (replace(q, row, list, n) == -1 ||
	    queue_exec(q, "RELEASE resolved", "cannot commit") == -1) {
		sqlite3_exec(q->db, "ROLLBACK TO resolved; RELEASE resolved",
		    NULL, NULL, NULL);
		return -1;
	}
	return 0;
}

int
queue_purge(struct queue *q, int64_t before)
{
	sqlite3_stmt *s = queue_statement(q, PURGE,
	    "DELETE FROM report WHERE id IN (SELECT DISTINCT report"
	    " FROM delivery AS d WHERE state <> 'pending' AND ended < ?1"
	    " AND NOT EXISTS (SELECT 1 FROM delivery WHERE report = d.report"
	    " AND (state = 'pending' OR ended >= ?1)) LIMIT ?2)");

	do {
		bind_int(s, 1, before);
		bind_int(s, 2, PURGE_BATCH);
		if (queue_step(q, s, "cannot purge") == -1)
			return -1;
	} while (sqlite3_changes(q->db) > 0);
	return 0;
}
