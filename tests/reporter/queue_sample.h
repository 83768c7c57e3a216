#ifndef TESTS_REPORTER_QUEUE_SAMPLE_H
#define TESTS_REPORTER_QUEUE_SAMPLE_H

/*
 * A day of one report in a queue, and what a test sees of it.  Each test opens
 * the queue itself.  Goes behind cmocka.h.
 */
#include <sys/stat.h>

#include "tests/reporter/queue_dir.h"

static inline int
queue_sample_setup(void **state)
{
	(void)state;
	queue_dir_make();
	return 0;
}

static inline int
queue_sample_teardown(void **state)
{
	*state = NULL;
	chmod(queue_dir, 0700);
	return queue_dir_teardown(state);
}

static inline struct queue *
open_queue(enum queue_mode mode)
{
	return queue_reopen(NULL, mode);
}

/* Another program's hands on the database. */
static inline char *
sql(const char *text)
{
	sqlite3 *db;
	sqlite3_stmt *s;
	char *result = NULL;

	assert_int_equal(sqlite3_open(queue_path, &db), SQLITE_OK);
	if (sqlite3_prepare_v2(db, text, -1, &s, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(db));
	if (sqlite3_step(s) == SQLITE_ROW && sqlite3_column_text(s, 0) != NULL)
		result = xstrdup((const char *)sqlite3_column_text(s, 0));
	sqlite3_finalize(s);
	sqlite3_close(db);
	return result;
}

static inline void
assert_sql(const char *text, const char *expected)
{
	char *got = sql(text);

	assert_string_equal(got ? got : "(nothing)", expected);
	free(got);
}

static inline struct queue_report
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

static inline struct queue_delivery
delivery(enum queue_transport t, const char *uri, int64_t next_try)
{
	return (struct queue_delivery){
		.transport = t, .uri = uri,
		.host = "example.net",
		.next_try = next_try,
	};
}

/* One day, one report on example.net, with these deliveries. */
static inline void
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

static inline int
see_due(void *arg, const struct queue_delivery *d)
{
	struct seen *seen = arg;
	size_t n = strlen(seen->text);

	assert_int_equal(d->state, QUEUE_PENDING);
	snprintf(seen->text + n, sizeof(seen->text) - n, "%s%s",
	    n ? "," : "", d->uri);
	return --seen->left == 0;
}

static inline void
assert_due(struct queue *q, int64_t now, const char *domain, int stop,
    const char *expected)
{
	struct seen seen = { "", stop };

	must(q, queue_due(q, now, domain, see_due, &seen));
	assert_string_equal(seen.text, expected);
}

static inline int
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

static inline void
assert_list(struct queue *q, const char *domain, int stop,
    const char *expected)
{
	struct seen seen = { "", stop };

	must(q, queue_list(q, domain, see_item, &seen));
	assert_string_equal(seen.text, expected);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, queue_sample_setup, \
	queue_sample_teardown)

#endif
