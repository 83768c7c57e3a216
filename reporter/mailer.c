#include "reporter/mailer.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/mem.h"
#include "reporter/hold.h"
#include "reporter/mime.h"
#include "reporter/smtp.h"

/* A session that waits for a thread. */
struct session {
	struct session *next;
	struct mailer_job *jobs;
};

struct mailer {
	const struct conf *conf;
	const struct dkim *dkim;
	struct smtp_config smtp;
	char *password;
	void (*woken)(void *arg);
	void *arg;

	pthread_t *thread;
	size_t nthreads, busy;		/* busy: sessions handed over */

	pthread_mutex_t lock;		/* of all below */
	pthread_cond_t work;
	struct session *todo;
	struct mailer_job *done;
	bool stop;
};

/* The first line of a file, without its end. */
static char *
read_password(const char *file, char **why)
{
	char *line = NULL;
	size_t size = 0;
	FILE *f;

	if ((f = fopen(file, "re")) == NULL) {
		*why = xasprintf("[mail] password_file %s: %s", file,
		    strerror(errno));
		return NULL;
	}
	if (getline(&line, &size, f) <= 0) {
		*why = xasprintf("[mail] password_file %s: holds no password",
		    file);
		free(line);
		line = NULL;
	} else
		line[strcspn(line, "\r\n")] = '\0';
	fclose(f);
	return line;
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

char *
mailer_message(const struct conf *c, const struct dkim *dkim,
    const struct queue_report *r, const char *address, size_t *len,
    char **why)
{
	const struct mime_report m = {
		.organization = c->report.organization_name,
		.from = c->mail.from,
		.to = address,
		.domain = r->domain,
		.submitter = c->report.domain,
		.report_id = r->report_id,
		.filename = r->filename,
		.summary = r->summary,
		.date = r->made,
		.body = r->body,
		.len = r->len,
	};
	const struct lint_names names = hold_names(c, r);
	char *message, *objection;

	if ((message = mime_message(&m, dkim, len, why)) == NULL)
		return NULL;
	objection = lint_message(message, *len, &names, c->mail.from, address,
	    dkim != NULL);
	if (objection == NULL)
		return message;
	*why = hold_reason(objection);
	free(message);
	return NULL;
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

	for (struct mailer_job *j = jobs; j != NULL; j = j->next) {
		char *text = mailer_message(m->conf, m->dkim, j->report,
		    j->address, &len, &why);

		if (text == NULL) {
			result_set(&j->result, REFUSED, 0, "%s", why);
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

static void
run_session(struct mailer *m, struct mailer_job *jobs)
{
	struct smtp_message *list;
	struct mailer_job **owner;
	size_t n = 0;

	for (struct mailer_job *j = jobs; j != NULL; j = j->next)
		n++;
	list = xcalloc(n, sizeof(*list));
	owner = xcalloc(n, sizeof(*owner));
	n = write_messages(m, jobs, list, owner);
	if (n > 0)
		smtp_send(&m->smtp, list, n);
	for (size_t i = 0; i < n; i++) {
		owner[i]->result = list[i].result;
		free((char *)(uintptr_t)list[i].data);
	}
	free(list);
	free(owner);
}

static struct session *
next_session(struct mailer *m)
{
	struct session *s;

	pthread_mutex_lock(&m->lock);
	while (m->todo == NULL && !m->stop)
		pthread_cond_wait(&m->work, &m->lock);
	if ((s = m->todo) != NULL)
		m->todo = s->next;
	pthread_mutex_unlock(&m->lock);
	return s;
}

static void *
work(void *arg)
{
	struct mailer *m = arg;
	struct mailer_job **end;
	struct session *s;

	while ((s = next_session(m)) != NULL) {
		run_session(m, s->jobs);
		for (end = &s->jobs; *end != NULL; end = &(*end)->next)
			;
		pthread_mutex_lock(&m->lock);
		*end = m->done;
		m->done = s->jobs;
		m->busy--;
		pthread_mutex_unlock(&m->lock);
		free(s);
		m->woken(m->arg);
	}
	return NULL;
}

struct mailer *
mailer_new(const struct conf *c, const struct dkim *dkim,
    void (*woken)(void *arg), void *arg, char **why)
{
	struct mailer *m = xcalloc(1, sizeof(*m));

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
	while (m->nthreads < (size_t)c->mail.parallel) {
		if (pthread_create(&m->thread[m->nthreads], NULL, work, m) != 0)
			break;
		m->nthreads++;
	}
	if (m->nthreads > 0)
		return m;
	*why = xasprintf("cannot start a thread: %s", strerror(errno));
fail:
	mailer_free(m);
	return NULL;
}

void
mailer_free(struct mailer *m)
{
	if (m == NULL)
		return;
	pthread_mutex_lock(&m->lock);
	m->stop = true;
	pthread_cond_broadcast(&m->work);
	pthread_mutex_unlock(&m->lock);
	for (size_t i = 0; i < m->nthreads; i++)
		pthread_join(m->thread[i], NULL);
	pthread_cond_destroy(&m->work);
	pthread_mutex_destroy(&m->lock);
	free(m->thread);
	free(m->password);
	free(m);
}

void
mailer_send(struct mailer *m, struct mailer_job *list)
{
	struct session *s = xcalloc(1, sizeof(*s));

	s->jobs = list;
	pthread_mutex_lock(&m->lock);
	s->next = m->todo;
	m->todo = s;
	m->busy++;
	pthread_cond_signal(&m->work);
	pthread_mutex_unlock(&m->lock);
}

struct mailer_job *
mailer_done(struct mailer *m)
{
	struct mailer_job *list;

	pthread_mutex_lock(&m->lock);
	list = m->done;
	m->done = NULL;
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
