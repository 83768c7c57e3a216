#include "reporter/smtp.h"

#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

/* libesmtp has a struct of this name, too; nobody looks into it. */
#define smtp_message esmtp_message
#include <auth-client.h>
#include <libesmtp.h>
#undef smtp_message

#include "conf/clock.h"
#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/smtp_tls.h"
#include "reporter/smtp_watch.h"

/*
 * What libesmtp 1.1 does not do, and where it is made up for:
 *
 * - a write that times out is dropped in silence and the next one goes on:
 *   feed_message notices, and hangs up before the final dot;
 * - SIGPIPE: smtp_send holds it back;
 * - slow, endless and unusual replies: smtp_watch;
 * - the certificate is checked against the name that DNS made of ours, and
 *   SNI is not sent: smtp_tls_context;
 * - a client certificate that lies about in the user's home is presented, and
 *   then freed once too often: smtp_setup looks elsewhere;
 * - its small writes wait for the other side's delayed acknowledgements, some
 *   40 ms a message: send_at_once;
 * - after AUTH failed it goes on without: judge;
 * - after STARTTLS failed it gives up: smtp_send tries again without, where
 *   that is allowed;
 * - IPv6 literals: not at all; such a smarthost needs a name.
 *
 * Header fields pass as they are because all that it would add are there.
 */
#define CREDENTIAL_MAX	255	/* its PLAIN mechanism has no room for more */
#define FEED_BYTES	1024	/* no more than one of its writes */
#define FEED_PATIENCE	10	/* timeouts, for one whole message */

/* A message on its way, as libesmtp's callbacks see it. */
struct feed {
	struct smtp_watch *watch;
	struct smtp_message *message;
	smtp_message_t esmtp;
	smtp_recipient_t recipient;
	size_t given;
	int64_t started, last;	/* 0: not yet */
	bool whole;
};

struct session {
	const struct smtp_config *config;
	enum smtp_tls tls;
	struct smtp_peer peer;
	bool connected, encrypted;
	long certificate;	/* X509_V_… */
	struct smtp_watch watch;
	struct feed *feeds;
	size_t n, judged;	/* …of them, so many have their results */
};

static char *
host_of(const char *smarthost)
{
	return xstrndup(smarthost, strcspn(smarthost, ":"));
}

/*
 * A password is sent to nobody but the smarthost, unless the operator has
 * said `none`: opportunistic TLS does not know whom it talks to.
 */
enum smtp_tls
smtp_tls_of(const struct smtp_config *c)
{
	return c->tls == SMTP_TLS_OPTIONAL && c->user != NULL ?
	    SMTP_TLS_REQUIRED : c->tls;
}

static char *
check_tls(const struct smtp_config *c)
{
	struct smtp_peer peer = { .host = host_of(c->smarthost) };
	char *why = NULL;
	const char *reason;
	SSL_CTX *ctx;

	if ((ctx = smtp_tls_context(c, smtp_tls_of(c), &peer)) == NULL) {
		reason = ERR_reason_error_string(ERR_peek_last_error());
		why = xasprintf("TLS with %s: %s: %s", peer.host,
		    c->ca_file != NULL ? c->ca_file : "system CAs",
		    reason != NULL ? reason : "OpenSSL gives no reason");
	}
	ERR_clear_error();
	SSL_CTX_free(ctx);
	free(peer.host);
	return why;
}

int
smtp_setup(const struct smtp_config *c, char **why)
{
	*why = NULL;
	if (c->smarthost == NULL || strchr(c->smarthost, '[') != NULL ||
	    strcspn(c->smarthost, ":") == 0)
		*why = xasprintf("smarthost: libesmtp wants a name or an IPv4 "
		    "address, and a port");
	else if ((c->user == NULL) != (c->password == NULL))
		*why = xasprintf("SMTP user and password go together");
	else if (c->user != NULL && (strlen(c->user) > CREDENTIAL_MAX ||
	    strlen(c->password) > CREDENTIAL_MAX))
		*why = xasprintf("SMTP user or password longer than %d bytes",
		    CREDENTIAL_MAX);
	else if (smtp_tls_of(c) != SMTP_TLS_NONE)
		*why = check_tls(c);
	if (*why != NULL)
		return -1;
	auth_client_init();
	/* where libesmtp looks for client certificates; see above */
	setenv("XDG_CONFIG_DIR", "/nonexistent", 1);
	return 0;
}

/* smtp_messagecb_t: the next bytes; NULL at the end, or with errno to stop. */
static const char *
feed_message(void **ctx, int *len, void *arg)
{
	struct feed *f = arg;
	int64_t now = clock_ms(), timeout = f->watch->timeout;
	const char *p;

	(void)ctx;
	if (len == NULL) {	/* rewind */
		f->given = 0;
		f->started = f->last = now;
		f->whole = false;
		return NULL;
	}
	*len = 0;
	/*
	 * libesmtp wrote at most once since the last call.  When that took as
	 * long as its patience lasts, there may be a hole in what was sent.
	 */
	if (now - f->last >= timeout ||
	    now - f->started > FEED_PATIENCE * timeout)
		smtp_watch_stop(f->watch,
		    "the message is not taken in time");
	if (f->watch->stopped) {
		errno = ETIMEDOUT;
		return NULL;
	}
	f->last = now;
	errno = 0;
	if (f->given == f->message->len) {
		f->whole = true;
		smtp_watch_body(f->watch);
		return NULL;
	}
	p = f->message->data + f->given;
	*len = (int)(f->message->len - f->given < FEED_BYTES ?
	    f->message->len - f->given : FEED_BYTES);
	f->given += (size_t)*len;
	return p;
}

/* libesmtp keeps its socket to itself: do it to every TCP socket of ours. */
static void
each_tcp_socket(void (*fn)(int fd))
{
	struct dirent *entry;
	int protocol, fd;
	socklen_t len;
	DIR *fds;

	if ((fds = opendir("/proc/self/fd")) == NULL)
		return;
	while ((entry = readdir(fds)) != NULL) {
		fd = atoi(entry->d_name);
		len = sizeof(protocol);
		if (fd > STDERR_FILENO && getsockopt(fd, SOL_SOCKET,
		    SO_PROTOCOL, &protocol, &len) == 0 &&
		    protocol == IPPROTO_TCP)
			fn(fd);
	}
	closedir(fds);
}

/* None of them is the worse for it. */
static void
send_at_once(int fd)
{
	int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static void
hang_up(int fd)
{
	(void)shutdown(fd, SHUT_RDWR);
}

void
smtp_abort(void)
{
	each_tcp_socket(hang_up);
}

/* auth_interact_t */
static int
on_auth(auth_client_request_t request, char **result, int fields, void *arg)
{
	const struct smtp_config *c = arg;
	const char *value;
	int i;

	for (i = 0; i < fields; i++) {
		value = (request[i].flags & AUTH_USER) != 0 ? c->user :
		    (request[i].flags & AUTH_PASS) != 0 ? c->password : "";
		if (strlen(value) > CREDENTIAL_MAX)
			return 0;
		result[i] = (char *)(uintptr_t)value;
	}
	return 1;
}

/* Why the session did not come to a message, or to the end of it. */
static void
session_result(struct result *r, const struct session *s)
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

static void
set_unanswered(const struct feed *f, const struct session *s)
{
	session_result(&f->message->result, s);
	f->message->answered = false;
}

/* The message whose reply came last. */
static size_t
last_begun(const struct feed *feeds, size_t n)
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
is_answer(const struct feed *f, const struct smtp_watch *w, int code)
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
static void
judge(const struct feed *f, const struct session *s)
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
		set_unanswered(f, s);
	if (r->outcome == REFUSED && s->config->user != NULL &&
	    !s->watch.authenticated)
		blame_auth(r, &s->watch);
	if (r->outcome == REFUSED && is_about_us(mail, rcpt))
		r->outcome = DEFERRED;
}

/*
 * The last reply was the last one to this message.  One that was no answer
 * is looked at again when the session has ended.
 */
static void
judge_until(struct session *s, smtp_message_t message)
{
	const struct feed *f = NULL;

	if (!s->watch.complete || smtp_watch_cut(&s->watch) ||
	    s->watch.stopped)
		return;
	while (s->judged < s->n && (f == NULL || f->esmtp != message)) {
		f = &s->feeds[s->judged];
		judge(f, s);
		if (!f->message->answered)
			return;
		s->judged++;
	}
	if (f != NULL && s->config->answered != NULL)
		s->config->answered(s->config->arg, s->judged - 1);
}

/* smtp_eventcb_t; what follows arg depends on the event. */
static void
on_event(smtp_session_t esmtp, int event, void *arg, ...)
{
	struct session *s = arg;
	va_list ap;
	int *ok;

	(void)esmtp;
	va_start(ap, arg);
	switch (event) {
	case SMTP_EV_CONNECT:
		s->connected = true;
		s->encrypted = false;
		s->certificate = X509_V_OK;
		each_tcp_socket(send_at_once);
		smtp_watch_init(&s->watch, s->config->timeout * 1000L);
		break;
	case SMTP_EV_MESSAGESENT:
		judge_until(s, va_arg(ap, smtp_message_t));
		break;
	case SMTP_EV_STARTTLS_OK:
		s->encrypted = true;
		break;
	case SMTP_EV_EXTNA_STARTTLS:
		smtp_watch_stop(&s->watch, "STARTTLS is not offered");
		break;
	case SMTP_EV_INVALID_PEER_CERTIFICATE:
		s->certificate = va_arg(ap, long);
		ok = va_arg(ap, int *);
		*ok = s->tls != SMTP_TLS_REQUIRED;
		break;
	case SMTP_EV_NO_PEER_CERTIFICATE:
		ok = va_arg(ap, int *);
		*ok = s->tls != SMTP_TLS_REQUIRED;
		break;
	case SMTP_EV_WRONG_PEER_CERTIFICATE:
		/* by libesmtp's idea of the name; OpenSSL has checked ours */
		ok = va_arg(ap, int *);
		*ok = 1;
		break;
	}
	va_end(ap);
}

static void
set_timeouts(smtp_session_t esmtp, long seconds)
{
	static const int which[] = { Timeout_GREETING, Timeout_ENVELOPE,
	    Timeout_DATA, Timeout_TRANSFER, Timeout_DATA2 };
	size_t i;

	for (i = 0; i < sizeof(which) / sizeof(which[0]); i++)
		smtp_set_timeout(esmtp,
		    which[i] | Timeout_OVERRIDE_RFC2822_MINIMUM,
		    seconds * 1000L);
}

static void
must(int ok)
{
	if (!ok)
		fatal("libesmtp: out of memory");
}

static void
add_message(smtp_session_t esmtp, struct feed *f)
{
	struct smtp_message *m = f->message;

	must((f->esmtp = smtp_add_message(esmtp)) != NULL);
	/* RFC 5321 section 4.5.5: the null reverse-path is <> */
	must(smtp_set_reverse_path(f->esmtp,
	    m->from != NULL && *m->from != '\0' ? m->from : NULL));
	f->recipient = smtp_add_recipient(f->esmtp, m->to);
	must(f->recipient != NULL);
	must(smtp_size_set_estimate(f->esmtp, m->len));	/* RFC 1870 */
	must(smtp_set_messagecb(f->esmtp, feed_message, f));
}

static bool
prepare_tls(smtp_session_t esmtp, struct session *s)
{
	static const enum starttls_option how[] = {
		[SMTP_TLS_NONE] = Starttls_DISABLED,
		[SMTP_TLS_OPTIONAL] = Starttls_ENABLED,
		[SMTP_TLS_REQUIRED] = Starttls_REQUIRED
	};
	SSL_CTX *ctx;

	must(smtp_starttls_enable(esmtp, how[s->tls]));
	if (s->tls == SMTP_TLS_NONE)
		return true;
	if ((ctx = smtp_tls_context(s->config, s->tls, &s->peer)) == NULL)
		return false;
	must(smtp_starttls_set_ctx(esmtp, ctx));
	SSL_CTX_free(ctx);	/* the session has its own reference */
	return true;
}

static auth_context_t
prepare_auth(smtp_session_t esmtp, const struct smtp_config *c)
{
	auth_context_t auth;

	if (c->user == NULL)
		return NULL;
	must((auth = auth_create_context()) != NULL);
	auth_set_mechanism_flags(auth, AUTH_PLUGIN_PLAIN, 0);
	auth_set_interact_cb(auth, on_auth, (void *)(uintptr_t)c);
	must(smtp_auth_set_context(esmtp, auth));
	return auth;
}

/* One session; returns whether one without TLS should be tried, too. */
static bool
run(const struct smtp_config *c, enum smtp_tls tls, struct smtp_message *list,
    size_t n)
{
	struct session s = { .config = c, .tls = tls,
	    .peer = { host_of(c->smarthost), &s.watch },
	    .watch = { .stop = c->stop },
	    .feeds = xcalloc(n, sizeof(*s.feeds)), .n = n };
	smtp_session_t esmtp = smtp_create_session();
	auth_context_t auth;
	size_t i, last;

	must(esmtp != NULL && smtp_set_server(esmtp, c->smarthost) &&
	    smtp_set_hostname(esmtp, c->helo) &&
	    smtp_set_eventcb(esmtp, on_event, &s) &&
	    smtp_set_monitorcb(esmtp, smtp_watch_monitor, &s.watch, 0));
	set_timeouts(esmtp, c->timeout);
	auth = prepare_auth(esmtp, c);
	for (i = 0; i < n; i++) {
		s.feeds[i].watch = &s.watch;
		s.feeds[i].message = &list[i];
		add_message(esmtp, &s.feeds[i]);
	}
	if (prepare_tls(esmtp, &s)) {
		smtp_start_session(esmtp);
		last = last_begun(s.feeds, n);
		for (i = s.judged; i < n; i++)
			judge(&s.feeds[i], &s);
		/* Whatever it seemed to say, it had not said all of it. */
		if (smtp_watch_cut(&s.watch) && last >= s.judged)
			set_unanswered(&s.feeds[last], &s);
	}
	smtp_destroy_session(esmtp);
	if (auth != NULL)
		auth_destroy_context(auth);
	ERR_clear_error();
	free(s.feeds);
	free(s.peer.host);
	return tls == SMTP_TLS_OPTIONAL && s.connected && !s.encrypted &&
	    s.watch.stage == SMTP_STARTTLS;
}

void
smtp_send(const struct smtp_config *c, struct smtp_message *list, size_t n)
{
	const struct timespec now = { 0, 0 };
	enum smtp_tls tls = smtp_tls_of(c);
	sigset_t pipe, old, pending;
	size_t i;

	if (n == 0)
		return;
	for (i = 0; i < n; i++) {
		list[i].answered = false;
		result_set(&list[i].result, DEFERRED, 0, "%s: TLS cannot be "
		    "set up", c->smarthost);
	}
	/* libesmtp writes to connections that the peer has closed */
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	sigpending(&pending);
	pthread_sigmask(SIG_BLOCK, &pipe, &old);
	if (run(c, tls, list, n))
		run(c, SMTP_TLS_NONE, list, n);
	if (!sigismember(&pending, SIGPIPE))
		sigtimedwait(&pipe, NULL, &now);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}
