#include "reporter/ledger.h"

#include "reporter/queue_db.h"

#define SESSIONS_MAX	(UINT64_C(1) << 62)	/* so that none is negative */

/* With those of the day's parts before this one. */
static int
remember(struct queue *q, const char *domain, int day, uint64_t sessions,
    int64_t *explains)
{
	sqlite3_stmt *s = queue_statement(q, LEDGER_ADD,
	    "UPDATE ledger SET sessions = sessions + ?3"
	    " WHERE day = ?1 AND domain = ?2 RETURNING sessions <= mails");

	bind_int(s, 1, day);
	bind_text(s, 2, domain);
	bind_int(s, 3, (int64_t)sessions);
	return queue_ask(q, s, "cannot write the ledger", explains);
}

/* A dry run may be about a day whose parts are remembered: part 1 is all. */
static int
look_up(struct queue *q, const char *domain, int day, unsigned part,
    uint64_t sessions, int64_t *explains)
{
	sqlite3_stmt *s = queue_statement(q, LEDGER_ASK,
	    "SELECT iif(?4 > 1, sessions, 0) + ?3 <= mails FROM ledger"
	    " WHERE day = ?1 AND domain = ?2");

	bind_int(s, 1, day);
	bind_text(s, 2, domain);
	bind_int(s, 3, (int64_t)sessions);
	bind_int(s, 4, part);
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
	rc = q->in_day ? remember(q, domain, day, sessions, &explains) :
	    look_up(q, domain, day, part, sessions, &explains);
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
