#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "conf/mem.h"
#include "reporter/places.h"
#include "tests/reporter/rules.h"

#define NOWHERE	"/nonexistent/map: No such file or directory\n"
#define US	"mailto:copy@example.org"

static char any[] = "any", web[] = "443, 8000-8999", high[] = "8443";
static char rules[] = RULES, us[] = "copy@example.org", nowhere[] = "/nonexistent/map";

static const struct {
	const char *name, *exclude, *map;	/* one of them, or neither */
	char *ports, *bcc;
	const char *txt;
	const char *result;	/* destinations, then what is skipped */
	const char *why;	/* NULL: there are some */
} rows[] = {
	{ "as the record says", NULL, NULL, any, NULL,
	    "v=TLSRPTv1; rua=mailto:a@x.example,https://y.example:99/",
	    "mailto:a@x.example https://y.example:99/", NULL },
	{ "no TLSRPT record at all", NULL, NULL, any, us, "v=spf1 -all", "",
	    "does not begin with \"v=TLSRPTv1;\"" },
	{ "nothing of use, and no copy of nothing", NULL, NULL, any, us,
	    "v=TLSRPTv1; rua=ftp://x.example/", "| ftp://x.example/",
	    "its TLSRPT record names no place we can send to" },
	{ "more than are used", NULL, NULL, any, NULL, "v=TLSRPTv1; rua="
	    "mailto:a@x.example,mailto:b@x.example,mailto:c@x.example,"
	    "mailto:d@x.example,mailto:e@x.example",
	    "mailto:a@x.example mailto:b@x.example mailto:c@x.example "
	    "mailto:d@x.example | mailto:e@x.example", NULL },
	{ "the default port is a port", NULL, NULL, web, NULL,
	    "v=TLSRPTv1; rua=https://y.example/", "https://y.example/", NULL },
	{ "ports in a range and beyond it", NULL, NULL, web, NULL,
	    "v=TLSRPTv1; rua=https://y.example:8999/,https://y.example:9000/",
	    "https://y.example:8999/ | https://y.example:9000/", NULL },
	{ "ports are no matter of mail", NULL, NULL, high, NULL,
	    "v=TLSRPTv1; rua=mailto:a@x.example", "mailto:a@x.example", NULL },
	{ "an IPv6 address and a port", NULL, NULL, web, NULL,
	    "v=TLSRPTv1; rua=https://[2001:db8::1]:8443/,"
	    "https://[2001:db8::1]:444/", "https://[2001:db8::1]:8443/ | "
	    "https://[2001:db8::1]:444/", NULL },
	{ "all ports refused", NULL, NULL, web, us,
	    "v=TLSRPTv1; rua=https://y.example:1/", "| https://y.example:1/",
	    "none of the places that its record names is to be used" },
	{ "a copy of what is mailed", NULL, NULL, any, us,
	    "v=TLSRPTv1; rua=https://y.example/,mailto:a@x.example",
	    "https://y.example/ mailto:a@x.example " US, NULL },
	{ "no copy of what is not", NULL, NULL, any, us,
	    "v=TLSRPTv1; rua=https://y.example/", "https://y.example/", NULL },
	{ "no second copy for ourselves", NULL, NULL, any, us,
	    "v=TLSRPTv1; rua=" US ",mailto:a@x.example",
	    US " mailto:a@x.example", NULL },
	{ "no copy when the mail is left out", "x.example\n", NULL, any, us,
	    "v=TLSRPTv1; rua=mailto:a@x.example,https://y.example/",
	    "https://y.example/ | mailto:a@x.example", NULL },
	{ "a copy goes also where the record may not",
	    ".org\nexample.org\n", NULL, any, us,
	    "v=TLSRPTv1; rua=mailto:a@example.org,mailto:a@x.example",
	    "mailto:a@x.example " US " | mailto:a@example.org", NULL },
	{ "a map may add where the record names nothing", NULL,
	    ". APPEND mailto:b@x.example\n", any, NULL,
	    "v=TLSRPTv1; rua=ftp://x.example/",
	    "mailto:b@x.example | ftp://x.example/", NULL },
	{ "a map's ports are looked at too", NULL,
	    ". REPLACE https://z.example:444/\n", web, NULL,
	    "v=TLSRPTv1; rua=https://y.example/",
	    "| https://y.example/ https://z.example:444/",
	    "none of the places that its record names is to be used" },
	{ "a folder is a place", NULL, ". REPLACE directory:/x\n", any, us,
	    "v=TLSRPTv1; rua=mailto:a@x.example",
	    "/x | mailto:a@x.example", NULL },
};

/* "URI FOLDER | SKIPPED" */
static char *
told(const struct rua_list *list)
{
	char *text;
	size_t len;
	FILE *f = xmemstream(&text, &len);

	for (size_t i = 0; i < list->n; i++)
		fprintf(f, " %s", list->list[i].uri);
	for (size_t i = 0; i < list->nfolders; i++)
		fprintf(f, " %s", list->folders[i]);
	for (size_t i = 0; i < list->nskipped; i++)
		fprintf(f, "%s %s", i == 0 ? " |" : "", list->skipped[i].uri);
	xmemclose(f);
	return text;
}

static void
places_are_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct conf c = { .https.ports = rows[i].ports,
		    .mail.bcc = rows[i].bcc, .deliver.destinations_max = 4 };
		struct places *p;
		struct rua_list list;
		const char *why;
		char *text;
		bool found;

		print_message("  %s\n", rows[i].name);
		if (rows[i].exclude != NULL || rows[i].map != NULL)
			rules_write(rows[i].exclude != NULL ?
			    rows[i].exclude : rows[i].map);
		if (rows[i].exclude != NULL)
			c.deliver.exclude_file = rules;
		if (rows[i].map != NULL)
			c.deliver.map_file = rules;
		assert_non_null(p = places_new(&c, stderr));
		found = places_find(p, "d.example", rows[i].txt, &list, &why);
		assert_int_equal(found, rows[i].why == NULL);
		if (!found)
			assert_string_equal(why, rows[i].why);
		text = told(&list);
		assert_string_equal(text + (*text == ' '), rows[i].result);
		free(text);
		rua_list_release(&list);
		places_free(p);
	}
}

/* What the operator excludes he does not get by a map either. */
static void
exclusions_have_the_last_word(void **state)
{
	struct conf c = { .https.ports = any, .deliver.destinations_max = 4,
	    .deliver.exclude_file = rules };
	char map[] = RULES ".map";
	struct rua_list list;
	struct places *p;
	const char *why;
	FILE *f = fopen(map, "w");

	(void)state;
	assert_non_null(f);
	fputs(". REPLACE mailto:a@z.example\n", f);
	fclose(f);
	c.deliver.map_file = map;
	rules_write("z.example\nd.example\n");
	assert_non_null(p = places_new(&c, stderr));
	assert_false(places_find(p, "e.example",
	    "v=TLSRPTv1; rua=mailto:a@x.example", &list, &why));
	assert_int_equal(list.nskipped, 2);
	assert_string_equal(list.skipped[1].why, "excluded by " RULES ":1");
	rua_list_release(&list);
	assert_string_equal(places_excluded(p, "d.example"),
	    "excluded by " RULES ":2");
	assert_null(places_excluded(p, "e.example"));
	places_free(p);
	unlink(map);
}

static void
all_that_is_wrong_is_said_at_once(void **state)
{
	char bcc[] = "copy@localhost", *complaints;
	struct conf c = { .https.ports = any, .https.map_file = nowhere,
	    .mail.bcc = bcc, .deliver.exclude_file = rules };
	size_t len;
	FILE *err = xmemstream(&complaints, &len);

	(void)state;
	rules_write("a b\n");
	assert_null(places_new(&c, err));
	xmemclose(err);
	assert_string_equal(complaints,
	    RULES ":1: \"b\": one entry a line\n"
	    "[https] map_file " NOWHERE
	    "[mail] bcc: copy@localhost: not an e-mail address: the domain\n");
	free(complaints);
}

/* Four settings name a file. */
static void
the_setting_that_names_no_file_is_said(void **state)
{
	char *complaints, folder[] = "/";
	struct conf c = {
		.deliver = { .exclude_file = nowhere, .map_file = nowhere },
		.mail.map_file = nowhere,
		.https = { .ports = any, .map_file = folder },
	};
	size_t len;
	FILE *err = xmemstream(&complaints, &len);

	(void)state;
	assert_null(places_new(&c, err));
	xmemclose(err);
	assert_string_equal(complaints, "[deliver] exclude_file " NOWHERE
	    "[deliver] map_file " NOWHERE "[mail] map_file " NOWHERE
	    "[https] map_file /: Is a directory\n");
	free(complaints);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_are_found),
		cmocka_unit_test(exclusions_have_the_last_word),
		cmocka_unit_test(all_that_is_wrong_is_said_at_once),
		cmocka_unit_test(the_setting_that_names_no_file_is_said),
	};

	return cmocka_run_group_tests(tests, rules_begin, rules_end);
}
