#include "reporter/starttls_session.h"

#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/err.h>

#include "conf/clock.h"
#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/ascii.h"

#define REPLY_LINES	256

int
session_fail(struct session *x, const char *format, ...)
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

/* --- bytes -------------------------------------------------------------- */

static int
out_of_time(struct session *x, const char *what)
{
	x->s->late = true;
	return session_fail(x, "%s: no answer within %ld s", what,
	    x->c->timeout);
}

static bool
is_late(const struct session *x)
{
	return clock_ms() >= x->deadline;
}

int
session_wait(struct session *x, short events, const char *what)
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
	    session_fail(x, "%s: poll: %m", what);
}

int
session_tls_again(struct session *x, int ret, const char *what)
{
	int saved = errno, error = SSL_get_error(x->ssl, ret);
	unsigned long code = ERR_peek_error();
	const char *why = "it hangs up";

	if (is_late(x))
		return out_of_time(x, what);
	if (error == SSL_ERROR_WANT_READ)
		return session_wait(x, POLLIN, what);
	if (error == SSL_ERROR_WANT_WRITE)
		return session_wait(x, POLLOUT, what);
	if (error == SSL_ERROR_SYSCALL && saved != 0)
		why = strerror(saved);
	else if (error == SSL_ERROR_SSL && ERR_GET_REASON(code) !=
	    SSL_R_UNEXPECTED_EOF_WHILE_READING &&
	    (why = ERR_reason_error_string(code)) == NULL)
		why = "OpenSSL failed";
	return session_fail(x, "%s: %s", what, why);
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
			if (session_tls_again(x, (int)n, what) == -1)
				return -1;
		} else if (n == 0) {
			return session_fail(x, "%s: it hangs up", what);
		} else if (errno != EAGAIN && errno != EINTR) {
			return session_fail(x, "%s: %m", what);
		} else if (session_wait(x, POLLIN, what) == -1) {
			return -1;
		}
	}
}

int
session_send(struct session *x, const char *command)
{
	char line[SESSION_LINE];
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
			if (session_tls_again(x, (int)n, command) == -1)
				return -1;
		} else if (errno != EAGAIN && errno != EINTR)
			return session_fail(x, "%s: %m", command);
		else if (session_wait(x, POLLOUT, command) == -1)
			return -1;
	}
	return 0;
}

/* --- replies ------------------------------------------------------------ */

/* A line without its end, of x->in, where it stays until the next one. */
static int
read_line(struct session *x, const char *what, char line[SESSION_LINE])
{
	const char *end;
	size_t len;

	while ((end = memchr(x->in, '\n', x->nin)) == NULL) {
		if (x->nin == sizeof(x->in))
			return session_fail(x,
			    "%s: a line of more than %d bytes", what,
			    SESSION_LINE - 1);
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
	if (strspn(line, "0123456789") != 3)
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

int
session_reply(struct session *x, const char *what)
{
	char line[SESSION_LINE] = "";
	int code;

	x->starttls = false;
	for (int n = 0; n < REPLY_LINES; n++) {
		if (read_line(x, what, line) == -1)
			return -1;
		if (n == 0)
			ascii_copy(x->s->reply, sizeof(x->s->reply), line,
			    strlen(line));
		if ((code = line_code(line)) == 0)
			return session_fail(x, "%s: not a reply of SMTP", what);
		if (n > 0 && line[3] != '\0')
			note_keyword(x, line);
		if (line[3] != '-') {
			x->s->code = code;
			return code;
		}
	}
	return session_fail(x, "%s: a reply of more than %d lines", what,
	    REPLY_LINES);
}
