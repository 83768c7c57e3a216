#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "reporter/ledger.h"
#include "tests/reporter/queue_dir.h"

static void
only_mails_that_were_taken_are_counted(void **state)
{
	struct queue *q = *state;
	struct queue_delivery d[] = {
		mail_to("mailto:a@rua.example"),
		mail_to("mailto:b@rua.example"),
		mail_to("mailto:refused@rua.example"),
		mail_to("mailto:late@rua.example"),
		mail_to("mailto:waits@rua.example"),
		mail_to("mailto:a@other.example"),
		post_to("https://rua.example/in", "rua.example"),
	};

	add_report(q, DAY, 1, "example.net", d, 7);
	must(q, queue_sent(q, d[0].row, NOW, "250"));
	must(q, queue_sent(q, d[1].row, NOW + DAY_SECONDS - 1, "250"));
	must(q, queue_failed(q, d[2].row, NOW, "550"));
	must(q, queue_expired(q, d[3].row, NOW, "450"));
	must(q, queue_deferred(q, d[4].row, NOW, NOW + 300, "450"));
	must(q, queue_sent(q, d[5].row, NOW + DAY_SECONDS, "250"));
	must(q, queue_sent(q, d[6].row, NOW, "201"));
	assert_rows("SELECT day, domain, mails FROM ledger",
	    "20779 rua.example 2\n20780 other.example 1\n");

	must(q, queue_sent(q, d[0].row, NOW + 1, "250"));	/* again */
	must(q, queue_sent(q, d[4].row, NOW + 300, "250"));
	assert_rows("SELECT day, domain, mails FROM ledger WHERE day = 20779",
	    "20779 rua.example 3\n");
}

static void
a_mark_that_is_undone_is_not_counted(void **state)
{
	struct queue *q = *state;
	struct queue_delivery d = mail_to("mailto:a@rua.example");

	add_report(q, DAY, 1, "example.net", &d, 1);
	must(q, queue_begin(q));
	must(q, queue_sent(q, d.row, NOW, "250"));
	queue_rollback(q);
	assert_rows("SELECT * FROM ledger", "");
}

static const struct {
	const char *name, *domain;
	int day;
	unsigned part;
	uint64_t sessions;
	bool dry;
	int explained;
} asked[] = {
	{ "a domain we mailed nothing to", "example.org", DAY, 1, 1, false,
	    0 },
	{ "another day", "rua.example", DAY - 1, 1, 1, false, 0 },
	{ "fewer sessions than mails", "rua.example", DAY, 1, 2, true, 1 },
	{ "as many", "rua.example", DAY, 1, 3, true, 1 },
	{ "one more", "rua.example", DAY, 1, 4, true, 0 },
	{ "more than can be", "rua.example", DAY, 1, UINT64_MAX, true, 0 },
	{ "the first part", "rua.example", DAY, 1, 2, false, 1 },
	{ "a further part, dry", "rua.example", DAY, 2, 1, true, 1 },
	{ "a further part with too many, dry", "rua.example", DAY, 2, 2, true,
	    0 },
	{ "the whole day once more, dry", "rua.example", DAY, 1, 3, true, 1 },
	{ "a further part", "rua.example", DAY, 2, 1, false, 1 },
	{ "a part beyond the mails", "rua.example", DAY, 3, 1, false, 0 },
	{ "and none after it", "rua.example", DAY, 4, 1, false, 0 },
};

static void
sessions_of_all_parts_are_held_against_the_mails(void **state)
{
	struct queue *q = *state;

	sql_run("INSERT INTO ledger (day, domain, mails)"
	    " VALUES (20778, 'rua.example', 3)");
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		print_message("  %s\n", asked[i].name);
		if (!asked[i].dry)
			must(q, queue_begin(q));
		assert_int_equal(ledger_explains(q, asked[i].domain,
		    asked[i].day, asked[i].part, asked[i].sessions),
		    asked[i].explained);
		if (!asked[i].dry)
			must(q, queue_commit(q));
	}
	/* A day that was not committed was not seen. */
	sql_run("UPDATE ledger SET sessions = 0");
	must(q, queue_begin(q));
	assert_int_equal(ledger_explains(q, "rua.example", DAY, 1, 3), 1);
	queue_rollback(q);
	assert_rows("SELECT sessions FROM ledger", "0\n");
}

static void
old_days_are_forgotten(void **state)
{
	struct queue *q = *state;

	sql_run("INSERT INTO ledger (day, domain, mails) VALUES"
	    " (20776, 'a.example', 1), (20777, 'a.example', 1),"
	    " (20778, 'a.example', 1)");
	must(q, ledger_purge(q, 20777));
	assert_rows("SELECT day FROM ledger", "20777\n20778\n");
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, queue_dir_setup, \
	queue_dir_teardown)
	const struct CMUnitTest tests[] = {
		TEST(only_mails_that_were_taken_are_counted),
		TEST(a_mark_that_is_undone_is_not_counted),
		TEST(sessions_of_all_parts_are_held_against_the_mails),
		TEST(old_days_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
