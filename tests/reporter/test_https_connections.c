/* Posts side by side, and the connections that they share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

#include "tests/reporter/https_sample.h"

static int
connections(struct https *h)
{
	struct result r = post(h, good, "connections");
	int n;

	assert_int_equal(sscanf(r.text, "HTTP/1.1 200 %d", &n), 1);
	return n;
}

static void
in_parallel_but_not_too_many_per_host(void **state)
{
	struct https_config c = { .parallel = 64, .per_host = 2,
	    .timeout = 20, .ca_file = ca_file, .verify = true,
	    .allow_private = true };
	struct answer a[10] = { { .calls = 0 } };
	char *why, *url = url_of(good, "pair");
	struct https *h;
	int before;

	(void)state;
	assert_non_null(h = https_new(&c, &why));
	before = connections(h);
	/* Each is answered only while another one is there. */
	for (size_t i = 0; i < 10; i++)
		https_post(h, url, body, len, on_done, &a[i]);
	finish(h, 20);
	for (size_t i = 0; i < 10; i++)
		check("pair", &a[i].result, DELIVERED, 200, NULL);
	assert_int_equal(connections(h) - before, 2 - 1);
	free(url);
	https_free(h);
}

static void
connections_are_reused(void **state)
{
	struct https *h = client(10, true, true);
	int before = connections(h);
	struct answer a[40] = { { .calls = 0 } };
	char *url = url_of(nginx_port, "say/204"), *line;

	(void)state;
	for (int i = 0; i < 10; i++) {
		struct result r = post(h, good, i % 2 ? "ok" : "retry/5");

		assert_true(r.code != 0);
	}
	assert_int_equal(connections(h), before);

	/* Many at a time, over a few connections. */
	for (size_t i = 0; i < 40; i++)
		https_post(h, url, body, len, on_done, &a[i]);
	finish(h, 20);
	for (size_t i = 0; i < 40; i++)
		check("many", &a[i].result, DELIVERED, 204, "HTTP/1.1 204");
	line = last_line("access.log");
	assert_non_null(strstr(line, "HTTP/1.1 application/tlsrpt+gzip"));
	free(line);
	free(url);
	https_free(h);
}

/* More hosts than posts at a time: theirs wait for their next turn. */
static void
connections_to_many_hosts_are_kept(void **state)
{
	struct https_config c = { .parallel = 1, .per_host = 1, .timeout = 20,
	    .allow_private = true };
	char *why, *url;
	struct https *h;
	int before;

	(void)state;
	assert_non_null(h = https_new(&c, &why));
	before = connections(h);
	for (unsigned i = 0; i < 80; i++) {
		struct result r;

		url = xasprintf("https://h%u.localhost:%u/ok", i % 40, good);
		r = post_url(h, url);
		check(url, &r, DELIVERED, 201, NULL);
		free(url);
	}
	assert_int_equal(connections(h) - before, 40);
	https_free(h);
}

/* A callback that starts the next one. */
struct chain {
	struct https *h;
	char *url;
	int left;
};

static void
on_link(void *arg, const struct result *r)
{
	struct chain *c = arg;

	assert_int_equal(r->outcome, DELIVERED);
	if (--c->left > 0)
		https_post(c->h, c->url, body, len, on_link, c);
}

static void
callback_may_post(void **state)
{
	struct chain c = { client(10, true, true), url_of(good, "ok"), 5 };

	(void)state;
	https_post(c.h, c.url, body, len, on_link, &c);
	finish(c.h, 20);
	assert_int_equal(c.left, 0);
	free(c.url);
	https_free(c.h);
}

static void *
waker(void *arg)
{
	https_wake(arg);
	return NULL;
}

static void
wake_ends_poll(void **state)
{
	struct https *h = client(10, true, true);
	double start_time = now();
	pthread_t thread;
	int fds[2];

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, waker, h), 0);
	https_poll(h, -1, 60000);
	pthread_join(thread, NULL);
	assert_true(now() - start_time < 30);
	start_time = now();
	https_poll(h, -1, 20);		/* nothing to do */
	assert_true(now() - start_time < 10);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], "", 1), 1);
	start_time = now();
	https_poll(h, fds[0], 60000);
	assert_true(now() - start_time < 30);
	close(fds[0]);
	close(fds[1]);
	https_free(h);
}

static void
given_up_half_way(void **state)
{
	struct https *h = client(60, true, true);
	struct answer a = { .calls = 0 };
	char *url = url_of(good, "mute");

	(void)state;
	for (int i = 0; i < 3; i++)
		https_post(h, url, body, len, on_done, &a);
	https_poll(h, -1, 100);
	https_free(h);
	assert_int_equal(a.calls, 0);
	https_free(NULL);
	free(url);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_parallel_but_not_too_many_per_host),
		cmocka_unit_test(connections_are_reused),
		cmocka_unit_test(connections_to_many_hosts_are_kept),
		cmocka_unit_test(callback_may_post),
		cmocka_unit_test(wake_ends_poll),
		cmocka_unit_test(given_up_half_way),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
