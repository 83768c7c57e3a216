#ifndef REPORTER_OUTCOME_H
#define REPORTER_OUTCOME_H

/*
 * How an attempt to deliver ended.  The one place where replies and errors
 * become outcomes; only the queue acts on them.  Unknown is DEFERRED, never
 * DELIVERED.
 */
enum outcome {
	DELIVERED,	/* accepted by the far end */
	DEFERRED,	/* worth trying again */
	REFUSED		/* will never be accepted */
};

struct result {
	enum outcome outcome;
	int code;		/* HTTP status or SMTP reply, 0 without one */
	long retry_after;	/* seconds the far end asked for, -1 if not */
	char text[256];		/* its words or the error, for the log */
};

void	result_set(struct result *r, enum outcome o, int code,
	    const char *format, ...) __attribute__((format(printf, 4, 5)));

/*
 * 2xx delivered; 408, 425, 429 and 5xx deferred; other 3xx and 4xx refused
 * (redirects are not followed); anything else, deferred.
 */
enum outcome outcome_http(int status);
/* 2xx delivered, 4xx deferred, 5xx refused, anything else deferred. */
enum outcome outcome_smtp(int reply);

#endif
