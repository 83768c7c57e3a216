#include "spool/record_member.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#include "spool/utf8.h"

#define SHOWN_MAX	64	/* of a refused value in the reason */

int
member_refuse(const struct member_reader *rd, const char *key,
    const char *format, ...)
{
	const char *policy = "", *failure = "";
	char buf[512];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(buf, sizeof(buf), format, ap);
	va_end(ap);
	if (rd->policy != 0)
		policy = arena_printf(rd->a, "policies[%zu].", rd->policy - 1);
	if (rd->failure != 0)
		failure = arena_printf(rd->a, "failure-details[%zu].",
		    rd->failure - 1);
	*rd->why = arena_printf(rd->a, "%s%s%s: %s", policy, failure, key, buf);
	return -1;
}

const char *
member_shown(struct arena *a, const json_t *value)
{
	char buf[SHOWN_MAX];
	size_t len;
	const char *s;

	if (json_is_object(value))
		return "an object";
	if (json_is_array(value))
		return "an array";
	if (json_is_string(value)) {
		len = json_string_length(value);
		s = utf8_clean(a, json_string_value(value), len, SHOWN_MAX);
		return arena_printf(a, "\"%s\"%s", s == NULL ? "" : s,
		    len > SHOWN_MAX ? "..." : "");
	}
	len = json_dumpb(value, buf, sizeof(buf), JSON_ENCODE_ANY);
	return arena_printf(a, "%.*s", (int)len, buf);
}

int
member_string(const struct member_reader *rd, const json_t *obj,
    const char *key, const char **s)
{
	const json_t *value = json_object_get(obj, key);

	*s = NULL;
	if (value == NULL)
		return 0;
	if (!json_is_string(value))
		return member_refuse(rd, key, "%s is not a string",
		    member_shown(rd->a, value));
	*s = json_string_value(value);
	return 0;
}

int
member_array(const struct member_reader *rd, const json_t *obj, const char *key,
    size_t max, const json_t **array)
{
	*array = json_object_get(obj, key);
	if (*array == NULL)
		return 0;
	if (!json_is_array(*array))
		return member_refuse(rd, key, "%s is not an array",
		    member_shown(rd->a, *array));
	if (json_array_size(*array) > max)
		return member_refuse(rd, key, "%zu entries, at most %zu are "
		    "allowed", json_array_size(*array), max);
	return 0;
}

int
member_code(const struct member_reader *rd, const json_t *obj, const char *key,
    int min, int max, const char *allowed, int *code)
{
	const json_t *value = json_object_get(obj, key);

	*code = 0;
	if (value == NULL)
		return member_refuse(rd, key, "missing, must be %s", allowed);
	if (!json_is_integer(value) || json_integer_value(value) < min ||
	    json_integer_value(value) > max)
		return member_refuse(rd, key, "%s is not %s",
		    member_shown(rd->a, value), allowed);
	*code = (int)json_integer_value(value);
	return 0;
}

int
member_named(const struct member_reader *rd, const json_t *obj, const char *key,
    const struct name_code *table, const char *allowed, int *code)
{
	if (member_code(rd, obj, key, INT_MIN, INT_MAX, allowed, code) == -1)
		return -1;
	if (name_of(table, *code) == NULL)
		return member_refuse(rd, key, "%d is not %s", *code, allowed);
	return 0;
}

int
member_text(const struct member_reader *rd, const json_t *obj, const char *key,
    const char *(*canonical)(struct arena *, const char *), const char **text)
{
	if (member_string(rd, obj, key, text) == -1)
		return -1;
	if (*text != NULL)
		*text = canonical(rd->a, *text);
	return 0;
}

int
member_texts(const struct member_reader *rd, const json_t *obj, const char *key,
    const char *(*canonical)(struct arena *, const char *),
    const char ***list, size_t *n)
{
	const json_t *array, *value;
	const char *s;
	size_t i;

	*list = NULL;
	*n = 0;
	if (member_array(rd, obj, key, RECORD_STRINGS_MAX, &array) == -1)
		return -1;
	if (json_array_size(array) == 0)
		return 0;
	*list = arena_alloc(rd->a, json_array_size(array) * sizeof(**list));
	json_array_foreach(array, i, value) {
		if (!json_is_string(value))
			return member_refuse(rd, key, "%s is not a string",
			    member_shown(rd->a, value));
		if ((s = canonical(rd->a, json_string_value(value))) != NULL)
			(*list)[(*n)++] = s;
	}
	return 0;
}
