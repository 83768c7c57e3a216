#include "reporter/suggest.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/tlsa.h"

#define STRING_MAX	255	/* of a TXT record, RFC 1035 section 3.3 */
#define ID_BYTES	10	/* of the policy's hash, in an id */
#define MAX_AGE		604800	/* a week: what RFC 8461's examples have */
#define MAX_AGE_MIN	86400

static void __attribute__((format(printf, 3, 4)))
append(char ***list, size_t *n, const char *format, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) == -1)
		fatal("out of memory");
	va_end(ap);
	*list = xreallocarray(*list, *n + 1, sizeof(**list));
	(*list)[(*n)++] = text;
}

/*
 * Character-strings in quotes (RFC 1035 section 5.1).  What rua.h and sts.h
 * let through needs no backslash in them.
 */
static char *
quoted(const char *text)
{
	char *out;
	size_t len;
	FILE *f = xmemstream(&out, &len);

	putc('"', f);
	for (size_t i = 0; text[i] != '\0'; i++) {
		if (i > 0 && i % STRING_MAX == 0)
			fputs("\" \"", f);
		putc(text[i], f);
	}
	putc('"', f);
	xmemclose(f);
	return out;
}

static void
add_txt(struct suggestion *s, const char *label, const char *domain,
    const char *text)
{
	char *value = quoted(text);

	append(&s->records, &s->n, "%s.%s. IN TXT %s", label, domain, value);
	free(value);
}

static void
suggest_tlsrpt(struct suggestion *s, const struct check *c)
{
	char *text;
	size_t len;
	FILE *f = xmemstream(&text, &len);

	fputs(TLSRPT_VERSION "; rua=", f);
	for (size_t i = 0; i < c->ruas.n; i++) {
		if (i > 0)
			putc(',', f);
		fputs(c->ruas.list[i].uri, f);
	}
	if (c->ruas.n == 0)
		fprintf(f, "mailto:tls-reports@%s", c->domain);
	xmemclose(f);
	add_txt(s, "_smtp._tls", c->domain, text);
	free(text);
}

/* Do the policy's patterns fit the hosts, and no pattern nothing? */
static bool
has_right_patterns(const struct check *c)
{
	return c->has_policy && c->policy.nmx > 0 &&
	    !findings_have(&c->findings, F_STS_MX_UNCOVERED) &&
	    !findings_have(&c->findings, F_STS_MX_UNUSED);
}

static bool
has_right_mode(const struct check *c)
{
	return c->has_policy && (c->policy.mode == STS_ENFORCE ||
	    c->policy.mode == STS_TESTING);
}

static bool
has_right_age(const struct check *c)
{
	return c->has_policy && c->policy.max_age >= MAX_AGE_MIN &&
	    c->policy.max_age <= STS_MAX_AGE_MAX;
}

static char *
policy_text(const struct check *c)
{
	bool keep = has_right_patterns(c);
	char *text;
	size_t len;
	FILE *f = xmemstream(&text, &len);

	fprintf(f, "version: " STS_VERSION "\r\nmode: %s\r\n",
	    sts_mode_name(has_right_mode(c) ? c->policy.mode : STS_TESTING));
	for (size_t i = 0; keep && i < c->policy.nmx; i++)
		fprintf(f, "mx: %s\r\n", c->policy.mx[i]);
	for (size_t i = 0; !keep && i < c->nhosts; i++)
		fprintf(f, "mx: %s\r\n", c->hosts[i].name);
	fprintf(f, "max_age: %lld\r\n",
	    has_right_age(c) ? (long long)c->policy.max_age : MAX_AGE);
	xmemclose(f);
	return text;
}

/* The same policy has the same id, whoever asks and when. */
static void
policy_id(const char *policy, char id[2 * ID_BYTES + 1])
{
	unsigned char hash[EVP_MAX_MD_SIZE];

	if (EVP_Digest(policy, strlen(policy), hash, NULL, EVP_sha256(),
	    NULL) != 1)
		fatal("EVP_Digest failed");
	for (size_t i = 0; i < ID_BYTES; i++)
		fmt(id + 2 * i, 3, "%02x", hash[i]);
}

static void
suggest_sts(struct suggestion *s, const struct check *c)
{
	bool same = has_right_patterns(c) && has_right_mode(c) &&
	    has_right_age(c) && !findings_have(&c->findings, F_STS_POLICY_ODD);
	char id[2 * ID_BYTES + 1], *text;

	s->policy = policy_text(c);
	s->policy_url = xasprintf(
	    "https://mta-sts.%s/.well-known/mta-sts.txt", c->domain);
	policy_id(s->policy, id);
	text = xasprintf("v=" STS_VERSION "; id=%s;",
	    same ? c->sts_record.id : id);
	add_txt(s, "_mta-sts", c->domain, text);
	free(text);
}

static bool
is_listed(const struct suggestion *s, const char *record)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->records[i], record) == 0)
			return true;
	return false;
}

/* One record per key that its addresses serve. */
static size_t
suggest_keys(struct suggestion *s, const struct check_host *h)
{
	char name[TLSA_NAME_SIZE], *tlsa, *record;
	size_t n = 0;

	if (tlsa_name(name, h->name, 25) == -1)
		return 0;
	for (size_t i = 0; i < h->naddresses; i++) {
		if (!h->probed[i] ||
		    (tlsa = tlsa_suggest(&h->probes[i].chain)) == NULL)
			continue;
		n++;
		record = xasprintf("%s. IN TLSA %s", name, tlsa);
		if (!is_listed(s, record))
			append(&s->records, &s->n, "%s", record);
		free(record);
		free(tlsa);
	}
	return n;
}

static void
suggest_dane(struct suggestion *s, const struct check_host *h,
    const struct check_config *config)
{
	if (!config->validates)
		append(&s->notes, &s->nnotes, "No TLSA records for %s: without "
		    "a trust anchor nobody knows whether its zone is signed.",
		    h->name);
	else if (h->tlsa.status == DNS_FAILED || !h->tlsa.secure)
		append(&s->notes, &s->nnotes, "No TLSA records for %s: its "
		    "zone is not signed, or DNSSEC does not work there.",
		    h->name);
	else if (suggest_keys(s, h) == 0)
		append(&s->notes, &s->nnotes, "No TLSA records for %s: no "
		    "certificate was seen.", h->name);
}

void
suggestion_make(struct suggestion *s, const struct check *c,
    const struct check_config *config)
{
	memset(s, 0, sizeof(*s));
	if (c->nhosts == 0) {
		append(&s->notes, &s->nnotes, "%s has no mail servers that "
		    "are known, so there is nothing to publish.", c->domain);
		return;
	}
	suggest_tlsrpt(s, c);
	suggest_sts(s, c);
	for (size_t i = 0; i < c->nhosts; i++)
		suggest_dane(s, &c->hosts[i], config);
}

void
suggestion_release(struct suggestion *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->records[i]);
	for (size_t i = 0; i < s->nnotes; i++)
		free(s->notes[i]);
	free(s->records);
	free(s->notes);
	free(s->policy);
	free(s->policy_url);
	memset(s, 0, sizeof(*s));
}

void
suggestion_print(const struct suggestion *s, FILE *f)
{
	for (size_t i = 0; i < s->nnotes; i++)
		fprintf(f, "; %s\n", s->notes[i]);
	for (size_t i = 0; i < s->n; i++)
		fprintf(f, "%s\n", s->records[i]);
	if (s->policy == NULL)
		return;
	fprintf(f, "\n; as %s, lines that end with CRLF:\n", s->policy_url);
	for (const char *p = s->policy; *p != '\0'; p++)
		if (*p != '\r')
			putc(*p, f);
}
