/*
 * What was found out of a domain, made up for the tests of tlsrpt-check's
 * judgement: include after cmocka.h.
 */
#ifndef TESTS_REPORTER_FACTS_H
#define TESTS_REPORTER_FACTS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>

#include "conf/mem.h"
#include "reporter/check.h"
#include "spool/day.h"

#define DOMAIN	"example.com"
#define FACTS_NOW	1800000000L	/* no test depends on the day */

static const struct check_config facts_config = {
	.probe = true, .validates = true, .now = FACTS_NOW,
};

static inline void
facts_failed(struct rrset *set, const char *bogus)
{
	*set = (struct rrset){ .asked = true, .status = DNS_FAILED,
	    .bogus = bogus };
}

static inline void
facts_none(struct rrset *set, bool secure)
{
	*set = (struct rrset){ .asked = true, .status = DNS_NONE,
	    .secure = secure };
}

/* One more record of an answer. */
static inline void
facts_add(struct check *c, struct rrset *set, const void *data, size_t len)
{
	char *copy;

	if (set->data == NULL) {
		*set = (struct rrset){ .asked = true, .status = DNS_FOUND,
		    .secure = true };
		set->data = arena_calloc(&c->arena, RRSET_MAX,
		    sizeof(*set->data));
		set->len = arena_calloc(&c->arena, RRSET_MAX,
		    sizeof(*set->len));
	}
	copy = arena_alloc(&c->arena, len + 1);
	memcpy(copy, data, len);
	copy[len] = '\0';
	set->data[set->n] = copy;
	set->len[set->n++] = len;
}

static inline void
facts_txt(struct check *c, struct rrset *set, const char *text)
{
	facts_add(c, set, text, strlen(text));
}

static inline void
facts_address(struct check *c, struct check_host *h, const char *text)
{
	unsigned char binary[16];

	if (inet_pton(AF_INET, text, binary) == 1) {
		facts_add(c, &h->a, binary, 4);
	} else {
		assert_int_equal(inet_pton(AF_INET6, text, binary), 1);
		facts_add(c, &h->aaaa, binary, 16);
	}
}

/* An MX record; name without last dot, "" is the root. */
static inline void
facts_mx(struct check *c, unsigned preference, const char *name)
{
	char wire[300] = { (char)(preference >> 8), (char)preference };
	size_t n = 2, len;

	for (; *name != '\0'; name += len + (name[len] == '.')) {
		len = strcspn(name, ".");
		wire[n++] = (char)len;
		memcpy(wire + n, name, len);
		n += len;
	}
	facts_add(c, &c->mx, wire, n + 1);
}

/* "error tlsrpt-duplicate, info tlsrpt-stray": without what is well. */
static inline char *
facts_said(const struct check *c)
{
	char *text;
	size_t len;
	FILE *f = xmemstream(&text, &len);
	bool any = false;

	for (size_t i = 0; i < c->findings.n; i++) {
		const struct finding *x = &c->findings.list[i];

		if (x->severity == SEVERITY_OK)
			continue;
		fprintf(f, "%s%s %s", any ? ", " : "",
		    severity_names[x->severity], finding_kind(x->id)->name);
		any = true;
	}
	xmemclose(f);
	return text;
}

/* That this was said, and nothing else. */
static inline void
facts_expect(const char *name, const struct check *c, const char *want)
{
	char *said = facts_said(c);

	if (strcmp(said, want) != 0)
		fail_msg("%s: said \"%s\", wanted \"%s\"", name, said, want);
	free(said);
}

/* The text of the first finding of a kind. */
static inline const char *
facts_text(const struct check *c, enum finding_id id)
{
	for (size_t i = 0; i < c->findings.n; i++)
		if (c->findings.list[i].id == id)
			return c->findings.list[i].text;
	return "";
}

#endif
