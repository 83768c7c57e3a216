#include "reporter/tlsa.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "conf/log.h"
#include "conf/mem.h"

#define DANE_TA		2
#define DANE_EE		3
#define SHA256_LEN	32
#define SHA512_LEN	64

int
tlsa_name(char name[TLSA_NAME_SIZE], const char *host, unsigned port)
{
	return fmt(name, TLSA_NAME_SIZE, "_%u._tcp.%s", port, host) == -1 ?
	    -1 : 0;
}

int
tlsa_parse(struct tlsa *t, const void *rdata, size_t len)
{
	const unsigned char *p = rdata;

	*t = (struct tlsa){ 0 };
	if (len < 4)
		return -1;
	t->usage = p[0];
	t->selector = p[1];
	t->matching = p[2];
	t->len = len - 3;
	t->data = xmalloc(t->len);
	memcpy(t->data, p + 3, t->len);
	return 0;
}

void
tlsa_release(struct tlsa *t)
{
	if (t == NULL)
		return;
	free(t->data);
	*t = (struct tlsa){ 0 };
}

/* Matching type 0: the data is all of a certificate or key. */
static const char *
full_unusable(const struct tlsa *t)
{
	const unsigned char *end = t->data;
	X509 *cert = NULL;
	EVP_PKEY *key = NULL;
	bool good;

	if (t->selector == 0)
		cert = d2i_X509(NULL, &end, (long)t->len);
	else
		key = d2i_PUBKEY(NULL, &end, (long)t->len);
	good = (cert != NULL || key != NULL) && end == t->data + t->len;
	X509_free(cert);
	EVP_PKEY_free(key);
	ERR_clear_error();
	if (good)
		return NULL;
	return t->selector == 0 ? "its data is not a certificate" :
	    "its data is not a public key";
}

const char *
tlsa_unusable(const struct tlsa *t)
{
	if (t->usage < DANE_TA)
		return "usages 0 and 1 (PKIX) are not for SMTP";
	if (t->usage > DANE_EE)
		return "its usage is unknown";
	if (t->selector > 1)
		return "its selector is unknown";
	switch (t->matching) {
	case 0:
		return full_unusable(t);
	case 1:
		return t->len == SHA256_LEN ? NULL :
		    "a SHA-256 digest has 32 bytes";
	case 2:
		return t->len == SHA512_LEN ? NULL :
		    "a SHA-512 digest has 64 bytes";
	default:
		return "its matching type is unknown";
	}
}

/* NULL when OpenSSL does not take the record. */
static SSL *
dane_new(const struct tlsa *t, const char *base)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl;

	if (ctx == NULL || SSL_CTX_dane_enable(ctx) != 1 ||
	    (ssl = SSL_new(ctx)) == NULL || SSL_dane_enable(ssl, base) != 1)
		fatal("SSL_dane_enable failed");
	SSL_CTX_free(ctx);
	SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
	if (SSL_dane_tlsa_add(ssl, t->usage, t->selector, t->matching, t->data,
	    t->len) == 1)
		return ssl;
	SSL_free(ssl);
	return NULL;
}

static void
set_param(X509_VERIFY_PARAM *param, const char *const *names, size_t n,
    time_t now)
{
	X509_VERIFY_PARAM_set_time(param, now);
	X509_VERIFY_PARAM_set_hostflags(param,
	    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	for (size_t i = 0; i < n; i++)
		if (X509_VERIFY_PARAM_add1_host(param, names[i], 0) != 1)
			fatal("X509_VERIFY_PARAM_add1_host failed");
}

/* NULL, or why not: static. */
static const char *
verify(SSL *dane, const struct chain *c, const char *const *names, size_t n,
    time_t now)
{
	X509_STORE *none = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	const char *why = NULL;
	int error;

	/* Nothing is trusted but what the record says. */
	if (none == NULL || ctx == NULL || X509_STORE_CTX_init(ctx, none,
	    sk_X509_value(c->certs, 0), c->certs) != 1 ||
	    X509_STORE_CTX_set_default(ctx, "ssl_server") != 1)
		fatal("X509_STORE_CTX_init failed");
	set_param(X509_STORE_CTX_get0_param(ctx), names, n, now);
	X509_STORE_CTX_set0_dane(ctx, SSL_get0_dane(dane));
	if (X509_verify_cert(ctx) != 1) {
		error = X509_STORE_CTX_get_error(ctx);
		why = X509_verify_cert_error_string(error);
	}
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(none);
	return why;
}

bool
tlsa_fits(const struct tlsa *t, const struct chain *c,
    const char *const *names, size_t n, time_t now, char **why)
{
	const char *bad = "no certificate was served";
	SSL *dane;

	*why = NULL;
	ERR_clear_error();
	if (c->certs != NULL && sk_X509_num(c->certs) > 0) {
		if ((dane = dane_new(t, names[0])) != NULL)
			bad = verify(dane, c, names, n, now);
		else
			bad = "OpenSSL does not take the record";
		SSL_free(dane);
	}
	ERR_clear_error();
	if (bad != NULL)
		*why = xstrdup(bad);
	return bad == NULL;
}

char *
tlsa_text(const struct tlsa *t)
{
	size_t len;
	char *text;
	FILE *out = xmemstream(&text, &len);

	fprintf(out, "%u %u %u ", t->usage, t->selector, t->matching);
	for (size_t i = 0; i < t->len; i++)
		fprintf(out, "%02X", t->data[i]);
	xmemclose(out);
	return text;
}

char *
tlsa_suggest(const struct chain *c)
{
	return c->spki[0] != '\0' ? xasprintf("3 1 1 %s", c->spki) : NULL;
}
