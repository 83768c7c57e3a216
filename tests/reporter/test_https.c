/*
 * Against real TLS servers on the loopback: nginx for a server as it should
 * be, https_peer.py for all the others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "conf/mem.h"
#include "reporter/gzip.h"
#include "reporter/https.h"

#define HERE	"tests/reporter/"
#define JSON	"{\"organization-name\":\"Example Org\"}"

static char dir[64], ca_file[96];
static pid_t peer, nginx;
static unsigned good, wrong, expired, self, plain, mute, flood;	/* ports */
static unsigned nginx_port;

static const void *body;	/* JSON, packed */
static size_t len;

/* Statuses, and what they come to. */
static const struct {
	int status;
	enum outcome outcome;
} statuses[] = {
	{ 200, DELIVERED }, { 201, DELIVERED }, { 202, DELIVERED },
	{ 204, DELIVERED }, { 301, REFUSED }, { 302, REFUSED },
	{ 303, REFUSED }, { 307, REFUSED }, { 308, REFUSED },
	{ 400, REFUSED }, { 401, REFUSED }, { 403, REFUSED },
	{ 404, REFUSED }, { 405, REFUSED }, { 406, REFUSED },
	{ 408, DEFERRED }, { 410, REFUSED }, { 413, REFUSED },
	{ 415, REFUSED }, { 418, REFUSED }, { 421, REFUSED },
	{ 422, REFUSED }, { 425, DEFERRED }, { 429, DEFERRED },
	{ 451, REFUSED }, { 500, DEFERRED }, { 501, DEFERRED },
	{ 502, DEFERRED }, { 503, DEFERRED }, { 504, DEFERRED },
	{ 507, DEFERRED }, { 599, DEFERRED },
};
#define NSTATUSES	(sizeof(statuses) / sizeof(statuses[0]))

/* Servers. */

static unsigned
free_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t size = sizeof(a);
	int s = socket(AF_INET, SOCK_STREAM, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(s, (struct sockaddr *)&a, size), 0);
	assert_int_equal(getsockname(s, (struct sockaddr *)&a, &size), 0);
	close(s);
	return ntohs(a.sin_port);
}

/* Start a program that ends with us; its output goes to fd. */
static pid_t
start(int fd, const char *const *argv)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (fd != -1)
			dup2(fd, STDOUT_FILENO);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		_exit(127);
	}
	assert_true(pid > 0);
	return pid;
}

static void
start_peer(void)
{
	const char *argv[] = { "/usr/bin/python3", HERE "https_peer.py", dir,
	    NULL };
	int fds[2];
	FILE *f;

	assert_int_equal(pipe(fds), 0);
	peer = start(fds[1], argv);
	close(fds[1]);
	assert_non_null(f = fdopen(fds[0], "r"));
	assert_int_equal(fscanf(f, "%u %u %u %u %u %u %u", &good, &wrong,
	    &expired, &self, &plain, &mute, &flood), 7);
	fclose(f);
}

static void
wait_for_port(unsigned port, pid_t pid)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	const struct timespec moment = { 0, 10000000 };
	int status;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons((uint16_t)port);
	for (;;) {
		int s = socket(AF_INET, SOCK_STREAM, 0);
		int rc = connect(s, (struct sockaddr *)&a, sizeof(a));

		close(s);
		if (rc == 0)
			return;
		if (waitpid(pid, &status, WNOHANG) == pid)
			fail_msg("port %u: its server is dead", port);
		nanosleep(&moment, NULL);
	}
}

static void
start_nginx(void)
{
	char *conf = xasprintf("%s/nginx.conf", dir);
	const char *argv[] = { "/usr/sbin/nginx", "-e", "stderr", "-p", dir,
	    "-c", conf, NULL };
	FILE *f;

	nginx_port = free_port();
	assert_non_null(f = fopen(conf, "w"));
	fprintf(f, "daemon off; master_process off; pid nginx.pid;\n"
	    "error_log error.log;\nevents {}\nhttp {\n"
	    "client_body_temp_path t1; proxy_temp_path t2;\n"
	    "fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;\n"
	    "log_format us '$connection $server_protocol $content_type';\n"
	    "access_log access.log us;\n"
	    "server { listen 127.0.0.1:%u ssl http2;\n"
	    "ssl_certificate good.crt; ssl_certificate_key good.key;\n",
	    nginx_port);
	for (size_t i = 0; i < NSTATUSES; i++)
		fprintf(f, "location = /say/%d { return %d; }\n",
		    statuses[i].status, statuses[i].status);
	fprintf(f, "} }\n");
	assert_int_equal(fclose(f), 0);
	nginx = start(-1, argv);
	wait_for_port(nginx_port, nginx);
	free(conf);
}

static int
set_up(void **state)
{
	char *command;

	(void)state;
	fmt(dir, sizeof(dir), "%s/https.XXXXXX",
	    getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	assert_non_null(mkdtemp(dir));
	fmt(ca_file, sizeof(ca_file), "%s/ca.crt", dir);
	command = xasprintf(HERE "https_peer.sh %s", dir);
	assert_int_equal(system(command), 0);
	free(command);

	/* What the environment says must not matter to us. */
	setenv("https_proxy", "http://127.0.0.1:1", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	setenv("HOME", dir, 1);
	command = xasprintf("echo machine localhost login us password pw "
	    ">%s/.netrc", dir);
	assert_int_equal(system(command), 0);
	free(command);

	start_peer();
	start_nginx();
	gzip_pack(*state = gzip_new(9), JSON, strlen(JSON), &body, &len);
	return 0;
}

static void
stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static int
tear_down(void **state)
{
	char *command = xasprintf("rm -r %s", dir);
	int rc;

	stop(peer);
	stop(nginx);
	rc = system(command);
	free(command);
	gzip_free(*state);
	return rc;
}

/* Clients. */

static struct https *
client(long timeout, bool verify, bool allow_private)
{
	struct https_config c = {
		.parallel = 64, .per_host = 4, .timeout = timeout,
		.ca_file = ca_file, .verify = verify,
		.allow_private = allow_private, .user_agent = "tlsrpt/test",
	};
	char *why;
	struct https *h = https_new(&c, &why);

	if (h == NULL)
		fail_msg("%s", why);
	return h;
}

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct answer {
	struct result result;
	unsigned calls;
};

static void
on_done(void *arg, const struct result *r)
{
	struct answer *a = arg;

	a->result = *r;
	a->calls++;
}

static void
finish(struct https *h, double seconds)
{
	double limit = now() + seconds;

	while (https_active(h) > 0) {
		assert_true(now() < limit);
		https_poll(h, -1, 1000);
	}
}

static char *
url_of(unsigned port, const char *path)
{
	return xasprintf("https://localhost:%u/%s", port, path);
}

static struct result
post_url(struct https *h, const char *url)
{
	struct answer a = { .calls = 0 };

	https_post(h, url, body, len, on_done, &a);
	assert_int_equal(a.calls, 0);
	assert_int_equal(https_active(h), 1);
	finish(h, 20);
	assert_int_equal(a.calls, 1);
	return a.result;
}

static struct result
post(struct https *h, unsigned port, const char *path)
{
	char *url = url_of(port, path);
	struct result r = post_url(h, url);

	free(url);
	return r;
}

static void
check(const char *name, const struct result *r, enum outcome outcome, int code,
    const char *text)
{
	if (r->outcome != outcome || r->code != code ||
	    (text != NULL && strstr(r->text, text) == NULL))
		fail_msg("%s: outcome %d, %d \"%s\"", name, r->outcome,
		    r->code, r->text);
}

/* The last line of a file, without its end; the caller frees it. */
static char *
last_line(const char *file)
{
	char *name = xasprintf("%s/%s", dir, file);
	char *line = NULL, *last = xstrdup("");
	size_t size = 0;
	FILE *f = fopen(name, "r");

	assert_non_null(f);
	while (getline(&line, &size, f) != -1) {
		line[strcspn(line, "\n")] = '\0';
		free(last);
		last = xstrdup(line);
	}
	free(line);
	fclose(f);
	free(name);
	return last;
}

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
		cmocka_unit_test(every_status),
		cmocka_unit_test(exactly_these_bytes),
		cmocka_unit_test(certificate_is_checked),
		cmocka_unit_test(only_the_ca_file_is_trusted),
		cmocka_unit_test(bad_servers_neither_crash_nor_stall),
		cmocka_unit_test(idle_talk_is_cut_short),
		cmocka_unit_test(a_trickle_is_cut_short),
		cmocka_unit_test(no_tls_is_deferred),
		cmocka_unit_test(retry_after),
		cmocka_unit_test(bad_urls_are_refused),
		cmocka_unit_test(no_way_into_our_own_network),
		cmocka_unit_test(in_parallel_but_not_too_many_per_host),
		cmocka_unit_test(connections_are_reused),
		cmocka_unit_test(connections_to_many_hosts_are_kept),
		cmocka_unit_test(callback_may_post),
		cmocka_unit_test(wake_ends_poll),
		cmocka_unit_test(given_up_half_way),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
