#ifndef REPORTER_RRSET_H
#define REPORTER_RRSET_H

#include <sys/socket.h>

#include <stdbool.h>
#include <stddef.h>

#include "reporter/dns.h"
#include "spool/arena.h"
#include "spool/record.h"

/*
 * A DNS answer that is kept, and what its records say.  All zero: not asked.
 */
enum rrtype { RR_A = 1, RR_CNAME = 5, RR_MX = 15, RR_TXT = 16, RR_AAAA = 28,
	RR_TLSA = 52 };

/* Records kept of one answer; more than that is no honest set. */
#define RRSET_MAX	64

struct rrset {
	bool asked;
	enum dns_status status;		/* FOUND: n is at least 1 */
	bool secure;
	const char *bogus;		/* FAILED because of DNSSEC: why */
	size_t n, left_out;
	const char **data;		/* each terminated; TXT joined */
	size_t *len;
	struct arena *arena;
};

/*
 * Ask; set is filled during dns_wait, from the arena, which with set must
 * live until then.  A name that cannot be asked for is not there: NONE.
 */
void	rrset_ask(struct rrset *set, struct dns *dns, const char *name,
	    enum rrtype type, struct arena *a);

/*
 * Record i of an MX answer.  host is a canonical name, "" for the root (RFC
 * 7505), or an IPv4 address, which some take for a name.  False when there is
 * none, it is malformed, or what it names is no host.
 */
bool	rrset_mx(const struct rrset *set, size_t i, unsigned *preference,
	    char host[RECORD_DOMAIN_MAX + 1]);

/*
 * Record i of an A or AAAA answer as an address with that port.  False when
 * it is malformed.
 */
bool	rrset_address(const struct rrset *set, size_t i, unsigned port,
	    struct sockaddr_storage *address);

#endif
