#ifndef REPORTER_STARTTLS_H
#define REPORTER_STARTTLS_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "reporter/chain.h"

/*
 * How one address of a mail server takes STARTTLS (RFC 3207): connect, EHLO,
 * STARTTLS, handshake, EHLO, QUIT; no mail.  All versions of TLS from 1.0 on
 * and weak ciphers are offered, and any certificate will do, to see what is
 * there.  Every reply is bounded in length, and all of it in time.
 *
 * starttls_probe blocks; any number of threads may be in it.
 */
#define STARTTLS_TEXT_MAX	512

struct starttls_config {
	X509_STORE *store;	/* chain_store */
	const char *helo;	/* our host name */
	long timeout;		/* seconds, for all of it */
	unsigned port;		/* 0: 25 */
	bool allow_private;	/* addresses: see address.h */
	time_t now;		/* for the dates of certificates */
};

enum starttls_stage {		/* how far it came */
	STARTTLS_NOWHERE,	/* not connected */
	STARTTLS_CONNECTED,	/* …but no 220 greeting */
	STARTTLS_GREETED,	/* …but EHLO was not answered with 250 */
	STARTTLS_PLAIN,		/* it was; STARTTLS is not offered */
	STARTTLS_OFFERED,	/* …but not answered with 220 */
	STARTTLS_ACCEPTED,	/* …but the handshake failed */
	STARTTLS_SECURED,	/* …but EHLO did not work after it */
	STARTTLS_WORKS
};

struct starttls {
	enum starttls_stage stage;
	char *why;		/* why it went no further; NULL: STARTTLS_WORKS
				   or STARTTLS_PLAIN */
	bool guarded;		/* …because the address is of a private
				   network: not even tried */
	bool late;		/* …because time was up */
	bool injected;		/* text came behind the reply to STARTTLS in the
				   same breath: a proxy or an attacker could
				   slip in commands or replies (it is not
				   believed, and the probe ends there) */
	int code;		/* of the last reply, 0: none */
	/* Their first lines, printable ASCII; "": none. */
	char greeting[STARTTLS_TEXT_MAX];
	char reply[STARTTLS_TEXT_MAX];	/* the last reply */

	/* From STARTTLS_SECURED on. */
	int version;		/* TLS1_VERSION…TLS1_3_VERSION */
	char version_name[16];	/* "TLSv1.3" */
	char cipher[64];	/* "TLS_AES_256_GCM_SHA384" */
	struct chain chain;	/* judged against store and host; a handshake
				   that failed may have left one, too */
	long ms;		/* all of it took */
};

/*
 * host is the MX's name, which SNI says and the certificate is to be for;
 * address is one of its addresses as inet_ntop writes it.  The caller
 * releases s.
 */
void	starttls_probe(struct starttls *s, const struct starttls_config *c,
	    const char *host, const char *address);
void	starttls_release(struct starttls *s);

#endif
