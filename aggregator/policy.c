#include "aggregator/policy.h"

#include <string.h>

#include "aggregator/table.h"

struct report_policy
policy_of(const struct record_policy *p)
{
	struct report_policy id = {
		.type = p->type,
		.domain = p->domain,
		.strings = p->strings,
		.mx = p->mx,
		.nstrings = p->nstrings,
		.nmx = p->nmx,
	};

	return id;
}

int
policy_is_bare(const struct report_policy *p, const char *domain)
{
	return p->nstrings == 0 && p->nmx == 0 &&
	    strcmp(p->domain, domain) == 0;
}

uint64_t
policy_hash(const struct report_policy *p, uint64_t seed)
{
	uint64_t h = table_hash(seed + (uint64_t)p->type, p->domain);

	for (size_t i = 0; i < p->nstrings; i++)
		h = table_hash(h, p->strings[i]);
	h = table_hash(h, NULL);
	for (size_t i = 0; i < p->nmx; i++)
		h = table_hash(h, p->mx[i]);
	return h;
}

int
policy_text_compare(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

/* As a dictionary sorts: word by word, a list before its continuations. */
static int
list_compare(const char *const *a, size_t na, const char *const *b, size_t nb)
{
	int c;

	for (size_t i = 0; i < na && i < nb; i++)
		if ((c = strcmp(a[i], b[i])) != 0)
			return c;
	return (na > nb) - (na < nb);
}

int
policy_compare(const struct report_policy *a, const struct report_policy *b)
{
	int c;

	if (a->type != b->type)
		return a->type < b->type ? -1 : 1;
	if ((c = strcmp(a->domain, b->domain)) != 0)
		return c;
	c = list_compare(a->strings, a->nstrings, b->strings, b->nstrings);
	if (c != 0)
		return c;
	return list_compare(a->mx, a->nmx, b->mx, b->nmx);
}

/* A copy of the list in one piece: the pointers, then the texts. */
static const char *const *
keep_list(const char *const *list, size_t n, struct arena *a, size_t *bytes)
{
	size_t size = n * sizeof(*list);
	const char **copy;
	char *text;

	if (n == 0)
		return NULL;
	for (size_t i = 0; i < n; i++)
		size += strlen(list[i]) + 1;
	copy = arena_alloc(a, size);
	text = (char *)(copy + n);
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(list[i]) + 1;

		copy[i] = memcpy(text, list[i], len);
		text += len;
	}
	*bytes += size - n * sizeof(*list);
	return copy;
}

size_t
policy_keep(struct report_policy *p, struct arena *a)
{
	size_t bytes = strlen(p->domain);

	p->domain = arena_strndup(a, p->domain, bytes);
	p->strings = keep_list(p->strings, p->nstrings, a, &bytes);
	p->mx = keep_list(p->mx, p->nmx, a, &bytes);
	return bytes;
}
