#include "reporter/https_post.h"

#include <sys/resource.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/chain.h"

#define FILES_PER_POST	3		/* a socket, and a pair to resolve */
#define FILES_BESIDE	128
#define KEPT_MAX	2048L		/* some 25 KB each */

static void
set_up_curl(void)
{
	curl_must(curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK,
	    "curl_global_init");
	/* With CURLOPT_NOSIGNAL this is left to us. */
	signal(SIGPIPE, SIG_IGN);
}

static int
check_ca_file(const char *file, char **why)
{
	X509_STORE *store = chain_store(file, why);

	X509_STORE_free(store);
	return store != NULL ? 0 : -1;
}

/*
 * The usual 1,024 files are too few for many posts.  How many idle connections
 * can be kept beside them: a host's next turn should not need new ones.
 */
static long
allow_files(long parallel)
{
	rlim_t posts = (rlim_t)(parallel * FILES_PER_POST + FILES_BESIDE);
	rlim_t need = posts + KEPT_MAX;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return 0;
	if (limit.rlim_cur < need) {
		limit.rlim_cur = need < limit.rlim_max ? need : limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) == -1) {
			log_warn("cannot have %llu files open: %m",
			    (unsigned long long)need);
			return 0;
		}
	}
	if (limit.rlim_cur >= need)
		return KEPT_MAX;
	return limit.rlim_cur > posts ? (long)(limit.rlim_cur - posts) : 0;
}

static struct curl_slist *
headers_new(const char *content_type)
{
	struct curl_slist *list = curl_slist_append(NULL, content_type);

	/* No "100 Continue" first: a round trip more, and not all know it. */
	curl_must(list == NULL || curl_slist_append(list, "Expect:") == NULL,
	    "curl_slist_append");
	return list;
}

struct https *
https_new(const struct https_config *c, char **why)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct https *h;
	long kept;

	*why = NULL;
	if (c->ca_file != NULL && check_ca_file(c->ca_file, why) == -1)
		return NULL;
	pthread_once(&once, set_up_curl);
	kept = allow_files(c->parallel);
	h = xcalloc(1, sizeof(*h));
	h->allow_private = c->allow_private;
	h->verify = c->verify;
	h->timeout = c->timeout;
	h->ca_file = c->ca_file ? xstrdup(c->ca_file) : NULL;
	h->user_agent = xstrdup(c->user_agent ? c->user_agent : "tlsrpt");
	h->gzip_headers = headers_new("Content-Type: application/tlsrpt+gzip");
	h->json_headers = headers_new("Content-Type: application/tlsrpt+json");
	h->multi = curl_multi_init();
	curl_must(h->multi == NULL, "curl_multi_init");
	SET_MULTI(h->multi, CURLMOPT_MAX_HOST_CONNECTIONS, c->per_host);
	SET_MULTI(h->multi, CURLMOPT_MAXCONNECTS, c->parallel + kept);
	return h;
}

void
https_free(struct https *h)
{
	struct post *post, *next;

	if (h == NULL)
		return;
	for (post = h->all; post != NULL; post = next) {
		next = post->next;
		curl_multi_remove_handle(h->multi, post->easy);
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
	struct post *post = h->spare;

	if (post != NULL)
		h->spare = post->next_spare;
	else
		post = post_new(h);
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

static void
finish(struct https *h, struct post *post, CURLcode code)
{
	struct result r;

	if (!post_result(post, code, &r))
		return;
	post->next_spare = h->spare;
	h->spare = post;
	h->nactive--;
	post->done(post->arg, &r);	/* may start another */
}

/* Do what can be done now; how many posts ended. */
static unsigned
work(struct https *h)
{
	unsigned ended = 0;
	int running, left;
	CURLMsg *m;

	curl_must(curl_multi_perform(h->multi, &running) != CURLM_OK,
	    "curl_multi_perform");
	while ((m = curl_multi_info_read(h->multi, &left)) != NULL) {
		struct post *post = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &post);
		finish(h, post, m->data.result);
		ended++;
	}
	return ended;
}

void
https_poll(struct https *h, int fd, int ms)
{
	struct curl_waitfd other = { .fd = fd, .events = CURL_WAIT_POLLIN };

	if (work(h) > 0)
		return;
	curl_must(curl_multi_poll(h->multi, &other, fd == -1 ? 0 : 1, ms,
	    NULL) != CURLM_OK, "curl_multi_poll");
	work(h);
}

void
https_wake(struct https *h)
{
	curl_multi_wakeup(h->multi);
}
