#ifndef REPORTER_SMTP_WATCH_H
#define REPORTER_SMTP_WATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A guard between libesmtp and the server, to be hung into its monitor.  It
 * knows how far the session came and the last reply, which libesmtp does not
 * tell; and it keeps from libesmtp what that cannot cope with.
 */
enum smtp_stage {
	SMTP_CONNECT,
	SMTP_GREETING,
	SMTP_EHLO,
	SMTP_STARTTLS,
	SMTP_AUTH,
	SMTP_MAIL,
	SMTP_RCPT,
	SMTP_DATA,
	SMTP_BODY
};
const char *smtp_stage_name(enum smtp_stage s);

struct smtp_watch {
	int64_t timeout;	/* milliseconds, for one reply */
	const atomic_bool *stop; /* no MAIL once it is true; or NULL */

	enum smtp_stage stage;	/* of the last command but QUIT */
	bool authenticated;
	char auth_reply[128];	/* the one that said no, or empty */
	bool complete;		/* the last reply is all there */
	int code;		/* its code, while it is not: 0 */
	char reply[256];	/* its text */
	const char *trouble;	/* why we made libesmtp stop, or NULL */
	bool cut;		/* …in the middle of the last reply */

	int64_t since;		/* when the last command was sent */
	size_t received;	/* bytes since then */
	size_t column, len;
	bool last, quit, stopped;
};

/* A connection begins; w->stop stays as it is. */
void	smtp_watch_init(struct smtp_watch *w, int64_t timeout);
/* Has the last command waited too long for its reply? */
bool	smtp_watch_late(const struct smtp_watch *w);
/* smtp_monitorcb_t; arg is the watch. */
void	smtp_watch_monitor(const char *buf, int len, int writing, void *arg);
/* The message is handed over: its reply is next. */
void	smtp_watch_body(struct smtp_watch *w);
/* Did the connection end within a reply?  libesmtp takes what came of it. */
bool	smtp_watch_cut(const struct smtp_watch *w);
/* Make libesmtp stop at the next reply. */
void	smtp_watch_stop(struct smtp_watch *w, const char *trouble);

#endif
