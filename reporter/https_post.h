#ifndef REPORTER_HTTPS_POST_H
#define REPORTER_HTTPS_POST_H

#include <sys/types.h>
#include <stdbool.h>
#include <stddef.h>

#include <curl/curl.h>

#include "reporter/curl_must.h"
#include "reporter/https.h"

/*
 * One POST of the many under way: what https.c and https_post.c share and
 * nobody else includes.
 */
struct post {
	struct post *next, *next_spare;
	struct https *https;
	CURL *easy;
	https_fn *done;
	void *arg;

	const void *body;
	size_t len;
	char *json;			/* body unpacked, after a 415 */

	size_t headers, answer;		/* bytes that came */
	bool complete;			/* …the header section did */
	int64_t completed;		/* …then: clock_ms */
	bool endless;			/* …and went beyond its maximum */
	char status_line[80];
	char refused[160];		/* an address that we must not use */
	char error[CURL_ERROR_SIZE];
};

struct https {
	CURLM *multi;
	struct post *all, *spare;
	size_t nactive;
	bool allow_private, verify;
	long timeout;
	char *ca_file, *user_agent;
	struct curl_slist *gzip_headers, *json_headers;
};

#define SET_MULTI(multi, option, value) \
	curl_must(curl_multi_setopt(multi, option, value) != CURLM_OK, #option)

/* It is one of h's then. */
struct post *post_new(struct https *h);
void	post_free(struct post *post);

/* Hand it to libcurl, with what https_post has set. */
void	post_start(struct post *post);

/*
 * What became of it, once libcurl says that it ended; or false when it has
 * been started again, as JSON.
 */
bool	post_result(struct post *post, CURLcode code, struct result *r);

#endif
