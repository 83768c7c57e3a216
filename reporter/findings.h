#ifndef REPORTER_FINDINGS_H
#define REPORTER_FINDINGS_H

#include <stddef.h>

/*
 * What tlsrpt-check has to say of a domain: findings, and a line per area.
 * All text in it is printable ASCII, whoever wrote what it quotes: the rest
 * comes out as \xNN.  It is bounded: FINDINGS_MAX findings, the others
 * counted, of FINDING_MAX bytes each.
 */
#define FINDINGS_MAX	500	/* a policy file alone may break many rules */
#define FINDING_MAX	1000	/* bytes of one sentence */

enum severity { SEVERITY_OK, SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_ERROR };
#define SEVERITIES	4

enum area { AREA_TLSRPT, AREA_MX, AREA_STS, AREA_DANE, AREA_STARTTLS,
	AREA_DKIM };
#define AREAS		6

/* One table, in findings.c, has what is fixed for each. */
enum finding_id {
	TLSRPT_FOUND, TLSRPT_NO_ANSWER, TLSRPT_MISSING, TLSRPT_DUPLICATE,
	TLSRPT_VERSION, TLSRPT_STRAY, TLSRPT_SYNTAX, TLSRPT_RUA_UNUSABLE,
	TLSRPT_RUA_NONE, TLSRPT_RUA_NO_ADDRESS, TLSRPT_RUA_PRIVATE,
	TLSRPT_RUA_NO_ANSWER, TLSRPT_RUA_UNREACHABLE, TLSRPT_RUA_CERTIFICATE,
	TLSRPT_RUA_EXPIRING, TLSRPT_RUA_NO_MX, TLSRPT_RUA_NULL_MX,

	MX_FOUND, MX_NO_ANSWER, MX_NONE, MX_NULL, MX_NULL_MIXED, MX_NO_MAIL,
	MX_MALFORMED, MX_LITERAL, MX_NO_ADDRESS, MX_ADDRESS_NO_ANSWER,
	MX_PRIVATE, MX_CNAME, MX_MANY,

	STS_FOUND, STS_NO_ANSWER, STS_MISSING, STS_DUPLICATE, STS_VERSION,
	STS_SYNTAX, STS_NO_ADDRESS, STS_UNREACHABLE, STS_TLS, STS_CERTIFICATE,
	STS_EXPIRING, STS_REDIRECT, STS_STATUS, STS_CONTENT_TYPE, STS_SIZE,
	STS_POLICY, STS_POLICY_ODD, STS_MAX_AGE_SHORT, STS_TESTING,
	STS_MODE_NONE, STS_MX_UNCOVERED, STS_MX_UNUSED, STS_UNPROBED,

	DANE_FOUND, DANE_NONE, DANE_NO_ANSWER, DANE_UNVALIDATED,
	DANE_INSECURE, DANE_MX_INSECURE, DANE_ADDRESS_INSECURE, DANE_PARTIAL,
	DANE_MALFORMED, DANE_UNUSABLE, DANE_ALL_UNUSABLE, DANE_MISMATCH,
	DANE_STALE, DANE_ROLLOVER, DANE_UNPROBED,

	STARTTLS_FOUND, STARTTLS_UNREACHABLE, STARTTLS_ALL_UNREACHABLE,
	STARTTLS_SMTP, STARTTLS_MISSING, STARTTLS_REFUSED, STARTTLS_HANDSHAKE,
	STARTTLS_VERSION, STARTTLS_EXPIRED, STARTTLS_EXPIRING, STARTTLS_NAME,
	STARTTLS_UNTRUSTED, STARTTLS_PLAIN_DOMAIN, STARTTLS_UNPROBED,

	DKIM_FOUND, DKIM_NO_ANSWER, DKIM_WRONG, DKIM_NO_KEY,
	FINDING_IDS
};

/*
 * name: for programs and for people who write rules; never changes.
 * todo: what its reader should do about it, a sentence; NULL: nothing.
 * rfc: the section behind it; NULL: good practice.
 */
struct finding_kind {
	const char *name;
	enum area area;
	enum severity severity;
	const char *rfc, *todo;
};
const struct finding_kind *finding_kind(enum finding_id id);

extern const char *const severity_names[SEVERITIES];
extern const char *const area_names[AREAS];

struct finding {
	enum finding_id id;
	enum severity severity;
	char *subject;		/* host, name or address; NULL: the domain */
	char *text;		/* what is so, a sentence */
};

struct findings {
	size_t n, left_out;
	struct finding *list;		/* in the order they were added */
	char *verdicts[AREAS];		/* a line each, or NULL */
	int worst[AREAS];		/* severity; -1: not looked at */
};

void	findings_init(struct findings *f);
void	findings_release(struct findings *f);

/* With the severity that its kind has. */
void	findings_add(struct findings *f, enum finding_id id,
	    const char *subject, const char *format, ...)
	    __attribute__((format(printf, 4, 5)));
/* With another, where it depends on what else is so. */
void	findings_add_as(struct findings *f, enum severity severity,
	    enum finding_id id, const char *subject, const char *format, ...)
	    __attribute__((format(printf, 5, 6)));

/* The line that sums an area up; the last one counts. */
void	findings_verdict(struct findings *f, enum area area,
	    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Of all areas. */
enum severity findings_worst(const struct findings *f);

/* Is one of this kind there? */
int	findings_have(const struct findings *f, enum finding_id id);

#endif
