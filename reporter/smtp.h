#ifndef REPORTER_SMTP_H
#define REPORTER_SMTP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "reporter/outcome.h"

/*
 * Mail to the smarthost by libesmtp.  A call is one SMTP session with as
 * many messages as given; it blocks, within bounded time, and may run in
 * several threads at once.
 */
struct smtp_config {
	const char *smarthost;		/* host:port */
	enum smtp_tls { SMTP_TLS_NONE, SMTP_TLS_OPTIONAL, SMTP_TLS_REQUIRED }
	    tls;
	const char *ca_file;		/* NULL: the system's */
	const char *user, *password;	/* NULL: no AUTH */
	const char *helo;		/* our name, NULL: this host's */
	long timeout;			/* seconds for one reply */
	const atomic_bool *stop;	/* once true: no further message */
	/* Unless NULL, called when all up to message i have their results. */
	void (*answered)(void *arg, size_t i);
	void *arg;
};

struct smtp_message {
	const char *from;		/* envelope sender */
	const char *to;			/* one recipient */
	const char *data;		/* whole message, CRLF line ends */
	size_t len;
	struct result result;		/* out */
	bool answered;			/* out: by a reply to this message */
};

/* What TLS has to be like; by tls and user alone. */
enum smtp_tls smtp_tls_of(const struct smtp_config *c);

/* Once, before any thread: 0, or -1 with *why (the caller frees it). */
int	smtp_setup(const struct smtp_config *c, char **why);

/*
 * Send them in one session.  Every message gets its own result from the
 * replies to its own MAIL, RCPT and DATA; what the session did not come to is
 * deferred; what was accepted stays delivered whatever happens after.
 */
void	smtp_send(const struct smtp_config *c, struct smtp_message *list,
	    size_t n);

/*
 * Break the connections of all sessions of this process, and every other TCP
 * connection with them: for when there is no more time to wait.  What was not
 * answered yet is deferred.
 */
void	smtp_abort(void);

#endif
