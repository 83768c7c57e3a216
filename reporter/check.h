#ifndef REPORTER_CHECK_H
#define REPORTER_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "reporter/fetch.h"
#include "reporter/findings.h"
#include "reporter/rrset.h"
#include "reporter/rua.h"
#include "reporter/starttls.h"
#include "reporter/sts.h"
#include "spool/arena.h"

/*
 * One domain's set-up: what DNS, its policy host and its mail servers say,
 * and what is to be thought of it.  First all facts are gathered, in steps
 * that many domains can take together, then they are judged; judging asks
 * nobody and has no clock.
 */
#define CHECK_HOSTS_MAX		32	/* MX hosts that are looked at */
#define CHECK_ADDRESSES_MAX	4	/* of one host, connected to */
#define CHECK_PLACES_MAX	16	/* rua destinations looked at */
#define CHECK_EXPIRY_DAYS	14	/* left of a certificate: renew it */

struct check_config {
	bool probe;		/* connect to hosts, not only ask DNS */
	bool validates;		/* DNSSEC: there is a trust anchor */
	struct fetch_config https;
	struct starttls_config smtp;
	time_t now;
};

struct check_host {
	const char *name;
	unsigned preference;
	struct rrset a, aaaa, cname, tlsa;
	/* Those that can be connected to, as inet_ntop writes them. */
	size_t naddresses;
	const char *addresses[CHECK_ADDRESSES_MAX];
	const char *private;		/* one that is not public, or NULL */
	const char *why_private;

	/* From here on as the step "probe" found it. */
	bool probed[CHECK_ADDRESSES_MAX];
	struct starttls probes[CHECK_ADDRESSES_MAX];

	/* Judged: */
	bool dane;	/* senders must find TLS here, by TLSA records */
	bool matches;	/* which match what all its addresses serve */
};

/* Where a TLSRPT record wants reports. */
struct check_place {
	const struct rua *rua;
	struct rrset mx;		/* mailto: */
	struct check_host host;
	bool probed;			/* https: */
	struct fetch hello;
};

struct check {
	const char *domain;
	struct arena arena;
	struct findings findings;

	struct rrset tlsrpt, sts, mx;
	bool no_tlsrpt;			/* nor anything meant to be one */
	struct rua_list ruas;
	size_t nplaces;
	struct check_place *places;

	bool null_mx;			/* takes no mail (RFC 7505) */
	bool implicit_mx;		/* the only host is the domain */
	size_t nhosts;
	struct check_host *hosts;	/* by preference */

	bool has_sts;
	struct sts_record sts_record;
	struct check_host policy_host;
	bool fetched;
	struct fetch fetch;
	bool has_policy;		/* one that senders follow */
	struct sts_policy policy;
};

/* domain is canonical (record_domain) and outlives c. */
void	check_init(struct check *c, const char *domain);
void	check_release(struct check *c);

/*
 * The steps, in this order; after the two that ask, dns_wait.  A record that
 * is bad is said when it is read.
 */
void	check_ask_domain(struct check *c, struct dns *dns);
void	check_read_domain(struct check *c);
void	check_ask_hosts(struct check *c, struct dns *dns);
void	check_read_hosts(struct check *c);
/* Connect to the hosts of n domains, many at once; what is for progress. */
void	check_probe(struct check *list, size_t n,
	    const struct check_config *config, const char *what);
void	check_judge(struct check *c, const struct check_config *config);

/* Their parts, a file each. */
void	check_tlsrpt_read(struct check *c);
void	check_tlsrpt_judge(struct check *c, const struct check_config *config);
void	check_mx_read(struct check *c);
void	check_mx_judge(struct check *c, const struct check_config *config);
void	check_sts_read(struct check *c);
void	check_sts_judge(struct check *c, const struct check_config *config);
void	check_dane_judge(struct check *c, const struct check_config *config);
void	check_starttls_judge(struct check *c,
	    const struct check_config *config);

/* Say that DNS gave no answer to what was to be known: DNSSEC may be why. */
void	check_failed(struct check *c, enum finding_id no_answer,
	    enum finding_id bogus, const struct rrset *set, const char *what);
/* DNS gave no answer about these records: why, for a sentence. */
const char *check_no_answer(const struct rrset *set);
/* Which addresses of the host DNS did not tell, or NULL. */
const struct rrset *check_host_failed(const struct check_host *h);

#endif
