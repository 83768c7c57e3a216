#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "reporter/suppress.h"
#include "tests/reporter/queue_dir.h"

#define GONE	"mailto:gone@rua.example"

static void
add(struct queue *q, const char *destination, int64_t since, int64_t until,
    const char *reason)
{
	const struct suppression s = { destination, since, until, reason };

	must(q, suppress_add(q, &s));
}

static int
check(struct queue *q, const char *destination, int64_t now)
{
	char why[128];
	int rc = suppress_check(q, destination, now, why, sizeof(why));

	must(q, rc);
	return rc;
}

static void
it_lasts_as_long_as_it_says(void **state)
{
	add(*state, GONE, NOW, NOW + 100, "550");
	assert_int_equal(check(*state, GONE, NOW), 1);
	assert_int_equal(check(*state, GONE, NOW + 99), 1);
	assert_int_equal(check(*state, GONE, NOW + 100), 0);
	assert_int_equal(check(*state, "mailto:other@rua.example", NOW), 0);
	*state = queue_reopen(*state, QUEUE_READ);
	assert_int_equal(check(*state, GONE, NOW), 1);
}

static void
a_further_one_makes_it_longer_and_never_shorter(void **state)
{
	add(*state, GONE, NOW, NOW + 100, "first");
	add(*state, GONE, NOW + 50, NOW + 150, "second");
	assert_int_equal(check(*state, GONE, NOW + 149), 1);
	add(*state, GONE, NOW + 60, NOW + 70, "third");
	assert_int_equal(check(*state, GONE, NOW + 149), 1);
	assert_rows("SELECT since, until, reason FROM suppression",
	    "1795305600 1795305750 third\n");
}

static void
the_reason_is_told(void **state)
{
	char why[128];

	add(*state, GONE, NOW, NOW + 30 * DAY_SECONDS, "5.1.1 no such user");
	assert_int_equal(suppress_check(*state, GONE, NOW, why, sizeof(why)),
	    1);
	assert_string_equal(why,
	    "suppressed until 2026-12-22: 5.1.1 no such user");
}

static int
print(void *arg, const struct suppression *s)
{
	fprintf(arg, "%s %lld %lld %s\n", s->destination,
	    (long long)(s->since - NOW), (long long)(s->until - NOW),
	    s->reason);
	return 0;
}

static int
stop_at_once(void *arg, const struct suppression *s)
{
	(void)s;
	++*(int *)arg;
	return 1;
}

static void
those_in_force_are_listed(void **state)
{
	char *text;
	size_t len;
	FILE *f = xmemstream(&text, &len);
	int n = 0;

	add(*state, "mailto:b@rua.example", NOW, NOW + 100, "two");
	add(*state, "mailto:over@rua.example", NOW, NOW + 10, "over");
	add(*state, "mailto:a@rua.example", NOW + 1, NOW + 200, "one");
	must(*state, suppress_list(*state, NOW + 10, print, f));
	xmemclose(f);
	assert_string_equal(text, "mailto:a@rua.example 1 200 one\n"
	    "mailto:b@rua.example 0 100 two\n");
	free(text);
	must(*state, suppress_list(*state, NOW, stop_at_once, &n));
	assert_int_equal(n, 1);
}

static void
those_that_ended_are_forgotten(void **state)
{
	add(*state, "mailto:a@rua.example", NOW, NOW + 100, "one");
	add(*state, "mailto:b@rua.example", NOW, NOW + 101, "two");
	must(*state, suppress_purge(*state, NOW + 100));
	assert_rows("SELECT reason FROM suppression", "two\n");
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, queue_dir_setup, \
	queue_dir_teardown)
	const struct CMUnitTest tests[] = {
		TEST(it_lasts_as_long_as_it_says),
		TEST(a_further_one_makes_it_longer_and_never_shorter),
		TEST(the_reason_is_told),
		TEST(those_in_force_are_listed),
		TEST(those_that_ended_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
