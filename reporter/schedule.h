#ifndef REPORTER_SCHEDULE_H
#define REPORTER_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Which of the jobs that are due goes next: hosts take turns, a host has no
 * more than so many at a time, and one that is slow or keeps failing holds up
 * nobody.  Plain memory; time is an argument, in seconds.
 */
struct schedule;

struct schedule_job {			/* the schedule's own */
	struct schedule_job *next, *previous;
	struct schedule_host *host;
	int64_t begun;
	bool counts;
};

/*
 * parallel: jobs at a time, but for those that have been under way for
 * SCHEDULE_SLOW seconds: there may be SCHEDULE_SLOW_MAX of them beside, so
 * that what waits for a timeout does not keep the others from working.
 *
 * per_host: of these, jobs of a host at a time; one, until it has been reached
 * for the first time.  Hosts that have not been may have no more than half of
 * parallel while others wait.
 *
 * A host that has been reached keeps its turn for SCHEDULE_TURN jobs, while the
 * connections to it are open, or until more than SCHEDULE_TURN_SECONDS have
 * passed since the first of them began.
 *
 * A host that was not reached failures_max times in a row is put aside: for
 * hold_min seconds, twice as long each time it is tried again in vain, up to
 * hold_max; then one job is let through to see whether it is back.
 */
#define SCHEDULE_SLOW		2
#define SCHEDULE_SLOW_MAX	512
#define SCHEDULE_TURN		32
#define SCHEDULE_TURN_SECONDS	1

struct schedule_limits {
	size_t parallel, per_host;
	unsigned failures_max;
	long hold_min, hold_max;
};
struct schedule *schedule_new(const struct schedule_limits *limits);
void	schedule_free(struct schedule *s);	/* jobs are the caller's */

void	schedule_add(struct schedule *s, const char *host,
	    struct schedule_job *job);

/* The next job to start, or NULL when none may start now. */
struct schedule_job *schedule_next(struct schedule *s, int64_t now);

/*
 * A started job has ended.  `reached` says whether the host answered at all.
 */
void	schedule_done(struct schedule *s, struct schedule_job *job,
	    bool reached, int64_t now);

/*
 * A waiting job of a host that is put aside, or NULL: the caller defers it
 * without an attempt.  When schedule_next has none and this has none, what
 * waits waits for a started job to end.
 */
struct schedule_job *schedule_hopeless(struct schedule *s, int64_t now);

/* Might a job of a host that is not there yet start now? */
bool	schedule_has_room(struct schedule *s, int64_t now);

size_t	schedule_waiting(const struct schedule *s);	/* not started */
size_t	schedule_started(const struct schedule *s);	/* not done */

#endif
