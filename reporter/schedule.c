#include "reporter/schedule.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "conf/mem.h"

struct schedule_host {
	char *name;
	struct schedule_host *chain;	/* same slot of the table */
	struct schedule_host *next;	/* in a line */
	struct schedule_job *first, **last;
	size_t active;
	unsigned turn;			/* jobs begun in it */
	int64_t turn_began;
	unsigned failures;		/* in a row */
	long hold;			/* how long it is put aside */
	int64_t until;			/* it is put aside */
	bool reached;			/* it has been, once */
	bool listed;			/* in a line */
};

/* A first-in, first-out line of hosts. */
struct line {
	struct schedule_host *first, **last;
};

#define SLOTS	4096

struct schedule {
	struct schedule_limits limits;
	size_t waiting, started;
	size_t counted, strange;	/* started; of hosts not yet reached */
	struct schedule_job *oldest, *newest;	/* of those that count */
	struct line turn;		/* have jobs waiting, and their turn */
	struct line round;		/* have jobs waiting */
	struct line strangers;		/* the same, not yet reached */
	struct line aside;		/* the same, put aside */
	struct schedule_host *slots[SLOTS];
};

static void
line_init(struct line *l)
{
	l->first = NULL;
	l->last = &l->first;
}

static void
line_append(struct line *l, struct schedule_host *h)
{
	h->next = NULL;
	*l->last = h;
	l->last = &h->next;
	h->listed = true;
}

static struct schedule_host *
line_shift(struct line *l)
{
	struct schedule_host *h = l->first;

	if (h != NULL) {
		if ((l->first = h->next) == NULL)
			l->last = &l->first;
		h->listed = false;
	}
	return h;
}

struct schedule *
schedule_new(const struct schedule_limits *limits)
{
	struct schedule *s = xcalloc(1, sizeof(*s));

	s->limits = *limits;
	line_init(&s->turn);
	line_init(&s->round);
	line_init(&s->strangers);
	line_init(&s->aside);
	return s;
}

void
schedule_free(struct schedule *s)
{
	struct schedule_host *h;

	if (s == NULL)
		return;
	for (size_t i = 0; i < SLOTS; i++)
		while ((h = s->slots[i]) != NULL) {
			s->slots[i] = h->chain;
			free(h->name);
			free(h);
		}
	free(s);
}

static struct schedule_host *
host_of(struct schedule *s, const char *name)
{
	struct schedule_host **slot, *h;

	slot = &s->slots[XXH3_64bits(name, strlen(name)) % SLOTS];
	for (h = *slot; h != NULL; h = h->chain)
		if (strcmp(h->name, name) == 0)
			return h;
	h = xcalloc(1, sizeof(*h));
	h->name = xstrdup(name);
	h->last = &h->first;
	h->chain = *slot;
	*slot = h;
	return h;
}

/* How many jobs of the host may be under way. */
static size_t
limit(const struct schedule *s, const struct schedule_host *h, int64_t now)
{
	size_t left = s->limits.failures_max - h->failures;

	if (h->failures >= s->limits.failures_max)
		return now < h->until ? 0 : 1;
	if (h->reached)
		return s->limits.per_host;
	return h->failures == 0 ? 1 :
	    left < s->limits.per_host ? left : s->limits.per_host;
}

static struct line *
line_of(struct schedule *s, const struct schedule_host *h, int64_t now)
{
	if (!h->reached)
		return &s->strangers;
	return h->turn < SCHEDULE_TURN &&
	    now <= h->turn_began + SCHEDULE_TURN_SECONDS ? &s->turn :
	    &s->round;
}

/* Put a host that has jobs waiting into a line, if it is in none. */
static void
place(struct schedule *s, struct schedule_host *h, int64_t now)
{
	size_t most = limit(s, h, now);

	if (h->listed || h->first == NULL)
		return;
	if (most == 0)
		line_append(&s->aside, h);
	else if (h->active < most)
		line_append(line_of(s, h, now), h);
}

void
schedule_add(struct schedule *s, const char *host, struct schedule_job *job)
{
	struct schedule_host *h = host_of(s, host);

	job->host = h;
	job->next = NULL;
	*h->last = job;
	h->last = &job->next;
	s->waiting++;
	if (!h->listed)
		line_append(h->reached ? &s->round : &s->strangers, h);
}

static struct schedule_job *
shift_job(struct schedule *s, struct schedule_host *h)
{
	struct schedule_job *job = h->first;

	if ((h->first = job->next) == NULL)
		h->last = &h->first;
	job->next = NULL;
	s->waiting--;
	return job;
}

static void
count(struct schedule *s, struct schedule_job *job, int64_t now)
{
	job->begun = now;
	job->counts = true;
	job->previous = s->newest;
	if (s->newest != NULL)
		s->newest->next = job;
	else
		s->oldest = job;
	s->newest = job;
	s->counted++;
	s->strange += !job->host->reached;
}

static void
discount(struct schedule *s, struct schedule_job *job)
{
	if (!job->counts)
		return;
	job->counts = false;
	if (job->previous != NULL)
		job->previous->next = job->next;
	else
		s->oldest = job->next;
	if (job->next != NULL)
		job->next->previous = job->previous;
	else
		s->newest = job->previous;
	s->counted--;
	s->strange -= !job->host->reached;
}

bool
schedule_has_room(struct schedule *s, int64_t now)
{
	while (s->oldest != NULL && now >= s->oldest->begun + SCHEDULE_SLOW &&
	    s->started - s->counted < SCHEDULE_SLOW_MAX)
		discount(s, s->oldest);
	return s->counted < s->limits.parallel;
}

static struct schedule_job *
next_of(struct schedule *s, struct line *line, int64_t now)
{
	struct schedule_host *h;
	struct schedule_job *job;

	/* What holds for a host may have changed while it was in line. */
	while ((h = line_shift(line)) != NULL) {
		if (h->first == NULL || h->active >= limit(s, h, now) ||
		    (line == &s->turn && line_of(s, h, now) != line)) {
			place(s, h, now);
			continue;
		}
		job = shift_job(s, h);
		if (line != &s->turn) {
			h->turn = 0;
			h->turn_began = now;
		}
		h->turn++;
		h->active++;
		s->started++;
		count(s, job, now);
		place(s, h, now);
		return job;
	}
	return NULL;
}

struct schedule_job *
schedule_next(struct schedule *s, int64_t now)
{
	struct schedule_job *job = NULL;

	if (!schedule_has_room(s, now))
		return NULL;
	if (2 * s->strange < s->limits.parallel)
		job = next_of(s, &s->strangers, now);
	if (job == NULL)
		job = next_of(s, &s->turn, now);
	if (job == NULL)
		job = next_of(s, &s->round, now);
	return job != NULL ? job : next_of(s, &s->strangers, now);
}

/* From now on it is no stranger. */
static void
set_reached(struct schedule *s, struct schedule_host *h)
{
	h->failures = 0;
	h->hold = 0;
	if (h->reached)
		return;
	h->reached = true;
	for (struct schedule_job *j = s->oldest; j != NULL; j = j->next)
		s->strange -= j->host == h;
}

void
schedule_done(struct schedule *s, struct schedule_job *job, bool reached,
    int64_t now)
{
	struct schedule_host *h = job->host;

	discount(s, job);
	h->active--;
	s->started--;
	if (reached)
		set_reached(s, h);
	else if (++h->failures >= s->limits.failures_max && now >= h->until) {
		h->hold = h->hold == 0 ? s->limits.hold_min :
		    h->hold > s->limits.hold_max / 2 ? s->limits.hold_max :
		    2 * h->hold;
		h->until = now + h->hold;
	}
	place(s, h, now);
}

struct schedule_job *
schedule_hopeless(struct schedule *s, int64_t now)
{
	struct schedule_host *h;
	struct schedule_job *job;

	while ((h = line_shift(&s->aside)) != NULL) {
		if (h->first == NULL || limit(s, h, now) > 0) {
			place(s, h, now);
			continue;
		}
		job = shift_job(s, h);
		place(s, h, now);
		return job;
	}
	return NULL;
}

size_t
schedule_waiting(const struct schedule *s)
{
	return s->waiting;
}

size_t
schedule_started(const struct schedule *s)
{
	return s->started;
}
