/* What is posted where, and what the answers mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/reporter/https_sample.h"

static void
every_status(void **state)
{
	struct https *h = client(10, true, true);

	(void)state;
	for (size_t i = 0; i < NSTATUSES; i++) {
		int status = statuses[i].status;
		char path[16], line[32];
		struct result r;

		fmt(path, sizeof(path), "say/%d", status);
		fmt(line, sizeof(line), "HTTP/1.1 %d", status);
		r = post(h, good, path);
		check(path, &r, statuses[i].outcome, status, line);
		assert_true(r.retry_after == -1);

		/* nginx answers before it has read the report, or hangs up. */
		r = post(h, nginx_port, path);
		if (status == 408)
			check(path, &r, DEFERRED, 0, NULL);
		else
			check(path, &r, statuses[i].outcome, status, line);
	}
	https_free(h);
}

static void
exactly_these_bytes(void **state)
{
	struct https *h = client(10, true, true);
	struct result r = post(h, good, "ok?k=a%2Cb#fragment");
	char hex[512] = "", *line, *expected;

	(void)state;
	check("ok", &r, DELIVERED, 201, "HTTP/1.1 201 Created");
	assert_true(r.retry_after == -1);	/* delivered is delivered */
	for (size_t i = 0; i < len; i++)
		fmt(hex + 2 * i, 3, "%02x", ((const unsigned char *)body)[i]);
	expected = xasprintf("POST /ok?k=a%%2Cb application/tlsrpt+gzip "
	    "tlsrpt/test [accept,content-length,host] %s %zu", hex, len);
	line = last_line("requests");
	assert_string_equal(line, expected);
	free(expected);

	/* To one who knows no gzip, at once the same as JSON. */
	r = post(h, good, "no-gzip");
	check("no-gzip", &r, DELIVERED, 200, "as JSON: HTTP/1.1 200 OK");
	free(line);
	line = last_line("requests");
	for (size_t i = 0; i < strlen(JSON); i++)
		fmt(hex + 2 * i, 3, "%02x", JSON[i]);
	expected = xasprintf("POST /no-gzip application/tlsrpt+json "
	    "tlsrpt/test [accept,content-length,host] %s %zu", hex,
	    strlen(JSON));
	assert_string_equal(line, expected);
	free(line);
	free(expected);

	/* The next one is gzip again. */
	r = post(h, good, "neither");
	check("neither", &r, REFUSED, 415, "as JSON: HTTP/1.1 415");
	r = post(h, good, "ok");
	line = last_line("requests");
	assert_non_null(strstr(line, "tlsrpt+gzip"));
	free(line);
	https_free(h);
}

static void
retry_after(void **state)
{
	static const struct {
		const char *path;
		long min, max;
	} rows[] = {
		{ "retry/120", 120, 120 },
		{ "retry/0", -1, -1 },
		{ "retry/-5", -1, -1 },
		{ "retry/soon", -1, -1 },
		{ "retry/99999999999999999999999", -1, 604800 },
		{ "retry/999999999999", 604800, 604800 },
		{ "retry-date/100", 80, 100 },
		{ "retry-date/-100", -1, -1 },
		{ "retry-date/99999999", 604800, 604800 },
		{ "mute", -1, -1 },
	};
	struct https *h = client(2, true, true);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct result r = post(h, good, rows[i].path);

		assert_int_equal(r.outcome, DEFERRED);
		if (r.retry_after < rows[i].min || r.retry_after > rows[i].max)
			fail_msg("%s: %ld", rows[i].path, r.retry_after);
	}
	https_free(h);
}

static void
bad_urls_are_refused(void **state)
{
	static const char *const urls[] = {
		"http://localhost/", "ftp://localhost/", "file:///etc/passwd",
		"https://us:pw@localhost/", "https://us@localhost/",
		"https://[::1/", "https://", "https://localhost:99999/",
		"https://local host/", "",
	};
	struct https *h = client(2, true, true);

	(void)state;
	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		struct result r = post_url(h, urls[i]);

		check(urls[i], &r, REFUSED, 0, NULL);
	}
	https_free(h);
}

static void
no_way_into_our_own_network(void **state)
{
	static const struct {
		const char *host;
		enum outcome outcome;
		const char *text;
	} rows[] = {
		{ "localhost", DEFERRED, "loopback" },
		{ "127.0.0.1", REFUSED,
		    "its address 127.0.0.1 is not for us to use: loopback" },
		{ "127.1", REFUSED, "127.0.0.1" },
		{ "0x7f000001", REFUSED, "127.0.0.1" },
		{ "2130706433", REFUSED, "127.0.0.1" },
		{ "10.1.2.3", REFUSED, "private" },
		{ "169.254.169.254", REFUSED, "link-local" },
		{ "[::1]", REFUSED, "::1" },
		{ "[::ffff:127.0.0.1]", REFUSED, "127.0.0.1" },
		{ "[fe80::1]", REFUSED, "link-local" },
		{ "0.0.0.0", REFUSED, "0.0.0.0" },
	};
	struct https *h = client(5, true, false);
	char *before = last_line("requests"), *after;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *url = xasprintf("https://%s:%u/ok", rows[i].host, good);
		struct result r = post_url(h, url);

		check(rows[i].host, &r, rows[i].outcome, 0, rows[i].text);
		free(url);
	}
	after = last_line("requests");
	assert_string_equal(before, after);
	free(before);
	free(after);
	https_free(h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_status),
		cmocka_unit_test(exactly_these_bytes),
		cmocka_unit_test(retry_after),
		cmocka_unit_test(bad_urls_are_refused),
		cmocka_unit_test(no_way_into_our_own_network),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
