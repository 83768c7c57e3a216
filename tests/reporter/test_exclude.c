#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "conf/mem.h"
#include "reporter/exclude.h"
#include "tests/reporter/rules.h"

static struct exclude *
load(const char *text, char **complaints)
{
	struct exclude *e;
	size_t len;
	FILE *err = xmemstream(complaints, &len);

	rules_write(text);
	e = exclude_new("exclude_file", RULES, err);
	xmemclose(err);
	return e;
}

static const struct {
	const char *name, *text, *complaints;
} files[] = {
	{ "empty", "", "" },
	{ "comments and blank lines", "# us\n\n \t# them\n", "" },
	{ "comment behind an entry", "example.com # asked us to\n", "" },
	{ "no last newline, carriage returns", "a.example\r\nb.example\r", "" },
	{ "a byte order mark", "\xef\xbb\xbf# us\na.example\n", "" },
	{ "a byte order mark elsewhere", "# us\n\xef\xbb\xbf#\n",
	    RULES ":2: \"\\xef\\xbb\\xbf#\": neither a domain (.example.com "
	    "for all below it), nor an address, nor a mailto: or https: "
	    "URI\n" },
	{ "every kind", "example.com\n.example.com\na@example.com\n"
	    "192.0.2.1\n[2001:db8::1]\nhttps://example.com/in\n"
	    "mailto:a@example.com\n", "" },
	{ "two entries in a line", "a.example\nb.example c.example\n",
	    RULES ":2: \"c.example\": one entry a line\n" },
	{ "a lone dot is not everybody", ".\n", RULES ":1: \".\": "
	    "neither a domain (.example.com for all below it), nor an "
	    "address, nor a mailto: or https: URI\n" },
	{ "not a name, twice", "-\nexample.com\na..b\n",
	    RULES ":1: \"-\": neither a domain (.example.com for all below "
	    "it), nor an address, nor a mailto: or https: URI\n"
	    RULES ":3: \"a..b\": neither a domain (.example.com for all below "
	    "it), nor an address, nor a mailto: or https: URI\n" },
	{ "an address without a local part", "@example.com\n",
	    RULES ":1: \"@example.com\": neither a domain (.example.com for "
	    "all below it), nor an address, nor a mailto: or https: URI\n" },
	{ "a URI that no record may hold", "https://u:p@example.com/\n",
	    RULES ":1: \"https://u:p@example.com/\": user name or password in "
	    "the URL\n" },
	{ "a host with a path", "example.com/in\n",
	    RULES ":1: \"example.com/in\": neither a domain (.example.com for "
	    "all below it), nor an address, nor a mailto: or https: URI\n" },
	{ "control characters", "a\x1b[2J\n",
	    RULES ":1: \"a\\x1b[2J\": neither a domain (.example.com for "
	    "all below it), nor an address, nor a mailto: or https: URI\n" },
};

static void
every_bad_line_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(files); i++) {
		char *complaints;
		struct exclude *e = load(files[i].text, &complaints);

		print_message("  %s\n", files[i].name);
		assert_string_equal(complaints, files[i].complaints);
		assert_int_equal(e != NULL, *complaints == '\0');
		exclude_free(e);
		free(complaints);
	}
}

static const char entries[] =
    "example.com\n"
    ".example.net\n"
    "Reports@Mail.example\n"
    "m\xc3\xbcller.example\n"
    "192.0.2.1\n"
    "[2001:DB8:0::1]\n"
    "https://web.example/in\n"
    "mailto:a%2Bb@web.example\n";

static const struct {
	const char *name, *domain;
	int line;			/* 0: not excluded */
} domains[] = {
	{ "itself", "example.com", 1 },
	{ "one below it", "a.example.com", 0 },
	{ "one that just ends alike", "anexample.com", 0 },
	{ "below a dot", "a.example.net", 2 },
	{ "far below a dot", "c.b.a.example.net", 2 },
	{ "a dot's own domain", "example.net", 0 },
	{ "one that ends alike, at a dot", "anexample.net", 0 },
	{ "written in letters, found in A-labels", "xn--mller-kva.example",
	    4 },
	{ "a mailbox's domain", "mail.example", 0 },
	{ "a URI's host", "web.example", 0 },
	{ "a stranger", "example.org", 0 },
};

static void
policy_domains_are_found(void **state)
{
	char *complaints, where[64];
	struct exclude *e = load(entries, &complaints);

	(void)state;
	assert_string_equal(complaints, "");
	for (size_t i = 0; i < ROWS(domains); i++) {
		const char *why = exclude_domain(e, domains[i].domain);

		print_message("  %s\n", domains[i].name);
		fmt(where, sizeof(where), "excluded by " RULES ":%d",
		    domains[i].line);
		if (domains[i].line == 0)
			assert_null(why);
		else {
			assert_non_null(why);
			assert_string_equal(why, where);
		}
	}
	exclude_free(e);
	free(complaints);
}

static const struct {
	const char *name, *uri;
	int line;
} destinations[] = {
	{ "mail to the domain", "mailto:x@example.com", 1 },
	{ "https to the domain, at any port", "https://example.com:8443/x", 1 },
	{ "mail below a dot", "mailto:x@a.example.net", 2 },
	{ "mail to a dot's own domain", "mailto:x@example.net", 0 },
	{ "the address", "mailto:Reports@mail.example", 3 },
	{ "the address in another case", "mailto:rEPORTS@mail.example", 3 },
	{ "another address there", "mailto:report@mail.example", 0 },
	{ "an IPv4 address", "https://192.0.2.1/x", 5 },
	{ "an IPv6 address in another notation", "https://[2001:db8::0:1]/x",
	    6 },
	{ "the URL", "https://WEB.example:443/in", 7 },
	{ "another URL there", "https://web.example/in2", 0 },
	{ "the mailto: URI", "mailto:a+b@web.example", 8 },
	{ "another one there", "mailto:a@web.example", 0 },
};

static void
destinations_are_found(void **state)
{
	char *complaints, where[64];
	struct exclude *e = load(entries, &complaints);

	(void)state;
	for (size_t i = 0; i < ROWS(destinations); i++) {
		const char *why, *uri = destinations[i].uri;
		struct rua to;

		print_message("  %s\n", destinations[i].name);
		assert_int_equal(rua_uri(&to, uri, strlen(uri), &why), 0);
		why = exclude_rua(e, &to);
		fmt(where, sizeof(where), "excluded by " RULES ":%d",
		    destinations[i].line);
		if (destinations[i].line == 0)
			assert_null(why);
		else {
			assert_non_null(why);
			assert_string_equal(why, where);
		}
		rua_release(&to);
	}
	exclude_free(e);
	free(complaints);
}

static void
without_a_file_nobody_is_excluded(void **state)
{
	struct exclude *e = exclude_new("exclude_file", NULL, stderr);

	(void)state;
	assert_non_null(e);
	assert_null(exclude_domain(e, "example.com"));
	exclude_free(e);
}

static void
a_missing_file_is_an_error(void **state)
{
	char *complaints;
	size_t len;
	FILE *err = xmemstream(&complaints, &len);

	(void)state;
	assert_null(exclude_new("exclude_file", "/nonexistent/exclude", err));
	xmemclose(err);
	assert_string_equal(complaints,
	    "exclude_file /nonexistent/exclude: No such file or directory\n");
	free(complaints);
}

static void
thousands_are_found_too(void **state)
{
	char *complaints, *text, name[64];
	struct exclude *e;
	size_t len;
	FILE *f = xmemstream(&text, &len);

	(void)state;
	for (int i = 0; i < 5000; i++)
		fprintf(f, "%sd%d.example\n", i % 2 ? "." : "", i);
	xmemclose(f);
	e = load(text, &complaints);
	assert_non_null(e);
	for (int i = 0; i < 5000; i++) {
		fmt(name, sizeof(name), "%sd%d.example", i % 2 ? "x." : "", i);
		assert_non_null(exclude_domain(e, name));
	}
	assert_null(exclude_domain(e, "d5000.example"));
	exclude_free(e);
	free(complaints);
	free(text);
}

static bool
is_taken(const char *file, FILE *err)
{
	struct exclude *m = exclude_new("exclude_file", file, err);

	exclude_free(m);
	return m != NULL;
}

static void
the_corpus_is_taken_or_refused(void **state)
{
	(void)state;
	rules_corpus("exclude-", true, is_taken);
	rules_corpus("exclude-", false, is_taken);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_bad_line_is_named),
		cmocka_unit_test(policy_domains_are_found),
		cmocka_unit_test(destinations_are_found),
		cmocka_unit_test(without_a_file_nobody_is_excluded),
		cmocka_unit_test(a_missing_file_is_an_error),
		cmocka_unit_test(thousands_are_found_too),
		cmocka_unit_test(the_corpus_is_taken_or_refused),
	};

	return cmocka_run_group_tests(tests, rules_begin, rules_end);
}
