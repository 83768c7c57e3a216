#ifndef SPOOL_NOTIFY_H
#define SPOOL_NOTIFY_H

#include <stdint.h>

/*
 * What we have to do with a service manager, by its documented protocol
 * (sd_notify(3), sd_listen_fds(3)), which others speak too.  Without one, all
 * of this does nothing.
 */

/* The environment's part in it; the variables are gone afterwards. */
struct notify {
	char *socket;		/* where to tell, or NULL */
	int listen_fds;		/* descriptors from NOTIFY_FIRST_FD on */
	uint64_t watchdog;	/* microseconds that we may be silent, or 0 */
};
#define NOTIFY_FIRST_FD	3

void	notify_init(struct notify *n);
void	notify_release(struct notify *n);

/* "READY=1" and the like; a manager that cannot be told does not stop us. */
void	notify_tell(const struct notify *n, const char *state);
/* RELOADING=1 with the time that goes with it. */
void	notify_reloading(const struct notify *n);

#endif
