#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "conf/mem.h"
#include "reporter/map.h"
#include "tests/reporter/rules.h"

static struct map *
load(const char *text, char **complaints)
{
	struct map *m;
	size_t len;
	FILE *err = xmemstream(complaints, &len);

	rules_write(text);
	m = map_new("map_file", RULES, err);
	xmemclose(err);
	return m;
}

static struct map *
load_good(const char *text)
{
	char *complaints;
	struct map *m = load(text, &complaints);

	assert_string_equal(complaints, "");
	assert_non_null(m);
	free(complaints);
	return m;
}

#define MATCHES	"allowed: example.com, .example.com, . or regexp:PATTERN"
#define ACTIONS	"allowed: ACCEPT, DISCARD, APPEND, REPLACE or REGEXP"

static const struct {
	const char *name, *text, *complaints;
} files[] = {
	{ "empty", "", "" },
	{ "every action", "# ours\na.example ACCEPT\nb.example DISCARD\n"
	    "c.example APPEND mailto:x@example.com\n"
	    "d.example REPLACE https://example.com/\n"
	    "e.example REGEXP a b\n", "" },
	{ "every match", ". ACCEPT\na.example ACCEPT\n.a.example. ACCEPT\n"
	    "domain:a.example ACCEPT\ndomain:. ACCEPT\n"
	    "regexp:^a\\.(?P<x>b+?)$ ACCEPT\n", "" },
	{ "URIs between blanks, commas and both",
	    ". APPEND mailto:a@example.com,mailto:b@example.com  "
	    "mailto:c@example.com, directory:/x\n", "" },
	{ "no action", "example.com\n",
	    RULES ":1: a match without an action\n" },
	{ "an action that there is not", "example.com REJECT\n",
	    RULES ":1: \"REJECT\": no such action, " ACTIONS "\n" },
	{ "an action in small letters", "example.com accept\n",
	    RULES ":1: \"accept\": no such action, " ACTIONS "\n" },
	{ "not a domain", "a..b ACCEPT\n",
	    RULES ":1: \"a..b\": not a domain, " MATCHES "\n" },
	{ "another match type", "cidr:192.0.2.0/24 ACCEPT\n",
	    RULES ":1: \"cidr:192.0.2.0/24\": not a domain, " MATCHES "\n" },
	{ "not a pattern", "regexp:a(b ACCEPT\n",
	    RULES ":1: \"a(b\": missing closing parenthesis, at byte 4\n" },
	{ "ACCEPT with a parameter", ". ACCEPT mailto:a@example.com\n",
	    RULES ":1: ACCEPT takes nothing\n" },
	{ "DISCARD with a parameter", ". DISCARD x\n",
	    RULES ":1: DISCARD takes nothing\n" },
	{ "APPEND of nothing", ". APPEND\n", RULES ":1: APPEND without a URI\n" },
	{ "REPLACE by nothing", ". REPLACE\n",
	    RULES ":1: REPLACE without a URI\n" },
	{ "REPLACE by what is no URI", ". REPLACE a@example.com\n",
	    RULES ":1: \"a@example.com\": not a URI: mailto: or https: is "
	    "missing\n" },
	{ "the second URI is bad", ". APPEND mailto:a@example.com,ftp://x/\n",
	    RULES ":1: \"ftp://x/\": the scheme is neither mailto: nor "
	    "https:\n" },
	{ "a folder by a relative path", ". APPEND directory:x\n",
	    RULES ":1: \"directory:x\": not an absolute path\n" },
	{ "a folder without a path", ". APPEND directory:\n",
	    RULES ":1: \"directory:\": not an absolute path\n" },
	{ "REGEXP without a text", ". REGEXP a\n",
	    RULES ":1: REGEXP takes a pattern and a text\n" },
	{ "REGEXP with too many", ". REGEXP a b c\n",
	    RULES ":1: REGEXP takes a pattern and a text\n" },
	{ "a bad pattern in REGEXP", ". REGEXP [ b\n",
	    RULES ":1: \"[\": missing terminating ] for character class, "
	    "at byte 2\n" },
	{ "a group that there is not", ". REGEXP (a) \\2\n",
	    RULES ":1: \"\\x5c2\": no group of the pattern\n" },
	{ "a name that there is not", ". REGEXP (?P<x>a) \\g<y>\n",
	    RULES ":1: \"\\x5cg<y>\": no group of the pattern\n" },
	{ "a name that does not end", ". REGEXP (?P<x>a) \\g<x\n",
	    RULES ":1: \"\\x5cg<x\": no group of the pattern\n" },
	{ "an empty name", ". REGEXP a \\g<>\n",
	    RULES ":1: \"\\x5cg<>\": no group of the pattern\n" },
	{ "an escape that there is not", ". REGEXP a \\n\n",
	    RULES ":1: \"\\x5cn\": no group of the pattern\n" },
	{ "a backslash at the end", ". REGEXP a b\\\n",
	    RULES ":1: \"\\x5c\": no group of the pattern\n" },
	{ "every bad line", "a\n. ACCEPT\nb\n",
	    RULES ":1: a match without an action\n"
	    RULES ":3: a match without an action\n" },
};

static void
every_bad_line_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(files); i++) {
		char *complaints;
		struct map *m = load(files[i].text, &complaints);

		print_message("  %s\n", files[i].name);
		assert_string_equal(complaints, files[i].complaints);
		assert_int_equal(m != NULL, *complaints == '\0');
		map_free(m);
		free(complaints);
	}
}

/* "URI URI directory:PATH | URI reason; URI reason" */
static char *
told(const struct rua_list *list)
{
	char *text;
	size_t len;
	FILE *f = xmemstream(&text, &len);

	for (size_t i = 0; i < list->n; i++)
		fprintf(f, "%s%s%s ", list->list[i].uri,
		    list->list[i].ours ? "+" : "",
		    list->list[i].by != NULL ? "*" : "");
	for (size_t i = 0; i < list->nfolders; i++)
		fprintf(f, "directory:%s ", list->folders[i]);
	for (size_t i = 0; i < list->nskipped; i++)
		fprintf(f, "%s%s %s", i == 0 ? "| " : "; ",
		    list->skipped[i].uri, list->skipped[i].why);
	xmemclose(f);
	return text;
}

static void
parse(struct rua_list *list, const char *rua)
{
	char *txt = xasprintf("v=TLSRPTv1; rua=%s", rua);
	const char *why;

	assert_int_equal(rua_parse(list, txt, 10, &why), 0);
	free(txt);
}

#define A	"mailto:a@one.example"
#define B	"https://two.example/b"
#define C	"mailto:c@three.example"
#define BY1	" by " RULES ":1"
#define BY2	" by " RULES ":2"

static const struct {
	const char *name, *rules, *domain, *rua, *result;
} domains[] = {
	{ "no rule matches", "x.example DISCARD\n", "d.example", A "," B,
	    A " " B " " },
	{ "accepted", "d.example ACCEPT\n. DISCARD\n", "d.example", A, A " " },
	{ "the first rule that matches counts", "d.example DISCARD\n"
	    "d.example ACCEPT\n", "d.example", A, "| " A " discarded" BY1 },
	{ "discarded", "d.example DISCARD\n", "d.example", A "," B,
	    "| " A " discarded" BY1 "; " B " discarded" BY1 },
	{ "appended", "d.example APPEND " C "\n", "d.example", A,
	    A " " C "+* " },
	{ "appended what is there already", "d.example APPEND " A "," C "\n",
	    "d.example", A, A " " C "+* " },
	{ "replaced", "d.example REPLACE " C " " A "\n", "d.example", A "," B,
	    C "+* " A "+* | " A " replaced" BY1 "; " B " replaced" BY1 },
	{ "replaced where the record names nothing of use",
	    "d.example REPLACE " C "\n", "d.example", "ftp://x/",
	    C "+* | ftp://x/ the scheme is neither mailto: nor https:" },
	{ "a folder besides", "d.example APPEND directory:/x,directory:/x\n",
	    "d.example", A, A " directory:/x " },
	{ "a folder instead", "d.example REPLACE directory:/x/\n", "d.example",
	    A, "directory:/x/ | " A " replaced" BY1 },
	{ "rewritten where it matches", "d.example REGEXP one.example "
	    "four.example\n", "d.example", A "," B,
	    "mailto:a@four.example* " B " | " A " rewritten" BY1 },
	{ "rewritten everywhere in it", ". REGEXP e i\n", "d.example",
	    "https://one.example/eee", "https://oni.ixampli/iii* | "
	    "https://one.example/eee rewritten" BY1 },
	{ "rewritten to one that is there", ". REGEXP ^.*three.* " A "\n",
	    "d.example", A "," C, A " | " C " rewritten" BY1 },
	{ "rewritten to what is no URI", ". REGEXP mailto: x:\n", "d.example",
	    A, "| x:a@one.example as it is rewritten" BY1 ": the scheme is "
	    "neither mailto: nor https:" },
	{ "rewritten to a folder of a stranger's choice",
	    ". REGEXP mailto:(.*) directory:/x/\\1\n", "d.example", A,
	    "| directory:/x/a@one.example as it is rewritten" BY1 ": the "
	    "scheme is neither mailto: nor https:" },
	{ "groups by number and name",
	    ". REGEXP (?P<l>a)@(\\w+)\\.(.*) \\g<2>$1\\\\@\\g<l>.\\3\n",
	    "d.example", A, "| mailto:one$1\\@a.example as it is rewritten"
	    BY1 ": a character that no URI holds" },
	{ "the whole match", ". REGEXP a@ \\g<0>x.\n", "d.example", A,
	    "mailto:a@x.one.example* | " A " rewritten" BY1 },
	{ "a group that took no part", ". REGEXP a@|(q) b@\\1\n",
	    "d.example", "mailto:a@o.net", "mailto:b@o.net* | "
	    "mailto:a@o.net rewritten" BY1 },
	{ "not greedy, as in Python", ". REGEXP /b+? /c\n", "d.example",
	    "https://two.example/bbb", "https://two.example/cbb* | "
	    "https://two.example/bbb rewritten" BY1 },
	{ "below a dot", ".d.example DISCARD\n", "x.y.d.example", A,
	    "| " A " discarded" BY1 },
	{ "a dot's own domain", ".d.example DISCARD\n", "d.example", A, A " " },
	{ "what just ends alike", ".d.example DISCARD\n", "xd.example", A,
	    A " " },
	{ "below a domain without a dot", "d.example DISCARD\n",
	    "x.d.example", A, A " " },
	{ "everything", "x.example ACCEPT\n. DISCARD\n", "d.example", A,
	    "| " A " discarded" BY2 },
	{ "a domain in capitals, with a dot behind",
	    "domain:.D.Example. DISCARD\n", "x.d.example", A,
	    "| " A " discarded" BY1 },
	{ "a pattern finds the domain", "regexp:^d\\.ex DISCARD\n",
	    "d.example", A, "| " A " discarded" BY1 },
	{ "a pattern matches anywhere", "regexp:\\.ex DISCARD\n", "d.example",
	    A, "| " A " discarded" BY1 },
	{ "a pattern does not see destinations", "regexp:one DISCARD\n",
	    "d.example", A, A " " },
};

static void
domains_are_mapped(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(domains); i++) {
		struct map *m = load_good(domains[i].rules);
		struct rua_list list;
		char *text;

		print_message("  %s\n", domains[i].name);
		parse(&list, domains[i].rua);
		map_domain(m, domains[i].domain, &list);
		text = told(&list);
		assert_string_equal(text, domains[i].result);
		free(text);
		rua_list_release(&list);
		map_free(m);
	}
}

static const struct {
	const char *name, *mail, *https, *rua, *result;
} each[] = {
	{ "without maps", NULL, NULL, A "," B, A " " B " " },
	{ "mail only", ". DISCARD\n", NULL, A "," B,
	    B " | " A " discarded" BY1 },
	{ "https only", NULL, ". DISCARD\n", A "," B,
	    A " | " B " discarded" BY1 },
	{ "by the host of the address", "one.example DISCARD\n", NULL,
	    A "," C, C " | " A " discarded" BY1 },
	{ "by the host of the URL, whatever its port", NULL,
	    "two.example DISCARD\n", "https://two.example:8443/",
	    "| https://two.example:8443/ discarded" BY1 },
	{ "by a pattern over the whole URI", "regexp:^mailto:c@ DISCARD\n",
	    NULL, A "," C, A " | " C " discarded" BY1 },
	{ "appended to each that matches, once", ". APPEND " B "\n", NULL,
	    A "," C, A " " B "+* " C " " },
	{ "what one map puts there the other leaves alone",
	    ". REPLACE https://four.example/\n", ". REPLACE " A "\n",
	    C, "https://four.example/+* | " C " replaced" BY1 },
	{ "one that is changed, one that is not",
	    "one.example REGEXP a@ b@\n", NULL, A "," C,
	    "mailto:b@one.example* " C " | " A " rewritten" BY1 },
};

static void
destinations_are_mapped(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(each); i++) {
		struct map *mail = NULL, *https = NULL;
		struct rua_list list;
		char *text;

		print_message("  %s\n", each[i].name);
		if (each[i].mail != NULL)
			mail = load_good(each[i].mail);
		if (each[i].https != NULL)
			https = load_good(each[i].https);
		parse(&list, each[i].rua);
		map_destinations(mail, https, &list);
		text = told(&list);
		assert_string_equal(text, each[i].result);
		free(text);
		rua_list_release(&list);
		map_free(mail);
		map_free(https);
	}
}

/* A stranger's URL must not keep an unlucky pattern busy for ever. */
static void
a_pattern_gives_up(void **state)
{
	struct map *m = load_good("regexp:^(a|aa)+$ DISCARD\n"
	    ". REGEXP /(a|aa)+$ x\n");
	struct rua_list list;
	char many[600], *rua, *text;

	(void)state;
	memset(many, 'a', sizeof(many) - 1);
	many[sizeof(many) - 2] = 'b';
	many[sizeof(many) - 1] = '\0';
	rua = xasprintf("https://one.example/%s", many);
	parse(&list, rua);
	map_domain(m, many, &list);
	assert_int_equal(list.n, 0);
	assert_int_equal(list.nskipped, 1);
	assert_string_equal(list.skipped[0].why,
	    "as it is rewritten" BY2 ": too much work");
	text = told(&list);
	free(text);
	free(rua);
	rua_list_release(&list);
	map_free(m);
}

static void
what_grows_too_long_is_refused(void **state)
{
	struct map *m = load_good(". REGEXP x xxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\n");
	struct rua_list list;
	char many[600], *rua;

	(void)state;
	memset(many, 'x', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	rua = xasprintf("https://one.example/%s", many);
	parse(&list, rua);
	map_domain(m, "d.example", &list);
	assert_int_equal(list.n, 0);
	assert_string_equal(list.skipped[0].why,
	    "as it is rewritten" BY1 ": longer than 2048 bytes");
	free(rua);
	rua_list_release(&list);
	map_free(m);
}

static bool
is_taken(const char *file, FILE *err)
{
	struct map *m = map_new("map_file", file, err);

	map_free(m);
	return m != NULL;
}

static void
the_corpus_is_taken_or_refused(void **state)
{
	(void)state;
	rules_corpus("map-", true, is_taken);
	rules_corpus("map-", false, is_taken);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_bad_line_is_named),
		cmocka_unit_test(domains_are_mapped),
		cmocka_unit_test(destinations_are_mapped),
		cmocka_unit_test(a_pattern_gives_up),
		cmocka_unit_test(what_grows_too_long_is_refused),
		cmocka_unit_test(the_corpus_is_taken_or_refused),
	};

	return cmocka_run_group_tests(tests, rules_begin, rules_end);
}
