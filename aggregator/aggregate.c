#include "aggregator/aggregate.h"

#include <stdlib.h>
#include <string.h>

#include "aggregator/policy.h"
#include "aggregator/table.h"
#include "aggregator/tally.h"
#include "conf/mem.h"

struct txt {
	struct txt *next;
	struct aggregate_txt t;
};

struct domain {
	struct domain *next;
	uint64_t hash;
	const char *name;
	uint64_t sessions;
	size_t ntxts, npolicies;
	size_t nkept;			/* policies that fill the ceiling */
	size_t text;			/* bytes kept of policies and details */
	struct txt *txts;
	bool txt_missing;
	struct tally *policies;
};

struct aggregate {
	struct arena arena;
	struct table domains;
	struct domain *first;
	struct tally_store store;
};

struct aggregate *
aggregate_new(size_t details_max)
{
	struct aggregate *g = xcalloc(1, sizeof(*g));

	g->store.arena = &g->arena;
	g->store.details_max = details_max;
	return g;
}

void
aggregate_free(struct aggregate *g)
{
	if (g == NULL)
		return;
	table_release(&g->domains);
	table_release(&g->store.details);
	arena_release(&g->arena);
	free(g);
}

static struct domain *
domain_get(struct aggregate *g, const char *name)
{
	uint64_t hash = table_hash(0, name);
	struct domain *d;
	size_t at = 0;

	while ((d = table_next(&g->domains, hash, &at)) != NULL)
		if (strcmp(d->name, name) == 0)
			return d;
	d = arena_calloc(&g->arena, 1, sizeof(*d));
	d->next = g->first;
	d->hash = hash;
	d->name = arena_strdup(&g->arena, name);
	g->first = d;
	table_add(&g->domains, hash, d);
	return d;
}

static void
count_txt(struct aggregate *g, struct domain *d, const char *text,
    uint64_t sessions)
{
	struct txt *x;

	for (x = d->txts; x != NULL && text != NULL; x = x->next) {
		if (strcmp(x->t.text, text) == 0) {
			x->t.sessions += sessions;
			return;
		}
	}
	if (text == NULL || d->ntxts == TXTS_MAX) {
		d->txt_missing = true;
		return;
	}
	x = arena_alloc(&g->arena, sizeof(*x));
	x->next = d->txts;
	x->t.text = arena_strdup(&g->arena, text);
	x->t.sessions = sessions;
	d->txts = x;
	d->ntxts++;
}

/* A domain has POLICIES_MAX of them and a few bare ones: a list will do. */
static struct tally *
policy_find(const struct domain *d, uint64_t hash,
    const struct report_policy *id)
{
	struct tally *t;

	for (t = d->policies; t != NULL; t = t->next)
		if (t->hash == hash && policy_compare(&t->policy, id) == 0)
			break;
	return t;
}

static bool
is_full(const struct domain *d)
{
	return d->text >= TEXT_MAX;
}

static struct tally *
policy_get(struct aggregate *g, struct domain *d, const struct record_policy *p)
{
	struct report_policy id = policy_of(p);
	uint64_t hash = policy_hash(&id, d->hash);
	struct tally *t = policy_find(d, hash, &id);

	if (t == NULL && (is_full(d) || d->nkept == POLICIES_MAX)) {
		id = (struct report_policy){ .type = p->type,
			.domain = d->name };
		hash = policy_hash(&id, d->hash);
		t = policy_find(d, hash, &id);
	}
	if (t == NULL) {
		t = arena_calloc(&g->arena, 1, sizeof(*t));
		t->next = d->policies;
		t->hash = hash;
		t->policy = id;
		d->text += policy_keep(&t->policy, &g->arena);
		d->policies = t;
		d->npolicies++;
		d->nkept += !policy_is_bare(&id, d->name);
	}
	return t;
}

void
aggregate_record(void *arg, int day, const struct record *r, uint64_t sessions)
{
	struct aggregate *g = arg;
	struct domain *d;

	(void)day;
	if (r->own_report || r->npolicies == 0)
		return;
	d = domain_get(g, r->domain);
	d->sessions += sessions;
	count_txt(g, d, r->txt, sessions);
	for (size_t i = 0; i < r->npolicies; i++) {
		const struct record_policy *p = &r->policies[i];
		struct tally *t = policy_get(g, d, p);

		d->text += tally_count(t, &g->store, p, sessions, is_full(d));
	}
}

static int
by_sessions(const void *left, const void *right)
{
	const struct aggregate_txt *a = left, *b = right;

	if (a->sessions != b->sessions)
		return a->sessions > b->sessions ? -1 : 1;
	return strcmp(a->text, b->text);
}

/* Most domains have one text and one policy: these need no copy in order. */
static const struct aggregate_txt *
finish_txts(const struct domain *d, struct arena *a)
{
	struct aggregate_txt *txts;
	size_t i = 0;

	if (d->ntxts == 1)
		return &d->txts->t;
	txts = arena_alloc(a, d->ntxts * sizeof(*txts));
	for (const struct txt *x = d->txts; x != NULL; x = x->next)
		txts[i++] = x->t;
	qsort(txts, i, sizeof(*txts), by_sessions);
	return txts;
}

static int
by_identity(const void *left, const void *right)
{
	return policy_compare(left, right);
}

static struct report_policy *
finish_policies(const struct domain *d, struct arena *a)
{
	struct report_policy *policies;
	size_t i = 0;

	if (d->npolicies == 1) {
		tally_finish(d->policies, a);
		return &d->policies->policy;
	}
	policies = arena_alloc(a, d->npolicies * sizeof(*policies));
	for (struct tally *t = d->policies; t != NULL; t = t->next) {
		tally_finish(t, a);
		policies[i++] = t->policy;
	}
	qsort(policies, i, sizeof(*policies), by_identity);
	return policies;
}

static int
by_name(const void *left, const void *right)
{
	const struct aggregate_domain *a = left, *b = right;

	return strcmp(a->domain, b->domain);
}

size_t
aggregate_finish(struct aggregate *g, const struct aggregate_domain **domains)
{
	struct aggregate_domain *list;
	size_t i = 0;

	list = arena_alloc(&g->arena, g->domains.used * sizeof(*list));
	for (const struct domain *d = g->first; d != NULL; d = d->next)
		list[i++] = (struct aggregate_domain){
			.domain = d->name,
			.ntxts = d->ntxts,
			.txts = finish_txts(d, &g->arena),
			.txt_missing = d->txt_missing,
			.sessions = d->sessions,
			.policies = finish_policies(d, &g->arena),
			.npolicies = d->npolicies,
		};
	qsort(list, i, sizeof(*list), by_name);
	*domains = list;
	return i;
}

void
aggregate_report(const struct aggregate_domain *d,
    const struct report_identity *who, int day, unsigned part,
    struct report *r, struct arena *a)
{
	*r = (struct report){
		.who = who,
		.domain = d->domain,
		.day = day,
		.part = part,
		.npolicies = d->npolicies,
		.policies = d->policies,
	};
	for (size_t i = 0; i < d->npolicies; i++) {
		r->successful += d->policies[i].successful;
		r->failed += d->policies[i].failed;
	}
	report_name(r, a);
}
