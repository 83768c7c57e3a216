#include "reporter/exclude.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/mem.h"
#include "reporter/lines.h"
#include "spool/record.h"

/* A host, ".suffix", address or canonical URI: they cannot be mixed up. */
struct entry {
	char *key;
	char *why;
};

struct exclude {
	struct entry *list;		/* by key, once all is read */
	size_t n, room;
};

static char *
lower(char *s)
{
	for (char *p = s; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	return s;
}

/* A host as rua_uri writes it, also when it is an IP address, or NULL. */
static char *
host_key(const char *text)
{
	char *uri = xasprintf("https://%s/", text), *key = NULL, *plain;
	const char *why;
	struct rua r;

	if (rua_uri(&r, uri, strlen(uri), &why) == 0) {
		plain = xasprintf("https://%s/", r.host);
		if (strcmp(r.uri, plain) == 0)
			key = xstrdup(r.host);
		free(plain);
		rua_release(&r);
	}
	free(uri);
	return key;
}

/* prefix and the domain in lower-case A-labels, or NULL. */
static char *
domain_key(const char *prefix, size_t len, const char *domain)
{
	struct arena a = { 0 };
	const char *name = record_domain(domain, false, &a);
	char *key = NULL;

	if (name != NULL)
		key = xasprintf("%.*s%s", (int)len, prefix, name);
	arena_release(&a);
	return key;
}

static char *
address_key(const char *text)
{
	const char *at = strrchr(text, '@');
	char *key = domain_key(text, (size_t)(at + 1 - text), at + 1);

	if (key != NULL && !rua_address(key)) {
		free(key);
		return NULL;
	}
	return key != NULL ? lower(key) : NULL;
}

static char *
uri_key(const char *text, const char **why)
{
	char *key = NULL;
	struct rua r;

	if (rua_uri(&r, text, strlen(text), why) == 0) {
		key = xstrdup(r.uri);
		rua_release(&r);
	}
	return key;
}

/* What to look for; NULL with *why when the text is nothing of the kind. */
static char *
key_of(const char *text, const char **why)
{
	char *key;

	if (strncasecmp(text, "mailto:", 7) == 0 ||
	    strncasecmp(text, "https:", 6) == 0)
		return uri_key(text, why);
	*why = "neither a domain (.example.com for all below it), nor an "
	    "address, nor a mailto: or https: URI";
	if (strchr(text, '@') != NULL)
		return address_key(text);
	if (text[0] == '.')
		return domain_key(".", 1, text + 1);
	if ((key = domain_key("", 0, text)) == NULL)
		key = host_key(text);
	return key;
}

static char *
take_line(void *arg, const char *where, char **word, size_t n)
{
	struct exclude *e = arg;
	const char *why;
	char *key;

	if (n > 1)
		return xasprintf("\"%s\": one entry a line", word[1]);
	if ((key = key_of(word[0], &why)) == NULL)
		return xasprintf("\"%s\": %s", word[0], why);
	if (e->n == e->room) {
		e->room = e->room ? 2 * e->room : 64;
		e->list = xreallocarray(e->list, e->room, sizeof(*e->list));
	}
	e->list[e->n++] = (struct entry){
		.key = key, .why = xasprintf("excluded by %s", where)
	};
	return NULL;
}

static int
by_key(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	return strcmp(x->key, y->key);
}

struct exclude *
exclude_new(const char *setting, const char *file, FILE *err)
{
	struct exclude *e = xcalloc(1, sizeof(*e));

	if (file != NULL &&
	    lines_read(setting, file, err, take_line, e) == -1) {
		exclude_free(e);
		return NULL;
	}
	if (e->n > 0)
		qsort(e->list, e->n, sizeof(*e->list), by_key);
	return e;
}

void
exclude_free(struct exclude *e)
{
	if (e == NULL)
		return;
	for (size_t i = 0; i < e->n; i++) {
		free(e->list[i].key);
		free(e->list[i].why);
	}
	free(e->list);
	free(e);
}

static int
has_key(const void *key, const void *entry)
{
	const struct entry *y = entry;

	return strcmp(key, y->key);
}

static const char *
find(const struct exclude *e, const char *key)
{
	const struct entry *found = NULL;

	if (e->n > 0)
		found = bsearch(key, e->list, e->n, sizeof(*e->list), has_key);
	return found != NULL ? found->why : NULL;
}

const char *
exclude_domain(const struct exclude *e, const char *domain)
{
	const char *why = find(e, domain), *dot = domain;

	while (why == NULL && (dot = strchr(dot + 1, '.')) != NULL)
		why = find(e, dot);
	return why;
}

const char *
exclude_rua(const struct exclude *e, const struct rua *to)
{
	const char *why = exclude_domain(e, to->host);
	char *address;

	if (why == NULL)
		why = find(e, to->uri);
	if (why == NULL && to->scheme == RUA_MAILTO) {
		address = lower(xstrdup(to->target));
		why = find(e, address);
		free(address);
	}
	return why;
}
