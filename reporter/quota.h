#ifndef REPORTER_QUOTA_H
#define REPORTER_QUOTA_H

#include <stddef.h>

#include "aggregator/table.h"
#include "conf/conf.h"
#include "reporter/queue.h"
#include "spool/arena.h"

/*
 * Who publishes a TLSRPT record names the destinations, and who has many
 * domains can name the same one in all of them, a victim's.  So there are at
 * most [deliver] per_host_day reports of one day to one host, whether by mail
 * or by https, and per_address_day to one mailbox; 0: no limit.
 */

/*
 * Between queue_begin and queue_commit, count one more report of that day to a
 * destination.  Returns 1 when there is room, 0 with the reason in why when it
 * is one too many, or -1.
 */
int	quota_take(struct queue *q, const struct conf *c, int day,
	    const struct queue_delivery *d, char *why, size_t size);

/*
 * The same for a dry run, which counts on from what the queue has, if there is
 * one (NULL), and writes nothing.  All zero is one that has not begun.
 */
struct quota_dry {
	struct table counts;
	struct arena arena;
};
int	quota_pretend(struct quota_dry *dry, struct queue *q,
	    const struct conf *c, int day, const struct queue_delivery *d,
	    char *why, size_t size);
void	quota_dry_release(struct quota_dry *dry);

/* Log how many of a day's reports were left out, and to where. */
int	quota_log(struct queue *q, const struct conf *c, int day);

/* Forget days before this one. */
int	quota_purge(struct queue *q, int day);

#endif
