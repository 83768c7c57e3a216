#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/mem.h"
#include "reporter/chart.h"
#include "reporter/page.h"
#include "reporter/share.h"
#include "reporter/show.h"
#include "tests/reporter/expect.h"

#define BAD "\ufffd"

/* A stranger's text, on a terminal and in HTML. */
static const struct {
	const char *what, *text, *shown, *html;
} rows[] = {
	{ "none", NULL, "-", "-" },
	{ "plain", "mx1.example.net", "mx1.example.net", "mx1.example.net" },
	{ "letters of all kinds", "Gr\u00fc\u00df Gott \u4f60 \U0001f600",
	    "Gr\u00fc\u00df Gott \u4f60 \U0001f600",
	    "Gr\u00fc\u00df Gott \u4f60 \U0001f600" },
	{ "an order to the terminal", "\033[2J\a\r\n\t", BAD "[2J" BAD BAD BAD
	    BAD, BAD "[2J" BAD BAD BAD BAD },
	{ "the same in C1", "\xc2\x9b" "2J\x7f", BAD "2J" BAD, BAD "2J" BAD },
	{ "direction of writing", "a\u202eb\u2066c\u200ed", "a" BAD "b" BAD
	    "c" BAD "d", "a" BAD "b" BAD "c" BAD "d" },
	{ "no width", "a\u200bb\ufeff", "a" BAD "b" BAD, "a" BAD "b" BAD },
	{ "no UTF-8", "a\xff\xc3(\xe2\x82", "a" BAD BAD "(" BAD BAD,
	    "a" BAD BAD "(" BAD BAD },
	{ "overlong", "\xc0\xbc\xf5\x80\x80\x80", BAD BAD BAD BAD BAD BAD,
	    BAD BAD BAD BAD BAD BAD },
	{ "overlong but for the first byte", "\xe0\x9f\xbf" "a\xf0\x80\x80\xbc",
	    BAD BAD BAD "a" BAD BAD BAD BAD,
	    BAD BAD BAD "a" BAD BAD BAD BAD },
	{ "HTML", "<a href='x' title=\"y\">&amp;</a>",
	    "<a href='x' title=\"y\">&amp;</a>",
	    "&lt;a href=&#39;x&#39; title=&quot;y&quot;&gt;&amp;amp;&lt;/a"
	    "&gt;" },
};

static char *
written(void (*put)(FILE *, const char *), const char *text)
{
	char *out = NULL;
	size_t len;
	FILE *f = xmemstream(&out, &len);

	put(f, text);
	xmemclose(f);
	return out;
}

static void
texts_of_strangers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		expect(rows[i].what, written(show_clean, rows[i].text),
		    rows[i].shown);
		expect(rows[i].what, written(page_text, rows[i].text),
		    rows[i].html);
	}
}

static void
put_ten(FILE *f, const char *text)
{
	show_column(f, text, 10);
}

static void
columns(void **state)
{
	char text[3000], *cut;

	(void)state;
	expect("short", written(put_ten, "abc"), "abc       ");
	expect("a character is a column", written(put_ten, "\u00fc\u4f60"),
	    "\u00fc\u4f60        ");
	expect("none", written(put_ten, NULL), "-         ");
	expect("long", written(put_ten, "abcdefghijkl"), "abcdefghijkl");
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	cut = written(show_clean, text);
	assert_int_equal(strlen(cut), 1000 + strlen("\u2026"));
	free(cut);
}

static void
shares(void **state)
{
	static const struct {
		uint64_t n, total;
		const char *want;
	} list[] = {
		{ 0, 0, "-" }, { 0, 5, "0.0 %" }, { 5, 5, "100.0 %" },
		{ 1, 3, "33.3 %" }, { 999999, 1000000, "99.9 %" },
		{ 1, 1000000, "0.1 %" }, { UINT64_MAX - 1, UINT64_MAX,
		"99.9 %" }, { 9, 3, "100.0 %" },
	};
	char text[SHARE_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		assert_string_equal(share_text(list[i].n, list[i].total,
		    text), list[i].want);
}

static void
numbers(void **state)
{
	static const struct {
		uint64_t n;
		const char *want;
	} list[] = {
		{ 0, "0" }, { 999, "999" }, { 1000, "1k" }, { 2500, "2.5k" },
		{ 50000, "50k" }, { 5000000, "5M" }, { UINT64_MAX, "18E" },
	};
	char text[CHART_NUMBER];

	(void)state;
	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		assert_string_equal(chart_number(list[i].n, text),
		    list[i].want);
}

static void
put_bars(FILE *f, const char *class)
{
	const uint64_t values[] = { 0, 1, 1000, UINT64_MAX };

	chart_bars(f, "Title", class, 0, values, 3);
	chart_bars(f, "Title", class, 0, values, 4);
	chart_bars(f, "Title", class, 0, values, 1);
	chart_bars(f, "Title", class, 0, values, 0);
}

/* Nothing that is not a number, whatever is charted. */
static void
charts(void **state)
{
	char *text = written(put_bars, "bar");
	size_t bars = 0;

	(void)state;
	for (const char *s = text; (s = strstr(s, "<rect ")) != NULL; s++)
		bars++;
	assert_int_equal(bars, 2 + 3);
	assert_null(strstr(text, "nan"));
	assert_null(strstr(text, "inf"));
	assert_non_null(strstr(text, "<title>1970-01-03: 1000</title>"));
	free(text);
}

static void
put_page(FILE *f, const char *title)
{
	page_begin(f, title);
	page_end(f);
}

/* The hash in the policy is that of the very bytes between the tags. */
static void
policy_of_a_page(void **state)
{
	char *page = written(put_page, "a<b");

	(void)state;
	assert_non_null(strstr(page, "<title>a&lt;b</title>"));
	assert_non_null(strstr(page, "default-src 'none'; style-src "
	    "'sha256-"));
	assert_non_null(strstr(page, "; script-src 'sha256-"));
	assert_null(strstr(page, "unsafe"));
	assert_null(strstr(page, "http://"));
	assert_null(strstr(page, "https://"));
	free(page);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(texts_of_strangers),
		TEST(columns),
		TEST(shares),
		TEST(numbers),
		TEST(charts),
		TEST(policy_of_a_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
