#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/mem.h"
#include "reporter/lint_foreign.h"
#include "tests/reporter/expect.h"

/* A report as a large mailbox provider sends it, but for the names. */
static const char good[] =
    "{\"organization-name\":\"Example Inc.\",\"date-range\":{"
    "\"start-datetime\":\"2026-11-21T00:00:00Z\","
    "\"end-datetime\":\"2026-11-21T23:59:59Z\"},"
    "\"contact-info\":\"smtp-tls-reporting@sender.example\","
    "\"report-id\":\"1@sender.example\",\"policies\":["
    "{\"policy\":{\"policy-type\":\"sts\","
    "\"policy-string\":[\"version: STSv1\"],"
    "\"policy-domain\":\"example.net\",\"mx-host\":[\"*.example.net\"]},"
    "\"summary\":{\"total-successful-session-count\":5,"
    "\"total-failure-session-count\":2},"
    "\"failure-details\":[{\"result-type\":\"certificate-expired\","
    "\"sending-mta-ip\":\"2001:db8::1\","
    "\"receiving-mx-hostname\":\"mx1.example.net\","
    "\"failed-session-count\":2}]}]}";

#define NAME "sender.example!example.net!1795219200!1795305599!001"
#define S44 "RFC 8460 section 4.4: "

/*
 * `from` becomes `to`; all that is found, a line each, behind "wrong: " or
 * "odd: ".  The file is called name (NULL: not known).
 */
static const struct {
	const char *what, *from, *to, *name, *want;
} rows[] = {
	{ "as it should be", "", "", NAME, "" },
	{ "as it should be, without a name", "", "", NULL, "" },
	{ "a name without the last part", "", "", "sender.example!example.net!"
	    "1795219200!1795305599", "" },
	{ "two days", "21T23:59:59Z", "22T23:59:59Z", NULL,
	    "odd: RFC 8460 section 4.1: date-range.end-datetime: not the day "
	    "of start-datetime\n" },
	{ "another time zone's day", "2026-11-21T00:00:00Z",
	    "2026-11-21T07:00:00Z", NULL, "odd: RFC 8460 section 4.1: "
	    "date-range.start-datetime: \"2026-11-21T07:00:00Z\" is not a day "
	    "and T00:00:00Z\n" },
	{ "no time at all", "2026-11-21T00:00:00Z", "yesterday", NULL,
	    "wrong: RFC 8460 section 4.1: date-range.start-datetime: "
	    "\"yesterday\" is not a day and T00:00:00Z\n" },
	{ "a report-id that no Subject can have", "1@sender.example\",\"pol",
	    "2026_x\",\"pol", NULL, "odd: RFC 8460 section 5.3: report-id: "
	    "\"2026_x\" is not left@right for the Subject\n" },
	{ "an empty list", "[\"version: STSv1\"]", "[]", NULL,
	    "odd: " S44 "policies[0].policy.policy-string: empty\n" },
	{ "a key of their own", "\"policies\"", "\"x\":1,\"policies\"", NULL,
	    "odd: " S44 "unknown key \"x\"\n" },
	{ "a domain in capitals", "\"example.net\"", "\"Example.net.\"", NULL,
	    "odd: " S44 "policies[0].policy.policy-domain: \"Example.net.\" is "
	    "not a domain of lower-case A-labels\n" },
	{ "no domain", "\"example.net\"", "\"example net\"", NULL,
	    "wrong: " S44 "policies[0].policy.policy-domain: \"example net\" "
	    "is not a domain of lower-case A-labels\n" },
	{ "an address written at length", "2001:db8::1", "2001:DB8::0:1",
	    NULL, "odd: " S44 "policies[0].failure-details[0].sending-mta-ip: "
	    "\"2001:DB8::0:1\" is not an IP address as RFC 5952 writes it\n" },
	{ "no address", "2001:db8::1", "localhost", NULL,
	    "wrong: " S44 "policies[0].failure-details[0].sending-mta-ip: "
	    "\"localhost\" is not an IP address as RFC 5952 writes it\n" },
	{ "many sessions", "count\":5", "count\":5000000000", NULL, "odd: " S44
	    "policies[0].summary.total-successful-session-count: 5000000000 "
	    "is not between 0 and 4294967295\n" },
	{ "fewer than none", "count\":5", "count\":-5", NULL, "wrong: " S44
	    "policies[0].summary.total-successful-session-count: -5 is not "
	    "between 0 and 4294967295\n" },
	{ "two things, far apart", "Example Inc.\"", "\",\"x\":null", NULL,
	    "wrong: " S44 "organization-name: empty\n"
	    "odd: " S44 "unknown key \"x\"\n" },
	{ "null", "\"mx1.example.net\"", "null", NULL, "wrong: " S44
	    "policies[0].failure-details[0].receiving-mx-hostname: not a "
	    "string\n" },
	{ "a result of the future", "certificate-expired", "ech-required",
	    NULL, "wrong: RFC 8460 section 4.3: policies[0].failure-details[0]"
	    ".result-type: \"ech-required\" is no result type\n" },
	{ "a name of people", "", "", "report", "odd: RFC 8460 section 5.1: "
	    "file name \"report\" is not sender!domain!begin!end[!id]\n" },
	{ "the name of another day", "", "", "sender.example!example.net!"
	    "1795132800!1795219199!001", "odd: RFC 8460 section 5.1: file name "
	    "\"sender.example!example.net!1795132800!1795219199!001\" does not "
	    "have the seconds of date-range\n" },
	{ "the name of another domain", "", "", "sender.example!example.com!"
	    "1795219200!1795305599!001", "odd: RFC 8460 section 5.1: file name "
	    "\"sender.example!example.com!1795219200!1795305599!001\" is not "
	    "about example.net\n" },
	{ "a name with more than letters at its end", "", "", NAME "-1",
	    "odd: RFC 8460 section 5.1: file name \"" NAME "-1\" is not "
	    "sender!domain!begin!end[!id]\n" },
};

static char *
findings(const char *json, const char *name)
{
	const struct lint_names names = { .filename = name,
	    .domain = "example.net", .submitter = "sender.example" };
	json_t *v = json_loads(json, 0, NULL);
	struct lint_list list = { 0 };
	char *text = NULL;
	size_t len;
	FILE *f = xmemstream(&text, &len);

	assert_non_null(v);
	lint_foreign(&list, v, &names);
	for (size_t i = 0; i < list.n; i++)
		fprintf(f, "%s: %s\n", list.list[i].odd ? "odd" : "wrong",
		    list.list[i].text);
	xmemclose(f);
	lint_list_release(&list);
	json_decref(v);
	return text;
}

static void
what_others_send(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *json = replace(good, rows[i].from, rows[i].to);
		char *got = findings(json, rows[i].name);

		expect(rows[i].what, got, rows[i].want);
		free(json);
	}
}

/* However much is wrong, the list ends. */
static void
no_end_of_findings(void **state)
{
	struct lint_names names = { 0 };
	struct lint_list list = { 0 };
	json_t *v = json_loads(good, 0, NULL), *p;

	(void)state;
	p = json_object_get(v, "policies");
	for (int i = 0; i < 2000; i++)
		json_array_append_new(p, json_object());
	lint_foreign(&list, v, &names);
	assert_int_equal(list.n, LINT_FINDINGS_MAX);
	lint_list_add(&list, true, "%s", "one more");
	assert_int_equal(list.n, LINT_FINDINGS_MAX);
	lint_list_release(&list);
	assert_int_equal(list.n, 0);
	json_decref(v);
}

/* The same rules, another verdict: nothing odd leaves this house. */
static void
ours_may_not_be_odd(void **state)
{
	const struct lint_names names = { .filename = NAME,
	    .domain = "example.net", .submitter = "sender.example",
	    .report_id = "1@sender.example" };
	char *text, *why;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		text = replace(good, rows[i].from, rows[i].to);
		why = lint_report(text, strlen(text), &names);
		if (*rows[i].want != '\0' && *rows[i].from != '\0' &&
		    (why == NULL || strstr(rows[i].want, why) == NULL))
			fail_msg("%s: \"%s\"", rows[i].what, why ? why : "");
		free(why);
		free(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_others_send),
		TEST(no_end_of_findings),
		TEST(ours_may_not_be_odd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
