#ifndef REPORTER_COMPOSE_H
#define REPORTER_COMPOSE_H

#include <stddef.h>

#include "conf/conf.h"
#include "reporter/dkim.h"
#include "reporter/queue.h"

/*
 * The finished, signed mail to one address, looked over.  NULL with *why (the
 * caller frees it) when it cannot be signed or lint objects.
 */
char	*compose_mail(const struct conf *c, const struct dkim *dkim,
	    const struct queue_report *r, const char *address, size_t *len,
	    char **why);

#endif
