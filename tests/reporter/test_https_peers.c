/* Servers that are not as they should be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/reporter/https_sample.h"

static void
certificate_is_checked(void **state)
{
	const struct {
		const char *name;
		unsigned port;
		enum outcome outcome;
		const char *text;
	} rows[] = {
		{ "good", good, DELIVERED, "201" },
		{ "for another name", wrong, DEFERRED,
		    "no alternative certificate subject name matches" },
		{ "expired", expired, DEFERRED, "certificate has expired" },
		{ "self-signed", self, DEFERRED, "self-signed certificate" },
	};
	struct https *strict = client(10, true, true);
	struct https *lax = client(10, false, true);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct result r = post(strict, rows[i].port, "ok");

		check(rows[i].name, &r, rows[i].outcome,
		    rows[i].outcome == DELIVERED ? 201 : 0, rows[i].text);
		r = post(lax, rows[i].port, "ok");
		check(rows[i].name, &r, DELIVERED, 201, NULL);
	}
	https_free(strict);
	https_free(lax);
}

static void
only_the_ca_file_is_trusted(void **state)
{
	struct https_config c = { .parallel = 1, .per_host = 1, .timeout = 5,
	    .verify = true, .allow_private = true };
	struct https *h;
	struct result r;
	char *why;

	(void)state;
	assert_non_null(h = https_new(&c, &why));
	r = post(h, good, "ok");
	check("the system's", &r, DEFERRED, 0, "certificate");
	https_free(h);
	c.ca_file = "/nonexistent/ca.crt";
	assert_null(https_new(&c, &why));
	assert_non_null(strstr(why, c.ca_file));
	free(why);
	c.ca_file = HERE "https_peer.sh";
	assert_null(https_new(&c, &why));
	assert_non_null(strstr(why, "no certificates"));
	free(why);
}

/*
 * All at once, so that it takes no longer than the slowest of them, which a
 * time-out of two seconds ends.
 */
static void
bad_servers_neither_crash_nor_stall(void **state)
{
	static const struct {
		const char *path;
		enum outcome outcome;
		int code;
		const char *text;
	} rows[] = {
		{ "mute", DEFERRED, 0, "timed out" },
		{ "hang-up", DEFERRED, 0, "Empty reply" },
		{ "garbage", DEFERRED, 0, NULL },
		{ "half-headers", DEFERRED, 0, "within its headers" },
		{ "byte-by-byte", DEFERRED, 0, "timed out" },
		{ "headers", DEFERRED, 0, "more than 65536 bytes of headers" },
		{ "some-headers/65", DELIVERED, 200, NULL },
		{ "some-headers/66", DEFERRED, 0, "more than 65536 bytes" },
		{ "long-header", DEFERRED, 0, NULL },
		{ "continue", DEFERRED, 0, "more than 65536 bytes" },
		{ "continue-cut", DEFERRED, 0, NULL },
		/* The status was said, in full: the rest is idle talk. */
		{ "huge", DELIVERED, 200, "200 OK" },
		{ "huge-refusal", REFUSED, 404, "404 No" },
		{ "huge-chunks", DELIVERED, 202, NULL },
		{ "trailers", DELIVERED, 200, "200 OK" },
		{ "dribble", DELIVERED, 200, NULL },
		{ "cut", DELIVERED, 200, NULL },
		{ "redirect", REFUSED, 307, NULL },
		{ "words", REFUSED, 400, "400 No such thinggg" },
	};
	enum { N = sizeof(rows) / sizeof(rows[0]) };
	struct answer a[N] = { { .calls = 0 } };
	struct https_config c = { .parallel = 64, .per_host = 64,
	    .timeout = 2, .ca_file = ca_file, .verify = true,
	    .allow_private = true };
	struct https *h;
	char *why, *line;

	(void)state;
	assert_non_null(h = https_new(&c, &why));
	for (size_t i = 0; i < N; i++) {
		char *url = url_of(good, rows[i].path);

		https_post(h, url, body, len, on_done, &a[i]);
		free(url);
	}
	assert_int_equal(https_active(h), N);
	finish(h, 10);
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(a[i].calls, 1);
		check(rows[i].path, &a[i].result, rows[i].outcome,
		    rows[i].code, rows[i].text);
	}
	https_free(h);
	line = last_line("requests");
	assert_null(strstr(line, "stolen"));
	free(line);
}

static void
idle_talk_is_cut_short(void **state)
{
	struct https *h = client(60, true, true);
	double begin = now();
	struct result r = post(h, good, "huge");

	(void)state;
	check("cut by length", &r, DELIVERED, 200, NULL);
	assert_true(now() - begin < 5);
	begin = now();
	r = post(h, good, "dribble");
	check("cut by time", &r, DELIVERED, 200, NULL);
	assert_true(now() - begin < 15);
	https_free(h);
}

/* Half the time and libcurl's five seconds, before all of it is over. */
static void
a_trickle_is_cut_short(void **state)
{
	struct https *h = client(16, true, true);
	struct result r = post(h, good, "byte-by-byte");

	(void)state;
	check("a byte at a time", &r, DEFERRED, 0, "too slow");
	https_free(h);
}

static void
no_tls_is_deferred(void **state)
{
	struct https *h = client(2, true, true);
	struct result r = post(h, plain, "");

	(void)state;
	check("plain", &r, DEFERRED, 0, "wrong version number");
	r = post(h, mute, "");
	check("mute", &r, DEFERRED, 0, "timeout");
	/* It must not keep us from our timers, and from all others. */
	r = post(h, flood, "");
	check("flood", &r, DEFERRED, 0, "Protocol error");
	r = post(h, free_port(), "");
	check("nobody there", &r, DEFERRED, 0, "connect");
	https_free(h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(certificate_is_checked),
		cmocka_unit_test(only_the_ca_file_is_trusted),
		cmocka_unit_test(bad_servers_neither_crash_nor_stall),
		cmocka_unit_test(idle_talk_is_cut_short),
		cmocka_unit_test(a_trickle_is_cut_short),
		cmocka_unit_test(no_tls_is_deferred),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
