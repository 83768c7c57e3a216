#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "aggregator/table.h"

#define N	5000

static int nodes[N];

static void
every_node_is_found_by_its_hash_alone(void **state)
{
	/* Three nodes of every hash, and all hashes in the same few slots. */
	struct table t = { 0 };
	size_t at;
	int *node;

	(void)state;
	for (int i = 0; i < N; i++) {
		nodes[i] = i;
		table_add(&t, (uint64_t)(i / 3) << 7, &nodes[i]);
	}
	for (int i = 0; i < N; i += 3) {
		at = 0;
		for (int k = i; k < i + 3 && k < N; k++) {
			node = table_next(&t, (uint64_t)(i / 3) << 7, &at);
			assert_non_null(node);
			assert_int_equal(*node / 3, i / 3);
		}
		assert_null(table_next(&t, (uint64_t)(i / 3) << 7, &at));
	}
	at = 0;
	assert_null(table_next(&t, 1, &at));
	table_release(&t);
	at = 0;
	assert_null(table_next(&t, 0, &at));
	table_release(&t);
}

static void
texts_are_hashed_apart(void **state)
{
	(void)state;
	assert_true(table_hash(table_hash(0, "ab"), "c") !=
	    table_hash(table_hash(0, "a"), "bc"));
	assert_true(table_hash(table_hash(0, "a"), NULL) !=
	    table_hash(table_hash(0, NULL), "a"));
	assert_true(table_hash(0, "a") != table_hash(1, "a"));
	assert_true(table_hash(7, "a") == table_hash(7, "a"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_node_is_found_by_its_hash_alone),
		cmocka_unit_test(texts_are_hashed_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
