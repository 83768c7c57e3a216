/* Databases that older releases left: tests/data/queue-v<version>.sql. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "reporter/ledger.h"
#include "tests/reporter/queue_dir.h"

static char *
read_file(const char *name)
{
	char *text = xcalloc(1, 65536);
	FILE *f = fopen(name, "r");

	if (f == NULL)
		fail_msg("%s: not there", name);
	assert_true(fread(text, 1, 65535, f) < 65535);
	fclose(f);
	return text;
}

static int
setup_version_1(void **state)
{
	char *text = read_file("tests/data/queue-v1.sql");

	queue_dir_make();
	sql_run(text);
	free(text);
	*state = queue_reopen(NULL, QUEUE_WRITE);
	return 0;
}

#define SCHEMA	"SELECT type, name, replace(sql, char(10), '') FROM sqlite_schema" \
	" WHERE name NOT LIKE 'sqlite_%' ORDER BY 1, 2"

static void
version_1_becomes_what_a_new_one_is(void **state)
{
	char *migrated = sql_rows(SCHEMA), *version =
	    sql_rows("PRAGMA user_version"), *fresh;

	queue_dir_teardown(state);
	queue_dir_setup(state);
	fresh = sql_rows(SCHEMA);
	assert_string_equal(migrated, fresh);
	assert_rows("PRAGMA user_version", version);
	free(fresh);
	free(version);
	free(migrated);
}

static void
what_was_in_version_1_is_still_there(void **state)
{
	struct queue_counts c;

	must(*state, queue_count(*state, &c));
	assert_true(c.pending == 2 && c.sent == 3 && c.failed == 1);
	assert_int_equal(queue_knows_segment(*state, 20777, "mta1-1"), 1);
	assert_rows("SELECT id, day, part, domain, quote(body) FROM report",
	    "1 20777 1 a.example X'1F8B'\n2 20778 1 a.example X'1F8B'\n"
	    "3 20778 1 b.example X'1F8B'\n");
	assert_rows("PRAGMA integrity_check", "ok\n");
	assert_rows("PRAGMA foreign_key_check", "");
}

/* It is read before it leaves, as ever. */
static void
what_was_queued_before_has_no_seal(void **state)
{
	struct queue_report r;

	must(*state, queue_get_report(*state, 1, &r));
	assert_true(r.seal == 0 && r.figures == NULL);
	queue_report_release(&r);
}

static void
what_was_sent_before_is_in_the_ledger(void **state)
{
	assert_rows("SELECT day, domain, mails, sessions FROM ledger",
	    "20778 rua.example 1 0\n20779 rua.example 2 0\n");
	assert_int_equal(ledger_explains(*state, "rua.example", 20779, 1, 2),
	    1);
	must(*state, queue_sent(*state, 5, NOW, "201"));
	assert_rows("SELECT sum(mails) FROM ledger", "3\n");
}

static void
what_was_queued_before_counts(void **state)
{
	(void)state;
	assert_rows("SELECT day, destination, reports FROM quota",
	    "20777 mailto:tls@rua.example 1\n20777 rua.example 1\n"
	    "20778 mailto:gone@rua.example 1\n"
	    "20778 mailto:tls@rua.example 2\n20778 rua.example 4\n");
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_version_1, \
	queue_dir_teardown)
	const struct CMUnitTest tests[] = {
		TEST(version_1_becomes_what_a_new_one_is),
		TEST(what_was_in_version_1_is_still_there),
		TEST(what_was_queued_before_has_no_seal),
		TEST(what_was_sent_before_is_in_the_ledger),
		TEST(what_was_queued_before_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
