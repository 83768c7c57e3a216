#include "aggregator/tally.h"

#include <stdlib.h>
#include <string.h>

#include "aggregator/policy.h"

struct tally_detail {
	struct tally_detail *next;	/* of the same policy */
	const struct tally *owner;
	struct report_detail d;
};

/* The texts of a detail, for whoever treats them all alike. */
enum { TEXTS = 6 };

static void
texts_of(const struct report_detail *d, const char *text[TEXTS])
{
	text[0] = d->mx_hostname;
	text[1] = d->receiving_ip;
	text[2] = d->sending_ip;
	text[3] = d->mx_helo;
	text[4] = d->reason;
	text[5] = d->additional_info;
}

static struct report_detail
detail_of(const struct record_failure *f)
{
	struct report_detail d = {
		.result = f->result,
		.sending_ip = f->sending_ip,
		.mx_hostname = f->mx_hostname,
		.mx_helo = f->mx_helo,
		.receiving_ip = f->receiving_ip,
		.additional_info = f->additional_info,
		.reason = f->reason,
	};

	return d;
}

static bool
is_bare(const struct report_detail *d)
{
	const char *text[TEXTS];

	texts_of(d, text);
	for (size_t i = 0; i < TEXTS; i++)
		if (text[i] != NULL)
			return false;
	return true;
}

static uint64_t
detail_hash(const struct report_detail *d, uint64_t seed)
{
	const char *text[TEXTS];
	uint64_t h = seed + (uint64_t)d->result;

	texts_of(d, text);
	for (size_t i = 0; i < TEXTS; i++)
		h = table_hash(h, text[i]);
	return h;
}

static int
detail_compare(const struct report_detail *a, const struct report_detail *b)
{
	const char *left[TEXTS], *right[TEXTS];
	int c;

	if (a->result != b->result)
		return a->result < b->result ? -1 : 1;
	texts_of(a, left);
	texts_of(b, right);
	for (size_t i = 0; i < TEXTS; i++)
		if ((c = policy_text_compare(left[i], right[i])) != 0)
			return c;
	return 0;
}

static struct tally_detail *
find(const struct tally *t, const struct table *details, uint64_t hash,
    const struct report_detail *d)
{
	struct tally_detail *node;
	size_t at = 0;

	while ((node = table_next(details, hash, &at)) != NULL)
		if (node->owner == t && detail_compare(&node->d, d) == 0)
			return node;
	return NULL;
}

static const char *
keep_text(const char *text, struct arena *a, size_t *bytes)
{
	size_t len;

	if (text == NULL)
		return NULL;
	len = strlen(text);
	*bytes += len;
	return arena_strndup(a, text, len);
}

static struct tally_detail *
add(struct tally *t, struct tally_store *s, uint64_t hash,
    const struct report_detail *d, size_t *bytes)
{
	struct tally_detail *node = arena_alloc(s->arena, sizeof(*node));

	*node = (struct tally_detail){ .next = t->details, .owner = t,
		.d = {
			.result = d->result,
			.sending_ip = keep_text(d->sending_ip, s->arena, bytes),
			.mx_hostname = keep_text(d->mx_hostname, s->arena,
			    bytes),
			.mx_helo = keep_text(d->mx_helo, s->arena, bytes),
			.receiving_ip = keep_text(d->receiving_ip, s->arena,
			    bytes),
			.additional_info = keep_text(d->additional_info,
			    s->arena, bytes),
			.reason = keep_text(d->reason, s->arena, bytes),
		} };
	t->details = node;
	t->policy.ndetails++;
	table_add(&s->details, hash, node);
	return node;
}

static size_t
count_failure(struct tally *t, struct tally_store *s,
    const struct record_failure *f, uint64_t sessions, bool full)
{
	struct report_detail d = detail_of(f);
	uint64_t hash = detail_hash(&d, t->hash);
	struct tally_detail *node = find(t, &s->details, hash, &d);
	size_t bytes = 0;

	if (node == NULL && (full || t->nkept >= s->details_max)) {
		d = (struct report_detail){ .result = f->result };
		hash = detail_hash(&d, t->hash);
		node = find(t, &s->details, hash, &d);
	}
	if (node == NULL) {
		node = add(t, s, hash, &d, &bytes);
		t->nkept += !is_bare(&d);
	}
	node->d.n += sessions;
	return bytes;
}

size_t
tally_count(struct tally *t, struct tally_store *s,
    const struct record_policy *p, uint64_t sessions, bool full)
{
	size_t bytes = 0;

	if (p->failed)
		t->policy.failed += sessions;
	else
		t->policy.successful += sessions;
	for (size_t i = 0; i < p->nfailures; i++)
		bytes += count_failure(t, s, &p->failures[i], sessions, full);
	return bytes;
}

static int
by_frequency(const void *left, const void *right)
{
	const struct report_detail *a = left, *b = right;

	if (a->n != b->n)
		return a->n > b->n ? -1 : 1;
	return detail_compare(a, b);
}

void
tally_finish(struct tally *t, struct arena *a)
{
	struct report_detail *details;
	size_t i = 0;

	if (t->policy.ndetails == 1)
		t->policy.details = &t->details->d;
	if (t->policy.ndetails <= 1)
		return;
	details = arena_alloc(a, t->policy.ndetails * sizeof(*details));
	for (struct tally_detail *node = t->details; node; node = node->next)
		details[i++] = node->d;
	qsort(details, i, sizeof(*details), by_frequency);
	t->policy.details = details;
}
