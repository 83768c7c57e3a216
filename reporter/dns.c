#include "reporter/dns.h"

#include <sys/queue.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <unbound.h>

#include "conf/clock.h"
#include "conf/log.h"
#include "conf/mem.h"
#include "spool/arena.h"
#include "spool/record.h"

#define CLASS_IN	1
#define TYPE_TXT	16
#define RCODE_NOERROR	0
#define RCODE_NXDOMAIN	3

struct question {
	STAILQ_ENTRY(question) entry;
	struct dns *dns;
	dns_fn *fn;
	void *arg;
	int id;			/* libunbound's */
	bool join;		/* TXT: character-strings to one text */
	int64_t deadline;	/* milliseconds, monotonic */
};
STAILQ_HEAD(questions, question);

struct dns {
	struct ub_ctx *ctx;
	struct questions asked;	/* oldest first: the next to time out */
	struct questions late;	/* timed out, but may still call back */
	size_t nasked;
	int64_t timeout;	/* milliseconds */
	bool answering;		/* fn is running */
};

static int
set_options(struct ub_ctx *ctx)
{
	static const char *const options[][2] = {
		/* The library's own are 16 and 2. */
		{ "outgoing-range:", "256" },
		{ "outgoing-num-tcp:", "16" },
	};
	int err = 0;

	for (size_t i = 0; err == 0 &&
	    i < sizeof(options) / sizeof(options[0]); i++)
		err = ub_ctx_set_option(ctx, options[i][0], options[i][1]);
	return err;
}

/*
 * NULL, or why libunbound could not read this file: it does not tell, what is
 * no plain file it would read for ever, and with an empty one, which a full
 * disk may have left, it would validate nothing.
 */
static const char *
unreadable(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *why = NULL;
	struct stat st;

	if (fd == -1)
		return strerrordesc_np(errno);
	if (fstat(fd, &st) == -1)
		why = strerrordesc_np(errno);
	else if (!S_ISREG(st.st_mode))
		why = "not a plain file";
	else if (st.st_size == 0)
		why = "empty";
	close(fd);
	return why;
}

/* 0, or libunbound's error and what it is about. */
static int
set_up(struct ub_ctx *ctx, const struct dns_config *c, const char **what)
{
	int err;

	*what = "libunbound";
	ub_ctx_debugout(ctx, NULL);
	if ((err = set_options(ctx)) != 0)
		return err;
	if (c->resolver != NULL) {
		*what = c->resolver;
		err = ub_ctx_set_fwd(ctx, c->resolver);
	} else {
		*what = "/etc/resolv.conf";
		err = ub_ctx_resolvconf(ctx, *what);
	}
	if (err != 0)
		return err;
	*what = "libunbound";
	/* A thread, not a process, to do the work. */
	if ((err = ub_ctx_async(ctx, 1)) != 0)
		return err;
	/*
	 * Not ub_ctx_add_ta_autr: it rewrites the file, which belongs to the
	 * package or the resolver that follows the root's key for us.
	 */
	if (c->trust_anchor != NULL) {
		*what = c->trust_anchor;
		if ((err = ub_ctx_add_ta_file(ctx, c->trust_anchor)) != 0)
			return err;
	}
	/*
	 * RFC 6761 has resolvers, not programs, answer for test.: leave it to
	 * the resolver.  This also ends the set-up, and files are read now.
	 */
	return ub_ctx_zone_remove(ctx, "test.");
}

struct dns *
dns_new(const struct dns_config *c, char **why)
{
	struct dns *d;
	struct ub_ctx *ctx;
	const char *what;
	int err;

	*why = NULL;
	if (c->trust_anchor != NULL &&
	    (what = unreadable(c->trust_anchor)) != NULL) {
		*why = xasprintf("trust_anchor %s: %s", c->trust_anchor, what);
		return NULL;
	}
	if ((ctx = ub_ctx_create()) == NULL)
		fatal("ub_ctx_create: %m");
	if ((err = set_up(ctx, c, &what)) != 0) {
		*why = xasprintf("%s: %s", what, ub_strerror(err));
		ub_ctx_delete(ctx);
		return NULL;
	}
	d = xcalloc(1, sizeof(*d));
	d->ctx = ctx;
	d->timeout = (int64_t)c->timeout * 1000;
	STAILQ_INIT(&d->asked);
	STAILQ_INIT(&d->late);
	return d;
}

static void
questions_free(struct questions *list)
{
	struct question *q;

	while ((q = STAILQ_FIRST(list)) != NULL) {
		STAILQ_REMOVE_HEAD(list, entry);
		free(q);
	}
}

void
dns_free(struct dns *d)
{
	if (d == NULL)
		return;
	ub_ctx_delete(d->ctx);		/* stops the thread, calls nobody */
	questions_free(&d->asked);
	questions_free(&d->late);
	free(d);
}

/*
 * RFC 1035 section 3.3.14: strings of a length byte and so many bytes, read
 * as one (RFC 8460 section 3).  NULL when malformed or not a C string.
 */
static const char *
join_txt(const char *rdata, size_t len, size_t *joined, struct arena *a)
{
	char *text = arena_alloc(a, len + 1);
	size_t n = 0, part;

	if (len == 0)
		return NULL;
	for (size_t i = 0; i < len; i += part) {
		part = (unsigned char)rdata[i++];
		if (part > len - i)
			return NULL;
		memcpy(text + n, rdata + i, part);
		n += part;
	}
	if (memchr(text, '\0', n) != NULL)
		return NULL;
	text[n] = '\0';
	*joined = n;
	return text;
}

static void
found(const struct question *q, const struct ub_result *r)
{
	struct arena a = { 0 };
	const char **data;
	size_t count = 0, n = 0, *len;

	while (r->data[count] != NULL)
		count++;
	data = arena_calloc(&a, count, sizeof(*data));
	len = arena_calloc(&a, count, sizeof(*len));
	for (size_t i = 0; i < count; i++) {
		data[n] = r->data[i];
		len[n] = (size_t)r->len[i];
		if (q->join)
			data[n] = join_txt(data[n], len[n], &len[n], &a);
		n += data[n] != NULL;
	}
	q->fn(q->arg, DNS_FOUND, r->secure, data, len, n);
	arena_release(&a);
}

static void
bogus(const struct question *q, const struct ub_result *r)
{
	const char *why = r->why_bogus != NULL ? r->why_bogus : "";
	size_t len = strlen(why);

	q->fn(q->arg, DNS_FAILED, false, &why, &len, 1);
}

/* q is in no list any more.  r is NULL: no answer. */
static void
answer(const struct question *q, const struct ub_result *r)
{
	struct dns *d = q->dns;

	d->nasked--;
	d->answering = true;
	if (r == NULL)
		q->fn(q->arg, DNS_FAILED, false, NULL, NULL, 0);
	else if (r->bogus)
		bogus(q, r);
	else if (r->havedata)
		found(q, r);
	else if (r->rcode == RCODE_NOERROR || r->rcode == RCODE_NXDOMAIN)
		q->fn(q->arg, DNS_NONE, r->secure, NULL, NULL, 0);
	else
		q->fn(q->arg, DNS_FAILED, false, NULL, NULL, 0);
	d->answering = false;
}

/* libunbound calls this from ub_process, in the thread that called that. */
static void
called_back(void *arg, int err, struct ub_result *r)
{
	struct question *q = arg;

	if (q->fn == NULL) {
		STAILQ_REMOVE(&q->dns->late, q, question, entry);
	} else {
		STAILQ_REMOVE(&q->dns->asked, q, question, entry);
		answer(q, err == 0 ? r : NULL);
	}
	free(q);
	ub_resolve_free(r);
}

/*
 * Nobody waits longer than the timeout, whatever libunbound thinks of the
 * server.  A question that cannot be called off has to outlive its answer.
 */
static void
give_up_first(struct dns *d)
{
	struct question *q = STAILQ_FIRST(&d->asked);
	struct question gone = *q;

	STAILQ_REMOVE_HEAD(&d->asked, entry);
	if (ub_cancel(d->ctx, q->id) == 0) {
		free(q);
	} else {
		q->fn = NULL;
		STAILQ_INSERT_TAIL(&d->late, q, entry);
	}
	answer(&gone, NULL);
}

/* Milliseconds until the oldest question times out. */
static int64_t
time_left(const struct dns *d)
{
	return STAILQ_FIRST(&d->asked)->deadline - clock_ms();
}

void
dns_poll(struct dns *d, int ms)
{
	struct pollfd pfd = { .fd = ub_fd(d->ctx), .events = POLLIN };
	int64_t left = d->nasked > 0 ? time_left(d) : 0;

	if (left > ms)
		left = ms;
	if (poll(&pfd, 1, left < 0 ? 0 : (int)left) == -1 && errno != EINTR)
		fatal("poll: %m");
	ub_process(d->ctx);
	while (d->nasked > 0 && time_left(d) <= 0)
		give_up_first(d);
}

int
dns_fd(const struct dns *d)
{
	return ub_fd(d->ctx);
}

size_t
dns_asked(const struct dns *d)
{
	return d->nasked;
}

/* The first one starts the thread, which is to leave signals to us. */
static int
resolve(struct dns *d, const char *name, int rrtype, struct question *q)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = ub_resolve_async(d->ctx, name, rrtype, CLASS_IN, q, called_back,
	    &q->id);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

static int
ask(struct dns *d, const char *name, int rrtype, bool join, dns_fn *fn,
    void *arg)
{
	struct arena a = { 0 };
	struct question *q;
	int err;

	if ((name = record_domain(name, false, &a)) == NULL) {
		arena_release(&a);
		return -1;
	}
	/* Not from inside fn: it would come to the next answer in this one. */
	while (!d->answering && d->nasked >= DNS_ASKED_MAX)
		dns_poll(d, INT_MAX);
	q = xcalloc(1, sizeof(*q));
	*q = (struct question){ .dns = d, .fn = fn, .arg = arg, .join = join,
	    .deadline = clock_ms() + d->timeout };
	if ((err = resolve(d, name, rrtype, q)) != 0)
		fatal("ub_resolve_async: %s", ub_strerror(err));
	STAILQ_INSERT_TAIL(&d->asked, q, entry);
	d->nasked++;
	arena_release(&a);
	return 0;
}

int
dns_ask(struct dns *d, const char *name, int rrtype, dns_fn *fn, void *arg)
{
	return ask(d, name, rrtype, false, fn, arg);
}

int
dns_ask_txt(struct dns *d, const char *name, dns_fn *fn, void *arg)
{
	return ask(d, name, TYPE_TXT, true, fn, arg);
}

void
dns_wait(struct dns *d)
{
	while (d->nasked > 0)
		dns_poll(d, INT_MAX);
}
