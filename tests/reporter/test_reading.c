#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/mem.h"
#include "reporter/json.h"
#include "reporter/reading.h"
#include "tests/reporter/expect.h"
#include "tests/reporter/sample_report.h"

/* What is read: domain good/bad (n findings), or why not. */
static const struct {
	const char *what, *json, *want;
} rows[] = {
	{ "empty", "", "not JSON: line 1: '[' or '{' expected near end of "
	    "file" },
	{ "cut", "{\"policies\":[", "not JSON: line 1: ']' expected near end of "
	    "file" },
	{ "no report", "{\"a\":1}", "no TLS report: it has no policies" },
	{ "a list", "[]", "no TLS report: it has no policies" },
	{ "policies of another kind", "{\"policies\":{}}",
	    "no TLS report: it has no policies" },
	{ "nothing but policies", "{\"policies\":[]}", "- 0/0 (6)" },
	{ "a byte order mark", "\xef\xbb\xbf{\"policies\":[]}", "- 0/0 (7)" },
	{ "a key twice", "{\"policies\":[],\"policies\":[]}", "- 0/0 (7)" },
	{ "rubbish in policies", "{\"policies\":[1,null,[],{}]}",
	    "- 0/0 (9)" },
	{ "strings and lists where objects belong",
	    "{\"policies\":[\"a\",[{\"policy\":{}}],{\"policy\":[\"b\"],"
	    "\"failure-details\":[\"c\",{\"x\":{\"y\":[1]}}]}]}",
	    "- 0/0 (12)" },
	{ "nested deeply", "{\"policies\":[{\"policy\":{\"policy-string\":"
	    "[[[[[[[[[[[[{\"policy-domain\":\"x\"}]]]]]]]]]]]],\"policy-domain"
	    "\":\"a.example\"}}]}", "a.example 0/0 (7)" },
	{ "a text for a list of one", "{\"policies\":[{\"policy\":{"
	    "\"mx-host\":\"m\",\"policy-domain\":\"a.example\"}}]}",
	    "a.example 0/0 (7)" },
	{ "policies twice: the last", "{\"policies\":[{\"policy\":{"
	    "\"policy-domain\":\"a.example\"}}],\"policies\":[{\"policy\":{"
	    "\"policy-domain\":\"b.example\"}}]}", "b.example 0/0 (7)" },
	{ "text behind it", "{\"policies\":[]}{", "not JSON: line 1: end of "
	    "file expected near '{'" },
	{ "no UTF-8", "{\"policies\":[],\"x\":\"\xff\"}", "not JSON: line 1: "
	    "unable to decode byte 0xff near '\"'" },
	{ "counts as senders write them", "{\"policies\":["
	    "{\"summary\":{\"total-successful-session-count\":1.0,"
	    "\"total-failure-session-count\":-1}},"
	    "{\"summary\":{\"total-successful-session-count\":\"7\","
	    "\"total-failure-session-count\":1e300}}]}", "- 1/0 (10)" },
	{ "more than can be counted", "{\"policies\":["
	    "{\"summary\":{\"total-successful-session-count\":"
	    "9223372036854775807}},{\"summary\":{\"total-successful-session-"
	    "count\":9223372036854775807}},{\"summary\":{\"total-successful-"
	    "session-count\":9223372036854775807}}]}",
	    "- 18446744073709551615/0 (13)" },
	{ "the domain is that of the policy that is not TLSA",
	    "{\"policies\":[{\"policy\":{\"policy-type\":\"tlsa\","
	    "\"policy-domain\":\"mx.example\"}},{\"policy\":{\"policy-type\":"
	    "\"sts\",\"policy-domain\":\"example.net\"}}]}",
	    "example.net 0/0 (6)" },
	{ "or that of TLSA, if there is no other",
	    "{\"policies\":[{\"policy\":{\"policy-type\":\"tlsa\","
	    "\"policy-domain\":\"mx.example\"}}]}", "mx.example 0/0 (5)" },
};

static char *
read_text(const char *text, size_t len)
{
	const struct lint_names names = { 0 };
	struct arena a = { 0 };
	struct reading r;
	char *got;

	if (reading_parse(&r, text, len, &names, true, &a, &got) == 0)
		got = xasprintf("%s %" PRIu64 "/%" PRIu64 " (%zu)",
		    r.domain ? r.domain : "-", r.successful, r.failed,
		    r.lint.n);
	reading_release(&r);
	arena_release(&a);
	return got;
}

static void
what_comes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect(rows[i].what, read_text(rows[i].json,
		    strlen(rows[i].json)), rows[i].want);
}

static void
too_large(void **state)
{
	char *text = xmalloc(READING_MAX + 1);

	(void)state;
	memset(text, ' ', READING_MAX + 1);
	expect("too large", read_text(text, READING_MAX + 1),
	    "larger than 33554432 bytes");
	free(text);
}

/* What we send comes back as it was, and there is nothing to say about it. */
static void
our_own(void **state)
{
	const struct lint_names names = { .domain = "example.net",
	    .submitter = "example.org", .filename = sample_report.filename,
	    .report_id = sample_report.id };
	const struct reading_detail *d;
	struct arena a = { 0 };
	struct reading r;
	size_t len;
	char *json = json_report(&sample_report, false, &len), *why;

	(void)state;
	assert_int_equal(reading_parse(&r, json, len, &names, true, &a,
	    &why), 0);
	assert_int_equal(r.lint.n, 0);
	assert_string_equal(r.organization, sample_identity.organization);
	assert_string_equal(r.contact, sample_identity.contact);
	assert_string_equal(r.id, sample_report.id);
	assert_string_equal(r.begin, "2026-11-21T00:00:00Z");
	assert_int_equal(r.successful, 87);
	assert_int_equal(r.failed, 4);
	assert_int_equal(r.npolicies, 3);
	assert_string_equal(r.policies[1].type, "sts");
	assert_int_equal(r.policies[1].nstrings, 5);
	assert_string_equal(r.policies[1].mx[1], "mx1.example.net");
	assert_int_equal(r.policies[1].ndetails, 3);
	d = &r.policies[1].details[1];
	assert_string_equal(d->result, "validation-failure");
	assert_string_equal(d->sending_ip, "192.0.2.1");
	assert_string_equal(d->mx_hostname, "mx1.example.net");
	assert_string_equal(d->mx_helo, "mx1");
	assert_string_equal(d->receiving_ip, "192.0.2.25");
	assert_string_equal(d->reason, sample_details[1].reason);
	assert_string_equal(d->additional_info,
	    sample_details[1].additional_info);
	assert_int_equal(d->n, 1);
	assert_null(r.policies[1].details[2].mx_hostname);
	reading_release(&r);
	arena_release(&a);
	free(json);
}

/* A mail's header, or a name, is closer to the truth than a guess. */
static void
names_from_the_mail(void **state)
{
	struct lint_names names = { .domain = "example.com",
	    .filename = "a.example!b.example!1!2" };
	struct arena a = { 0 };
	struct reading r;
	char *why;

	(void)state;
	assert_int_equal(reading_parse(&r, "{\"policies\":[]}", 15, &names,
	    false, &a, &why), 0);
	assert_string_equal(r.domain, "example.com");
	assert_int_equal(r.lint.n, 0);		/* nobody asked */
	reading_release(&r);
	names.domain = NULL;
	assert_int_equal(reading_parse(&r, "{\"policies\":[]}", 15, &names,
	    false, &a, &why), 0);
	assert_string_equal(r.domain, "b.example");
	reading_release(&r);
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_comes),
		TEST(too_large),
		TEST(our_own),
		TEST(names_from_the_mail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
