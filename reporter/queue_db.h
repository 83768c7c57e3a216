#ifndef REPORTER_QUEUE_DB_H
#define REPORTER_QUEUE_DB_H

#include <stdbool.h>
#include <stdint.h>

#include <sqlite3.h>

#include "reporter/queue.h"

/*
 * The open database and its statements, for the files that speak SQL and for
 * nobody else: queue.c and queue_read.c; ledger.c, quota.c, sender.c and
 * suppress.c, each of which has a table of its own.
 */
enum statement {
	KNOWS_SEGMENT, ADD_SEGMENT, NEXT_PART, ADD_PART, ADD_REPORT,
	ADD_DELIVERY, BARE_REPORT, DUE, DUE_OF_DOMAIN, NEXT_DUE,
	NEXT_DUE_OF_DOMAIN, MAKE_DUE, MAKE_DUE_OF_DOMAIN, GET_REPORT, END,
	DEFER, REMOVE, COUNT, MEASURE, LIST, LIST_OF_DOMAIN, PURGE,
	LEDGER_ADD, LEDGER_ASK, LEDGER_PURGE, QUOTA_TAKE, QUOTA_BEYOND,
	QUOTA_ASK, QUOTA_LEFT_OUT, QUOTA_PURGE, SECRET_SET, SECRET_GET,
	SENDER_KNOWN, SENDER_ADD, SENDER_FIND, SENDER_PURGE, SUPPRESS_ADD,
	SUPPRESS_ASK, SUPPRESS_LIST, SUPPRESS_PURGE, STATEMENTS
};

struct queue {
	sqlite3 *db;
	sqlite3_stmt *stmt[STATEMENTS];
	bool in_day;			/* between begin and commit */
	bool failed;			/* …and something went wrong */
	int64_t first_report;		/* of this day, 0: none yet */
	int64_t last_report;
	char error[512];
};

extern const char *const queue_states[4];
extern const char *const queue_transports[3];

/*
 * Note what went wrong and return -1.  Within a day the first such thing is
 * the reason, and the day cannot be committed any more.
 */
int	queue_fail(struct queue *q, const char *format, ...)
	    __attribute__((format(printf, 2, 3)));
int	queue_fail_sql(struct queue *q, const char *doing);

/*
 * A statement is made when first used, and kept.  Where that fails it is
 * NULL, which bind passes over and step refuses, so that one test after step
 * is enough.  Binding can fail only by a mistake of ours.  Text is not
 * copied.
 */
sqlite3_stmt *queue_statement(struct queue *q, enum statement which,
	    const char *text);
void	bind_int(sqlite3_stmt *s, int i, int64_t n);
void	bind_text(sqlite3_stmt *s, int i, const char *text);
void	bind_blob(sqlite3_stmt *s, int i, const void *p, size_t len);

/* Step once: 1 a row, 0 the end, -1 failed.  Without a row it is reset. */
int	queue_step(struct queue *q, sqlite3_stmt *s, const char *doing);
/* The same for one number, which stays as it is where SQL says NULL. */
int	queue_ask(struct queue *q, sqlite3_stmt *s, const char *doing,
	    int64_t *value);
int	queue_exec(struct queue *q, const char *text, const char *doing);

#endif
