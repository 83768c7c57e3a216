/*
 * tlsrpt-show day: what the spool knows of a day, sealed, open or still in
 * the drop-box.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/day_view.h"
#include "reporter/share.h"
#include "reporter/show.h"
#include "spool/day.h"
#include "spool/spool.h"

#define ROWS_SHOWN	20	/* unless all are wanted */

/* One day, counted. */
struct counted {
	int day;
	struct aggregate *g;
	const struct aggregate_domain *domains;
	size_t n, sealed, open;
	uint64_t records;
	bool wrong;		/* something could not be read */
};

static void
count_record(void *arg, int day, const struct record *r, uint64_t sessions)
{
	struct counted *c = arg;

	if (day != c->day)
		return;
	aggregate_record(c->g, day, r, sessions);
	c->records++;
}

static void
read_segment(struct counted *c, const struct spool *s,
    const struct segment *g)
{
	const struct intake_sink sink = { .record = count_record, .arg = c };
	struct intake_totals totals = { 0 };

	if (g->bad != NULL) {
		log_warn("segment %s cannot be used: %s", g->name, g->bad);
		c->wrong = true;
	} else if (spool_read(s, g, &sink, &totals) == -1) {
		log_warn("segment %s: %m", g->name);
		c->wrong = true;
	}
	if (g->sealed)
		c->sealed++;
	else
		c->open++;
}

/* Root's umask and the drop-box of others: what we may not read is said. */
static void
read_incoming(struct counted *c, const struct spool *s)
{
	const struct intake_sink sink = { .record = count_record, .arg = c };
	struct intake_totals totals = { 0 };

	if (spool_read_incoming(s, &sink, &totals) == -1)
		c->wrong = true;
}

static void
count_day(struct counted *c, const struct spool *s, const struct show *show,
    int day)
{
	struct segments list;

	*c = (struct counted){ .day = day,
	    .g = aggregate_new((size_t)show->conf.report.details_max) };
	if (spool_segments(s, day, &list) == -1) {
		log_warn("the day cannot be read: %m");
		c->wrong = true;
	} else
		for (size_t i = 0; i < list.n; i++)
			read_segment(c, s, &list.list[i]);
	segments_release(&list);
	read_incoming(c, s);
	c->n = aggregate_finish(c->g, &c->domains);
}

static void
print_rates(const struct show *s, uint64_t successful, uint64_t failed)
{
	char share[SHARE_TEXT];

	printf(" %12" PRIu64 " ", successful + failed);
	show_print(s, stdout, failed > 0 ? SHOW_BAD : SHOW_GOOD,
	    "%10" PRIu64 " %8s", failed,
	    share_text(successful, successful + failed, share));
}

static void
print_policies(const struct show *s, const struct day_view *v)
{
	show_print(s, stdout, SHOW_DIM, "\n%-32s %8s %12s %10s %8s\n",
	    "policy", "domains", "sessions", "failed", "good");
	for (size_t i = 0; i < v->npolicies; i++) {
		const struct view_policy *p = &v->policies[i];

		printf("%-32s %8zu", name_of(policy_types, (int)p->type),
		    p->domains);
		print_rates(s, p->successful, p->failed);
		putchar('\n');
	}
}

static void
print_results(const struct show *s, const struct day_view *v)
{
	if (v->nresults == 0)
		return;
	show_print(s, stdout, SHOW_DIM, "\n%-32s %8s %12s\n", "failure",
	    "domains", "times");
	for (size_t i = 0; i < v->nresults; i++)
		printf("%-32s %8zu %12" PRIu64 "\n",
		    name_of(result_types, (int)v->results[i].result),
		    v->results[i].domains, v->results[i].failures);
}

static size_t
shown(const struct show *s, size_t n)
{
	return s->all || n < ROWS_SHOWN ? n : ROWS_SHOWN;
}

static void
left_out(const struct show *s, size_t n)
{
	if (n > 0)
		show_print(s, stdout, SHOW_DIM, "and %zu more; --all shows "
		    "them\n", n);
}

static const char *
result_name(enum result_type r)
{
	const char *name = name_of(result_types, (int)r);

	return name != NULL ? name : "-";
}

static void
print_worst(const struct show *s, const struct day_view *v)
{
	size_t n = shown(s, v->nworst);

	if (n == 0)
		return;
	show_print(s, stdout, SHOW_DIM, "\n%-41s %12s %10s %8s  %s\n",
	    "worst domains", "sessions", "failed", "good", "mostly");
	for (size_t i = 0; i < n; i++) {
		const struct view_domain *w = &v->worst[i];

		show_column(stdout, w->domain, 41);
		print_rates(s, w->successful, w->failed);
		printf("  %s\n", result_name(w->result));
	}
	left_out(s, v->nworst - n);
}

static void
print_fresh(const struct show *s, const struct day_view *v,
    const struct counted *before)
{
	size_t n = shown(s, v->nfresh);
	char text[DAY_TEXT];

	day_format(before->day, text);
	if (before->records == 0) {
		printf("\nNothing is known of %s to compare with.\n", text);
		return;
	}
	if (n == 0) {
		printf("\nNothing fails that did not fail on %s.\n", text);
		return;
	}
	show_print(s, stdout, SHOW_DIM, "\nnew since %-31s %12s  %s\n", text,
	    "times", "failure");
	for (size_t i = 0; i < n; i++) {
		show_column(stdout, v->fresh[i].domain, 41);
		printf(" %12" PRIu64 "  %s\n", v->fresh[i].failures,
		    result_name(v->fresh[i].result));
	}
	left_out(s, v->nfresh - n);
}

static void
print_text(const struct show *s, const struct day_view *v,
    const struct counted *day, const struct counted *before)
{
	char text[DAY_TEXT], share[SHARE_TEXT];

	show_print(s, stdout, SHOW_BOLD, "%s", day_format(day->day, text));
	printf(": %zu domains, %" PRIu64 " sessions, ", v->domains,
	    v->successful + v->failed);
	show_print(s, stdout, v->failed > 0 ? SHOW_BAD : SHOW_GOOD,
	    "%" PRIu64 " failed", v->failed);
	printf(", %s successful\n", share_text(v->successful,
	    v->successful + v->failed, share));
	printf("%zu sealed segments, %zu open%s\n", day->sealed, day->open,
	    day_is_over(day->day, s->now, s->conf.spool.grace) ? "" :
	    "; the day is not over");
	if (v->domains == 0)
		return;
	print_policies(s, v);
	print_results(s, v);
	print_worst(s, v);
	print_fresh(s, v, before);
}

static json_t *
policies_json(const struct day_view *v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < v->npolicies; i++) {
		const struct view_policy *p = &v->policies[i];

		json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:I}",
		    "policy-type", name_of(policy_types, (int)p->type),
		    "domains", (json_int_t)p->domains,
		    "successful", (json_int_t)p->successful,
		    "failed", (json_int_t)p->failed));
	}
	return list;
}

static json_t *
results_json(const struct day_view *v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < v->nresults; i++)
		json_array_append_new(list, json_pack("{s:s, s:I, s:I}",
		    "result-type", result_name(v->results[i].result),
		    "domains", (json_int_t)v->results[i].domains,
		    "failures", (json_int_t)v->results[i].failures));
	return list;
}

static json_t *
worst_json(const struct day_view *v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < v->nworst; i++) {
		const struct view_domain *w = &v->worst[i];

		json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:s?}",
		    "domain", w->domain,
		    "successful", (json_int_t)w->successful,
		    "failed", (json_int_t)w->failed,
		    "mostly", name_of(result_types, (int)w->result)));
	}
	return list;
}

static json_t *
fresh_json(const struct day_view *v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < v->nfresh; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:I}",
		    "domain", v->fresh[i].domain,
		    "result-type", result_name(v->fresh[i].result),
		    "failures", (json_int_t)v->fresh[i].failures));
	return list;
}

static void
print_json(const struct show *s, const struct day_view *v,
    const struct counted *day, const struct counted *before)
{
	char text[DAY_TEXT];
	json_t *o = json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:o, s:o, "
	    "s:o}", "day", day_format(day->day, text),
	    "over", day_is_over(day->day, s->now, s->conf.spool.grace),
	    "sealed-segments", (json_int_t)day->sealed,
	    "open-segments", (json_int_t)day->open,
	    "domains", (json_int_t)v->domains,
	    "successful", (json_int_t)v->successful,
	    "failed", (json_int_t)v->failed, "policies", policies_json(v),
	    "results", results_json(v), "worst", worst_json(v));

	/* Without a day to compare with, new and not known to be are one. */
	if (o == NULL || json_object_set_new(o, "new", before->records > 0 ?
	    fresh_json(v) : json_null()) == -1 ||
	    json_dumpf(o, stdout, JSON_COMPACT) == -1)
		fatal("cannot write the day as JSON");
	putchar('\n');
	json_decref(o);
}

int
show_day(const struct show *s, int day)
{
	struct counted today, before;
	struct arena a = { 0 };
	struct day_view v;
	struct spool spool;
	const char *why;

	if (spool_open(&spool, s->conf.spool.directory, s->conf.spool.source,
	    false, &why) == -1)
		fatal("[spool] directory %s: %s: %m%s",
		    s->conf.spool.directory, why, spool_hint(errno));
	count_day(&today, &spool, s, day);
	count_day(&before, &spool, s, day - 1);
	day_view_make(&v, today.domains, today.n, before.domains, before.n, &a);
	if (s->form == SHOW_JSON)
		print_json(s, &v, &today, &before);
	else
		print_text(s, &v, &today, &before);
	aggregate_free(today.g);
	aggregate_free(before.g);
	arena_release(&a);
	spool_close(&spool);
	return today.wrong || before.wrong ? SHOW_WRONG : SHOW_OK;
}
