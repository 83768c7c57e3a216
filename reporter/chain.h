#ifndef REPORTER_CHAIN_H
#define REPORTER_CHAIN_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <openssl/ssl.h>

/*
 * The certificates that a server served, and what is wrong with them: kept
 * whatever they are, so that all of it can be said at once.  An all-zero
 * struct is an empty chain.  What is in a certificate is a stranger's: texts
 * come out as printable ASCII, without blanks around.
 */
#define CHAIN_MAX	16	/* certificates kept of one server */
#define CHAIN_NAMES_MAX	100	/* names kept of one certificate */

enum chain_fault {		/* bits, as many as there are */
	CHAIN_EXPIRED = 1 << 0,
	CHAIN_NOT_YET = 1 << 1,		/* valid only from later on */
	CHAIN_SELF_SIGNED = 1 << 2,	/* the certificate, by its own key */
	CHAIN_UNKNOWN_ISSUER = 1 << 3,	/* a CA we do not trust, or a chain
					   that ends before one we do */
	CHAIN_WRONG_NAME = 1 << 4,	/* not for this host */
	CHAIN_BAD = 1 << 5,		/* anything else, or all of this in an
					   issuer's certificate: see why */
	CHAIN_NONE = 1 << 6		/* none was served, the only bit then */
};

struct chain {
	STACK_OF(X509) *certs;	/* as served, the server's own first; or NULL */
	const char *version;	/* of the TLS it came by, "TLSv1.3" (static) */
	unsigned faults;	/* chain_judge: 0 is a good one */
	char *why;		/* of CHAIN_BAD, OpenSSL's words; else NULL */

	/* Of the server's own certificate; NULL and 0 when there is none. */
	char *subject, *issuer;	/* "CN=mx.example.com,O=Example" */
	char *key;		/* "RSA 2048", "EC 256" */
	size_t nnames;
	char **names;		/* its DNS-IDs, and IP addresses */
	int64_t not_before, not_after;	/* seconds since the epoch */
	char spki[65];		/* SHA-256 of its public key: upper-case hex */
};

/*
 * The CAs of a file, or the system's (NULL).  NULL with *why (the caller
 * frees it) when there are none in it.  For any number of threads at once;
 * X509_STORE_free gives it back.  Ignores SIGPIPE from now on, as all that
 * talks TLS has to.
 */
X509_STORE *chain_store(const char *ca_file, char **why);

/*
 * Have handshakes of this context keep in c what the server serves, and go on
 * whatever that is: judged is it afterwards.
 */
void	chain_collect(SSL_CTX *ctx, struct chain *c);

/*
 * Fill in all else of c: what is wrong with the chain by PKIX at this time,
 * for this host (a name, or an IP address as inet_ntop writes it).  A name
 * has to be among the subjectAltName's DNS-IDs, with a wildcard only as the
 * whole left-most label (RFC 8461 sections 3.3 and 4.1).
 */
void	chain_judge(struct chain *c, X509_STORE *store, const char *host,
	    time_t now);

/*
 * The verdict in words, such as "expired on 2026-01-31, self-signed, for
 * other names: mx.example.net"; "good" when there are no faults.  The caller
 * frees it.
 */
char	*chain_words(const struct chain *c);

void	chain_release(struct chain *c);

#endif
