#ifndef TESTS_REPORTER_CERTS_H
#define TESTS_REPORTER_CERTS_H

#include <stdbool.h>
#include <stdio.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

/*
 * Certificates made to order, valid around a NOW that is not ours, so that no
 * test depends on the day.  To be included after cmocka.h.
 */
#define NOW	((time_t)1800000000)
#define DAY	86400L

struct cert {
	X509 *x509;
	EVP_PKEY *key;
};

static inline void
cert_extension(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(e);
	assert_int_equal(X509_add_ext(x, e, -1), 1);
	X509_EXTENSION_free(e);
}

/*
 * By issuer, or by itself (NULL), from and until so many days around NOW; san
 * as in "DNS:a.example,IP:192.0.2.1", or NULL; "CA" for a CA's.
 */
static inline struct cert
cert_make(const char *cn, const char *san, const struct cert *issuer,
    long from, long until)
{
	struct cert c = { X509_new(), EVP_EC_gen("P-256") };
	X509_NAME *name = X509_get_subject_name(c.x509);
	static long serial;

	assert_non_null(c.key);
	X509_set_version(c.x509, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(c.x509), ++serial);
	X509_time_adj(X509_getm_notBefore(c.x509), from * DAY,
	    &(time_t){ NOW });
	X509_time_adj(X509_getm_notAfter(c.x509), until * DAY,
	    &(time_t){ NOW });
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
	    (const unsigned char *)cn, -1, -1, 0);
	X509_set_issuer_name(c.x509,
	    issuer ? X509_get_subject_name(issuer->x509) : name);
	X509_set_pubkey(c.x509, c.key);
	if (san != NULL && strcmp(san, "CA") == 0)
		cert_extension(c.x509, NID_basic_constraints,
		    "critical,CA:TRUE");
	else if (san != NULL)
		cert_extension(c.x509, NID_subject_alt_name, san);
	assert_true(X509_sign(c.x509, issuer ? issuer->key : c.key,
	    EVP_sha256()) > 0);
	return c;
}

static inline void
cert_free(struct cert *c)
{
	X509_free(c->x509);
	EVP_PKEY_free(c->key);
}

/* A file of them; with the first one's key if wanted. */
static inline void
cert_write(const char *path, bool with_key, const struct cert *const *list,
    size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(PEM_write_X509(f, list[i]->x509), 1);
	if (with_key)
		assert_int_equal(PEM_write_PrivateKey(f, list[0]->key, NULL,
		    NULL, 0, NULL, NULL), 1);
	assert_int_equal(fclose(f), 0);
}

#endif
