#include "reporter/quota.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/queue_db.h"
#include "spool/day.h"

/* Hosts and, told apart by their "mailto:", mailboxes are in one table. */
static bool
is_mailbox(const char *destination)
{
	return strncmp(destination, "mailto:", 7) == 0;
}

/* Where counts are: in the queue, or on top of it in a dry run. */
struct counts {
	struct queue *queue;
	struct quota_dry *dry;		/* NULL: a real run */
};

struct pretended {
	int day;
	const char *destination;
	int64_t n;
};

/* How many more a dry run has counted, this one included. */
static int64_t
pretend(struct quota_dry *dry, int day, const char *destination)
{
	uint64_t hash = table_hash((uint64_t)day, destination);
	struct pretended *p;
	size_t at = 0;

	while ((p = table_next(&dry->counts, hash, &at)) != NULL)
		if (p->day == day && strcmp(p->destination, destination) == 0)
			return ++p->n;
	p = arena_alloc(&dry->arena, sizeof(*p));
	*p = (struct pretended){ day, arena_strdup(&dry->arena, destination),
		1 };
	table_add(&dry->counts, hash, p);
	return 1;
}

/* Past the limit: quota_log is to say by how much. */
static int
count_left_out(struct queue *q, int day, const char *destination)
{
	sqlite3_stmt *s = queue_statement(q, QUOTA_BEYOND,
	    "UPDATE quota SET reports = reports + 1"
	    " WHERE day = ?1 AND destination = ?2");

	bind_int(s, 1, day);
	bind_text(s, 2, destination);
	return queue_step(q, s, "cannot count a report");
}

/*
 * One statement where there is room.  RETURNING would make a temporary table
 * for each.
 */
static int
count(struct queue *q, int day, const char *destination, long limit)
{
	sqlite3_stmt *s = queue_statement(q, QUOTA_TAKE,
	    "INSERT INTO quota (day, destination, reports) VALUES (?1, ?2, 1)"
	    " ON CONFLICT (day, destination)"
	    " DO UPDATE SET reports = reports + 1 WHERE reports < ?3");

	bind_int(s, 1, day);
	bind_text(s, 2, destination);
	bind_int(s, 3, limit);
	if (queue_step(q, s, "cannot count a report") == -1)
		return -1;
	return sqlite3_changes(q->db) > 0 ? 1 :
	    count_left_out(q, day, destination);
}

/* The same in a dry run, on top of what the queue has. */
static int
count_dry(const struct counts *c, int day, const char *destination, long limit)
{
	int64_t n = 0;
	sqlite3_stmt *s;

	if (c->queue != NULL) {
		s = queue_statement(c->queue, QUOTA_ASK,
		    "SELECT reports FROM quota"
		    " WHERE day = ?1 AND destination = ?2");
		bind_int(s, 1, day);
		bind_text(s, 2, destination);
		if (queue_ask(c->queue, s, "cannot ask for a count", &n) == -1)
			return -1;
	}
	return n + pretend(c->dry, day, destination) <= limit;
}

/* As quota_take, for one kind of destination. */
static int
take(const struct counts *c, int day, const char *destination, long limit,
    const char *kind, const char *key, char *why, size_t size)
{
	int rc;

	if (limit == 0)
		return 1;
	rc = c->dry != NULL ? count_dry(c, day, destination, limit) :
	    count(c->queue, day, destination, limit);
	if (rc == 0)
		snprintf(why, size, "left out: more than %ld reports of one "
		    "day to one %s ([deliver] %s)", limit, kind, key);
	return rc;
}

static int
take_both(const struct counts *counts, const struct conf *c, int day,
    const struct queue_delivery *d, char *why, size_t size)
{
	int rc = 1;

	if (d->transport == QUEUE_LOOKUP)
		return 1;
	if (d->transport == QUEUE_MAILTO)
		rc = take(counts, day, d->uri, c->deliver.per_address_day,
		    "address", "per_address_day", why, size);
	if (rc != 1)
		return rc;
	return take(counts, day, d->host, c->deliver.per_host_day, "host",
	    "per_host_day", why, size);
}

int
quota_take(struct queue *q, const struct conf *c, int day,
    const struct queue_delivery *d, char *why, size_t size)
{
	const struct counts counts = { .queue = q };

	return take_both(&counts, c, day, d, why, size);
}

int
quota_pretend(struct quota_dry *dry, struct queue *q, const struct conf *c,
    int day, const struct queue_delivery *d, char *why, size_t size)
{
	const struct counts counts = { .queue = q, .dry = dry };

	return take_both(&counts, c, day, d, why, size);
}

void
quota_dry_release(struct quota_dry *dry)
{
	table_release(&dry->counts);
	arena_release(&dry->arena);
}

static void
log_left_out(int day, const char *destination, long limit, int64_t n)
{
	char text[DAY_TEXT], most[24], left_out[24];

	fmt(most, sizeof(most), "%ld", limit);
	fmt(left_out, sizeof(left_out), "%" PRId64, n - limit);
	log_event(LOG_LEVEL_WARN, "reports left out",
	    (const struct log_field[]){
	    { "day", day_format(day, text) },
	    { is_mailbox(destination) ? "address" : "host", destination },
	    { "limit", most }, { "left-out", left_out }, { NULL, NULL } });
}

int
quota_log(struct queue *q, const struct conf *c, int day)
{
	sqlite3_stmt *s = queue_statement(q, QUOTA_LEFT_OUT,
	    "SELECT destination, reports FROM quota WHERE day = ?1"
	    " AND reports > iif(destination GLOB 'mailto:*', ?2, ?3)");
	/* No count is beyond this. */
	const int64_t none = INT64_MAX;
	long address = c->deliver.per_address_day, host =
	    c->deliver.per_host_day;
	int rc;

	bind_int(s, 1, day);
	bind_int(s, 2, address == 0 ? none : address);
	bind_int(s, 3, host == 0 ? none : host);
	while ((rc = queue_step(q, s, "cannot read what was left out")) == 1) {
		const char *to = (const char *)sqlite3_column_text(s, 0);

		if (to != NULL)
			log_left_out(day, to, is_mailbox(to) ? address : host,
			    sqlite3_column_int64(s, 1));
	}
	return rc;
}

int
quota_purge(struct queue *q, int day)
{
	sqlite3_stmt *s = queue_statement(q, QUOTA_PURGE,
	    "DELETE FROM quota WHERE day < ?1");

	bind_int(s, 1, day);
	return queue_step(q, s, "cannot forget counts");
}
