#include "reporter/ledger.h"

#include <stdbool.h>

#include "reporter/queue_db.h"

#define SESSIONS_MAX	(UINT64_C(1) << 62)	/* so that none is negative */

static int
remember(struct queue *q, const char *domain, int day, uint64_t sessions)
{
	sqlite3_stmt *s = queue_statement(q, LEDGER_ADD,
	    "UPDATE ledger SET sessions = sessions + ?3"
	    " WHERE day = ?1 AND domain = ?2");

	bind_int(s, 1, day);
	bind_text(s, 2, domain);
	bind_int(s, 3, (int64_t)sessions);
	return queue_step(q, s, "cannot write the ledger");
}

/*
 * With those of the day's earlier parts.  But a dry run may be about a day
 * whose parts are remembered: part 1 is all.
 */
static int
look_up(struct queue *q, const char *domain, int day, bool remembered,
    uint64_t sessions, int64_t *explains)
{
	sqlite3_stmt *s = queue_statement(q, LEDGER_ASK,
	    "SELECT iif(?4, sessions, 0) + ?3 <= mails FROM ledger"
	    " WHERE day = ?1 AND domain = ?2");

	bind_int(s, 1, day);
	bind_text(s, 2, domain);
	bind_int(s, 3, (int64_t)sessions);
	bind_int(s, 4, remembered);
	return queue_ask(q, s, "cannot read the ledger", explains);
}

int
ledger_explains(struct queue *q, const char *domain, int day, unsigned part,
    uint64_t sessions)
{
	int64_t explains = 0;
	int rc;

	if (sessions > SESSIONS_MAX)
		sessions = SESSIONS_MAX;
	rc = look_up(q, domain, day, q->in_day || part > 1, sessions,
	    &explains);
	if (rc == 1 && q->in_day)	/* few domains have a line */
		rc = remember(q, domain, day, sessions);
	return rc == -1 ? -1 : explains != 0;
}

int
ledger_purge(struct queue *q, int day)
{
	sqlite3_stmt *s = queue_statement(q, LEDGER_PURGE,
	    "DELETE FROM ledger WHERE day < ?1");

	bind_int(s, 1, day);
	return queue_step(q, s, "cannot purge the ledger");
}
