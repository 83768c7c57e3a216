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

#include <auth-client.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "conf/clock.h"
#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/smtp_judge.h"
#include "reporter/smtp_tls.h"

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
 * - after AUTH failed it goes on without: smtp_judge;
 * - after STARTTLS failed it gives up: smtp_send tries again without, where
 *   that is allowed;
 * - IPv6 literals: not at all; such a smarthost needs a name.
 *
 * Header fields pass as they are because all that it would add are there.
 */
#define CREDENTIAL_MAX	255	/* its PLAIN mechanism has no room for more */
#define FEED_BYTES	1024	/* no more than one of its writes */
#define FEED_PATIENCE	10	/* timeouts, for one whole message */

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
	struct smtp_feed *f = arg;
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

/*
 * The last reply was the last one to this message.  One that was no answer
 * is looked at again when the session has ended.
 */
static void
judge_until(struct smtp_talk *s, smtp_message_t message)
{
	bool reached = false;

	if (!s->watch.complete || smtp_watch_cut(&s->watch) ||
	    s->watch.stopped)
		return;
	while (!reached && s->judged < s->n) {
		const struct smtp_feed *f = &s->feeds[s->judged];

		smtp_judge(f, s);
		if (!f->message->answered)
			return;
		reached = f->esmtp == message;
		s->judged++;
	}
	if (reached && s->config->answered != NULL)
		s->config->answered(s->config->arg, s->judged - 1);
}

/* smtp_eventcb_t; what follows arg depends on the event. */
static void
on_event(smtp_session_t esmtp, int event, void *arg, ...)
{
	struct smtp_talk *s = arg;
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
add_message(smtp_session_t esmtp, struct smtp_feed *f)
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
prepare_tls(smtp_session_t esmtp, struct smtp_talk *s)
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
	struct smtp_talk s = { .config = c, .tls = tls,
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
		last = smtp_last_begun(s.feeds, n);
		for (i = s.judged; i < n; i++)
			smtp_judge(&s.feeds[i], &s);
		/* Whatever it seemed to say, it had not said all of it. */
		if (smtp_watch_cut(&s.watch) && last >= s.judged)
			smtp_unanswered(&s.feeds[last], &s);
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
