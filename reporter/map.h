#ifndef REPORTER_MAP_H
#define REPORTER_MAP_H

#include <stdio.h>

#include "reporter/rua.h"

/*
 * Rules that change destinations, in the syntax of tlsrpt-reporter's maps, a
 * rule a line (see lines.h), of which the first that matches counts:
 *
 *	MATCH ACTION [PARAMETER]...
 *
 * MATCH is "example.com" (it alone), ".example.com" (all below it), "."
 * (everything), each also with "domain:" in front, or "regexp:PATTERN".
 * A dot at the end of a domain means nothing.
 *
 *	ACCEPT			leave the destinations as they are
 *	DISCARD			take them away
 *	APPEND URI...		add these
 *	REPLACE URI...		use these instead
 *	REGEXP PATTERN TEXT	replace what matches in each of them
 *
 * Besides mailto: and https:, URIs may be directory:/PATH, a folder that gets
 * a copy.  Between URIs stand blanks or commas.  Patterns are Perl's, as
 * Python's mostly are, and match anywhere unless anchored; in TEXT, \1 to
 * \99, \g<NAME> and \\ mean what they mean in Python.
 */
struct map;

/* NULL when anything was reported to err, as lines_read does. */
struct map *map_new(const char *setting, const char *file, FILE *err);
void	map_free(struct map *m);

/*
 * Change the destinations of a policy domain as the rule for that domain
 * says.  What is taken away goes to `skipped` with "… by FILE:LINE".
 */
void	map_domain(const struct map *m, const char *domain,
	    struct rua_list *list);

/*
 * Change each destination as the rule for it says: of the map for its scheme
 * (NULL: there is none), found by the destination's host or, with a pattern,
 * by its whole URI.  What a rule has put there is not mapped again.
 */
void	map_destinations(const struct map *mail, const struct map *https,
	    struct rua_list *list);

#endif
