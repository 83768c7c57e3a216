#ifndef REPORTER_TLSA_H
#define REPORTER_TLSA_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "reporter/chain.h"

/*
 * TLSA records (RFC 6698) of mail servers (RFC 7672).
 */
#define TLSA_RRTYPE	52
#define TLSA_NAME_SIZE	264	/* "_65535._tcp." and a host name */

struct tlsa {
	unsigned char usage, selector, matching;
	size_t len;
	unsigned char *data;	/* of the certificate association */
};

/* The name to ask for, "_25._tcp.mx.example.com"; -1 when it is too long. */
int	tlsa_name(char name[TLSA_NAME_SIZE], const char *host, unsigned port);

/*
 * Take rdata apart (RFC 6698 section 2.1).  -1 when it is too short for a
 * record that says anything; t is empty then.  The caller releases t.
 */
int	tlsa_parse(struct tlsa *t, const void *rdata, size_t len);
void	tlsa_release(struct tlsa *t);

/*
 * Why no sender uses this record for SMTP (RFC 7672 section 3.1: usages 2 and
 * 3 only; known selector and matching type; a digest of the right length, or
 * a certificate or key that can be read): static, NULL when it is usable.
 */
const char *tlsa_unusable(const struct tlsa *t);

/*
 * Does this usable record match the chain, by OpenSSL's DANE code?  Usage 3
 * looks at the key alone (RFC 7672 section 3.1.1).  With usage 2 the chain
 * has to lead to the record's certificate, be valid at this time, and the
 * server's own be for one of these names: the TLSA base domain, and the
 * domain whose MX it is (RFC 7672 section 3.2.2).  false with *why (the
 * caller frees it): OpenSSL's words.
 */
bool	tlsa_fits(const struct tlsa *t, const struct chain *c,
	    const char *const *names, size_t n, time_t now, char **why);

/* As in a zone file: "3 1 1 0123ABCD…".  The caller frees it. */
char	*tlsa_text(const struct tlsa *t);

/*
 * The record to publish for this server, "3 1 1 …" (RFC 7672 section 3.1.3),
 * or NULL when it served no certificate.  The caller frees it.
 */
char	*tlsa_suggest(const struct chain *c);

#endif
