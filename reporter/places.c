#include "reporter/places.h"

#include <stdlib.h>
#include <string.h>

#include "conf/mem.h"
#include "conf/value.h"
#include "reporter/exclude.h"
#include "reporter/map.h"

struct places {
	const struct conf *conf;
	struct exclude *exclude;
	struct map *domains, *mail, *https;	/* NULL: no such file */
	struct rua bcc;			/* uri NULL: none */
};

static bool
load_map(struct map **m, const char *setting, const char *file, FILE *err)
{
	return file == NULL || (*m = map_new(setting, file, err)) != NULL;
}

struct places *
places_new(const struct conf *c, FILE *err)
{
	struct places *p = xcalloc(1, sizeof(*p));
	const char *why;
	bool good;

	p->conf = c;
	/* All of them, so that all that is wrong is said at once. */
	p->exclude = exclude_new("[deliver] exclude_file",
	    c->deliver.exclude_file, err);
	good = p->exclude != NULL;
	good &= load_map(&p->domains, "[deliver] map_file",
	    c->deliver.map_file, err);
	good &= load_map(&p->mail, "[mail] map_file", c->mail.map_file, err);
	good &= load_map(&p->https, "[https] map_file", c->https.map_file, err);
	if (c->mail.bcc != NULL && rua_mailto(&p->bcc, c->mail.bcc, &why) == -1) {
		fprintf(err, "[mail] bcc: %s: %s\n", c->mail.bcc, why);
		good = false;
	}
	if (good)
		return p;
	places_free(p);
	return NULL;
}

void
places_free(struct places *p)
{
	if (p == NULL)
		return;
	exclude_free(p->exclude);
	map_free(p->domains);
	map_free(p->mail);
	map_free(p->https);
	rua_release(&p->bcc);
	free(p);
}

const char *
places_excluded(const struct places *p, const char *domain)
{
	return exclude_domain(p->exclude, domain);
}

/* Why this destination is not used, or NULL. */
static const char *
refuse(const struct places *p, const struct rua *to)
{
	if (to->scheme == RUA_HTTPS &&
	    !value_has_port(p->conf->https.ports, rua_port(to)))
		return "its port is not among [https] ports";
	return exclude_rua(p->exclude, to);
}

static void
leave_out(const struct places *p, struct rua_list *list)
{
	size_t kept = 0;
	const char *why;

	for (size_t i = 0; i < list->n; i++) {
		struct rua to = list->list[i];

		if ((why = refuse(p, &to)) == NULL) {
			list->list[kept++] = to;
			continue;
		}
		rua_list_skip(list, to.uri, why);
		rua_release(&to);
	}
	list->n = kept;
}

/* A copy for the operator of what is mailed. */
static void
add_bcc(const struct places *p, struct rua_list *list)
{
	bool mailed = false;
	struct rua copy;
	const char *why;

	for (size_t i = 0; i < list->n; i++)
		mailed |= list->list[i].scheme == RUA_MAILTO;
	if (!mailed || p->bcc.uri == NULL ||
	    rua_mailto(&copy, p->bcc.target, &why) == -1)
		return;
	copy.by = xstrdup("[mail] bcc");
	copy.ours = true;
	rua_list_add(list, &copy);
}

bool
places_find(const struct places *p, const char *domain, const char *txt,
    struct rua_list *list, const char **why)
{
	if (rua_parse(list, txt, (size_t)p->conf->deliver.destinations_max,
	    why) == -1)
		return false;
	*why = list->n > 0 ? "none of the places that its record names is to "
	    "be used" : "its TLSRPT record names no place we can send to";
	if (p->domains != NULL)
		map_domain(p->domains, domain, list);
	map_destinations(p->mail, p->https, list);
	leave_out(p, list);
	add_bcc(p, list);
	return list->n + list->nfolders > 0;
}
