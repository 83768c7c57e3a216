#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdalign.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>

#include "spool/json_mem.h"

#define SIZE	4096

static bool
is_in(const void *p, const char *buf)
{
	return (uintptr_t)p >= (uintptr_t)buf &&
	    (uintptr_t)p < (uintptr_t)buf + SIZE;
}

/* An array of n texts, as text. */
static void
write_array(char *text, size_t n)
{
	text += sprintf(text, "[\"0\"");
	for (size_t i = 1; i < n; i++)
		text += sprintf(text, ",\"%zu\"", i);
	sprintf(text, "]");
}

/* Read and write it again, with the memory in buf. */
static void
assert_same_again(const char *text, char *buf)
{
	char *again = malloc(strlen(text) + 1);
	json_error_t error;
	json_t *v;

	assert_non_null(again);
	json_mem_begin(buf, SIZE);
	assert_non_null(v = json_loads(text, 0, &error));
	assert_int_equal(json_dumpb(v, again, strlen(text), JSON_COMPACT),
	    strlen(text));
	assert_memory_equal(again, text, strlen(text));
	json_mem_end(v);
	free(again);
}

/* That nothing is lost beyond the buffer, LeakSanitizer sees. */
static void
documents_of_every_size(void **state)
{
	alignas(max_align_t) char buf[SIZE];
	char *text = malloc(16 * 1000);

	(void)state;
	assert_non_null(text);
	for (size_t n = 1; n <= 1000; n += 9) {
		write_array(text, n);
		assert_same_again(text, buf);
	}
	free(text);
}

static void
what_is_made_outside_lives_on(void **state)
{
	alignas(max_align_t) char buf[SIZE];
	json_t *before = json_string("before"), *after, *v;

	(void)state;
	json_mem_begin(buf, SIZE);
	v = json_string("in between");
#ifndef __SANITIZE_ADDRESS__
	assert_true(is_in(v, buf));
#endif
	json_decref(before);
	json_mem_end(v);
	after = json_string("after");
	assert_false(is_in(after, buf));
	json_decref(after);
	json_mem_begin(buf, SIZE);
	json_mem_end(NULL);
}

static int
thread(void *buf)
{
	json_t *v = json_string("of another thread");
	int inside = is_in(v, buf);

	json_decref(v);
	return inside;
}

static void
other_threads_have_their_own(void **state)
{
	alignas(max_align_t) char buf[SIZE];
	thrd_t t;
	int inside;

	(void)state;
	json_mem_begin(buf, SIZE);
	assert_int_equal(thrd_create(&t, thread, buf), thrd_success);
	assert_int_equal(thrd_join(t, &inside), thrd_success);
	assert_int_equal(inside, 0);
	json_mem_end(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_of_every_size),
		cmocka_unit_test(what_is_made_outside_lives_on),
		cmocka_unit_test(other_threads_have_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
