#include "reporter/starttls_session.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>

#include "conf/clock.h"
#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/address.h"
#include "reporter/tls_guard.h"

#define PORT_SMTP	25
#define QUIT_MS		1000	/* for the last reply, which nobody needs */

/* 0 when the reply to it is the one that lets us go on. */
static int
expect(struct session *x, const char *what, int want)
{
	int code = session_reply(x, what);

	if (code == -1)
		return -1;
	return code == want ? 0 :
	    session_fail(x, "%s: %s", what, x->s->reply);
}

static int
ehlo(struct session *x)
{
	char command[300];

	if (fmt(command, sizeof(command), "EHLO %s", x->c->helo) == -1)
		return session_fail(x, "EHLO: our own name is too long");
	if (session_send(x, command) == -1)
		return -1;
	return expect(x, "EHLO", 250);
}

/* Politely, but whatever comes of it is of no interest. */
static void
quit(struct session *x)
{
	struct starttls *s = x->s, ignored = { .why = NULL };
	int64_t soon = clock_ms() + QUIT_MS;

	x->s = &ignored;
	if (soon < x->deadline)
		x->deadline = soon;
	if (session_send(x, "QUIT") == 0)
		session_reply(x, "QUIT");
	free(ignored.why);
	x->s = s;
}

/* --- TLS ---------------------------------------------------------------- */

static void
use_tls(struct session *x)
{
	unsigned char address[sizeof(struct in6_addr)];
	bool named = inet_pton(AF_INET, x->host, address) != 1 &&
	    inet_pton(AF_INET6, x->host, address) != 1;

	x->ctx = SSL_CTX_new(TLS_client_method());
	/* What is old or weak is to be found out, not to be avoided. */
	if (x->ctx == NULL ||
	    SSL_CTX_set_min_proto_version(x->ctx, TLS1_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(x->ctx, "DEFAULT:@SECLEVEL=0") != 1)
		fatal("SSL_CTX_new failed");
	SSL_CTX_set_options(x->ctx, SSL_OP_LEGACY_SERVER_CONNECT);
	chain_collect(x->ctx, &x->s->chain);
	tls_guard(x->ctx);
	x->ssl = SSL_new(x->ctx);
	if (x->ssl == NULL || SSL_set_fd(x->ssl, x->fd) != 1 ||
	    (named && SSL_set_tlsext_host_name(x->ssl, x->host) != 1))
		fatal("SSL_new failed");
}

static int
handshake(struct session *x)
{
	struct starttls *s = x->s;
	int ret, rc = 0;

	use_tls(x);
	do {
		ERR_clear_error();
		errno = 0;
		ret = SSL_connect(x->ssl);
		if (ret != 1)
			rc = session_tls_again(x, ret, "TLS handshake");
	} while (ret != 1 && rc == 0);
	if (s->chain.certs != NULL || rc == 0)
		chain_judge(&s->chain, x->c->store, x->host, x->c->now);
	if (rc == -1)
		return -1;
	s->version = SSL_version(x->ssl);
	(void)fmt(s->version_name, sizeof(s->version_name), "%s",
	    SSL_get_version(x->ssl));
	(void)fmt(s->cipher, sizeof(s->cipher), "%s",
	    SSL_get_cipher_name(x->ssl));
	return 0;
}

/* --- the whole ---------------------------------------------------------- */

static void
converse(struct session *x)
{
	struct starttls *s = x->s;
	int rc = expect(x, "greeting", 220);

	memcpy(s->greeting, s->reply, sizeof(s->greeting));
	if (rc == -1)
		return;
	s->stage = STARTTLS_GREETED;
	if (ehlo(x) == -1)
		return;
	s->stage = STARTTLS_PLAIN;
	if (!x->starttls)
		return;
	s->stage = STARTTLS_OFFERED;
	if (session_send(x, "STARTTLS") == -1 ||
	    expect(x, "STARTTLS", 220) == -1)
		return;
	s->stage = STARTTLS_ACCEPTED;
	if (x->nin > 0) {
		s->injected = true;
		session_fail(x,
		    "STARTTLS: more text in clear behind the reply");
		return;
	}
	if (handshake(x) == -1)
		return;
	s->stage = STARTTLS_SECURED;
	if (ehlo(x) == 0)
		s->stage = STARTTLS_WORKS;
}

/* Its length, or 0. */
static socklen_t
to_sockaddr(struct sockaddr_storage *to, const char *address, unsigned port)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
	    .sin_port = htons((uint16_t)port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
	    .sin6_port = htons((uint16_t)port) };

	if (inet_pton(AF_INET, address, &in.sin_addr) == 1) {
		memcpy(to, &in, sizeof(in));
		return sizeof(in);
	}
	if (inet_pton(AF_INET6, address, &in6.sin6_addr) == 1) {
		memcpy(to, &in6, sizeof(in6));
		return sizeof(in6);
	}
	return 0;
}

static int
connect_to(struct session *x, const struct sockaddr *sa, socklen_t len)
{
	socklen_t size = sizeof(int);
	int error = 0;

	x->fd = socket(sa->sa_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (x->fd == -1)
		return session_fail(x, "connection: %m");
	if (connect(x->fd, sa, len) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return session_fail(x, "connection: %m");
	if (session_wait(x, POLLOUT, "connection") == -1)
		return -1;
	if (getsockopt(x->fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1)
		return session_fail(x, "connection: %m");
	return error == 0 ? 0 :
	    session_fail(x, "connection: %s", strerror(error));
}

static int
reach(struct session *x, const char *address)
{
	struct sockaddr_storage to = { 0 };
	const struct sockaddr *sa = (const struct sockaddr *)&to;
	socklen_t len = to_sockaddr(&to, address,
	    x->c->port != 0 ? x->c->port : PORT_SMTP);
	const char *why;

	if (len == 0)
		return session_fail(x, "connection: not an IP address");
	if (!x->c->allow_private && (why = address_refuse(sa)) != NULL) {
		x->s->guarded = true;
		return session_fail(x,
		    "connection: %s is not for us to use: %s", address, why);
	}
	return connect_to(x, sa, len);
}

void
starttls_probe(struct starttls *s, const struct starttls_config *c,
    const char *host, const char *address)
{
	int64_t begin = clock_ms();
	struct session x = { .s = s, .c = c, .host = host, .fd = -1,
	    .deadline = begin + (int64_t)c->timeout * 1000 };

	*s = (struct starttls){ 0 };
	if (reach(&x, address) == 0) {
		s->stage = STARTTLS_CONNECTED;
		converse(&x);
		s->ms = (long)(clock_ms() - begin);
		if (!s->late && s->stage != STARTTLS_ACCEPTED)
			quit(&x);
	} else {
		s->ms = (long)(clock_ms() - begin);
	}
	SSL_free(x.ssl);
	SSL_CTX_free(x.ctx);
	if (x.fd != -1)
		close(x.fd);
}

void
starttls_release(struct starttls *s)
{
	if (s == NULL)
		return;
	free(s->why);
	chain_release(&s->chain);
	*s = (struct starttls){ 0 };
}
