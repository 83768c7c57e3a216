#ifndef REPORTER_HTTPS_H
#define REPORTER_HTTPS_H

#include <stdbool.h>
#include <stddef.h>

#include "reporter/outcome.h"

/*
 * POST reports, many at a time, by libcurl's multi interface (RFC 8460
 * section 5.4).  https only, no redirects, no proxy from the environment, no
 * credentials; the answer's body is read up to 64 KiB and thrown away.
 */
struct https;

struct https_config {
	long parallel, per_host;	/* transfers; see https_post */
	long timeout;			/* seconds, whole transfer */
	const char *ca_file;		/* NULL: the system's */
	bool verify;			/* certificates */
	bool allow_private;		/* addresses: see address.h */
	const char *user_agent;
};

/*
 * NULL with *why (the caller frees it) when ca_file cannot be used.  Ignores
 * SIGPIPE from now on, and allows this process the open files it needs.
 */
struct https *https_new(const struct https_config *c, char **why);

/* Are there CAs of the system's?  0, or -1 with *why (the caller frees it). */
int	https_look_for_cas(char **why);

void	https_free(struct https *h);	/* gives up what is under way */

/*
 * Start a POST of body (gzip, or JSON where a 415 asks for it); body must
 * live until done is called, once, from https_poll: never from https_post.
 * It may start another.  What is beyond per_host waits inside for a connection
 * while its timeout runs: better not start it yet.  That there are no more than
 * `parallel` is for the caller to see to: connections and files are for those,
 * and up to 2,048 idle connections are kept for the hosts' next posts.
 *
 * A status is judged by outcome_http as soon as its header section is
 * complete, whatever comes after.  Without one all is DEFERRED, but for a URL
 * that cannot be used, or that names an address of our own network: REFUSED.
 * A name that leads into our own network is DEFERRED: it may lead elsewhere
 * later.
 */
typedef void https_fn(void *arg, const struct result *r);
void	https_post(struct https *h, const char *url, const void *body,
	    size_t len, https_fn *done, void *arg);

/* Transfers under way. */
size_t	https_active(const struct https *h);

/*
 * Work for at most so many milliseconds, or until something was done, the
 * descriptor (-1: none) is readable, or https_wake was called, from any
 * thread.  It may come back sooner.
 */
void	https_poll(struct https *h, int fd, int ms);
void	https_wake(struct https *h);

#endif
