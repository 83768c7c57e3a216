#include "reporter/dkim.h"

#include <sys/stat.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/header.h"
#include "reporter/relaxed.h"

#define RSA_BITS_MIN	1024	/* RFC 8301 section 3.2: must not be less */
#define RSA_BITS_GOOD	2048	/* ibid.: should be this at least, and up to */
#define RSA_BITS_MAX	4096	/* this every verifier must know how to do */
#define DIGEST_LEN	32	/* SHA-256 */
#define SIGNATURE_MAX	2048	/* bytes: an RSA key of 16384 bits */
#define B64_COLUMNS	68	/* with a blank and "b=", within a line */

struct key {
	EVP_PKEY *pkey;
	char *selector;
	const char *algorithm;
};

struct dkim {
	char *domain;
	struct key rsa, ed25519;
};

/*
 * What is signed: everything a reader or a report processor looks at.  Each
 * is named once more than it occurs, so that none can be added afterwards
 * (RFC 6376 section 8.15); RFC 8460 section 5.3 asks for the TLS-Report ones.
 */
static const char *const signed_fields[] = {
	"From", "To", "Subject", "Date", "Message-ID", "MIME-Version",
	"Content-Type", "TLS-Report-Domain", "TLS-Report-Submitter",
	"TLS-Required", "Auto-Submitted"
};
#define NSIGNED (sizeof(signed_fields) / sizeof(signed_fields[0]))

static char *
openssl_error(const char *what)
{
	unsigned long e = ERR_peek_last_error();
	const char *reason = e != 0 ? ERR_reason_error_string(e) : NULL;

	ERR_clear_error();
	return xasprintf("%s: %s", what,
	    reason != NULL ? reason : "OpenSSL gives no reason");
}

/* A batch job has nobody to ask for a pass phrase. */
static int
no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)arg;
	return -1;
}

static EVP_PKEY *
read_key(const char *file, char **why)
{
	EVP_PKEY *pkey = NULL;
	struct stat st;
	char *what;
	FILE *f;

	if ((f = fopen(file, "re")) == NULL || fstat(fileno(f), &st) == -1) {
		*why = xasprintf("%s: %m", file);
		goto out;
	}
	pkey = PEM_read_PrivateKey(f, NULL, no_passphrase, NULL);
	if (pkey == NULL) {
		what = xasprintf("%s: not a private key in PEM, or it has a "
		    "pass phrase", file);
		*why = openssl_error(what);
		free(what);
	} else if ((st.st_mode & S_IROTH) != 0)
		log_warn("%s: this private key can be read by everybody; "
		    "chmod o= it", file);
out:
	if (f != NULL)
		fclose(f);
	return pkey;
}

static char *
rsa_objection(const EVP_PKEY *pkey, const char *file)
{
	int bits = EVP_PKEY_get_bits(pkey);

	if (EVP_PKEY_get_base_id(pkey) != EVP_PKEY_RSA)
		return xasprintf("%s: not an RSA key", file);
	if (bits < RSA_BITS_MIN)
		return xasprintf("%s: RSA key of %d bits, RFC 8301 demands "
		    "%d at least", file, bits, RSA_BITS_MIN);
	if (EVP_PKEY_get_size(pkey) > SIGNATURE_MAX)
		return xasprintf("%s: RSA key of %d bits is too long", file,
		    bits);
	if (bits < RSA_BITS_GOOD || bits > RSA_BITS_MAX)
		log_warn("%s: RSA key of %d bits, receivers expect %d to %d "
		    "(RFC 8301)", file, bits, RSA_BITS_GOOD, RSA_BITS_MAX);
	return NULL;
}

static char *
ed25519_objection(const EVP_PKEY *pkey, const char *file)
{
	if (EVP_PKEY_get_base_id(pkey) != EVP_PKEY_ED25519)
		return xasprintf("%s: not an Ed25519 key", file);
	return NULL;
}

/* Both end up in a header field and in a DNS name. */
static int
is_name(const char *s)
{
	return *s != '\0' && strlen(s) <= 253 && s[strspn(s,
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789-_.")] == '\0';
}

static int
load(struct key *k, const char *algorithm, const char *selector,
    const char *file, char *(*objection)(const EVP_PKEY *, const char *),
    char **why)
{
	if (selector == NULL && file == NULL)
		return 0;
	if (selector == NULL || file == NULL)
		*why = xasprintf("DKIM %s: selector and key file go together",
		    algorithm);
	else if (!is_name(selector))
		*why = xasprintf("DKIM %s: '%s' is no selector", algorithm,
		    selector);
	else if ((k->pkey = read_key(file, why)) != NULL &&
	    (*why = objection(k->pkey, file)) == NULL) {
		k->algorithm = algorithm;
		k->selector = xstrdup(selector);
		return 0;
	}
	return -1;
}

struct dkim *
dkim_new(const struct dkim_config *c, char **why)
{
	struct dkim *d = xcalloc(1, sizeof(*d));

	*why = NULL;
	if (c->domain == NULL || !is_name(c->domain)) {
		*why = xasprintf("DKIM: no valid domain");
		goto fail;
	}
	d->domain = xstrdup(c->domain);
	if (load(&d->rsa, "rsa-sha256", c->selector, c->key_file,
	    rsa_objection, why) == -1 ||
	    load(&d->ed25519, "ed25519-sha256", c->ed25519_selector,
	    c->ed25519_key_file, ed25519_objection, why) == -1)
		goto fail;
	if (d->rsa.pkey == NULL && d->ed25519.pkey == NULL) {
		*why = xasprintf("DKIM: no key is configured");
		goto fail;
	}
	return d;
fail:
	dkim_free(d);
	return NULL;
}

static void
key_release(struct key *k)
{
	EVP_PKEY_free(k->pkey);
	free(k->selector);
}

void
dkim_free(struct dkim *d)
{
	if (d == NULL)
		return;
	key_release(&d->rsa);
	key_release(&d->ed25519);
	free(d->domain);
	free(d);
}

/* *len is the room in sig, then the length of the signature. */
static int
sign_rsa(EVP_PKEY *pkey, const unsigned char *digest, unsigned char *sig,
    size_t *len)
{
	EVP_PKEY_CTX *ctx;
	int ok;

	ok = (ctx = EVP_PKEY_CTX_new(pkey, NULL)) != NULL &&
	    EVP_PKEY_sign_init(ctx) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) == 1 &&
	    EVP_PKEY_sign(ctx, sig, len, digest, DIGEST_LEN) == 1;
	EVP_PKEY_CTX_free(ctx);
	return ok;
}

/* RFC 8463 section 3: PureEdDSA over the hash, not over the data. */
static int
sign_ed25519(EVP_PKEY *pkey, const unsigned char *digest, unsigned char *sig,
    size_t *len)
{
	EVP_MD_CTX *ctx;
	int ok;

	ok = (ctx = EVP_MD_CTX_new()) != NULL &&
	    EVP_DigestSignInit(ctx, NULL, NULL, NULL, pkey) == 1 &&
	    EVP_DigestSign(ctx, sig, len, digest, DIGEST_LEN) == 1;
	EVP_MD_CTX_free(ctx);
	return ok;
}

static char *
base64(const unsigned char *in, size_t len)
{
	char *out = xmalloc(len / 3 * 4 + 5);

	EVP_EncodeBlock((unsigned char *)out, in, (int)len);
	return out;
}

/* The field with its signature, in pieces that a line holds. */
static void
write_signature(FILE *f, const char *tags, const unsigned char *sig,
    size_t len)
{
	char *b64 = base64(sig, len), *value;
	const char *p;
	size_t size;
	FILE *v;

	v = xmemstream(&value, &size);
	fputs(tags, v);
	for (p = b64; *p != '\0'; p += strnlen(p, B64_COLUMNS))
		fprintf(v, "%s%.*s", p == b64 ? "" : " ", B64_COLUMNS, p);
	xmemclose(v);
	header_write(f, "DKIM-Signature", value);
	free(value);
	free(b64);
}

/* What all signatures of a message share. */
struct content {
	char *fields;			/* canonical */
	size_t len;
	char *names, *body_hash;
	int64_t t;
};

#define FIELD_NAME "dkim-signature:"

/*
 * One key's field.  Its tags are written in canonical form, with single
 * blanks: where header_write folds them makes no difference to the hash.
 */
static int
add_signature(FILE *f, const struct dkim *d, const struct key *k,
    const struct content *c)
{
	unsigned char digest[EVP_MAX_MD_SIZE], sig[SIGNATURE_MAX];
	size_t len = sizeof(sig);
	EVP_MD_CTX *ctx;
	char *own;
	int ok;

	own = xasprintf(FIELD_NAME "v=1; a=%s; c=relaxed/relaxed; d=%s; s=%s; "
	    "t=%" PRId64 "; h=%s; bh=%s; b=", k->algorithm, d->domain,
	    k->selector, c->t, c->names, c->body_hash);
	ok = (ctx = EVP_MD_CTX_new()) != NULL &&
	    EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
	    EVP_DigestUpdate(ctx, c->fields, c->len) == 1 &&
	    EVP_DigestUpdate(ctx, own, strlen(own)) == 1 &&
	    EVP_DigestFinal_ex(ctx, digest, NULL) == 1 &&
	    (k == &d->rsa ? sign_rsa : sign_ed25519)(k->pkey, digest, sig,
	    &len);
	if (ok)
		write_signature(f, own + strlen(FIELD_NAME), sig, len);
	EVP_MD_CTX_free(ctx);
	free(own);
	return ok;
}

static int
hash_body(char **b64, const char *body, size_t len)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	char *buf = xmalloc(len + 2);
	unsigned int n;
	int ok;

	ok = EVP_Digest(buf, relaxed_body(buf, body, len), digest, &n,
	    EVP_sha256(), NULL);
	*b64 = ok ? base64(digest, n) : NULL;
	free(buf);
	return ok;
}

char *
dkim_sign(const struct dkim *d, const char *message, size_t len, int64_t t,
    char **why)
{
	struct content c = { .t = t };
	const char *body;
	size_t header, size;
	char *out;
	int ok;
	FILE *f;

	*why = NULL;
	body = memmem(message, len, "\r\n\r\n", 4);
	header = body != NULL ? (size_t)(body - message) + 2 : len;
	body = body != NULL ? body + 4 : message + len;
	c.fields = xmalloc(header + 2);
	c.len = relaxed_header(c.fields, &c.names, message, header,
	    signed_fields, NSIGNED);
	f = xmemstream(&out, &size);
	ok = hash_body(&c.body_hash, body, len - (size_t)(body - message)) &&
	    (d->rsa.pkey == NULL || add_signature(f, d, &d->rsa, &c)) &&
	    (d->ed25519.pkey == NULL || add_signature(f, d, &d->ed25519, &c));
	xmemclose(f);
	if (!ok) {
		*why = openssl_error("DKIM signature");
		free(out);
		out = NULL;
	}
	free(c.fields);
	free(c.names);
	free(c.body_hash);
	return out;
}

/* RSA: SubjectPublicKeyInfo; Ed25519: the 32 bytes (RFC 8463 section 4). */
static char *
public_key(EVP_PKEY *pkey, int raw)
{
	unsigned char *der = NULL, ed[32];
	size_t len = sizeof(ed);
	char *out = NULL;
	int n;

	if (raw)
		return EVP_PKEY_get_raw_public_key(pkey, ed, &len) == 1 ?
		    base64(ed, len) : NULL;
	if ((n = i2d_PUBKEY(pkey, &der)) > 0)
		out = base64(der, (size_t)n);
	OPENSSL_free(der);
	return out;
}

char *
dkim_record(const struct dkim *d, int key, char **name)
{
	const struct key *k = key == 0 ? &d->rsa : &d->ed25519;
	char *p, *record;

	*name = NULL;
	if (key < 0 || key > 1 || k->pkey == NULL ||
	    (p = public_key(k->pkey, key == 1)) == NULL)
		return NULL;
	record = xasprintf("v=DKIM1; k=%s; p=%s", key == 0 ? "rsa" : "ed25519",
	    p);
	*name = xasprintf("%s._domainkey.%s", k->selector, d->domain);
	free(p);
	return record;
}
