/* What is objected to in a report. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "reporter/json.h"
#include "tests/reporter/lint_sample.h"
#include "tests/reporter/sample_report.h"

#define LABEL_63	"012345678901234567890123456789012345678901234567890" \
	"123456789abc"

#define FORMAT		"RFC 8460 section 4.4: "
#define NO_MOMENT(m)	"RFC 8460 section 4.1: date-range." m

/* `from` becomes `to` in the good document; NULL: nothing wrong then. */
static const struct {
	const char *name, *from, *to, *why;
} json_rows[] = {
	{ "as it should be", "", "", NULL },
	{ "IPv4 in both", "2001:db8::25", "192.0.2.25", NULL },
	{ "more failures than sessions: RFC 8460 section 4.3",
	    "\"failed-session-count\":2", "\"failed-session-count\":9", NULL },
	{ "optional keys may be absent",
	    "\"receiving-mx-helo\":\"mx1\",", "", NULL },
	{ "addresses too", "\"sending-mta-ip\":\"192.0.2.1\",", "", NULL },
	{ "underscores are seen in names", "\"mx1.example", "\"_mx1.example",
	    NULL },

	{ "not JSON", "}}]}", "}}]", "RFC 8460 section 4: not I-JSON: line 1: "
	    "'}' expected near end of file" },
	{ "text behind it", "}}]}", "}}]}{", "RFC 8460 section 4: not I-JSON: "
	    "line 1: end of file expected near '{'" },
	{ "a repeated key", "\"policies\"", "\"report-id\":\"x\",\"policies\"",
	    "RFC 8460 section 4: not I-JSON: line 1: duplicate object key "
	    "near '\"report-id\"'" },
	{ "not an object at all", NULL, "[]", FORMAT "not an object" },
	{ "organization-name missing", "\"organization-name\":\"Example Org\",",
	    "", FORMAT "organization-name: missing" },
	{ "organization-name empty", "\"Example Org\"", "\"\"",
	    FORMAT "organization-name: empty" },
	{ "contact-info null", "\"tls@example.org\"", "null",
	    FORMAT "contact-info: not a string" },
	{ "contact-info elsewhere", "tls@example.org", "tls@example.com",
	    "RFC 8460 section 5.3: contact-info: \"tls@example.com\" is not "
	    "at example.org, the submitter" },
	{ "contact-info without address", "tls@example.org", "example.org",
	    FORMAT "contact-info: \"example.org\" is not an address" },
	{ "contact-info without a local part", "tls@example.org",
	    "@example.org", FORMAT "contact-info: \"@example.org\" is not an "
	    "address" },
	{ "contact-info with a name", "tls@example.org",
	    "Us <tls@example.org>", FORMAT "contact-info: "
	    "\"Us <tls@example.org>\" is not an address" },
	{ "date-range missing", "\"date-range\":{"
	    "\"start-datetime\":\"2026-11-21T00:00:00Z\","
	    "\"end-datetime\":\"2026-11-21T23:59:59Z\"},", "",
	    FORMAT "date-range: missing" },
	{ "no zone", "00:00:00Z", "00:00:00", NO_MOMENT("start-datetime: "
	    "\"2026-11-21T00:00:00\" is not a day and T00:00:00Z") },
	{ "no such day", "2026-11-21T00", "2026-11-31T00",
	    NO_MOMENT("start-datetime: \"2026-11-31T00:00:00Z\" is not a day "
	    "and T00:00:00Z") },
	{ "no day at all", "2026-11-21T00:00:00Z", "x",
	    NO_MOMENT("start-datetime: \"x\" is not a day and T00:00:00Z") },
	{ "ends the next day", "2026-11-21T23:59:59Z", "2026-11-22T00:00:00Z",
	    NO_MOMENT("end-datetime: \"2026-11-22T00:00:00Z\" is not a day "
	    "and T23:59:59Z") },
	{ "two days", "2026-11-21T23", "2026-11-22T23",
	    NO_MOMENT("end-datetime: not the day of start-datetime") },
	{ "report-id of another", "7f3a@", "7f3b@",
	    "RFC 8460 section 5.3: report-id: \"2026-11-21.example.net.7f3b@"
	    "example.org\" is not " ID },
	{ "report-id without @", "7f3a@example.org\",", "7f3a\",",
	    "RFC 8460 section 5.3: report-id: \"2026-11-21.example.net.7f3a\" "
	    "is not left@right for the Subject" },
	{ "report-id no dot-atom", "2026-11-21.ex", "2026-11-21..ex",
	    "RFC 8460 section 5.3: report-id: \"2026-11-21..example.net.7f3a"
	    "@example.org\" is not left@right for the Subject" },
	{ "report-id that begins with a dot", "\"2026-11-21.ex",
	    "\".2026-11-21.ex", "RFC 8460 section 5.3: report-id: "
	    "\".2026-11-21.example.net.7f3a@example.org\" is not left@right "
	    "for the Subject" },
	{ "report-id that ends with a dot", "7f3a@example.org\",",
	    "7f3a@example.org.\",", "RFC 8460 section 5.3: report-id: "
	    "\"2026-11-21.example.net.7f3a@example.org.\" is not left@right "
	    "for the Subject" },
	{ "policies missing", "\"policies\"", "\"Policies\"",
	    FORMAT "policies: missing" },
	{ "a key too much", "\"policies\"", "\"version\":1,\"policies\"",
	    FORMAT "unknown key \"version\"" },
	{ "a key of the draft", "mx-host", "mx-host-pattern",
	    FORMAT "policies[0].policy: unknown key \"mx-host-pattern\"" },
	{ "mx-host of TLSA", "\"policy-domain\":\"mx\"",
	    "\"policy-domain\":\"mx\",\"mx-host\":[\"mx\"]",
	    FORMAT "policies[1].policy: mx-host with policy-type tlsa" },
	{ "mx-host a string", "[\"*.example.net\"]", "\"*.example.net\"",
	    FORMAT "policies[0].policy.mx-host: not an array" },
	{ "mx-host empty", "[\"*.example.net\"]", "[]",
	    FORMAT "policies[0].policy.mx-host: empty" },
	{ "mx-host in capitals", "*.example.net", "*.Example.net",
	    FORMAT "policies[0].policy.mx-host[0]: \"*.Example.net\" is not "
	    "an MX pattern of lower-case A-labels" },
	{ "policy-string a string", "[\"version: STSv1\",\"mode: none\"]",
	    "\"version: STSv1\"",
	    FORMAT "policies[0].policy.policy-string: not an array" },
	{ "a line without text", "\"mode: none\"", "\"\"",
	    FORMAT "policies[0].policy.policy-string[1]: empty" },
	{ "policy-type unknown", "\"tlsa\"", "\"dane\"",
	    FORMAT "policies[1].policy.policy-type: \"dane\" is no policy "
	    "type" },
	{ "policy-domain missing", ",\"policy-domain\":\"mx\"", "",
	    FORMAT "policies[1].policy.policy-domain: missing" },
	{ "policy-domain in Unicode", "\"policy-domain\":\"mx\"",
	    "\"policy-domain\":\"m\u00fc\"", FORMAT "policies[1].policy."
	    "policy-domain: \"m\u00fc\" is not a domain of lower-case "
	    "A-labels" },
	{ "policy-domain with a last dot", "\"policy-domain\":\"mx\"",
	    "\"policy-domain\":\"mx.\"", FORMAT "policies[1].policy."
	    "policy-domain: \"mx.\" is not a domain of lower-case A-labels" },
	{ "policy-domain with a wildcard", "\"policy-domain\":\"mx\"",
	    "\"policy-domain\":\"*.mx\"", FORMAT "policies[1].policy."
	    "policy-domain: \"*.mx\" is not a domain of lower-case A-labels" },
	{ "a label with a hyphen at its end", "\"policy-domain\":\"mx\"",
	    "\"policy-domain\":\"mx-.a\"", FORMAT "policies[1].policy."
	    "policy-domain: \"mx-.a\" is not a domain of lower-case "
	    "A-labels" },
	{ "a label of 64 bytes", "\"policy-domain\":\"mx\"",
	    "\"policy-domain\":\"" LABEL_63 "x\"", FORMAT "policies[1]."
	    "policy.policy-domain: \"" LABEL_63 "x\" is not a domain of "
	    "lower-case A-labels" },
	{ "a label of 63", "\"policy-domain\":\"mx\"",
	    "\"policy-domain\":\"" LABEL_63 "\"", NULL },
	{ "a domain of 255 bytes", "\"policy-domain\":\"mx\"",
	    "\"policy-domain\":\"" LABEL_63 "." LABEL_63 "." LABEL_63 "."
	    LABEL_63 "\"", FORMAT "policies[1].policy.policy-domain: \""
	    LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63 "\" is not a "
	    "domain of lower-case A-labels" },
	{ "the same policy twice", "\"tlsa\",\"policy-domain\":\"mx\"",
	    "\"sts\",\"policy-string\":[\"version: STSv1\",\"mode: none\"],"
	    "\"policy-domain\":\"example.net\",\"mx-host\":[\"*.example.net\"]",
	    FORMAT "policies: the same policy twice: 0 and 1" },
	{ "summary missing", ",\"summary\":{\"total-successful-session-count\""
	    ":4294967295,\"total-failure-session-count\":0}", "",
	    FORMAT "policies[1].summary: missing" },
	{ "a count missing", "4294967295,\"total-failure-session-count\":0",
	    "1", FORMAT "policies[1].summary.total-failure-session-count: "
	    "missing" },
	{ "a count as a string", ":4294967295", ":\"1\"",
	    FORMAT "policies[1].summary.total-successful-session-count: "
	    "not an integer" },
	{ "a count with a fraction", ":4294967295", ":1.0",
	    FORMAT "policies[1].summary.total-successful-session-count: "
	    "not an integer" },
	{ "a count too large", ":4294967295", ":4294967296",
	    FORMAT "policies[1].summary.total-successful-session-count: "
	    "4294967296 is not between 0 and 4294967295" },
	{ "a count below zero", ":4294967295", ":-1",
	    FORMAT "policies[1].summary.total-successful-session-count: "
	    "-1 is not between 0 and 4294967295" },
	{ "result-type unknown", "certificate-expired", "certificate-lost",
	    "RFC 8460 section 4.3: policies[0].failure-details[0]."
	    "result-type: \"certificate-lost\" is no result type" },
	{ "result-type missing", "\"result-type\":\"certificate-expired\",",
	    "", FORMAT "policies[0].failure-details[0].result-type: missing" },
	{ "failed-session-count missing", "\"failed-session-count\":2,", "",
	    FORMAT "policies[0].failure-details[0].failed-session-count: "
	    "missing" },
	{ "an address empty", "192.0.2.1", "",
	    FORMAT "policies[0].failure-details[0].sending-mta-ip: empty" },
	{ "an address null", "\"192.0.2.1\"", "null", FORMAT
	    "policies[0].failure-details[0].sending-mta-ip: not a string" },
	{ "an address with zeros", "192.0.2.1", "192.0.02.1",
	    FORMAT "policies[0].failure-details[0].sending-mta-ip: "
	    "\"192.0.02.1\" is not an IP address as RFC 5952 writes it" },
	{ "an address in brackets", "2001:db8::25", "[2001:db8::25]",
	    FORMAT "policies[0].failure-details[0].receiving-ip: "
	    "\"[2001:db8::25]\" is not an IP address as RFC 5952 writes it" },
	{ "an address not compressed", "2001:db8::25", "2001:DB8:0::25",
	    FORMAT "policies[0].failure-details[0].receiving-ip: "
	    "\"2001:DB8:0::25\" is not an IP address as RFC 5952 writes it" },
	{ "a host name in capitals", "\"mx1.example.net\"",
	    "\"MX1.example.net\"", FORMAT "policies[0].failure-details[0]."
	    "receiving-mx-hostname: \"MX1.example.net\" is not a domain of "
	    "lower-case A-labels" },
	{ "a name given empty", "\"receiving-mx-helo\":\"mx1\"",
	    "\"receiving-mx-helo\":\"\"",
	    FORMAT "policies[0].failure-details[0].receiving-mx-helo: empty" },
};

/* Before it is written, too; what cannot be in a tree is left out then. */
static void
objections_to_a_report(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(json_rows) / sizeof(json_rows[0]); i++) {
		char *json = replace(good_json, json_rows[i].from,
		    json_rows[i].to);
		json_t *tree = json_loads(json, JSON_REJECT_DUPLICATES, NULL);

		if (json_rows[i].why != NULL)
			assert_string_not_equal(json, good_json);
		expect(json_rows[i].name, lint_report(json, strlen(json),
		    &names), json_rows[i].why);
		if (tree != NULL)
			expect(json_rows[i].name, lint_tree(tree, strlen(json),
			    &names), json_rows[i].why);
		json_decref(tree);
		free(json);
	}
}

static void
empty_arrays(void **state)
{
	char *json;

	(void)state;
	json = replace(good_json, strstr(good_json, "{\"policy\":"), "]}");
	expect("no policies", lint_report(json, strlen(json), &names),
	    FORMAT "policies: empty");
	free(json);
	json = replace(good_json, strstr(good_json, "{\"result-type\""),
	    "]}]}");
	expect("no details", lint_report(json, strlen(json), &names),
	    FORMAT "policies[0].failure-details: empty");
	free(json);
	json = replace(good_json, strstr(good_json, ",\"summary\""),
	    ",\"summary\":{\"total-successful-session-count\":0,"
	    "\"total-failure-session-count\":0}}]}");
	expect("no sessions", lint_report(json, strlen(json), &names),
	    FORMAT "policies: no sessions at all");
	free(json);
}

/* Names that do not fit the report, and what they are called. */
static void
objections_to_names(void **state)
{
#define FILE_NAME(name) "RFC 8460 section 5.1: file name \"" name "\" is not " \
	"example.org!example.net!1795219200!1795305599! and letters or " \
	"digits, with domains of lower-case A-labels"
	static const struct {
		const char *name, *why;
	} rows[] = {
		{ NAME, NULL },
		{ "x" NAME, FILE_NAME("x" NAME) },
		{ NAME "!", FILE_NAME(NAME "!") },
		{ NAME ".json", FILE_NAME(NAME ".json") },
		{ "example.org!example.net!1795219200!1795305599",
		    FILE_NAME("example.org!example.net!1795219200!"
		    "1795305599") },
		{ "example.org!example.net!1795219200!1795305599!",
		    FILE_NAME("example.org!example.net!1795219200!"
		    "1795305599!") },
		{ "example.org!example.net!1795219200!1795305600!a",
		    FILE_NAME("example.org!example.net!1795219200!"
		    "1795305600!a") },
		{ "example.net!example.net!1795219200!1795305599!a",
		    FILE_NAME("example.net!example.net!1795219200!"
		    "1795305599!a") },
		{ "", FILE_NAME("") },
	};
	struct lint_names n = names;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		n.filename = rows[i].name;
		expect(rows[i].name, lint_report(good_json,
		    strlen(good_json), &n), rows[i].why);
	}
	n = names;
	n.domain = "Example.net";
	n.filename = "example.org!Example.net!1795219200!1795305599!7f3a";
	expect("capitals", lint_report(good_json, strlen(good_json), &n),
	    "RFC 8460 section 5.1: file name \"example.org!Example.net!"
	    "1795219200!1795305599!7f3a\" is not example.org!Example.net!"
	    "1795219200!1795305599! and letters or digits, with domains of "
	    "lower-case A-labels");
}

static void
too_large_a_report(void **state)
{
	char *json = calloc(1, LINT_JSON_MAX + 1);

	(void)state;
	assert_non_null(json);
	expect("too large", lint_report(json, LINT_JSON_MAX + 1, &names),
	    "RFC 8460 section 5.2: 10485761 bytes, receivers take 10485760");
	expect("not too large", lint_report(json, LINT_JSON_MAX, &names),
	    "RFC 8460 section 4: not I-JSON: line 1: '[' or '{' expected near "
	    "end of file");
	free(json);
}

/* What json.c writes passes. */
static void
our_own_reports_pass(void **state)
{
	struct lint_names n = { sample_report.who->submitter,
		sample_report.domain, sample_report.id,
		sample_report.filename };
	size_t len;
	char *json;

	(void)state;
	json = json_report(&sample_report, false, &len);
	expect("compact", lint_report(json, len, &n), NULL);
	free(json);
	json = json_report(&sample_report, true, &len);
	expect("readable", lint_report(json, len, &n), NULL);
	free(json);
}

/* Packed, and with it the tree, which there is only where all is well. */
static void
packed_reports(void **state)
{
	static const struct {
		const char *name, *from, *to, *why;
	} rows[] = {
		{ "good", "", "", NULL },
		{ "empty name", "Example Org", "",
		    FORMAT "organization-name: empty" },
		{ "another day", "T00:", "T01:", NO_MOMENT("start-datetime: "
		    "\"2026-11-21T01:00:00Z\" is not a day and "
		    "T00:00:00Z") },
		{ "no JSON", "{\"organization-name", "{organization-name",
		    "RFC 8460 section 4: not I-JSON: line 1: string or '}' "
		    "expected near 'organization'" },
	};
	struct gzip *g = gzip_new(6);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *json = replace(good_json, rows[i].from, rows[i].to);
		const void *packed;
		json_t *root;
		size_t len;

		gzip_pack(g, json, strlen(json), &packed, &len);
		expect(rows[i].name, lint_packed(packed, len, &names),
		    rows[i].why);
		expect(rows[i].name, lint_unpack(packed, len, &names, &root),
		    rows[i].why);
		if (rows[i].why == NULL)
			assert_true(json_is_object(root));
		else
			assert_null(root);
		json_decref(root);
		free(json);
	}
	expect("not gzip", lint_packed("AAAA", 4, &names),
	    "RFC 8460 section 5.2: not gzip data");
	gzip_free(g);
}

/* Its tree is larger than the buffer that is lent for it. */
static void
packed_with_many_failures(void **state)
{
	const char *first = strstr(good_json, "{\"result-type\""),
	    *end = strstr(first, "]}");
	struct gzip *g = gzip_new(6);
	const void *packed;
	char *json, *bad;
	size_t len;
	FILE *f = xmemstream(&json, &len);

	(void)state;
	fwrite(good_json, 1, (size_t)(first - good_json), f);
	for (int i = 0; i < 1000; i++)
		fprintf(f, "%.*s,", (int)(end - first), first);
	fputs(first, f);
	xmemclose(f);
	gzip_pack(g, json, len, &packed, &len);
	expect("many", lint_packed(packed, len, &names), NULL);

	/* The last of them. */
	bad = replace(json, "_ERR\"}]}", "\"},{}]}");
	gzip_pack(g, bad, strlen(bad), &packed, &len);
	expect("one is empty", lint_packed(packed, len, &names), FORMAT
	    "policies[0].failure-details[1001].result-type: missing");
	free(bad);
	free(json);
	gzip_free(g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(objections_to_a_report),
		TEST(empty_arrays),
		TEST(objections_to_names),
		TEST(too_large_a_report),
		TEST(our_own_reports_pass),
		TEST(packed_reports),
		TEST(packed_with_many_failures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
