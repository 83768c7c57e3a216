#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include <sqlite3.h>

#include "conf/mem.h"
#include "reporter/queue.h"

#define DAY	20778		/* 2026-11-21 */
#define NOW	INT64_C(1795305600)

static char dir[64], path[96];

static int
make_dir(void **state)
{
	(void)state;
	fmt(dir, sizeof(dir), "%s/queue.XXXXXX",
	    getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	assert_non_null(mkdtemp(dir));
	fmt(path, sizeof(path), "%s/queue.db", dir);
	return 0;
}

static int
remove_dir(void **state)
{
	static const char *const files[] = { "", "-wal", "-shm" };
	char name[128];

	(void)state;
	chmod(dir, 0700);
	for (size_t i = 0; i < 3; i++) {
		fmt(name, sizeof(name), "%s%s", path, files[i]);
		unlink(name);
	}
	return rmdir(dir);	/* nothing else was left */
}

static struct queue *
open_queue(enum queue_mode mode)
{
	char *why;
	struct queue *q = queue_open(path, mode, &why);

	if (q == NULL)
		fail_msg("%s", why);
	return q;
}

static void
must(struct queue *q, int rc)
{
	if (rc == -1)
		fail_msg("%s", queue_error(q));
}

/* Another program's hands on the database. */
static char *
sql(const char *text)
{
	sqlite3 *db;
	sqlite3_stmt *s;
	char *result = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_prepare_v2(db, text, -1, &s, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(db));
	if (sqlite3_step(s) == SQLITE_ROW && sqlite3_column_text(s, 0) != NULL)
		result = xstrdup((const char *)sqlite3_column_text(s, 0));
	sqlite3_finalize(s);
	sqlite3_close(db);
	return result;
}

static void
assert_sql(const char *text, const char *expected)
{
	char *got = sql(text);

	assert_string_equal(got ? got : "(nothing)", expected);
	free(got);
}

static struct queue_report
report(const char *domain, unsigned part)
{
	return (struct queue_report){
		.day = DAY, .part = part, .made = NOW,
		.domain = domain,
		.report_id = "id@example.org",
		.filename = "example.org!example.net!1!2!a",
		.sessions = 43, .failures = 2,
		.body = "\x1f\x8b\0body", .len = 7,
		.figures = "all well", .seal = INT64_C(7) << 32,
	};
}

static struct queue_delivery
delivery(enum queue_transport t, const char *uri, int64_t next_try)
{
	return (struct queue_delivery){
		.transport = t, .uri = uri,
		.host = "example.net",
		.next_try = next_try,
	};
}

/* One day, one report on example.net, with these deliveries. */
static void
add_day(struct queue *q, unsigned part, struct queue_delivery *list, size_t n)
{
	struct queue_report r = report("example.net", part);

	must(q, queue_begin(q));
	must(q, queue_add_part(q, DAY, part, NOW));
	must(q, queue_add_report(q, &r));
	for (size_t i = 0; i < n; i++) {
		must(q, queue_add_delivery(q, &list[i]));
		assert_true(list[i].report == r.row && list[i].row != 0);
	}
	must(q, queue_commit(q));
}

/* What queue_due, queue_list give, as text: "uri,uri". */
struct seen {
	char text[256];
	int left;	/* stop after so many */
};

static int
see_due(void *arg, const struct queue_delivery *d)
{
	struct seen *seen = arg;
	size_t n = strlen(seen->text);

	assert_int_equal(d->state, QUEUE_PENDING);
	snprintf(seen->text + n, sizeof(seen->text) - n, "%s%s",
	    n ? "," : "", d->uri);
	return --seen->left == 0;
}

static void
assert_due(struct queue *q, int64_t now, const char *domain, int stop,
    const char *expected)
{
	struct seen seen = { "", stop };

	must(q, queue_due(q, now, domain, see_due, &seen));
	assert_string_equal(seen.text, expected);
}

static int
see_item(void *arg, const struct queue_item *i)
{
	struct seen *seen = arg;
	size_t n = strlen(seen->text);

	assert_true(i->sessions == 43 && i->failures == 2 && i->len == 7);
	assert_string_equal(i->report_id, "id@example.org");
	assert_true(i->made == NOW && i->day == DAY);
	snprintf(seen->text + n, sizeof(seen->text) - n,
	    "%s %u %s %s %u %lld %s\n", i->domain, i->part, i->delivery.uri,
	    queue_state_name(i->delivery.state), i->delivery.tries,
	    i->ended ? (long long)(i->ended - NOW) : -1,
	    i->delivery.note ? i->delivery.note : "-");
	return --seen->left == 0;
}

static void
assert_list(struct queue *q, const char *domain, int stop,
    const char *expected)
{
	struct seen seen = { "", stop };

	must(q, queue_list(q, domain, see_item, &seen));
	assert_string_equal(seen.text, expected);
}

static void
day_is_remembered(void **state)
{
	struct queue *q = open_queue(QUEUE_WRITE);
	struct queue_delivery d = delivery(QUEUE_HTTPS, "https://a.test/", 1);
	struct queue_report r;
	unsigned part;

	(void)state;
	must(q, queue_next_part(q, DAY, &part));
	assert_int_equal(part, 1);
	add_day(q, 1, &d, 1);
	must(q, queue_begin(q));
	assert_int_equal(queue_knows_segment(q, DAY, "mx1-1"), 0);
	must(q, queue_add_segment(q, DAY, "mx1-1"));
	assert_int_equal(queue_knows_segment(q, DAY, "mx1-1"), 1);
	must(q, queue_add_part(q, DAY, 2, NOW));
	must(q, queue_commit(q));
	queue_close(q);

	q = open_queue(QUEUE_READ);
	assert_int_equal(queue_knows_segment(q, DAY, "mx1-1"), 1);
	assert_int_equal(queue_knows_segment(q, DAY + 1, "mx1-1"), 0);
	assert_int_equal(queue_knows_segment(q, DAY, "mx1-2"), 0);
	must(q, queue_next_part(q, DAY, &part));
	assert_int_equal(part, 3);
	must(q, queue_next_part(q, DAY + 1, &part));
	assert_int_equal(part, 1);
	must(q, queue_get_report(q, d.report, &r));
	assert_int_equal(r.day, DAY);
	assert_int_equal(r.part, 1);
	assert_true(r.made == NOW && r.sessions == 43 && r.failures == 2);
	assert_string_equal(r.domain, "example.net");
	assert_string_equal(r.report_id, "id@example.org");
	assert_string_equal(r.filename, "example.org!example.net!1!2!a");
	assert_int_equal(r.len, 7);
	assert_memory_equal(r.body, "\x1f\x8b\0body", 7);
	assert_string_equal(r.figures, "all well");
	assert_true(r.seal == INT64_C(7) << 32);
	queue_report_release(&r);
	assert_int_equal(queue_get_report(q, 99, &r), -1);
	assert_int_equal(errno, ENOENT);
	assert_string_equal(queue_error(q), "no report in row 99");
	queue_report_release(&r);
	queue_close(q);
	queue_close(NULL);
}

static void
day_is_whole_or_not_at_all(void **state)
{
	struct queue *q = open_queue(QUEUE_WRITE);
	struct queue_delivery d = delivery(QUEUE_HTTPS, "https://a.test/", 1);
	struct queue_report r = report("example.net", 1);
	struct queue_report again = r;

	(void)state;
	/* Rolled back. */
	must(q, queue_begin(q));
	must(q, queue_add_segment(q, DAY, "s"));
	must(q, queue_add_part(q, DAY, 1, NOW));
	must(q, queue_add_report(q, &r));
	must(q, queue_add_delivery(q, &d));
	queue_rollback(q);
	assert_sql("SELECT (SELECT count(*) FROM day)"
	    " + (SELECT count(*) FROM segment)"
	    " + (SELECT count(*) FROM report)"
	    " + (SELECT count(*) FROM delivery)", "0");

	/* A report without a delivery. */
	must(q, queue_begin(q));
	must(q, queue_add_part(q, DAY, 1, NOW));
	must(q, queue_add_report(q, &r));
	assert_int_equal(queue_commit(q), -1);
	assert_string_equal(queue_error(q),
	    "report id@example.org has no delivery");
	assert_sql("SELECT count(*) FROM day", "0");

	/* Reports without the day's mark. */
	must(q, queue_begin(q));
	must(q, queue_add_report(q, &r));
	d.report = 0;
	must(q, queue_add_delivery(q, &d));
	assert_int_equal(queue_commit(q), -1);
	assert_string_equal(queue_error(q),
	    "cannot commit a day: FOREIGN KEY constraint failed");

	/* Something failed, and nobody looked. */
	must(q, queue_begin(q));
	must(q, queue_add_part(q, DAY, 1, NOW));
	must(q, queue_add_report(q, &r));
	d.report = 0;
	must(q, queue_add_delivery(q, &d));
	assert_int_equal(queue_add_report(q, &again), -1);
	assert_int_equal(queue_add_segment(q, DAY, "s"), -1);
	assert_int_equal(queue_commit(q), -1);
	assert_string_equal(queue_error(q), "cannot add a report: "
	    "UNIQUE constraint failed: report.domain, report.day, "
	    "report.part");
	assert_sql("SELECT count(*) FROM report", "0");

	/* Outside of a day nothing is added. */
	assert_int_equal(queue_add_segment(q, DAY, "s"), -1);
	assert_string_equal(queue_error(q), "no day has begun");
	assert_int_equal(queue_add_part(q, DAY, 1, NOW), -1);
	assert_int_equal(queue_add_report(q, &r), -1);
	assert_string_equal(queue_error(q), "no day has begun");
	assert_int_equal(queue_commit(q), -1);

	/* And still it works. */
	must(q, queue_begin(q));
	assert_int_equal(queue_begin(q), -1);
	queue_rollback(q);
	d.report = 0;
	add_day(q, 1, &d, 1);
	assert_sql("SELECT count(*) FROM report", "1");
	queue_close(q);
}

static void
a_delivery_is_of_the_report_it_names(void **state)
{
	struct queue *q = open_queue(QUEUE_WRITE);
	struct queue_report first = report("a.test", 1);
	struct queue_report second = report("b.test", 1);
	struct queue_delivery d[] = {
		delivery(QUEUE_HTTPS, "https://a.test/", NOW),
		delivery(QUEUE_HTTPS, "https://b.test/", NOW),
		delivery(QUEUE_HTTPS, "https://c.test/", NOW),
	};

	(void)state;
	must(q, queue_begin(q));
	must(q, queue_add_part(q, DAY, 1, NOW));
	must(q, queue_add_report(q, &first));
	must(q, queue_add_report(q, &second));
	d[0].report = first.row;
	must(q, queue_add_delivery(q, &d[0]));
	must(q, queue_add_delivery(q, &d[1]));
	assert_true(d[1].report == second.row);
	must(q, queue_commit(q));
	/* Outside of a day, to a report that is there. */
	d[2].report = first.row;
	assert_int_equal(queue_add_delivery(q, &d[2]), -1);
	assert_sql("SELECT group_concat(domain || uri) FROM delivery"
	    " JOIN report ON report = report.id",
	    "a.testhttps://a.test/,b.testhttps://b.test/");
	queue_close(q);
}

/* Who has begun may go on: nobody writes what he has read meanwhile. */
static void
a_day_is_begun_for_writing(void **state)
{
	struct queue *q = open_queue(QUEUE_WRITE);
	sqlite3 *other;

	(void)state;
	assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
	must(q, queue_begin(q));
	assert_int_equal(sqlite3_exec(other, "INSERT INTO day VALUES (1, 1, 1)",
	    NULL, NULL, NULL), SQLITE_BUSY);
	queue_rollback(q);
	assert_int_equal(sqlite3_exec(other, "INSERT INTO day VALUES (1, 1, 1)",
	    NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
	queue_close(q);
}

static off_t
log_size(void)
{
	char *name = xasprintf("%s-wal", path);
	struct stat st;

	assert_int_equal(stat(name, &st), 0);
	free(name);
	return st.st_size;
}

/* Two megabytes, which what follows is written over. */
static void
what_is_reserved_is_there_and_free(void **state)
{
	struct queue *q = open_queue(QUEUE_WRITE);
	struct queue_delivery d = delivery(QUEUE_HTTPS, "a", NOW);
	off_t size;

	(void)state;
	must(q, queue_reserve(q));
	size = log_size();
	assert_true(size >= 2097152);
	add_day(q, 1, &d, 1);
	for (int i = 0; i < 100; i++)
		must(q, queue_deferred(q, d.row, NOW + i, NOW + i + 1, "503"));
	assert_int_equal(log_size(), size);
	assert_sql("SELECT count(*) FROM secret WHERE name = 'room'", "0");
	queue_close(q);
}

/* A day fills the log without its being written back to the database. */
static void
what_is_reserved_is_beyond_what_the_log_holds(void **state)
{
	static const char body[2200000];
	struct queue *q = open_queue(QUEUE_WRITE);
	struct queue_delivery d = delivery(QUEUE_HTTPS, "a", NOW);
	struct queue_report r = report("example.com", 2);
	off_t held, size;

	(void)state;
	add_day(q, 1, &d, 1);
	r.body = body;
	r.len = sizeof(body);
	d.report = 0;
	must(q, queue_begin(q));
	must(q, queue_add_part(q, DAY, 2, NOW));
	must(q, queue_add_report(q, &r));
	must(q, queue_add_delivery(q, &d));
	must(q, queue_commit(q));
	held = log_size();
	assert_true(held > (off_t)sizeof(body));
	must(q, queue_reserve(q));
	size = log_size();
	assert_true(size >= held + 2097152);
	for (int i = 0; i < 100; i++)
		must(q, queue_deferred(q, d.row, NOW + i, NOW + i + 1, "503"));
	assert_int_equal(log_size(), size);
	queue_close(q);
}

static void
destination_is_unique_within_a_report(void **state)
{
	struct queue *q = open_queue(QUEUE_WRITE);
	struct queue_delivery d = delivery(QUEUE_MAILTO, "mailto:a@b.test", 1);
	struct queue_report r = report("example.net", 1);

	(void)state;
	must(q, queue_begin(q));
	must(q, queue_add_part(q, DAY, 1, NOW));
	must(q, queue_add_report(q, &r));
	must(q, queue_add_delivery(q, &d));
	assert_int_equal(queue_add_delivery(q, &d), -1);
	assert_non_null(strstr(queue_error(q), "UNIQUE"));
	queue_rollback(q);
	queue_close(q);
}

static void
due_in_order(void **state)
{
	struct queue *q = open_queue(QUEUE_WRITE);
	struct queue_delivery list[] = {
		delivery(QUEUE_HTTPS, "c", NOW + 30),
		delivery(QUEUE_HTTPS, "a", NOW + 10),
		delivery(QUEUE_MAILTO, "b", NOW + 20),
		delivery(QUEUE_LOOKUP, "d", NOW + 30),
		delivery(QUEUE_LOOKUP, "e", NOW + INT64_C(365) * 86400),
	};
	int64_t t;

	(void)state;
	must(q, queue_next_due(q, NULL, &t));
	assert_true(t == INT64_MAX);
	add_day(q, 1, list, 5);
	must(q, queue_next_due(q, NULL, &t));
	assert_true(t == NOW + 10);
	must(q, queue_next_due(q, "example.net", &t));
	assert_true(t == NOW + 10);
	must(q, queue_next_due(q, "other.test", &t));
	assert_true(t == INT64_MAX);

	assert_due(q, NOW + 9, NULL, 0, "e");	/* a wrong clock's */
	assert_due(q, NOW + 29, NULL, 0, "a,b,e");
	assert_due(q, NOW + 30, NULL, 0, "a,b,c,d,e");
	assert_due(q, NOW + 30, NULL, 2, "a,b");
	assert_due(q, NOW + 30, "example.net", 0, "a,b,c,d,e");
	assert_due(q, NOW + 30, "example.net", 1, "a");
	assert_due(q, NOW + 30, "other.test", 0, "");

	must(q, queue_make_due(q, NOW, "other.test"));
	assert_due(q, NOW, NULL, 0, "e");
	must(q, queue_make_due(q, NOW + 15, "example.net"));
	assert_due(q, NOW + 15, NULL, 0, "a,c,b,d,e");
	must(q, queue_make_due(q, NOW, NULL));
	assert_due(q, NOW, NULL, 0, "c,a,b,d,e");
	queue_close(q);
}

static void
delivery_ends_once(void **state)
{
	struct queue *q = open_queue(QUEUE_WRITE);
	struct queue_delivery list[] = {
		delivery(QUEUE_HTTPS, "a", NOW),
		delivery(QUEUE_HTTPS, "b", NOW),
		delivery(QUEUE_HTTPS, "c", NOW),
		delivery(QUEUE_HTTPS, "d", NOW),
	};
	struct queue_counts c;

	(void)state;
	add_day(q, 1, list, 4);
	must(q, queue_deferred(q, list[3].row, NOW + 1, NOW + 301, "503"));
	must(q, queue_deferred(q, list[3].row, NOW + 301, NOW + 901, NULL));
	must(q, queue_sent(q, list[0].row, NOW + 2, "201"));
	must(q, queue_failed(q, list[1].row, NOW + 3, "404"));
	must(q, queue_expired(q, list[2].row, NOW + 4, "time out"));
	/* Second calls change nothing. */
	must(q, queue_failed(q, list[0].row, NOW + 5, "x"));
	must(q, queue_sent(q, list[1].row, NOW + 5, "x"));
	must(q, queue_deferred(q, list[2].row, NOW + 5, NOW + 6, "x"));
	must(q, queue_sent(q, 99, NOW + 5, "x"));
	assert_list(q, NULL, 0,
	    "example.net 1 a sent 1 2 201\n"
	    "example.net 1 b failed 1 3 404\n"
	    "example.net 1 c expired 1 4 time out\n"
	    "example.net 1 d pending 2 -1 -\n");
	assert_list(q, "example.net", 1, "example.net 1 a sent 1 2 201\n");
	assert_list(q, "other.test", 0, "");
	assert_sql("SELECT group_concat(first_try - 1795305600)"
	    " FROM delivery", "2,3,4,1");
	assert_due(q, NOW + 900, NULL, 0, "");
	assert_due(q, NOW + 901, NULL, 0, "d");
	must(q, queue_count(q, &c));
	assert_true(c.pending == 1 && c.sent == 1 && c.failed == 1 &&
	    c.expired == 1);
	must(q, queue_make_due(q, NOW - 1, NULL));
	must(q, queue_sent(q, list[3].row, NOW + 902, "201"));
	assert_sql("SELECT group_concat(first_try - 1795305600)"
	    " FROM delivery", "2,3,4,1");
	assert_sql("SELECT group_concat(next_try - 1795305600)"
	    " FROM delivery", "0,0,0,-1");
	queue_close(q);
}

static void
lookup_is_replaced(void **state)
{
	struct queue *q = open_queue(QUEUE_WRITE);
	struct queue_delivery lookup = delivery(QUEUE_LOOKUP, "dns", NOW);
	struct queue_delivery list[] = {
		delivery(QUEUE_HTTPS, "https://a.test/", NOW + 5),
		delivery(QUEUE_MAILTO, "mailto:a@b.test", NOW + 6),
	};
	struct queue_delivery twice[] = {
		delivery(QUEUE_HTTPS, "same", NOW),
		delivery(QUEUE_HTTPS, "same", NOW),
	};

	(void)state;
	add_day(q, 1, &lookup, 1);
	/* All of it or none. */
	assert_int_equal(queue_resolved(q, lookup.row, NOW, twice, 2, NULL),
	    -1);
	assert_due(q, NOW + 9, NULL, 0, "dns");
	must(q, queue_resolved(q, lookup.row, NOW, list, 2, NULL));
	assert_true(list[0].report == lookup.report);
	assert_due(q, NOW + 9, NULL, 0, "https://a.test/,mailto:a@b.test");
	must(q, queue_resolved(q, lookup.row, NOW, twice, 1, NULL));
	must(q, queue_resolved(q, list[0].row, NOW, twice, 1, NULL));
	assert_due(q, NOW + 9, NULL, 0, "https://a.test/,mailto:a@b.test");

	lookup.report = 0;
	add_day(q, 2, &lookup, 1);
	must(q, queue_resolved(q, lookup.row, NOW + 1, NULL, 0,
	    "no TLSRPT record"));
	must(q, queue_resolved(q, lookup.row, NOW + 2, twice, 1, NULL));
	assert_list(q, NULL, 0,
	    "example.net 1 https://a.test/ pending 0 -1 -\n"
	    "example.net 1 mailto:a@b.test pending 0 -1 -\n"
	    "example.net 2 dns failed 1 1 no TLSRPT record\n");
	queue_close(q);
}

static void
purge_takes_what_is_finished(void **state)
{
	struct queue *q = open_queue(QUEUE_WRITE);
	struct queue_delivery d[4];
	unsigned part;

	(void)state;
	for (unsigned i = 0; i < 4; i += 2) {
		d[i] = delivery(QUEUE_HTTPS, i ? "c" : "a", NOW);
		d[i + 1] = delivery(QUEUE_HTTPS, i ? "d" : "b", NOW);
		add_day(q, i / 2 + 1, &d[i], 2);
	}
	must(q, queue_begin(q));
	must(q, queue_add_segment(q, DAY, "s"));
	must(q, queue_commit(q));
	must(q, queue_sent(q, d[0].row, NOW, NULL));
	must(q, queue_failed(q, d[1].row, NOW + 10, NULL));
	must(q, queue_sent(q, d[2].row, NOW, NULL));
	must(q, queue_purge(q, NOW + 10));	/* b is too young */
	assert_sql("SELECT count(*) FROM delivery", "4");
	must(q, queue_purge(q, NOW + 11));	/* d is pending */
	assert_sql("SELECT group_concat(uri) FROM delivery", "c,d");
	assert_sql("SELECT group_concat(part) FROM report", "2");
	must(q, queue_next_part(q, DAY, &part));
	assert_int_equal(part, 3);
	assert_int_equal(queue_knows_segment(q, DAY, "s"), 1);
	queue_close(q);
}

static void
purge_takes_all_that_is_finished(void **state)
{
	struct queue *q = open_queue(QUEUE_WRITE);

	(void)state;
	free(sql("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1"
	    " FROM n WHERE i < 2500) INSERT INTO report (id, day, part, made,"
	    " domain, report_id, filename, sessions, failures, body)"
	    " SELECT i, 1, i, 1, 'a.test', i, i, 1, 0, 'x' FROM n"));
	free(sql("INSERT INTO delivery (report, transport, uri, host, state,"
	    " next_try, ended) SELECT id, 'https', 'a', 'a', 'sent', 1, 1"
	    " FROM report"));
	assert_sql("SELECT count(*) FROM delivery", "2500");
	must(q, queue_purge(q, 2));
	assert_sql("SELECT count(*) FROM report", "0");
	assert_sql("SELECT count(*) FROM delivery", "0");
	queue_close(q);
}

static void
file_is_private_and_reading_changes_nothing(void **state)
{
	struct queue_delivery d = delivery(QUEUE_HTTPS, "a", NOW);
	struct queue *q, *reader;
	struct stat before, after;
	struct queue_counts c;

	(void)state;
	umask(022);
	q = open_queue(QUEUE_WRITE);
	assert_int_equal(stat(path, &before), 0);
	assert_int_equal(before.st_mode & 0777, 0640);
	add_day(q, 1, &d, 1);

	/* Beside a writer, in the middle of its day. */
	must(q, queue_begin(q));
	must(q, queue_add_part(q, DAY, 2, NOW));
	reader = open_queue(QUEUE_READ);
	assert_list(reader, NULL, 0, "example.net 1 a pending 0 -1 -\n");
	assert_int_equal(queue_sent(reader, d.row, NOW, NULL), -1);
	assert_non_null(strstr(queue_error(reader), "readonly"));
	queue_close(reader);
	queue_rollback(q);
	queue_close(q);

	/* In a folder where nothing can be made, with and without files. */
	for (int i = 0; i < 2; i++) {
		chmod(dir, 0500);
		assert_int_equal(stat(dir, &before), 0);
		q = open_queue(QUEUE_READ);
		must(q, queue_count(q, &c));
		assert_true(c.pending == 1);
		queue_close(q);
		assert_int_equal(stat(dir, &after), 0);
		assert_true(before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
		chmod(dir, 0700);
		assert_sql("SELECT count(*) FROM report", "1");
	}
}

static const struct {
	const char *name, *sql;
	enum queue_mode mode;
	const char *why;
} refused[] = {
	{ "another program's", "CREATE TABLE t (x)", QUEUE_WRITE,
	    "not a queue: it is another program's database" },
	{ "another program's, to read", "CREATE TABLE t (x)", QUEUE_READ,
	    "not a queue: it is another program's database" },
	{ "a newer release's", "PRAGMA application_id = 1414288210;"
	    "PRAGMA user_version = 7", QUEUE_WRITE,
	    "made by a newer release: its version is 7, "
	    "this release knows up to 4" },
	{ "not migrated", "PRAGMA application_id = 1414288210", QUEUE_READ,
	    "made by an older release: tlsrpt-send will bring it up to "
	    "date" },
};

static void
what_is_no_queue_is_refused(void **state)
{
	char *why, *expected, *big;
	sqlite3 *db;
	FILE *f;

	(void)state;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		unlink(path);
		assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
		assert_int_equal(sqlite3_exec(db, refused[i].sql, NULL, NULL,
		    NULL), SQLITE_OK);
		sqlite3_close(db);
		expected = xasprintf("%s: %s", path, refused[i].why);
		assert_null(queue_open(path, refused[i].mode, &why));
		assert_string_equal(why, expected);
		free(why);
		free(expected);
	}
	unlink(path);
	assert_null(queue_open(path, QUEUE_READ, &why));
	assert_non_null(strstr(why, "No such file or directory"));
	free(why);
	assert_null(queue_open("/nonexistent/queue.db", QUEUE_WRITE, &why));
	assert_string_equal(why,
	    "/nonexistent/queue.db: No such file or directory");
	free(why);

	assert_non_null(f = fopen(path, "w"));
	assert_int_not_equal(fputs("#!/bin/sh\necho not a database\n", f), EOF);
	big = xcalloc(4096, 1);
	assert_int_equal(fwrite(big, 1, 4096, f), 4096);
	free(big);
	assert_int_equal(fclose(f), 0);
	assert_null(queue_open(path, QUEUE_WRITE, &why));
	assert_non_null(strstr(why, "file is not a database"));
	free(why);
}

/* Whatever it means in a URI; it begins with two slashes. */
static void
any_path(void **state)
{
	struct queue_delivery d = delivery(QUEUE_HTTPS, "a", NOW);
	struct queue *q;
	struct queue_counts c;

	(void)state;
	fmt(path, sizeof(path), "/%s/100%%41?mode=memory#.db", dir);
	q = open_queue(QUEUE_WRITE);
	add_day(q, 1, &d, 1);
	queue_close(q);
	q = open_queue(QUEUE_READ);
	must(q, queue_count(q, &c));
	assert_true(c.pending == 1);
	queue_close(q);
}

static sqlite3 *latest;	/* the connection opened last */

static int
remember(sqlite3 *db, const char **error, const void *api)
{
	(void)error, (void)api;
	latest = db;
	return SQLITE_OK;
}

static int
sync_level(void)
{
	sqlite3_stmt *s;
	int level;

	assert_int_equal(sqlite3_prepare_v2(latest, "PRAGMA synchronous", -1,
	    &s, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(s), SQLITE_ROW);
	level = sqlite3_column_int(s, 0);
	sqlite3_finalize(s);
	return level;
}

static void
day_is_synced_and_marks_are_not(void **state)
{
	enum { NORMAL = 1, FULL = 2 };
	struct queue *q;

	(void)state;
	sqlite3_auto_extension((void (*)(void))remember);
	q = open_queue(QUEUE_WRITE);
	assert_int_equal(sync_level(), NORMAL);
	must(q, queue_begin(q));
	assert_int_equal(sync_level(), FULL);
	must(q, queue_commit(q));
	assert_int_equal(sync_level(), NORMAL);
	must(q, queue_begin(q));
	queue_rollback(q);
	assert_int_equal(sync_level(), NORMAL);
	must(q, queue_begin(q));
	assert_int_equal(queue_begin(q), -1);
	assert_int_equal(queue_commit(q), -1);
	assert_int_equal(sync_level(), NORMAL);
	queue_close(q);
	sqlite3_reset_auto_extension();
}

static void
day_on_a_full_disk_is_none(void **state)
{
	struct queue_report r = report("example.net", 1);
	struct queue_delivery d = delivery(QUEUE_HTTPS, "a", NOW);
	char body[1 << 20] = "";
	struct queue *q;

	(void)state;
	sqlite3_auto_extension((void (*)(void))remember);
	q = open_queue(QUEUE_WRITE);
	sqlite3_reset_auto_extension();
	assert_int_equal(sqlite3_exec(latest, "PRAGMA max_page_count = 100",
	    NULL, NULL, NULL), SQLITE_OK);
	must(q, queue_begin(q));
	must(q, queue_add_segment(q, DAY, "s"));
	must(q, queue_add_part(q, DAY, 1, NOW));
	r.body = body;
	r.len = sizeof(body);
	assert_int_equal(queue_add_report(q, &r), -1);
	assert_string_equal(queue_error(q),
	    "cannot add a report: database or disk is full");
	/* What comes after must not slip in by itself. */
	assert_int_equal(queue_add_segment(q, DAY, "t"), -1);
	assert_int_equal(queue_add_delivery(q, &d), -1);
	assert_int_equal(queue_commit(q), -1);
	assert_string_equal(queue_error(q),
	    "cannot add a report: database or disk is full");
	assert_sql("SELECT (SELECT count(*) FROM segment)"
	    " + (SELECT count(*) FROM day)", "0");
	d.report = 0;
	add_day(q, 1, &d, 1);
	queue_close(q);
}

/*
 * Many: a day of 20,000 reports goes in fast, and what is due comes out at
 * once however much waits.  The bounds are generous: they are to catch a
 * missing index, not a slow machine.
 */
static double
cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
count_to(void *arg, const struct queue_delivery *d)
{
	int *left = arg;

	(void)d;
	return --*left == 0;
}

static void
many_are_quick(void **state)
{
	struct queue *q = open_queue(QUEUE_WRITE);
	char body[500], domain[64], uri[64];
	double start = cpu();
	int64_t t;
	int left = 100;

	(void)state;
	memset(body, 'x', sizeof(body));
	must(q, queue_begin(q));
	must(q, queue_add_part(q, DAY, 1, NOW));
	for (int i = 0; i < 20000; i++) {
		struct queue_report r = report(domain, 1);
		struct queue_delivery d = delivery(QUEUE_HTTPS, uri,
		    NOW + i * 7919 % 14400);

		fmt(domain, sizeof(domain), "d%d.example", i);
		fmt(uri, sizeof(uri), "https://in.d%d.example/v1/tls", i);
		r.body = body;
		r.len = sizeof(body);
		must(q, queue_add_report(q, &r));
		for (int k = 0; k < (i % 10 < 3 ? 2 : 1); k++) {
			uri[8] = (char)('a' + k);
			d.report = 0;
			must(q, queue_add_delivery(q, &d));
		}
	}
	must(q, queue_commit(q));
	print_message("20,000 reports: %.2f s\n", cpu() - start);
	assert_true(cpu() - start < 5);

	start = cpu();
	for (int i = 0; i < 1000; i++) {
		must(q, queue_next_due(q, NULL, &t));
		left = 10;
		must(q, queue_due(q, NOW + 14400, NULL, count_to, &left));
		left = 10;
		must(q, queue_due(q, NOW + 14400, "d77.example", count_to,
		    &left));
		must(q, queue_next_due(q, "d77.example", &t));
	}
	print_message("1,000 times ten that are due: %.3f s\n",
	    cpu() - start);
	assert_true(cpu() - start < 2);
	queue_close(q);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(day_is_remembered),
		TEST(day_is_whole_or_not_at_all),
		TEST(a_delivery_is_of_the_report_it_names),
		TEST(a_day_is_begun_for_writing),
		TEST(what_is_reserved_is_there_and_free),
		TEST(what_is_reserved_is_beyond_what_the_log_holds),
		TEST(destination_is_unique_within_a_report),
		TEST(due_in_order),
		TEST(delivery_ends_once),
		TEST(lookup_is_replaced),
		TEST(purge_takes_what_is_finished),
		TEST(purge_takes_all_that_is_finished),
		TEST(file_is_private_and_reading_changes_nothing),
		TEST(any_path),
		TEST(what_is_no_queue_is_refused),
		TEST(day_is_synced_and_marks_are_not),
		TEST(day_on_a_full_disk_is_none),
		TEST(many_are_quick),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
