#include "spool/record.h"

#include <jansson.h>
#include <stdalign.h>
#include <string.h>

#include "conf/log.h"
#include "spool/day.h"
#include "spool/json_mem.h"
#include "spool/record_canon.h"
#include "spool/record_member.h"
#include "spool/utf8.h"

#define TS_MAX		253402300799	/* 9999-12-31T23:59:59Z */
#define TREE_MEM	(16 << 10)	/* a record of a few failures */
#define STRING(x)	#x
#define VALUE(x)	STRING(x)

const struct name_code policy_types[] = {
	{ "tlsa",			POLICY_TLSA },
	{ "sts",			POLICY_STS },
	{ "no-policy-found",		POLICY_NONE },
	{ NULL,				0 }
};

const struct name_code result_types[] = {
	{ "starttls-not-supported",	STARTTLS_NOT_SUPPORTED },
	{ "certificate-host-mismatch",	CERTIFICATE_HOST_MISMATCH },
	{ "certificate-not-trusted",	CERTIFICATE_NOT_TRUSTED },
	{ "certificate-expired",	CERTIFICATE_EXPIRED },
	{ "validation-failure",		VALIDATION_FAILURE },
	{ "sts-policy-fetch-error",	STS_POLICY_FETCH_ERROR },
	{ "sts-policy-invalid",		STS_POLICY_INVALID },
	{ "sts-webpki-invalid",		STS_WEBPKI_INVALID },
	{ "tlsa-invalid",		TLSA_INVALID },
	{ "dnssec-invalid",		DNSSEC_INVALID },
	{ "dane-required",		DANE_REQUIRED },
	{ NULL,				0 }
};

const char *
name_of(const struct name_code *table, int code)
{
	for (; table->name != NULL; table++)
		if (table->code == code)
			return table->name;
	return NULL;
}

int
code_of(const struct name_code *table, const char *name)
{
	for (; table->name != NULL; table++)
		if (strcmp(table->name, name) == 0)
			return table->code;
	return 0;
}

const char *
record_refuse(const char *line, size_t len)
{
	if (len == 0)
		return "empty";
	if (len > RECORD_MAX)
		return "longer than " VALUE(RECORD_MAX) " bytes";
	if (line[0] != '{')
		return "does not begin with '{'";
	if (line[len - 1] != '}')
		return "does not end with '}'";
	if (memchr(line, '\n', len) != NULL)
		return "more than one line";
	if (memchr(line, '\0', len) != NULL)
		return "holds a NUL byte";
	return NULL;
}

/* Reading. */

static int
get_failure(const struct member_reader *rd, const json_t *obj,
    struct record_failure *f)
{
	int code;

	if (member_named(rd, obj, "c", result_types,
	    "a result type (201 to 205, 301 to 306)", &code) == -1)
		return -1;
	f->result = (enum result_type)code;
	if (member_text(rd, obj, "s", record_address, &f->sending_ip) == -1 ||
	    member_text(rd, obj, "n", record_host, &f->mx_hostname) == -1 ||
	    member_text(rd, obj, "h", record_helo, &f->mx_helo) == -1 ||
	    member_text(rd, obj, "r", record_address, &f->receiving_ip) == -1 ||
	    member_text(rd, obj, "a", record_reason,
	    &f->additional_info) == -1 ||
	    member_text(rd, obj, "f", record_reason, &f->reason) == -1)
		return -1;
	return 0;
}

static int
get_failures(struct member_reader *rd, const json_t *obj,
    struct record_policy *p)
{
	const char *key = "failure-details";
	const json_t *array, *value;
	size_t i;

	if (member_array(rd, obj, key, RECORD_FAILURES_MAX, &array) == -1)
		return -1;
	p->nfailures = json_array_size(array);
	p->failures = arena_calloc(rd->a, p->nfailures, sizeof(*p->failures));
	json_array_foreach(array, i, value) {
		if (!json_is_object(value))
			return member_refuse(rd, key, "%s is not an object",
			    member_shown(rd->a, value));
		rd->failure = i + 1;
		if (get_failure(rd, value, &p->failures[i]) == -1)
			return -1;
	}
	rd->failure = 0;
	return 0;
}

static int
get_domain(const struct member_reader *rd, const json_t *obj, const char *key,
    const char **domain)
{
	if (member_text(rd, obj, key, record_host, domain) == -1)
		return -1;
	if (*domain == NULL)
		return member_refuse(rd, key, "%s is not a domain name",
		    member_shown(rd->a, json_object_get(obj, key)));
	return 0;
}

/*
 * RFC 8460 section 4.4 knows strings for TLSA and STS policies and MX hosts
 * for STS policies.
 */
static int
get_policy_texts(const struct member_reader *rd, const json_t *obj,
    struct record_policy *p)
{
	if (member_texts(rd, obj, "policy-string",
	    p->type == POLICY_TLSA ? record_tlsa : record_line,
	    &p->strings, &p->nstrings) == -1 ||
	    member_texts(rd, obj, "mx-host", record_mx, &p->mx, &p->nmx) == -1)
		return -1;
	if (p->type == POLICY_TLSA)
		record_sort(p->strings, &p->nstrings);
	record_sort(p->mx, &p->nmx);
	if (p->type == POLICY_NONE)
		p->nstrings = 0;
	if (p->type != POLICY_STS)
		p->nmx = 0;
	return 0;
}

static int
get_policy(struct member_reader *rd, const json_t *obj, const char *domain,
    struct record_policy *p)
{
	const char *name;
	int type, failed;

	if (member_named(rd, obj, "policy-type", policy_types,
	    "a policy type (1 tlsa, 2 sts, 9 no-policy-found)", &type) == -1)
		return -1;
	p->type = (enum policy_type)type;
	/* Postfix before 20250924 leaves it out when there is no policy. */
	if (member_string(rd, obj, "policy-domain", &name) == -1)
		return -1;
	if (name == NULL || name[0] == '\0')
		p->domain = domain;
	else if (get_domain(rd, obj, "policy-domain", &p->domain) == -1)
		return -1;
	if (get_policy_texts(rd, obj, p) == -1 ||
	    get_failures(rd, obj, p) == -1 ||
	    member_code(rd, obj, "f", 0, 1, "0 (success) or 1 (failure)",
	    &failed) == -1)
		return -1;
	p->failed = failed != 0;
	return 0;
}

static int
get_policies(struct member_reader *rd, const json_t *root, struct record *r)
{
	const char *key = "policies";
	const json_t *array, *value;
	size_t i;

	if (member_array(rd, root, key, RECORD_POLICIES_MAX, &array) == -1)
		return -1;
	if (array == NULL)
		return member_refuse(rd, key, "missing, must be an array");
	if (json_array_size(array) == 0)
		return member_refuse(rd, key, "empty, must hold a policy");
	r->npolicies = json_array_size(array);
	r->policies = arena_calloc(rd->a, r->npolicies, sizeof(*r->policies));
	json_array_foreach(array, i, value) {
		if (!json_is_object(value))
			return member_refuse(rd, key, "%s is not an object",
			    member_shown(rd->a, value));
		rd->policy = i + 1;
		if (get_policy(rd, value, r->domain, &r->policies[i]) == -1)
			return -1;
	}
	rd->policy = 0;
	return 0;
}

static int
get_ts(const struct member_reader *rd, const json_t *root, struct record *r)
{
	const json_t *value = json_object_get(root, "ts");

	if (value == NULL)
		return 0;
	r->has_ts = true;
	if (json_is_integer(value)) {
		r->ts = json_integer_value(value);
		if (r->ts >= 0 && r->ts <= TS_MAX)
			return 0;
	} else if (json_is_string(value) &&
	    day_parse_rfc3339(json_string_value(value), &r->ts))
		return 0;
	return member_refuse(rd, "ts", "%s is not a time (integer seconds "
	    "since 1970 or RFC 3339 in UTC, up to the year 9999)",
	    member_shown(rd->a, value));
}

/* The keys that are ours, not libtlsrpt's. */
static int
get_own(const struct member_reader *rd, const json_t *root, struct record *r)
{
	const json_t *value;

	r->n = 1;
	if ((value = json_object_get(root, "n")) != NULL) {
		if (!json_is_integer(value) || json_integer_value(value) < 1 ||
		    json_integer_value(value) > RECORD_N_MAX)
			return member_refuse(rd, "n", "%s is not an integer "
			    "of 1 to %u", member_shown(rd->a, value),
			    RECORD_N_MAX);
		r->n = (uint32_t)json_integer_value(value);
	}
	if ((value = json_object_get(root, "report")) != NULL) {
		if (!json_is_boolean(value))
			return member_refuse(rd, "report", "%s is not true or "
			    "false", member_shown(rd->a, value));
		r->own_report = json_is_true(value);
	}
	return get_ts(rd, root, r);
}

static int
get_record(struct member_reader *rd, const json_t *root, struct record *r)
{
	const char *version, *txt;

	/* libtlsrpt sends no version before 0.5.0. */
	if (member_string(rd, root, "dpv", &version) == -1)
		return -1;
	if (version != NULL && strcmp(version, "1") != 0)
		return member_refuse(rd, "dpv", "%s is not a known version, "
		    "only \"1\" is",
		    member_shown(rd->a, json_object_get(root, "dpv")));
	if (json_object_get(root, "d") == NULL)
		return member_refuse(rd, "d", "missing, must be a domain name");
	if (get_domain(rd, root, "d", &r->domain) == -1 ||
	    member_string(rd, root, "pr", &txt) == -1)
		return -1;
	/* Half a TLSRPT record would name somebody else's address. */
	if (txt != NULL && txt[0] != '\0' && strlen(txt) <= RECORD_TXT_MAX)
		r->txt = arena_strdup(rd->a, txt);
	if (get_policies(rd, root, r) == -1)
		return -1;
	return get_own(rd, root, r);
}

/* The object as one line, in the arena. */
static const char *
rewrite(struct arena *a, const json_t *root, size_t room, size_t *len)
{
	char *buf = arena_alloc(a, room);

	/* Numbers of foreign keys may come out longer than they went in. */
	if ((*len = json_dumpb(root, buf, room, JSON_COMPACT)) > room) {
		buf = arena_alloc(a, *len);
		*len = json_dumpb(root, buf, *len, JSON_COMPACT);
	}
	if (*len == 0)
		fatal("out of memory");
	return buf;
}

/* The line for a segment: as it came unless it says when or how often. */
static int
keep_text(const struct member_reader *rd, json_t *root, const char *line,
    size_t len, struct record *r)
{
	bool ts = json_object_del(root, "ts") == 0;
	bool n = json_object_del(root, "n") == 0;

	r->text = line;
	r->len = len;
	if (ts || n)
		r->text = rewrite(rd->a, root, len, &r->len);
	if (r->len <= RECORD_MAX)
		return 0;
	*rd->why = "longer than " VALUE(RECORD_MAX) " bytes when rewritten";
	return -1;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Blanks around the object, which JSON allows and scripts leave. */
static void
trim(const char **line, size_t *len)
{
	while (*len > 0 && is_blank((*line)[*len - 1]))
		--*len;
	for (; *len > 0 && is_blank(**line); --*len)
		++*line;
}

int
record_parse(struct record *r, const char *line, size_t len,
    enum record_use use, struct arena *a, const char **why)
{
	struct member_reader rd = { .a = a, .why = why };
	alignas(max_align_t) char tree[TREE_MEM];
	json_error_t error;
	json_t *root = NULL;
	int rc = -1;

	*r = (struct record){ 0 };
	trim(&line, &len);
	if ((*why = record_refuse(line, len)) != NULL)
		return -1;
	if (utf8_span(line, len) < len)
		line = utf8_repair(a, line, &len);
	json_mem_begin(tree, sizeof(tree));
	if ((root = json_loadb(line, len, JSON_REJECT_DUPLICATES, &error)) ==
	    NULL) {
		*why = arena_printf(a, "not JSON: %s (byte %d)", error.text,
		    error.position);
		goto out;
	}
	if (get_record(&rd, root, r) == -1)
		goto out;
	if (use == RECORD_COUNT || keep_text(&rd, root, line, len, r) == 0)
		rc = 0;
out:
	json_mem_end(root);
	return rc;
}
