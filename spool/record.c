#include "spool/record.h"

#include <jansson.h>
#include <limits.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "conf/log.h"
#include "spool/day.h"
#include "spool/json_mem.h"
#include "spool/record_canon.h"
#include "spool/utf8.h"

#define TS_MAX		253402300799	/* 9999-12-31T23:59:59Z */
#define TREE_MEM	(16 << 10)	/* a record of a few failures */
#define SHOWN_MAX	64		/* of a refused value in the reason */
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

/*
 * Reading.  Where we are in the record, for the reason of a refusal.
 */
struct reader {
	struct arena *a;
	const char **why;
	size_t policy, failure;		/* counted from 1; 0: not in one */
};

static int refuse(const struct reader *, const char *, const char *, ...)
    __attribute__((format(printf, 3, 4)));

static int
refuse(const struct reader *rd, const char *key, const char *format, ...)
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

/* A value as the reason shows it. */
static const char *
shown(struct arena *a, const json_t *value)
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

/* The members' getters leave NULL when the key is absent. */
static int
get_string(const struct reader *rd, const json_t *obj, const char *key,
    const char **s)
{
	const json_t *value = json_object_get(obj, key);

	*s = NULL;
	if (value == NULL)
		return 0;
	if (!json_is_string(value))
		return refuse(rd, key, "%s is not a string",
		    shown(rd->a, value));
	*s = json_string_value(value);
	return 0;
}

static int
get_array(const struct reader *rd, const json_t *obj, const char *key,
    size_t max, const json_t **array)
{
	*array = json_object_get(obj, key);
	if (*array == NULL)
		return 0;
	if (!json_is_array(*array))
		return refuse(rd, key, "%s is not an array",
		    shown(rd->a, *array));
	if (json_array_size(*array) > max)
		return refuse(rd, key, "%zu entries, at most %zu are allowed",
		    json_array_size(*array), max);
	return 0;
}

/* A required integer; `allowed` completes the sentence of the refusal. */
static int
get_code(const struct reader *rd, const json_t *obj, const char *key,
    int min, int max, const char *allowed, int *code)
{
	const json_t *value = json_object_get(obj, key);

	*code = 0;
	if (value == NULL)
		return refuse(rd, key, "missing, must be %s", allowed);
	if (!json_is_integer(value) || json_integer_value(value) < min ||
	    json_integer_value(value) > max)
		return refuse(rd, key, "%s is not %s", shown(rd->a, value),
		    allowed);
	*code = (int)json_integer_value(value);
	return 0;
}

/* As get_code, and the table must know it. */
static int
get_named(const struct reader *rd, const json_t *obj, const char *key,
    const struct name_code *table, const char *allowed, int *code)
{
	if (get_code(rd, obj, key, INT_MIN, INT_MAX, allowed, code) == -1)
		return -1;
	if (name_of(table, *code) == NULL)
		return refuse(rd, key, "%d is not %s", *code, allowed);
	return 0;
}

/* An optional text in its canonical form, which may be NULL. */
static int
get_text(const struct reader *rd, const json_t *obj, const char *key,
    const char *(*canonical)(struct arena *, const char *), const char **text)
{
	if (get_string(rd, obj, key, text) == -1)
		return -1;
	if (*text != NULL)
		*text = canonical(rd->a, *text);
	return 0;
}

/* The same for an array of them; what has no canonical form is left out. */
static int
get_texts(const struct reader *rd, const json_t *obj, const char *key,
    const char *(*canonical)(struct arena *, const char *),
    const char ***list, size_t *n)
{
	const json_t *array, *value;
	const char *s;
	size_t i;

	*list = NULL;
	*n = 0;
	if (get_array(rd, obj, key, RECORD_STRINGS_MAX, &array) == -1)
		return -1;
	if (json_array_size(array) == 0)
		return 0;
	*list = arena_alloc(rd->a, json_array_size(array) * sizeof(**list));
	json_array_foreach(array, i, value) {
		if (!json_is_string(value))
			return refuse(rd, key, "%s is not a string",
			    shown(rd->a, value));
		if ((s = canonical(rd->a, json_string_value(value))) != NULL)
			(*list)[(*n)++] = s;
	}
	return 0;
}

static int
get_failure(const struct reader *rd, const json_t *obj,
    struct record_failure *f)
{
	int code;

	if (get_named(rd, obj, "c", result_types,
	    "a result type (201 to 205, 301 to 306)", &code) == -1)
		return -1;
	f->result = (enum result_type)code;
	if (get_text(rd, obj, "s", record_address, &f->sending_ip) == -1 ||
	    get_text(rd, obj, "n", record_host, &f->mx_hostname) == -1 ||
	    get_text(rd, obj, "h", record_helo, &f->mx_helo) == -1 ||
	    get_text(rd, obj, "r", record_address, &f->receiving_ip) == -1 ||
	    get_text(rd, obj, "a", record_reason, &f->additional_info) == -1 ||
	    get_text(rd, obj, "f", record_reason, &f->reason) == -1)
		return -1;
	return 0;
}

static int
get_failures(struct reader *rd, const json_t *obj, struct record_policy *p)
{
	const char *key = "failure-details";
	const json_t *array, *value;
	size_t i;

	if (get_array(rd, obj, key, RECORD_FAILURES_MAX, &array) == -1)
		return -1;
	p->nfailures = json_array_size(array);
	p->failures = arena_calloc(rd->a, p->nfailures, sizeof(*p->failures));
	json_array_foreach(array, i, value) {
		if (!json_is_object(value))
			return refuse(rd, key, "%s is not an object",
			    shown(rd->a, value));
		rd->failure = i + 1;
		if (get_failure(rd, value, &p->failures[i]) == -1)
			return -1;
	}
	rd->failure = 0;
	return 0;
}

static int
get_domain(const struct reader *rd, const json_t *obj, const char *key,
    const char **domain)
{
	if (get_text(rd, obj, key, record_host, domain) == -1)
		return -1;
	if (*domain == NULL)
		return refuse(rd, key, "%s is not a domain name",
		    shown(rd->a, json_object_get(obj, key)));
	return 0;
}

/*
 * RFC 8460 section 4.4 knows strings for TLSA and STS policies and MX hosts
 * for STS policies.
 */
static int
get_policy_texts(const struct reader *rd, const json_t *obj,
    struct record_policy *p)
{
	if (get_texts(rd, obj, "policy-string",
	    p->type == POLICY_TLSA ? record_tlsa : record_line,
	    &p->strings, &p->nstrings) == -1 ||
	    get_texts(rd, obj, "mx-host", record_mx, &p->mx, &p->nmx) == -1)
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
get_policy(struct reader *rd, const json_t *obj, const char *domain,
    struct record_policy *p)
{
	const char *name;
	int type, failed;

	if (get_named(rd, obj, "policy-type", policy_types,
	    "a policy type (1 tlsa, 2 sts, 9 no-policy-found)", &type) == -1)
		return -1;
	p->type = (enum policy_type)type;
	/* Postfix before 20250924 leaves it out when there is no policy. */
	if (get_string(rd, obj, "policy-domain", &name) == -1)
		return -1;
	if (name == NULL || name[0] == '\0')
		p->domain = domain;
	else if (get_domain(rd, obj, "policy-domain", &p->domain) == -1)
		return -1;
	if (get_policy_texts(rd, obj, p) == -1 ||
	    get_failures(rd, obj, p) == -1 ||
	    get_code(rd, obj, "f", 0, 1, "0 (success) or 1 (failure)",
	    &failed) == -1)
		return -1;
	p->failed = failed != 0;
	return 0;
}

static int
get_policies(struct reader *rd, const json_t *root, struct record *r)
{
	const char *key = "policies";
	const json_t *array, *value;
	size_t i;

	if (get_array(rd, root, key, RECORD_POLICIES_MAX, &array) == -1)
		return -1;
	if (array == NULL)
		return refuse(rd, key, "missing, must be an array");
	if (json_array_size(array) == 0)
		return refuse(rd, key, "empty, must hold a policy");
	r->npolicies = json_array_size(array);
	r->policies = arena_calloc(rd->a, r->npolicies, sizeof(*r->policies));
	json_array_foreach(array, i, value) {
		if (!json_is_object(value))
			return refuse(rd, key, "%s is not an object",
			    shown(rd->a, value));
		rd->policy = i + 1;
		if (get_policy(rd, value, r->domain, &r->policies[i]) == -1)
			return -1;
	}
	rd->policy = 0;
	return 0;
}

static int
get_ts(const struct reader *rd, const json_t *root, struct record *r)
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
	return refuse(rd, "ts", "%s is not a time (integer seconds since 1970 "
	    "or RFC 3339 in UTC, up to the year 9999)", shown(rd->a, value));
}

/* The keys that are ours, not libtlsrpt's. */
static int
get_own(const struct reader *rd, const json_t *root, struct record *r)
{
	const json_t *value;

	r->n = 1;
	if ((value = json_object_get(root, "n")) != NULL) {
		if (!json_is_integer(value) || json_integer_value(value) < 1 ||
		    json_integer_value(value) > RECORD_N_MAX)
			return refuse(rd, "n", "%s is not an integer of 1 to "
			    "%u", shown(rd->a, value), RECORD_N_MAX);
		r->n = (uint32_t)json_integer_value(value);
	}
	if ((value = json_object_get(root, "report")) != NULL) {
		if (!json_is_boolean(value))
			return refuse(rd, "report", "%s is not true or false",
			    shown(rd->a, value));
		r->own_report = json_is_true(value);
	}
	return get_ts(rd, root, r);
}

static int
get_record(struct reader *rd, const json_t *root, struct record *r)
{
	const char *version, *txt;

	/* libtlsrpt sends no version before 0.5.0. */
	if (get_string(rd, root, "dpv", &version) == -1)
		return -1;
	if (version != NULL && strcmp(version, "1") != 0)
		return refuse(rd, "dpv", "%s is not a known version, only "
		    "\"1\" is", shown(rd->a, json_object_get(root, "dpv")));
	if (json_object_get(root, "d") == NULL)
		return refuse(rd, "d", "missing, must be a domain name");
	if (get_domain(rd, root, "d", &r->domain) == -1 ||
	    get_string(rd, root, "pr", &txt) == -1)
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
keep_text(const struct reader *rd, json_t *root, const char *line, size_t len,
    struct record *r)
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
	struct reader rd = { .a = a, .why = why };
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
