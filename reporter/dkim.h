#ifndef REPORTER_DKIM_H
#define REPORTER_DKIM_H

#include <stddef.h>
#include <stdint.h>

/*
 * DKIM signatures (RFC 6376, RFC 8301, RFC 8463): rsa-sha256 and
 * ed25519-sha256, relaxed/relaxed, never l= (RFC 8460 section 3).  Keys are
 * read once; a signer may be used by several threads.
 */
struct dkim;

struct dkim_config {
	const char *domain;			/* d= */
	const char *selector, *key_file;	/* RSA; both NULL: none */
	const char *ed25519_selector, *ed25519_key_file;
};

/*
 * NULL with *why (the caller frees it) when a key is missing, unreadable, of
 * the wrong type, or RSA under 1024 bits (RFC 8301).
 */
struct dkim *dkim_new(const struct dkim_config *c, char **why);
void	dkim_free(struct dkim *d);

/*
 * Sign a whole message (CRLF line ends, header, empty line, body).  Returns
 * the DKIM-Signature fields to put in front of it, one per key, folded, each
 * with its CRLF, terminated; the caller frees them.  t is for t=, so that the
 * same message gets the same signature.  NULL with *why when OpenSSL fails.
 */
char	*dkim_sign(const struct dkim *d, const char *message, size_t len,
	    int64_t t, char **why);

/*
 * What to publish: the TXT record's name and text of key number 0 (RSA) or 1
 * (Ed25519), without s= (reference: works with every verifier).  NULL when
 * there is no such key; the caller frees both.
 */
char	*dkim_record(const struct dkim *d, int key, char **name);

#endif
