/* What a real server, nsd, answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/prctl.h>
#include <sys/wait.h>

#include <ftw.h>
#include <limits.h>
#include <signal.h>

#include "tests/reporter/dns_sample.h"

#define DATA	"tests/data/dns/"
#define MX	15
#define TLSA	52

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
		cmocka_unit_test(descriptor_tells_of_an_answer),
	};

	return cmocka_run_group_tests(tests, start_nsd, stop_nsd);
}
