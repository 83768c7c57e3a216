#include "reporter/tls_guard.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include <openssl/bio.h>

#include "conf/log.h"
#include "conf/mem.h"

static int slot;	/* of a connection's data: its count of reads */

static void
forget(void *parent, void *ptr, CRYPTO_EX_DATA *ad, int idx, long argl,
    void *argp)
{
	(void)parent, (void)ad, (void)idx, (void)argl, (void)argp;
	free(ptr);
}

static void
take_slot(void)
{
	slot = SSL_get_ex_new_index(0, NULL, NULL, NULL, forget);
	if (slot == -1)
		fatal("SSL_get_ex_new_index failed");
}

static long
on_read(BIO *bio, int oper, const char *argp, size_t len, int argi, long argl,
    int ret, size_t *processed)
{
	unsigned *reads = (void *)BIO_get_callback_arg(bio);

	(void)argp, (void)len, (void)argi, (void)argl, (void)processed;
	if (oper == (BIO_CB_READ | BIO_CB_RETURN))
		*reads = ret > 0 ? *reads + 1 : 0;
	if (oper != BIO_CB_READ || *reads < GUARD_MAX)
		return ret;
	BIO_clear_retry_flags(bio);	/* an error, not "not yet" */
	errno = EPROTO;
	return -1;
}

/* The one chance to get hold of a connection that libcurl makes. */
static void
on_handshake(const SSL *const_ssl, int where, int ret)
{
	SSL *ssl = (SSL *)(uintptr_t)const_ssl;
	BIO *bio = SSL_get_rbio(ssl);
	unsigned *reads;

	(void)ret;
	if (where != SSL_CB_HANDSHAKE_START ||
	    SSL_get_ex_data(ssl, slot) != NULL)
		return;
	reads = xcalloc(1, sizeof(*reads));
	if (SSL_set_ex_data(ssl, slot, reads) != 1)
		fatal("SSL_set_ex_data failed");
	BIO_set_callback_arg(bio, (char *)reads);
	BIO_set_callback_ex(bio, on_read);
}

void
tls_guard(SSL_CTX *ctx)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, take_slot);
	SSL_CTX_set_info_callback(ctx, on_handshake);
}
