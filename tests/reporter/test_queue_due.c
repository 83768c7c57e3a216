#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "reporter/queue_db.h"
#include "tests/reporter/queue_dir.h"

/*
 * SQLite's own account of a few that are due among many: nothing is scanned
 * or sorted, and the steps are as many as what is due makes.
 */
#define MANY		3000
#define DUE_EACH	500	/* one of so many is due */
#define STEPS_EACH	40	/* of SQLite's machine, for one row */

static void
fill(struct queue *q)
{
	char domain[32], uri[64];
	struct queue_report r = {
		.day = DAY, .part = 1, .made = NOW, .domain = domain,
		.report_id = domain, .filename = domain, .sessions = 1,
		.body = domain, .len = 2,
	};

	must(q, queue_begin(q));
	must(q, queue_add_part(q, DAY, 1, NOW));
	for (int i = 0; i < MANY; i++) {
		struct queue_delivery d = post_to(uri, "in.example");

		fmt(domain, sizeof(domain), "d%d.example", i);
		fmt(uri, sizeof(uri), "https://in.example/%d", i);
		d.next_try = i % DUE_EACH == 0 ? NOW : NOW + i;
		must(q, queue_add_report(q, &r));
		must(q, queue_add_delivery(q, &d));
	}
	must(q, queue_commit(q));
}

static int
keep_row(void *arg, const struct queue_delivery *d)
{
	int64_t **next = arg;

	*(*next)++ = d->row;
	return 0;
}

static void
assert_cheap(struct queue *q, enum statement which, int rows)
{
	sqlite3_stmt *s = q->stmt[which];

	assert_non_null(s);
	assert_int_equal(sqlite3_stmt_status(s,
	    SQLITE_STMTSTATUS_FULLSCAN_STEP, 0), 0);
	assert_int_equal(sqlite3_stmt_status(s, SQLITE_STMTSTATUS_SORT, 0), 0);
	assert_in_range(sqlite3_stmt_status(s, SQLITE_STMTSTATUS_VM_STEP, 0),
	    1, (rows + 2) * STEPS_EACH);
}

static void
picking_costs_what_is_due(void **state)
{
	int64_t row[MANY], *next = row, t;
	struct queue *q = *state;
	int n;

	fill(q);
	must(q, queue_due(q, NOW, NULL, keep_row, &next));
	n = (int)(next - row);
	assert_int_equal(n, MANY / DUE_EACH);
	assert_cheap(q, DUE, n);
	must(q, queue_next_due(q, NULL, &t));
	assert_int_equal(t, NOW);
	assert_cheap(q, NEXT_DUE, 1);
	must(q, queue_deferred(q, row[0], NOW, NOW + 300, "503"));
	assert_cheap(q, DEFER, 1);
	must(q, queue_sent(q, row[1], NOW, "201"));
	assert_cheap(q, END, 1);
}

static void
picking_of_one_domain_costs_that_domain(void **state)
{
	int64_t row[MANY], *next = row, t;
	struct queue *q = *state;

	fill(q);
	must(q, queue_due(q, NOW, "d500.example", keep_row, &next));
	assert_int_equal(next - row, 1);
	assert_int_equal(sqlite3_stmt_status(q->stmt[DUE_OF_DOMAIN],
	    SQLITE_STMTSTATUS_FULLSCAN_STEP, 0), 0);
	assert_in_range(sqlite3_stmt_status(q->stmt[DUE_OF_DOMAIN],
	    SQLITE_STMTSTATUS_VM_STEP, 0), 1, 3 * STEPS_EACH);
	must(q, queue_next_due(q, "d501.example", &t));
	assert_int_equal(t, NOW + 501);
	assert_cheap(q, NEXT_DUE_OF_DOMAIN, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, queue_dir_setup, \
	queue_dir_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(picking_costs_what_is_due),
		TEST(picking_of_one_domain_costs_that_domain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
