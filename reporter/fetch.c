#include "reporter/fetch.h"

#include <netdb.h>
#include <sys/socket.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "conf/mem.h"
#include "reporter/address.h"
#include "reporter/ascii.h"
#include "reporter/curl_must.h"

#define PORT_HTTPS	443
#define HEADERS_MAX	(64 << 10)	/* all of them, 1xx too */
#define URL_SIZE	320		/* a domain and what is around it */

struct transfer {
	struct fetch *f;
	const struct fetch_config *c;
	CURL *easy;
	struct curl_slist *resolve, *connect_to;
	size_t headers;
	bool endless;			/* they went beyond HEADERS_MAX */
	char refused[160];		/* an address that we must not use */
	char error[CURL_ERROR_SIZE];
};

static size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	(void)p;
	t->headers += size * n;
	t->endless = t->headers > HEADERS_MAX;
	return t->endless ? 0 : size * n;
}

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	struct fetch *f = t->f;
	size_t len = size * n, room = FETCH_BODY_MAX - f->len;

	f->too_long = len > room;
	if (f->too_long)
		len = room;
	memcpy(f->body + f->len, p, len);
	f->len += len;
	return f->too_long ? 0 : len;
}

/* Here, so that what is judged is what is used: see https_post.c. */
static curl_socket_t
on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct transfer *t = arg;
	char text[NI_MAXHOST] = "?";
	const char *why;

	(void)purpose;
	if (!t->c->allow_private &&
	    (why = address_refuse(&a->addr)) != NULL) {
		getnameinfo(&a->addr, a->addrlen, text, sizeof(text), NULL, 0,
		    NI_NUMERICHOST);
		(void)fmt(t->refused, sizeof(t->refused),
		    "%s is not for us to use: %s", text, why);
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

static CURLcode
on_context(CURL *easy, void *ctx, void *arg)
{
	struct transfer *t = arg;

	(void)easy;
	chain_collect(ctx, &t->f->chain);
	return CURLE_OK;
}

static void
set_up_curl(void)
{
	curl_must(curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK,
	    "curl_global_init");
}

/*
 * It is chain_judge that looks at the certificate, so libcurl is to look at
 * none and need not read any CAs: this way all that is wrong comes out, and
 * what is served behind a bad certificate, too.
 */
static void
set_tls(struct transfer *t)
{
	SET(t->easy, CURLOPT_SSL_VERIFYPEER, 0L);
	SET(t->easy, CURLOPT_SSL_VERIFYHOST, 0L);
	SET(t->easy, CURLOPT_CAINFO, NULL);
	SET(t->easy, CURLOPT_CAPATH, NULL);
	SET(t->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(t->easy, CURLOPT_SSL_CTX_FUNCTION, on_context);
	SET(t->easy, CURLOPT_SSL_CTX_DATA, t);
}

static void
set_up(struct transfer *t, struct fetch *f, const struct fetch_config *c,
    const char *url)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, set_up_curl);
	*f = (struct fetch){ .body = xcalloc(1, FETCH_BODY_MAX + 1) };
	*t = (struct transfer){ .f = f, .c = c, .easy = curl_easy_init() };
	curl_must(t->easy == NULL, "curl_easy_init");
	SET(t->easy, CURLOPT_URL, url);
	SET(t->easy, CURLOPT_ERRORBUFFER, t->error);
	SET(t->easy, CURLOPT_NOSIGNAL, 1L);
	SET(t->easy, CURLOPT_PROTOCOLS_STR, "https");
	SET(t->easy, CURLOPT_FOLLOWLOCATION, 0L);
	SET(t->easy, CURLOPT_PROXY, "");	/* whatever the environment says */
	SET(t->easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	SET(t->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	SET(t->easy, CURLOPT_USERAGENT, c->user_agent);
	/* The first bounds all: connecting, and a byte at a time. */
	SET(t->easy, CURLOPT_TIMEOUT, c->timeout);
	SET(t->easy, CURLOPT_CONNECTTIMEOUT, (c->timeout + 1) / 2);
	SET(t->easy, CURLOPT_HEADERFUNCTION, on_header);
	SET(t->easy, CURLOPT_HEADERDATA, t);
	SET(t->easy, CURLOPT_WRITEFUNCTION, on_body);
	SET(t->easy, CURLOPT_WRITEDATA, t);
	SET(t->easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	SET(t->easy, CURLOPT_OPENSOCKETDATA, t);
	set_tls(t);
}

static void
append(struct curl_slist **list, const char *text)
{
	struct curl_slist *longer = curl_slist_append(*list, text);

	curl_must(longer == NULL, "curl_slist_append");
	*list = longer;
}

/* So that libcurl has nothing to look up itself. */
static void
set_addresses(struct transfer *t, const char *host, unsigned port,
    const char *const *addresses, size_t n)
{
	char *text;
	size_t len;
	FILE *out = xmemstream(&text, &len);

	fprintf(out, "%s:%u:", host, port);
	for (size_t i = 0; i < n; i++)
		fprintf(out, strchr(addresses[i], ':') ? "%s[%s]" : "%s%s",
		    i > 0 ? "," : "", addresses[i]);
	xmemclose(out);
	append(&t->resolve, text);
	SET(t->easy, CURLOPT_RESOLVE, t->resolve);
	free(text);
}

static void
set_port(struct transfer *t, const char *host, unsigned port)
{
	char *text = xasprintf("%s:%d:%s:%u", host, PORT_HTTPS, host, port);

	append(&t->connect_to, text);
	SET(t->easy, CURLOPT_CONNECT_TO, t->connect_to);
	free(text);
}

/* --- what came of it ----------------------------------------------------- */

static enum fetch_stage
stage(struct transfer *t, CURLcode code)
{
	curl_off_t connected = 0, secured = 0;
	long status = 0;

	curl_easy_getinfo(t->easy, CURLINFO_CONNECT_TIME_T, &connected);
	curl_easy_getinfo(t->easy, CURLINFO_APPCONNECT_TIME_T, &secured);
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 200 && !t->endless)
		return code == CURLE_OK ? FETCH_COMPLETE : FETCH_ANSWERED;
	if (secured > 0)
		return FETCH_SECURED;
	return connected > 0 ? FETCH_CONNECTED : FETCH_NOWHERE;
}

static char *
words(struct transfer *t, CURLcode code)
{
	if (t->f->guarded)
		return xstrdup(t->refused);
	if (t->f->too_long)
		return xasprintf("more than %d bytes", FETCH_BODY_MAX);
	if (t->endless)
		return xasprintf("more than %d bytes of headers", HEADERS_MAX);
	if (t->f->late)
		return xasprintf("no answer within %ld s", t->c->timeout);
	return xstrdup(t->error[0] != '\0' ? t->error :
	    curl_easy_strerror(code));
}

static void
note_answer(struct transfer *t)
{
	struct fetch *f = t->f;
	const char *text = NULL;

	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &f->status);
	curl_easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &text);
	if (text != NULL)
		ascii_copy(f->type, sizeof(f->type), text, strlen(text));
	text = NULL;
	curl_easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &text);
	if (text != NULL)
		ascii_copy(f->location, sizeof(f->location), text,
		    strlen(text));
}

static void
run(struct transfer *t, const char *host)
{
	struct fetch *f = t->f;
	CURLcode code = curl_easy_perform(t->easy);
	const char *address = NULL;

	f->stage = stage(t, code);
	curl_easy_getinfo(t->easy, CURLINFO_PRIMARY_IP, &address);
	if (address != NULL && f->stage > FETCH_NOWHERE)
		(void)fmt(f->address, sizeof(f->address), "%s", address);
	f->guarded = f->stage == FETCH_NOWHERE && t->refused[0] != '\0';
	f->late = code == CURLE_OPERATION_TIMEDOUT;
	if (code != CURLE_OK)
		f->why = words(t, code);
	if (f->stage >= FETCH_ANSWERED)
		note_answer(t);
	if (f->stage >= FETCH_SECURED || f->chain.certs != NULL)
		chain_judge(&f->chain, t->c->store, host, t->c->now);
	if (f->stage >= FETCH_SECURED && f->chain.version != NULL)
		(void)fmt(f->version, sizeof(f->version), "%s",
		    f->chain.version);
}

static void
finish(struct transfer *t)
{
	curl_easy_cleanup(t->easy);
	curl_slist_free_all(t->resolve);
	curl_slist_free_all(t->connect_to);
}

void
fetch_policy(struct fetch *f, const struct fetch_config *c,
    const char *domain, const char *const *addresses, size_t n)
{
	char url[URL_SIZE] = "", host[URL_SIZE] = "";
	struct transfer t;

	(void)fmt(host, sizeof(host), "mta-sts.%s", domain);
	(void)fmt(url, sizeof(url), "https://%s/.well-known/mta-sts.txt", host);
	set_up(&t, f, c, url);
	if (n == 0) {
		f->why = xstrdup("it has no address");
	} else {
		set_addresses(&t, host, c->port ? c->port : PORT_HTTPS,
		    addresses, n);
		if (c->port != 0)
			set_port(&t, host, c->port);
		run(&t, host);
	}
	finish(&t);
}

void
fetch_hello(struct fetch *f, const struct fetch_config *c, const char *host,
    unsigned port, const char *const *addresses, size_t n)
{
	char url[URL_SIZE] = "", bare[URL_SIZE] = "";
	bool is_v6 = host[0] == '[';
	struct transfer t;

	(void)fmt(url, sizeof(url), "https://%s:%u/", host, port);
	(void)fmt(bare, sizeof(bare), "%.*s", (int)strlen(host) - 2 * is_v6,
	    host + is_v6);
	set_up(&t, f, c, url);
	SET(t.easy, CURLOPT_CONNECT_ONLY, 1L);
	if (n == 0) {
		f->why = xstrdup("it has no address");
	} else {
		set_addresses(&t, bare, port, addresses, n);
		run(&t, bare);
	}
	finish(&t);
}

void
fetch_release(struct fetch *f)
{
	if (f == NULL)
		return;
	free(f->why);
	free(f->body);
	chain_release(&f->chain);
	*f = (struct fetch){ 0 };
}
