#include "reporter/day_view.h"

#include <stdlib.h>
#include <string.h>

#include "conf/mem.h"

/* Failures of one domain by the row of result_types. */
struct failures {
	uint64_t n[RESULT_TYPES];
};

static size_t
row_of(const struct name_code *table, int code)
{
	size_t i = 0;

	while (table[i].name != NULL && table[i].code != code)
		i++;
	return i;
}

static void
count_failures(struct failures *f, const struct aggregate_domain *d)
{
	memset(f, 0, sizeof(*f));
	for (size_t i = 0; i < d->npolicies; i++)
		for (size_t k = 0; k < d->policies[i].ndetails; k++) {
			const struct report_detail *detail =
			    &d->policies[i].details[k];

			f->n[row_of(result_types, (int)detail->result)] +=
			    detail->n;
		}
}

static int
descending(uint64_t a, uint64_t b)
{
	return (a < b) - (a > b);
}

static int
by_sessions(const void *a, const void *b)
{
	const struct view_policy *x = a, *y = b;

	return descending(x->successful + x->failed,
	    y->successful + y->failed);
}

static int
by_failures(const void *a, const void *b)
{
	const struct view_result *x = a, *y = b;
	int order = descending(x->failures, y->failures);

	return order != 0 ? order : (int)x->result - (int)y->result;
}

static int
by_failed(const void *a, const void *b)
{
	const struct view_domain *x = a, *y = b;
	int order = descending(x->failed, y->failed);

	return order != 0 ? order : strcmp(x->domain, y->domain);
}

static int
by_fresh(const void *a, const void *b)
{
	const struct view_failure *x = a, *y = b;
	int order = descending(x->failures, y->failures);

	if (order == 0)
		order = strcmp(x->domain, y->domain);
	return order != 0 ? order : (int)x->result - (int)y->result;
}

/* Of none at all the address may be NULL, which qsort does not take. */
static void
sort(void *rows, size_t n, size_t size, int (*compare)(const void *,
    const void *))
{
	if (n > 0)
		qsort(rows, n, size, compare);
}

static void
view_policies(struct day_view *v, const struct aggregate_domain *d, size_t n,
    struct arena *a)
{
	size_t ntypes = row_of(policy_types, 0);
	bool *seen = arena_alloc(a, ntypes * sizeof(*seen));

	v->policies = arena_calloc(a, ntypes, sizeof(*v->policies));
	for (size_t i = 0; i < n; i++) {
		memset(seen, 0, ntypes * sizeof(*seen));
		for (size_t k = 0; k < d[i].npolicies; k++) {
			const struct report_policy *p = &d[i].policies[k];
			size_t row = row_of(policy_types, (int)p->type);

			v->policies[row].domains += !seen[row];
			v->policies[row].successful += p->successful;
			v->policies[row].failed += p->failed;
			v->successful += p->successful;
			v->failed += p->failed;
			seen[row] = true;
		}
	}
	/* Rows that nothing was counted in go. */
	for (size_t row = 0; row < ntypes; row++) {
		v->policies[row].type = (enum policy_type)policy_types[row].code;
		if (v->policies[row].domains > 0)
			v->policies[v->npolicies++] = v->policies[row];
	}
	sort(v->policies, v->npolicies, sizeof(*v->policies), by_sessions);
}

static void
view_results(struct day_view *v, const struct failures *f, size_t n,
    struct arena *a)
{
	v->results = arena_calloc(a, RESULT_TYPES, sizeof(*v->results));
	for (size_t row = 0; row < RESULT_TYPES; row++) {
		struct view_result r = {
			.result = (enum result_type)result_types[row].code,
		};

		for (size_t i = 0; i < n; i++) {
			r.domains += f[i].n[row] > 0;
			r.failures += f[i].n[row];
		}
		if (r.domains > 0)
			v->results[v->nresults++] = r;
	}
	sort(v->results, v->nresults, sizeof(*v->results), by_failures);
}

static enum result_type
most_frequent(const struct failures *f)
{
	size_t best = 0;

	for (size_t row = 1; row < RESULT_TYPES; row++)
		if (f->n[row] > f->n[best])
			best = row;
	return f->n[best] > 0 ? (enum result_type)result_types[best].code :
	    (enum result_type)0;
}

static void
view_worst(struct day_view *v, const struct aggregate_domain *d,
    const struct failures *f, size_t n, struct arena *a)
{
	v->worst = arena_calloc(a, n, sizeof(*v->worst));
	for (size_t i = 0; i < n; i++) {
		struct view_domain w = { .domain = d[i].domain,
		    .result = most_frequent(&f[i]) };

		for (size_t k = 0; k < d[i].npolicies; k++) {
			w.successful += d[i].policies[k].successful;
			w.failed += d[i].policies[k].failed;
		}
		if (w.failed > 0)
			v->worst[v->nworst++] = w;
	}
	sort(v->worst, v->nworst, sizeof(*v->worst), by_failed);
}

static int
by_domain(const void *key, const void *d)
{
	return strcmp(key, ((const struct aggregate_domain *)d)->domain);
}

static void
view_fresh(struct day_view *v, const struct aggregate_domain *d,
    const struct failures *f, size_t n, const struct aggregate_domain *before,
    size_t nbefore, struct arena *a)
{
	size_t most = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t row = 0; row < RESULT_TYPES; row++)
			most += f[i].n[row] > 0;
	v->fresh = arena_calloc(a, most, sizeof(*v->fresh));
	for (size_t i = 0; i < n; i++) {
		const struct aggregate_domain *then = nbefore == 0 ? NULL :
		    bsearch(d[i].domain, before, nbefore, sizeof(*before),
		    by_domain);
		struct failures old = { 0 };

		if (then != NULL)
			count_failures(&old, then);
		for (size_t row = 0; row < RESULT_TYPES; row++)
			if (f[i].n[row] > 0 && old.n[row] == 0)
				v->fresh[v->nfresh++] = (struct view_failure){
				    d[i].domain, (enum result_type)
				    result_types[row].code, f[i].n[row] };
	}
	sort(v->fresh, v->nfresh, sizeof(*v->fresh), by_fresh);
}

void
day_view_make(struct day_view *v, const struct aggregate_domain *day, size_t n,
    const struct aggregate_domain *before, size_t nbefore, struct arena *a)
{
	struct failures *f = arena_alloc(a, (n + 1) * sizeof(*f));

	memset(v, 0, sizeof(*v));
	v->domains = n;
	for (size_t i = 0; i < n; i++)
		count_failures(&f[i], &day[i]);
	view_policies(v, day, n, a);
	view_results(v, f, n, a);
	view_worst(v, day, f, n, a);
	view_fresh(v, day, f, n, before, nbefore, a);
}
