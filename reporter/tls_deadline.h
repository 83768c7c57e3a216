#ifndef REPORTER_TLS_DEADLINE_H
#define REPORTER_TLS_DEADLINE_H

#include <stdint.h>

#include <openssl/ssl.h>

/*
 * Have connections of this context fail to read once clock_ms is *deadline,
 * which has to outlive them.  A peer that sends what needs no answer, such as
 * HelloRequest, as fast as it is read would otherwise keep OpenSSL from ever
 * coming back, whatever its caller's timeouts.
 */
void	tls_deadline(SSL_CTX *ctx, const int64_t *deadline);

#endif
