#ifndef REPORTER_TLS_GUARD_H
#define REPORTER_TLS_GUARD_H

#include <openssl/ssl.h>

/*
 * OpenSSL reads on as long as there is something to read and nothing to tell:
 * a peer that sends what needs no answer, such as HelloRequest, as fast as it
 * is read would keep it from ever coming back, whatever its caller's timeouts,
 * libcurl's included.  Have connections of this context fail after GUARD_MAX
 * reads in a row that found something.
 */
#define GUARD_MAX	10000	/* two a record; honest peers pause */

void	tls_guard(SSL_CTX *ctx);

#endif
