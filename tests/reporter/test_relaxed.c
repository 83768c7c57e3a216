#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "reporter/relaxed.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))

static const struct {
	const char *what, *body, *want;
} bodies[] = {
	{ "the example of RFC 6376 section 3.4.5",
	    " C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n" },
	{ "empty", "", "" },
	{ "only a line end", "\r\n", "" },
	{ "only blanks", " \t \r\n\t", "" },
	{ "no line end", "a", "a\r\n" },
	{ "lines of blanks count as empty", "a\r\n \r\n\t\r\nb\r\n \r\n",
	    "a\r\n\r\n\r\nb\r\n" },
	{ "empty lines at the beginning stay", "\r\n\r\na\r\n",
	    "\r\n\r\na\r\n" },
	{ "a bare CR or LF ends no line", "a\rb\nc\r\n", "a\rb\nc\r\n" },
};

static const struct {
	const char *what, *header, *want, *h;
} headers[] = {
	{ "the example of RFC 6376 section 3.4.5",
	    "A: X\r\nB : Y\t\r\n\tZ  \r\n", "a:X\r\nb:Y Z\r\n",
	    "A:A: B:B" },
	{ "in the order asked for", "b: 2\r\na: 1\r\n", "a:1\r\nb:2\r\n",
	    "A:A: B:B" },
	{ "the last one first", "A: 1\r\nC: 0\r\nA: 2\r\n",
	    "a:2\r\na:1\r\n", "A:A:A: B" },
	{ "empty value", "A:\r\nB: \r\n", "a:\r\nb:\r\n", "A:A: B:B" },
	{ "folded at once", "A:\r\n 1\r\n", "a:1\r\n", "A:A: B" },
	{ "no last line end", "A: 1", "a:1\r\n", "A:A: B" },
	{ "nothing", "", "", "A: B" },
	{ "a longer name is another one", "AB: 1\r\n", "", "A: B" },
};

static void
body(void **state)
{
	char buf[100];
	size_t i, len;

	(void)state;
	for (i = 0; i < NELEMS(bodies); i++) {
		len = relaxed_body(buf, bodies[i].body, strlen(bodies[i].body));
		if (len != strlen(bodies[i].want) ||
		    memcmp(buf, bodies[i].want, len) != 0)
			fail_msg("%s: %.*s", bodies[i].what, (int)len, buf);
	}
}

static void
header(void **state)
{
	static const char *const names[] = { "A", "B" };
	char buf[100], *h;
	size_t i, len;

	(void)state;
	for (i = 0; i < NELEMS(headers); i++) {
		len = relaxed_header(buf, &h, headers[i].header,
		    strlen(headers[i].header), names, NELEMS(names));
		if (len != strlen(headers[i].want) ||
		    memcmp(buf, headers[i].want, len) != 0 ||
		    strcmp(h, headers[i].h) != 0)
			fail_msg("%s: %s, %.*s", headers[i].what, h, (int)len,
			    buf);
		free(h);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(body),
		cmocka_unit_test(header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
