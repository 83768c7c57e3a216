/* The file that the queue is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/reporter/queue_sample.h"

static off_t
log_size(void)
{
	char *name = xasprintf("%s-wal", queue_path);
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
file_is_private_and_reading_changes_nothing(void **state)
{
	struct queue_delivery d = delivery(QUEUE_HTTPS, "a", NOW);
	struct queue *q, *reader;
	struct stat before, after;
	struct queue_counts c;

	(void)state;
	umask(022);
	q = open_queue(QUEUE_WRITE);
	assert_int_equal(stat(queue_path, &before), 0);
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
		chmod(queue_dir, 0500);
		assert_int_equal(stat(queue_dir, &before), 0);
		q = open_queue(QUEUE_READ);
		must(q, queue_count(q, &c));
		assert_true(c.pending == 1);
		queue_close(q);
		assert_int_equal(stat(queue_dir, &after), 0);
		assert_true(before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
		chmod(queue_dir, 0700);
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
		unlink(queue_path);
		assert_int_equal(sqlite3_open(queue_path, &db), SQLITE_OK);
		assert_int_equal(sqlite3_exec(db, refused[i].sql, NULL, NULL,
		    NULL), SQLITE_OK);
		sqlite3_close(db);
		expected = xasprintf("%s: %s", queue_path, refused[i].why);
		assert_null(queue_open(queue_path, refused[i].mode, &why));
		assert_string_equal(why, expected);
		free(why);
		free(expected);
	}
	unlink(queue_path);
	assert_null(queue_open(queue_path, QUEUE_READ, &why));
	assert_non_null(strstr(why, "No such file or directory"));
	free(why);
	assert_null(queue_open("/nonexistent/queue.db", QUEUE_WRITE, &why));
	assert_string_equal(why,
	    "/nonexistent/queue.db: No such file or directory");
	free(why);

	assert_non_null(f = fopen(queue_path, "w"));
	assert_int_not_equal(fputs("#!/bin/sh\necho not a database\n", f), EOF);
	big = xcalloc(4096, 1);
	assert_int_equal(fwrite(big, 1, 4096, f), 4096);
	free(big);
	assert_int_equal(fclose(f), 0);
	assert_null(queue_open(queue_path, QUEUE_WRITE, &why));
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
	fmt(queue_path, sizeof(queue_path), "/%s/100%%41?mode=memory#.db", queue_dir);
	q = open_queue(QUEUE_WRITE);
	add_day(q, 1, &d, 1);
	queue_close(q);
	q = open_queue(QUEUE_READ);
	must(q, queue_count(q, &c));
	assert_true(c.pending == 1);
	queue_close(q);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_reserved_is_there_and_free),
		TEST(what_is_reserved_is_beyond_what_the_log_holds),
		TEST(file_is_private_and_reading_changes_nothing),
		TEST(what_is_no_queue_is_refused),
		TEST(any_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
