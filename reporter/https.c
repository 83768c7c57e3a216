#include "reporter/https.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <curl/curl.h>
#include <openssl/err.h>
#include <openssl/x509.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/address.h"
#include "reporter/gzip.h"

/* What an answer may cost us; its body is of no use to us at all. */
#define HEADERS_MAX	(64 << 10)	/* all of them, 1xx too */
#define BODY_MAX	(64 << 10)
#define RETRY_AFTER_MAX	(7 * 86400L)	/* seconds */

#define UNPACKED_MAX	(256 << 20)	/* our own report, for a 415 */
#define FILES_PER_POST	3		/* a socket, and a pair to resolve */
#define FILES_BESIDE	128

struct post {
	LIST_ENTRY(post) entry;		/* under way, or spare */
	struct https *https;
	CURL *easy;
	https_fn *done;
	void *arg;

	const void *body;
	size_t len;
	char *json;			/* body unpacked, after a 415 */

	size_t headers, answer;		/* bytes that came */
	bool complete;			/* …the header section did */
	bool endless;			/* …and went beyond its maximum */
	char status_line[80];
	char refused[160];		/* an address that we must not use */
	char error[CURL_ERROR_SIZE];
};

LIST_HEAD(posts, post);

struct https {
	CURLM *multi;
	struct posts active, spare;
	size_t nactive;
	bool allow_private, verify;
	long timeout;
	char *ca_file, *user_agent;
	struct curl_slist *gzip_headers, *json_headers;
};

/* Of libcurl and OpenSSL: known options of good types fail without memory. */
static void
must(int failed, const char *what)
{
	if (failed)
		fatal("https: %s failed", what);
}

#define SET(easy, option, value) \
	must(curl_easy_setopt(easy, option, value) != CURLE_OK, #option)
#define SET_MULTI(multi, option, value) \
	must(curl_multi_setopt(multi, option, value) != CURLM_OK, #option)

/* Called back by libcurl. */

/*
 * The status counts once the header section that it leads is complete: then
 * the far end has said what it had to say (RFC 8460 section 5.4).
 */
static size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
	struct post *post = arg;
	size_t len = size * n;

	post->headers += len;
	if (post->headers > HEADERS_MAX) {
		post->endless = true;
		return 0;		/* ends the transfer */
	}
	if (len >= 5 && strncasecmp(p, "HTTP/", 5) == 0) {
		size_t keep = len < sizeof(post->status_line) ? len :
		    sizeof(post->status_line) - 1;

		memcpy(post->status_line, p, keep);
		post->status_line[keep] = '\0';
		post->complete = false;
	} else if (len > 0 && (*p == '\r' || *p == '\n'))
		post->complete = true;
	return len;
}

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct post *post = arg;

	(void)p;
	post->answer += size * n;
	return post->answer > BODY_MAX ? 0 : size * n;
}

/*
 * Here and not when the name is looked up, so that what is judged is what is
 * used (RFC 8460 section 7: a record can name anybody's hosts, ours too).
 */
static curl_socket_t
on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct post *post = arg;
	char text[INET6_ADDRSTRLEN] = "?";
	const char *why;

	(void)purpose;
	if (!post->https->allow_private &&
	    (why = address_refuse(&a->addr)) != NULL) {
		const struct sockaddr_in *v4 = (const void *)&a->addr;
		const struct sockaddr_in6 *v6 = (const void *)&a->addr;

		inet_ntop(a->family, a->family == AF_INET ?
		    (const void *)&v4->sin_addr : &v6->sin6_addr,
		    text, sizeof(text));
		fmt(post->refused, sizeof(post->refused),
		    "its address %s is not for us to use: %s", text, why);
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* One POST. */

static void
set_peer_check(CURL *easy, const struct https *h)
{
	const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);

	SET(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(easy, CURLOPT_SSL_VERIFYPEER, h->verify ? 1L : 0L);
	SET(easy, CURLOPT_SSL_VERIFYHOST, h->verify ? 2L : 0L);
	if (h->ca_file != NULL)
		SET(easy, CURLOPT_CAINFO, h->ca_file);
	/*
	 * Without a folder of certificates to look into, libcurl reads the
	 * file once and not for each connection; and ca_file means that file.
	 */
	if (h->ca_file != NULL || v->cainfo != NULL)
		SET(easy, CURLOPT_CAPATH, NULL);
}

static struct post *
post_new(struct https *h)
{
	struct post *post = xcalloc(1, sizeof(*post));
	CURL *easy = curl_easy_init();

	must(easy == NULL, "curl_easy_init");
	post->https = h;
	post->easy = easy;
	SET(easy, CURLOPT_PRIVATE, post);
	SET(easy, CURLOPT_ERRORBUFFER, post->error);
	SET(easy, CURLOPT_NOSIGNAL, 1L);
	/* A name server that does not answer holds up only its own post. */
	SET(easy, CURLOPT_QUICK_EXIT, 1L);
	SET(easy, CURLOPT_PROTOCOLS_STR, "https");
	SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
	SET(easy, CURLOPT_PROXY, "");	/* whatever the environment says */
	SET(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	SET(easy, CURLOPT_USERAGENT, h->user_agent);
	/* The first bounds all: names, connecting, and a byte at a time. */
	SET(easy, CURLOPT_TIMEOUT, h->timeout);
	SET(easy, CURLOPT_CONNECTTIMEOUT, (h->timeout + 1) / 2);
	SET(easy, CURLOPT_HEADERFUNCTION, on_header);
	SET(easy, CURLOPT_HEADERDATA, post);
	SET(easy, CURLOPT_WRITEFUNCTION, on_body);
	SET(easy, CURLOPT_WRITEDATA, post);
	SET(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	SET(easy, CURLOPT_OPENSOCKETDATA, post);
	SET(easy, CURLOPT_POST, 1L);
	set_peer_check(easy, h);
	return post;
}

static void
post_free(struct post *post)
{
	curl_easy_cleanup(post->easy);
	free(post->json);
	free(post);
}

static void
post_start(struct post *post)
{
	struct https *h = post->https;

	post->headers = post->answer = 0;
	post->complete = post->endless = false;
	post->status_line[0] = post->refused[0] = post->error[0] = '\0';
	SET(post->easy, CURLOPT_POSTFIELDS,
	    post->json ? post->json : (const char *)post->body);
	SET(post->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)post->len);
	SET(post->easy, CURLOPT_HTTPHEADER,
	    post->json ? h->json_headers : h->gzip_headers);
	must(curl_multi_add_handle(h->multi, post->easy) != CURLM_OK,
	    "curl_multi_add_handle");
}

/* A receiver that knows no gzip (RFC 8460 section 5.2 leaves it to us). */
static bool
post_as_json(struct post *post)
{
	const char *why;
	size_t len;

	if (post->json != NULL)
		return false;
	post->json = gzip_unpack(post->body, post->len, UNPACKED_MAX, &len,
	    &why);
	if (post->json == NULL)
		return false;
	post->len = len;
	post_start(post);
	return true;
}

/* Results. */

/*
 * The status, or 0 when there is none to rely on.  It stands even if the rest
 * of the answer was cut, by us for its length or by the far end.  Over HTTP/2
 * some answer before they have read it all and then end the stream, as they
 * may (RFC 9113 section 8.1), which libcurl takes for an error.
 */
static int
answered(struct post *post)
{
	long status = 0;

	curl_easy_getinfo(post->easy, CURLINFO_RESPONSE_CODE, &status);
	return post->complete && !post->endless && status >= 200 ?
	    (int)status : 0;
}

static bool
names_address(struct post *post)
{
	unsigned char address[sizeof(struct in6_addr)];
	CURLU *parts = curl_url();
	char *url = NULL, *host = NULL;
	bool is = false;

	curl_easy_getinfo(post->easy, CURLINFO_EFFECTIVE_URL, &url);
	if (curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK)
		is = host[0] == '[' || inet_pton(AF_INET, host, address) == 1;
	curl_free(host);
	curl_url_cleanup(parts);
	return is;
}

static void
set_answer(struct result *r, struct post *post, int status)
{
	curl_off_t after = 0;

	result_set(r, outcome_http(status), status, "%s%s",
	    post->json ? "as JSON: " : "", post->status_line);
	curl_easy_getinfo(post->easy, CURLINFO_RETRY_AFTER, &after);
	if (r->outcome == DEFERRED && after > 0)
		r->retry_after = after < RETRY_AFTER_MAX ? (long)after :
		    RETRY_AFTER_MAX;
}

/* Does it fail for what the URL says, which will not get better? */
static bool
is_bad_url(struct post *post, CURLcode code)
{
	curl_off_t begun = 0;

	switch (code) {
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT:
	case CURLE_LOGIN_DENIED:	/* a user name in it */
		/* A far end that speaks no HTTP is called unsupported too. */
		curl_easy_getinfo(post->easy, CURLINFO_PRETRANSFER_TIME_T,
		    &begun);
		return begun == 0;
	default:
		return false;
	}
}

/* No answer: worth trying again, as a rule. */
static void
set_error(struct result *r, struct post *post, CURLcode code)
{
	enum outcome o = is_bad_url(post, code) ? REFUSED : DEFERRED;

	if (post->endless)
		result_set(r, o, 0, "more than %d bytes of headers",
		    HEADERS_MAX);
	else if (post->refused[0] != '\0')
		/* A name may lead elsewhere tomorrow, an address may not. */
		result_set(r, names_address(post) ? REFUSED : DEFERRED, 0,
		    "%s", post->refused);
	else if (code == CURLE_OK)
		result_set(r, o, 0, "the answer ends within its headers");
	else
		result_set(r, o, 0, "%s", post->error[0] != '\0' ?
		    post->error : curl_easy_strerror(code));
}

static void
post_finish(struct post *post, CURLcode code)
{
	struct https *h = post->https;
	int status = answered(post);
	struct result r;

	curl_multi_remove_handle(h->multi, post->easy);
	if (status == 415 && post_as_json(post))
		return;
	if (status != 0)
		set_answer(&r, post, status);
	else
		set_error(&r, post, code);
	free(post->json);
	post->json = NULL;
	LIST_REMOVE(post, entry);
	LIST_INSERT_HEAD(&h->spare, post, entry);
	h->nactive--;
	post->done(post->arg, &r);	/* may start another */
}

/* The lot. */

static void
set_up_curl(void)
{
	must(curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK,
	    "curl_global_init");
	/* With CURLOPT_NOSIGNAL this is left to us. */
	signal(SIGPIPE, SIG_IGN);
}

static int
check_ca_file(const char *file, char **why)
{
	X509_STORE *store = X509_STORE_new();
	int ok;

	must(store == NULL, "X509_STORE_new");
	ERR_clear_error();
	if ((ok = X509_STORE_load_file(store, file)) != 1)
		*why = xasprintf("%s: no certificates: %s", file,
		    ERR_reason_error_string(ERR_peek_last_error()));
	X509_STORE_free(store);
	return ok == 1 ? 0 : -1;
}

/* The usual 1,024 files are too few for many posts. */
static void
allow_files(long parallel)
{
	rlim_t need = (rlim_t)(parallel * FILES_PER_POST + FILES_BESIDE);
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1 || limit.rlim_cur >= need)
		return;
	limit.rlim_cur = need < limit.rlim_max ? need : limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
		log_warn("cannot have %llu files open: %m",
		    (unsigned long long)need);
}

static struct curl_slist *
headers_new(const char *content_type)
{
	struct curl_slist *list = curl_slist_append(NULL, content_type);

	/* No "100 Continue" first: a round trip more, and not all know it. */
	must(list == NULL || curl_slist_append(list, "Expect:") == NULL,
	    "curl_slist_append");
	return list;
}

struct https *
https_new(const struct https_config *c, char **why)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct https *h;

	*why = NULL;
	if (c->ca_file != NULL && check_ca_file(c->ca_file, why) == -1)
		return NULL;
	pthread_once(&once, set_up_curl);
	allow_files(c->parallel);
	h = xcalloc(1, sizeof(*h));
	LIST_INIT(&h->active);
	LIST_INIT(&h->spare);
	h->allow_private = c->allow_private;
	h->verify = c->verify;
	h->timeout = c->timeout;
	h->ca_file = c->ca_file ? xstrdup(c->ca_file) : NULL;
	h->user_agent = xstrdup(c->user_agent ? c->user_agent : "tlsrpt");
	h->gzip_headers = headers_new("Content-Type: application/tlsrpt+gzip");
	h->json_headers = headers_new("Content-Type: application/tlsrpt+json");
	h->multi = curl_multi_init();
	must(h->multi == NULL, "curl_multi_init");
	SET_MULTI(h->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	SET_MULTI(h->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, c->parallel);
	SET_MULTI(h->multi, CURLMOPT_MAX_HOST_CONNECTIONS, c->per_host);
	SET_MULTI(h->multi, CURLMOPT_MAXCONNECTS, c->parallel);
	return h;
}

void
https_free(struct https *h)
{
	struct post *post;

	if (h == NULL)
		return;
	while ((post = LIST_FIRST(&h->active)) != NULL) {
		curl_multi_remove_handle(h->multi, post->easy);
		LIST_REMOVE(post, entry);
		post_free(post);
	}
	while ((post = LIST_FIRST(&h->spare)) != NULL) {
		LIST_REMOVE(post, entry);
		post_free(post);
	}
	curl_multi_cleanup(h->multi);
	curl_slist_free_all(h->gzip_headers);
	curl_slist_free_all(h->json_headers);
	free(h->ca_file);
	free(h->user_agent);
	free(h);
}

void
https_post(struct https *h, const char *url, const void *body, size_t len,
    https_fn *done, void *arg)
{
	struct post *post = LIST_FIRST(&h->spare);

	if (post != NULL)
		LIST_REMOVE(post, entry);
	else
		post = post_new(h);
	LIST_INSERT_HEAD(&h->active, post, entry);
	h->nactive++;
	post->done = done;
	post->arg = arg;
	post->body = body;
	post->len = len;
	SET(post->easy, CURLOPT_URL, url);
	post_start(post);
}

size_t
https_active(const struct https *h)
{
	return h->nactive;
}

/* Do what can be done now; how many posts ended. */
static unsigned
work(struct https *h)
{
	unsigned ended = 0;
	int running, left;
	CURLMsg *m;

	must(curl_multi_perform(h->multi, &running) != CURLM_OK,
	    "curl_multi_perform");
	while ((m = curl_multi_info_read(h->multi, &left)) != NULL) {
		struct post *post = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &post);
		post_finish(post, m->data.result);
		ended++;
	}
	return ended;
}

void
https_poll(struct https *h, int ms)
{
	if (work(h) > 0)
		return;
	must(curl_multi_poll(h->multi, NULL, 0, ms, NULL) != CURLM_OK,
	    "curl_multi_poll");
	work(h);
}

void
https_wake(struct https *h)
{
	curl_multi_wakeup(h->multi);
}
