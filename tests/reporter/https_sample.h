#ifndef TESTS_REPORTER_HTTPS_SAMPLE_H
#define TESTS_REPORTER_HTTPS_SAMPLE_H

/*
 * Real TLS servers on the loopback: nginx for a server as it should be,
 * https_peer.py for all the others; and a client.  Goes behind cmocka.h.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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

static inline unsigned
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
static inline pid_t
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

static inline void
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

static inline void
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

static inline void
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

static inline int
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

static inline void
stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static inline int
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

static inline struct https *
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

static inline double
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

static inline void
on_done(void *arg, const struct result *r)
{
	struct answer *a = arg;

	a->result = *r;
	a->calls++;
}

static inline void
finish(struct https *h, double seconds)
{
	double limit = now() + seconds;

	while (https_active(h) > 0) {
		assert_true(now() < limit);
		https_poll(h, -1, 1000);
	}
}

static inline char *
url_of(unsigned port, const char *path)
{
	return xasprintf("https://localhost:%u/%s", port, path);
}

static inline struct result
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

static inline struct result
post(struct https *h, unsigned port, const char *path)
{
	char *url = url_of(port, path);
	struct result r = post_url(h, url);

	free(url);
	return r;
}

static inline void
check(const char *name, const struct result *r, enum outcome outcome, int code,
    const char *text)
{
	if (r->outcome != outcome || r->code != code ||
	    (text != NULL && strstr(r->text, text) == NULL))
		fail_msg("%s: outcome %d, %d \"%s\"", name, r->outcome,
		    r->code, r->text);
}

/* The last line of a file, without its end; the caller frees it. */
static inline char *
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

#endif
