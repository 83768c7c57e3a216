#include "reporter/show_table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/share.h"

#define RESULTS_SHOWN	20	/* of a policy, unless all are wanted */
#define HOSTS_SHOWN	10	/* of a result */

#define DOMAIN_COLUMNS	40

/* Failure details of one result type, most frequent first. */
struct group {
	const struct reading_detail **list;
	size_t n;
	uint64_t failures;
};

static int
descending(uint64_t a, uint64_t b)
{
	return (a < b) - (a > b);
}

static const char *
result_of(const struct reading_detail *d)
{
	return d->result != NULL ? d->result : "-";
}

static int
by_result(const void *a, const void *b)
{
	const struct reading_detail *const *x = a, *const *y = b;
	int order = strcmp(result_of(*x), result_of(*y));

	return order != 0 ? order : descending((*x)->n, (*y)->n);
}

static int
by_failures(const void *a, const void *b)
{
	const struct group *x = a, *y = b;

	return x->failures != y->failures ?
	    descending(x->failures, y->failures) :
	    by_result(x->list, y->list);
}

static struct group *
group_details(const struct reading_policy *p, size_t *n, struct arena *a)
{
	const struct reading_detail **list = arena_calloc(a, p->ndetails,
	    sizeof(*list));
	struct group *groups = arena_calloc(a, p->ndetails, sizeof(*groups));

	for (size_t i = 0; i < p->ndetails; i++)
		list[i] = &p->details[i];
	if (p->ndetails > 0)
		qsort(list, p->ndetails, sizeof(*list), by_result);
	*n = 0;
	for (size_t i = 0; i < p->ndetails; i++) {
		if (i == 0 || strcmp(result_of(list[i]),
		    result_of(list[i - 1])) != 0)
			groups[(*n)++].list = &list[i];
		groups[*n - 1].n++;
		groups[*n - 1].failures += list[i]->n;
	}
	if (*n > 0)
		qsort(groups, *n, sizeof(*groups), by_failures);
	return groups;
}

static size_t
shown(const struct show *s, size_t n, size_t most)
{
	return s->all || n < most ? n : most;
}

static void
left_out(const struct show *s, FILE *f, int indent, size_t n)
{
	if (n > 0)
		show_print(s, f, SHOW_DIM, "%*sand %zu more; --all shows "
		    "them\n", indent, "", n);
}

static void
print_text(const struct show *s, FILE *f, const char *label, const char *text)
{
	if (text == NULL || *text == '\0')
		return;
	show_print(s, f, SHOW_DIM, "%33s%s ", "", label);
	show_clean(f, text);
	putc('\n', f);
}

/* mx.example [192.0.2.1], as helo; from 192.0.2.2 */
static void
print_host(const struct show *s, FILE *f, const struct reading_detail *d)
{
	fprintf(f, "%18" PRIu64 "             ", d->n);
	show_clean(f, d->mx_hostname != NULL ? d->mx_hostname : d->mx_helo);
	if (d->receiving_ip != NULL) {
		fputs(" [", f);
		show_clean(f, d->receiving_ip);
		putc(']', f);
	}
	if (d->mx_hostname != NULL && d->mx_helo != NULL &&
	    strcmp(d->mx_hostname, d->mx_helo) != 0) {
		fputs(", which calls itself ", f);
		show_clean(f, d->mx_helo);
	}
	if (d->sending_ip != NULL) {
		fputs(", from ", f);
		show_clean(f, d->sending_ip);
	}
	putc('\n', f);
	print_text(s, f, "reason:", d->reason);
	print_text(s, f, "see", d->additional_info);
}

static void
print_group(const struct show *s, FILE *f, const struct group *g,
    uint64_t total)
{
	size_t n = shown(s, g->n, HOSTS_SHOWN);
	char share[SHARE_TEXT];

	show_print(s, f, SHOW_BAD, "%18" PRIu64 "  %7s  ", g->failures,
	    share_text(g->failures, total, share));
	show_clean(f, result_of(g->list[0]));
	putc('\n', f);
	for (size_t i = 0; i < n; i++)
		print_host(s, f, g->list[i]);
	left_out(s, f, 31, g->n - n);
}

static void
print_details(const struct show *s, FILE *f, const struct reading_policy *p,
    struct arena *a)
{
	size_t ngroups, n;
	struct group *groups = group_details(p, &ngroups, a);
	uint64_t total = 0;

	n = shown(s, ngroups, RESULTS_SHOWN);
	for (size_t i = 0; i < ngroups; i++)
		total += groups[i].failures;
	for (size_t i = 0; i < n; i++)
		print_group(s, f, &groups[i], total);
	left_out(s, f, 20, ngroups - n);
}

static void
print_policy(const struct show *s, FILE *f, const struct reading_policy *p,
    struct arena *a)
{
	uint64_t sessions = p->successful + p->failed;
	char share[SHARE_TEXT];

	fputs("  ", f);
	show_column(f, p->type, 17);
	putc(' ', f);
	show_column(f, p->domain, DOMAIN_COLUMNS);
	fprintf(f, " %10" PRIu64 " ", sessions);
	show_print(s, f, p->failed > 0 ? SHOW_BAD : SHOW_GOOD,
	    "%10" PRIu64 " %8s\n", p->failed,
	    share_text(p->successful, sessions, share));
	print_details(s, f, p, a);
}

static void
print_head(const struct show *s, FILE *f, const struct reading *r)
{
	uint64_t sessions = r->successful + r->failed;
	char share[SHARE_TEXT];

	show_print(s, f, SHOW_BOLD, "%s", "");
	show_clean(f, r->organization);
	fputs(" about ", f);
	show_clean(f, r->domain);
	fputs("\n  from ", f);
	show_clean(f, r->begin);
	fputs(" to ", f);
	show_clean(f, r->end);
	fputs("\n  contact ", f);
	show_clean(f, r->contact);
	fputs(", report-id ", f);
	show_clean(f, r->id);
	fprintf(f, "\n  %" PRIu64 " sessions, ", sessions);
	show_print(s, f, r->failed > 0 ? SHOW_BAD : SHOW_GOOD,
	    "%" PRIu64 " failed", r->failed);
	fprintf(f, ", %s successful\n\n",
	    share_text(r->successful, sessions, share));
}

void
show_table(const struct show *s, FILE *f, const struct reading *r,
    struct arena *a)
{
	print_head(s, f, r);
	show_print(s, f, SHOW_DIM, "  %-17s %-*s %10s %10s %8s\n", "policy",
	    DOMAIN_COLUMNS, "domain", "sessions", "failed", "good");
	for (size_t i = 0; i < r->npolicies; i++)
		print_policy(s, f, &r->policies[i], a);
}
