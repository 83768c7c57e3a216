#ifndef SPOOL_POSTFIX_TEXT_H
#define SPOOL_POSTFIX_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "spool/arena.h"
#include "spool/record.h"
#include "spool/span.h"

/*
 * What an SMTP client of Postfix 3 says about TLS.  Each message is matched
 * from its beginning: what a peer said comes after Postfix's own words and
 * cannot pretend to be one.
 */

/* "mx1.example.com[192.0.2.1]:25", the port left out. */
struct peer_span {
	struct span name, address;
};
/* A copy; all-zero when there is none. */
struct peer {
	char *name, *address;
};
void	peer_copy(struct peer *p, const struct peer_span *from);
void	peer_release(struct peer *p);
bool	peer_equal(const struct peer *p, const struct peer_span *other);
struct peer_span peer_span(const struct peer *p);

/* The same in the arena, what is not printable ASCII as `?`; NULL for none. */
const char *text_of(struct span s, struct arena *a);

/* What is wrong, as RFC 8460 section 4.3 and as libtlsrpt would put it. */
struct fault {
	const char *text;		/* how Postfix begins to say it */
	enum result_type result;
	const char *reason;		/* or NULL */
};
extern const struct fault fault_starttls, fault_handshake, fault_name,
    fault_untrusted;

/* "TLSRPT: status=failure, domain=..., receiving_mx=..., failure_type=..." */
struct tlsrpt_line {
	struct span domain;
	struct peer_span peer;
	enum result_type result;	/* 0: success */
	struct span reason;
};

/* Why mail does not go to this host now, if it is about TLS. */
struct refusal {
	enum {
		REFUSAL_NONE,
		REFUSAL_NO_TLS,		/* not offered, or refused */
		REFUSAL_HANDSHAKE,
		REFUSAL_CERTIFICATE
	} kind;
	struct peer_span peer;		/* when it says so */
};

/* "QUEUE-ID: to=<user@domain>, relay=..., status=deferred (why)" */
struct delivery {
	struct span queue_id, domain;
	struct peer_span relay;		/* all-zero: none */
	struct refusal refusal;
};

struct message {
	enum {
		MESSAGE_NONE,
		MESSAGE_TLSRPT,
		MESSAGE_FAULT,		/* of the server's certificate */
		MESSAGE_ESTABLISHED,	/* a new session, not one reused */
		MESSAGE_BROKEN,		/* handshake */
		MESSAGE_REFUSAL,
		MESSAGE_DELIVERY
	} kind;
	union {
		struct tlsrpt_line tlsrpt;
		struct refusal refusal;
		struct delivery delivery;
		struct {
			struct peer_span peer;
			bool trusted;
			const struct fault *fault;
		};
	};
};

/* It points into text, which need not be terminated. */
void	message_parse(struct message *m, struct span text);

#endif
