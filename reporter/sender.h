#ifndef REPORTER_SENDER_H
#define REPORTER_SENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"
#include "reporter/queue.h"

/*
 * The envelope senders of mails.  Where [mail] envelope_from has a %h, each
 * destination has one of its own: a bounce, which may have lost every other
 * trace of the address it is about, comes back to that one.  It stays the
 * same from day to day, so that greylisting knows it again, and it cannot be
 * guessed: %h is an HMAC under a key that is made once and kept in the queue.
 */
#define SENDER_KEY	32		/* bytes */

struct sender {
	const char *template;		/* the configuration's */
	const char *mark;		/* the %h in it, or NULL */
	unsigned char key[SENDER_KEY];
};

/* The template must outlive it.  Makes the key if there is none yet. */
int	sender_init(struct sender *s, struct queue *q, const char *template);

/*
 * The envelope sender of a mail to a destination, as the queue writes it; the
 * caller frees it.  *fresh is set (and else left as it is) when the queue did
 * not know it: commit before anything is sent under that name.
 */
int	sender_for(const struct sender *s, struct queue *q,
	    const char *destination, int64_t now, char **from, bool *fresh);

/*
 * Look for one of our senders in a text, in any case of letters.  Returns
 * what follows it, with its %h in lower case in hash, or NULL when there is
 * none (any more).
 */
const char *sender_find(const struct sender *s, const char *text,
	    char hash[CONF_HASH + 1]);

/*
 * Whose is this hash?  1 with the destination, which the caller frees; 0 when
 * it is not one that we made; or -1.
 */
int	sender_whose(const struct sender *s, struct queue *q,
	    const char *hash, char **destination);

/* Forget those last used before that second. */
int	sender_purge(struct queue *q, int64_t before);

#endif
