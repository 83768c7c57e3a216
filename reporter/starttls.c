#include "reporter/starttls.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <openssl/err.h>

#include "conf/clock.h"
#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/address.h"
#include "reporter/ascii.h"
#include "reporter/tls_deadline.h"

#define PORT_SMTP	25
#define LINE_BYTES	2048	/* of a reply; RFC 5321 section 4.5.3.1.5: 512 */
#define REPLY_LINES	256
#define QUIT_MS		1000	/* for the last reply, which nobody needs */

/* A session under way. */
struct session {
	struct starttls *s;
	const struct starttls_config *c;
	const char *host;
	int fd;
	SSL_CTX *ctx;
	SSL *ssl;		/* once TLS is in use */
	int64_t deadline;	/* clock_ms */
	char in[LINE_BYTES];	/* received and not yet used */
	size_t nin;
	bool starttls;		/* the EHLO reply names it */
};

/* The first reason is the one that counts. */
__attribute__((format(printf, 2, 3)))
static int
give_up(struct session *x, const char *format, ...)
{
	va_list ap;
	char *text;

	if (x->s->why != NULL)
		return -1;
	va_start(ap, format);
	if (vasprintf(&text, format, ap) == -1)
		fatal("out of memory");
	va_end(ap);
	x->s->why = text;
	return -1;
}

/* --- bytes ----------------------------------------------------------------- */

static int
out_of_time(struct session *x, const char *what)
{
	x->s->late = true;
	return give_up(x, "%s: no answer within %ld s", what, x->c->timeout);
}

static bool
is_late(const struct session *x)
{
	return clock_ms() >= x->deadline;
}

/* Until the socket is ready for it, or time is up. */
static int
wait_for(struct session *x, short events, const char *what)
{
	struct pollfd pfd = { .fd = x->fd, .events = events };
	int64_t left;
	int n;

	do {
		left = x->deadline - clock_ms();
		n = left <= 0 ? 0 : poll(&pfd, 1, (int)left);
	} while (n == -1 && errno == EINTR);
	if (n > 0)
		return 0;
	return n == 0 ? out_of_time(x, what) :
	    give_up(x, "%s: poll: %m", what);
}

/* When OpenSSL could not go on: 0 to call it again. */
static int
tls_again(struct session *x, int ret, const char *what)
{
	int saved = errno, error = SSL_get_error(x->ssl, ret);
	unsigned long code = ERR_peek_error();
	const char *why = "it hangs up";

	if (is_late(x))
		return out_of_time(x, what);
	if (error == SSL_ERROR_WANT_READ)
		return wait_for(x, POLLIN, what);
	if (error == SSL_ERROR_WANT_WRITE)
		return wait_for(x, POLLOUT, what);
	if (error == SSL_ERROR_SYSCALL && saved != 0)
		why = strerror(saved);
	else if (error == SSL_ERROR_SSL && ERR_GET_REASON(code) !=
	    SSL_R_UNEXPECTED_EOF_WHILE_READING &&
	    (why = ERR_reason_error_string(code)) == NULL)
		why = "OpenSSL failed";
	return give_up(x, "%s: %s", what, why);
}

/* More bytes into x->in, at least one. */
static int
receive(struct session *x, const char *what)
{
	size_t room = sizeof(x->in) - x->nin;
	ssize_t n;

	for (;;) {
		ERR_clear_error();
		errno = 0;
		n = x->ssl != NULL ?
		    SSL_read(x->ssl, x->in + x->nin, (int)room) :
		    recv(x->fd, x->in + x->nin, room, 0);
		if (n > 0) {
			x->nin += (size_t)n;
			return 0;
		}
		if (x->ssl != NULL) {
			if (tls_again(x, (int)n, what) == -1)
				return -1;
		} else if (n == 0) {
			return give_up(x, "%s: it hangs up", what);
		} else if (errno != EAGAIN && errno != EINTR) {
			return give_up(x, "%s: %m", what);
		} else if (wait_for(x, POLLIN, what) == -1) {
			return -1;
		}
	}
}

static int
transmit(struct session *x, const char *command)
{
	char line[LINE_BYTES];
	int len = fmt(line, sizeof(line), "%s\r\n", command), sent = 0;
	ssize_t n;

	while (sent < len) {
		ERR_clear_error();
		errno = 0;
		n = x->ssl != NULL ? SSL_write(x->ssl, line, len) :
		    send(x->fd, line + sent, (size_t)(len - sent),
		    MSG_NOSIGNAL);
		if (n > 0)
			sent += (int)n;
		else if (x->ssl != NULL) {
			if (tls_again(x, (int)n, command) == -1)
				return -1;
		} else if (errno != EAGAIN && errno != EINTR)
			return give_up(x, "%s: %m", command);
		else if (wait_for(x, POLLOUT, command) == -1)
			return -1;
	}
	return 0;
}

/* --- replies --------------------------------------------------------------- */

/* A line without its end, of x->in, where it stays until the next one. */
static int
read_line(struct session *x, const char *what, char line[LINE_BYTES])
{
	const char *end;
	size_t len;

	while ((end = memchr(x->in, '\n', x->nin)) == NULL) {
		if (x->nin == sizeof(x->in))
			return give_up(x, "%s: a line of more than %d bytes",
			    what, LINE_BYTES - 1);
		if (receive(x, what) == -1)
			return -1;
	}
	len = (size_t)(end - x->in);
	memcpy(line, x->in, len);
	line[len] = '\0';
	if (len > 0 && line[len - 1] == '\r')
		line[len - 1] = '\0';
	x->nin -= len + 1;
	memmove(x->in, end + 1, x->nin);
	return 0;
}

/* RFC 5321 section 4.2.1: three digits, and "-" when more lines follow. */
static int
line_code(const char *line)
{
	for (int i = 0; i < 3; i++)
		if (line[i] < '0' || line[i] > '9')
			return 0;
	if (line[3] != '\0' && line[3] != ' ' && line[3] != '-')
		return 0;
	return (line[0] - '0') * 100 + (line[1] - '0') * 10 + line[2] - '0';
}

static void
note_keyword(struct session *x, const char *line)
{
	if (strncasecmp(line + 4, "STARTTLS", 8) == 0 &&
	    (line[12] == '\0' || line[12] == ' '))
		x->starttls = true;
}

/* The reply to `what`: its code, or -1. */
static int
read_reply(struct session *x, const char *what)
{
	char line[LINE_BYTES];
	int code;

	x->starttls = false;
	for (int n = 0; n < REPLY_LINES; n++) {
		if (read_line(x, what, line) == -1)
			return -1;
		if (n == 0)
			ascii_copy(x->s->reply, sizeof(x->s->reply), line,
			    strlen(line));
		if ((code = line_code(line)) == 0)
			return give_up(x, "%s: not a reply of SMTP", what);
		if (n > 0 && line[3] != '\0')
			note_keyword(x, line);
		if (line[3] != '-') {
			x->s->code = code;
			return code;
		}
	}
	return give_up(x, "%s: a reply of more than %d lines", what,
	    REPLY_LINES);
}

/* 0 when the reply to it is the one that lets us go on. */
static int
expect(struct session *x, const char *what, int want)
{
	int code = read_reply(x, what);

	if (code == -1)
		return -1;
	return code == want ? 0 :
	    give_up(x, "%s: %s", what, x->s->reply);
}

static int
ehlo(struct session *x)
{
	char command[300];

	if (fmt(command, sizeof(command), "EHLO %s", x->c->helo) == -1)
		return give_up(x, "EHLO: our own name is too long");
	if (transmit(x, command) == -1)
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
	if (transmit(x, "QUIT") == 0)
		read_reply(x, "QUIT");
	free(ignored.why);
	x->s = s;
}

/* --- TLS ------------------------------------------------------------------- */

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
	tls_deadline(x->ctx, &x->deadline);
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
			rc = tls_again(x, ret, "TLS handshake");
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

/* --- the whole ------------------------------------------------------------- */

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
	if (transmit(x, "STARTTLS") == -1 || expect(x, "STARTTLS", 220) == -1)
		return;
	s->stage = STARTTLS_ACCEPTED;
	if (x->nin > 0) {
		s->injected = true;
		give_up(x, "STARTTLS: more text in clear behind the reply");
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
		return give_up(x, "connection: %m");
	if (connect(x->fd, sa, len) == 0)
		return 0;
	if (errno != EINPROGRESS)
		return give_up(x, "connection: %m");
	if (wait_for(x, POLLOUT, "connection") == -1)
		return -1;
	if (getsockopt(x->fd, SOL_SOCKET, SO_ERROR, &error, &size) == -1)
		return give_up(x, "connection: %m");
	return error == 0 ? 0 :
	    give_up(x, "connection: %s", strerror(error));
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
		return give_up(x, "connection: not an IP address");
	if (!x->c->allow_private && (why = address_refuse(sa)) != NULL) {
		x->s->guarded = true;
		return give_up(x, "connection: %s is not for us to use: %s",
		    address, why);
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
