/* What becomes of deliveries in the queue. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>

#include "tests/reporter/queue_sample.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(destination_is_unique_within_a_report),
		TEST(due_in_order),
		TEST(delivery_ends_once),
		TEST(lookup_is_replaced),
		TEST(purge_takes_what_is_finished),
		TEST(purge_takes_all_that_is_finished),
		TEST(many_are_quick),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
