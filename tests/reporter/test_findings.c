#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "reporter/findings.h"

static void
each_kind_is_complete_and_has_a_name_of_its_own(void **state)
{
	(void)state;
	for (int i = 0; i < FINDING_IDS; i++) {
		const struct finding_kind *k =
		    finding_kind((enum finding_id)i);

		assert_non_null(k->name);
		assert_true(k->severity < SEVERITY_WARNING ||
		    k->todo != NULL);
		assert_true(k->todo == NULL ||
		    k->todo[strlen(k->todo) - 1] == '.');
		assert_true(k->rfc == NULL ||
		    strncmp(k->rfc, "RFC ", 4) == 0);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(k->name,
			    finding_kind((enum finding_id)j)->name);
	}
}

/* The manual's section on them, a name a line: "Li NAME ,". */
static void
the_manual_has_each_name(void **state)
{
	char line[256], name[256];
	FILE *f = fopen("reporter/tlsrpt-check.1", "r");
	bool inside = false, known;
	int n = 0;

	(void)state;
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		if (strncmp(line, ".Sh ", 4) == 0)
			inside = strcmp(line, ".Sh FINDINGS\n") == 0;
		if (!inside || sscanf(line, ".Li %255s", name) != 1)
			continue;
		known = false;
		for (int i = 0; i < FINDING_IDS; i++)
			known |= strcmp(name,
			    finding_kind((enum finding_id)i)->name) == 0;
		if (!known)
			fail_msg("no finding is called %s", name);
		n++;
	}
	fclose(f);
	assert_int_equal(n, FINDING_IDS);
}

static void
the_worst_of_an_area_and_of_all_is_kept(void **state)
{
	struct findings f;

	(void)state;
	findings_init(&f);
	assert_int_equal(findings_worst(&f), SEVERITY_OK);
	assert_int_equal(f.worst[AREA_MX], -1);
	findings_add(&f, F_MX_CNAME, "mx.example.com", "an alias");
	findings_add(&f, F_MX_FOUND, NULL, "found");
	assert_int_equal(f.worst[AREA_MX], SEVERITY_WARNING);
	assert_int_equal(findings_worst(&f), SEVERITY_WARNING);
	findings_add_as(&f, SEVERITY_ERROR, F_STARTTLS_NAME, "mx", "name");
	assert_int_equal(findings_worst(&f), SEVERITY_ERROR);
	assert_int_equal(f.worst[AREA_MX], SEVERITY_WARNING);
	assert_true(findings_have(&f, F_STARTTLS_NAME));
	assert_false(findings_have(&f, F_STARTTLS_EXPIRED));
	findings_verdict(&f, AREA_STS, "no %s", "policy");
	assert_string_equal(f.verdicts[AREA_STS], "no policy");
	assert_int_equal(f.worst[AREA_STS], SEVERITY_OK);
	findings_release(&f);
}

static void
what_strangers_wrote_is_escaped(void **state)
{
	struct findings f;

	(void)state;
	findings_init(&f);
	findings_add(&f, F_STS_POLICY, "a\033[2Jb", "it says \"%s\"",
	    "\033]0;title\007 \xe2\x80\xae \n");
	assert_string_equal(f.list[0].subject, "a\\x1b[2Jb");
	assert_string_equal(f.list[0].text, "it says \"\\x1b]0;title\\x07 "
	    "\\xe2\\x80\\xae \\x0a\"");
	findings_verdict(&f, AREA_STS, "%s", "\033c");
	assert_string_equal(f.verdicts[AREA_STS], "\\x1bc");
	findings_release(&f);
}

static void
long_texts_are_cut(void **state)
{
	char text[3 * FINDING_MAX];
	struct findings f;

	(void)state;
	memset(text, '\033', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	findings_init(&f);
	findings_add(&f, F_STS_POLICY, text, "%s", text);
	assert_int_equal(strlen(f.list[0].subject), FINDING_MAX);
	assert_int_equal(strlen(f.list[0].text), FINDING_MAX);
	assert_string_equal(f.list[0].text + FINDING_MAX - 3, "...");
	findings_release(&f);
}

static void
many_are_counted_and_one_twice_is_one(void **state)
{
	struct findings f;

	(void)state;
	findings_init(&f);
	for (int i = 0; i < 2 * FINDINGS_MAX; i++)
		findings_add(&f, F_STS_POLICY, NULL, "line %d", i);
	findings_add(&f, F_STS_POLICY, NULL, "line 0");
	assert_int_equal(f.n, FINDINGS_MAX);
	assert_int_equal(f.left_out, FINDINGS_MAX);
	findings_add_as(&f, SEVERITY_ERROR, F_MX_CNAME, NULL, "one too many");
	assert_int_equal(f.worst[AREA_MX], SEVERITY_ERROR);
	findings_release(&f);
	assert_int_equal(f.n, 0);
	findings_add(&f, F_STS_POLICY, "mx1", "the same");
	findings_add(&f, F_STS_POLICY, "mx2", "the same");
	findings_add(&f, F_STS_POLICY, NULL, "the same");
	findings_add(&f, F_STS_POLICY, "mx1", "the same");
	assert_int_equal(f.n, 3);
	findings_release(&f);
}

static void
the_worst_come_first_else_by_area(void **state)
{
	static const char *const want[] = { "d", "e", "b", "c", "f", "a" };
	struct findings f;

	(void)state;
	findings_init(&f);
	findings_add(&f, F_TLSRPT_FOUND, NULL, "a");
	findings_add(&f, F_DANE_PARTIAL, NULL, "b");
	findings_add(&f, F_STARTTLS_NAME, NULL, "c");
	findings_add(&f, F_STS_SIZE, NULL, "d");
	findings_add(&f, F_MX_CNAME, NULL, "e");
	findings_add(&f, F_STARTTLS_EXPIRED, NULL, "f");
	findings_sort(&f);
	for (size_t i = 0; i < f.n; i++)
		assert_string_equal(f.list[i].text, want[i]);
	findings_release(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    each_kind_is_complete_and_has_a_name_of_its_own),
		cmocka_unit_test(the_manual_has_each_name),
		cmocka_unit_test(the_worst_of_an_area_and_of_all_is_kept),
		cmocka_unit_test(what_strangers_wrote_is_escaped),
		cmocka_unit_test(long_texts_are_cut),
		cmocka_unit_test(the_worst_come_first_else_by_area),
		cmocka_unit_test(many_are_counted_and_one_twice_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
