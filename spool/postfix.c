#include "spool/postfix.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "conf/mem.h"
#include "spool/postfix_text.h"
#include "spool/syslog.h"

#define WAYS		4	/* processes a slot holds */
#define SLOTS		1024
#define OUTCOMES_MAX	8	/* of a process: MX hosts tried in a delivery */
#define CAUSES_MAX	256	/* certificates found wrong, of late */
#define CAUSE_WAIT	60	/* seconds till the handshake is over */
#define REPEAT_WAIT	60	/* of one delivery's lines; well below
				   minimal_backoff_time, 300 s */
#define SPEAKERS_MAX	256	/* hosts that log TLSRPT lines */

/* A handshake, or what came instead of it. */
struct outcome {
	int64_t t;
	enum result_type result;	/* 0: success */
	enum { TOLD, ESTABLISHED, ESTABLISHED_TRUSTED, BROKEN } state;
	struct peer peer;		/* NULL when the log does not say */
	const char *reason;
	const struct fault *fault;	/* of an established one's peer */
};

/* What an SMTP client process said since its last delivery. */
struct process {
	uint64_t key, host;		/* key 0: nobody */
	uint64_t used;
	uint64_t delivery;		/* the last one that failed by TLS */
	int64_t delivery_t;
	size_t n;
	struct outcome outcome[OUTCOMES_MAX];
};

struct cause {
	uint64_t peer;			/* host and peer */
	int64_t t;
	const struct fault *fault;
};

struct postfix_log {
	void (*session)(void *arg, const struct postfix_session *);
	void *arg;
	struct syslog_clock clock;
	struct postfix_totals totals;
	struct arena arena;		/* of a line */
	uint64_t uses;
	size_t nspeakers, ncauses;
	uint64_t speaker[SPEAKERS_MAX];
	struct cause cause[CAUSES_MAX];	/* the oldest is overwritten */
	struct process *slot[SLOTS];	/* of WAYS processes, when needed */
};

/* The line that is being looked at. */
struct context {
	struct postfix_log *log;
	const struct syslog_line *line;
	uint64_t host, process;
	int64_t t;
};

static uint64_t
hash(struct span s, uint64_t seed)
{
	return XXH3_64bits_withSeed(s.p, s.n, seed);
}

static uint64_t
hash_peer(const struct context *c, const struct peer_span *p)
{
	return hash(p->address, hash(p->name, c->host));
}

static bool
speaks_tlsrpt(const struct postfix_log *l, uint64_t host)
{
	for (size_t i = 0; i < l->nspeakers; i++)
		if (l->speaker[i] == host)
			return true;
	return false;
}

/* Of a process that is forgotten, or of a host that tells it better. */
static void
drop_outcomes(struct postfix_log *l, struct process *p)
{
	if (!speaks_tlsrpt(l, p->host))
		l->totals.uncorrelated += p->n;
	for (size_t i = 0; i < p->n; i++)
		peer_release(&p->outcome[i].peer);
	p->n = 0;
}

static struct process *
slot_of(const struct context *c)
{
	struct process **slot = &c->log->slot[(c->process >> 32) % SLOTS];

	if (*slot == NULL)
		*slot = xcalloc(WAYS, sizeof(**slot));
	return *slot;
}

static struct process *
find_process(const struct context *c)
{
	struct process *slot = slot_of(c);

	for (size_t i = 0; i < WAYS; i++)
		if (slot[i].key == c->process) {
			slot[i].used = ++c->log->uses;
			return &slot[i];
		}
	return NULL;
}

/* The same, and one that was silent for long gives way to a new one. */
static struct process *
get_process(const struct context *c)
{
	struct process *slot = slot_of(c);
	struct process *p = find_process(c);

	if (p != NULL)
		return p;
	p = slot;
	for (size_t i = 1; i < WAYS; i++)
		if (slot[i].used < p->used)
			p = &slot[i];
	drop_outcomes(c->log, p);
	*p = (struct process){ .key = c->process, .host = c->host,
		.used = ++c->log->uses };
	return p;
}

static struct outcome *
last_outcome(struct process *p)
{
	return p->n > 0 ? &p->outcome[p->n - 1] : NULL;
}

/* peer may be NULL. */
static struct outcome *
add_outcome(const struct context *c, struct process *p,
    const struct peer_span *peer)
{
	struct outcome *o;

	if (p->n == OUTCOMES_MAX) {
		c->log->totals.uncorrelated++;
		peer_release(&p->outcome[0].peer);
		memmove(p->outcome, p->outcome + 1,
		    --p->n * sizeof(p->outcome[0]));
	}
	o = &p->outcome[p->n++];
	*o = (struct outcome){ .t = c->t };
	if (peer != NULL)
		peer_copy(&o->peer, peer);
	return o;
}

static void
add_failure(const struct context *c, struct process *p,
    const struct peer_span *peer, const struct fault *fault)
{
	struct outcome *o = add_outcome(c, p, peer);

	o->result = fault->result;
	o->reason = fault->reason;
}

static void
remember_cause(const struct context *c, const struct peer_span *peer,
    const struct fault *fault)
{
	struct postfix_log *l = c->log;

	l->cause[l->ncauses++ % CAUSES_MAX] = (struct cause){
		.peer = hash_peer(c, peer), .t = c->t, .fault = fault };
}

/* What was found wrong with this peer just now, by whichever process. */
static const struct fault *
find_cause(const struct context *c, uint64_t peer)
{
	const struct postfix_log *l = c->log;
	const struct cause *best = NULL;

	for (size_t i = 0; i < CAUSES_MAX && i < l->ncauses; i++) {
		const struct cause *cause = &l->cause[i];

		if (cause->peer == peer && cause->t <= c->t &&
		    c->t - cause->t <= CAUSE_WAIT &&
		    (best == NULL || cause->t >= best->t))
			best = cause;
	}
	return best != NULL ? best->fault : NULL;
}

static void
describe(struct postfix_log *l, struct postfix_session *x,
    struct peer_span peer, const char *reason)
{
	x->mx = text_of(peer.name, &l->arena);
	x->address = text_of(peer.address, &l->arena);
	x->reason = reason;
}

static void
tell(const struct context *c, struct postfix_session *x, struct span domain,
    uint64_t *counter)
{
	char *name = arena_strndup(&c->log->arena, domain.p, domain.n);

	x->domain = strlen(name) < domain.n ? NULL :
	    record_domain(name, false, &c->log->arena);
	if (x->domain == NULL) {
		c->log->totals.nameless++;
		return;
	}
	++*counter;
	c->log->session(c->log->arg, x);
}

static void
on_tlsrpt(const struct context *c, const struct tlsrpt_line *r)
{
	struct postfix_log *l = c->log;
	struct postfix_session x = { .t = c->t, .result = r->result };
	struct process *p = find_process(c);

	if (!speaks_tlsrpt(l, c->host) && l->nspeakers < SPEAKERS_MAX)
		l->speaker[l->nspeakers++] = c->host;
	if (p != NULL)		/* this line tells the same */
		drop_outcomes(l, p);
	if (r->result != 0)
		describe(l, &x, r->peer, text_of(r->reason, &l->arena));
	tell(c, &x, r->domain, &l->totals.tlsrpt);
}

static void
on_established(const struct context *c, const struct peer_span *peer,
    bool trusted)
{
	const struct fault *fault = find_cause(c, hash_peer(c, peer));
	struct process *p = get_process(c);
	struct outcome *o;

	/* Postfix goes on, but not as the peer's policy wants it. */
	if (fault != NULL && fault->result == TLSA_INVALID) {
		add_failure(c, p, peer, fault);
		return;
	}
	o = add_outcome(c, p, peer);
	o->state = trusted ? ESTABLISHED_TRUSTED : ESTABLISHED;
	o->fault = fault;
}

/* Why a handshake with this peer, which may be NULL, did not come about. */
static const struct fault *
handshake_fault(const struct context *c, const struct peer_span *peer)
{
	const struct fault *fault = peer != NULL ?
	    find_cause(c, hash_peer(c, peer)) : NULL;

	return fault != NULL && fault->result == TLSA_INVALID ? fault :
	    &fault_handshake;
}

static void
on_broken(const struct context *c, const struct peer_span *peer)
{
	struct process *p = get_process(c);

	add_failure(c, p, peer, handshake_fault(c, peer));
	last_outcome(p)->state = BROKEN;
}

/* The session that was established is no success after all. */
static void
on_bad_certificate(const struct context *c, struct outcome *o)
{
	const struct peer_span peer = peer_span(&o->peer);
	const struct fault *fault = o->fault;

	if (fault == NULL)	/* tlsproxy's line may be behind ours */
		fault = find_cause(c, hash_peer(c, &peer));
	if (fault == NULL)
		fault = o->state == ESTABLISHED_TRUSTED ? &fault_name :
		    &fault_untrusted;
	o->result = fault->result;
	o->reason = fault->reason;
	o->state = TOLD;
}

/*
 * The handshake that this refusal is about has been told already, unless the
 * log does not have its line.  peer is where the delivery line says it was.
 */
static void
on_refusal(const struct context *c, struct process *p,
    const struct refusal *r, const struct peer_span *peer)
{
	struct outcome *o = last_outcome(p);
	const struct fault *fault;

	if (r->kind == REFUSAL_NO_TLS)
		add_failure(c, p, &r->peer, &fault_starttls);
	else if (r->kind == REFUSAL_HANDSHAKE && o != NULL &&
	    o->state == BROKEN)
		o->state = TOLD;
	else if (r->kind == REFUSAL_HANDSHAKE)
		add_failure(c, p, peer, handshake_fault(c, peer));
	else if (o != NULL && o->result == 0)
		on_bad_certificate(c, o);
	else {
		fault = peer != NULL ? find_cause(c, hash_peer(c, peer)) : NULL;
		add_failure(c, p, peer, fault != NULL ? fault :
		    &fault_untrusted);
	}
}

/*
 * A delivery is a line for each recipient, which all give the same refusal: it
 * was one session.
 */
static bool
is_repeat(const struct context *c, struct process *p,
    const struct delivery *d)
{
	uint64_t delivery = hash(d->queue_id, hash_peer(c, &d->relay));
	bool repeat = p->delivery == delivery && p->n == 0 &&
	    c->t - p->delivery_t <= REPEAT_WAIT && c->t >= p->delivery_t;

	p->delivery = delivery;
	p->delivery_t = c->t;
	return repeat;
}

static bool
belongs(const struct process *p, const struct delivery *d)
{
	if (d->relay.address.n == 0)	/* none: the last one did not answer */
		return true;
	for (size_t i = 0; i < p->n; i++)
		if (peer_equal(&p->outcome[i].peer, &d->relay))
			return true;
	return false;
}

/* All that this process met on its way to this recipient. */
static void
settle(const struct context *c, struct process *p, const struct delivery *d)
{
	struct postfix_log *l = c->log;
	bool ours = belongs(p, d);

	for (size_t i = 0; i < p->n; i++) {
		struct outcome *o = &p->outcome[i];
		struct postfix_session x = { .t = o->t, .result = o->result };

		if (!ours || c->t < o->t || c->t - o->t > POSTFIX_WAIT)
			l->totals.uncorrelated++;
		else {
			if (o->result != 0)
				describe(l, &x, peer_span(&o->peer),
				    o->reason);
			tell(c, &x, d->domain, &l->totals.tls);
		}
		peer_release(&o->peer);
	}
	p->n = 0;
}

static void
on_delivery(const struct context *c, const struct delivery *d)
{
	struct process *p = find_process(c);

	if (d->refusal.kind != REFUSAL_NONE) {
		if (p == NULL)
			p = get_process(c);
		if (!is_repeat(c, p, d))
			on_refusal(c, p, &d->refusal,
			    d->relay.address.n > 0 ? &d->relay : NULL);
	}
	if (p != NULL)
		settle(c, p, d);
}

static void
look_at(const struct context *c, bool smtp)
{
	struct message m;

	message_parse(&m, c->line->text);
	if (m.kind == MESSAGE_TLSRPT)
		on_tlsrpt(c, &m.tlsrpt);
	else if (m.kind == MESSAGE_NONE || speaks_tlsrpt(c->log, c->host))
		return;
	else if (m.kind == MESSAGE_FAULT)
		remember_cause(c, &m.peer, m.fault);
	else if (!smtp)		/* its SMTP client tells the rest */
		return;
	else if (m.kind == MESSAGE_ESTABLISHED)
		on_established(c, &m.peer, m.trusted);
	else if (m.kind == MESSAGE_BROKEN)
		on_broken(c, &m.peer);
	else if (m.kind == MESSAGE_REFUSAL)
		on_refusal(c, get_process(c), &m.refusal, NULL);
	else
		on_delivery(c, &m.delivery);
}

/* Whatever syslog_name says before it: "postfix/smtp", "postfix-out/smtp". */
static bool
is_service(struct span program, const char *name)
{
	size_t n = strlen(name);

	return program.n > n && program.p[program.n - n - 1] == '/' &&
	    memcmp(program.p + program.n - n, name, n) == 0;
}

void
postfix_log_line(struct postfix_log *l, const char *line, size_t len)
{
	struct syslog_line s;
	struct context c = { .log = l, .line = &s };
	bool smtp;

	if (len > POSTFIX_LINE_MAX)
		len = POSTFIX_LINE_MAX;
	if (syslog_parse(&s, line, len) == -1)
		return;
	smtp = is_service(s.program, "smtp");
	if (!smtp && !is_service(s.program, "tlsproxy"))
		return;
	l->totals.lines++;
	if (syslog_time(&l->clock, s.time, &c.t) == -1) {
		l->totals.undated++;
		return;
	}
	c.host = hash(s.host, 0);
	c.process = hash(s.pid, hash(s.program, c.host)) | 1;	/* never 0 */
	look_at(&c, smtp);
	arena_reset(&l->arena);
}

struct postfix_log *
postfix_log_new(int64_t newest,
    void (*session)(void *arg, const struct postfix_session *), void *arg)
{
	struct postfix_log *l = xcalloc(1, sizeof(*l));

	l->clock.newest = newest;
	l->session = session;
	l->arg = arg;
	return l;
}

struct postfix_totals
postfix_log_end(struct postfix_log *l)
{
	struct postfix_totals totals;

	for (size_t i = 0; i < SLOTS; i++) {
		for (size_t j = 0; l->slot[i] != NULL && j < WAYS; j++)
			drop_outcomes(l, &l->slot[i][j]);
		free(l->slot[i]);
	}
	arena_release(&l->arena);
	totals = l->totals;
	free(l);
	return totals;
}
