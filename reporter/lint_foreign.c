#include "reporter/lint_foreign.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/lint_value.h"
#include "spool/day.h"

static bool
seconds(const char **s, int64_t *t)
{
	char *end;

	if (strspn(*s, LINT_DIGITS) == 0)
		return false;
	*t = strtoll(*s, &end, 10);
	*s = end;
	return true;
}

bool
lint_filename_parse(struct lint_filename *n, const char *s)
{
	if ((s = strchr(s, '!')) == NULL)
		return false;
	n->domain = ++s;
	n->domainlen = strcspn(s, "!");
	s += n->domainlen;
	if (*s++ != '!' || !seconds(&s, &n->begin) ||
	    *s++ != '!' || !seconds(&s, &n->end))
		return false;
	return *s == '\0' || (*s == '!' && s[1] != '\0' &&
	    s[1 + strspn(s + 1, LINT_ALNUM)] == '\0');
}

/* Of a date-range that could be read. */
static bool
is_moment(const json_t *v, const char *key, int64_t t)
{
	const char *s = json_string_value(json_object_get(
	    json_object_get(v, "date-range"), key));
	int64_t is;

	return s == NULL || !day_parse_rfc3339(s, &is) || is == t;
}

/* People give files names of their own: nothing of this is an objection. */
static void
filename(struct lint_list *list, const json_t *v, const struct lint_names *n)
{
	struct lint_filename name;

	if (!lint_filename_parse(&name, n->filename)) {
		lint_list_add(list, true, "RFC 8460 section 5.1: file name "
		    "\"%s\" is not sender!domain!begin!end[!id]", n->filename);
		return;
	}
	if (!is_moment(v, "start-datetime", name.begin) ||
	    !is_moment(v, "end-datetime", name.end))
		lint_list_add(list, true, "RFC 8460 section 5.1: file name "
		    "\"%s\" does not have the seconds of date-range",
		    n->filename);
	if (n->domain != NULL && (strlen(n->domain) != name.domainlen ||
	    strncasecmp(n->domain, name.domain, name.domainlen) != 0))
		lint_list_add(list, true, "RFC 8460 section 5.1: file name "
		    "\"%s\" is not about %s", n->filename, n->domain);
}

void
lint_foreign(struct lint_list *list, const json_t *v,
    const struct lint_names *n)
{
	if (lint_walk(list, v, n) && n->filename != NULL)
		filename(list, v, n);
}

void
lint_list_put(struct lint_list *list, bool odd, char *text)
{
	if (list->n == LINT_FINDINGS_MAX)
		free(text);
	else
		list->list[list->n++] = (struct lint_finding){ text, odd };
}

void
lint_list_add(struct lint_list *list, bool odd, const char *format, ...)
{
	va_list ap;
	char *text;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) == -1)
		fatal("out of memory");
	va_end(ap);
	lint_list_put(list, odd, text);
}

void
lint_list_release(struct lint_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->list[i].text);
	list->n = 0;
}
