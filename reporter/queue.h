#ifndef REPORTER_QUEUE_H
#define REPORTER_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Reports and their deliveries, in SQLite (DESIGN contract 4).  The state
 * table is at the top of queue.c.  Functions return 0, or -1 when the
 * database said no; queue_error then has the reason.  One thread at a time.
 */
struct queue;

enum queue_mode {
	QUEUE_READ,	/* changes nothing; the file must be there */
	QUEUE_LOOK,	/* the same, but it may be an older release's: to be
			   closed again, and nothing else */
	QUEUE_WRITE	/* makes the file if needed, brings it up to date */
};
/* NULL with *why (the caller frees it) when it cannot be opened. */
struct queue *queue_open(const char *path, enum queue_mode mode, char **why);
void	queue_close(struct queue *q);
const char *queue_error(const struct queue *q);

enum queue_state { QUEUE_PENDING, QUEUE_SENT, QUEUE_FAILED, QUEUE_EXPIRED };
const char *queue_state_name(enum queue_state s);

enum queue_transport {
	QUEUE_MAILTO,
	QUEUE_HTTPS,
	QUEUE_LOOKUP	/* the record is still to be asked for in DNS */
};

/*
 * What these two point to is lent by whoever fills them in; with `memory`, it
 * is in there, and the release functions free it.
 */
struct queue_report {
	int64_t row;
	int day;
	unsigned part;
	int64_t made;		/* seconds: the Date of its mail */
	const char *domain, *report_id, *filename;
	const char *submitter;	/* who we were when it was made; read only */
	uint64_t sessions, failures;
	const void *body;	/* gzip */
	size_t len;
	const char *figures;	/* for its mail, see summary.h; or NULL */
	int64_t seal;		/* of what lint has looked over, see hold.h */
	void *memory;
};
void	queue_report_release(struct queue_report *r);

struct queue_delivery {
	int64_t row, report;
	enum queue_transport transport;
	const char *uri;	/* canonical, unique within the report */
	const char *host;	/* for per-host limits */
	enum queue_state state;
	int64_t next_try;	/* seconds */
	int64_t first_try;	/* 0: not tried yet */
	unsigned tries;
	const char *note;	/* last reply or error, or NULL */
	void *memory;
};
/* A copy with memory of its own, less the note. */
void	queue_delivery_copy(struct queue_delivery *d,
	    const struct queue_delivery *from);
void	queue_delivery_release(struct queue_delivery *d);

/*
 * A day: everything between begin and commit is one transaction, on stable
 * storage when commit returns 0.  A day's segments become known in the same
 * transaction as the reports made from them.  Once anything in between has
 * failed, or when a report has no delivery, commit fails too, and nothing of
 * the day is stored.
 */
int	queue_begin(struct queue *q);
int	queue_commit(struct queue *q);
void	queue_rollback(struct queue *q);

/* Was this segment reported?  1, 0, or -1. */
int	queue_knows_segment(struct queue *q, int day, const char *id);
int	queue_add_segment(struct queue *q, int day, const char *id);
/* The part number of this day's next reports: 1 when it has none. */
int	queue_next_part(struct queue *q, int day, unsigned *part);
/* Marks the day as reported, with this part. */
int	queue_add_part(struct queue *q, int day, unsigned part, int64_t now);
/*
 * r->row and d->row are set.  d->report says whose delivery it is; 0: the
 * report added last, and it is set.  A delivery begins pending at next_try,
 * whatever its other fields say.
 */
int	queue_add_report(struct queue *q, struct queue_report *r);
int	queue_add_delivery(struct queue *q, struct queue_delivery *d);

/*
 * What is due, oldest next_try first: fn is called for each, without loading
 * reports; what it gets lives during the call only; it must not touch the
 * queue; a return other than 0 stops.  Cost is O(rows given).  A next_try so
 * far ahead that only a wrong clock can have set it is due too, after the
 * others.  With a domain, here and below, only deliveries of reports on that
 * one.
 */
typedef int queue_fn(void *arg, const struct queue_delivery *d);
int	queue_due(struct queue *q, int64_t now, const char *domain,
	    queue_fn *fn, void *arg);
/* The earliest next_try of what is pending; *t is INT64_MAX when none. */
int	queue_next_due(struct queue *q, const char *domain, int64_t *t);
/* Make everything pending due at `now`. */
int	queue_make_due(struct queue *q, int64_t now, const char *domain);

/*
 * Is there room on the disk to mark what becomes of some hundred attempts?
 * Whoever could not note what he sent would send it again, run after run: ask
 * before the first.
 */
int	queue_reserve(struct queue *q);

/* With memory, to be released.  -1 with ENOENT where there is no such row. */
int	queue_get_report(struct queue *q, int64_t row, struct queue_report *r);

/*
 * What became of an attempt.  Each is one transaction unless inside
 * queue_begin.  The row must be pending: a second call for the same row
 * changes nothing and returns 0.
 */
int	queue_sent(struct queue *q, int64_t row, int64_t now, const char *note);
int	queue_failed(struct queue *q, int64_t row, int64_t now,
	    const char *note);
int	queue_expired(struct queue *q, int64_t row, int64_t now,
	    const char *note);
int	queue_deferred(struct queue *q, int64_t row, int64_t now,
	    int64_t next_try, const char *note);
/*
 * A look-up was answered: its destinations, as for queue_add_delivery with
 * report 0, replace it in one transaction.  Without any (n is 0) it failed,
 * for the reason in note.
 */
int	queue_resolved(struct queue *q, int64_t row, int64_t now,
	    struct queue_delivery *list, size_t n, const char *note);

struct queue_counts {
	uint64_t pending, sent, failed, expired;
};
int	queue_count(struct queue *q, struct queue_counts *c);

/* For monitoring: the same by transport, and how old things are. */
struct queue_measures {
	uint64_t n[QUEUE_LOOKUP + 1][QUEUE_EXPIRED + 1];
	uint64_t deferred[QUEUE_LOOKUP + 1];	/* pending, tried in vain */
	int64_t oldest;		/* pending report was made; 0: none pending */
	int64_t last_success;	/* 0: none known */
};
int	queue_measure(struct queue *q, struct queue_measures *m);

/*
 * For people: every delivery with its report, by domain (NULL: all), day and
 * part.  As queue_due otherwise.
 */
struct queue_item {
	const char *domain, *report_id, *filename;
	int day;
	unsigned part;
	int64_t made;
	uint64_t sessions, failures;
	size_t len;		/* of the body */
	struct queue_delivery delivery;
	int64_t ended;		/* seconds; 0: pending */
};
typedef int queue_item_fn(void *arg, const struct queue_item *item);
int	queue_list(struct queue *q, const char *domain, queue_item_fn *fn,
	    void *arg);

/*
 * Forget reports all of whose deliveries ended before the given second;
 * days and segments stay known for ever.
 */
int	queue_purge(struct queue *q, int64_t before);

#endif
