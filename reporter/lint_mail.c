#include "reporter/lint.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/mem.h"
#include "reporter/lint_mime.h"
#include "spool/day.h"

#define WSP	" \t"

struct message {
	const struct lint_names *n;
	const struct lint_mail *mail;
	struct lint_part whole, parts[2];
};

/* One domain is the other or below it: aligned as DMARC (RFC 7489) sees it. */
static bool
is_within(const char *domain, const char *parent)
{
	size_t a = strlen(domain), b = strlen(parent);

	return a >= b && strcasecmp(domain + a - b, parent) == 0 &&
	    (a == b || domain[a - b - 1] == '.');
}

static bool
is_aligned(const char *a, const char *b)
{
	return is_within(a, b) || is_within(b, a);
}

static const char *
domain_of(const char *address)
{
	const char *at = strrchr(address, '@');

	return at == NULL ? "" : at + 1;
}

/* Is this mailbox, with or without a name, exactly this address? */
static bool
is_mailbox(const char *value, const char *address)
{
	const char *angle = strrchr(value, '<');
	const char *s = angle == NULL ? value : angle + 1;
	size_t len = strlen(address);

	if (strncmp(s, address, len) != 0)
		return false;
	s += len;
	if (angle != NULL && *s++ != '>')
		return false;
	return s[strspn(s, WSP)] == '\0';
}

/* 1 to 12, or 0. */
static int
month_of(const char *name)
{
	static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12; i++)
		if (memcmp(name, names + 3 * i, 3) == 0)
			return i + 1;
	return 0;
}

/*
 * RFC 5322 section 3.3 as we write it, "Sun, 22 Nov 2026 00:15:00 +0000", and
 * the day of the week must be right.
 */
static bool
is_date(const char *value)
{
	static const char layout[] = "___, __ ___ ____ __:__:__ +0000";
	static const char days[] = "ThuFriSatSunMonTueWed";
	char text[DAY_TIME_TEXT];
	int64_t t;

	if (strlen(value) != sizeof(layout) - 1)
		return false;
	for (size_t i = 0; layout[i] != '\0'; i++)
		if (layout[i] != '_' && layout[i] != value[i])
			return false;
	return fmt(text, sizeof(text), "%.4s-%02d-%.2sT%.8sZ", value + 12,
	    month_of(value + 8), value + 5, value + 17) != -1 &&
	    day_parse_rfc3339(text, &t) &&
	    memcmp(value, days + 3 * (day_of(t) % 7), 3) == 0;
}

static bool
is_message_id(const char *value)
{
	size_t len = strlen(value);
	const char *at = strchr(value, '@');

	return len > 4 && value[0] == '<' && value[len - 1] == '>' &&
	    at != NULL && at > value + 1 && at < value + len - 2 &&
	    strchr(at + 1, '@') == NULL && strpbrk(value, WSP) == NULL;
}

/* The same words: folding may have changed the blanks between them. */
static bool
is_same_words(const char *a, const char *b)
{
	for (;;) {
		size_t len;

		a += strspn(a, WSP);
		b += strspn(b, WSP);
		len = strcspn(a, WSP);
		if (len != strcspn(b, WSP) || memcmp(a, b, len) != 0)
			return false;
		if (len == 0)
			return true;
		a += len;
		b += len;
	}
}

/* We may have been somebody else when the report was made. */
static const char *
signer(const struct message *m)
{
	return m->mail->signer != NULL ? m->mail->signer : m->n->submitter;
}

static bool
check_from(const struct message *m, const char *value)
{
	return is_mailbox(value, m->mail->from) &&
	    is_aligned(domain_of(m->mail->from), signer(m));
}

static bool
check_to(const struct message *m, const char *value)
{
	return is_mailbox(value, m->mail->to);
}

static bool
check_subject(const struct message *m, const char *value)
{
	char *expect = xasprintf("Report Domain: %s Submitter: %s "
	    "Report-ID: <%s>", m->n->domain, m->n->submitter, m->n->report_id);
	bool good = is_same_words(value, expect);

	free(expect);
	return good;
}

static bool
check_date(const struct message *m, const char *value)
{
	(void)m;
	return is_date(value);
}

static bool
check_message_id(const struct message *m, const char *value)
{
	(void)m;
	return is_message_id(value);
}

static bool
check_mime_version(const struct message *m, const char *value)
{
	(void)m;
	return strcmp(value, "1.0") == 0;
}

static bool
check_content_type(const struct message *m, const char *value)
{
	(void)m;
	return lint_is_type(value, "multipart/report") &&
	    lint_has_param(value, "report-type", "tlsrpt");
}

static bool
check_report_domain(const struct message *m, const char *value)
{
	return strcmp(value, m->n->domain) == 0;
}

static bool
check_submitter(const struct message *m, const char *value)
{
	return strcmp(value, m->n->submitter) == 0;
}

static bool
check_tls_required(const struct message *m, const char *value)
{
	(void)m;
	return strcasecmp(value, "No") == 0;
}

static bool
check_auto_submitted(const struct message *m, const char *value)
{
	(void)m;
	return strcmp(value, "auto-generated") == 0;
}

/* What must be there once, and signed if anything is (RFC 6376 section 5.4). */
static const struct field {
	const char *name;
	bool (*check)(const struct message *m, const char *value);
	bool is_signed;
	const char *section, *what;
} fields[] = {
	{ "From", check_from, true, "RFC 8460 section 3",
	    "our address, aligned with the submitter" },
	{ "To", check_to, true, "RFC 5322 section 3.6.3",
	    "the receiver's address" },
	{ "Subject", check_subject, true, "RFC 8460 section 5.3",
	    "Report Domain: ... Submitter: ... Report-ID: <...>" },
	{ "Date", check_date, true, "RFC 5322 section 3.3", "a date" },
	{ "Message-ID", check_message_id, true, "RFC 5322 section 3.6.4",
	    "<left@right>" },
	{ "MIME-Version", check_mime_version, true, "RFC 2045 section 4",
	    "1.0" },
	{ "Content-Type", check_content_type, true, "RFC 8460 section 5.3",
	    "multipart/report; report-type=\"tlsrpt\"" },
	{ "TLS-Report-Domain", check_report_domain, true,
	    "RFC 8460 section 5.3", "the policy domain" },
	{ "TLS-Report-Submitter", check_submitter, true,
	    "RFC 8460 section 5.3", "the submitter" },
	{ "TLS-Required", check_tls_required, true, "RFC 8689 section 5",
	    "No" },
	{ "Auto-Submitted", check_auto_submitted, false, "RFC 3834 section 5",
	    "auto-generated" },
};
#define FIELDS	(sizeof(fields) / sizeof(fields[0]))

static char *
header_check(const struct message *m)
{
	for (const struct field *f = fields; f < fields + FIELDS; f++) {
		const char *value = lint_field(&m->whole.header, f->name);

		if (value == NULL)
			return xasprintf("%s: %s is missing or repeated",
			    f->section, f->name);
		if (!f->check(m, value))
			return xasprintf("%s: %s is \"%s\", must be %s",
			    f->section, f->name, value, f->what);
	}
	return NULL;
}

/* The value of a tag without its blanks (RFC 6376 section 3.2), or NULL. */
static char *
tag(const char *list, const char *name)
{
	size_t len = strlen(name);
	const char *s = list, *end;
	char *value, *w;

	for (;;) {
		s += strspn(s, WSP);
		end = s + strcspn(s, ";");
		if (strncmp(s, name, len) == 0 &&
		    s[len + strspn(s + len, WSP)] == '=')
			break;
		if (*end == '\0')
			return NULL;
		s = end + 1;
	}
	w = value = xmalloc((size_t)(end - s) + 1);
	for (s += strcspn(s, "=") + 1; s < end; s++)
		if (*s != ' ' && *s != '\t')
			*w++ = *s;
	*w = '\0';
	return value;
}

static bool
is_in_list(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *s = list; *s != '\0'; s += *s == ':') {
		size_t n = strcspn(s, ":");

		if (n == len && strncasecmp(s, name, len) == 0)
			return true;
		s += n;
	}
	return false;
}

/* From is aligned with the submitter already, so it is with d= then. */
static char *
signer_check(const struct message *m, const char *value)
{
	char *d = tag(value, "d");
	bool good = d != NULL && d[0] != '\0' && is_within(signer(m), d);

	free(d);
	return good ? NULL : xasprintf("RFC 8460 section 3: the signature's "
	    "d= is not %s or above", signer(m));
}

static char *
signed_fields_check(const char *value)
{
	char *h = tag(value, "h"), *why = NULL;

	if (h == NULL)
		return xstrdup("RFC 6376 section 3.5: a signature without h=");
	for (size_t i = 0; i < FIELDS && why == NULL; i++)
		if (fields[i].is_signed && !is_in_list(h, fields[i].name))
			why = xasprintf("RFC 8460 section 5.3: %s is not "
			    "signed", fields[i].name);
	free(h);
	return why;
}

/* Whether it verifies is for a verifier to say; here is what it must cover. */
static char *
signature_check(const struct message *m, const char *value)
{
	static const char *const needed[] = { "v", "a", "s", "bh", "b" };
	char *s, *why;
	bool good;

	if ((s = tag(value, "l")) != NULL) {
		free(s);
		return xstrdup("RFC 8460 section 3: a signature with l=");
	}
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		s = tag(value, needed[i]);
		good = s != NULL && s[0] != '\0';
		free(s);
		if (!good)
			return xasprintf("RFC 6376 section 3.5: a signature "
			    "without %s=", needed[i]);
	}
	why = signer_check(m, value);
	return why != NULL ? why : signed_fields_check(value);
}

static char *
signatures_check(const struct message *m)
{
	const struct lint_header *h = &m->whole.header;
	char *why = NULL;
	size_t n = 0;

	for (size_t i = 0; i < h->n && why == NULL; i++) {
		if (strcasecmp(h->field[i].name, "DKIM-Signature") != 0)
			continue;
		why = signature_check(m, h->field[i].value);
		n++;
	}
	if (why == NULL && m->mail->must_be_signed && n == 0)
		why = xstrdup("RFC 8460 section 3: not signed");
	return why;
}

/* The one for people. */
static char *
text_check(const struct lint_part *p)
{
	const char *type = lint_field(&p->header, "Content-Type");

	if (type == NULL || !lint_is_type(type, "text/plain"))
		return xstrdup("RFC 8460 section 5.3: the first part is not "
		    "text/plain");
	return p->len > 0 ? NULL : xstrdup("RFC 8460 section 5.3: nothing in "
	    "the part for people");
}

static char *
attachment_check(const struct lint_part *p, const char *filename)
{
	const char *type = lint_field(&p->header, "Content-Type");
	const char *how = lint_field(&p->header, "Content-Disposition");
	const char *encoding = lint_field(&p->header,
	    "Content-Transfer-Encoding");

	if (type == NULL || !lint_is_type(type, "application/tlsrpt+gzip"))
		return xstrdup("RFC 8460 section 5.3: the second part is not "
		    "application/tlsrpt+gzip");
	if (how == NULL || !lint_is_type(how, "attachment"))
		return xstrdup("RFC 8460 section 5.3: the report is no "
		    "attachment");
	if (!lint_has_param(how, "filename", filename) ||
	    !lint_has_param(type, "name", filename))
		return xasprintf("RFC 8460 section 5.1: filename= or name= is "
		    "not %s", filename);
	if (encoding == NULL || strcasecmp(encoding, "base64") != 0)
		return xstrdup("RFC 2045 section 6: the report is not in "
		    "base64");
	return NULL;
}

/* What the receiver will unpack; that it is good has been seen to before. */
static char *
contents_check(const struct message *m)
{
	return lint_is_base64(&m->parts[1], m->mail->body, m->mail->len) ?
	    NULL : xstrdup("RFC 8460 section 5.3: what is attached is not the "
	    "report, in base64 lines of 76 columns");
}

static char *
parts_check(struct message *m)
{
	char *why, *filename = xasprintf("%s.json.gz", m->n->filename);

	if ((why = lint_parts_read(&m->whole, m->parts)) == NULL &&
	    (why = text_check(&m->parts[0])) == NULL &&
	    (why = attachment_check(&m->parts[1], filename)) == NULL)
		why = contents_check(m);
	free(filename);
	return why;
}

char *
lint_message(const char *message, size_t len, const struct lint_names *n,
    const struct lint_mail *mail)
{
	struct message m = { .n = n, .mail = mail };
	char *why;

	if (len > LINT_MESSAGE_MAX)
		return xasprintf("%zu bytes, receivers take mails of %d", len,
		    LINT_MESSAGE_MAX);
	if ((why = lint_bytes(message, len)) == NULL &&
	    (why = lint_part_read(&m.whole, message, len)) == NULL &&
	    (why = header_check(&m)) == NULL &&
	    (why = signatures_check(&m)) == NULL)
		why = parts_check(&m);
	lint_part_release(&m.whole);
	lint_part_release(&m.parts[0]);
	lint_part_release(&m.parts[1]);
	return why;
}
