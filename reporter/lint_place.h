#ifndef REPORTER_LINT_PLACE_H
#define REPORTER_LINT_PLACE_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "reporter/lint_foreign.h"

/*
 * Walking through a report, for lint.c: what is objected to says where it
 * stands.  Checks return whether all is well so far.
 */
struct lint {
	const struct lint_names *n;
	char *why;
	struct lint_list *all;	/* not ours: go on and list everything */
	int day;		/* of date-range */
	bool odd_range;		/* which is not that of one day */
	json_int_t sessions;	/* over all policies */
};

/* Where we are in the document; the way up leads to the root. */
struct lint_place {
	struct lint *l;
	const struct lint_place *up;
	const char *key;	/* NULL: member `index` of an array */
	size_t index;
};

typedef bool lint_check(const struct lint_place *p, const json_t *v);

/* A field of an object; a table ends with one without a key. */
struct lint_member {
	const char *key;
	bool needed;
	lint_check *check;
};

/* RFC 8460 section 4.4 unless a rule says otherwise. */
#define LINT_FORMAT	"section 4.4"

/* Say what is wrong there, by which section of RFC 8460; false. */
bool	lint_objection(const struct lint_place *p, const char *section,
	    const char *format, ...) __attribute__((format(printf, 3, 4)));

/*
 * The same where the RFC leaves room, but some receivers do not: nothing of
 * ours leaves like that, and in others' it is no reason to stop.
 */
bool	lint_remark(const struct lint_place *p, const char *section,
	    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* An object with the fields of this table and no others. */
bool	lint_object(const struct lint_place *p, const json_t *o,
	    const struct lint_member *table);

/* An array of at least one; an empty one is to be left out. */
bool	lint_array(const struct lint_place *p, const json_t *a,
	    lint_check *member);

#endif
