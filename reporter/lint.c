#include "reporter/lint.h"

#include <arpa/inet.h>

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "conf/mem.h"
#include "reporter/gzip.h"
#include "reporter/lint_foreign.h"
#include "reporter/lint_place.h"
#include "reporter/lint_value.h"
#include "spool/day.h"
#include "spool/json_mem.h"
#include "spool/record.h"

#define COUNT_MAX	UINT32_MAX	/* readers keep counts in 32 bits */
#define TWINS_MAX	100		/* policies that are compared */

static bool
text(const struct lint_place *p, const json_t *v)
{
	if (!json_is_string(v))
		return lint_objection(p, LINT_FORMAT, "not a string");
	return json_string_length(v) > 0 ||
	    lint_objection(p, LINT_FORMAT, "empty");
}

static bool
texts(const struct lint_place *p, const json_t *v)
{
	return lint_array(p, v, text);
}

static bool
count(const struct lint_place *p, const json_t *v)
{
	if (!json_is_integer(v))
		return lint_objection(p, LINT_FORMAT, "not an integer");
	if (json_integer_value(v) < 0)
		return lint_objection(p, LINT_FORMAT, "%" JSON_INTEGER_FORMAT
		    " is not between 0 and %u", json_integer_value(v),
		    COUNT_MAX);
	if (json_integer_value(v) > COUNT_MAX)
		return lint_remark(p, LINT_FORMAT, "%" JSON_INTEGER_FORMAT
		    " is not between 0 and %u", json_integer_value(v),
		    COUNT_MAX);
	return true;
}

static bool
sessions(const struct lint_place *p, const json_t *v)
{
	if (!count(p, v))
		return false;
	if (p->l->sessions <= COUNT_MAX)	/* more than none will do */
		p->l->sessions += json_integer_value(v);
	return true;
}

/* s is v, or the end of it that has to be a domain. */
static bool
domain_at(const struct lint_place *p, const json_t *v, const char *s,
    const char *what)
{
	static const char no[] = "\"%s\" is not %s of lower-case A-labels";
	const char *whole = json_string_value(v);

	if (lint_is_domain(s))
		return true;
	return lint_is_nearly_domain(s) ?
	    lint_remark(p, LINT_FORMAT, no, whole, what) :
	    lint_objection(p, LINT_FORMAT, no, whole, what);
}

static bool
domain(const struct lint_place *p, const json_t *v)
{
	return text(p, v) && domain_at(p, v, json_string_value(v), "a domain");
}

static bool
mx_pattern(const struct lint_place *p, const json_t *v)
{
	const char *s;

	if (!text(p, v))
		return false;
	s = json_string_value(v);
	return domain_at(p, v, strncmp(s, "*.", 2) == 0 ? s + 2 : s,
	    "an MX pattern");
}

static bool
mx_patterns(const struct lint_place *p, const json_t *v)
{
	return lint_array(p, v, mx_pattern);
}

static bool
ip(const struct lint_place *p, const json_t *v)
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
	if (inet_pton(af, s, &a) != 1)
		return lint_objection(p, LINT_FORMAT, no, s);
	/* inet_pton takes only one way to write an IPv4 address. */
	return af == AF_INET || (inet_ntop(af, &a, canonical,
	    sizeof(canonical)) != NULL && strcmp(s, canonical) == 0) ||
	    lint_remark(p, LINT_FORMAT, no, s);
}

static bool
policy_type(const struct lint_place *p, const json_t *v)
{
	return text(p, v) && (code_of(policy_types, json_string_value(v)) ||
	    lint_objection(p, LINT_FORMAT, "\"%s\" is no policy type",
	    json_string_value(v)));
}

static bool
result_type(const struct lint_place *p, const json_t *v)
{
	return text(p, v) && (code_of(result_types, json_string_value(v)) ||
	    lint_objection(p, "section 4.3", "\"%s\" is no result type",
	    json_string_value(v)));
}

static bool
failure_detail(const struct lint_place *p, const json_t *v)
{
	static const struct lint_member fields[] = {
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

	return lint_object(p, v, fields);
}

static bool
failure_details(const struct lint_place *p, const json_t *v)
{
	return lint_array(p, v, failure_detail);
}

static bool
identity(const struct lint_place *p, const json_t *v)
{
	static const struct lint_member fields[] = {
		{ "policy-type", true, policy_type },
		{ "policy-string", false, texts },
		{ "policy-domain", true, domain },
		{ "mx-host", false, mx_patterns },
		{ NULL, false, NULL }
	};
	const char *type;

	if (!lint_object(p, v, fields))
		return false;
	type = json_string_value(json_object_get(v, "policy-type"));
	return json_object_get(v, "mx-host") == NULL ||
	    code_of(policy_types, type) == POLICY_STS ||
	    lint_remark(p, LINT_FORMAT, "mx-host with policy-type %s", type);
}

static bool
summary(const struct lint_place *p, const json_t *v)
{
	static const struct lint_member fields[] = {
		{ "total-successful-session-count", true, sessions },
		{ "total-failure-session-count", true, sessions },
		{ NULL, false, NULL }
	};

	return lint_object(p, v, fields);
}

static bool
policy(const struct lint_place *p, const json_t *v)
{
	static const struct lint_member fields[] = {
		{ "policy", true, identity },
		{ "summary", true, summary },
		{ "failure-details", false, failure_details },
		{ NULL, false, NULL }
	};

	return lint_object(p, v, fields);
}

static const json_t *
identity_of(const json_t *policies, size_t i)
{
	return json_object_get(json_array_get(policies, i), "policy");
}

static bool
policies(const struct lint_place *p, const json_t *v)
{
	size_t n;

	if (!lint_array(p, v, policy))
		return false;
	n = json_array_size(v) < TWINS_MAX ? json_array_size(v) : TWINS_MAX;
	for (size_t i = 1; i < n; i++)
		for (size_t k = 0; k < i; k++)
			if (json_equal(identity_of(v, i), identity_of(v, k)))
				return lint_remark(p, LINT_FORMAT,
				    "the same policy twice: %zu and %zu", k, i);
	return p->l->sessions > 0 ||
	    lint_remark(p, LINT_FORMAT, "no sessions at all");
}

/* "2026-11-21" and then just this time of the day. */
static bool
moment(const struct lint_place *p, const json_t *v, const char *time, int *day)
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
	    lint_remark(p, "section 4.1", no, s, time) :
	    lint_objection(p, "section 4.1", no, s, time);
}

static bool
start(const struct lint_place *p, const json_t *v)
{
	return moment(p, v, "T00:00:00Z", &p->l->day);
}

static bool
end(const struct lint_place *p, const json_t *v)
{
	int day;

	if (!moment(p, v, "T23:59:59Z", &day))
		return false;
	if (p->l->odd_range || day == p->l->day)
		return true;
	p->l->odd_range = true;
	return lint_remark(p, "section 4.1", "not the day of start-datetime");
}

static bool
date_range(const struct lint_place *p, const json_t *v)
{
	static const struct lint_member fields[] = {
		{ "start-datetime", true, start },
		{ "end-datetime", true, end },
		{ NULL, false, NULL }
	};

	return lint_object(p, v, fields);
}

static bool
contact(const struct lint_place *p, const json_t *v)
{
	const char *s, *at;

	if (!text(p, v))
		return false;
	s = json_string_value(v);
	at = strrchr(s, '@');
	if (at == NULL || at == s || strpbrk(s, " \t\r\n<>,") != NULL)
		return lint_objection(p, LINT_FORMAT,
		    "\"%s\" is not an address", s);
	return p->l->n->submitter == NULL ||
	    strcasecmp(at + 1, p->l->n->submitter) == 0 ||
	    lint_objection(p, "section 5.3",
	    "\"%s\" is not at %s, the submitter", s, p->l->n->submitter);
}

static bool
report_id(const struct lint_place *p, const json_t *v)
{
	const char *s, *at;

	if (!text(p, v))
		return false;
	s = json_string_value(v);
	at = strchr(s, '@');
	if (at == NULL || !lint_is_dot_atom(s, (size_t)(at - s)) ||
	    !lint_is_dot_atom(at + 1, strlen(at + 1)))
		return lint_remark(p, "section 5.3",
		    "\"%s\" is not left@right for the Subject", s);
	return p->l->n->report_id == NULL ||
	    strcmp(s, p->l->n->report_id) == 0 ||
	    lint_objection(p, "section 5.3", "\"%s\" is not %s", s,
	    p->l->n->report_id);
}

static bool
report(const struct lint_place *p, const json_t *v)
{
	static const struct lint_member fields[] = {
		{ "organization-name", true, text },
		{ "date-range", true, date_range },
		{ "contact-info", true, contact },
		{ "report-id", true, report_id },
		{ "policies", true, policies },
		{ NULL, false, NULL }
	};

	return lint_object(p, v, fields);
}

/* RFC 8460 section 5.1: what the name says must be what the report says. */
static bool
filename(const struct lint_place *p)
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
		lint_objection(p, "section 5.1", "file name \"%s\" is not %s "
		    "and letters or digits, with domains of lower-case "
		    "A-labels", n->filename, expect);
	free(expect);
	return good;
}

char *
lint_tree(const json_t *tree, size_t len, const struct lint_names *n)
{
	struct lint l = { .n = n };
	struct lint_place place = { .l = &l };

	if (len > LINT_JSON_MAX)
		lint_objection(&place, "section 5.2", "%zu bytes, receivers "
		    "take %d", len, LINT_JSON_MAX);
	else if (report(&place, tree) && filename(&place))
		return NULL;
	return l.why;
}

/* What there is to object to; when there is nothing, *root is the report. */
static char *
read_report(const char *json, size_t len, const struct lint_names *n,
    json_t **root)
{
	json_error_t error;
	json_t *v = NULL;
	char *why;

	*root = NULL;
	if (len <= LINT_JSON_MAX && (v = json_loadb(json, len,
	    JSON_REJECT_DUPLICATES, &error)) == NULL)
		return xasprintf("RFC 8460 section 4: not I-JSON: line %d: %s",
		    error.line, error.text);
	if ((why = lint_tree(v, len, n)) == NULL)
		*root = v;
	else
		json_decref(v);
	return why;
}

char *
lint_report(const char *json, size_t len, const struct lint_names *n)
{
	json_t *root;
	char *why = read_report(json, len, n, &root);

	json_decref(root);
	return why;
}

char *
lint_unpack(const void *gzip, size_t len, const struct lint_names *n,
    json_t **root)
{
	const char *reason;
	size_t jsonlen;
	char *json = gzip_unpack(gzip, len, LINT_JSON_MAX, &jsonlen, &reason);
	char *why;

	*root = NULL;
	if (json == NULL)
		return xasprintf("RFC 8460 section 5.2: %s", reason);
	why = read_report(json, jsonlen, n, root);
	free(json);
	return why;
}

char *
lint_packed(const void *gzip, size_t len, const struct lint_names *n)
{
	alignas(max_align_t) char memory[JSON_MEM_REPORT];
	json_t *root;
	char *why;

	json_mem_begin(memory, sizeof(memory));
	why = lint_unpack(gzip, len, n, &root);
	json_mem_end(root);
	return why;
}

bool
lint_walk(struct lint_list *list, const json_t *v, const struct lint_names *n)
{
	struct lint l = { .n = n, .all = list };
	struct lint_place root = { .l = &l };

	return report(&root, v);
}
