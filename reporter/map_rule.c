#include "reporter/map_rule.h"

#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "spool/record.h"

/*
 * Strangers choose what patterns are matched against: bound the work.  A
 * pattern of the operator's may set itself a lower limit, not a higher one.
 */
#define LIMIT	"(*LIMIT_MATCH=100000)"

static const struct name_code actions[] = {
	{ "ACCEPT", MAP_ACCEPT }, { "DISCARD", MAP_DISCARD },
	{ "APPEND", MAP_APPEND }, { "REPLACE", MAP_REPLACE },
	{ "REGEXP", MAP_REGEXP }, { NULL, 0 }
};

static pcre2_code *
compile(const char *pattern, char **why)
{
	char *limited = xasprintf(LIMIT "%s", pattern);
	PCRE2_UCHAR text[128];
	PCRE2_SIZE at;
	pcre2_code *code;
	int error;

	code = pcre2_compile((PCRE2_SPTR)limited, PCRE2_ZERO_TERMINATED, 0,
	    &error, &at, NULL);
	if (code == NULL) {
		pcre2_get_error_message(error, text, sizeof(text));
		*why = xasprintf("\"%s\": %s, at byte %zu", pattern,
		    (const char *)text, at + 1 - strlen(LIMIT));
	}
	free(limited);
	return code;
}

static char *
set_domain(struct map_rule *r, const char *text)
{
	const char *dot = text[0] == '.' ? "." : "";
	struct arena a = { 0 };
	const char *name;

	if (strcmp(text, ".") == 0) {
		r->domain = xstrdup(text);
		return NULL;
	}
	name = record_domain(text + strlen(dot), false, &a);
	if (name != NULL)
		r->domain = xasprintf("%s%s", dot, name);
	arena_release(&a);
	return name != NULL ? NULL : xasprintf("\"%s\": not a domain, "
	    "allowed: example.com, .example.com, . or regexp:PATTERN", text);
}

static char *
set_match(struct map_rule *r, const char *text)
{
	char *why = NULL;

	if (strncmp(text, "regexp:", 7) == 0) {
		r->pattern = compile(text + 7, &why);
		return why;
	}
	if (strncmp(text, "domain:", 7) == 0)
		text += 7;
	return set_domain(r, text);
}

static char *
add_folder(struct rua_list *list, const char *path)
{
	if (*path != '/')
		return xasprintf("\"directory:%s\": not an absolute path",
		    path);
	rua_list_add_folder(list, path);
	return NULL;
}

static char *
add_uri(struct map_rule *r, const char *uri, size_t len)
{
	const char *why;
	struct rua to;
	char *text, *wrong;

	if (len >= 10 && memcmp(uri, "directory:", 10) == 0) {
		text = xstrndup(uri + 10, len - 10);
		wrong = add_folder(&r->add, text);
		free(text);
		return wrong;
	}
	if (rua_uri(&to, uri, len, &why) == -1)
		return xasprintf("\"%.*s\": %s", (int)len, uri, why);
	to.by = xstrdup(r->where);
	rua_list_add(&r->add, &to);
	return NULL;
}

static char *
set_uris(struct map_rule *r, char **word, size_t n)
{
	char *why = NULL;
	size_t len;

	if (n == 0)
		return xasprintf("%s without a URI",
		    name_of(actions, (int)r->action));
	for (size_t i = 0; i < n; i++)
		for (const char *p = word[i]; *p != '\0' && why == NULL;
		    p += len + (p[len] == ','))
			if ((len = strcspn(p, ",")) > 0)
				why = add_uri(r, p, len);
	return why;
}

/* The group a reference is to, by number or name: is there one? */
static bool
has_group(const pcre2_code *code, const char *group)
{
	uint32_t n = 0;

	if (group[strspn(group, "0123456789")] != '\0')
		return pcre2_substring_number_from_name(code,
		    (PCRE2_SPTR)group) > 0;
	pcre2_pattern_info(code, PCRE2_INFO_CAPTURECOUNT, &n);
	return strlen(group) <= 2 && strtoul(group, NULL, 10) <= n;
}

/* Reads "1" to "99" or "g<NAME>"; returns its length, or 0. */
static size_t
read_group(const char *s, char *group, size_t size)
{
	size_t len = strspn(s, "0123456789");
	const char *end;

	if (len == 0 && strncmp(s, "g<", 2) == 0 &&
	    (end = strchr(s, '>')) != NULL) {
		len = (size_t)(end - s) + 1;
		return fmt(group, size, "%.*s", (int)len - 3, s + 2) > 0 ?
		    len : 0;
	}
	if (len > 2)
		len = 2;
	return fmt(group, size, "%.*s", (int)len, s) > 0 ? len : 0;
}

/* What stands behind a "\"; returns its length, or 0 when it is nothing. */
static size_t
put_reference(FILE *f, const char *s, const pcre2_code *code)
{
	char group[64];
	size_t len;

	if (*s == '\\') {
		putc('\\', f);
		return 1;
	}
	len = read_group(s, group, sizeof(group));
	if (len == 0 || !has_group(code, group))
		return 0;
	fprintf(f, "${%s}", group);
	return len;
}

/* A replacement text of Python's as PCRE2 writes it. */
static char *
set_text(struct map_rule *r, const char *s)
{
	size_t size, len;
	FILE *f = xmemstream(&r->text, &size);
	char *why = NULL;

	for (; *s != '\0' && why == NULL; s++) {
		if (*s == '$')
			fputs("$$", f);
		else if (*s != '\\')
			putc(*s, f);
		else if ((len = put_reference(f, s + 1, r->find)) > 0)
			s += len;
		else
			why = xasprintf("\"%s\": no group of the pattern", s);
	}
	xmemclose(f);
	return why;
}

static char *
set_regexp(struct map_rule *r, char **word, size_t n)
{
	char *why = NULL;

	if (n != 2)
		return xstrdup("REGEXP takes a pattern and a text");
	if ((r->find = compile(word[0], &why)) == NULL)
		return why;
	return set_text(r, word[1]);
}

static char *
set_action(struct map_rule *r, const char *name, char **word, size_t n)
{
	r->action = (enum map_action)code_of(actions, name);
	switch (r->action) {
	case MAP_APPEND:
	case MAP_REPLACE:
		return set_uris(r, word, n);
	case MAP_REGEXP:
		return set_regexp(r, word, n);
	case MAP_ACCEPT:
	case MAP_DISCARD:
		return n == 0 ? NULL : xasprintf("%s takes nothing", name);
	}
	return xasprintf("\"%s\": no such action, allowed: ACCEPT, DISCARD, "
	    "APPEND, REPLACE or REGEXP", name);
}

char *
map_rule_read(struct map_rule *r, const char *where, char **word, size_t n)
{
	char *why;

	*r = (struct map_rule){ .where = xstrdup(where) };
	if ((why = set_match(r, word[0])) != NULL)
		return why;
	if (n < 2)
		return xstrdup("a match without an action");
	return set_action(r, word[1], word + 2, n - 2);
}

void
map_rule_release(struct map_rule *r)
{
	if (r == NULL)
		return;
	free(r->domain);
	free(r->text);
	free(r->where);
	pcre2_code_free(r->pattern);
	pcre2_code_free(r->find);
	rua_list_release(&r->add);
}

/* Is it the rule's domain, or below ".domain"? */
static bool
is_at(const char *rule, const char *domain)
{
	size_t len = strlen(domain), tail = strlen(rule);

	if (rule[0] != '.')
		return strcmp(rule, domain) == 0;
	return rule[1] == '\0' ||
	    (len > tail && strcmp(domain + len - tail, rule) == 0);
}

static bool
is_like(const pcre2_code *pattern, const char *text)
{
	pcre2_match_data *match = pcre2_match_data_create(1, NULL);
	int n;

	if (match == NULL)
		fatal("out of memory");
	n = pcre2_match(pattern, (PCRE2_SPTR)text, strlen(text), 0, 0, match,
	    NULL);
	pcre2_match_data_free(match);
	return n >= 0;
}

bool
map_rule_matches(const struct map_rule *r, const char *domain,
    const char *text)
{
	return r->pattern != NULL ? is_like(r->pattern, text) :
	    is_at(r->domain, domain);
}

char *
map_rule_rewrite(const struct map_rule *r, const char *uri, const char **why)
{
	PCRE2_UCHAR out[RUA_URI_MAX + 1];
	PCRE2_SIZE len = sizeof(out);
	int n;

	n = pcre2_substitute(r->find, (PCRE2_SPTR)uri, strlen(uri), 0,
	    PCRE2_SUBSTITUTE_GLOBAL | PCRE2_SUBSTITUTE_UNSET_EMPTY, NULL,
	    NULL, (PCRE2_SPTR)r->text, PCRE2_ZERO_TERMINATED, out, &len);
	*why = n == PCRE2_ERROR_NOMEMORY ? "longer than 2048 bytes" :
	    "too much work";
	return n < 0 ? NULL : xstrdup((const char *)out);
}
