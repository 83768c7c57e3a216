#ifndef TESTS_REPORTER_QUEUE_DIR_H
#define TESTS_REPORTER_QUEUE_DIR_H

/*
 * A folder with a queue in it for each test; *state is the queue.  Goes behind
 * cmocka.h.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "conf/mem.h"
#include "reporter/queue.h"
#include "spool/day.h"

#define DAY	20778		/* 2026-11-21 */
#define NOW	INT64_C(1795305600)	/* 2026-11-22T00:00:00Z */

static char queue_dir[64], queue_path[96];

static inline struct queue *
queue_reopen(struct queue *q, enum queue_mode mode)
{
	char *why;

	queue_close(q);
	if ((q = queue_open(queue_path, mode, &why)) == NULL)
		fail_msg("%s", why);
	return q;
}

static inline void
queue_dir_make(void)
{
	snprintf(queue_dir, sizeof(queue_dir), "/tmp/tlsrpt-test.XXXXXX");
	assert_non_null(mkdtemp(queue_dir));
	snprintf(queue_path, sizeof(queue_path), "%s/queue.db", queue_dir);
}

static inline int
queue_dir_setup(void **state)
{
	queue_dir_make();
	*state = queue_reopen(NULL, QUEUE_WRITE);
	return 0;
}

static inline int
queue_dir_teardown(void **state)
{
	static const char *const files[] = { "", "-wal", "-shm" };
	char name[128];

	queue_close(*state);
	for (size_t i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s%s", queue_path, files[i]);
		unlink(name);
	}
	return rmdir(queue_dir);	/* nothing else was left */
}

static inline void
must(struct queue *q, int rc)
{
	if (rc == -1)
		fail_msg("%s", queue_error(q));
}

/* Another program's hands on the database: run all of it. */
static inline void
sql_run(const char *text)
{
	char *why = NULL;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(queue_path, &db), SQLITE_OK);
	if (sqlite3_exec(db, text, NULL, NULL, &why) != SQLITE_OK)
		fail_msg("%s", why);
	sqlite3_close(db);
}

/* The rows, columns parted by blanks, each with an end of line. */
static inline char *
sql_rows(const char *text)
{
	sqlite3 *db;
	sqlite3_stmt *s;
	char *rows;
	size_t len;
	FILE *f = xmemstream(&rows, &len);

	assert_int_equal(sqlite3_open(queue_path, &db), SQLITE_OK);
	if (sqlite3_prepare_v2(db, text, -1, &s, NULL) != SQLITE_OK)
		fail_msg("%s", sqlite3_errmsg(db));
	while (sqlite3_step(s) == SQLITE_ROW) {
		for (int i = 0; i < sqlite3_column_count(s); i++)
			fprintf(f, "%s%s", i > 0 ? " " : "",
			    sqlite3_column_type(s, i) == SQLITE_NULL ? "NULL" :
			    (const char *)sqlite3_column_text(s, i));
		putc('\n', f);
	}
	sqlite3_finalize(s);
	sqlite3_close(db);
	xmemclose(f);
	return rows;
}

static inline void
assert_rows(const char *text, const char *expected)
{
	char *got = sql_rows(text);

	assert_string_equal(got, expected);
	free(got);
}

/* A day with one report, and the deliveries of it; rows are filled in. */
static inline void
add_report(struct queue *q, int day, unsigned part, const char *domain,
    struct queue_delivery *list, size_t n)
{
	struct queue_report r = {
		.day = day, .part = part, .made = NOW,
		.domain = domain,
		.report_id = domain,
		.filename = domain,
		.sessions = 1, .body = "\x1f\x8b", .len = 2,
	};

	must(q, queue_begin(q));
	must(q, queue_add_part(q, day, part, NOW));
	must(q, queue_add_report(q, &r));
	for (size_t i = 0; i < n; i++)
		must(q, queue_add_delivery(q, &list[i]));
	must(q, queue_commit(q));
}

static inline struct queue_delivery
mail_to(const char *uri)
{
	return (struct queue_delivery){
		.transport = QUEUE_MAILTO, .uri = uri,
		.host = strrchr(uri, '@') + 1,
		.next_try = NOW,
	};
}

static inline struct queue_delivery
post_to(const char *uri, const char *host)
{
	return (struct queue_delivery){
		.transport = QUEUE_HTTPS, .uri = uri,
		.host = host, .next_try = NOW,
	};
}

#endif
