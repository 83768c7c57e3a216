#include "reporter/https_post.h"

#include <sys/resource.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "conf/mem.h"
#include "reporter/cas.h"
#include "reporter/chain.h"

#define FILES_PER_POST	3		/* a socket, and a pair to resolve */
#define FILES_BESIDE	64		/* some are SQLite's, some DNS's */
#define KEPT_MAX	2048		/* idle: some 25 KB each */

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

int
https_look_for_cas(char **why)
{
	const curl_version_info_data *v = curl_version_info(CURLVERSION_NOW);

	/* As set_peer_check leaves it: a file, if there is a name for it. */
	if (v->cainfo != NULL)
		return cas_look(v->cainfo, NULL, why);
	return v->capath != NULL ? cas_look(NULL, v->capath, why) :
	    cas_look_default(why);
}

/*
 * How many connections there may be.  The usual 1,024 files are too few for
 * many posts and for the idle connections that are kept beside them, so that a
 * host's next turn need not begin with new ones.  Where no more files are to be
 * had, posts wait for one another rather than fail.
 */
static long
connections_for(long parallel)
{
	rlim_t posts = (rlim_t)parallel * FILES_PER_POST + FILES_BESIDE;
	rlim_t need = posts + KEPT_MAX, have;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return parallel;
	if (limit.rlim_cur < need) {
		have = limit.rlim_cur;
		limit.rlim_cur = need < limit.rlim_max ? need : limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
			limit.rlim_cur = have;
	}
	have = limit.rlim_cur < need ? limit.rlim_cur : need;
	if (have >= posts)
		return parallel + (long)(have - posts);
	have = have > FILES_BESIDE ? have - FILES_BESIDE : 0;
	return have > FILES_PER_POST ? (long)(have / FILES_PER_POST) : 1;
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
	long connections;

	*why = NULL;
	if (c->ca_file != NULL && check_ca_file(c->ca_file, why) == -1)
		return NULL;
	pthread_once(&once, set_up_curl);
	connections = connections_for(c->parallel);
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
	SET_MULTI(h->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, connections);
	SET_MULTI(h->multi, CURLMOPT_MAXCONNECTS, connections);
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
