#ifndef REPORTER_BOUNCE_H
#define REPORTER_BOUNCE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "conf/conf.h"
#include "reporter/queue.h"
#include "reporter/sender.h"

/*
 * Mail that comes back: which of our envelope senders it came to, and whether
 * the address behind it is gone for good.  All of it is a stranger's bytes:
 * a line counts to BOUNCE_LINE, a message to BOUNCE_MAX, and what it says
 * about an address is believed only from one who knows the hash that only
 * mail to this address carried.
 */
#define BOUNCE_LINE	4096		/* bytes of an unfolded line */
#define BOUNCE_MAX	(1 << 20)	/* a bounce has what matters in front */
#define BOUNCE_HASHES	4		/* senders looked at in one message */

enum bounce_verdict {
	BOUNCE_NONE,		/* says nothing of a failure */
	BOUNCE_TEMPORARY,	/* delayed, or failed with 4.x.x */
	BOUNCE_PERMANENT	/* failed with 5.x.x */
};

struct bounce {
	enum bounce_verdict verdict;
	char reason[160];	/* printable ASCII; "" unless permanent */
	size_t n;
	char hash[BOUNCE_HASHES][CONF_HASH + 1];
};

/*
 * Read one message.  A delivery status notification (RFC 3464) is judged by
 * its Action and Status; without one the text counts: a reply code 550 to 554
 * or an enhanced code 5.x.x, from a mailer daemon or postmaster, before what
 * it quotes of our mail.
 */
void	bounce_read(struct bounce *b, const struct sender *s, FILE *in);

/*
 * Take in one message: a permanent failure suppresses the destination that
 * its hash is of, for [deliver] suppress_for.  Everything else is passed over;
 * a line in the log says which it was.  Returns 0, or -1 when the queue said
 * no.
 */
int	bounce_take(const struct conf *c, struct queue *q, FILE *in,
	    int64_t now);

#endif
