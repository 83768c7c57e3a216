#include "reporter/survey.h"

#include <stdlib.h>
#include <string.h>

#include "aggregator/table.h"
#include "conf/mem.h"
#include "spool/arena.h"
#include "spool/day.h"
#include "spool/record.h"

/* Those of the RFC, and one for all that there is no room for. */
#define RESULTS_MAX	(SURVEY_RESULTS_MAX + RESULT_TYPES + 1)

struct survey_book {
	int from, to;
	struct survey s;
	struct arena arena;
	struct table reports, domains, results;
	size_t nlist, days_size, list_size;
	struct survey_day *days;
	struct survey_domain **list;
	struct survey_result *result[RESULTS_MAX];
};

struct survey_book *
survey_new(int from, int to)
{
	struct survey_book *b = xcalloc(1, sizeof(*b));

	b->from = from;
	b->to = to;
	return b;
}

void
survey_free(struct survey_book *b)
{
	if (b == NULL)
		return;
	for (size_t i = 0; i < b->nlist; i++)
		free(b->list[i]->points);
	table_release(&b->reports);
	table_release(&b->domains);
	table_release(&b->results);
	arena_release(&b->arena);
	free(b->days);
	free(b->list);
	free(b);
}

static void
add(uint64_t *sum, uint64_t n)
{
	*sum = n > UINT64_MAX - *sum ? UINT64_MAX : *sum + n;
}

static void
add_count(struct survey_count *sum, uint64_t successful, uint64_t failed)
{
	add(&sum->successful, successful);
	add(&sum->failed, failed);
}

/* A copy of at most SURVEY_TEXT_MAX bytes, cut at a character. */
static const char *
keep(struct survey_book *b, const char *text)
{
	size_t len = strnlen(text, SURVEY_TEXT_MAX + 1);

	if (len > SURVEY_TEXT_MAX)
		for (len = SURVEY_TEXT_MAX; len > 0 &&
		    ((unsigned char)text[len] & 0xc0) == 0x80; len--)
			;
	return arena_strndup(&b->arena, text, len);
}

static const char *
keep_known(struct survey_book *b, const char *text)
{
	return text == NULL || *text == '\0' ? NULL : keep(b, text);
}

/* Has it been added before?  RFC 8460 section 5.3: the report-id tells. */
static bool
is_repeated(struct survey_book *b, const struct reading *r)
{
	uint64_t hash = table_hash(table_hash(0, r->contact), r->id);
	size_t at = 0;

	if (r->id == NULL)
		return false;
	if (table_next(&b->reports, hash, &at) != NULL)
		return true;
	table_add(&b->reports, hash, b);
	return false;
}

/* Domains differ in more than in case, or in a dot at the end. */
static char *
domain_name(struct survey_book *b, const char *text)
{
	char *name = arena_strndup(&b->arena, text, SURVEY_TEXT_MAX);
	size_t len = strlen(name);

	for (char *p = name; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p += 'a' - 'A';
	if (len > 1 && name[len - 1] == '.')
		name[len - 1] = '\0';
	return name;
}

static struct survey_domain *
find_domain(struct survey_book *b, const char *text)
{
	char *name = domain_name(b, text);
	struct survey_domain *d;
	uint64_t hash;
	size_t at = 0;

	hash = table_hash(0, name);
	while ((d = table_next(&b->domains, hash, &at)) != NULL)
		if (strcmp(d->name, name) == 0)
			return d;
	d = arena_calloc(&b->arena, 1, sizeof(*d));
	d->name = name;
	table_add(&b->domains, hash, d);
	if (b->nlist == b->list_size) {
		b->list_size = b->list_size == 0 ? 64 : 2 * b->list_size;
		b->list = xreallocarray(b->list, b->list_size,
		    sizeof(struct survey_domain *));
	}
	return b->list[b->nlist++] = d;
}

/* Days come in order more often than not. */
static struct survey_day *
find_day(struct survey_book *b, int day)
{
	size_t i = b->s.ndays;

	while (i > 0 && b->days[i - 1].day > day)
		i--;
	if (i > 0 && b->days[i - 1].day == day)
		return &b->days[i - 1];
	if (b->s.ndays == b->days_size) {
		b->days_size = b->days_size == 0 ? 32 : 2 * b->days_size;
		b->days = xreallocarray(b->days, b->days_size,
		    sizeof(*b->days));
	}
	memmove(&b->days[i + 1], &b->days[i],
	    (b->s.ndays++ - i) * sizeof(*b->days));
	b->days[i] = (struct survey_day){ .day = day };
	return &b->days[i];
}

static struct survey_point *
find_point(struct survey_domain *d, int day)
{
	size_t i = d->npoints;

	while (i > 0 && d->points[i - 1].day > day)
		i--;
	if (i > 0 && d->points[i - 1].day == day)
		return &d->points[i - 1];
	if (d->npoints == d->size) {
		d->size = d->size == 0 ? 4 : 2 * d->size;
		d->points = xreallocarray(d->points, d->size,
		    sizeof(*d->points));
	}
	memmove(&d->points[i + 1], &d->points[i],
	    (d->npoints++ - i) * sizeof(*d->points));
	d->points[i] = (struct survey_point){ .day = day };
	return &d->points[i];
}

static void
count_result(struct survey_book *b, struct survey_domain *d,
    const char *name, uint64_t n)
{
	struct survey_result *r;
	uint64_t hash;
	size_t at = 0;

	/* The RFC's have their place whatever else there is. */
	if (b->s.nresults >= SURVEY_RESULTS_MAX &&
	    code_of(result_types, name) == 0)
		name = "";
	hash = table_hash(0, name);
	while ((r = table_next(&b->results, hash, &at)) != NULL)
		if (strcmp(r->result, name) == 0)
			break;
	if (r == NULL) {
		r = arena_calloc(&b->arena, 1, sizeof(*r));
		r->result = keep(b, name);
		r->bit = UINT64_C(1) << b->s.nresults;
		table_add(&b->results, hash, r);
		b->result[b->s.nresults++] = r;
	}
	r->domains += (d->results & r->bit) == 0;
	d->results |= r->bit;
	add(&r->n, n);
}

static bool
is_text(const char *kept, const char *text)
{
	if (kept == NULL || text == NULL)
		return kept == NULL && (text == NULL || *text == '\0');
	return strncmp(kept, text, strlen(kept)) == 0 &&
	    (text[strlen(kept)] == '\0' ||
	    strlen(kept) + 3 >= SURVEY_TEXT_MAX);
}

static void
count_detail(struct survey_book *b, struct survey_domain *d,
    const struct reading_detail *v)
{
	const char *result = v->result != NULL ? v->result : "";
	const char *host = v->mx_hostname != NULL ? v->mx_hostname :
	    v->mx_helo;
	struct survey_detail *s;

	count_result(b, d, result, v->n);
	for (s = d->details; s != NULL; s = s->next)
		if (is_text(s->result, result) && is_text(s->host, host) &&
		    is_text(s->ip, v->receiving_ip) &&
		    is_text(s->reason, v->reason))
			break;
	if (s == NULL && d->ndetails == SURVEY_DETAILS_MAX) {
		add(&d->others, v->n);
		return;
	}
	if (s == NULL) {
		s = arena_calloc(&b->arena, 1, sizeof(*s));
		s->result = keep(b, result);
		s->host = keep_known(b, host);
		s->ip = keep_known(b, v->receiving_ip);
		s->reason = keep_known(b, v->reason);
		s->next = d->details;
		d->details = s;
		d->ndetails++;
	}
	add(&s->n, v->n);
}

static enum survey_policy
policy_row(const char *type)
{
	switch (type == NULL ? 0 : code_of(policy_types, type)) {
	case POLICY_TLSA:
		return SURVEY_TLSA;
	case POLICY_STS:
		return SURVEY_STS;
	case POLICY_NONE:
		return SURVEY_NONE;
	default:
		return SURVEY_OTHER;
	}
}

bool
survey_report(struct survey_book *b, const struct reading *r)
{
	struct survey_domain *d;
	struct survey_point *point;
	struct survey_day *day;
	int64_t begin;

	if (r->domain == NULL || r->begin == NULL ||
	    !day_parse_rfc3339(r->begin, &begin) ||
	    day_of(begin) < b->from || day_of(begin) > b->to)
		return false;
	if (is_repeated(b, r)) {
		b->s.repeated++;
		return false;
	}
	b->s.reports++;
	d = find_domain(b, r->domain);
	day = find_day(b, day_of(begin));
	point = find_point(d, day->day);
	add_count(&b->s.count, r->successful, r->failed);
	add_count(&d->count, r->successful, r->failed);
	add_count(&point->count, r->successful, r->failed);
	for (size_t i = 0; i < r->npolicies; i++) {
		const struct reading_policy *p = &r->policies[i];

		add_count(&day->policy[policy_row(p->type)], p->successful,
		    p->failed);
		for (size_t k = 0; k < p->ndetails; k++)
			count_detail(b, d, &p->details[k]);
	}
	return true;
}

void
survey_delivery(struct survey_book *b, enum queue_state state)
{
	b->s.deliveries[state]++;
}

static int
descending(uint64_t a, uint64_t b)
{
	return (a < b) - (a > b);
}

static int
by_failed(const void *a, const void *b)
{
	const struct survey_domain *x = *(struct survey_domain *const *)a;
	const struct survey_domain *y = *(struct survey_domain *const *)b;
	int order = descending(x->count.failed, y->count.failed);

	return order != 0 ? order : strcmp(x->name, y->name);
}

static int
by_result(const void *a, const void *b)
{
	const struct survey_result *x = a, *y = b;
	int order = descending(x->n, y->n);

	return order != 0 ? order : strcmp(x->result, y->result);
}

/* A short list: by insertion. */
static void
sort_details(struct survey_domain *d)
{
	struct survey_detail *sorted = NULL, *s, *next, **at;

	for (s = d->details; s != NULL; s = next) {
		next = s->next;
		for (at = &sorted; *at != NULL && (*at)->n >= s->n;)
			at = &(*at)->next;
		s->next = *at;
		*at = s;
	}
	d->details = sorted;
}

const struct survey *
survey_finish(struct survey_book *b)
{
	struct survey *s = &b->s;
	struct survey_domain **failing = arena_alloc(&b->arena,
	    (b->nlist + 1) * sizeof(struct survey_domain *));
	struct survey_result *results = arena_alloc(&b->arena,
	    (s->nresults + 1) * sizeof(*results));

	s->ndomains = b->nlist;
	s->days = b->days;
	for (size_t i = 0; i < b->nlist; i++)
		if (b->list[i]->count.failed > 0 ||
		    b->list[i]->details != NULL) {
			sort_details(b->list[i]);
			failing[s->nfailing++] = b->list[i];
		}
	qsort(failing, s->nfailing, sizeof(struct survey_domain *), by_failed);
	for (size_t i = 0; i < s->nresults; i++)
		results[i] = *b->result[i];
	qsort(results, s->nresults, sizeof(*results), by_result);
	s->failing = (const struct survey_domain *const *)failing;
	s->results = results;
	return s;
}
