#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "reporter/quota.h"
#include "tests/reporter/queue_dir.h"

static struct conf
limits(long address, long host)
{
	struct conf c = { 0 };

	c.deliver.per_address_day = address;
	c.deliver.per_host_day = host;
	return c;
}

/* How many of n reports to one destination there is room for. */
static int
room(struct queue *q, const struct conf *c, int day,
    const struct queue_delivery *d, int n)
{
	char why[128];
	int taken = 0, rc;

	must(q, queue_begin(q));
	while (n-- > 0) {
		rc = quota_take(q, c, day, d, why, sizeof(why));
		must(q, rc);
		taken += rc;
	}
	must(q, queue_commit(q));
	return taken;
}

static void
one_address_gets_so_many_of_a_day(void **state)
{
	struct conf c = limits(3, 100);
	struct queue_delivery a = mail_to("mailto:a@victim.example"),
	    b = mail_to("mailto:b@victim.example");

	assert_int_equal(room(*state, &c, DAY, &a, 5), 3);
	assert_int_equal(room(*state, &c, DAY, &b, 2), 2);
	assert_int_equal(room(*state, &c, DAY + 1, &a, 5), 3);
	/* In another run, and for a further part, none is left. */
	*state = queue_reopen(*state, QUEUE_WRITE);
	assert_int_equal(room(*state, &c, DAY, &a, 1), 0);
}

static void
one_host_gets_so_many_by_mail_and_https(void **state)
{
	struct conf c = limits(100, 4);
	struct queue_delivery a = mail_to("mailto:a@victim.example"),
	    b = mail_to("mailto:b@victim.example"),
	    w = post_to("https://victim.example/1", "victim.example"),
	    x = post_to("https://victim.example/2", "victim.example"),
	    other = post_to("https://other.example/", "other.example");

	assert_int_equal(room(*state, &c, DAY, &a, 1), 1);
	assert_int_equal(room(*state, &c, DAY, &w, 1), 1);
	assert_int_equal(room(*state, &c, DAY, &x, 1), 1);
	assert_int_equal(room(*state, &c, DAY, &b, 2), 1);
	assert_int_equal(room(*state, &c, DAY, &w, 1), 0);
	assert_int_equal(room(*state, &c, DAY, &other, 4), 4);
}

static void
a_day_that_is_rolled_back_took_none(void **state)
{
	struct conf c = limits(3, 100);
	struct queue_delivery a = mail_to("mailto:a@victim.example");
	char why[128];

	must(*state, queue_begin(*state));
	for (int i = 0; i < 3; i++)
		must(*state, quota_take(*state, &c, DAY, &a, why,
		    sizeof(why)));
	queue_rollback(*state);
	assert_int_equal(room(*state, &c, DAY, &a, 5), 3);
}

static void
no_limit_is_none(void **state)
{
	struct conf c = limits(0, 0);
	struct queue_delivery a = mail_to("mailto:a@victim.example"),
	    w = post_to("https://victim.example/", "victim.example");

	assert_int_equal(room(*state, &c, DAY, &a, 2000), 2000);
	assert_int_equal(room(*state, &c, DAY, &w, 2000), 2000);
	assert_rows("SELECT * FROM quota", "");
}

static void
a_look_up_is_not_yet_a_report(void **state)
{
	struct conf c = limits(1, 1);
	struct queue_delivery l = { .transport = QUEUE_LOOKUP,
	    .uri = "dns", .host = "dns" };

	assert_int_equal(room(*state, &c, DAY, &l, 3), 3);
}

static const struct {
	const char *name, *uri;
	long address, host;
	const char *why;
} refused[] = {
	{ "an address", "mailto:a@victim.example", 2, 9,
	    "left out: more than 2 reports of one day to one address "
	    "([deliver] per_address_day)" },
	{ "its host", "mailto:a@victim.example", 9, 2,
	    "left out: more than 2 reports of one day to one host "
	    "([deliver] per_host_day)" },
};

static void
a_refusal_names_the_setting(void **state)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		struct conf c = limits(refused[i].address, refused[i].host);
		struct queue_delivery d = mail_to(refused[i].uri);
		char why[128] = "";
		int day = DAY + (int)i;

		print_message("  %s\n", refused[i].name);
		room(*state, &c, day, &d, 2);
		must(*state, queue_begin(*state));
		assert_int_equal(quota_take(*state, &c, day, &d, why,
		    sizeof(why)), 0);
		assert_string_equal(why, refused[i].why);
		must(*state, queue_commit(*state));
	}
}

/* How many of n a dry run would let through. */
static int
pretended(struct quota_dry *dry, struct queue *q, const struct conf *c,
    int day, const struct queue_delivery *d, int n)
{
	char why[128];
	int taken = 0, rc;

	while (n-- > 0) {
		rc = quota_pretend(dry, q, c, day, d, why, sizeof(why));
		assert_int_not_equal(rc, -1);
		taken += rc;
	}
	return taken;
}

static void
a_dry_run_counts_on_and_changes_nothing(void **state)
{
	struct conf c = limits(3, 4);
	struct queue_delivery a = mail_to("mailto:a@victim.example"),
	    b = mail_to("mailto:b@victim.example");
	struct quota_dry dry = { 0 };

	room(*state, &c, DAY, &a, 1);
	*state = queue_reopen(*state, QUEUE_READ);
	assert_int_equal(pretended(&dry, *state, &c, DAY, &a, 5), 2);
	assert_int_equal(pretended(&dry, *state, &c, DAY, &b, 5), 1);
	assert_int_equal(pretended(&dry, *state, &c, DAY + 1, &a, 5), 3);
	quota_dry_release(&dry);
	*state = queue_reopen(*state, QUEUE_WRITE);
	assert_int_equal(room(*state, &c, DAY, &a, 5), 2);
}

static void
so_does_one_without_a_queue(void **state)
{
	struct conf c = limits(3, 4);
	struct queue_delivery a = mail_to("mailto:a@victim.example");
	struct quota_dry dry = { 0 };

	(void)state;
	assert_int_equal(pretended(&dry, NULL, &c, DAY, &a, 5), 3);
	quota_dry_release(&dry);
	assert_int_equal(pretended(&dry, NULL, &c, DAY, &a, 5), 3);
	quota_dry_release(&dry);
}

/* What it logs to stderr. */
static char *
logged(struct queue *q, const struct conf *c, int day)
{
	char *text = xcalloc(1, 4096);
	FILE *f = tmpfile();
	int saved = dup(2);

	assert_non_null(f);
	dup2(fileno(f), 2);
	must(q, quota_log(q, c, day));
	dup2(saved, 2);
	close(saved);
	rewind(f);
	assert_true(fread(text, 1, 4095, f) < 4095);
	fclose(f);
	return text;
}

static void
what_was_left_out_is_logged(void **state)
{
	struct conf c = limits(3, 4);
	struct queue_delivery a = mail_to("mailto:a@victim.example"),
	    b = mail_to("mailto:b@victim.example"),
	    w = post_to("https://web.example/", "web.example"),
	    full = post_to("https://full.example/", "full.example");
	char *text;

	room(*state, &c, DAY, &a, 10);
	room(*state, &c, DAY, &full, 4);
	room(*state, &c, DAY, &b, 1);
	room(*state, &c, DAY, &w, 6);
	room(*state, &c, DAY + 1, &a, 4);
	text = logged(*state, &c, DAY);
	assert_non_null(strstr(text, " reports left out day=2026-11-21 "
	    "address=mailto:a@victim.example limit=3 left-out=7\n"));
	assert_non_null(strstr(text, " reports left out day=2026-11-21 "
	    "host=web.example limit=4 left-out=2\n"));
	assert_null(strstr(text, "b@victim.example"));
	assert_null(strstr(text, "full.example"));	/* none was left out */
	free(text);
	text = logged(*state, &c, DAY - 1);
	assert_string_equal(text, "");
	free(text);
}

static void
old_days_are_forgotten(void **state)
{
	struct conf c = limits(3, 4);
	struct queue_delivery w = post_to("https://web.example/",
	    "web.example");

	room(*state, &c, DAY - 1, &w, 1);
	room(*state, &c, DAY, &w, 2);
	must(*state, quota_purge(*state, DAY));
	assert_rows("SELECT day, reports FROM quota", "20778 2\n");
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, queue_dir_setup, \
	queue_dir_teardown)
	const struct CMUnitTest tests[] = {
		TEST(one_address_gets_so_many_of_a_day),
		TEST(one_host_gets_so_many_by_mail_and_https),
		TEST(a_day_that_is_rolled_back_took_none),
		TEST(no_limit_is_none),
		TEST(a_look_up_is_not_yet_a_report),
		TEST(a_refusal_names_the_setting),
		TEST(a_dry_run_counts_on_and_changes_nothing),
		TEST(so_does_one_without_a_queue),
		TEST(what_was_left_out_is_logged),
		TEST(old_days_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
