#ifndef REPORTER_STS_H
#define REPORTER_STS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * MTA-STS (RFC 8461) as a domain publishes it: the TXT record at
 * _mta-sts.<domain>, and the policy file at
 * https://mta-sts.<domain>/.well-known/mta-sts.txt.  Both are a stranger's.
 */
#define STS_VERSION	"STSv1"
#define STS_ID_MAX	32
#define STS_POLICY_MAX	(64 << 10)	/* bytes: RFC 8461 section 3.3 */
#define STS_MX_MAX	256		/* patterns kept */
#define STS_FAULTS_MAX	32		/* kept, more are only counted */
#define STS_MAX_AGE_MAX	31557600	/* RFC 8461 section 3.2: a year */

struct sts_record {
	char id[STS_ID_MAX + 1];
	size_t nextensions;	/* fields that RFC 8461 does not name */
};

/*
 * Of all TXT records there, each already joined from its character-strings,
 * the index of the one that begins with "v=STSv1;".  -1 when there is none or
 * more than one, with the reason in *why (static).  RFC 8461 section 3.1.
 */
int	sts_pick(const char *const *txts, size_t n, const char **why);

/*
 * Read the record by its grammar (RFC 8461 section 3.1); the first of
 * repeated fields counts.  0, or -1 when it breaks the grammar: *why (static)
 * says how, r is zero.  White space at the very end is forgiven.
 */
int	sts_record_parse(struct sts_record *r, const char *txt,
	    const char **why);

enum sts_mode {
	STS_NO_MODE,		/* missing, or none of these: */
	STS_ENFORCE,
	STS_TESTING,
	STS_NONE
};

/* NULL for STS_NO_MODE. */
const char *sts_mode_name(enum sts_mode mode);

struct sts_fault {
	size_t line;		/* from 1; 0: of the file as a whole */
	bool fatal;		/* no policy: senders that go by the grammar
				   refuse the whole of it */
	char *what;		/* a sentence without full stop */
};

struct sts_policy {
	bool version;		/* is STSv1 */
	enum sts_mode mode;
	int64_t max_age;	/* seconds, -1: missing or not a number */
	size_t nmx;
	char **mx;		/* patterns, lower-case A-labels, in the file's
				   order, no repeats */
	size_t nextensions;	/* keys that RFC 8461 does not name */
	bool fatal;		/* one of its faults is */
	size_t nfaults;		/* faults kept */
	size_t nmore;		/* …and beyond STS_FAULTS_MAX */
	struct sts_fault *faults;	/* by line, those of the whole last */
};

/*
 * Read a policy file by its grammar (RFC 8461 section 3.2): lines that end
 * with LF or CRLF, unknown keys allowed, the first of repeated keys counts.
 * 0 when it is a policy, perhaps with faults that senders forgive; -1 when it
 * has a fatal fault, and whatever could be read is in p.  The caller releases
 * p in both cases.
 */
int	sts_policy_parse(struct sts_policy *p, const void *text, size_t len);
void	sts_policy_release(struct sts_policy *p);

/*
 * Does a pattern fit an MX name, both lower-case A-labels?  "*." stands for
 * exactly one label (RFC 8461 section 4.1).
 */
bool	sts_mx_fits(const char *pattern, const char *host);
/* Does any of the policy's? */
bool	sts_policy_fits(const struct sts_policy *p, const char *host);

#endif
