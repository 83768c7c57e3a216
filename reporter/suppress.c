#include "reporter/suppress.h"

#include <stdio.h>

#include "reporter/queue_db.h"
#include "spool/day.h"

int
suppress_add(struct queue *q, const struct suppression *new)
{
	sqlite3_stmt *s = queue_statement(q, SUPPRESS_ADD,
	    "INSERT INTO suppression (destination, since, until, reason)"
	    " VALUES (?1, ?2, ?3, ?4) ON CONFLICT (destination) DO UPDATE SET"
	    " until = max(until, excluded.until), reason = excluded.reason");

	bind_text(s, 1, new->destination);
	bind_int(s, 2, new->since);
	bind_int(s, 3, new->until);
	bind_text(s, 4, new->reason);
	return queue_step(q, s, "cannot suppress an address");
}

static const char *
column(sqlite3_stmt *s, int i)
{
	const unsigned char *text = sqlite3_column_text(s, i);

	return text != NULL ? (const char *)text : "";
}

int
suppress_check(struct queue *q, const char *destination, int64_t now,
    char *why, size_t size)
{
	sqlite3_stmt *s = queue_statement(q, SUPPRESS_ASK,
	    "SELECT until, reason FROM suppression"
	    " WHERE destination = ?1 AND until > ?2");
	char day[DAY_TEXT];
	int rc;

	bind_text(s, 1, destination);
	bind_int(s, 2, now);
	rc = queue_step(q, s, "cannot ask whether an address is suppressed");
	if (rc == 1) {
		snprintf(why, size, "suppressed until %s: %s",
		    day_format(day_of(sqlite3_column_int64(s, 0)), day),
		    column(s, 1));
		sqlite3_reset(s);
	}
	return rc;
}

int
suppress_list(struct queue *q, int64_t now, suppress_fn *fn, void *arg)
{
	sqlite3_stmt *s = queue_statement(q, SUPPRESS_LIST,
	    "SELECT destination, since, until, reason FROM suppression"
	    " WHERE until > ?1 ORDER BY destination");
	struct suppression one;
	int rc;

	bind_int(s, 1, now);
	while ((rc = queue_step(q, s, "cannot read what is suppressed")) == 1) {
		one.destination = column(s, 0);
		one.since = sqlite3_column_int64(s, 1);
		one.until = sqlite3_column_int64(s, 2);
		one.reason = column(s, 3);
		if (fn(arg, &one) != 0) {
			sqlite3_reset(s);
			return 0;
		}
	}
	return rc;
}

int
suppress_purge(struct queue *q, int64_t now)
{
	sqlite3_stmt *s = queue_statement(q, SUPPRESS_PURGE,
	    "DELETE FROM suppression WHERE until <= ?1");

	bind_int(s, 1, now);
	return queue_step(q, s, "cannot forget suppressions");
}
