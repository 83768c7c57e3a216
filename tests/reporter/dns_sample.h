#ifndef TESTS_REPORTER_DNS_SAMPLE_H
#define TESTS_REPORTER_DNS_SAMPLE_H

/* Questions, and what came back.  Goes behind cmocka.h. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conf/mem.h"
#include "reporter/dns.h"

#define ROWS(a)	(sizeof(a) / sizeof((a)[0]))

/* What came back. */
struct got {
	int calls;
	enum dns_status status;
	bool secure;
	size_t n;
	char *data[4];
	size_t len[4];
};

static inline void
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

static inline void
forget(struct got *g)
{
	for (size_t i = 0; i < g->n; i++)
		free(g->data[i]);
	memset(g, 0, sizeof(*g));
}

static inline bool
has(const struct got *g, const char *text)
{
	for (size_t i = 0; i < g->n; i++)
		if (strcmp(g->data[i], text) == 0 &&
		    g->len[i] == strlen(text))
			return true;
	return false;
}

static inline double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A UDP socket on a free port of the loopback. */
static inline int
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

static inline struct dns *
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

static inline struct got
ask_txt(struct dns *d, const char *name)
{
	struct got g = { 0 };

	assert_int_equal(dns_ask_txt(d, name, keep, &g), 0);
	assert_int_equal(g.calls, 0);
	dns_wait(d);
	assert_int_equal(g.calls, 1);
	return g;
}

#endif
