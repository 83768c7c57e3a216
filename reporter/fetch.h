#ifndef REPORTER_FETCH_H
#define REPORTER_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "reporter/chain.h"

/*
 * One https server looked at, by libcurl: its certificate, and an MTA-STS
 * policy file as it serves it (RFC 8461 section 3.3).  Https only, no
 * redirects followed, no proxy, no credentials, nothing cached.  A bad
 * certificate does not end it: this looks, it relies on nothing.
 *
 * These calls block, at most for the timeout; any number of threads may be
 * in them.
 */
#define FETCH_BODY_MAX	(64 << 10)	/* RFC 8461 section 3.3 */
#define FETCH_TYPE_MAX	128
#define FETCH_URL_MAX	512

struct fetch_config {
	X509_STORE *store;	/* chain_store */
	const char *user_agent;
	long timeout;		/* seconds, for all of it */
	unsigned port;		/* of policy hosts, 0: 443.  The URL, Host: and
				   SNI do not show it: for tests */
	bool allow_private;	/* addresses: see address.h */
	time_t now;		/* for the dates of certificates */
};

enum fetch_stage {		/* how far it came */
	FETCH_NOWHERE,		/* connected to no address */
	FETCH_CONNECTED,	/* …but no TLS */
	FETCH_SECURED,		/* handshake done: fetch_hello ends here */
	FETCH_ANSWERED,		/* status and header section, body cut off */
	FETCH_COMPLETE		/* the body, too */
};

struct fetch {
	enum fetch_stage stage;
	char *why;		/* why it went no further; NULL when all of it
				   was done */
	bool guarded;		/* …because all addresses are of a private
				   network */
	bool late;		/* …because time was up */
	char address[46];	/* connected to, or "" */
	struct chain chain;	/* judged, from FETCH_SECURED on; a handshake
				   that failed may have left one, too */
	char version[16];	/* "TLSv1.3" */

	/* From FETCH_ANSWERED on. */
	long status;		/* HTTP */
	char type[FETCH_TYPE_MAX];	/* Content-Type, printable ASCII;
					   "": none */
	char location[FETCH_URL_MAX];	/* of a redirect, likewise */
	char *body;		/* terminated, but may hold NULs; never NULL */
	size_t len;
	bool too_long;		/* ended by us at FETCH_BODY_MAX */
};

/*
 * GET https://mta-sts.<domain>/.well-known/mta-sts.txt from these addresses
 * of that host, as inet_ntop writes them, in turn; names are never looked up
 * here.  The caller releases f.
 */
void	fetch_policy(struct fetch *f, const struct fetch_config *c,
	    const char *domain, const char *const *addresses, size_t n);

/*
 * Only connect to an https server and shake hands, as for an https rua;
 * nothing is requested.  host is a name, or an address as rua.h has it.
 */
void	fetch_hello(struct fetch *f, const struct fetch_config *c,
	    const char *host, unsigned port, const char *const *addresses,
	    size_t n);

void	fetch_release(struct fetch *f);

#endif
