#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "conf/clock.h"

#define HOUR_MS	3600000

static void
is_due_once_in_a_while(void **state)
{
	int64_t last = 0, first;

	(void)state;
	assert_true(clock_is_due(&last, HOUR_MS));
	first = last;
	assert_in_range(last, 1, clock_ms());
	assert_false(clock_is_due(&last, HOUR_MS));
	assert_int_equal(last, first);
	last -= HOUR_MS;
	assert_true(clock_is_due(&last, HOUR_MS));
	assert_true(last >= first);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_due_once_in_a_while),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
