#include "reporter/json.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "conf/mem.h"
#include "spool/day.h"
#include "spool/json_mem.h"

#define TEXT_FIRST	2048	/* bytes: most reports are smaller */
/* Readers keep counts in 32 bits; what is beyond saturates. */
#define COUNT_MAX	UINT32_MAX

/*
 * The setters below return -1 when something could not be made, as jansson's
 * do.  Each writer adds these up, so that one test at the end tells whether
 * all went well.
 */
static int
set(json_t *o, const char *key, json_t *value)
{
	return json_object_set_new_nocheck(o, key, value);
}

/* Whether it is UTF-8 is found out once, when it is written (json_dumps). */
static json_t *
string(const char *text)
{
	return json_string_nocheck(text);
}

static int
set_text(json_t *o, const char *key, const char *text)
{
	return set(o, key, string(text));
}

/* A key whose text is not known is left out: receivers refuse "" and null. */
static int
set_known(json_t *o, const char *key, const char *text)
{
	return text == NULL ? 0 : set_text(o, key, text);
}

static int
set_count(json_t *o, const char *key, uint64_t n)
{
	return set(o, key, json_integer(n < COUNT_MAX ? (json_int_t)n :
	    (json_int_t)COUNT_MAX));
}

static int
set_list(json_t *o, const char *key, const char *const *list, size_t n)
{
	json_t *a;
	int bad = 0;

	if (n == 0)
		return 0;
	a = json_array();
	for (size_t i = 0; i < n; i++)
		bad |= json_array_append_new(a, string(list[i]));
	return bad | set(o, key, a);
}

static json_t *
finish(json_t *o, int bad)
{
	if (bad == 0)
		return o;
	json_decref(o);
	return NULL;
}

static json_t *
detail(const struct report_detail *d)
{
	json_t *o = json_object();
	int bad = 0;

	bad |= set_text(o, "result-type", name_of(result_types,
	    (int)d->result));
	bad |= set_known(o, "sending-mta-ip", d->sending_ip);
	bad |= set_known(o, "receiving-mx-hostname", d->mx_hostname);
	bad |= set_known(o, "receiving-mx-helo", d->mx_helo);
	bad |= set_known(o, "receiving-ip", d->receiving_ip);
	bad |= set_count(o, "failed-session-count", d->n);
	bad |= set_known(o, "additional-information", d->additional_info);
	bad |= set_known(o, "failure-reason-code", d->reason);
	return finish(o, bad);
}

static json_t *
details(const struct report_policy *p)
{
	json_t *a = json_array();
	int bad = 0;

	for (size_t i = 0; i < p->ndetails; i++)
		bad |= json_array_append_new(a, detail(&p->details[i]));
	return finish(a, bad);
}

/* mx-host is for sts only (RFC 8460 section 4.4). */
static json_t *
identity(const struct report_policy *p)
{
	json_t *o = json_object();
	int bad = 0;

	bad |= set_text(o, "policy-type", name_of(policy_types, (int)p->type));
	bad |= set_list(o, "policy-string", p->strings, p->nstrings);
	bad |= set_text(o, "policy-domain", p->domain);
	if (p->type == POLICY_STS)
		bad |= set_list(o, "mx-host", p->mx, p->nmx);
	return finish(o, bad);
}

static json_t *
summary(const struct report_policy *p)
{
	json_t *o = json_object();
	int bad = 0;

	bad |= set_count(o, "total-successful-session-count", p->successful);
	bad |= set_count(o, "total-failure-session-count", p->failed);
	return finish(o, bad);
}

static json_t *
policy(const struct report_policy *p)
{
	json_t *o = json_object();
	int bad = 0;

	bad |= set(o, "policy", identity(p));
	bad |= set(o, "summary", summary(p));
	if (p->ndetails > 0)
		bad |= set(o, "failure-details", details(p));
	return finish(o, bad);
}

static json_t *
policies(const struct report *r)
{
	json_t *a = json_array();
	int bad = 0;

	for (size_t i = 0; i < r->npolicies; i++)
		bad |= json_array_append_new(a, policy(&r->policies[i]));
	return finish(a, bad);
}

/* The last second belongs to the range: 23:59:59Z, as in the RFC's example. */
static json_t *
date_range(int day)
{
	char start[] = "2026-11-21T00:00:00Z", end[] = "2026-11-21T23:59:59Z";
	char text[DAY_TEXT];
	json_t *o = json_object();
	int bad = 0;

	day_format(day, text);
	memcpy(start, text, sizeof(text) - 1);
	memcpy(end, text, sizeof(text) - 1);
	bad |= set_text(o, "start-datetime", start);
	bad |= set_text(o, "end-datetime", end);
	return finish(o, bad);
}

json_t *
json_tree(const struct report *r)
{
	json_t *o = json_object();
	int bad = 0;

	bad |= set_text(o, "organization-name", r->who->organization);
	bad |= set(o, "date-range", date_range(r->day));
	bad |= set_text(o, "contact-info", r->who->contact);
	bad |= set_text(o, "report-id", r->id);
	bad |= set(o, "policies", policies(r));
	return finish(o, bad);
}

struct text {
	char *s;
	size_t len, room;
};

static int
append(const char *s, size_t len, void *arg)
{
	struct text *t = arg;

	if (len >= t->room - t->len) {
		t->room = 2 * (t->room + len);
		t->s = xreallocarray(t->s, t->room, 1);
	}
	memcpy(t->s + t->len, s, len);
	t->len += len;
	return 0;
}

char *
json_text(const json_t *tree, bool readable, size_t *len)
{
	struct text t = { .s = xmalloc(TEXT_FIRST), .room = TEXT_FIRST };

	if (json_dump_callback(tree, append, &t,
	    readable ? JSON_INDENT(2) : JSON_COMPACT) == -1 ||
	    (readable && append("\n", 1, &t) == -1)) {
		free(t.s);
		t = (struct text){ 0 };
	} else
		t.s[t.len] = '\0';
	*len = t.len;
	return t.s;
}

char *
json_report(const struct report *r, bool readable, size_t *len)
{
	alignas(max_align_t) char memory[JSON_MEM_REPORT];
	json_t *tree;
	char *text;

	json_mem_begin(memory, sizeof(memory));
	tree = json_tree(r);
	text = json_text(tree, readable, len);
	json_mem_end(tree);
	return text;
}
