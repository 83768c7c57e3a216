#ifndef REPORTER_DNS_H
#define REPORTER_DNS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * DNS by libunbound, many look-ups at a time.  Answers are a stranger's.
 */
#define DNS_ASKED_MAX	256	/* under way at a time */

struct dns;

enum dns_status {
	DNS_FOUND,
	DNS_NONE,	/* NXDOMAIN, or no record of this type */
	DNS_FAILED	/* no answer, SERVFAIL, bogus: ask again later */
};

struct dns_config {
	const char *resolver;		/* "ip[@port]", NULL: /etc/resolv.conf */
	const char *trust_anchor;	/* file with DS or DNSKEY records, only
					   read; NULL: do not validate */
	long timeout;			/* seconds for one look-up */
};

/* NULL with *why (the caller frees it) when it cannot be set up. */
struct dns *dns_new(const struct dns_config *c, char **why);
/* Forgets what is not answered yet: no more calls of fn. */
void	dns_free(struct dns *d);

/*
 * One record's data per entry: data[i] of len[i] bytes.  TXT: its
 * character-strings joined and terminated; a record that is malformed or
 * holds a NUL is left out, so n may be 0.  All of it is gone when fn returns.
 * secure: proven by DNSSEC from the trust anchor, be it FOUND or NONE.
 * FAILED: n is 1 where DNSSEC says that the answer is false, and data[0] says
 * why; else 0.
 */
typedef void dns_fn(void *arg, enum dns_status status, bool secure,
	    const char *const *data, const size_t *len, size_t n);

/*
 * Ask; the answer comes by one call of fn during dns_wait, dns_poll or a later
 * dns_ask (which waits for room when DNS_ASKED_MAX are under way).  fn may ask
 * further questions.  0, or -1 when the name cannot be asked for: fn is not called
 * then.  rrtype is the number of RFC 1035; its data comes as it was sent.
 */
int	dns_ask(struct dns *d, const char *name, int rrtype, dns_fn *fn,
	    void *arg);
int	dns_ask_txt(struct dns *d, const char *name, dns_fn *fn, void *arg);

/* Until every question is answered or has timed out. */
void	dns_wait(struct dns *d);

/*
 * For those with other things to do.  Work for at most so many milliseconds,
 * or until something was answered or timed out, or a signal came.  0: without
 * waiting.  It has something to do when the descriptor is readable, and now
 * and then for what times out.
 */
void	dns_poll(struct dns *d, int ms);
int	dns_fd(const struct dns *d);
size_t	dns_asked(const struct dns *d);		/* under way */

#endif
