#ifndef REPORTER_MAP_RULE_H
#define REPORTER_MAP_RULE_H

#include <stdbool.h>
#include <stddef.h>

#include "reporter/rua.h"

/* One line of a map (see map.h), the layer below it. */
enum map_action {
	MAP_ACCEPT = 1,
	MAP_DISCARD,
	MAP_APPEND,
	MAP_REPLACE,
	MAP_REGEXP
};

struct map_rule {
	char *domain;		/* ".x": below x; ".": all; NULL: pattern */
	void *pattern;
	enum map_action action;
	struct rua_list add;	/* APPEND, REPLACE */
	void *find;		/* REGEXP: its pattern */
	char *text;		/* and what to put there */
	char *where;		/* FILE:LINE */
};

/*
 * Read the words of a line.  NULL, or what is wrong, which the caller frees;
 * he releases the rule in both cases.
 */
char	*map_rule_read(struct map_rule *r, const char *where, char **word,
	    size_t n);
void	map_rule_release(struct map_rule *r);

/*
 * Is the rule for this domain or, with a pattern, for this text?  A pattern
 * that would take too much work does not match.
 */
bool	map_rule_matches(const struct map_rule *r, const char *domain,
	    const char *text);

/*
 * What REGEXP makes of a URI, which the caller frees.  NULL when that is too
 * long or too much work, as *why says (static).
 */
char	*map_rule_rewrite(const struct map_rule *r, const char *uri,
	    const char **why);

#endif
