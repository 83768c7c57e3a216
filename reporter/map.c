#include "reporter/map.h"

#include <stdlib.h>
#include <string.h>

#include "conf/mem.h"
#include "reporter/lines.h"
#include "reporter/map_rule.h"

struct map {
	struct map_rule *list;
	size_t n, room;
};

static char *
take_line(void *arg, const char *where, char **word, size_t n)
{
	struct map *m = arg;

	if (m->n == m->room) {
		m->room = m->room ? 2 * m->room : 16;
		m->list = xreallocarray(m->list, m->room, sizeof(*m->list));
	}
	return map_rule_read(&m->list[m->n++], where, word, n);
}

struct map *
map_new(const char *setting, const char *file, FILE *err)
{
	struct map *m = xcalloc(1, sizeof(*m));

	if (lines_read(setting, file, err, take_line, m) == 0)
		return m;
	map_free(m);
	return NULL;
}

void
map_free(struct map *m)
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->n; i++)
		map_rule_release(&m->list[i]);
	free(m->list);
	free(m);
}

static const struct map_rule *
find(const struct map *m, const char *domain, const char *text)
{
	for (size_t i = 0; i < m->n; i++)
		if (map_rule_matches(&m->list[i], domain, text))
			return &m->list[i];
	return NULL;
}

static void
take_away(struct rua_list *list, const char *uri, const char *how,
    const struct map_rule *r)
{
	char *why = xasprintf("%s by %s", how, r->where);

	rua_list_skip(list, uri, why);
	free(why);
}

static void
rewrite(const struct map_rule *r, struct rua *to, struct rua_list *list)
{
	struct rua changed;
	const char *why;
	char *uri = map_rule_rewrite(r, to->uri, &why), *text;

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
map_one(const struct map_rule *r, struct rua *to, struct rua_list *list)
{
	switch (r != NULL ? r->action : MAP_ACCEPT) {
	case MAP_ACCEPT:
	case MAP_APPEND:
		rua_list_add(list, to);
		break;
	case MAP_DISCARD:
		take_away(list, to->uri, "discarded", r);
		break;
	case MAP_REPLACE:
		take_away(list, to->uri, "replaced", r);
		break;
	case MAP_REGEXP:
		rewrite(r, to, list);
	}
	rua_release(to);
}

/* What a rule puts there: nothing unless it is APPEND or REPLACE. */
static void
add_own(const struct map_rule *r, struct rua_list *list)
{
	for (size_t i = 0; i < r->add.nfolders; i++)
		rua_list_add_folder(list, r->add.folders[i]);
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
	const struct map_rule *r = find(m, domain, domain);
	struct rua *old;
	size_t n;

	if (r == NULL)
		return;
	old = empty(list, &n);
	for (size_t i = 0; i < n; i++)
		map_one(r, &old[i], list);
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
		const struct map_rule *r = m == NULL ? NULL :
		    find(m, old[i].host, old[i].uri);

		map_one(r, &old[i], list);
		if (r != NULL)
			add_own(r, list);
	}
	free(old);
}
