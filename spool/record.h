#ifndef SPOOL_RECORD_H
#define SPOOL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spool/arena.h"

/*
 * The outcome of TLS sessions with one receiving domain, as one JSON object:
 * the libtlsrpt datagram and our own keys ts, n and report, see
 * tlsrpt-spool(5).
 *
 * Ceilings, so that no peer can make us grow.  A record beyond RECORD_MAX or
 * with more policies, strings or failures than these is refused; a text that
 * is too long is cut at a character, but for the TLSRPT record, which is then
 * left out: half of it would name somebody else's address.
 */
#define RECORD_MAX		262144	/* the kernel passes 212,992 at most */
#define RECORD_DOMAIN_MAX	253	/* RFC 1035, without the last dot */
#define RECORD_POLICIES_MAX	32	/* libtlsrpt sends one */
#define RECORD_STRINGS_MAX	256	/* lines of a policy, TLSA records */
#define RECORD_STRING_MAX	8192	/* bytes of one: a whole certificate */
#define RECORD_FAILURES_MAX	64	/* Postfix sends one */
#define RECORD_HELO_MAX		255	/* RFC 5321 section 4.5.3.1.2 */
#define RECORD_TEXT_MAX		512	/* reason, additional information */
#define RECORD_TXT_MAX		65535	/* TXT record: its length has 16 bits */
#define RECORD_N_MAX		UINT32_MAX

enum policy_type {
	POLICY_TLSA = 1,
	POLICY_STS = 2,
	POLICY_NONE = 9
};

/* RFC 8460 section 4.3; the numbers are libtlsrpt's. */
enum result_type {
	STARTTLS_NOT_SUPPORTED = 201,
	CERTIFICATE_HOST_MISMATCH = 202,
	CERTIFICATE_NOT_TRUSTED = 203,
	CERTIFICATE_EXPIRED = 204,
	VALIDATION_FAILURE = 205,
	STS_POLICY_FETCH_ERROR = 301,
	STS_POLICY_INVALID = 302,
	STS_WEBPKI_INVALID = 303,
	TLSA_INVALID = 304,
	DNSSEC_INVALID = 305,
	DANE_REQUIRED = 306
};
#define RESULT_TYPES	11

/* One table each for reader, writer, log and tests. */
struct name_code {
	const char *name;
	int code;
};
extern const struct name_code policy_types[];	/* ends with name NULL */
extern const struct name_code result_types[];	/* ends with name NULL */

/* The code's name, or NULL when the table has none. */
const char *name_of(const struct name_code *table, int code);
/* The name's code, or 0. */
int	code_of(const struct name_code *table, const char *name);

/* A text that is not there is NULL, never "". */
struct record_failure {
	enum result_type result;
	const char *sending_ip;		/* as inet_ntop writes it */
	const char *mx_hostname;	/* lower-case A-labels */
	const char *mx_helo;		/* the name alone */
	const char *receiving_ip;	/* as inet_ntop writes it */
	const char *additional_info;
	const char *reason;
};

struct record_policy {
	enum policy_type type;
	const char *domain;		/* never NULL */
	size_t nstrings, nmx, nfailures;
	const char **strings;		/* TLSA: upper-case hex, sorted, no
					   repeats; STS: in their order; none
					   for POLICY_NONE */
	const char **mx;		/* STS only: lower-case A-labels,
					   sorted, no repeats */
	struct record_failure *failures;
	bool failed;			/* final result "f" */
};

struct record {
	const char *domain;		/* TLSRPT policy domain, A-labels */
	const char *txt;		/* its TLSRPT record "pr", or NULL */
	uint32_t n;			/* identical sessions, at least 1 */
	bool has_ts;
	int64_t ts;			/* seconds since the epoch */
	bool own_report;		/* carried a TLS report: not counted */
	size_t npolicies;
	struct record_policy *policies;

	/*
	 * The line as a sealed segment keeps it: one line of UTF-8 without
	 * newline, ts and n taken out, all else as it came.  NULL when it was
	 * not asked for.
	 */
	const char *text;
	size_t len;
};

/*
 * Read one record, canonical as contract 5 wants it, into r; all it points to
 * is in the arena or, for text, may be the given line itself.  The line need
 * not be terminated and may have blanks around it.  Invalid UTF-8 inside a
 * text becomes U+FFFD; what else is wrong refuses the whole record: -1 with
 * the reason in *why (in the arena or static), which names the key, the value
 * and what is allowed.  Never prints.
 *
 * RECORD_KEEP asks for its text, too, which takes time to write for a
 * record with ts or n, and which must not be longer than RECORD_MAX either.
 */
enum record_use { RECORD_COUNT, RECORD_KEEP };
int	record_parse(struct record *r, const char *line, size_t len,
	    enum record_use use, struct arena *a, const char **why);

/*
 * The receive-side check, all that is done before a datagram is on disk: not
 * empty, at most RECORD_MAX, first byte '{', last byte '}', no newline and no
 * NUL.  Returns NULL when it may be a record, else the reason.
 */
const char *record_refuse(const char *line, size_t len);

/*
 * A host or domain name as lower-case A-labels without the trailing dot, in
 * the arena; NULL when it is not one.  "*." in front is allowed when
 * wildcard.  Underscores are allowed: peers use them.
 */
const char *record_domain(const char *name, bool wildcard, struct arena *a);
/* The same into buf, of RECORD_DOMAIN_MAX + 1 bytes; its length, or 0. */
size_t	record_domain_text(const char *name, bool wildcard, char *buf);

#endif
