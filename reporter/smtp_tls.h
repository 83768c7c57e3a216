#ifndef REPORTER_SMTP_TLS_H
#define REPORTER_SMTP_TLS_H

#include <openssl/ssl.h>

#include "reporter/smtp.h"
#include "reporter/smtp_watch.h"

/* What a handshake needs to know; lives as long as the context. */
struct smtp_peer {
	char *host;			/* name or IPv4 address */
	const struct smtp_watch *watch;
};

/*
 * Required means: TLS 1.2 at least (RFC 8996), a certificate that a known CA
 * issued, and for the smarthost's name as configured.  Optional is against
 * those who only listen (RFC 7435): no certificate is looked at.
 *
 * Verification does not end the handshake: the result of it is to be asked
 * for.  NULL when OpenSSL cannot do it or the CAs cannot be read; its error
 * queue has the reason.
 */
SSL_CTX	*smtp_tls_context(const struct smtp_config *c, enum smtp_tls tls,
	    const struct smtp_peer *peer);

#endif
