#ifndef REPORTER_CURL_SOCKET_H
#define REPORTER_CURL_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

#include <curl/curl.h>

/*
 * For libcurl's open-socket callback: a socket to connect to this address, or
 * CURL_SOCKET_BAD with the reason in `refused` (of size bytes) when it is not
 * public (address.h) and private ones are not allowed.  Here and not when the
 * name is looked up, so that what is judged is what is used (RFC 8460 section
 * 7: a record can name anybody's hosts, ours too).
 */
curl_socket_t curl_socket(const struct curl_sockaddr *a, bool allow_private,
	    char *refused, size_t size);

#endif
