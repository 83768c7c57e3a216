#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdalign.h>
#include <string.h>

#include "spool/arena.h"

static void
pieces_are_aligned_and_apart(void **state)
{
	static const size_t sizes[] = { 0, 1, 15, 16, 17, 4000, 1, 20000,
	    65536, 3, 200000, 1, 0 };
	enum { N = sizeof(sizes) / sizeof(sizes[0]) };
	struct arena a = { 0 };
	unsigned char *p[N];
	size_t i, k;

	(void)state;
	for (i = 0; i < N; i++) {
		p[i] = arena_alloc(&a, sizes[i]);
		assert_non_null(p[i]);
		assert_int_equal((uintptr_t)p[i] % alignof(max_align_t), 0);
		memset(p[i], (int)i + 1, sizes[i]);
	}
	for (i = 0; i < N; i++)
		for (k = 0; k < sizes[i]; k++)
			assert_int_equal(p[i][k], i + 1);
	assert_ptr_not_equal(p[0], p[1]);
	arena_release(&a);
	assert_null(a.block);
	assert_int_equal(a.size, 0);
}

static void
a_large_piece_does_not_waste_the_room_left(void **state)
{
	struct arena a = { 0 };
	char *before, *after;

	(void)state;
	before = arena_alloc(&a, 16);
	memset(arena_alloc(&a, 1 << 20), 1, 1 << 20);
	after = arena_alloc(&a, 16);
	assert_ptr_equal(after, before + 16);
	arena_release(&a);
}

static void
calloc_clears_what_was_used_before(void **state)
{
	struct arena a = { 0 };
	char *p;
	size_t i;

	(void)state;
	memset(arena_alloc(&a, 1000), 0xff, 1000);
	arena_reset(&a);
	p = arena_calloc(&a, 10, 100);
	for (i = 0; i < 1000; i++)
		assert_int_equal(p[i], 0);
	assert_non_null(arena_calloc(&a, 0, 100));
	arena_release(&a);
}

static void
texts_are_copied_and_terminated(void **state)
{
	struct arena a = { 0 };
	char buf[] = "mx.example.net";

	(void)state;
	assert_string_equal(arena_strdup(&a, buf), "mx.example.net");
	assert_string_equal(arena_strndup(&a, buf, 2), "mx");
	assert_string_equal(arena_strndup(&a, buf, 100), "mx.example.net");
	assert_string_equal(arena_strndup(&a, buf, 0), "");
	assert_ptr_not_equal(arena_strdup(&a, buf), buf);
	arena_release(&a);
}

static void
printf_fits_any_length(void **state)
{
	struct arena a = { 0 };
	char *first, *s;
	int i;

	(void)state;
	/* An empty arena, the last bytes of a block, more than a block. */
	first = arena_printf(&a, "%d %s", 7, "x");
	assert_string_equal(first, "7 x");
	for (i = 0; i < 70000; i += 997) {
		s = arena_printf(&a, "%0*d", i + 1, 5);
		assert_int_equal(strlen(s), i + 1);
		assert_int_equal(s[i], '5');
	}
	assert_string_equal(first, "7 x");
	arena_release(&a);
}

static void
reset_keeps_one_block(void **state)
{
	struct arena a = { 0 };
	size_t one;
	int i, round;

	(void)state;
	arena_reset(&a);
	arena_alloc(&a, 1);
	one = a.size;
	for (round = 0; round < 3; round++) {
		for (i = 0; i < 1000; i++)
			arena_alloc(&a, 1000);
		arena_alloc(&a, 1 << 20);
		assert_true(a.size > 2000000);
		arena_reset(&a);
		assert_int_equal(a.size, one);
	}
	arena_release(&a);
	arena_release(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_aligned_and_apart),
		cmocka_unit_test(a_large_piece_does_not_waste_the_room_left),
		cmocka_unit_test(calloc_clears_what_was_used_before),
		cmocka_unit_test(texts_are_copied_and_terminated),
		cmocka_unit_test(printf_fits_any_length),
		cmocka_unit_test(reset_keeps_one_block),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
