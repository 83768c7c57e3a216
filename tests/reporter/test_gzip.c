#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/gzip.h"

#define LARGE	(300 * 1024)

/* Bytes that compress neither well nor badly. */
static char *
sample(size_t len)
{
	char *text = malloc(len + 1);
	uint32_t x = 1;

	assert_non_null(text);
	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		text[i] = (char)(i % 3 ? x >> 24 : 'a');
	}
	return text;
}

static void
what_is_packed_unpacks(void **state)
{
	static const size_t sizes[] = { 0, 1, 100, 16383, 16384, 16385, LARGE };
	char *text = sample(LARGE);

	(void)state;
	for (int level = 1; level <= 9; level++) {
		struct gzip *g = gzip_new(level);

		for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			const void *packed;
			const char *why;
			size_t len, outlen;
			char *back;

			gzip_pack(g, text, sizes[i], &packed, &len);
			back = gzip_unpack(packed, len, sizes[i], &outlen,
			    &why);
			assert_non_null(back);
			assert_int_equal(outlen, sizes[i]);
			assert_memory_equal(back, text, sizes[i]);
			assert_int_equal(back[outlen], '\0');
			free(back);
			if (sizes[i] == 0)
				continue;
			assert_null(gzip_unpack(packed, len, sizes[i] - 1,
			    &outlen, &why));
			assert_string_equal(why,
			    "unpacks to more than is allowed");
		}
		gzip_free(g);
	}
	gzip_free(NULL);
	free(text);
}

/* RFC 1952 section 2.3: no flags, no time, an OS that tells nothing. */
static void
the_same_bytes_every_time(void **state)
{
	static const unsigned char head[] = { 0x1f, 0x8b, 8, 0, 0, 0, 0, 0 };
	struct gzip *g = gzip_new(6), *other = gzip_new(6);
	const void *packed;
	size_t len, again;
	char *text = sample(LARGE), *first;

	(void)state;
	gzip_pack(g, text, 5000, &packed, &len);
	assert_memory_equal(packed, head, sizeof(head));
	assert_int_equal(((const unsigned char *)packed)[9], 255);
	first = malloc(len);
	assert_non_null(first);
	memcpy(first, packed, len);

	/* Neither what was packed before nor another packer changes them. */
	gzip_pack(g, text + 1, LARGE - 1, &packed, &again);
	gzip_pack(g, text, 5000, &packed, &again);
	assert_int_equal(again, len);
	assert_memory_equal(packed, first, len);
	gzip_pack(other, text, 5000, &packed, &again);
	assert_int_equal(again, len);
	assert_memory_equal(packed, first, len);
	free(first);
	free(text);
	gzip_free(g);
	gzip_free(other);
}

static void
bad_input_is_refused(void **state)
{
	static const char text[] = "{\"policies\":[]}";
	struct gzip *g = gzip_new(9);
	unsigned char bytes[256];
	const void *packed;
	const char *why;
	size_t len, outlen;

	(void)state;
	gzip_pack(g, text, sizeof(text) - 1, &packed, &len);
	assert_true(len + 1 < sizeof(bytes));
	memcpy(bytes, packed, len);

	for (size_t i = 0; i < len; i++) {
		assert_null(gzip_unpack(bytes, i, 1000, &outlen, &why));
		assert_string_equal(why, "gzip data ends too early");
	}
	bytes[len] = '\n';
	assert_null(gzip_unpack(bytes, len + 1, 1000, &outlen, &why));
	assert_string_equal(why, "bytes after the gzip member");
	bytes[len - 8] ^= 1;	/* of the check sum */
	assert_null(gzip_unpack(bytes, len, 1000, &outlen, &why));
	assert_string_equal(why, "not gzip data");
	/* The length it says it has is a hint, and no more. */
	for (int shift = 0; shift < 32; shift += 8) {
		memcpy(bytes, packed, len);
		bytes[len - 4 + shift / 8] ^= 0xff;
		assert_null(gzip_unpack(bytes, len, 1000, &outlen, &why));
		assert_string_equal(why, "not gzip data");
	}
	assert_null(gzip_unpack(text, sizeof(text), 1000, &outlen, &why));
	assert_string_equal(why, "not gzip data");
	assert_int_equal(outlen, 0);
	gzip_free(g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_packed_unpacks),
		cmocka_unit_test(the_same_bytes_every_time),
		cmocka_unit_test(bad_input_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
