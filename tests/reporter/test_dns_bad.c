/* Servers that are dead, late or liars, and settings that will not do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <limits.h>
#include <pthread.h>
#include <sys/stat.h>

#include "tests/reporter/dns_sample.h"

/* A server that hears and says nothing. */
static void
dead_server_costs_the_timeout(void **state)
{
	in_port_t port;
	int fd = udp_socket(&port);
	struct dns *d = resolver(port, NULL, 1);
	struct got g[10] = { { 0 } };
	double start = seconds();
	char name[64];

	(void)state;
	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "%d.plain.test", i);
		assert_int_equal(dns_ask_txt(d, name, keep, &g[i]), 0);
	}
	dns_wait(d);
	assert_true(seconds() >= start + 0.9);
	assert_true(seconds() < start + 4);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(g[i].calls, 1);
		assert_int_equal(g[i].status, DNS_FAILED);
	}
	dns_free(d);
	close(fd);
}

/* More than can be under way: each round of them costs one timeout. */
static void
dead_server_with_many_questions(void **state)
{
	in_port_t port;
	int fd = udp_socket(&port);
	struct dns *d = resolver(port, NULL, 1);
	struct got *g = xcalloc(600, sizeof(*g));
	double start = seconds();
	char name[64];

	(void)state;
	for (int i = 0; i < 600; i++) {
		snprintf(name, sizeof(name), "%d.plain.test", i);
		assert_int_equal(dns_ask_txt(d, name, keep, &g[i]), 0);
	}
	assert_int_equal(g[0].calls, 1);
	assert_int_equal(g[599].calls, 0);
	dns_wait(d);
	assert_true(seconds() < start + 10);
	for (int i = 0; i < 600; i++) {
		assert_int_equal(g[i].calls, 1);
		assert_int_equal(g[i].status, DNS_FAILED);
	}
	free(g);
	dns_free(d);
	close(fd);
}

static void
poll_does_not_wait_for_the_answer(void **state)
{
	in_port_t port;
	int fd = udp_socket(&port);
	struct dns *d = resolver(port, NULL, 2);
	struct got g = { 0 };
	double start = seconds();

	(void)state;
	dns_poll(d, 60000);		/* nothing is under way */
	assert_int_equal(dns_asked(d), 0);
	assert_int_equal(dns_ask_txt(d, "a.plain.test", keep, &g), 0);
	dns_poll(d, 0);
	dns_poll(d, 100);
	assert_int_equal(g.calls, 0);
	assert_int_equal(dns_asked(d), 1);
	assert_true(seconds() < start + 1.5);
	while (dns_asked(d) > 0)
		dns_poll(d, 60000);
	assert_int_equal(g.calls, 1);
	assert_int_equal(g.status, DNS_FAILED);
	assert_true(seconds() < start + 10);
	dns_free(d);
	close(fd);
}

static void
free_forgets_what_is_under_way(void **state)
{
	in_port_t port;
	int fd = udp_socket(&port);
	struct dns *d = resolver(port, NULL, 60);
	struct got g = { 0 };

	(void)state;
	assert_int_equal(dns_ask_txt(d, "a.plain.test", keep, &g), 0);
	dns_free(d);
	assert_int_equal(g.calls, 0);
	close(fd);
	dns_free(NULL);
}

/*
 * A server that answers every query with one TXT record of this data, until
 * it gets a packet of one byte.
 */
struct liar {
	int fd;
	const char *rdata;
	size_t len;
};

static size_t
lie(const struct liar *l, unsigned char *buf, size_t len)
{
	static const unsigned char rr[] = { 0xc0, 12, 0, 16, 0, 1, 0, 0, 0,
	    60, 0 };
	size_t q = 12;

	while (q < len && buf[q] != 0)
		q += buf[q] + 1;
	q += 5;				/* root label, type, class */
	buf[2] |= 0x84;			/* answer, authoritative */
	buf[3] = 0x80;			/* recursion available, no error */
	buf[7] = 1;			/* one answer */
	memset(buf + 8, 0, 4);		/* and no EDNS */
	memcpy(buf + q, rr, sizeof(rr));
	q += sizeof(rr);
	buf[q++] = (unsigned char)l->len;
	memcpy(buf + q, l->rdata, l->len);
	return q + l->len;
}

static void *
lie_for_ever(void *arg)
{
	const struct liar *l = arg;
	struct sockaddr_in in;
	unsigned char buf[1024];
	socklen_t inlen = sizeof(in);
	ssize_t n;

	while ((n = recvfrom(l->fd, buf, 512, 0, (struct sockaddr *)&in,
	    &inlen)) > 12)
		sendto(l->fd, buf, lie(l, buf, (size_t)n), 0,
		    (struct sockaddr *)&in, inlen);
	return NULL;
}

static void
stop_lying(const struct liar *l, pthread_t thread)
{
	struct sockaddr_in in;
	socklen_t len = sizeof(in);

	assert_int_equal(getsockname(l->fd, (struct sockaddr *)&in, &len), 0);
	assert_int_equal(sendto(l->fd, "", 1, 0, (struct sockaddr *)&in, len),
	    1);
	pthread_join(thread, NULL);
	close(l->fd);
}

static void
malformed_txt_is_left_out(void **state)
{
	static const struct {
		const char *name, *rdata;
		size_t len;
		const char *txt;	/* NULL: left out */
	} rows[] = {
		{ "good", "\2ab\1c", 5, "abc" },
		{ "string too long", "\3ab", 3, NULL },
		{ "second string too long", "\2ab\1", 4, NULL },
		{ "no string", "", 0, NULL },
		{ "only a length", "\377", 1, NULL },
		{ "NUL", "\2a\0", 3, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		in_port_t port;
		struct liar l = { udp_socket(&port), rows[i].rdata,
		    rows[i].len };
		struct dns *d = resolver(port, NULL, 20);
		pthread_t thread;
		struct got g;

		assert_int_equal(pthread_create(&thread, NULL, lie_for_ever,
		    &l), 0);
		g = ask_txt(d, "x.plain.test");
		/* Without any rdata libunbound drops the whole answer. */
		if ((g.status != DNS_FOUND && rows[i].len > 0) ||
		    g.n != (rows[i].txt != NULL) ||
		    (g.n == 1 && !has(&g, rows[i].txt)))
			fail_msg("%s: status %d, %zu records", rows[i].name,
			    g.status, g.n);
		forget(&g);
		dns_free(d);
		stop_lying(&l, thread);
	}
}

/* The answer to a question that was given up calls nobody. */
static void
late_answer_is_ignored(void **state)
{
	in_port_t port;
	struct liar l = { udp_socket(&port), "\2ab", 3 };
	struct dns *d = resolver(port, NULL, 1);
	struct got first = ask_txt(d, "first.plain.test"), second = { 0 };
	double start = seconds();
	pthread_t thread;

	(void)state;
	assert_int_equal(first.status, DNS_FAILED);
	assert_int_equal(pthread_create(&thread, NULL, lie_for_ever, &l), 0);
	/* It takes libunbound a while to trust that server again. */
	while (second.status != DNS_FOUND || second.calls == 0) {
		assert_true(seconds() < start + 60);
		forget(&second);
		second = ask_txt(d, "second.plain.test");
	}
	forget(&second);
	assert_int_equal(first.calls, 1);
	dns_free(d);
	stop_lying(&l, thread);
}

static void
bad_settings_are_refused(void **state)
{
	static const struct {
		struct dns_config c;
		const char *why;
	} rows[] = {
		{ { "no address", NULL, 1 }, "no address: " },
		{ { "192.0.2.300@53", NULL, 1 }, "192.0.2.300@53: " },
		{ { "127.0.0.1", "/nonexistent/anchor", 1 }, "trust_anchor "
		    "/nonexistent/anchor: No such file or directory" },
		{ { "127.0.0.1", "/", 1 }, "trust_anchor /: not a plain file" },
		{ { "127.0.0.1", "/dev/zero", 1 },
		    "trust_anchor /dev/zero: not a plain file" },
		{ { "127.0.0.1", "/dev/null/anchor", 1 },
		    "trust_anchor /dev/null/anchor: Not a directory" },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		char *why;
		struct dns *d = dns_new(&rows[i].c, &why);

		if (d != NULL)
			fail_msg("taken: %s", rows[i].why);
		if (strncmp(why, rows[i].why, strlen(rows[i].why)) != 0)
			fail_msg("%s", why);
		free(why);
	}
}

static void
refuse_anchor(const char *file, const char *reason)
{
	const struct dns_config c = { "127.0.0.1", file, 1 };
	char *why, *want = xasprintf("trust_anchor %s: %s", file, reason);

	assert_null(dns_new(&c, &why));
	assert_string_equal(why, want);
	free(want);
	free(why);
	assert_int_equal(unlink(file), 0);
}

/* By what is empty nothing would be validated; a pipe is not waited for. */
static void
a_trust_anchor_with_nothing_in_it_is_refused(void **state)
{
	char file[] = "/tmp/tlsrpt-test.XXXXXX";
	int fd = mkstemp(file);

	(void)state;
	assert_int_not_equal(fd, -1);
	close(fd);
	refuse_anchor(file, "empty");
	assert_int_equal(mkfifo(file, 0600), 0);
	refuse_anchor(file, "not a plain file");
}

static void
without_a_resolver_the_systems_own(void **state)
{
	static const struct dns_config c = { NULL, NULL, 1 };
	char *why;
	struct dns *d = dns_new(&c, &why);

	(void)state;
	if (access("/etc/resolv.conf", R_OK) == 0) {
		assert_non_null(d);
	} else {
		assert_null(d);
		assert_non_null(strstr(why, "/etc/resolv.conf: "));
	}
	free(why);
	dns_free(d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dead_server_costs_the_timeout),
		cmocka_unit_test(dead_server_with_many_questions),
		cmocka_unit_test(poll_does_not_wait_for_the_answer),
		cmocka_unit_test(free_forgets_what_is_under_way),
		cmocka_unit_test(malformed_txt_is_left_out),
		cmocka_unit_test(late_answer_is_ignored),
		cmocka_unit_test(bad_settings_are_refused),
		cmocka_unit_test(a_trust_anchor_with_nothing_in_it_is_refused),
		cmocka_unit_test(without_a_resolver_the_systems_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
