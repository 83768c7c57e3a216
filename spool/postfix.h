#ifndef SPOOL_POSTFIX_H
#define SPOOL_POSTFIX_H

#include <stddef.h>
#include <stdint.h>

#include "spool/record.h"

/*
 * TLS sessions from the log of Postfix 3.
 *
 * Since 3.10 a Postfix with TLSRPT logs each outcome in one line with the
 * domain.  Of a host that does, these lines count and no others.
 *
 * Older ones log the handshake with the name of the MX host, and later, from
 * the same process, the delivery with recipient and MX host.  Outcomes wait
 * for that line, which gives them their domain.  A server certificate's fault
 * is told before; it counts when Postfix then refuses to deliver because of
 * it.  What does not find its delivery is counted as uncorrelated.
 *
 * All tables are of fixed size: a hostile log costs outcomes, not memory.
 */
#define POSTFIX_LINE_MAX	16384	/* what comes behind is cut off */
#define POSTFIX_WAIT		3600	/* seconds from handshake to delivery */

struct postfix_session {
	int64_t t;
	const char *domain;		/* A-labels */
	enum result_type result;	/* 0: success */
	/* Of a failure, as far as the log tells; else NULL. */
	const char *mx, *address, *reason;
};

struct postfix_totals {
	uint64_t lines;		/* of SMTP clients and tlsproxy */
	uint64_t undated;	/* of these, without a time: not looked at */
	uint64_t tlsrpt;	/* sessions from TLSRPT lines */
	uint64_t tls;		/* sessions from handshake and delivery */
	uint64_t uncorrelated;	/* handshakes without a delivery */
	uint64_t nameless;	/* sessions whose domain is no domain name */
};

struct postfix_log;

/*
 * session is called for each outcome, in the order in which their domains
 * become known; what it is given lives during the call.  `newest` as in
 * syslog.h.
 */
struct postfix_log *postfix_log_new(int64_t newest,
	    void (*session)(void *arg, const struct postfix_session *),
	    void *arg);
/* One line without its newline. */
void	postfix_log_line(struct postfix_log *l, const char *line, size_t len);
/* What still waits is uncorrelated now.  Frees l. */
struct postfix_totals postfix_log_end(struct postfix_log *l);

#endif
