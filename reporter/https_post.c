#include "reporter/https_post.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/clock.h"
#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/curl_socket.h"
#include "reporter/gzip.h"
#include "reporter/tls_guard.h"

/* What an answer may cost us; its body is of no use to us at all. */
#define HEADERS_MAX	(64 << 10)	/* all of them, 1xx too */
#define BODY_MAX	(64 << 10)
#define BODY_MS		5000
#define SLOW_MIN	5		/* seconds, at least; see post_new */
#define RETRY_AFTER_MAX	(7 * 86400L)	/* seconds */

#define UNPACKED_MAX	(256 << 20)	/* our own report, for a 415 */

/*
 * The status counts once the header section that it leads is complete: then
 * the far end has said what it had to say (RFC 8460 section 5.4).
 */
static size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
	struct post *post = arg;
	size_t len = size * n;
	long status = 0;

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
	} else if (len > 0 && (*p == '\r' || *p == '\n')) {
		curl_easy_getinfo(post->easy, CURLINFO_RESPONSE_CODE, &status);
		post->complete = status >= 200;	/* not "100 Continue" */
		post->completed = clock_ms();
	}
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

/* A body that does not end is not waited for: the status is known. */
static int
on_progress(void *arg, curl_off_t dltotal, curl_off_t dlnow,
    curl_off_t ultotal, curl_off_t ulnow)
{
	struct post *post = arg;

	(void)dltotal, (void)dlnow, (void)ultotal, (void)ulnow;
	return post->complete &&
	    clock_ms() - post->completed > BODY_MS;
}

static curl_socket_t
on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct post *post = arg;

	(void)purpose;
	return curl_socket(a, post->https->allow_private, post->refused,
	    sizeof(post->refused));
}

static CURLcode
on_context(CURL *easy, void *ctx, void *arg)
{
	(void)easy, (void)arg;
	tls_guard(ctx);
	return CURLE_OK;
}

static void
set_peer_check(CURL *easy, const struct https *h)
{
	const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);

	SET(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(easy, CURLOPT_SSL_CTX_FUNCTION, on_context);
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

struct post *
post_new(struct https *h)
{
	struct post *post = xcalloc(1, sizeof(*post));
	CURL *easy = curl_easy_init();
	long half = (h->timeout + 1) / 2;

	curl_must(easy == NULL, "curl_easy_init");
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
	/* Streams of HTTP/2 now and then do not end: libcurl 7.88. */
	SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(easy, CURLOPT_USERAGENT, h->user_agent);
	/*
	 * The first bounds all.  Half of it has to do for the connection, and
	 * then for a silence, which libcurl takes header lines for, too: who
	 * sends them a byte at a time holds a place that others wait for.
	 */
	SET(easy, CURLOPT_TIMEOUT, h->timeout);
	SET(easy, CURLOPT_CONNECTTIMEOUT, half);
	SET(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	SET(easy, CURLOPT_LOW_SPEED_TIME, half < SLOW_MIN ? SLOW_MIN : half);
	SET(easy, CURLOPT_HEADERFUNCTION, on_header);
	SET(easy, CURLOPT_HEADERDATA, post);
	SET(easy, CURLOPT_WRITEFUNCTION, on_body);
	SET(easy, CURLOPT_WRITEDATA, post);
	SET(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(easy, CURLOPT_XFERINFODATA, post);
	SET(easy, CURLOPT_NOPROGRESS, 0L);
	SET(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
	SET(easy, CURLOPT_OPENSOCKETDATA, post);
	SET(easy, CURLOPT_POST, 1L);
	set_peer_check(easy, h);
	post->next = h->all;
	h->all = post;
	return post;
}

void
post_free(struct post *post)
{
	curl_easy_cleanup(post->easy);
	free(post->json);
	free(post);
}

void
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
	curl_must(curl_multi_add_handle(h->multi, post->easy) != CURLM_OK,
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

/*
 * The status, or 0 when there is none to rely on.  It stands even if the rest
 * of the answer was cut, by us for its length or time, or by the far end.
 * Some answer before they have read the report and then hang up, as they may
 * (RFC 9112 section 9.6); libcurl takes that for an error.
 */
static int
answered(struct post *post)
{
	long status = 0;

	curl_easy_getinfo(post->easy, CURLINFO_RESPONSE_CODE, &status);
	return post->complete ? (int)status : 0;
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
	else if (code == CURLE_COULDNT_CONNECT && post->refused[0] != '\0')
		/* A name may lead elsewhere tomorrow, an address may not. */
		result_set(r, names_address(post) ? REFUSED : DEFERRED, 0,
		    "its address %s", post->refused);
	else if (code == CURLE_OK)
		result_set(r, o, 0, "the answer ends within its headers");
	else
		result_set(r, o, 0, "%s", post->error[0] != '\0' ?
		    post->error : curl_easy_strerror(code));
}

bool
post_result(struct post *post, CURLcode code, struct result *r)
{
	int status = answered(post);

	curl_multi_remove_handle(post->https->multi, post->easy);
	if (status == 415 && post_as_json(post))
		return false;
	if (status != 0)
		set_answer(r, post, status);
	else
		set_error(r, post, code);
	free(post->json);
	post->json = NULL;
	return true;
}
