#include "reporter/mails.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "conf/mem.h"
#include "reporter/mailer.h"
#include "reporter/sender.h"
#include "reporter/suppress.h"

struct mails {
	const struct conf *conf;
	const struct dkim *dkim;
	struct marks *marks;
	struct sender sender;
	void (*woken)(void *arg);
	void *arg;

	struct mailer *mailer;		/* NULL until a mail is due */
	struct job_list waiting;
	size_t started;
};

struct mails *
mails_new(const struct conf *c, const struct dkim *dkim, struct marks *marks,
    void (*woken)(void *arg), void *arg)
{
	struct mails *m = xcalloc(1, sizeof(*m));

	m->conf = c;
	m->dkim = dkim;
	m->marks = marks;
	m->woken = woken;
	m->arg = arg;
	job_list_init(&m->waiting);
	marks_must(marks, sender_init(&m->sender, marks->queue,
	    c->mail.envelope_from));
	return m;
}

void
mails_free(struct mails *m)
{
	if (m == NULL)
		return;
	mailer_free(m->mailer);
	free(m);
}

void
mails_add(struct mails *m, struct job *j)
{
	job_list_append(&m->waiting, j);
}

/* All that wait end like this. */
static void
finish_all(struct mails *m, enum outcome o, const char *why)
{
	struct result r;
	struct job *j;

	result_set(&r, o, 0, "%s", why);
	while ((j = job_list_shift(&m->waiting)) != NULL) {
		marks_load(m->marks, j);
		marks_finish(m->marks, j, &r);
	}
}

/* false: mail cannot be sent in this run, and what was due is deferred. */
static bool
mailer_ready(struct mails *m)
{
	char *why;

	if (m->mailer == NULL)
		m->mailer = mailer_new(m->conf, m->dkim, m->woken, m->arg,
		    &why);
	if (m->mailer != NULL)
		return true;
	finish_all(m, DEFERRED, why);
	free(why);
	return false;
}

/* Does no mail go to this job's address?  r says why; j->to is filled in. */
static bool
is_refused(struct mails *m, struct job *j, struct result *r)
{
	const char *why;
	int rc;

	if (rua_uri(&j->to, j->d.uri, strlen(j->d.uri), &why) == -1) {
		result_set(r, REFUSED, 0, "%s", why);
		return true;
	}
	rc = suppress_check(m->marks->queue, j->d.uri, m->marks->clock(),
	    r->text, sizeof(r->text));
	marks_must(m->marks, rc);
	return rc != 0;
}

/* The next mail but for those to addresses that have bounced. */
static struct job *
next_mail(struct mails *m)
{
	struct result r = { .outcome = REFUSED };
	struct job *j;

	while ((j = job_list_shift(&m->waiting)) != NULL) {
		marks_load(m->marks, j);
		if (!is_refused(m, j, &r))
			break;
		marks_finish(m->marks, j, &r);
	}
	return j;
}

static void
start_session(struct mails *m)
{
	struct mailer_job *list = NULL, **end = &list;
	bool fresh = false;
	struct job *j;

	for (long n = m->conf->mail.messages_per_session; n > 0 &&
	    (j = next_mail(m)) != NULL; n--) {
		marks_must(m->marks, sender_for(&m->sender, m->marks->queue,
		    j->d.uri, m->marks->clock(), &j->sender, &fresh));
		j->mail = (struct mailer_job){ .report = &j->r,
		    .sender = j->sender,
		    .address = j->to.target, .arg = j };
		*end = &j->mail;
		end = &j->mail.next;
		m->started++;
	}
	if (fresh)
		marks_commit(m->marks);	/* before a bounce can come */
	if (list != NULL)
		mailer_send(m->mailer, list);
}

void
mails_start(struct mails *m)
{
	const char *why = mailer_refusal(m->conf, m->dkim);

	if (m->waiting.n == 0)
		return;
	if (why != NULL) {
		finish_all(m, REFUSED, why);
		return;
	}
	if (!mailer_ready(m))
		return;
	while (m->waiting.n > 0 && mailer_room(m->mailer) > 0)
		start_session(m);
}

void
mails_collect(struct mails *m)
{
	struct mailer_job *list, *next;

	list = m->mailer != NULL ? mailer_done(m->mailer) : NULL;
	for (; list != NULL; list = next) {
		next = list->next;
		m->started--;
		marks_finish(m->marks, list->arg, &list->result);
	}
}

size_t
mails_waiting(const struct mails *m)
{
	return m->waiting.n;
}

size_t
mails_started(const struct mails *m)
{
	return m->started;
}
