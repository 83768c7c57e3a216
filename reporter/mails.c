#include "reporter/mails.h"

#include <stdlib.h>
#include <string.h>

#include "conf/mem.h"
#include "reporter/mailer.h"
#include "reporter/sender.h"
#include "reporter/suppress.h"

/*
 * All mails go to one smarthost, so when that is down each session would cost
 * a timeout and bring nothing.  A session in which it answered for no message
 * was in vain:
 *
 * - while others are under way, it may just take no more sessions: their mails
 *   wait again, and there are no more sessions than those others until one of
 *   them has ended well;
 * - when VAIN_MAX in a row were, the smarthost is down: what waits is deferred
 *   untried, until a hold is over.  Then one session is let through.  The
 *   hold doubles as long as that one is in vain, too.
 *
 * In a session that breaks off later, the first mail without an answer may be
 * to blame: that one is deferred, and those after it go into another session.
 * When SLOW_MAX in a row had to be waited for before they broke off, all of
 * their mails are deferred.
 */
#define VAIN_MAX	2
#define SLOW_MAX	3

#define SESSION_BYTES	(4 << 20)	/* of reports and mails, which are in
					   memory together */
#define TEXT_BYTES	(350 << 10)	/* the text for people has no more */

struct mails {
	const struct conf *conf;
	const struct dkim *dkim;
	struct marks *marks;
	struct sender sender;
	void (*woken)(void *arg);
	void *arg;

	struct mailer *mailer;		/* NULL until a mail is due */
	struct job_list waiting;
	struct mailer_session *ended;	/* its mails are not marked yet … */
	struct mailer_job *answered;	/* … nor are these */
	size_t started;			/* mails */
	size_t sessions, limit;
	unsigned vain, slow;		/* sessions in a row */
	bool stopping;

	long hold;			/* 0: it answers */
	int64_t until;			/* the hold lasts */
	char why[256];
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
	m->limit = (size_t)c->mail.parallel;
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
finish_all(struct mails *m, const struct result *r)
{
	struct job *j;

	while ((j = job_list_shift(&m->waiting)) != NULL) {
		marks_load(m->marks, j);
		marks_finish(m->marks, j, r);
	}
}

/* false: mail cannot be sent in this run, and what was due is deferred. */
static bool
mailer_ready(struct mails *m)
{
	struct result r;
	char *why;

	if (m->mailer == NULL)
		m->mailer = mailer_new(m->conf, m->dkim, m->woken, m->arg,
		    &why);
	if (m->mailer != NULL)
		return true;
	result_set(&r, DEFERRED, 0, "%s", why);
	finish_all(m, &r);
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

/*
 * What a report and its mail take: the body, in the mail as base64, and a text
 * whose size is not known where its figures were not kept.
 */
static size_t
mail_bytes(const struct queue_report *r)
{
	return r->len + r->len / 2 * 3 +
	    (r->figures != NULL ? 3 * strlen(r->figures) : TEXT_BYTES);
}

static void
start_session(struct mails *m)
{
	struct mailer_job *list = NULL, **end = &list;
	struct mailer_job *mail;
	bool fresh = false;
	size_t bytes = 0;
	struct job *j;

	for (long n = m->conf->mail.messages_per_session; n > 0 &&
	    bytes < SESSION_BYTES && (j = next_mail(m)) != NULL; n--) {
		bytes += mail_bytes(&j->r);
		marks_must(m->marks, sender_for(&m->sender, m->marks->queue,
		    j->d.uri, m->marks->clock(), &j->sender, &fresh));
		*end = mail = xmalloc(sizeof(*mail));
		*mail = (struct mailer_job){ .report = &j->r,
		    .sender = j->sender,
		    .address = j->to.target, .arg = j };
		end = &mail->next;
		m->started++;
	}
	if (fresh)
		marks_commit(m->marks);	/* before a bounce can come */
	if (list == NULL)
		return;
	m->sessions++;
	mailer_send(m->mailer, list);
}

static bool
is_down(const struct mails *m)
{
	return m->hold != 0 && m->marks->clock() < m->until;
}

void
mails_start(struct mails *m)
{
	const char *why = mailer_refusal(m->conf, m->dkim);
	struct result r;

	if (m->waiting.n == 0)
		return;
	if (why != NULL) {
		result_set(&r, REFUSED, 0, "%s", why);
		finish_all(m, &r);
	} else if (is_down(m)) {
		result_set(&r, DEFERRED, 0, "not tried, the smarthost does not "
		    "answer: %s", m->why);
		finish_all(m, &r);
	} else if (mailer_ready(m)) {
		while (m->waiting.n > 0 && m->sessions < m->limit &&
		    mailer_room(m->mailer) > 0)
			start_session(m);
	}
}

/* What a session that has ended says about the smarthost. */
static void
judge(struct mails *m, const struct mailer_session *s)
{
	long max = m->conf->deliver.retry_max;

	m->slow = s->broken && s->slow ? m->slow + 1 : 0;
	if (s->reached) {
		m->vain = 0;
		m->hold = 0;
		if (m->limit < (size_t)m->conf->mail.parallel)
			m->limit++;
		return;
	}
	m->vain++;
	m->limit = m->sessions > 0 ? m->sessions : 1;
	if (m->sessions > 0 || m->vain < VAIN_MAX)
		return;
	m->hold = m->hold == 0 ? m->conf->deliver.retry_min :
	    m->hold > max / 2 ? max : 2 * m->hold;
	m->until = m->marks->clock() + m->hold;
	memcpy(m->why, s->jobs->result.text, sizeof(m->why));
}

static void
wait_again(struct mails *m, struct job *j)
{
	job_unload(j);
	job_list_append(&m->waiting, j);
}

/* What becomes of its mails: all before the first without an answer have one. */
static void
end_mails(struct mails *m, const struct mailer_session *s)
{
	bool again = !is_down(m) && m->slow < SLOW_MAX;
	bool blamed = !s->reached;
	struct mailer_job *mail, *next;

	for (mail = s->jobs; mail != NULL; mail = next) {
		next = mail->next;
		m->started--;
		if (mail->answered)
			marks_finish(m->marks, mail->arg, &mail->result);
		else if (m->stopping)
			;		/* it stays as it is in the queue */
		else if (blamed && again)
			wait_again(m, mail->arg);
		else {
			marks_finish(m->marks, mail->arg, &mail->result);
			blamed = true;
		}
		free(mail);
	}
}

void
mails_collect(struct mails *m)
{
	struct mailer_job **answered;
	struct mailer_session *s, **end;

	if (m->mailer == NULL)
		return;
	for (answered = &m->answered; *answered != NULL;
	    answered = &(*answered)->next)
		;
	*answered = mailer_answered(m->mailer);
	for (end = &m->ended; *end != NULL; end = &(*end)->next)
		;
	*end = mailer_done(m->mailer);
	for (s = *end; s != NULL; s = s->next) {
		m->sessions--;
		if (!m->stopping)
			judge(m, s);
	}
}

void
mails_mark(struct mails *m)
{
	struct mailer_session *s;
	struct mailer_job *mail;

	while ((mail = m->answered) != NULL) {
		m->answered = mail->next;
		m->started--;
		marks_finish(m->marks, mail->arg, &mail->result);
		free(mail);
	}
	while ((s = m->ended) != NULL) {
		m->ended = s->next;
		end_mails(m, s);
		free(s);
	}
}

void
mails_stop(struct mails *m, bool at_once)
{
	m->stopping = true;
	if (m->mailer == NULL)
		return;
	mailer_stop(m->mailer, at_once);
	if (at_once) {
		mails_collect(m);
		mails_mark(m);
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
