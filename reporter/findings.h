#ifndef REPORTER_FINDINGS_H
#define REPORTER_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * What tlsrpt-check has to say of a domain: findings, and a line per area.
 * All text in it is printable ASCII, whoever wrote what it quotes: the rest
 * comes out as \xNN.  It is bounded: FINDINGS_MAX findings, the others
 * counted, of FINDING_MAX bytes each.  What is said already is not added
 * again: a host of four addresses need not be told four times.
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
	F_TLSRPT_FOUND, F_TLSRPT_NO_ANSWER, F_TLSRPT_BOGUS, F_TLSRPT_MISSING,
	F_TLSRPT_DUPLICATE, F_TLSRPT_VERSION, F_TLSRPT_STRAY, F_TLSRPT_SYNTAX,
	F_TLSRPT_RUA_UNUSABLE, F_TLSRPT_RUA_NONE, F_TLSRPT_RUA_NO_ADDRESS,
	F_TLSRPT_RUA_PRIVATE, F_TLSRPT_RUA_NO_ANSWER, F_TLSRPT_RUA_UNREACHABLE,
	F_TLSRPT_RUA_CERTIFICATE, F_TLSRPT_RUA_EXPIRING, F_TLSRPT_RUA_NO_MX,
	F_TLSRPT_RUA_NULL_MX,

	F_MX_FOUND, F_MX_NO_ANSWER, F_MX_BOGUS, F_MX_NONE, F_MX_NULL,
	F_MX_NULL_MIXED, F_MX_NO_MAIL, F_MX_MALFORMED, F_MX_LITERAL,
	F_MX_NO_ADDRESS, F_MX_ADDRESS_NO_ANSWER, F_MX_PRIVATE, F_MX_CNAME,
	F_MX_MANY,

	F_STS_FOUND, F_STS_NO_ANSWER, F_STS_BOGUS, F_STS_MISSING,
	F_STS_DUPLICATE, F_STS_VERSION, F_STS_SYNTAX, F_STS_NO_ADDRESS,
	F_STS_UNREACHABLE, F_STS_TLS, F_STS_CERTIFICATE, F_STS_EXPIRING,
	F_STS_REDIRECT, F_STS_STATUS, F_STS_CONTENT_TYPE, F_STS_SIZE,
	F_STS_POLICY, F_STS_POLICY_ODD, F_STS_MAX_AGE_SHORT, F_STS_TESTING,
	F_STS_MODE_NONE, F_STS_MX_UNCOVERED, F_STS_MX_UNUSED,

	F_DANE_FOUND, F_DANE_NONE, F_DANE_NO_ANSWER, F_DANE_UNVALIDATED,
	F_DANE_INSECURE, F_DANE_MX_INSECURE, F_DANE_ADDRESS_INSECURE,
	F_DANE_PARTIAL, F_DANE_MALFORMED, F_DANE_UNUSABLE, F_DANE_ALL_UNUSABLE,
	F_DANE_MISMATCH, F_DANE_STALE, F_DANE_ROLLOVER,

	F_STARTTLS_FOUND, F_STARTTLS_UNREACHABLE, F_STARTTLS_ALL_UNREACHABLE,
	F_STARTTLS_SMTP, F_STARTTLS_MISSING, F_STARTTLS_REFUSED,
	F_STARTTLS_HANDSHAKE, F_STARTTLS_VERSION, F_STARTTLS_EXPIRED,
	F_STARTTLS_EXPIRING, F_STARTTLS_NAME, F_STARTTLS_UNTRUSTED,
	F_STARTTLS_KEY, F_STARTTLS_CIPHER, F_STARTTLS_INJECTION,
	F_STARTTLS_NO_ROUTE,

	F_DKIM_FOUND, F_DKIM_NO_ANSWER, F_DKIM_WRONG, F_DKIM_NO_KEY,
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
	struct finding *list;		/* as added, until findings_sort */
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

/* The worst first, those equally bad by area, else as they were added. */
void	findings_sort(struct findings *f);

/* Of all areas. */
enum severity findings_worst(const struct findings *f);

/* Is one of this kind there? */
bool	findings_have(const struct findings *f, enum finding_id id);

#endif
