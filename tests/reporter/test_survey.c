#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/mem.h"
#include "reporter/survey.h"
#include "reporter/survey_page.h"
#include "spool/day.h"

#define FROM	20727		/* 2026-10-01 */
#define TO	(FROM + 29)

static int number;		/* of reports: makes each id its own */

/* A report about one day of a domain with one policy and n details. */
static bool
add_as(struct survey_book *b, const char *id, const char *domain, int day,
    const char *type, uint64_t successful, uint64_t failed,
    struct reading_detail *details, size_t n)
{
	char begin[DAY_TEXT + 10], text[DAY_TEXT];
	struct reading_policy p = { .type = type, .domain = domain,
	    .successful = successful, .failed = failed, .ndetails = n,
	    .details = details };
	struct reading r = { .contact = "tls@sender.example", .id = id,
	    .domain = domain, .begin = begin, .successful = successful,
	    .failed = failed, .npolicies = 1, .policies = &p };

	fmt(begin, sizeof(begin), "%sT00:00:00Z", day_format(day, text));
	return survey_report(b, &r);
}

static bool
add(struct survey_book *b, const char *domain, int day, const char *type,
    uint64_t successful, uint64_t failed, const char *result)
{
	struct reading_detail d = { .result = result, .n = failed,
	    .mx_hostname = "mx.example" };
	char id[32];

	fmt(id, sizeof(id), "%d@sender.example", ++number);
	return add_as(b, id, domain, day, type, successful, failed, &d,
	    result != NULL);
}

static void
sums(void **state)
{
	struct survey_book *b = survey_new(FROM, TO);
	const struct survey *s;

	(void)state;
	assert_true(add(b, "a.example", FROM + 2, "sts", 10, 5, "x"));
	assert_true(add(b, "A.Example.", FROM, "tlsa", 20, 2, "y"));
	assert_true(add(b, "b.example", FROM, "sts", 7, 0, NULL));
	assert_true(add(b, "c.example", FROM + 2, "odd", 0, 9, "y"));
	assert_true(add(b, "a.example", FROM + 2, NULL, 1, 0, NULL));
	survey_delivery(b, QUEUE_SENT);
	s = survey_finish(b);

	assert_int_equal(s->reports, 5);
	assert_int_equal(s->count.successful, 38);
	assert_int_equal(s->count.failed, 16);
	assert_int_equal(s->ndomains, 3);
	assert_int_equal(s->deliveries[QUEUE_SENT], 1);

	assert_int_equal(s->ndays, 2);
	assert_int_equal(s->days[0].day, FROM);
	assert_int_equal(s->days[0].policy[SURVEY_TLSA].failed, 2);
	assert_int_equal(s->days[0].policy[SURVEY_STS].successful, 7);
	assert_int_equal(s->days[1].day, FROM + 2);
	assert_int_equal(s->days[1].policy[SURVEY_OTHER].failed, 9);
	assert_int_equal(s->days[1].policy[SURVEY_OTHER].successful, 1);

	assert_int_equal(s->nfailing, 2);
	assert_string_equal(s->failing[0]->name, "c.example");
	assert_string_equal(s->failing[1]->name, "a.example");
	assert_int_equal(s->failing[1]->count.failed, 7);
	assert_int_equal(s->failing[1]->npoints, 2);
	assert_int_equal(s->failing[1]->points[0].day, FROM);
	assert_int_equal(s->failing[1]->points[1].count.successful, 11);
	assert_string_equal(s->failing[1]->details->result, "x");

	assert_int_equal(s->nresults, 2);
	assert_string_equal(s->results[0].result, "y");
	assert_int_equal(s->results[0].n, 11);
	assert_int_equal(s->results[0].domains, 2);
	survey_free(b);
}

static void
what_does_not_count(void **state)
{
	struct survey_book *b = survey_new(FROM, TO);
	struct reading none = { 0 };

	(void)state;
	assert_false(add(b, "a.example", FROM - 1, "sts", 1, 0, NULL));
	assert_false(add(b, "a.example", TO + 1, "sts", 1, 0, NULL));
	assert_false(survey_report(b, &none));
	none.domain = "a.example";
	none.begin = "2026-10-32T00:00:00Z";
	assert_false(survey_report(b, &none));
	assert_true(add_as(b, "1", "a.example", FROM, "sts", 1, 0, NULL, 0));
	assert_false(add_as(b, "1", "a.example", FROM, "sts", 1, 0, NULL, 0));
	assert_true(add_as(b, "2", "a.example", FROM, "sts", 1, 0, NULL, 0));
	assert_int_equal(survey_finish(b)->reports, 2);
	assert_int_equal(survey_finish(b)->repeated, 1);
	survey_free(b);
}

/* No sender can make us grow with what it makes up. */
static void
bounds(void **state)
{
	struct survey_book *b = survey_new(FROM, TO);
	const struct survey *s;
	char text[2000];
	uint64_t sum = 0;

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (int i = 0; i < 1000; i++) {
		fmt(text, sizeof(text), "result%d", i);
		assert_true(add(b, "a.example", FROM, "sts", 0, 1, text));
		text[strlen(text)] = 'x';
	}
	assert_true(add(b, "a.example", FROM, "sts", 0, 1, "dane-required"));
	s = survey_finish(b);
	assert_int_equal(s->failing[0]->ndetails, SURVEY_DETAILS_MAX);
	assert_int_equal(s->failing[0]->others, 1001 - SURVEY_DETAILS_MAX);
	assert_true(s->nresults <= SURVEY_RESULTS_MAX + 2);
	for (size_t i = 0; i < s->nresults; i++)
		sum += s->results[i].n;
	assert_int_equal(sum, 1001);
	survey_free(b);
}

/* Long texts are one detail, not one a time; cut at a character. */
static void
long_texts(void **state)
{
	struct survey_book *b = survey_new(FROM, TO);
	const struct survey *s;
	char text[SURVEY_TEXT_MAX + 100] = "x";

	(void)state;
	for (size_t i = 1; i + 2 < sizeof(text); i += 2) {
		text[i] = '\xc3';		/* U+00E9 */
		text[i + 1] = '\xa9';
	}
	for (int i = 0; i < 5; i++)
		assert_true(add(b, "a.example", FROM, "sts", 0, 1, text));
	s = survey_finish(b);
	assert_int_equal(s->failing[0]->ndetails, 1);
	assert_int_equal(s->failing[0]->details->n, 5);
	assert_int_equal(strlen(s->failing[0]->details->result),
	    SURVEY_TEXT_MAX - 1);
	survey_free(b);
}

static char *
page_of(struct survey_book *b, size_t *len)
{
	char *page = NULL;
	FILE *f = xmemstream(&page, len);

	survey_page(f, survey_finish(b), day_first(TO));
	xmemclose(f);
	survey_free(b);
	return page;
}

/* Not by strstr, which a sanitizer has look at all that is left each time. */
static size_t
count(const char *text, const char *part)
{
	size_t n = 0, len = strlen(part);

	for (; *text != '\0'; text++)
		n += *text == *part && strncmp(text, part, len) == 0;
	return n;
}

static void
pages(void **state)
{
	struct survey_book *b = survey_new(FROM, TO);
	size_t len;
	char *page;

	(void)state;
	page = page_of(b, &len);
	assert_non_null(strstr(page, "There are none for these days"));
	free(page);

	b = survey_new(FROM, TO);
	assert_true(add(b, "a.example", FROM, "sts", 1234567, 0, NULL));
	page = page_of(b, &len);
	assert_non_null(strstr(page, "No domain fails"));
	assert_non_null(strstr(page, "1&#8239;234&#8239;567"));
	free(page);

	b = survey_new(FROM, TO);
	assert_true(add(b, "a.example", FROM, "sts", 3, 1, "<b>"));
	assert_true(add(b, "b\"><script>", FROM, "sts", 1, 3, "y"));
	page = page_of(b, &len);
	assert_int_equal(count(page, "<section class=domain"), 2);
	assert_int_equal(count(page, "href=#d"), 2);
	assert_int_equal(count(page, "<script>"), 1);
	assert_null(strstr(page, "<b>"));
	assert_non_null(strstr(page, "b&quot;&gt;&lt;script&gt;"));
	free(page);
}

/* As many domains as you like: the table has them all, the page an end. */
static void
large_pages(void **state)
{
	struct survey_book *b = survey_new(FROM, TO);
	char name[300], result[] = "result00";
	size_t len, links, sections;
	char *page;

	(void)state;
	for (int i = 0; i < 12000; i++)
		for (int k = 0; k < 4; k++) {
			fmt(name, sizeof(name), "a-domain-with-a-name%05d.of-"
			    "more-than-the-usual-length.example", i);
			result[7] = (char)('0' + k);
			assert_true(add(b, name, FROM + k, "sts", 1,
			    (uint64_t)(i + 1), result));
		}
	page = page_of(b, &len);
	assert_true(len < 8000000);
	assert_int_equal(count(page, "<tr><th scope=row>"), 12000);
	links = count(page, "href=#d");
	sections = count(page, "<section class=domain");
	assert_int_equal(links, sections);
	assert_true(sections > 5000 && sections < 12000);
	assert_non_null(strstr(page, "the page would be too large"));
	free(page);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums),
		cmocka_unit_test(what_does_not_count),
		cmocka_unit_test(bounds),
		cmocka_unit_test(long_texts),
		cmocka_unit_test(pages),
		cmocka_unit_test(large_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
