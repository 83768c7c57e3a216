#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "reporter/fields.h"

/* What is found at these keys, asked for in this order; '-' for nothing. */
static void
expect(const char *name, const char *json, const char *keys, const char *found,
    size_t left)
{
	json_t *o = json_loads(json, 0, NULL);
	struct fields f = fields_of(o);
	char got[16] = "", key[2] = "";
	size_t n = strlen(keys);

	assert_non_null(o);
	for (size_t i = 0; i < n; i++) {
		const json_t *v;

		key[0] = keys[i];
		v = fields_get(&f, key);
		got[i] = v == NULL ? '-' : json_string_value(v)[0];
	}
	if (strcmp(got, found) != 0 || f.left != left)
		fail_msg("%s: \"%s\", %zu left", name, got, f.left);
	json_decref(o);
}

static void
fields(void **state)
{
	static const struct {
		const char *name, *json, *keys, *found;
		size_t left;
	} rows[] = {
		{ "none", "{}", "ab", "--", 0 },
		{ "in order", "{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"}", "abc",
		    "123", 0 },
		{ "from behind", "{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"}",
		    "cba", "321", 0 },
		{ "the last one first", "{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"}",
		    "cab", "312", 0 },
		{ "some missing", "{\"b\":\"2\",\"d\":\"4\"}", "abcde",
		    "-2-4-", 0 },
		{ "others between", "{\"x\":\"7\",\"a\":\"1\",\"y\":\"8\","
		    "\"b\":\"2\"}", "ab", "12", 2 },
		{ "others behind", "{\"a\":\"1\",\"x\":\"7\"}", "ab", "1-",
		    1 },
		{ "no object", "[\"a\",\"1\"]", "a", "-", 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect(rows[i].name, rows[i].json, rows[i].keys, rows[i].found,
		    rows[i].left);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
