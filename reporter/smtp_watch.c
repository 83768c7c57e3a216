#include "reporter/smtp_watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libesmtp.h>

#include "conf/clock.h"

/*
 * libesmtp 1.1 bounds the silence between two packets, not a reply: a peer
 * that sends a byte now and then, or EHLO lines without end, would hold it
 * for ever.
 */
#define REPLY_MAX	65536	/* bytes for one command */
#define LINE_BYTES	512	/* of a longer one, libesmtp takes a part */
#define REPLY_PATIENCE	2	/* timeouts; RCPT and DATA may go together */

static const struct {
	const char *verb, *name;
} stages[] = {
	[SMTP_CONNECT] = { NULL, "connection" },
	[SMTP_GREETING] = { NULL, "greeting" },
	[SMTP_EHLO] = { "EHLO ", "EHLO" },
	[SMTP_STARTTLS] = { "STARTTLS\r\n", "STARTTLS" },
	[SMTP_AUTH] = { "AUTH ", "AUTH" },
	[SMTP_MAIL] = { "MAIL ", "MAIL" },
	[SMTP_RCPT] = { "RCPT ", "RCPT" },
	[SMTP_DATA] = { "DATA\r\n", "DATA" },
	[SMTP_BODY] = { NULL, "message" }
};
#define NSTAGES (sizeof(stages) / sizeof(stages[0]))

const char *
smtp_stage_name(enum smtp_stage s)
{
	return stages[s].name;
}

static void
expect_reply(struct smtp_watch *w)
{
	w->since = clock_ms();
	w->received = 0;
	w->complete = false;
	w->code = 0;
	w->len = 0;
	w->reply[0] = '\0';
}

void
smtp_watch_init(struct smtp_watch *w, int64_t timeout)
{
	*w = (struct smtp_watch){ .timeout = timeout, .stop = w->stop,
	    .stage = SMTP_GREETING };
	expect_reply(w);
}

bool
smtp_watch_late(const struct smtp_watch *w)
{
	return clock_ms() - w->since > REPLY_PATIENCE * w->timeout;
}

void
smtp_watch_body(struct smtp_watch *w)
{
	w->stage = SMTP_BODY;
	expect_reply(w);
}

void
smtp_watch_stop(struct smtp_watch *w, const char *trouble)
{
	if (!w->stopped && !w->quit)
		w->trouble = trouble;
	w->stopped = true;
}

bool
smtp_watch_cut(const struct smtp_watch *w)
{
	return w->cut ||
	    (!w->complete && w->len > 0 && w->column < LINE_BYTES);
}

static bool
starts_with(const char *buf, size_t len, const char *verb)
{
	return len >= strlen(verb) && memcmp(buf, verb, strlen(verb)) == 0;
}

static void
sent(struct smtp_watch *w, const char *buf, size_t len)
{
	size_t i;

	if (smtp_watch_cut(w)) {
		smtp_watch_stop(w, "the reply is cut off");
		w->cut = true;
	}
	if (w->stopped)
		return;
	if (starts_with(buf, len, "QUIT\r\n")) {
		w->quit = true;
		w->since = clock_ms();
		w->received = 0;
		return;
	}
	/* RSET goes together with the next MAIL */
	if (starts_with(buf, len, "RSET\r\n"))
		w->stage = SMTP_MAIL;
	for (i = 0; i < NSTAGES; i++)
		if (stages[i].verb != NULL &&
		    starts_with(buf, len, stages[i].verb))
			w->stage = (enum smtp_stage)i;
	expect_reply(w);
	if (w->stage == SMTP_MAIL && w->stop != NULL && *w->stop)
		smtp_watch_stop(w, "not tried: we are to stop");
}

static char
repair(struct smtp_watch *w, char c)
{
	/* would be an index before the beginning of a table */
	if (c == '\0' || (unsigned char)c >= 0x80)
		return '?';
	/* a code without text is legal (RFC 5321 section 4.2), not to it */
	if (w->column == 3 && c == '\r')
		return ' ';
	/*
	 * CHUNKING: of a message's several BDAT replies libesmtp keeps the
	 * last one, so a 452 would be followed by a 503 and look permanent.
	 * XUSR: it would ask sendmail to put the header right, and with that
	 * the signature wrong.
	 */
	if (w->stage == SMTP_EHLO && w->column == 4 && c != '\0' &&
	    strchr("CcXx", c) != NULL)
		return '-';
	return c;
}

static void
note_auth(struct smtp_watch *w)
{
	if (w->code == 235)
		w->authenticated = true;
	else if (w->code >= 400)
		snprintf(w->auth_reply, sizeof(w->auth_reply), "%.*s",
		    (int)strcspn(w->reply, "\r\n"), w->reply);
}

/* The reply's text; its last line has a blank after the code. */
static void
note(struct smtp_watch *w, char c)
{
	if (w->column == 0) {
		if (w->complete)
			w->len = 0;	/* the one before was pipelined */
		w->complete = false;
		w->last = false;
	}
	if (w->column == 3)
		w->last = c == ' ';
	if (w->len < sizeof(w->reply) - 1) {
		w->reply[w->len++] = c;
		w->reply[w->len] = '\0';
	}
	if (c == '\n' && w->last) {
		w->complete = true;
		w->code = atoi(w->reply);
		if (w->stage == SMTP_AUTH)
			note_auth(w);
	}
}

/*
 * Until here libesmtp has not looked at these bytes, which are its own: what
 * is changed in them is what it reads.  Empty lines are no reply, so it gives
 * up.
 */
static void
received(struct smtp_watch *w, char *buf, size_t len)
{
	size_t i;

	w->received += len;
	if (w->received > REPLY_MAX)
		smtp_watch_stop(w, "the reply is too long");
	else if (smtp_watch_late(w))
		smtp_watch_stop(w, "the reply takes too long");
	for (i = 0; i < len && !w->stopped; i++) {
		/*
		 * What follows the go-ahead in clear text was put there by
		 * somebody who wants it to be taken for the server's.
		 */
		if (w->stage == SMTP_STARTTLS && w->complete)
			smtp_watch_stop(w, "clear text after STARTTLS");
		buf[i] = repair(w, buf[i]);
		if (!w->quit)
			note(w, buf[i]);
		w->column = buf[i] == '\n' ? 0 : w->column + 1;
	}
	if (w->stopped)
		memset(buf, '\n', len);
}

void
smtp_watch_monitor(const char *buf, int len, int writing, void *arg)
{
	if (writing == SMTP_CB_WRITING)
		sent(arg, buf, (size_t)len);
	else if (writing == SMTP_CB_READING)
		received(arg, (char *)(uintptr_t)buf, (size_t)len);
}
