#ifndef SPOOL_SEALER_H
#define SPOOL_SEALER_H

#include <pthread.h>
#include <stdbool.h>

#include "spool/counters.h"

/*
 * The collector's third thread: does what may take long and that nobody waits
 * for.  It seals segments, and saves the counters every few seconds.
 */
struct sealer_job;
struct sealer {
	const char *path, *source;	/* of the spool */
	struct counters *counters;

	pthread_mutex_t lock;		/* of what follows; never held long */
	pthread_cond_t changed;
	struct sealer_job *jobs;
	size_t njobs;
	char *metrics;			/* file for the counters, or NULL */
	bool stop;
};

void	sealer_init(struct sealer *s, const char *path, const char *source,
	    struct counters *counters);
void	sealer_release(struct sealer *s);
/* Where to save the counters from now on; NULL: nowhere. */
void	sealer_metrics(struct sealer *s, const char *path);

/*
 * Seal this open segment of a day.  The descriptor holds our lock on it, so
 * that nobody else does; both are the sealer's from now on.
 */
void	sealer_add(struct sealer *s, int day, char *name, int fd);
/* Seal all in the spool whose writers are gone. */
void	sealer_add_orphans(struct sealer *s);

/* The thread's function; ends, with all done that can be, after this. */
void	*sealer_run(void *s);
void	sealer_stop(struct sealer *s);

#endif
