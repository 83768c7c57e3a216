#ifndef REPORTER_DNS_H
#define REPORTER_DNS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * DNS by libunbound, many look-ups at a time.  Answers are a stranger's.
 */
struct dns;

enum dns_status {
	DNS_FOUND,
	DNS_NONE,	/* NXDOMAIN, or no record of this type */
	DNS_FAILED	/* no answer, SERVFAIL, bogus: ask again later */
};

struct dns_config {
	const char *resolver;		/* "ip[@port]", NULL: /etc/resolv.conf */
	const char *trust_anchor;	/* file, or NULL: do not validate */
	long timeout;			/* seconds for one look-up */
};

/* NULL with *why (the caller frees it) when it cannot be set up. */
struct dns *dns_new(const struct dns_config *c, char **why);
void	dns_free(struct dns *d);

/*
 * One record's data per entry.  TXT: its character-strings joined and
 * terminated (NUL bytes in it make the record be left out).
 */
typedef void dns_fn(void *arg, enum dns_status status, bool secure,
	    const char *const *data, const size_t *len, size_t n);

/*
 * Ask; the answer comes by a call of fn during dns_wait or a later dns_ask
 * (which waits for room when many are under way).  0, or -1 when the name
 * cannot be asked for: fn is not called then.
 */
int	dns_ask_txt(struct dns *d, const char *name, dns_fn *fn, void *arg);

/* Until every question is answered or has timed out. */
void	dns_wait(struct dns *d);

#endif
