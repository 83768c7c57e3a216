#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <ftw.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "conf/mem.h"
#include "reporter/dns.h"

#define ROWS(a)	(sizeof(a) / sizeof((a)[0]))
#define DATA	"tests/data/dns/"
#define MX	15
#define TLSA	52

/* What came back. */
struct got {
	int calls;
	enum dns_status status;
	bool secure;
	size_t n;
	char *data[4];
	size_t len[4];
};

static void
keep(void *arg, enum dns_status status, bool secure, const char *const *data,
    const size_t *len, size_t n)
{
	struct got *g = arg;

	g->calls++;
	g->status = status;
	g->secure = secure;
	g->n = n;
	assert_true(n <= ROWS(g->data));
	for (size_t i = 0; i < n; i++) {
		g->data[i] = xmalloc(len[i] + 1);
		memcpy(g->data[i], data[i], len[i]);
		g->data[i][len[i]] = '\0';
		g->len[i] = len[i];
	}
}

static void
forget(struct got *g)
{
	for (size_t i = 0; i < g->n; i++)
		free(g->data[i]);
	memset(g, 0, sizeof(*g));
}

static bool
has(const struct got *g, const char *text)
{
	for (size_t i = 0; i < g->n; i++)
		if (strcmp(g->data[i], text) == 0 &&
		    g->len[i] == strlen(text))
			return true;
	return false;
}

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A UDP socket on a free port of the loopback. */
static int
udp_socket(in_port_t *port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&in, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	*port = ntohs(in.sin_port);
	return fd;
}

static struct dns *
resolver(in_port_t port, const char *trust_anchor, long timeout)
{
	char ip[32], *why;
	struct dns_config c = { ip, trust_anchor, timeout };
	struct dns *d;

	snprintf(ip, sizeof(ip), "127.0.0.1@%d", port);
	d = dns_new(&c, &why);
	assert_null(why);
	assert_non_null(d);
	return d;
}

/* The server of all tests but those that need a bad one. */
static struct {
	char folder[32];
	pid_t pid;
	in_port_t port;
} nsd;

static void
write_config(const char *path)
{
	static const char *const zones[] = { "plain", "signed", "broken" };
	char *data = realpath(DATA, NULL);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_non_null(data);
	fprintf(f, "server:\n server-count: 1\n ip-address: 127.0.0.1@%d\n"
	    " username: \"\"\n zonesdir: \"%s\"\n database: \"\"\n"
	    " pidfile: \"\"\n xfrdfile: \"%s/xfrd\"\n xfrdir: \"%s\"\n"
	    " zonelistfile: \"%s/zones\"\n rrl-ratelimit: 0\n"
	    " rrl-whitelist-ratelimit: 0\nremote-control:\n"
	    " control-enable: no\n", nsd.port, data, nsd.folder, nsd.folder,
	    nsd.folder);
	for (size_t i = 0; i < ROWS(zones); i++)
		fprintf(f, "zone:\n name: %s.test\n zonefile: %s.test\n",
		    zones[i], zones[i]);
	assert_int_equal(fclose(f), 0);
	free(data);
}

/* Does it answer a query within so many milliseconds? */
static bool
answers(in_port_t port, int ms)
{
	static const char query[] = "\0\1\0\0\0\1\0\0\0\0\0\0"
	    "\5plain\4test\0\0\6\0\1";
	struct sockaddr_in in = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	    .sin_port = htons(port) };
	struct pollfd pfd = { .events = POLLIN };
	char buf[512];
	bool good;

	pfd.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(pfd.fd, (struct sockaddr *)&in, sizeof(in)),
	    0);
	good = send(pfd.fd, query, sizeof(query) - 1, 0) > 0 &&
	    poll(&pfd, 1, ms) == 1 && recv(pfd.fd, buf, sizeof(buf), 0) > 12;
	close(pfd.fd);
	return good;
}

static int
start_nsd(void **state)
{
	double start = seconds();
	char *config;

	(void)state;
	fmt(nsd.folder, sizeof(nsd.folder), "/tmp/test_dns.XXXXXX");
	assert_non_null(mkdtemp(nsd.folder));
	close(udp_socket(&nsd.port));
	config = xasprintf("%s/nsd.conf", nsd.folder);
	write_config(config);
	if ((nsd.pid = fork()) == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (freopen("/dev/null", "w", stderr) != NULL) {
			setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
			execlp("nsd", "nsd", "-d", "-c", config, NULL);
		}
		_exit(127);
	}
	free(config);
	while (!answers(nsd.port, 50)) {
		assert_int_equal(waitpid(nsd.pid, NULL, WNOHANG), 0);
		assert_true(seconds() < start + 30);
	}
	return 0;
}

static int
remove_one(const char *path, const struct stat *st, int type,
    struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	return remove(path);
}

static int
stop_nsd(void **state)
{
	(void)state;
	kill(nsd.pid, SIGTERM);
	waitpid(nsd.pid, NULL, 0);
	return nftw(nsd.folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static struct got
ask_txt(struct dns *d, const char *name)
{
	struct got g = { 0 };

	assert_int_equal(dns_ask_txt(d, name, keep, &g), 0);
	assert_int_equal(g.calls, 0);
	dns_wait(d);
	assert_int_equal(g.calls, 1);
	return g;
}

static void
txt_answers(void **state)
{
	static const struct {
		const char *name;
		enum dns_status status;
		size_t n;
		const char *txt[3];
	} rows[] = {
		{ "_smtp._tls.plain.test", DNS_FOUND, 1,
		    { "v=TLSRPTv1; rua=mailto:tls@example.net" } },
		{ "_SMTP._tls.Plain.TEST.", DNS_FOUND, 1,
		    { "v=TLSRPTv1; rua=mailto:tls@example.net" } },
		{ "several.plain.test", DNS_FOUND, 3,
		    { "one", "two", "three" } },
		{ "alias.plain.test", DNS_FOUND, 3,
		    { "one", "two", "three" } },
		{ "empty.plain.test", DNS_FOUND, 1, { "" } },
		{ "nul.plain.test", DNS_FOUND, 1, { "c" } },
		{ "bytes.plain.test", DNS_FOUND, 1, { "\t\n\x7f\xff" } },
		{ "nothing.plain.test", DNS_NONE, 0, { NULL } },
		{ "mx.plain.test", DNS_NONE, 0, { NULL } },
		{ "tls.plain.test", DNS_NONE, 0, { NULL } },
		{ "broken.test", DNS_FAILED, 0, { NULL } },
		{ "not-ours.test", DNS_FAILED, 0, { NULL } },
	};
	struct dns *d = resolver(nsd.port, NULL, 20);

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct got g = ask_txt(d, rows[i].name);

		if (g.status != rows[i].status || g.n != rows[i].n)
			fail_msg("%s: status %d, %zu records", rows[i].name,
			    g.status, g.n);
		for (size_t k = 0; k < g.n; k++)
			if (!has(&g, rows[i].txt[k]))
				fail_msg("%s: %s", rows[i].name, g.data[k]);
		assert_false(g.secure);
		forget(&g);
	}
	dns_free(d);
}

/* Longer than fits into a UDP packet. */
static void
long_answer_comes_by_tcp(void **state)
{
	struct dns *d = resolver(nsd.port, NULL, 20);
	struct got g = ask_txt(d, "long.plain.test");

	(void)state;
	assert_int_equal(g.status, DNS_FOUND);
	assert_int_equal(g.n, 1);
	assert_int_equal(g.len[0], 2400);
	assert_memory_equal(g.data[0] + 240, "001001", 6);
	forget(&g);
	dns_free(d);
}

static void
other_types_come_raw(void **state)
{
	struct dns *d = resolver(nsd.port, NULL, 20);
	struct got mx = { 0 }, tlsa = { 0 };

	(void)state;
	assert_int_equal(dns_ask(d, "mx.plain.test", MX, keep, &mx), 0);
	assert_int_equal(dns_ask(d, "_25._tcp.mx.plain.test", TLSA, keep,
	    &tlsa), 0);
	dns_wait(d);
	assert_int_equal(mx.n, 1);
	assert_int_equal(mx.len[0], 17);
	assert_memory_equal(mx.data[0], "\0\12\2ns\5plain\4test", 17);
	assert_int_equal(tlsa.n, 1);
	assert_int_equal(tlsa.len[0], 35);
	assert_memory_equal(tlsa.data[0], "\3\1\1\0\1\2\3", 7);
	forget(&mx);
	forget(&tlsa);
	dns_free(d);
}

static void
dnssec(void **state)
{
	static const struct {
		const char *name;
		enum dns_status status;
		bool secure;
	} rows[] = {
		{ "good.signed.test", DNS_FOUND, true },
		{ "ns.signed.test", DNS_NONE, true },
		{ "no.signed.test", DNS_NONE, true },
		{ "bad.signed.test", DNS_FAILED, false },
		{ "several.plain.test", DNS_FOUND, false },
	};
	struct dns *d = resolver(nsd.port, DATA "anchor", 20);

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		struct got g = ask_txt(d, rows[i].name);

		if (g.status != rows[i].status || g.secure != rows[i].secure)
			fail_msg("%s: status %d, %ssecure", rows[i].name,
			    g.status, g.secure ? "" : "not ");
		forget(&g);
	}
	dns_free(d);
}

static void
without_a_trust_anchor_nothing_is_bogus(void **state)
{
	struct dns *d = resolver(nsd.port, NULL, 20);
	struct got g = ask_txt(d, "bad.signed.test");

	(void)state;
	assert_int_equal(g.status, DNS_FOUND);
	assert_true(has(&g, "forged"));
	assert_false(g.secure);
	forget(&g);
	dns_free(d);
}

static void
a_thousand_at_once(void **state)
{
	struct dns *d = resolver(nsd.port, NULL, 60);
	struct got *g = xcalloc(1000, sizeof(*g));
	char name[64];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "%d.many.plain.test", i);
		assert_int_equal(dns_ask_txt(d, name, keep, &g[i]), 0);
	}
	dns_wait(d);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(g[i].calls, 1);
		assert_int_equal(g[i].status, DNS_FOUND);
		assert_true(has(&g[i], "here"));
		forget(&g[i]);
	}
	free(g);
	dns_free(d);
}

/* Asks the next questions from inside the answer: more than have room. */
struct chain {
	struct dns *dns;
	int left;
	bool inside;
};

static void
go_on(void *arg, enum dns_status status, bool secure, const char *const *data,
    const size_t *len, size_t n)
{
	struct chain *c = arg;
	char name[64];

	(void)secure;
	(void)data;
	(void)len;
	assert_int_equal(status, DNS_FOUND);
	assert_int_equal(n, 1);
	assert_false(c->inside);
	c->inside = true;
	for (int i = 0; i < 300 && c->left > 0; i++) {
		snprintf(name, sizeof(name), "%d.many.plain.test",
		    c->left--);
		assert_int_equal(dns_ask_txt(c->dns, name, go_on, c), 0);
	}
	c->inside = false;
}

static void
answers_may_ask(void **state)
{
	struct chain c = { resolver(nsd.port, NULL, 60), 600, false };

	(void)state;
	assert_int_equal(dns_ask_txt(c.dns, "x.many.plain.test", go_on, &c),
	    0);
	dns_wait(c.dns);
	assert_int_equal(c.left, 0);
	dns_free(c.dns);
}

#define S63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void
names_that_cannot_be_asked_for(void **state)
{
	static const char *const names[] = { "", ".", "a..test", "a b.test",
	    S63 "a.test", "_smtp._tls." S63 "." S63 "." S63 "." S63,
	    "\xff.test", "a\n.test" };
	struct dns *d = resolver(nsd.port, NULL, 20);
	struct got g = { 0 };

	(void)state;
	for (size_t i = 0; i < ROWS(names); i++)
		if (dns_ask_txt(d, names[i], keep, &g) != -1)
			fail_msg("asked for %s", names[i]);
	dns_wait(d);
	assert_int_equal(g.calls, 0);
	dns_free(d);
}

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
descriptor_tells_of_an_answer(void **state)
{
	struct dns *d = resolver(nsd.port, NULL, 30);
	struct pollfd pfd = { .fd = dns_fd(d), .events = POLLIN };
	struct got g = { 0 };

	(void)state;
	assert_int_equal(dns_ask_txt(d, "none.plain.test", keep, &g), 0);
	assert_int_equal(poll(&pfd, 1, 30000), 1);
	while (dns_asked(d) > 0)
		dns_poll(d, 0);
	assert_int_equal(g.calls, 1);
	assert_int_equal(g.status, DNS_NONE);
	dns_free(d);
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
		cmocka_unit_test(txt_answers),
		cmocka_unit_test(long_answer_comes_by_tcp),
		cmocka_unit_test(other_types_come_raw),
		cmocka_unit_test(dnssec),
		cmocka_unit_test(without_a_trust_anchor_nothing_is_bogus),
		cmocka_unit_test(a_thousand_at_once),
		cmocka_unit_test(answers_may_ask),
		cmocka_unit_test(names_that_cannot_be_asked_for),
		cmocka_unit_test(dead_server_costs_the_timeout),
		cmocka_unit_test(dead_server_with_many_questions),
		cmocka_unit_test(poll_does_not_wait_for_the_answer),
		cmocka_unit_test(descriptor_tells_of_an_answer),
		cmocka_unit_test(free_forgets_what_is_under_way),
		cmocka_unit_test(malformed_txt_is_left_out),
		cmocka_unit_test(late_answer_is_ignored),
		cmocka_unit_test(bad_settings_are_refused),
		cmocka_unit_test(without_a_resolver_the_systems_own),
	};

	return cmocka_run_group_tests(tests, start_nsd, stop_nsd);
}
