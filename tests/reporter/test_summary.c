#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/json.h"
#include "reporter/summary.h"
#include "tests/reporter/golden.h"
#include "tests/reporter/sample_report.h"

/* With figures by way of its JSON, which is all that they are made of. */
static char *
text_on(const struct report *r)
{
	json_t *tree = json_tree(r);
	char *figures = summary_figures_of(tree, NULL), *text;
	const struct summary s = {
		.organization = r->who->organization,
		.contact = r->who->contact, .submitter = r->who->submitter,
		.domain = r->domain, .day = r->day, .part = r->part,
		.successful = r->successful, .failed = r->failed,
		.figures = figures,
	};

	text = summary_text(&s);
	json_decref(tree);
	free(figures);
	return text;
}

static void
a_small_day(void **state)
{
	char *text = text_on(&sample_report);

	(void)state;
	golden("summary.txt", text, strlen(text));
	free(text);
}

static size_t
widest(const char *text)
{
	size_t width = 0, widest = 0;

	for (; *text != '\0'; text++) {
		if (*text == '\n')
			width = 0;
		else if (((unsigned char)*text & 0xc0) != 0x80)
			width++;
		widest = width > widest ? width : widest;
	}
	return widest;
}

static void
long_texts_are_wrapped_and_cannot_write_lines(void **state)
{
	struct report_detail d = sample_details[0];
	struct report_policy p = sample_policies[1];
	struct report r = sample_report;
	char *text;

	(void)state;
	d.reason = "one\r\nFrom: two\tthree\x7f\x01 \u00e4\u00f6\u00fc "
	    "and a great many more words than would ever find room in one "
	    "line of a mail, \u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4 "
	    "\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4";
	d.receiving_ip = NULL;
	p.ndetails = 1;
	p.details = &d;
	r.npolicies = 1;
	r.policies = &p;
	text = text_on(&r);
	assert_true(widest(text) <= 76);
	assert_non_null(strstr(text, "at mx1.example.net\n"));
	assert_non_null(strstr(text, "reason: one From: two three \u00e4"));
	assert_null(strpbrk(text, "\r\t\x7f\x01"));
	free(text);

	/* Columns are characters, not bytes. */
	d.reason = "\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4 "
	    "\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4 "
	    "\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4 "
	    "\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4\u00e4";
	text = text_on(&r);
	assert_non_null(strstr(text, d.reason));
	free(text);

	/* A single word that is longer stays in one piece. */
	d.mx_hostname = NULL;
	d.mx_helo = NULL;
	d.receiving_ip = "2001:db8::1";
	d.reason = "0123456789012345678901234567890123456789"
	    "0123456789012345678901234567890123456789";
	text = text_on(&r);
	assert_non_null(strstr(text, d.reason));
	assert_non_null(strstr(text, "at 2001:db8::1\n"));
	free(text);
}

static void
much_is_cut_short(void **state)
{
	enum { DETAILS = 25, POLICIES = 30 };
	struct report_detail details[DETAILS];
	struct report_policy policies[POLICIES];
	struct report r = sample_report;
	size_t lines = 0;
	char *text;

	(void)state;
	for (size_t i = 0; i < DETAILS; i++)
		details[i] = sample_details[0];
	for (size_t i = 0; i < POLICIES; i++) {
		policies[i] = sample_policies[1];
		policies[i].ndetails = DETAILS;
		policies[i].details = details;
	}
	r.npolicies = POLICIES;
	r.policies = policies;
	r.part = 2;
	text = text_on(&r);
	assert_non_null(strstr(text, "and 15 more, see the attachment\n"));
	assert_non_null(strstr(text, "And 10 more policies, see the "));
	assert_non_null(strstr(text, "These figures came in late"));
	for (const char *s = text; (s = strchr(s, '\n')) != NULL; s++)
		lines++;
	assert_in_range(lines, 400, 600);
	free(text);
}

static void
shares(void **state)
{
	static const struct {
		uint64_t successful, failed;
		const char *expect;
	} rows[] = {
		{ 0, 0, "0 successful, 0 failed\n" },
		{ 1, 0, "1 successful, 0 failed (100.0 % successful)\n" },
		{ 0, 1, "0 successful, 1 failed (0.0 % successful)\n" },
		{ 2, 1, "2 successful, 1 failed (66.6 % successful)\n" },
		{ 999999, 1,
		    "999999 successful, 1 failed (99.9 % successful)\n" },
		{ 1, 999999,
		    "1 successful, 999999 failed (0.1 % successful)\n" },
		{ UINT64_MAX - 1, 1, "4294967295 successful, "
		    "1 failed (99.9 % successful)\n" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct report_policy p = sample_policies[2];
		struct report r = sample_report;
		char *text;

		p.successful = rows[i].successful;
		p.failed = rows[i].failed;
		r.npolicies = 1;
		r.policies = &p;
		text = text_on(&r);
		if (strstr(text, rows[i].expect) == NULL)
			fail_msg("no \"%s\" in:\n%s", rows[i].expect, text);
		free(text);
	}
}

/* It is looked over later, so it has to get along with anything. */
static void
what_is_missing_is_a_question_mark(void **state)
{
	struct reading_detail d = { .result = "new-failure", .n = 1 };
	struct reading_policy p = { .ndetails = 1, .details = &d };
	const struct reading r = { .npolicies = 1, .policies = &p };
	char *text = summary_figures(&r);

	(void)state;
	assert_non_null(strstr(text, "? for ?\n"));
	assert_non_null(strstr(text, "  new-failure (new-failure)\n"));
	assert_null(strstr(text, "(null)"));
	free(text);
}

/* Every code of the record has its words. */
static void
all_results_have_words(void **state)
{
	struct report_detail d = sample_details[0];
	struct report_policy p = sample_policies[1];
	struct report r = sample_report;

	(void)state;
	p.ndetails = 1;
	p.details = &d;
	r.npolicies = 1;
	r.policies = &p;
	for (const struct name_code *t = result_types; t->name; t++) {
		char *text, *want;

		d.result = (enum result_type)t->code;
		text = text_on(&r);
		assert_true(asprintf(&want, "(%s)", t->name) > 0);
		assert_non_null(strstr(text, want));
		assert_null(strstr(text, "(null)"));
		free(want);
		free(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_small_day),
		cmocka_unit_test(long_texts_are_wrapped_and_cannot_write_lines),
		cmocka_unit_test(much_is_cut_short),
		cmocka_unit_test(shares),
		cmocka_unit_test(what_is_missing_is_a_question_mark),
		cmocka_unit_test(all_results_have_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
