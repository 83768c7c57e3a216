/* Days in the queue: whole, or not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "tests/reporter/queue_sample.h"

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
	assert_int_equal(sqlite3_open(queue_path, &other), SQLITE_OK);
	must(q, queue_begin(q));
	assert_int_equal(sqlite3_exec(other, "INSERT INTO day VALUES (1, 1, 1)",
	    NULL, NULL, NULL), SQLITE_BUSY);
	queue_rollback(q);
	assert_int_equal(sqlite3_exec(other, "INSERT INTO day VALUES (1, 1, 1)",
	    NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(other);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(day_is_remembered),
		TEST(day_is_whole_or_not_at_all),
		TEST(a_delivery_is_of_the_report_it_names),
		TEST(a_day_is_begun_for_writing),
		TEST(day_is_synced_and_marks_are_not),
		TEST(day_on_a_full_disk_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
