#include "reporter/fields.h"

#include <stdint.h>
#include <string.h>

struct fields
fields_of(const json_t *object)
{
	/* jansson's iterators are for changing an object, too. */
	json_t *o = (json_t *)(uintptr_t)object;

	return (struct fields){ o, json_object_iter(o), json_object_size(o) };
}

const json_t *
fields_get(struct fields *f, const char *key)
{
	const json_t *v = NULL;

	if (f->left == 0)
		return NULL;
	if (f->next != NULL &&
	    strcmp(json_object_iter_key(f->next), key) == 0) {
		v = json_object_iter_value(f->next);
		f->next = json_object_iter_next(f->object, f->next);
	} else
		v = json_object_get(f->object, key);
	f->left -= v != NULL;
	return v;
}
