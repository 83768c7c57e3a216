#include "reporter/reading.h"

#include <limits.h>
#include <string.h>

#include "conf/mem.h"
#include "reporter/fields.h"
#include "spool/record.h"

static const char *
text_at(struct fields *f, const char *key)
{
	return json_string_value(fields_get(f, key));
}

/* Senders write them as 1.0, too. */
static uint64_t
count_at(struct fields *f, const char *key)
{
	const json_t *v = fields_get(f, key);
	double n = json_number_value(v);

	if (json_is_integer(v))
		return json_integer_value(v) > 0 ?
		    (uint64_t)json_integer_value(v) : 0;
	return n >= 1 && n < 0x1p53 ? (uint64_t)n : 0;
}

static void
add(uint64_t *sum, uint64_t n)
{
	*sum = n > UINT64_MAX - *sum ? UINT64_MAX : *sum + n;
}

/* A single text stands for a list of one, as some senders have it. */
static const char **
texts_at(struct fields *f, const char *key, size_t *n, struct arena *a)
{
	const json_t *list = fields_get(f, key);
	size_t size = json_is_string(list) ? 1 : json_array_size(list);
	const char **texts = arena_calloc(a, size, sizeof(*texts));

	*n = 0;
	if (json_is_string(list))
		texts[(*n)++] = json_string_value(list);
	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_is_string(json_array_get(list, i)))
			texts[(*n)++] =
			    json_string_value(json_array_get(list, i));
	return texts;
}

/* Here and below fields are asked for in the order that the RFC has. */
static void
read_detail(struct reading_detail *d, const json_t *v)
{
	struct fields f = fields_of(v);

	d->result = text_at(&f, "result-type");
	d->sending_ip = text_at(&f, "sending-mta-ip");
	d->mx_hostname = text_at(&f, "receiving-mx-hostname");
	d->mx_helo = text_at(&f, "receiving-mx-helo");
	d->receiving_ip = text_at(&f, "receiving-ip");
	d->n = count_at(&f, "failed-session-count");
	d->additional_info = text_at(&f, "additional-information");
	d->reason = text_at(&f, "failure-reason-code");
}

static void
read_identity(struct reading_policy *p, const json_t *v, struct arena *a)
{
	struct fields f = fields_of(v);

	p->type = text_at(&f, "policy-type");
	p->strings = texts_at(&f, "policy-string", &p->nstrings, a);
	p->domain = text_at(&f, "policy-domain");
	p->mx = texts_at(&f, "mx-host", &p->nmx, a);
}

static void
read_summary(struct reading_policy *p, const json_t *v)
{
	struct fields f = fields_of(v);

	p->successful = count_at(&f, "total-successful-session-count");
	p->failed = count_at(&f, "total-failure-session-count");
}

static void
read_policy(struct reading_policy *p, const json_t *v, struct arena *a)
{
	struct fields f = fields_of(v);
	const json_t *details;

	read_identity(p, fields_get(&f, "policy"), a);
	read_summary(p, fields_get(&f, "summary"));
	details = fields_get(&f, "failure-details");
	p->ndetails = json_array_size(details);
	p->details = arena_calloc(a, p->ndetails, sizeof(*p->details));
	for (size_t i = 0; i < p->ndetails; i++)
		read_detail(&p->details[i], json_array_get(details, i));
}

/*
 * No key of the report says whom it is about: a TLSA policy's domain is that
 * of an MX host.  So what came with it goes first.
 */
static const char *
policy_domain(const struct reading *r, const struct lint_names *names,
    struct arena *a)
{
	struct lint_filename name;
	const char *best = NULL;

	if (names->domain != NULL)
		return names->domain;
	if (names->filename != NULL &&
	    lint_filename_parse(&name, names->filename))
		return arena_strndup(a, name.domain, name.domainlen);
	for (size_t i = 0; i < r->npolicies; i++) {
		const struct reading_policy *p = &r->policies[i];

		if (p->domain != NULL && (best == NULL || (p->type != NULL &&
		    code_of(policy_types, p->type) != POLICY_TLSA)))
			best = p->domain;
	}
	return best;
}

static void
read_range(struct reading *r, const json_t *v)
{
	struct fields f = fields_of(v);

	r->begin = text_at(&f, "start-datetime");
	r->end = text_at(&f, "end-datetime");
}

static void
read_report(struct reading *r, const struct lint_names *names,
    struct arena *a)
{
	struct fields f = fields_of(r->root);
	const json_t *policies;

	r->organization = text_at(&f, "organization-name");
	read_range(r, fields_get(&f, "date-range"));
	r->contact = text_at(&f, "contact-info");
	r->id = text_at(&f, "report-id");
	policies = fields_get(&f, "policies");
	r->npolicies = json_array_size(policies);
	r->policies = arena_calloc(a, r->npolicies, sizeof(*r->policies));
	for (size_t i = 0; i < r->npolicies; i++) {
		read_policy(&r->policies[i], json_array_get(policies, i), a);
		add(&r->successful, r->policies[i].successful);
		add(&r->failed, r->policies[i].failed);
	}
	r->domain = policy_domain(r, names, a);
}

/* What I-JSON does not allow but a parser can read is no reason to stop. */
static void
load(struct reading *r, const char *text, size_t len, bool check, char **why)
{
	json_error_t strict, error;

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		len -= 3;
		lint_list_add(&r->lint, true, "RFC 8259 section 8.1: begins "
		    "with a byte order mark");
	}
	r->root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &strict);
	if (r->root != NULL)
		return;
	r->root = json_loadb(text, len, 0, &error);
	if (r->root == NULL)
		*why = xasprintf("not JSON: line %d: %s", error.line,
		    error.text);
	else if (check)
		lint_list_add(&r->lint, false, "RFC 8460 section 4: not "
		    "I-JSON: line %d: %s", strict.line, strict.text);
}

int
reading_parse(struct reading *r, const char *text, size_t len,
    const struct lint_names *names, bool check, struct arena *a, char **why)
{
	memset(r, 0, sizeof(*r));
	*why = NULL;
	if (len > READING_MAX) {
		*why = xasprintf("larger than %d bytes", READING_MAX);
		return -1;
	}
	load(r, text, len, check, why);
	if (*why != NULL)
		return -1;
	if (!json_is_array(json_object_get(r->root, "policies"))) {
		*why = xstrdup("no TLS report: it has no policies");
		return -1;
	}
	read_report(r, names, a);
	if (check && len > LINT_JSON_MAX)
		lint_list_add(&r->lint, true, "RFC 8460 section 5.2: %zu "
		    "bytes, receivers take %d", len, LINT_JSON_MAX);
	if (check)
		lint_foreign(&r->lint, r->root, names);
	return 0;
}

void
reading_take(struct reading *r, json_t *root, const struct lint_names *names,
    struct arena *a)
{
	*r = (struct reading){ .root = root };
	read_report(r, names, a);
}

void
reading_release(struct reading *r)
{
	lint_list_release(&r->lint);
	json_decref(r->root);
	r->root = NULL;
}
