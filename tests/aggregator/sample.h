#ifndef TESTS_AGGREGATOR_SAMPLE_H
#define TESTS_AGGREGATOR_SAMPLE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aggregator/aggregate.h"

/*
 * Records in short: one policy, lists separated by `|`, at most one failure.
 * Rows of these are what the tests count.
 */
#define SAMPLE_LIST_MAX	8

struct sample {
	const char *domain, *txt;
	enum policy_type type;
	const char *policy_domain;	/* NULL: domain */
	const char *strings, *mx;	/* NULL: none */
	bool failed;
	struct record_failure failure;	/* result 0: none */
	uint64_t sessions;
	bool own_report;
};

/* Cuts text, which is changed. */
static inline size_t
sample_list(char *text, const char *list[SAMPLE_LIST_MAX])
{
	size_t n = 0;

	if (text != NULL)
		for (char *p; (p = strsep(&text, "|")) != NULL;)
			list[n++] = p;
	return n;
}

static inline void
sample_count(struct aggregate *g, const struct sample *s)
{
	const char *strings[SAMPLE_LIST_MAX], *mx[SAMPLE_LIST_MAX];
	char *a = s->strings ? strdup(s->strings) : NULL;
	char *b = s->mx ? strdup(s->mx) : NULL;
	struct record_failure failure = s->failure;
	struct record_policy policy = {
		.type = s->type,
		.domain = s->policy_domain ? s->policy_domain : s->domain,
		.strings = strings,
		.mx = mx,
		.nstrings = sample_list(a, strings),
		.nmx = sample_list(b, mx),
		.failures = &failure,
		.nfailures = failure.result != 0,
		.failed = s->failed,
	};
	struct record r = {
		.domain = s->domain,
		.txt = s->txt,
		.n = 1,
		.own_report = s->own_report,
		.npolicies = 1,
		.policies = &policy,
	};

	aggregate_record(g, 0, &r, s->sessions);
	free(a);
	free(b);
}

static inline void
sample_print_list(FILE *f, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%s%s", i ? "|" : " ", list[i]);
}

/*
 * Finish counting.  Returns all that was counted, a line per domain, text,
 * policy and detail; *d is the first domain.
 */
static inline char *
sample_finish(struct aggregate *g, const struct aggregate_domain **first)
{
	size_t len, n = aggregate_finish(g, first);
	const struct aggregate_domain *d = *first;
	char *text = NULL;
	FILE *f = open_memstream(&text, &len);

	for (; n > 0; n--, d++) {
		fprintf(f, "%s %llu%s\n", d->domain,
		    (unsigned long long)d->sessions,
		    d->txt_missing ? " txt-missing" : "");
		for (size_t i = 0; i < d->ntxts; i++)
			fprintf(f, "\ttxt %s %llu\n", d->txts[i].text,
			    (unsigned long long)d->txts[i].sessions);
		for (size_t i = 0; i < d->npolicies; i++) {
			const struct report_policy *p = &d->policies[i];

			fprintf(f, "\t%d %s", (int)p->type, p->domain);
			sample_print_list(f, p->strings, p->nstrings);
			sample_print_list(f, p->mx, p->nmx);
			fprintf(f, " +%llu -%llu\n",
			    (unsigned long long)p->successful,
			    (unsigned long long)p->failed);
			for (size_t k = 0; k < p->ndetails; k++) {
				const struct report_detail *e = &p->details[k];
				const char *t[] = { e->sending_ip,
					e->mx_hostname, e->mx_helo,
					e->receiving_ip, e->additional_info,
					e->reason };

				fprintf(f, "\t\t%d", (int)e->result);
				for (size_t m = 0; m < 6; m++)
					fprintf(f, " %s", t[m] ? t[m] : "-");
				fprintf(f, " x%llu\n",
				    (unsigned long long)e->n);
			}
		}
	}
	fclose(f);
	return text;
}

#endif
