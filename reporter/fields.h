#ifndef REPORTER_FIELDS_H
#define REPORTER_FIELDS_H

#include <stddef.h>

#include <jansson.h>

/*
 * The fields of a JSON object.  Asked for in the order in which they were
 * written, which in a report is nearly always the same, each is found without
 * a look-up.  No key may be asked for twice.
 */
struct fields {
	json_t *object;
	void *next;		/* jansson's iterator */
	size_t left;		/* fields not asked for so far */
};

/* Of what is no object there are none. */
struct fields fields_of(const json_t *object);
/* NULL when there is no such field. */
const json_t *fields_get(struct fields *f, const char *key);

#endif
