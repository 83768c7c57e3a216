#ifndef REPORTER_MAILER_H
#define REPORTER_MAILER_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/conf.h"
#include "reporter/dkim.h"
#include "reporter/outcome.h"
#include "reporter/queue.h"

/*
 * Threads that write, sign and hand in mails, a session at a time, so that
 * signing uses all cores and a slow smarthost does not hold up the rest.
 */
struct mailer;

/* Why no mail can be sent at all as it is configured, or NULL. */
const char *mailer_refusal(const struct conf *c, const struct dkim *dkim);

/*
 * woken is called, from any thread, when results wait.  NULL with *why (the
 * caller frees it) when mail cannot be sent as it is configured.
 */
struct mailer *mailer_new(const struct conf *c, const struct dkim *dkim,
	    void (*woken)(void *arg), void *arg, char **why);
void	mailer_free(struct mailer *m);

struct mailer_job {
	struct mailer_job *next;
	const struct queue_report *report;	/* the caller's, and so are */
	const char *sender;			/* the envelope's */
	const char *address;			/* and the mailbox */
	struct result result;			/* out */
	bool answered;				/* out: the result is final */
	void *arg;
};

struct mailer_session {
	struct mailer_session *next;
	struct mailer_job *jobs;	/* less those handed back before */
	bool reached;	/* out: the smarthost answered for one of them */
	bool broken;	/* out: but not for all */
	bool slow;	/* out: and it took longer than one reply may */
};

/* Hand over a list of jobs as one session. */
void	mailer_send(struct mailer *m, struct mailer_job *jobs);

/* Finished sessions, as a list, or NULL.  The caller frees each. */
struct mailer_session *mailer_done(struct mailer *m);
/*
 * Jobs of sessions under way whose results are final, as a list, or NULL: they
 * are not among the session's any more.
 */
struct mailer_job *mailer_answered(struct mailer *m);

/*
 * End sessions before their next message.  With at_once, do not wait for the
 * answer to the present one either, but break the connection; it returns when
 * all sessions have ended, and none may be handed over any more.
 */
void	mailer_stop(struct mailer *m, bool at_once);

/* Sessions that may be started now. */
size_t	mailer_room(struct mailer *m);

#endif
