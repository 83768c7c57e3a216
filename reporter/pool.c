#include "reporter/pool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "conf/log.h"
#include "conf/mem.h"

struct pool {
	size_t n;
	atomic_size_t next;
	void (*work)(void *arg, size_t i);
	void *arg;
};

static void *
run(void *arg)
{
	struct pool *p = arg;
	size_t i;

	while ((i = atomic_fetch_add(&p->next, 1)) < p->n)
		p->work(p->arg, i);
	return NULL;
}

void
pool_run(size_t n, size_t threads, void (*work)(void *arg, size_t i),
    void *arg)
{
	struct pool p = { .n = n, .work = work, .arg = arg };
	pthread_t *thread = xcalloc(threads, sizeof(*thread));
	sigset_t all, before;
	size_t started = 0;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (started < threads && started < n && (errno =
	    pthread_create(&thread[started], NULL, run, &p)) == 0)
		started++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (n > 0 && started == 0)
		fatal("cannot start a thread: %m");
	for (size_t i = 0; i < started; i++)
		pthread_join(thread[i], NULL);
	free(thread);
}
