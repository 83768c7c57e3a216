#include "reporter/smtp_judge.h"

#include <string.h>

#include <openssl/x509.h>

#include "conf/clock.h"
#include "reporter/outcome.h"

/* Why the session did not come to a message, or to the end of it. */
static void
session_result(struct result *r, const struct smtp_talk *s)
{
	const struct smtp_watch *w = &s->watch;
	const char *stage = smtp_stage_name(w->stage);
	const char *host = s->peer.host;
	char text[128];

	if (!s->connected)
		result_set(r, DEFERRED, 0, "%s: %s", s->config->smarthost,
		    smtp_strerror(smtp_errno(), text, sizeof(text)));
	else if (s->certificate != X509_V_OK &&
	    s->tls == SMTP_TLS_REQUIRED)
		result_set(r, DEFERRED, 0, "certificate of %s: %s",
		    host, X509_verify_cert_error_string(s->certificate));
	else if (w->trouble != NULL)
		result_set(r, DEFERRED, 0, "%s: %s", stage, w->trouble);
	else if (w->stage == SMTP_STARTTLS && w->code == 220)
		result_set(r, DEFERRED, 0, "TLS handshake failed");
	else if (w->complete)
		result_set(r, DEFERRED, w->code, "%s: %s", stage, w->reply);
	else if (!w->quit && clock_ms() - w->since >= w->timeout)
		result_set(r, DEFERRED, 0, "%s: no reply within %ld seconds",
		    stage, s->config->timeout);
	else
		result_set(r, DEFERRED, 0, "%s: connection lost", stage);
}

static void
reply_result(struct result *r, const char *stage, const smtp_status_t *st)
{
	if (st->enh_class != 0)
		result_set(r, outcome_smtp(st->code), st->code,
		    "%s: %d %d.%d.%d %s", stage, st->code, st->enh_class,
		    st->enh_subject, st->enh_detail, st->text);
	else
		result_set(r, outcome_smtp(st->code), st->code, "%s: %d %s",
		    stage, st->code, st->text);
}

void
smtp_unanswered(const struct smtp_feed *f, const struct smtp_talk *s)
{
	session_result(&f->message->result, s);
	f->message->answered = false;
}

size_t
smtp_last_begun(const struct smtp_feed *feeds, size_t n)
{
	while (n > 1 &&
	    smtp_reverse_path_status(feeds[n - 1].esmtp)->text == NULL)
		n--;
	return n - 1;
}

static bool
accepted(const smtp_status_t *st)
{
	return st->text != NULL && outcome_smtp(st->code) == DELIVERED;
}

/*
 * A sender that the smarthost does not take, or a client that it does not
 * relay for, is for the operator to mend, and the reports should be there
 * then; only a message that is too large (RFC 1870) is so for good.
 */
static bool
is_about_us(const smtp_status_t *mail, const smtp_status_t *rcpt)
{
	if (!accepted(mail))
		return mail->text != NULL && mail->code != 552;
	/* RFC 3463 section 3.8: "5.7.1 relay access denied" and its like. */
	return !accepted(rcpt) && rcpt->text != NULL &&
	    ((rcpt->enh_class == 5 && rcpt->enh_subject == 7) ||
	    strncmp(rcpt->text, "5.7.", 4) == 0);
}

/*
 * Without AUTH a smarthost may well refuse us for good; that says nothing
 * about the message.
 */
static void
blame_auth(struct result *r, const struct smtp_watch *w)
{
	struct result refusal = *r;

	result_set(r, DEFERRED, refusal.code, "AUTH: %s; %s",
	    w->auth_reply[0] != '\0' ? w->auth_reply : "not possible",
	    refusal.text);
}

/*
 * Is this the answer to the whole message, or to DATA a refusal?  A 354 is
 * left over from DATA when the session ended before the answer came, and a
 * 250 to DATA accepts nothing.
 */
static bool
is_answer(const struct smtp_feed *f, const struct smtp_watch *w, int code)
{
	if (!f->whole)
		return code >= 400;
	return code / 100 != 3 || w->stage != SMTP_BODY || w->complete;
}

/*
 * The first command of a message that was not accepted decides.  A status
 * without text is a reply that was not read to its end: what became of the
 * message nobody knows then.
 */
void
smtp_judge(const struct smtp_feed *f, const struct smtp_talk *s)
{
	const smtp_status_t *mail = smtp_reverse_path_status(f->esmtp);
	const smtp_status_t *rcpt = smtp_recipient_status(f->recipient);
	const smtp_status_t *data = smtp_message_transfer_status(f->esmtp);
	struct result *r = &f->message->result;

	f->message->answered = true;
	if (mail->text != NULL && !accepted(mail))
		reply_result(r, "MAIL", mail);
	else if (accepted(mail) && rcpt->text != NULL && !accepted(rcpt))
		reply_result(r, "RCPT", rcpt);
	else if (accepted(mail) && accepted(rcpt) && data->text != NULL &&
	    is_answer(f, &s->watch, data->code))
		reply_result(r, f->whole ? "message" : "DATA", data);
	else
		smtp_unanswered(f, s);
	if (r->outcome == REFUSED && s->config->user != NULL &&
	    !s->watch.authenticated)
		blame_auth(r, &s->watch);
	if (r->outcome == REFUSED && is_about_us(mail, rcpt))
		r->outcome = DEFERRED;
}
