#include "reporter/lint_place.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "conf/mem.h"
#include "reporter/fields.h"

static void
print_place(FILE *f, const struct lint_place *p)
{
	if (p->up == NULL)
		return;
	print_place(f, p->up);
	if (p->key == NULL)
		fprintf(f, "[%zu]", p->index);
	else
		fprintf(f, "%s%s", p->up->up ? "." : "", p->key);
}

static char *
sentence(const struct lint_place *p, const char *section, const char *format,
    va_list ap)
{
	char *text = NULL;
	size_t len;
	FILE *f = xmemstream(&text, &len);

	fprintf(f, "RFC 8460 %s: ", section);
	print_place(f, p);
	fputs(p->up != NULL ? ": " : "", f);
	vfprintf(f, format, ap);
	xmemclose(f);
	return text;
}

static void
keep(struct lint *l, char *text, bool odd)
{
	if (l->all == NULL)
		l->why = text;
	else
		lint_list_put(l->all, odd, text);
}

/* It is no use to go on. */
static bool
is_enough(const struct lint *l)
{
	return l->all == NULL || l->all->n == LINT_FINDINGS_MAX;
}

bool
lint_objection(const struct lint_place *p, const char *section,
    const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	keep(p->l, sentence(p, section, format, ap), false);
	va_end(ap);
	return false;
}

bool
lint_remark(const struct lint_place *p, const char *section,
    const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	keep(p->l, sentence(p, section, format, ap), true);
	va_end(ap);
	return p->l->all != NULL;
}

static bool
no_other_keys(const struct lint_place *p, const json_t *o,
    const struct lint_member *f)
{
	const char *key;
	const json_t *v;

	json_object_foreach((json_t *)(uintptr_t)o, key, v) {
		const struct lint_member *known = f;

		while (known->key != NULL && strcmp(known->key, key) != 0)
			known++;
		if (known->key == NULL && (!lint_remark(p, LINT_FORMAT,
		    "unknown key \"%s\"", key) || is_enough(p->l)))
			return false;
	}
	return true;
}

bool
lint_object(const struct lint_place *p, const json_t *o,
    const struct lint_member *table)
{
	struct fields fields = fields_of(o);
	bool good = true;

	if (!json_is_object(o))
		return lint_objection(p, LINT_FORMAT, "not an object");
	for (const struct lint_member *f = table; f->key != NULL; f++) {
		const json_t *v = fields_get(&fields, f->key);
		struct lint_place here = { p->l, p, f->key, 0 };

		if (v == NULL && f->needed)
			good = lint_objection(&here, LINT_FORMAT, "missing");
		if (v != NULL && !f->check(&here, v))
			good = false;
		if (!good && is_enough(p->l))
			return false;
	}
	return (fields.left == 0 || no_other_keys(p, o, table)) && good;
}

bool
lint_array(const struct lint_place *p, const json_t *a, lint_check *member)
{
	const json_t *v;
	bool good = true;
	size_t i;

	if (!json_is_array(a))
		return lint_objection(p, LINT_FORMAT, "not an array");
	if (json_array_size(a) == 0)
		return lint_remark(p, LINT_FORMAT, "empty");
	json_array_foreach(a, i, v) {
		struct lint_place here = { p->l, p, NULL, i };

		if (!member(&here, v))
			good = false;
		if (!good && is_enough(p->l))
			break;
	}
	return good;
}
