#include "reporter/map.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/lines.h"
#include "spool/record.h"

/* Strangers choose what patterns are matched against: bound the work. */
#define MATCH_LIMIT	100000

enum action { ACCEPT = 1, DISCARD, APPEND, REPLACE, REGEXP };

static const struct name_code actions[] = {
	{ "ACCEPT", ACCEPT }, { "DISCARD", DISCARD }, { "APPEND", APPEND },
	{ "REPLACE", REPLACE }, { "REGEXP", REGEXP }, { NULL, 0 }
};

struct rule {
	char *domain;		/* ".x": below x; ".": all; NULL: pattern */
	pcre2_code *pattern;
	enum action action;
	struct rua_list add;	/* APPEND, REPLACE */
	pcre2_code *find;	/* REGEXP */
	char *text;		/* what to put there, as PCRE2 wants it */
	char *where;		/* FILE:LINE */
};

struct map {
	struct rule *list;
	size_t n, room;
	pcre2_match_context *limits;
	pcre2_match_data *match;	/* whole matches only */
};

static pcre2_code *
compile(const char *pattern, char **why)
{
	PCRE2_UCHAR text[128];
	PCRE2_SIZE at;
	pcre2_code *code;
	int error;

	code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, 0,
	    &error, &at, NULL);
	if (code == NULL) {
		pcre2_get_error_message(error, text, sizeof(text));
		*why = xasprintf("\"%s\": %s, at byte %zu", pattern,
		    (const char *)text, at + 1);
	}
	return code;
}

/* A pattern that gives up on a subject does not match it. */
static bool
matches(const struct map *m, const pcre2_code *pattern, const char *subject)
{
	return pcre2_match(pattern, (PCRE2_SPTR)subject, strlen(subject), 0, 0,
	    m->match, m->limits) >= 0;
}

static char *
set_domain(struct rule *r, const char *text)
{
	const char *dot = text[0] == '.' ? "." : "";
	struct arena a = { 0 };
	const char *name;

	if (strcmp(text, ".") == 0) {
		r->domain = xstrdup(text);
		return NULL;
	}
	name = record_domain(text + strlen(dot), false, &a);
	if (name != NULL)
		r->domain = xasprintf("%s%s", dot, name);
	arena_release(&a);
	return name != NULL ? NULL : xasprintf("\"%s\": not a domain, "
	    "allowed: example.com, .example.com, . or regexp:PATTERN", text);
}

static char *
set_match(struct rule *r, const char *text)
{
	char *why = NULL;

	if (strncmp(text, "regexp:", 7) == 0) {
		r->pattern = compile(text + 7, &why);
		return why;
	}
	if (strncmp(text, "domain:", 7) == 0)
		text += 7;
	return set_domain(r, text);
}

static char *
add_folder(struct rua_list *list, const char *path)
{
	if (*path != '/')
		return xasprintf("\"directory:%s\": not an absolute path",
		    path);
	list->folders = xreallocarray(list->folders, list->nfolders + 1,
	    sizeof(*list->folders));
	list->folders[list->nfolders++] = xstrdup(path);
	return NULL;
}

static char *
add_uri(struct rule *r, const char *uri, size_t len)
{
	const char *why;
	struct rua to;
	char *text, *wrong;

	if (len >= 10 && memcmp(uri, "directory:", 10) == 0) {
		text = xstrndup(uri + 10, len - 10);
		wrong = add_folder(&r->add, text);
		free(text);
		return wrong;
	}
	if (rua_uri(&to, uri, len, &why) == -1)
		return xasprintf("\"%.*s\": %s", (int)len, uri, why);
	to.by = xstrdup(r->where);
	to.ours = true;
	rua_list_add(&r->add, &to);
	return NULL;
}

static char *
set_uris(struct rule *r, char **word, size_t n)
{
	char *why = NULL;
	size_t len;

	if (n == 0)
		return xasprintf("%s without a URI",
		    name_of(actions, (int)r->action));
	for (size_t i = 0; i < n; i++)
		for (const char *p = word[i]; *p != '\0' && why == NULL;
		    p += len + (p[len] == ','))
			if ((len = strcspn(p, ",")) > 0)
				why = add_uri(r, p, len);
	return why;
}

/* The group a reference is to, by number or name: is there one? */
static bool
has_group(const pcre2_code *code, const char *group)
{
	uint32_t n = 0;

	if (group[strspn(group, "0123456789")] != '\0')
		return pcre2_substring_number_from_name(code,
		    (PCRE2_SPTR)group) > 0;
	pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &n);
	return strlen(group) <= 2 && strtoul(group, NULL, 10) <= n;
}

/* Reads "1" to "99" or "g<NAME>"; returns its length, or 0. */
static size_t
read_group(const char *s, char *group, size_t size)
{
	size_t len = strspn(s, "0123456789");
	const char *end;

	if (len == 0 && strncmp(s, "g<", 2) == 0 &&
	    (end = strchr(s, '>')) != NULL) {
		len = (size_t)(end - s) + 1;
		return fmt(group, size, "%.*s", (int)len - 3, s + 2) > 0 ?
		    len : 0;
	}
	if (len > 2)
		len = 2;
	return fmt(group, size, "%.*s", (int)len, s) > 0 ? len : 0;
}

/* What stands behind a "\"; returns its length, or 0 when it is nothing. */
static size_t
put_reference(FILE *f, const char *s, const pcre2_code *code)
{
	char group[64];
	size_t len;

	if (*s == '\\') {
		putc('\\', f);
		return 1;
	}
	len = read_group(s, group, sizeof(group));
	if (len == 0 || !has_group(code, group))
		return 0;
	fprintf(f, "${%s}", group);
	return len;
}

/* A replacement text of Python's as PCRE2 writes it. */
static char *
set_text(struct rule *r, const char *s)
{
	size_t size, len;
	FILE *f = xmemstream(&r->text, &size);
	char *why = NULL;

	for (; *s != '\0' && why == NULL; s++) {
		if (*s == '$')
			fputs("$$", f);
		else if (*s != '\\')
			putc(*s, f);
		else if ((len = put_reference(f, s + 1, r->find)) > 0)
			s += len;
		else
			why = xasprintf("\"%s\": no group of the pattern", s);
	}
	xmemclose(f);
	return why;
}

/* To URIs we have; NULL with *why when it gave up or was too long. */
static char *
substitute(const struct map *m, const struct rule *r, const char *uri,
    const char **why)
{
	PCRE2_UCHAR out[RUA_URI_MAX + 1];
	PCRE2_SIZE len = sizeof(out);
	int n;

	n = pcre2_substitute(r->find, (PCRE2_SPTR)uri, strlen(uri), 0,
	    PCRE2_SUBSTITUTE_GLOBAL | PCRE2_SUBSTITUTE_UNSET_EMPTY, NULL,
	    m->limits, (PCRE2_SPTR)r->text, PCRE2_ZERO_TERMINATED, out, &len);
	*why = n == PCRE2_ERROR_NOMEMORY ? "longer than 2048 bytes" :
	    "too much work";
	return n < 0 ? NULL : xstrdup((const char *)out);
}

static char *
set_regexp(struct rule *r, char **word, size_t n)
{
	char *why = NULL;

	if (n != 2)
		return xstrdup("REGEXP takes a pattern and a text");
	if ((r->find = compile(word[0], &why)) == NULL)
		return why;
	return set_text(r, word[1]);
}

static char *
set_action(struct rule *r, const char *name, char **word, size_t n)
{
	r->action = (enum action)code_of(actions, name);
	switch (r->action) {
	case APPEND:
	case REPLACE:
		return set_uris(r, word, n);
	case REGEXP:
		return set_regexp(r, word, n);
	case ACCEPT:
	case DISCARD:
		return n == 0 ? NULL : xasprintf("%s takes nothing", name);
	}
	return xasprintf("\"%s\": no such action, allowed: ACCEPT, DISCARD, "
	    "APPEND, REPLACE or REGEXP", name);
}

static char *
take_line(void *arg, const char *where, char **word, size_t n)
{
	struct map *m = arg;
	struct rule *r;
	char *why;

	if (m->n == m->room) {
		m->room = m->room ? 2 * m->room : 16;
		m->list = xreallocarray(m->list, m->room, sizeof(*m->list));
	}
	r = &m->list[m->n++];
	*r = (struct rule){ .where = xstrdup(where) };
	if ((why = set_match(r, word[0])) != NULL)
		return why;
	if (n < 2)
		return xstrdup("a match without an action");
	return set_action(r, word[1], word + 2, n - 2);
}

struct map *
map_new(const char *file, FILE *err)
{
	struct map *m = xcalloc(1, sizeof(*m));

	m->limits = pcre2_match_context_create(NULL);
	m->match = pcre2_match_data_create(1, NULL);
	if (m->limits == NULL || m->match == NULL)
		fatal("out of memory");
	pcre2_set_match_limit(m->limits, MATCH_LIMIT);
	if (lines_read(file, err, take_line, m) == 0)
		return m;
	map_free(m);
	return NULL;
}

void
map_free(struct map *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->n; i++) {
		struct rule *r = &m->list[i];

		free(r->domain);
		free(r->text);
		free(r->where);
		pcre2_code_free(r->pattern);
		pcre2_code_free(r->find);
		rua_list_release(&r->add);
	}
	pcre2_match_data_free(m->match);
	pcre2_match_context_free(m->limits);
	free(m->list);
	free(m);
}

/* Is it the rule's domain, or below ".domain"? */
static bool
is_at(const char *rule, const char *domain)
{
	size_t len = strlen(domain), tail = strlen(rule);

	if (rule[0] != '.')
		return strcmp(rule, domain) == 0;
	return rule[1] == '\0' ||
	    (len > tail && strcmp(domain + len - tail, rule) == 0);
}

/* text is what patterns are matched against. */
static const struct rule *
find(const struct map *m, const char *domain, const char *text)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct rule *r = &m->list[i];

		if (r->pattern != NULL ? matches(m, r->pattern, text) :
		    is_at(r->domain, domain))
			return r;
	}
	return NULL;
}

static void
take_away(struct rua_list *list, const char *uri, const char *how,
    const struct rule *r)
{
	char *why = xasprintf("%s by %s", how, r->where);

	rua_list_skip(list, uri, why);
	free(why);
}

static void
rewrite(const struct map *m, const struct rule *r, struct rua *to,
    struct rua_list *list)
{
	struct rua changed;
	const char *why;
	char *uri = substitute(m, r, to->uri, &why), *text;

	if (uri != NULL && strcmp(uri, to->uri) == 0) {
		rua_list_add(list, to);
	} else if (uri != NULL &&
	    rua_uri(&changed, uri, strlen(uri), &why) == 0) {
		take_away(list, to->uri, "rewritten", r);
		changed.by = xstrdup(r->where);
		rua_list_add(list, &changed);
	} else {
		text = xasprintf("as it is rewritten by %s: %s", r->where, why);
		rua_list_skip(list, uri != NULL ? uri : to->uri, text);
		free(text);
	}
	free(uri);
}

/* What a rule makes of one destination; r NULL: nothing.  to is used up. */
static void
map_one(const struct map *m, const struct rule *r, struct rua *to,
    struct rua_list *list)
{
	switch (r != NULL ? r->action : ACCEPT) {
	case ACCEPT:
	case APPEND:
		rua_list_add(list, to);
		break;
	case DISCARD:
		take_away(list, to->uri, "discarded", r);
		break;
	case REPLACE:
		take_away(list, to->uri, "replaced", r);
		break;
	case REGEXP:
		rewrite(m, r, to, list);
	}
	rua_release(to);
}

static void
add_folder_once(struct rua_list *list, const char *path)
{
	for (size_t i = 0; i < list->nfolders; i++)
		if (strcmp(list->folders[i], path) == 0)
			return;
	free(add_folder(list, path));
}

/* What a rule puts there: nothing unless it is APPEND or REPLACE. */
static void
add_own(const struct rule *r, struct rua_list *list)
{
	for (size_t i = 0; i < r->add.nfolders; i++)
		add_folder_once(list, r->add.folders[i]);
	for (size_t i = 0; i < r->add.n; i++) {
		const struct rua *own = &r->add.list[i];
		struct rua copy = {
			.scheme = own->scheme, .uri = xstrdup(own->uri),
			.target = xstrdup(own->target),
			.host = xstrdup(own->host), .by = xstrdup(own->by),
			.ours = true,
		};

		rua_list_add(list, &copy);
	}
}

/* Take the destinations out of a list; what else it holds stays. */
static struct rua *
empty(struct rua_list *list, size_t *n)
{
	struct rua *old = list->list;

	*n = list->n;
	list->list = NULL;
	list->n = 0;
	return old;
}

void
map_domain(const struct map *m, const char *domain, struct rua_list *list)
{
	const struct rule *r = find(m, domain, domain);
	struct rua *old;
	size_t n;

	if (r == NULL)
		return;
	old = empty(list, &n);
	for (size_t i = 0; i < n; i++)
		map_one(m, r, &old[i], list);
	add_own(r, list);
	free(old);
}

void
map_destinations(const struct map *mail, const struct map *https,
    struct rua_list *list)
{
	size_t n;
	struct rua *old = empty(list, &n);

	for (size_t i = 0; i < n; i++) {
		const struct map *m = old[i].scheme == RUA_MAILTO ? mail :
		    https;
		const struct rule *r = m == NULL ? NULL :
		    find(m, old[i].host, old[i].uri);

		map_one(m, r, &old[i], list);
		if (r != NULL)
			add_own(r, list);
	}
	free(old);
}
