#include "reporter/tls_deadline.h"

#include <pthread.h>

#include <openssl/bio.h>

#include "conf/clock.h"
#include "conf/log.h"

static int slot;		/* of a context's data: the application's own
				   one may be libcurl's */

static void
take_slot(void)
{
	slot = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, NULL);
	if (slot == -1)
		fatal("SSL_CTX_get_ex_new_index failed");
}

static long
on_read(BIO *bio, int oper, const char *argp, size_t len, int argi, long argl,
    int ret, size_t *processed)
{
	const int64_t *deadline = (void *)BIO_get_callback_arg(bio);

	(void)argp, (void)len, (void)argi, (void)argl, (void)processed;
	if (oper != BIO_CB_READ || clock_ms() < *deadline)
		return ret;
	BIO_clear_retry_flags(bio);	/* an error, not "not yet" */
	return -1;
}

static void
on_handshake(const SSL *ssl, int where, int ret)
{
	BIO *bio = SSL_get_rbio(ssl);

	(void)ret;
	if (where != SSL_CB_HANDSHAKE_START)
		return;
	BIO_set_callback_arg(bio,
	    SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), slot));
	BIO_set_callback_ex(bio, on_read);
}

void
tls_deadline(SSL_CTX *ctx, const int64_t *deadline)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, take_slot);
	if (SSL_CTX_set_ex_data(ctx, slot,
	    (void *)(uintptr_t)deadline) != 1)
		fatal("SSL_CTX_set_ex_data failed");
	SSL_CTX_set_info_callback(ctx, on_handshake);
}
