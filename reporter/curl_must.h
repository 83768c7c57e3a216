#ifndef REPORTER_CURL_MUST_H
#define REPORTER_CURL_MUST_H

#include <curl/curl.h>

#include "conf/log.h"

/* libcurl: known options of good types fail only without memory. */
static inline void
curl_must(int failed, const char *what)
{
	if (failed)
		fatal("https: %s failed", what);
}

#define SET(easy, option, value) \
	curl_must(curl_easy_setopt(easy, option, value) != CURLE_OK, #option)

#endif
