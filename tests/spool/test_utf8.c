#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <jansson.h>
#include <string.h>

#include "spool/utf8.h"

#define N(a)	(sizeof(a) / sizeof((a)[0]))
#define FFFD	"\xef\xbf\xbd"

/* The first character is the shortest part that is valid. */
static void
check_character(const unsigned char *s, size_t len)
{
	char text[5] = "";
	size_t n = 1;

	memcpy(text, s, len);
	while (n <= len && utf8_span(text, n) != n)
		n++;
	assert_int_equal(utf8_character(text), n <= len ? n : 0);
}

static void
check_validity(const unsigned char *s, size_t len)
{
	json_t *oracle = json_stringn((const char *)s, len);

	assert_int_equal(utf8_span((const char *)s, len) == len,
	    oracle != NULL);
	json_decref(oracle);
	if (memchr(s, '\0', len) == NULL)
		check_character(s, len);
}

/* Every first byte before every byte at which a range begins or ends. */
static void
valid_is_what_the_json_library_takes(void **state)
{
	static const unsigned char edge[] = { 0x00, 0x41, 0x7f, 0x80, 0x8f,
	    0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xff };
	unsigned char s[4];
	size_t i, k, m;
	int first;

	(void)state;
	for (first = 0; first < 256; first++) {
		s[0] = (unsigned char)first;
		check_validity(s, 1);
		for (i = 0; i < N(edge); i++) {
			s[1] = edge[i];
			check_validity(s, 2);
			for (k = 0; k < N(edge); k++) {
				s[2] = edge[k];
				check_validity(s, 3);
				for (m = 0; m < N(edge); m++) {
					s[3] = edge[m];
					check_validity(s, 4);
				}
			}
		}
	}
}

static void
a_bad_byte_is_found_wherever_it_is(void **state)
{
	char s[64];
	size_t len, at;

	(void)state;
	for (len = 1; len < sizeof(s); len++)
		for (at = 0; at < len; at++) {
			memset(s, 'a', sizeof(s));
			assert_int_equal(utf8_span(s, len), len);
			s[at] = '\xff';
			assert_int_equal(utf8_span(s, len), at);
		}
	assert_int_equal(utf8_span("", 0), 0);
	assert_true(utf8_is_ascii(""));
	assert_true(utf8_is_ascii("mx1.example.net\x7f"));
	assert_false(utf8_is_ascii("mx1.example.net\x80"));
}

static const struct {
	const char *name, *bytes, *repaired;
} repairs[] = {
	{ "nothing", "", "" },
	{ "ASCII", "abc", "abc" },
	{ "good characters", "\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80",
	    "\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80" },
	{ "a lone continuation", "a\x80" "b", "a" FFFD "b" },
	{ "two of them", "\x80\xbf", FFFD FFFD },
	{ "a sequence that ends too early counts once", "\xe2\x82" "b",
	    FFFD "b" },
	{ "a longer one", "\xf0\x9f\x98" "b", FFFD "b" },
	{ "one cut by the end", "a\xf0\x9f", "a" FFFD },
	{ "one cut by another", "\xe2\x82\xe2\x82\xac", FFFD "\xe2\x82\xac" },
	{ "an overlong blank", "\xc0\xa0", FFFD FFFD },
	{ "an overlong slash", "\xe0\x80\xaf", FFFD FFFD FFFD },
	{ "a surrogate", "\xed\xa0\x80", FFFD FFFD FFFD },
	{ "beyond U+10FFFF", "\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD },
	{ "a quotation mark is not swallowed", "\xe2\"", FFFD "\"" },
};

static void
repairs_replace_and_keep_the_rest(void **state)
{
	struct arena a = { 0 };
	size_t i, len;
	char *s;

	(void)state;
	for (i = 0; i < N(repairs); i++) {
		print_message("%s\n", repairs[i].name);
		len = strlen(repairs[i].bytes);
		s = utf8_repair(&a, repairs[i].bytes, &len);
		assert_string_equal(s, repairs[i].repaired);
		assert_int_equal(len, strlen(s));
		assert_int_equal(utf8_span(s, len), len);
	}
	arena_release(&a);
}

static const struct {
	const char *name, *text;
	size_t max;
	const char *clean;
} cleanings[] = {
	{ "nothing", "", 10, NULL },
	{ "blanks only", " \t\r\n", 10, NULL },
	{ "controls only", "\x01\x1f\x7f\xc2\x80\xc2\x9f", 10, NULL },
	{ "as it was", "mx1", 10, "mx1" },
	{ "blanks in front stay", "  mx1", 10, "  mx1" },
	{ "blanks at the end go", "mx1 \r\n", 10, "mx1" },
	{ "tab and line end become blanks", "a\tb\r\nc", 10, "a b  c" },
	{ "other controls go", "a\x1b[1mb\x7f" "c", 10, "a[1mbc" },
	{ "C1 controls go", "a\xc2\x9b" "b", 10, "ab" },
	{ "no-break space is none", "a\xc2\xa0" "b", 10, "a\xc2\xa0" "b" },
	{ "U+FDCF is a character", "\xef\xb7\x8f", 10, "\xef\xb7\x8f" },
	{ "U+FDD0 is none", "a\xef\xb7\x90" "b", 10, "ab" },
	{ "U+FDEF is none", "a\xef\xb7\xaf" "b", 10, "ab" },
	{ "U+FDF0 is a character", "\xef\xb7\xb0", 10, "\xef\xb7\xb0" },
	{ "U+FFFD is a character", FFFD, 10, FFFD },
	{ "U+FFFE is none", "a\xef\xbf\xbe" "b", 10, "ab" },
	{ "U+FFFF is none", "a\xef\xbf\xbf" "b", 10, "ab" },
	{ "U+1FFFE is none", "a\xf0\x9f\xbf\xbe" "b", 10, "ab" },
	{ "U+10FFFF is none", "a\xf4\x8f\xbf\xbf" "b", 10, "ab" },
	{ "U+1F7FE is a character", "\xf0\x9f\x9f\xbe", 10,
	    "\xf0\x9f\x9f\xbe" },
	{ "cut", "abcdef", 3, "abc" },
	{ "exactly as long", "abc", 3, "abc" },
	{ "cut before half a character", "ab\xc3\xbc", 3, "ab" },
	{ "and after a whole one", "a\xc3\xbc" "b", 3, "a\xc3\xbc" },
	{ "blanks before the cut go", "ab  cd", 4, "ab" },
	{ "nothing fits", "\xe2\x82\xac", 2, NULL },
	{ "room for nothing", "a", 0, NULL },
};

static void
clean_text_fits_one_line(void **state)
{
	struct arena a = { 0 };
	const char *s;
	size_t i;

	(void)state;
	for (i = 0; i < N(cleanings); i++) {
		print_message("%s\n", cleanings[i].name);
		s = utf8_clean(&a, cleanings[i].text,
		    strlen(cleanings[i].text), cleanings[i].max);
		if (cleanings[i].clean == NULL)
			assert_null(s);
		else
			assert_string_equal(s, cleanings[i].clean);
	}
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_is_what_the_json_library_takes),
		cmocka_unit_test(a_bad_byte_is_found_wherever_it_is),
		cmocka_unit_test(repairs_replace_and_keep_the_rest),
		cmocka_unit_test(clean_text_fits_one_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
