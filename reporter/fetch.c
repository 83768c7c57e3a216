#include "reporter/fetch.h"

#include <netdb.h>
#include <sys/socket.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "conf/clock.h"
#include "conf/mem.h"
#include "reporter/ascii.h"
#include "reporter/curl_must.h"
#include "reporter/curl_socket.h"
#include "reporter/tls_guard.h"

#define PORT_HTTPS	443
#define HEADERS_MAX	(64 << 10)	/* all of them, 1xx too */
#define URL_SIZE	320		/* a domain and what is around it */

struct transfer {
	struct fetch *f;
	const struct fetch_config *c;
	CURL *easy;
	struct curl_slist *resolve, *connect_to;
	int64_t deadline;		/* clock_ms */
	bool connected;			/* TLS began */
	size_t headers;
	bool answered;			/* …of a status are complete */
	bool endless;			/* they went beyond HEADERS_MAX */
	char refused[160];		/* an address that we must not use */
	char error[CURL_ERROR_SIZE];
};

static size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	long status = 0;

	t->headers += size * n;
	if (size * n > 0 && (*p == '\r' || *p == '\n')) {
		curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
		t->answered = status >= 200;	/* not "100 Continue" */
	}
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

static curl_socket_t
on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct transfer *t = arg;

	(void)purpose;
	return curl_socket(a, t->c->allow_private, t->refused,
	    sizeof(t->refused));
}

static CURLcode
on_context(CURL *easy, void *ctx, void *arg)
{
	struct transfer *t = arg;

	(void)easy;
	t->connected = true;
	chain_collect(ctx, &t->f->chain);
	tls_guard(ctx);
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
	*t = (struct transfer){ .f = f, .c = c, .easy = curl_easy_init(),
	    .deadline = clock_ms() + (int64_t)c->timeout * 1000 };
	curl_must(t->easy == NULL, "curl_easy_init");
	SET(t->easy, CURLOPT_URL, url);
	SET(t->easy, CURLOPT_ERRORBUFFER, t->error);
	SET(t->easy, CURLOPT_NOSIGNAL, 1L);
	SET(t->easy, CURLOPT_PROTOCOLS_STR, "https");
	SET(t->easy, CURLOPT_FOLLOWLOCATION, 0L);
	SET(t->easy, CURLOPT_PROXY, "");	/* not the environment's */
	SET(t->easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	SET(t->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	SET(t->easy, CURLOPT_USERAGENT, c->user_agent);
	SET(t->easy, CURLOPT_HEADERFUNCTION, on_header);
	SET(t->easy, CURLOPT_HEADERDATA, t);
	SET(t->easy, CURLOPT_WRITEFUNCTION, on_body);
	SET(t->easy, CURLOPT_WRITEDATA, t);
	SET(t->easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	SET(t->easy, CURLOPT_OPENSOCKETDATA, t);
	set_tls(t);
}

static struct curl_slist *
list_of(char *text)
{
	struct curl_slist *list = curl_slist_append(NULL, text);

	curl_must(list == NULL, "curl_slist_append");
	free(text);
	return list;
}

/*
 * So that libcurl has nothing to look up itself.  An IPv6 address as host is
 * in the URL already, and not to be written here.
 */
static void
set_address(struct transfer *t, const char *host, unsigned port,
    const char *address)
{
	if (strchr(host, ':') != NULL)
		return;
	curl_slist_free_all(t->resolve);
	t->resolve = list_of(xasprintf(strchr(address, ':') != NULL ?
	    "%s:%u:[%s]" : "%s:%u:%s", host, port, address));
	SET(t->easy, CURLOPT_RESOLVE, t->resolve);
}

/* What is left, of which each of n addresses may take its share to connect. */
static void
set_timeout(struct transfer *t, size_t n)
{
	int64_t left = t->deadline - clock_ms();

	if (left < 1)
		left = 1;
	SET(t->easy, CURLOPT_TIMEOUT_MS, (long)left);
	SET(t->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)left / (long)n + 1);
}

static void
set_port(struct transfer *t, const char *host, unsigned port)
{
	t->connect_to = list_of(xasprintf("%s:%d:%s:%u", host, PORT_HTTPS,
	    host, port));
	SET(t->easy, CURLOPT_CONNECT_TO, t->connect_to);
}

/* --- what came of it -------------------------------------------------- */

static enum fetch_stage
stage(struct transfer *t, CURLcode code)
{
	curl_off_t secured = 0;

	curl_easy_getinfo(t->easy, CURLINFO_APPCONNECT_TIME_T, &secured);
	if (t->answered)
		return code == CURLE_OK ? FETCH_COMPLETE : FETCH_ANSWERED;
	if (secured > 0)
		return FETCH_SECURED;
	return t->connected ? FETCH_CONNECTED : FETCH_NOWHERE;
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
try_address(struct transfer *t, const char *address)
{
	struct fetch *f = t->f;
	CURLcode code;

	t->refused[0] = t->error[0] = '\0';
	free(f->why);
	f->why = NULL;
	code = curl_easy_perform(t->easy);
	f->stage = stage(t, code);
	f->late = code == CURLE_OPERATION_TIMEDOUT;
	f->guarded = f->stage == FETCH_NOWHERE && t->refused[0] != '\0';
	if (code != CURLE_OK)
		f->why = words(t, code);
	if (f->stage > FETCH_NOWHERE)
		(void)fmt(f->address, sizeof(f->address), "%s", address);
}

/* One after the other, until one of them takes a connection. */
static void
run(struct transfer *t, const char *host, unsigned port,
    const char *const *addresses, size_t n)
{
	struct fetch *f = t->f;
	bool guarded = n > 0;

	f->why = n == 0 ? xstrdup("it has no address") : NULL;
	for (size_t i = 0; i < n && f->stage == FETCH_NOWHERE; i++) {
		set_address(t, host, port, addresses[i]);
		set_timeout(t, n - i);
		try_address(t, addresses[i]);
		guarded = guarded && f->guarded;
	}
	f->guarded = guarded;
	f->body = xreallocarray(f->body, f->len + 1, 1);
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
	if (c->port != 0)
		set_port(&t, host, c->port);
	run(&t, host, c->port ? c->port : PORT_HTTPS, addresses, n);
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
	run(&t, bare, port, addresses, n);
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
