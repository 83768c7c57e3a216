#include "reporter/lint.h"

#include <arpa/inet.h>

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "conf/mem.h"
#include "reporter/gzip.h"
#include "reporter/lint_foreign.h"
#include "reporter/lint_value.h"
#include "spool/day.h"
#include "spool/record.h"

#define COUNT_MAX	UINT32_MAX	/* readers keep counts in 32 bits */
#define TWINS_MAX	100		/* policies that are compared */

/* RFC 8460 section 4.4 unless a rule says otherwise. */
#define FORMAT	"section 4.4"

struct lint {
	const struct lint_names *n;
	char *why;
	struct lint_list *all;	/* not ours: go on and list everything */
	int day;		/* of date-range */
	bool odd_range;		/* which is not that of one day */
	json_int_t sessions;	/* over all policies */
};

/* Where we are in the document; the way up leads to the root. */
struct place {
	struct lint *l;
	const struct place *up;
	const char *key;	/* NULL: member `index` of an array */
	size_t index;
};

typedef bool check(const struct place *p, const json_t *v);

struct field {
	const char *key;
	bool needed;
	check *check;
};

static void
print_place(FILE *f, const struct place *p)
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
sentence(const struct place *p, const char *section, const char *format,
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

/* Says what is wrong there, by which section of RFC 8460; returns false. */
static bool __attribute__((format(printf, 3, 4)))
objection(const struct place *p, const char *section, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	keep(p->l, sentence(p, section, format, ap), false);
	va_end(ap);
	return false;
}

/*
 * The same where the RFC leaves room, but some receivers do not: nothing of
 * ours leaves like that, and in others' it is no reason to stop.
 */
static bool __attribute__((format(printf, 3, 4)))
remark(const struct place *p, const char *section, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	keep(p->l, sentence(p, section, format, ap), true);
	va_end(ap);
	return p->l->all != NULL;
}

static bool
no_other_keys(const struct place *p, const json_t *o, const struct field *f)
{
	const char *key;
	const json_t *v;

	json_object_foreach((json_t *)(uintptr_t)o, key, v) {
		const struct field *known = f;

		while (known->key != NULL && strcmp(known->key, key) != 0)
			known++;
		if (known->key == NULL && (!remark(p, FORMAT,
		    "unknown key \"%s\"", key) || is_enough(p->l)))
			return false;
	}
	return true;
}

/* An object with the fields of this table and no others. */
static bool
object(const struct place *p, const json_t *o, const struct field *table)
{
	size_t known = 0;
	bool good = true;

	if (!json_is_object(o))
		return objection(p, FORMAT, "not an object");
	for (const struct field *f = table; f->key != NULL; f++) {
		const json_t *v = json_object_get(o, f->key);
		struct place here = { p->l, p, f->key, 0 };

		if (v == NULL && f->needed)
			good = objection(&here, FORMAT, "missing");
		if (v != NULL && !f->check(&here, v))
			good = false;
		if (!good && is_enough(p->l))
			return false;
		known += v != NULL;
	}
	return (known == json_object_size(o) || no_other_keys(p, o, table)) &&
	    good;
}

/* An array of at least one; an empty one is to be left out. */
static bool
array(const struct place *p, const json_t *a, check *member)
{
	const json_t *v;
	bool good = true;
	size_t i;

	if (!json_is_array(a))
		return objection(p, FORMAT, "not an array");
	if (json_array_size(a) == 0)
		return remark(p, FORMAT, "empty");
	json_array_foreach(a, i, v) {
		struct place here = { p->l, p, NULL, i };

		if (!member(&here, v))
			good = false;
		if (!good && is_enough(p->l))
			break;
	}
	return good;
}

static bool
text(const struct place *p, const json_t *v)
{
	if (!json_is_string(v))
		return objection(p, FORMAT, "not a string");
	return json_string_length(v) > 0 || objection(p, FORMAT, "empty");
}

static bool
texts(const struct place *p, const json_t *v)
{
	return array(p, v, text);
}

static bool
count(const struct place *p, const json_t *v)
{
	if (!json_is_integer(v))
		return objection(p, FORMAT, "not an integer");
	if (json_integer_value(v) < 0)
		return objection(p, FORMAT, "%" JSON_INTEGER_FORMAT
		    " is not between 0 and %u", json_integer_value(v),
		    COUNT_MAX);
	if (json_integer_value(v) > COUNT_MAX)
		return remark(p, FORMAT, "%" JSON_INTEGER_FORMAT
		    " is not between 0 and %u", json_integer_value(v),
		    COUNT_MAX);
	return true;
}

static bool
sessions(const struct place *p, const json_t *v)
{
	if (!count(p, v))
		return false;
	if (p->l->sessions <= COUNT_MAX)	/* more than none will do */
		p->l->sessions += json_integer_value(v);
	return true;
}

/* s is v, or the end of it that has to be a domain. */
static bool
domain_at(const struct place *p, const json_t *v, const char *s,
    const char *what)
{
	static const char no[] = "\"%s\" is not %s of lower-case A-labels";
	const char *whole = json_string_value(v);

	if (lint_is_domain(s))
		return true;
	return lint_is_nearly_domain(s) ? remark(p, FORMAT, no, whole, what) :
	    objection(p, FORMAT, no, whole, what);
}

static bool
domain(const struct place *p, const json_t *v)
{
	return text(p, v) && domain_at(p, v, json_string_value(v), "a domain");
}

static bool
mx_pattern(const struct place *p, const json_t *v)
{
	const char *s;

	if (!text(p, v))
		return false;
	s = json_string_value(v);
	return domain_at(p, v, strncmp(s, "*.", 2) == 0 ? s + 2 : s,
	    "an MX pattern");
}

static bool
mx_patterns(const struct place *p, const json_t *v)
{
	return array(p, v, mx_pattern);
}

static bool
ip(const struct place *p, const json_t *v)
{
	static const char no[] =
	    "\"%s\" is not an IP address as RFC 5952 writes it";
	char canonical[INET6_ADDRSTRLEN];
	struct in6_addr a;
	const char *s;
	int af;

	if (!text(p, v))
		return false;
	s = json_string_value(v);
	af = strchr(s, ':') != NULL ? AF_INET6 : AF_INET;
	if (inet_pton(af, s, &a) != 1 ||
	    inet_ntop(af, &a, canonical, sizeof(canonical)) == NULL)
		return objection(p, FORMAT, no, s);
	return strcmp(s, canonical) == 0 || remark(p, FORMAT, no, s);
}

static bool
policy_type(const struct place *p, const json_t *v)
{
	return text(p, v) && (code_of(policy_types, json_string_value(v)) ||
	    objection(p, FORMAT, "\"%s\" is no policy type",
	    json_string_value(v)));
}

static bool
result_type(const struct place *p, const json_t *v)
{
	return text(p, v) && (code_of(result_types, json_string_value(v)) ||
	    objection(p, "section 4.3", "\"%s\" is no result type",
	    json_string_value(v)));
}

static bool
failure_detail(const struct place *p, const json_t *v)
{
	static const struct field fields[] = {
		{ "result-type", true, result_type },
		{ "sending-mta-ip", false, ip },
		{ "receiving-mx-hostname", false, domain },
		{ "receiving-mx-helo", false, text },
		{ "receiving-ip", false, ip },
		{ "failed-session-count", true, count },
		{ "additional-information", false, text },
		{ "failure-reason-code", false, text },
		{ NULL, false, NULL }
	};

	return object(p, v, fields);
}

static bool
failure_details(const struct place *p, const json_t *v)
{
	return array(p, v, failure_detail);
}

static bool
identity(const struct place *p, const json_t *v)
{
	static const struct field fields[] = {
		{ "policy-type", true, policy_type },
		{ "policy-string", false, texts },
		{ "policy-domain", true, domain },
		{ "mx-host", false, mx_patterns },
		{ NULL, false, NULL }
	};
	const char *type;

	if (!object(p, v, fields))
		return false;
	type = json_string_value(json_object_get(v, "policy-type"));
	return json_object_get(v, "mx-host") == NULL ||
	    code_of(policy_types, type) == POLICY_STS ||
	    remark(p, FORMAT, "mx-host with policy-type %s", type);
}

static bool
summary(const struct place *p, const json_t *v)
{
	static const struct field fields[] = {
		{ "total-successful-session-count", true, sessions },
		{ "total-failure-session-count", true, sessions },
		{ NULL, false, NULL }
	};

	return object(p, v, fields);
}

static bool
policy(const struct place *p, const json_t *v)
{
	static const struct field fields[] = {
		{ "policy", true, identity },
		{ "summary", true, summary },
		{ "failure-details", false, failure_details },
		{ NULL, false, NULL }
	};

	return object(p, v, fields);
}

static const json_t *
identity_of(const json_t *policies, size_t i)
{
	return json_object_get(json_array_get(policies, i), "policy");
}

static bool
policies(const struct place *p, const json_t *v)
{
	size_t n;

	if (!array(p, v, policy))
		return false;
	n = json_array_size(v) < TWINS_MAX ? json_array_size(v) : TWINS_MAX;
	for (size_t i = 1; i < n; i++)
		for (size_t k = 0; k < i; k++)
			if (json_equal(identity_of(v, i), identity_of(v, k)))
				return remark(p, FORMAT,
				    "the same policy twice: %zu and %zu", k, i);
	return p->l->sessions > 0 || remark(p, FORMAT, "no sessions at all");
}

/* "2026-11-21" and then just this time of the day. */
static bool
moment(const struct place *p, const json_t *v, const char *time, int *day)
{
	static const char no[] = "\"%s\" is not a day and %s";
	char date[DAY_TEXT] = "";
	const char *s;
	int64_t t;

	if (!text(p, v))
		return false;
	s = json_string_value(v);
	memcpy(date, s, strnlen(s, sizeof(date) - 1));
	if (day_parse(date, day) && strcmp(s + strlen(date), time) == 0)
		return true;
	p->l->odd_range = true;
	return day_parse_rfc3339(s, &t) ?
	    remark(p, "section 4.1", no, s, time) :
	    objection(p, "section 4.1", no, s, time);
}

static bool
start(const struct place *p, const json_t *v)
{
	return moment(p, v, "T00:00:00Z", &p->l->day);
}

static bool
end(const struct place *p, const json_t *v)
{
	int day;

	if (!moment(p, v, "T23:59:59Z", &day))
		return false;
	if (p->l->odd_range || day == p->l->day)
		return true;
	p->l->odd_range = true;
	return remark(p, "section 4.1", "not the day of start-datetime");
}

static bool
date_range(const struct place *p, const json_t *v)
{
	static const struct field fields[] = {
		{ "start-datetime", true, start },
		{ "end-datetime", true, end },
		{ NULL, false, NULL }
	};

	return object(p, v, fields);
}

static bool
contact(const struct place *p, const json_t *v)
{
	const char *s, *at;

	if (!text(p, v))
		return false;
	s = json_string_value(v);
	at = strrchr(s, '@');
	if (at == NULL || at == s || strpbrk(s, " \t\r\n<>,") != NULL)
		return objection(p, FORMAT, "\"%s\" is not an address", s);
	return p->l->n->submitter == NULL ||
	    strcasecmp(at + 1, p->l->n->submitter) == 0 ||
	    objection(p, "section 5.3", "\"%s\" is not at %s, the submitter",
	    s, p->l->n->submitter);
}

static bool
report_id(const struct place *p, const json_t *v)
{
	const char *s, *at;

	if (!text(p, v))
		return false;
	s = json_string_value(v);
	at = strchr(s, '@');
	if (at == NULL || !lint_is_dot_atom(s, (size_t)(at - s)) ||
	    !lint_is_dot_atom(at + 1, strlen(at + 1)))
		return remark(p, "section 5.3",
		    "\"%s\" is not left@right for the Subject", s);
	return p->l->n->report_id == NULL ||
	    strcmp(s, p->l->n->report_id) == 0 ||
	    objection(p, "section 5.3", "\"%s\" is not %s", s,
	    p->l->n->report_id);
}

static bool
report(const struct place *p, const json_t *v)
{
	static const struct field fields[] = {
		{ "organization-name", true, text },
		{ "date-range", true, date_range },
		{ "contact-info", true, contact },
		{ "report-id", true, report_id },
		{ "policies", true, policies },
		{ NULL, false, NULL }
	};

	return object(p, v, fields);
}

/* RFC 8460 section 5.1: what the name says must be what the report says. */
static bool
filename(const struct place *p)
{
	const struct lint_names *n = p->l->n;
	char *expect = xasprintf("%s!%s!%lld!%lld!", n->submitter, n->domain,
	    (long long)day_first(p->l->day), (long long)day_last(p->l->day));
	size_t len = strlen(expect);
	bool good = lint_is_domain(n->submitter) && lint_is_domain(n->domain) &&
	    strncmp(n->filename, expect, len) == 0 &&
	    n->filename[len] != '\0' && n->filename[len +
	    strspn(n->filename + len, LINT_ALNUM)] == '\0';

	if (!good)
		objection(p, "section 5.1", "file name \"%s\" is not %s and "
		    "letters or digits, with domains of lower-case A-labels",
		    n->filename, expect);
	free(expect);
	return good;
}

char *
lint_report(const char *json, size_t len, const struct lint_names *n)
{
	struct lint l = { .n = n };
	struct place root = { .l = &l };
	json_error_t error;
	json_t *v = NULL;

	if (len > LINT_JSON_MAX)
		objection(&root, "section 5.2", "%zu bytes, receivers take "
		    "%d", len, LINT_JSON_MAX);
	else if ((v = json_loadb(json, len, JSON_REJECT_DUPLICATES,
	    &error)) == NULL)
		objection(&root, "section 4", "not I-JSON: line %d: %s",
		    error.line, error.text);
	else if (report(&root, v))
		filename(&root);
	json_decref(v);
	return l.why;
}

char *
lint_packed(const void *gzip, size_t len, const struct lint_names *n)
{
	const char *reason;
	size_t jsonlen;
	char *json = gzip_unpack(gzip, len, LINT_JSON_MAX, &jsonlen, &reason);
	char *why;

	if (json == NULL)
		return xasprintf("RFC 8460 section 5.2: %s", reason);
	why = lint_report(json, jsonlen, n);
	free(json);
	return why;
}

bool
lint_walk(struct lint_list *list, const json_t *v, const struct lint_names *n)
{
	struct lint l = { .n = n, .all = list };
	struct place root = { .l = &l };

	return report(&root, v);
}
