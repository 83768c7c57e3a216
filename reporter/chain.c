#include "reporter/chain.h"

#include <arpa/inet.h>

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/ascii.h"
#include "spool/day.h"

#define DEPTH_MAX	10	/* intermediate CAs; nobody has more than 3 */
#define LEVEL		1	/* no MD5, no SHA-1, no RSA below 1024 bit */
#define NAMES_SAID	3	/* in a sentence */

X509_STORE *
chain_store(const char *ca_file, char **why)
{
	X509_STORE *store = X509_STORE_new();

	*why = NULL;
	if (store == NULL)
		fatal("X509_STORE_new failed");
	signal(SIGPIPE, SIG_IGN);	/* OpenSSL writes to sockets */
	ERR_clear_error();
	if ((ca_file != NULL ? X509_STORE_load_file(store, ca_file) :
	    X509_STORE_set_default_paths(store)) == 1)
		return store;
	*why = xasprintf("%s: no certificates: %s",
	    ca_file != NULL ? ca_file : "OpenSSL",
	    ERR_reason_error_string(ERR_peek_last_error()));
	X509_STORE_free(store);
	return NULL;
}

/* Called in the handshake, instead of OpenSSL's own verification. */
static int
keep(X509_STORE_CTX *ctx, void *arg)
{
	struct chain *c = arg;
	const STACK_OF(X509) *served = X509_STORE_CTX_get0_untrusted(ctx);
	const SSL *ssl = X509_STORE_CTX_get_ex_data(ctx,
	    SSL_get_ex_data_X509_STORE_CTX_idx());

	X509_STORE_CTX_set_error(ctx, X509_V_OK);
	if (c->certs != NULL || (c->certs = sk_X509_new_null()) == NULL)
		return 1;
	c->version = SSL_get_version(ssl);
	for (int i = 0; i < sk_X509_num(served) && i < CHAIN_MAX; i++) {
		X509 *cert = sk_X509_value(served, i);

		if (sk_X509_push(c->certs, cert) > 0)
			X509_up_ref(cert);
	}
	return 1;
}

void
chain_collect(SSL_CTX *ctx, struct chain *c)
{
	SSL_CTX_set_cert_verify_callback(ctx, keep, c);
}

/* --- what is wrong ---------------------------------------------------- */

static void
note_bad(struct chain *c, int depth, const char *what)
{
	c->faults |= CHAIN_BAD;
	if (c->why == NULL)
		c->why = xasprintf("%s%s", depth > 0 ? "of its issuer: " : "",
		    what);
}

static int
on_fault(int ok, X509_STORE_CTX *ctx)
{
	struct chain *c = X509_STORE_CTX_get_app_data(ctx);
	int error = X509_STORE_CTX_get_error(ctx);
	int depth = X509_STORE_CTX_get_error_depth(ctx);

	if (ok)
		return 1;
	switch (error) {
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
		c->faults |= CHAIN_SELF_SIGNED;
		break;
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_CERT_UNTRUSTED:
		/* A self-signed one's signature is not looked at either. */
		if ((c->faults & CHAIN_SELF_SIGNED) == 0)
			c->faults |= CHAIN_UNKNOWN_ISSUER;
		break;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		if (depth == 0) {
			c->faults |= error == X509_V_ERR_CERT_HAS_EXPIRED ?
			    CHAIN_EXPIRED : CHAIN_NOT_YET;
			break;
		}
		/* FALLTHROUGH */
	default:
		note_bad(c, depth, X509_verify_cert_error_string(error));
	}
	return 1;		/* go on: there may be more */
}

static void
verify(struct chain *c, X509_STORE *store, time_t now)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;

	if (ctx == NULL || X509_STORE_CTX_init(ctx, store,
	    sk_X509_value(c->certs, 0), c->certs) != 1 ||
	    X509_STORE_CTX_set_default(ctx, "ssl_server") != 1)
		fatal("X509_STORE_CTX_init failed");
	param = X509_STORE_CTX_get0_param(ctx);
	X509_VERIFY_PARAM_set_time(param, now);
	X509_VERIFY_PARAM_set_depth(param, DEPTH_MAX);
	X509_VERIFY_PARAM_set_auth_level(param, LEVEL);
	X509_STORE_CTX_set_app_data(ctx, c);
	X509_STORE_CTX_set_verify_cb(ctx, on_fault);
	if (X509_verify_cert(ctx) != 1 && c->faults == 0)
		note_bad(c, 0, X509_verify_cert_error_string(
		    X509_STORE_CTX_get_error(ctx)));
	X509_STORE_CTX_free(ctx);
}

static bool
is_for(X509 *cert, const char *host)
{
	unsigned char address[sizeof(struct in6_addr)];

	if (inet_pton(AF_INET, host, address) == 1 ||
	    inet_pton(AF_INET6, host, address) == 1)
		return X509_check_ip_asc(cert, host, 0) == 1;
	return X509_check_host(cert, host, 0,
	    X509_CHECK_FLAG_NEVER_CHECK_SUBJECT |
	    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
}

/* --- what is in it ---------------------------------------------------- */

static char *
name_text(const X509_NAME *name)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char text[256] = "", *data;
	long len;

	if (bio != NULL && X509_NAME_print_ex(bio, name, 0,
	    XN_FLAG_RFC2253) >= 0 && (len = BIO_get_mem_data(bio, &data)) > 0)
		ascii_copy(text, sizeof(text), data, (size_t)len);
	BIO_free(bio);
	return xstrdup(text);
}

static int64_t
seconds(const ASN1_TIME *t)
{
	struct tm tm;

	return ASN1_TIME_to_tm(t, &tm) == 1 ? (int64_t)timegm(&tm) : 0;
}

static void
add_name(struct chain *c, const GENERAL_NAME *name)
{
	char text[256] = "";
	const ASN1_STRING *s;

	if (name->type == GEN_DNS) {
		s = name->d.dNSName;
		ascii_copy(text, sizeof(text),
		    (const char *)ASN1_STRING_get0_data(s),
		    (size_t)ASN1_STRING_length(s));
	} else if (name->type == GEN_IPADD) {
		s = name->d.iPAddress;
		/* Of another length it is no address, nor so many bytes. */
		if (ASN1_STRING_length(s) == sizeof(struct in_addr))
			inet_ntop(AF_INET, ASN1_STRING_get0_data(s), text,
			    sizeof(text));
		else if (ASN1_STRING_length(s) == sizeof(struct in6_addr))
			inet_ntop(AF_INET6, ASN1_STRING_get0_data(s), text,
			    sizeof(text));
	}
	if (text[0] != '\0')
		c->names[c->nnames++] = xstrdup(text);
}

static void
read_names(struct chain *c, const X509 *cert)
{
	GENERAL_NAMES *list = X509_get_ext_d2i(cert, NID_subject_alt_name,
	    NULL, NULL);

	c->names = xcalloc(CHAIN_NAMES_MAX, sizeof(*c->names));
	for (int i = 0; list != NULL && i < sk_GENERAL_NAME_num(list) &&
	    c->nnames < CHAIN_NAMES_MAX; i++)
		add_name(c, sk_GENERAL_NAME_value(list, i));
	GENERAL_NAMES_free(list);
}

static void
read_key(struct chain *c, X509 *cert)
{
	const EVP_PKEY *key = X509_get0_pubkey(cert);
	unsigned char *der = NULL, digest[EVP_MAX_MD_SIZE];
	int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);

	c->key = key == NULL || EVP_PKEY_get0_type_name(key) == NULL ?
	    xstrdup("unknown") : xasprintf("%s %d",
	    EVP_PKEY_get0_type_name(key), EVP_PKEY_get_bits(key));
	if (len > 0 && EVP_Digest(der, (size_t)len, digest, NULL,
	    EVP_sha256(), NULL) == 1)
		for (size_t i = 0; i < 32; i++)
			snprintf(c->spki + 2 * i, 3, "%02X", digest[i]);
	OPENSSL_free(der);
}

static void
release_texts(struct chain *c)
{
	for (size_t i = 0; i < c->nnames; i++)
		free(c->names[i]);
	free(c->names);
	free(c->subject);
	free(c->issuer);
	free(c->key);
	free(c->why);
	*c = (struct chain){ .certs = c->certs, .version = c->version };
}

void
chain_judge(struct chain *c, X509_STORE *store, const char *host, time_t now)
{
	X509 *cert = c->certs != NULL ? sk_X509_value(c->certs, 0) : NULL;

	release_texts(c);
	if (cert == NULL) {
		c->faults = CHAIN_NONE;
		return;
	}
	c->subject = name_text(X509_get_subject_name(cert));
	c->issuer = name_text(X509_get_issuer_name(cert));
	c->not_before = seconds(X509_get0_notBefore(cert));
	c->not_after = seconds(X509_get0_notAfter(cert));
	read_names(c, cert);
	read_key(c, cert);
	ERR_clear_error();
	verify(c, store, now);
	if (!is_for(cert, host))
		c->faults |= CHAIN_WRONG_NAME;
	ERR_clear_error();
}

/* --- the verdict ------------------------------------------------------ */

static void
print_names(const struct chain *c, FILE *out)
{
	if (c->nnames == 0) {
		fputs("without a name (no subjectAltName)", out);
		return;
	}
	fputs("for other names:", out);
	for (size_t i = 0; i < c->nnames && i < NAMES_SAID; i++)
		fprintf(out, " %s", c->names[i]);
	if (c->nnames > NAMES_SAID)
		fprintf(out, " and %zu more", c->nnames - NAMES_SAID);
}

static void
print_fault(const struct chain *c, enum chain_fault fault, FILE *out)
{
	char day[DAY_TEXT];

	switch (fault) {
	case CHAIN_EXPIRED:
		fprintf(out, "expired on %s",
		    day_format(day_of(c->not_after), day));
		break;
	case CHAIN_NOT_YET:
		fprintf(out, "not valid before %s",
		    day_format(day_of(c->not_before), day));
		break;
	case CHAIN_SELF_SIGNED:
		fputs("self-signed", out);
		break;
	case CHAIN_UNKNOWN_ISSUER:
		fprintf(out, "from an unknown issuer (%s%s)", c->issuer,
		    sk_X509_num(c->certs) == 1 ?
		    ", whose certificate is not served" : "");
		break;
	case CHAIN_WRONG_NAME:
		print_names(c, out);
		break;
	case CHAIN_BAD:
		fputs(c->why, out);
		break;
	case CHAIN_NONE:
		fputs("no certificate", out);
	}
}

char *
chain_words(const struct chain *c)
{
	const char *comma = "";
	char *text;
	size_t len;
	FILE *out;

	if (c->faults == 0)
		return xstrdup("good");
	out = xmemstream(&text, &len);
	for (unsigned bit = 1; bit <= CHAIN_NONE; bit <<= 1)
		if (c->faults & bit) {
			fputs(comma, out);
			print_fault(c, (enum chain_fault)bit, out);
			comma = ", ";
		}
	xmemclose(out);
	return text;
}

void
chain_release(struct chain *c)
{
	if (c == NULL)
		return;
	release_texts(c);
	sk_X509_pop_free(c->certs, X509_free);
	c->certs = NULL;
	c->version = NULL;
}
