#include "reporter/smtp_tls.h"

#include <arpa/inet.h>

#include <openssl/bio.h>
#include <openssl/x509v3.h>

/* A certificate for another name is as good as none. */
static int
verify_name(SSL_CTX *ctx, const char *host)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);

	X509_VERIFY_PARAM_set_hostflags(param,
	    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1 ||
	    X509_VERIFY_PARAM_set1_host(param, host, 0) == 1;
}

/* OpenSSL reads records, however slowly they come; a reply has its time. */
static long
on_read(BIO *bio, int oper, const char *argp, size_t len, int argi, long argl,
    int ret, size_t *processed)
{
	const struct smtp_peer *peer = (void *)BIO_get_callback_arg(bio);

	(void)argp;
	(void)len;
	(void)argi;
	(void)argl;
	(void)processed;
	if (oper != BIO_CB_READ || !smtp_watch_late(peer->watch))
		return ret;
	BIO_clear_retry_flags(bio);	/* an error, not "not yet" */
	return -1;
}

/* The one chance to get hold of the connection that libesmtp makes. */
static void
on_handshake(const SSL *const_ssl, int where, int ret)
{
	SSL *ssl = (SSL *)(uintptr_t)const_ssl;
	const struct smtp_peer *peer;
	struct in_addr in;

	(void)ret;
	if (where != SSL_CB_HANDSHAKE_START)
		return;
	peer = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
	BIO_set_callback_arg(SSL_get_rbio(ssl), (char *)(uintptr_t)peer);
	BIO_set_callback_ex(SSL_get_rbio(ssl), on_read);
	if (inet_pton(AF_INET, peer->host, &in) != 1)	/* RFC 6066 section 3 */
		SSL_set_tlsext_host_name(ssl, peer->host);
}

/*
 * Not TLS 1.3: when its session tickets come in while a command waits in
 * libesmtp's buffer, it takes them for the reply, and waits for the rest of
 * that before it sends the command.
 */
SSL_CTX *
smtp_tls_context(const struct smtp_config *c, enum smtp_tls tls,
    const struct smtp_peer *peer)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (ctx == NULL)
		return NULL;
	SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_app_data(ctx, (void *)(uintptr_t)peer);
	SSL_CTX_set_info_callback(ctx, on_handshake);
	if (tls != SMTP_TLS_REQUIRED)
		return ctx;
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1 &&
	    (c->ca_file != NULL ?
	    SSL_CTX_load_verify_file(ctx, c->ca_file) :
	    SSL_CTX_set_default_verify_paths(ctx)) == 1 &&
	    verify_name(ctx, peer->host))
		return ctx;
	SSL_CTX_free(ctx);
	return NULL;
}
