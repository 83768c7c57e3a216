#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <jansson.h>

#include "conf/mem.h"
#include "reporter/check_output.h"

static void
prepare(struct findings *f)
{
	findings_init(f);
	findings_add(f, F_TLSRPT_FOUND, NULL, "the record names 1 destination");
	findings_verdict(f, AREA_TLSRPT, "reports are wanted");
	findings_add(f, F_MX_CNAME, "mx.example.com",
	    "the MX record names an alias (CNAME)");
	findings_verdict(f, AREA_MX, "mx.example.com");
	findings_add(f, F_STS_SIZE, NULL, "it is \"\033\" long");
	findings_sort(f);
}

static char *
text_of(bool all, bool colour)
{
	const struct show look = { .colour = colour };
	struct findings f;
	char *text;
	size_t len;
	FILE *out = xmemstream(&text, &len);

	prepare(&f);
	check_text("example.com", &f, NULL, all, &look, out);
	xmemclose(out);
	findings_release(&f);
	return text;
}

static void
areas_come_first_then_the_worst(void **state)
{
	char *text = text_of(false, false);

	(void)state;
	assert_string_equal(text,
	    "example.com\n"
	    "  tlsrpt    ok       reports are wanted\n"
	    "  mx        warning  mx.example.com\n"
	    "  mta-sts   error    see below\n"
	    "\n"
	    "  error    it is \"\\x1b\" long. Keep it below 64 kilobytes: "
	    "senders need not read\n"
	    "           more. [mta-sts-size, RFC 8461 section 3.3]\n"
	    "  warning  mx.example.com: the MX record names an alias (CNAME). "
	    "Let the MX\n"
	    "           record name the host that the alias leads to. "
	    "[mx-cname, RFC 5321\n"
	    "           section 5.1]\n"
	    "\n");
	free(text);
}

/* Whatever the words, a line may be 79 columns wide, and no more. */
static void
lines_are_as_long_as_they_may_be(void **state)
{
	const struct show look = { 0 };
	struct findings f;
	size_t widest = 0, width, len;
	char *text;
	FILE *out;

	(void)state;
	findings_init(&f);
	for (int i = 1; i < 60; i++)
		findings_add(&f, F_MX_CNAME, NULL, "%.*s and then some more "
		    "words of several lengths, until the line is full", i,
		    "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcd");
	out = xmemstream(&text, &len);
	check_text("example.com", &f, NULL, false, &look, out);
	xmemclose(out);
	for (const char *p = text; *p != '\0'; p += width + 1) {
		width = strcspn(p, "\n");
		widest = width > widest ? width : widest;
	}
	assert_int_equal(widest, 79);
	free(text);
	findings_release(&f);
}

static void
what_is_well_is_told_when_wanted(void **state)
{
	char *text = text_of(true, false);

	(void)state;
	assert_non_null(strstr(text, "  ok       the record names 1 "
	    "destination. [tlsrpt-found, RFC "));
	free(text);
}

static void
colour_is_all_that_colour_changes(void **state)
{
	char *plain = text_of(true, false), *text = text_of(true, true);
	char *from = text, *to = text;

	(void)state;
	assert_non_null(strstr(text, "\033[31m"));
	while (*from != '\0') {
		if (*from == '\033')
			from += strcspn(from, "m") + 1;
		else
			*to++ = *from++;
	}
	*to = '\0';
	assert_string_equal(text, plain);
	free(text);
	free(plain);
}

static void
json_has_all_of_it(void **state)
{
	char record[] = "a. IN TXT \"b\"", *records[] = { record };
	char policy[] = "version: STSv1\r\n", url[] = "https://a/";
	struct suggestion s = { .n = 1, .records = records,
	    .policy = policy, .policy_url = url };
	struct findings f;
	json_t *o, *finding;
	char *text;
	size_t len;
	FILE *out = xmemstream(&text, &len);

	(void)state;
	prepare(&f);
	check_json("example.com", &f, &s, out);
	xmemclose(out);
	findings_release(&f);
	assert_ptr_equal(strchr(text, '\n'), text + len - 1);
	o = json_loads(text, 0, NULL);
	free(text);
	assert_non_null(o);
	assert_string_equal(json_string_value(json_object_get(o, "domain")),
	    "example.com");
	assert_string_equal(json_string_value(json_object_get(o, "worst")),
	    "error");
	assert_int_equal(json_array_size(json_object_get(o, "findings")), 3);
	finding = json_array_get(json_object_get(o, "findings"), 1);
	assert_string_equal(json_string_value(json_object_get(finding, "id")),
	    "mx-cname");
	assert_string_equal(json_string_value(json_object_get(finding,
	    "severity")), "warning");
	assert_string_equal(json_string_value(json_object_get(finding,
	    "subject")), "mx.example.com");
	assert_true(json_is_null(json_object_get(json_array_get(
	    json_object_get(o, "findings"), 2), "subject")));
	assert_string_equal(json_string_value(json_object_get(json_object_get(
	    json_object_get(o, "areas"), "mx"), "severity")), "warning");
	assert_null(json_object_get(json_object_get(o, "areas"), "dkim"));
	assert_string_equal(json_string_value(json_object_get(json_object_get(
	    o, "suggestion"), "policy")), s.policy);
	json_decref(o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(areas_come_first_then_the_worst),
		cmocka_unit_test(lines_are_as_long_as_they_may_be),
		cmocka_unit_test(what_is_well_is_told_when_wanted),
		cmocka_unit_test(colour_is_all_that_colour_changes),
		cmocka_unit_test(json_has_all_of_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
