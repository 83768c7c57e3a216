#include "spool/sealer.h"

#include <sys/resource.h>
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conf/clock.h"
#include "conf/log.h"
#include "conf/mem.h"
#include "spool/spool.h"

#define SAVE_SECONDS	10	/* between two looks at the counters */
#define RETRY_MS	60000
#define JOBS_MAX	64	/* that wait: each keeps a file open */

struct sealer_job {
	struct sealer_job *next;
	int day, fd;
	char *name;		/* NULL: whatever is without writer */
	int64_t due;		/* by clock_ms */
};

void
sealer_init(struct sealer *s, const char *path, const char *source,
    struct counters *counters)
{
	pthread_condattr_t attr;

	memset(s, 0, sizeof(*s));
	s->path = path;
	s->source = source;
	s->counters = counters;
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->changed, &attr);
	pthread_condattr_destroy(&attr);
}

static void
job_free(struct sealer_job *j)
{
	if (j->fd != -1)
		close(j->fd);	/* and unlock: whoever finds it may seal it */
	free(j->name);
	free(j);
}

void
sealer_release(struct sealer *s)
{
	struct sealer_job *j;

	while ((j = s->jobs) != NULL) {
		s->jobs = j->next;
		job_free(j);
	}
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->changed);
	free(s->metrics);
	memset(s, 0, sizeof(*s));
}

void
sealer_metrics(struct sealer *s, const char *path)
{
	pthread_mutex_lock(&s->lock);
	free(s->metrics);
	s->metrics = path != NULL ? xstrdup(path) : NULL;
	pthread_mutex_unlock(&s->lock);
}

/* At the end of the queue, unless that is full. */
static void
enqueue(struct sealer *s, struct sealer_job *j)
{
	struct sealer_job **end;

	pthread_mutex_lock(&s->lock);
	if (s->njobs >= JOBS_MAX) {
		job_free(j);
	} else {
		for (end = &s->jobs; *end != NULL; end = &(*end)->next)
			;
		*end = j;
		s->njobs++;
		pthread_cond_signal(&s->changed);
	}
	pthread_mutex_unlock(&s->lock);
}

void
sealer_add(struct sealer *s, int day, char *name, int fd)
{
	struct sealer_job *j = xcalloc(1, sizeof(*j));

	j->day = day;
	j->name = name;
	j->fd = fd;
	enqueue(s, j);
}

void
sealer_add_orphans(struct sealer *s)
{
	sealer_add(s, 0, NULL, -1);
}

static int
seal_orphans(struct spool *spool, struct counters *counters,
    struct intake_totals *t)
{
	int *days, n, rc = 0;
	size_t ndays;

	if (spool_days(spool, &days, &ndays) == -1)
		return -1;
	for (size_t i = 0; i < ndays; i++) {
		if ((n = spool_seal_day(spool, days[i], t)) == -1)
			rc = -1;
		else
			counter_add(counters, SEALED, (uint64_t)n);
	}
	free(days);
	return rc;
}

/* Is the error one that trying again may mend? */
static bool
is_passing(int error)
{
	return error != ENOENT && error != EBADMSG && error != EEXIST;
}

static int
do_job(const struct sealer *s, const struct sealer_job *j)
{
	struct intake_totals t = { 0 };
	struct spool spool;
	const char *why;
	int rc, saved;

	/* Anew each time: its folders may have gone and come back. */
	if (spool_open(&spool, s->path, s->source, false, &why) == -1)
		return -1;
	if (j->name == NULL)
		rc = seal_orphans(&spool, s->counters, &t);
	else if ((rc = spool_seal(&spool, j->day, j->name, &t)) == 0)
		counter_add(s->counters, SEALED, 1);
	saved = errno;
	spool_close(&spool);
	malloc_trim(0);		/* a segment's worth */
	errno = saved;
	return rc;
}

/* The first job that is due now, taken off the queue. */
static struct sealer_job *
next_job(struct sealer *s)
{
	struct sealer_job **p, *j;
	int64_t now = clock_ms();

	for (p = &s->jobs; (j = *p) != NULL; p = &j->next)
		if (s->stop || j->due <= now) {
			*p = j->next;
			j->next = NULL;
			s->njobs--;
			return j;
		}
	return NULL;
}

static void
run_job(struct sealer *s, struct sealer_job *j)
{
	bool stop;

	if (do_job(s, j) == 0 || !is_passing(errno)) {
		job_free(j);
		return;
	}
	pthread_mutex_lock(&s->lock);
	stop = s->stop;
	pthread_mutex_unlock(&s->lock);
	if (stop || j->name == NULL) {
		job_free(j);
		return;
	}
	j->due = clock_ms() + RETRY_MS;
	enqueue(s, j);
}

static void
save(struct sealer *s, char **failed)
{
	char *path;

	pthread_mutex_lock(&s->lock);
	path = s->metrics != NULL ? xstrdup(s->metrics) : NULL;
	pthread_mutex_unlock(&s->lock);
	if (path != NULL && counters_save(s->counters, path) == -1) {
		/* Once for each place is enough. */
		if (*failed == NULL || strcmp(*failed, path) != 0) {
			log_warn("%s: counters cannot be saved: %m", path);
			free(*failed);
			*failed = path;
			path = NULL;
		}
	}
	free(path);
}

static void
wait_a_while(struct sealer *s)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += SAVE_SECONDS;
	pthread_cond_timedwait(&s->changed, &s->lock, &until);
}

void *
sealer_run(void *arg)
{
	struct sealer *s = arg;
	struct sealer_job *j;
	char *failed = NULL;
	bool stop = false;

	setpriority(PRIO_PROCESS, 0, 10);	/* of this thread */
	while (!stop) {
		save(s, &failed);
		pthread_mutex_lock(&s->lock);
		if ((j = next_job(s)) == NULL && !s->stop) {
			wait_a_while(s);
			j = next_job(s);
		}
		stop = j == NULL && s->stop;
		pthread_mutex_unlock(&s->lock);
		if (j != NULL)
			run_job(s, j);
	}
	save(s, &failed);
	free(failed);
	return NULL;
}

void
sealer_stop(struct sealer *s)
{
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
}
