#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "aggregator/aggregate.h"
#include "reporter/json.h"
#include "reporter/lint.h"
#include "spool/intake.h"
#include "tests/reporter/golden.h"
#include "tests/reporter/sample_report.h"

static void
a_small_day(void **state)
{
	size_t len;
	char *json;

	(void)state;
	json = json_report(&sample_report, false, &len);
	golden("report.json", json, len);
	assert_null(strchr(json, '\n'));
	free(json);
	json = json_report(&sample_report, true, &len);
	golden("report-readable.json", json, len);
	free(json);
}

static void
pass_over(void *arg, const char *line, size_t len, uint64_t n, const char *why)
{
	(void)arg;
	(void)line;
	(void)len;
	(void)n;
	(void)why;
}

/*
 * The reports of a file of records, readable, by domain.  Each of them must
 * pass the lint.
 */
static char *
reports_of(const char *file)
{
	struct aggregate *g = aggregate_new(500);
	struct intake_sink sink = { .record = aggregate_record,
		.reject = pass_over, .arg = g };
	struct intake_totals totals = { 0 };
	const struct aggregate_domain *d;
	struct arena a = { 0 };
	char *text = NULL, *json, *why;
	size_t n, len;
	FILE *f = open_memstream(&text, &len);
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	assert_true(fd != -1);
	assert_int_equal(intake_read(fd, 0, sample_report.day, &sink, &totals),
	    0);
	close(fd);
	for (n = aggregate_finish(g, &d); n > 0; n--, d++) {
		struct lint_names names;
		struct report r;

		aggregate_report(d, &sample_identity, sample_report.day, 1, &r,
		    &a);
		names = (struct lint_names){ r.who->submitter, r.domain, r.id,
			r.filename };
		json = json_report(&r, true, &len);
		assert_non_null(json);
		if ((why = lint_report(json, len, &names)) != NULL)
			fail_msg("%s: %s", r.domain, why);
		fputs(json, f);
		free(json);
	}
	fclose(f);
	arena_release(&a);
	aggregate_free(g);
	return text;
}

static void
a_day_of_records(void **state)
{
	char *text = reports_of("tests/golden/small-day.jsonl");

	(void)state;
	golden("small-day.json", text, strlen(text));
	free(text);
	/* Its figures are looked at elsewhere. */
	free(reports_of("tests/data/sample-day.jsonl"));
}

/* One policy with this in it; what its object looks like. */
static const struct {
	const char *name;
	struct report_policy p;
	const char *expect;
} cases[] = {
	{ "counts beyond 32 bits saturate",
	    { .type = POLICY_NONE, .domain = "example.net",
	    .successful = UINT64_MAX, .failed = (uint64_t)UINT32_MAX + 1 },
	    "{\"policy\":{\"policy-type\":\"no-policy-found\","
	    "\"policy-domain\":\"example.net\"},\"summary\":{"
	    "\"total-successful-session-count\":4294967295,"
	    "\"total-failure-session-count\":4294967295}}" },
	{ "the largest count is itself",
	    { .type = POLICY_NONE, .domain = "example.net",
	    .successful = UINT32_MAX, .failed = UINT32_MAX - 1 },
	    "{\"policy\":{\"policy-type\":\"no-policy-found\","
	    "\"policy-domain\":\"example.net\"},\"summary\":{"
	    "\"total-successful-session-count\":4294967295,"
	    "\"total-failure-session-count\":4294967294}}" },
	{ "an STS policy that could not be fetched has no lists",
	    { .type = POLICY_STS, .domain = "example.net", .failed = 1,
	    .ndetails = 1, .details = &sample_details[2] },
	    "{\"policy\":{\"policy-type\":\"sts\","
	    "\"policy-domain\":\"example.net\"},\"summary\":{"
	    "\"total-successful-session-count\":0,"
	    "\"total-failure-session-count\":1},\"failure-details\":[{"
	    "\"result-type\":\"sts-policy-fetch-error\","
	    "\"failed-session-count\":1}]}" },
	{ "mx-host is for sts alone",
	    { .type = POLICY_TLSA, .domain = "example.net", .nmx = 2,
	    .mx = sample_mx, .successful = 1 },
	    "{\"policy\":{\"policy-type\":\"tlsa\","
	    "\"policy-domain\":\"example.net\"},\"summary\":{"
	    "\"total-successful-session-count\":1,"
	    "\"total-failure-session-count\":0}}" },
};

static void
a_policy(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct report r = sample_report;
		char *json, *policy;
		size_t len;

		r.npolicies = 1;
		r.policies = &cases[i].p;
		json = json_report(&r, false, &len);
		assert_non_null(json);
		assert_int_equal(strlen(json), len);
		policy = strstr(json, "\"policies\":[");
		assert_non_null(policy);
		policy += strlen("\"policies\":[");
		policy[strlen(policy) - strlen("]}")] = '\0';
		if (strcmp(policy, cases[i].expect) != 0)
			print_error("%s\n", cases[i].name);
		assert_string_equal(policy, cases[i].expect);
		free(json);
	}
}

/* Whichever text is bad: no report, and nothing leaks (under ASan). */
static void
a_text_that_is_not_utf8(void **state)
{
	static const char bad[] = "\xff";
	const char *strings[] = { bad };
	struct report_detail details[6];
	struct report_policy policies[9];
	struct report_identity who[2] = { sample_identity, sample_identity };
	struct report r = sample_report;
	size_t len = 1;

	(void)state;
	for (size_t i = 0; i < 6; i++)
		details[i] = sample_details[0];
	details[0].sending_ip = bad;
	details[1].mx_hostname = bad;
	details[2].mx_helo = bad;
	details[3].receiving_ip = bad;
	details[4].additional_info = bad;
	details[5].reason = bad;
	for (size_t i = 0; i < 9; i++)
		policies[i] = sample_policies[1];
	for (size_t i = 0; i < 6; i++) {
		policies[i].ndetails = 1;
		policies[i].details = &details[i];
	}
	policies[6].domain = bad;
	policies[7].nstrings = 1;
	policies[7].strings = strings;
	policies[8].nmx = 1;
	policies[8].mx = strings;
	r.npolicies = 1;
	for (size_t i = 0; i < 9; i++) {
		r.policies = &policies[i];
		assert_null(json_report(&r, false, &len));
		assert_int_equal(len, 0);
	}
	r = sample_report;
	who[0].organization = bad;
	who[1].contact = bad;
	for (size_t i = 0; i < 2; i++) {
		r.who = &who[i];
		assert_null(json_report(&r, true, &len));
	}
	r = sample_report;
	r.id = bad;
	assert_null(json_report(&r, true, &len));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_small_day),
		cmocka_unit_test(a_day_of_records),
		cmocka_unit_test(a_policy),
		cmocka_unit_test(a_text_that_is_not_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
