#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "aggregator/report.h"

#define DAY	20778		/* 2026-11-21 */

static struct report
name(const char *submitter, const char *source, const char *domain, int day,
    unsigned part, struct arena *a)
{
	struct report_identity who = { "Example Org", "tls@example.org",
		submitter, source };
	struct report r = { .who = &who, .domain = domain, .day = day,
		.part = part };

	report_name(&r, a);
	return r;
}

/*
 * The names as the first version of this program made them: a later one must
 * make the same, or a report repeated across an upgrade is not recognised.
 */
static void
names_are_the_same_for_ever(void **state)
{
	struct arena a = { 0 };
	struct report r = name("example.org", "mta1", "example.net", DAY, 1,
	    &a);

	(void)state;
	assert_string_equal(r.uid, "bd4df42715ee994c");
	assert_string_equal(r.id,
	    "2026-11-21.example.net.bd4df42715ee994c@example.org");
	assert_string_equal(r.filename,
	    "example.org!example.net!1795219200!1795305599!bd4df42715ee994c");
	arena_release(&a);
}

static void
each_of_the_five_makes_another_name(void **state)
{
	static const struct {
		const char *what, *submitter, *source, *domain;
		int day;
		unsigned part;
	} rows[] = {
		{ "the first", "example.org", "mta1", "example.net", DAY, 1 },
		{ "submitter", "example.com", "mta1", "example.net", DAY, 1 },
		{ "source", "example.org", "mta2", "example.net", DAY, 1 },
		{ "domain", "example.org", "mta1", "example.com", DAY, 1 },
		{ "day", "example.org", "mta1", "example.net", DAY + 1, 1 },
		{ "part", "example.org", "mta1", "example.net", DAY, 2 },
		{ "source and domain run together", "example.org",
		    "mta1example", ".net", DAY, 1 },
		{ "day and part run together", "example.org", "mta1",
		    "example.net", DAY / 10, 81 },
	};
	enum { N = sizeof(rows) / sizeof(rows[0]) };
	struct report r[N];
	struct arena a = { 0 };

	(void)state;
	for (size_t i = 0; i < N; i++) {
		r[i] = name(rows[i].submitter, rows[i].source, rows[i].domain,
		    rows[i].day, rows[i].part, &a);
		assert_int_equal(strlen(r[i].uid), 16);
		assert_int_equal(strspn(r[i].uid, "0123456789abcdef"), 16);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(r[i].uid, r[k].uid);
	}
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_the_same_for_ever),
		cmocka_unit_test(each_of_the_five_makes_another_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
