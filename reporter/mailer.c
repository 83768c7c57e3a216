#include "reporter/mailer.h"

#include <sys/resource.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conf/clock.h"
#include "conf/mem.h"
#include "reporter/compose.h"
#include "reporter/marks.h"
#include "reporter/password.h"
#include "reporter/smtp.h"

#define NS		1000000000L
#define ABORT_NS	(NS / 10)
#define NICER		10	/* than the rest of us */

struct mailer {
	const struct conf *conf;
	const struct dkim *dkim;
	struct smtp_config smtp;
	char *password;
	void (*woken)(void *arg);
	void *arg;

	pthread_t *thread;
	size_t nthreads, busy;		/* busy: sessions handed over */

	atomic_bool stop;		/* no further message */
	pthread_mutex_t lock;		/* of all below */
	pthread_cond_t work;
	struct mailer_session *todo, *done;
	struct mailer_job *answered;
	bool end;			/* no further session */
};

static char *
read_password(const char *file, char **why)
{
	char *reason, *password = password_read(file, &reason);

	if (password == NULL)
		*why = xasprintf("[mail] password_file %s", reason);
	free(reason);
	return password;
}

static void
smtp_settings(struct mailer *m)
{
	const struct conf *c = m->conf;

	m->smtp = (struct smtp_config){
		.smarthost = c->mail.smarthost,
		.tls = (enum smtp_tls)c->mail.tls,
		.ca_file = c->mail.ca_file,
		.user = c->mail.user,
		.password = m->password,
		.timeout = c->mail.timeout,
		.stop = &m->stop,
	};
}

const char *
mailer_refusal(const struct conf *c, const struct dkim *dkim)
{
	if (dkim != NULL || c->dkim.signer == SIGNER_SMARTHOST)
		return NULL;
	return "no DKIM key: set [dkim] selector and key_file, or signer = "
	    "smarthost";
}

/*
 * Write the session's messages.  A job whose message cannot be made has its
 * result already and is not among them.  Returns how many there are.
 */
static size_t
write_messages(const struct mailer *m, struct mailer_job *jobs,
    struct smtp_message *list, struct mailer_job **owner)
{
	size_t n = 0, len;
	char *why;

	for (struct mailer_job *j = jobs; j != NULL && !m->stop; j = j->next) {
		char *text = compose_mail(m->conf, m->dkim, j->report,
		    j->address, &len, &why);

		if (text == NULL) {
			result_set(&j->result, REFUSED, 0, "%s", why);
			j->answered = true;
			free(why);
			continue;
		}
		list[n] = (struct smtp_message){
			.from = j->sender,
			.to = j->address, .data = text, .len = len,
		};
		owner[n++] = j;
	}
	return n;
}

/* A session under way. */
struct sending {
	struct mailer *m;
	struct mailer_session *s;
	struct smtp_message *list;
	struct mailer_job **owner;	/* of each */
	size_t back;			/* so many owners were handed back */
	int64_t since;			/* …the last of them then */
};

/* All jobs before the first without a result. */
static void
hand_back(struct mailer *m, struct mailer_session *s)
{
	struct mailer_job *first = s->jobs, **end = &s->jobs, *rest;

	while (*end != NULL && (*end)->answered)
		end = &(*end)->next;
	rest = *end;
	pthread_mutex_lock(&m->lock);
	*end = m->answered;
	m->answered = first;
	pthread_mutex_unlock(&m->lock);
	s->jobs = rest;
	m->woken(m->arg);
}

/* A long session does not keep what it knows for itself until its end. */
static void
on_answered(void *arg, size_t i)
{
	struct sending *x = arg;
	int64_t now = clock_ms();

	if (now - x->since < MARKS_MS)
		return;
	for (size_t k = x->back; k <= i; k++) {
		x->owner[k]->result = x->list[k].result;
		x->owner[k]->answered = true;
	}
	hand_back(x->m, x->s);
	x->s->reached = true;
	x->back = i + 1;
	x->since = now;
}

static void
run_session(struct mailer *m, struct mailer_session *s)
{
	struct smtp_config config = m->smtp;
	struct smtp_message *list;
	struct mailer_job **owner;
	struct sending x = { .m = m, .s = s };
	size_t n = 0;
	int64_t start;

	for (struct mailer_job *j = s->jobs; j != NULL; j = j->next, n++)
		result_set(&j->result, DEFERRED, 0, "not tried");
	list = xcalloc(n, sizeof(*list));
	owner = xcalloc(n, sizeof(*owner));
	n = write_messages(m, s->jobs, list, owner);
	s->reached = n == 0;		/* nothing is known against it */
	start = x.since = clock_ms();
	x.list = list;
	x.owner = owner;
	config.answered = on_answered;
	config.arg = &x;
	smtp_send(&config, list, n);
	s->slow = clock_ms() - start >= config.timeout * INT64_C(1000);
	for (size_t i = x.back; i < n; i++) {
		owner[i]->result = list[i].result;
		owner[i]->answered = list[i].answered;
		s->reached |= list[i].answered;
		s->broken |= !list[i].answered;
	}
	for (size_t i = 0; i < n; i++)
		free((char *)(uintptr_t)list[i].data);
	free(list);
	free(owner);
}

static struct mailer_session *
next_session(struct mailer *m)
{
	struct mailer_session *s;

	pthread_mutex_lock(&m->lock);
	while (m->todo == NULL && !m->end)
		pthread_cond_wait(&m->work, &m->lock);
	if ((s = m->todo) != NULL)
		m->todo = s->next;
	pthread_mutex_unlock(&m->lock);
	return s;
}

/*
 * No reply is so urgent that whoever runs should be interrupted for it, nor is
 * the next mail, when something else could run: often that is the smarthost
 * itself, which has to get on for us to get on.  Linux does both to this
 * thread alone.
 */
static void
give_way(void)
{
	const struct sched_param none = { 0 };

	if (sched_getscheduler(0) == SCHED_OTHER)
		(void)sched_setscheduler(0, SCHED_BATCH, &none);
	(void)setpriority(PRIO_PROCESS, 0,
	    getpriority(PRIO_PROCESS, 0) + NICER);
}

static void *
work(void *arg)
{
	struct mailer *m = arg;
	struct mailer_session *s;

	give_way();
	while ((s = next_session(m)) != NULL) {
		run_session(m, s);
		pthread_mutex_lock(&m->lock);
		s->next = m->done;
		m->done = s;
		m->busy--;
		pthread_mutex_unlock(&m->lock);
		m->woken(m->arg);
	}
	return NULL;
}

struct mailer *
mailer_new(const struct conf *c, const struct dkim *dkim,
    void (*woken)(void *arg), void *arg, char **why)
{
	struct mailer *m = xcalloc(1, sizeof(*m));
	int err = 0;

	m->conf = c;
	m->dkim = dkim;
	m->woken = woken;
	m->arg = arg;
	pthread_mutex_init(&m->lock, NULL);
	pthread_cond_init(&m->work, NULL);
	if (c->mail.password_file != NULL &&
	    (m->password = read_password(c->mail.password_file, why)) == NULL)
		goto fail;
	smtp_settings(m);
	if (smtp_setup(&m->smtp, why) == -1)
		goto fail;
	m->thread = xcalloc((size_t)c->mail.parallel, sizeof(*m->thread));
	while (m->nthreads < (size_t)c->mail.parallel && (err =
	    pthread_create(&m->thread[m->nthreads], NULL, work, m)) == 0)
		m->nthreads++;
	if (m->nthreads > 0)
		return m;
	*why = xasprintf("cannot start a thread: %s", strerror(err));
fail:
	mailer_free(m);
	return NULL;
}

static void
free_sessions(struct mailer_session *s)
{
	struct mailer_session *next;

	for (; s != NULL; s = next) {
		next = s->next;
		free(s);
	}
}

/* Again and again, since one may have been about to connect. */
static void
join(pthread_t thread)
{
	struct timespec until;

	for (;;) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += ABORT_NS;
		until.tv_sec += until.tv_nsec / NS;
		until.tv_nsec %= NS;
		if (pthread_timedjoin_np(thread, NULL, &until) != ETIMEDOUT)
			return;
		smtp_abort();
	}
}

void
mailer_stop(struct mailer *m, bool at_once)
{
	m->stop = true;
	if (!at_once)
		return;
	pthread_mutex_lock(&m->lock);
	m->end = true;
	pthread_cond_broadcast(&m->work);
	pthread_mutex_unlock(&m->lock);
	while (m->nthreads > 0)
		join(m->thread[--m->nthreads]);
}

void
mailer_free(struct mailer *m)
{
	if (m == NULL)
		return;
	mailer_stop(m, true);
	pthread_cond_destroy(&m->work);
	pthread_mutex_destroy(&m->lock);
	free_sessions(m->done);
	free(m->thread);
	free(m->password);
	free(m);
}

void
mailer_send(struct mailer *m, struct mailer_job *jobs)
{
	struct mailer_session *s = xcalloc(1, sizeof(*s));

	s->jobs = jobs;
	pthread_mutex_lock(&m->lock);
	s->next = m->todo;
	m->todo = s;
	m->busy++;
	pthread_cond_signal(&m->work);
	pthread_mutex_unlock(&m->lock);
}

struct mailer_session *
mailer_done(struct mailer *m)
{
	struct mailer_session *list;

	pthread_mutex_lock(&m->lock);
	list = m->done;
	m->done = NULL;
	pthread_mutex_unlock(&m->lock);
	return list;
}

struct mailer_job *
mailer_answered(struct mailer *m)
{
	struct mailer_job *list;

	pthread_mutex_lock(&m->lock);
	list = m->answered;
	m->answered = NULL;
	pthread_mutex_unlock(&m->lock);
	return list;
}

size_t
mailer_room(struct mailer *m)
{
	size_t busy;

	pthread_mutex_lock(&m->lock);
	busy = m->busy;
	pthread_mutex_unlock(&m->lock);
	return m->nthreads - busy;
}
