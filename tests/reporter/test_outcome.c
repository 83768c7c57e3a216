#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "reporter/outcome.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))

struct row {
	const char *what;
	int code;
	enum outcome want;
};

static const struct row http[] = {
	{ "no status at all", 0, DEFERRED },
	{ "continue is not an answer", 100, DEFERRED },
	{ "last informational", 199, DEFERRED },
	{ "ok", 200, DELIVERED },
	{ "created", 201, DELIVERED },
	{ "accepted", 202, DELIVERED },
	{ "last of the good ones", 299, DELIVERED },
	{ "redirects are not followed", 301, REFUSED },
	{ "nor temporary ones", 307, REFUSED },
	{ "bad request", 400, REFUSED },
	{ "unauthorized", 401, REFUSED },
	{ "not found", 404, REFUSED },
	{ "request timeout", 408, DEFERRED },
	{ "conflict", 409, REFUSED },
	{ "gone", 410, REFUSED },
	{ "too large", 413, REFUSED },
	{ "unsupported media type", 415, REFUSED },
	{ "too early", 425, DEFERRED },
	{ "upgrade required", 426, REFUSED },
	{ "too many requests", 429, DEFERRED },
	{ "last client error", 499, REFUSED },
	{ "internal server error", 500, DEFERRED },
	{ "bad gateway", 502, DEFERRED },
	{ "unavailable", 503, DEFERRED },
	{ "last server error", 599, DEFERRED },
	{ "outside the protocol", 600, DEFERRED },
	{ "negative", -200, DEFERRED },
	{ "huge", INT_MAX, DEFERRED },
};

static const struct row smtp[] = {
	{ "no reply", 0, DEFERRED },
	{ "accepted", 250, DELIVERED },
	{ "forwarded", 251, DELIVERED },
	{ "go ahead is not an end", 354, DEFERRED },
	{ "closing", 421, DEFERRED },
	{ "mailbox busy", 450, DEFERRED },
	{ "local error", 451, DEFERRED },
	{ "last transient", 499, DEFERRED },
	{ "no such command", 500, REFUSED },
	{ "no such user", 550, REFUSED },
	{ "transaction failed", 554, REFUSED },
	{ "last permanent", 599, REFUSED },
	{ "outside the protocol", 600, DEFERRED },
	{ "preliminary", 199, DEFERRED },
	{ "negative", -1, DEFERRED },
};

static void
check(const struct row *row, enum outcome got)
{
	if (got != row->want)
		fail_msg("%s (%d): outcome %d, want %d", row->what, row->code,
		    got, row->want);
}

static void
http_statuses(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(http); i++)
		check(&http[i], outcome_http(http[i].code));
}

static void
smtp_replies(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(smtp); i++)
		check(&smtp[i], outcome_smtp(smtp[i].code));
}

static void
a_result_is_set_whole(void **state)
{
	struct result r;

	(void)state;
	memset(&r, 0xff, sizeof(r));
	result_set(&r, REFUSED, 550, "%d %s", 550, "no such user");
	assert_int_equal(r.outcome, REFUSED);
	assert_int_equal(r.code, 550);
	assert_int_equal(r.retry_after, -1);
	assert_string_equal(r.text, "550 no such user");
}

static void
text_is_one_line(void **state)
{
	struct result r;

	(void)state;
	result_set(&r, DEFERRED, 451, "%s", "\r\none\r\ntwo\tthree\x7f\r\n");
	assert_string_equal(r.text, "one two three");
	result_set(&r, DEFERRED, 0, "%s", "");
	assert_string_equal(r.text, "");
	result_set(&r, DEFERRED, 0, "%s", "caf\xc3\xa9");
	assert_string_equal(r.text, "caf\xc3\xa9");
}

static void
long_text_is_cut_between_characters(void **state)
{
	char text[1000];
	struct result r;
	size_t i, pad;

	(void)state;
	for (pad = 0; pad < 4; pad++) {
		memset(text, 'a', pad);
		for (i = pad; i + 3 < sizeof(text); i += 3)
			memcpy(text + i, "\xe2\x82\xac", 3);
		text[i] = '\0';
		result_set(&r, DEFERRED, 0, "%s", text);
		assert_int_equal(strlen(r.text), pad + (255 - pad) / 3 * 3);
	}
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	result_set(&r, DEFERRED, 0, "%s", text);
	assert_int_equal(strlen(r.text), 255);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(http_statuses),
		cmocka_unit_test(smtp_replies),
		cmocka_unit_test(a_result_is_set_whole),
		cmocka_unit_test(text_is_one_line),
		cmocka_unit_test(long_text_is_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
