#ifndef REPORTER_STARTTLS_SESSION_H
#define REPORTER_STARTTLS_SESSION_H

#include <stdint.h>

#include "reporter/starttls.h"

/*
 * The session of one probe: bytes, lines and replies, all bounded.  For
 * starttls.c and nobody else.  What fails returns -1, and why is in s->why:
 * the first reason counts.
 */
#define SESSION_LINE	2048	/* bytes; RFC 5321 section 4.5.3.1.5: 512 */

struct session {
	struct starttls *s;
	const struct starttls_config *c;
	const char *host;
	int fd;			/* does not block */
	SSL_CTX *ctx;
	SSL *ssl;		/* once TLS is in use */
	int64_t deadline;	/* clock_ms */
	char in[SESSION_LINE];	/* received and not yet used */
	size_t nin;
	bool starttls;		/* the last reply has it as a keyword */
};

/* Always -1. */
int	session_fail(struct session *x, const char *format, ...)
	    __attribute__((format(printf, 2, 3)));

/* Until the socket is ready for it, or time is up. */
int	session_wait(struct session *x, short events, const char *what);

/* When OpenSSL could not go on: 0 to call it again. */
int	session_tls_again(struct session *x, int ret, const char *what);

/* A command, to which CRLF is added. */
int	session_send(struct session *x, const char *command);

/* Read the reply to `what`: its code. */
int	session_reply(struct session *x, const char *what);

#endif
