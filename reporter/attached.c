#include "reporter/attached.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "conf/mem.h"
#include "reporter/mail_header.h"

struct search {
	struct arena *a;
	attached_fn *fn;
	void *arg;
	struct attached mail;	/* what the header of the mail says */
	unsigned parts;
};

/* One part, or the whole. */
struct part {
	const char *header, *body;
	size_t headerlen, len;
	const char *type, *encoding;
};

static void	search_part(struct search *s, const char *text, size_t len,
		    int depth);

static bool
begins(const char *s, const char *with)
{
	return strncasecmp(s, with, strlen(with)) == 0;
}

static bool
ends(const char *s, const char *with)
{
	size_t len = strlen(s), n = strlen(with);

	return len >= n && strcasecmp(s + len - n, with) == 0;
}

/* The media type without its parameters. */
static bool
is_type(const char *type, const char *name)
{
	return begins(type, name) &&
	    strchr("; \t", type[strlen(name)]) != NULL;
}

/* All that is no letter of base64 is passed over (RFC 2045 section 6.8). */
static void
undo_base64(struct part *p, struct arena *a)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789+/";
	char *in = arena_alloc(a, p->len + 4);
	unsigned char *out = arena_alloc(a, p->len + 4);
	size_t n = 0, pad;
	int len;

	for (size_t i = 0; i < p->len && p->body[i] != '='; i++)
		if (p->body[i] != '\0' && strchr(letters, p->body[i]) != NULL)
			in[n++] = p->body[i];
	n -= n % 4 == 1;		/* six bits are no byte */
	for (pad = 0; n % 4 != 0; pad++)
		in[n++] = '=';
	len = EVP_DecodeBlock(out, (unsigned char *)in, (int)n);
	p->body = (char *)out;
	p->len = len > 0 ? (size_t)len - pad : 0;
	out[p->len] = '\0';
}

static int
hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' :
	    c >= 'A' && c <= 'F' ? c - 'A' + 10 :
	    c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 2045 section 6.7; what is not encoded right stays as it is. */
static void
undo_quoted_printable(struct part *p, struct arena *a)
{
	const char *s = p->body, *end = s + p->len;
	char *out = arena_alloc(a, p->len + 1), *w = out;

	while (s < end) {
		if (*s != '=') {
			*w++ = *s++;
		} else if (end - s > 2 && hex(s[1]) >= 0 && hex(s[2]) >= 0) {
			*w++ = (char)(hex(s[1]) * 16 + hex(s[2]));
			s += 3;
		} else if (end - s > 1 && s[1] == '\n') {
			s += 2;
		} else if (end - s > 2 && s[1] == '\r' && s[2] == '\n') {
			s += 3;
		} else
			*w++ = *s++;
	}
	*w = '\0';
	p->body = out;
	p->len = (size_t)(w - out);
}

static void
undo_encoding(struct part *p, struct arena *a)
{
	if (begins(p->encoding, "base64"))
		undo_base64(p, a);
	else if (begins(p->encoding, "quoted-printable"))
		undo_quoted_printable(p, a);
}

static const char *
field(const struct part *p, const char *name, struct arena *a)
{
	const char *value = mail_header_field(p->header, p->headerlen, name,
	    a);

	return value != NULL ? value : "";
}

static const char *
filename(const struct part *p, struct arena *a)
{
	const char *name = mail_header_param(
	    field(p, "Content-Disposition", a), "filename", a);

	return name != NULL ? name : mail_header_param(p->type, "name", a);
}

/* Senders give them any type; then the name has to do. */
static bool
is_report(const char *type, const char *name)
{
	if (is_type(type, "application/tlsrpt+gzip") ||
	    is_type(type, "application/tlsrpt+json"))
		return true;
	if (name == NULL)
		return is_type(type, "application/gzip") ||
		    is_type(type, "application/x-gzip") ||
		    is_type(type, "application/json");
	return ends(name, ".json") || ends(name, ".json.gz") ||
	    ends(name, ".tlsrpt") || ends(name, ".tlsrpt.gz");
}

/* `Report-ID: <id>`, RFC 8460 section 5.3. */
static const char *
subject_id(const char *subject, struct arena *a)
{
	const char *s = strcasestr(subject, "Report-ID:"), *end;

	if (s == NULL)
		return NULL;
	s += strlen("Report-ID:");
	s += strspn(s, " \t<");
	end = s + strcspn(s, "> \t");
	return end == s ? NULL : arena_strndup(a, s, (size_t)(end - s));
}

/* The innermost mail that says something says it best. */
static void
read_names(struct search *s, const struct part *p)
{
	const char *domain = field(p, "TLS-Report-Domain", s->a);
	const char *submitter = field(p, "TLS-Report-Submitter", s->a);
	const char *id = subject_id(field(p, "Subject", s->a), s->a);

	if (*domain != '\0')
		s->mail.domain = domain;
	if (*submitter != '\0')
		s->mail.submitter = submitter;
	if (id != NULL)
		s->mail.report_id = id;
}

/*
 * The line at s, if it is a delimiter (RFC 2046 section 5.1.1): 1, or 2 for
 * the last one.
 */
static int
delimiter(const char *s, const char *end, const char *boundary)
{
	size_t len = strlen(boundary);
	int kind = 1;

	if ((size_t)(end - s) < len + 2 || s[0] != '-' || s[1] != '-' ||
	    memcmp(s + 2, boundary, len) != 0)
		return 0;
	s += len + 2;
	if (end - s >= 2 && s[0] == '-' && s[1] == '-') {
		kind = 2;
		s += 2;
	}
	while (s < end && (*s == ' ' || *s == '\t' || *s == '\r'))
		s++;
	return s == end || *s == '\n' ? kind : 0;
}

static void
search_multipart(struct search *s, const struct part *p, int depth)
{
	const char *boundary = mail_header_param(p->type, "boundary", s->a);
	const char *end = p->body + p->len, *begin = NULL, *next;
	int kind = 0;

	if (boundary == NULL)
		return;
	for (const char *at = p->body; at < end && kind != 2; at = next) {
		next = memchr(at, '\n', (size_t)(end - at));
		next = next == NULL ? end : next + 1;
		if ((kind = delimiter(at, end, boundary)) == 0)
			continue;
		if (begin != NULL)
			search_part(s, begin, (size_t)(at - begin), depth + 1);
		begin = next;
	}
	if (begin != NULL && kind != 2)
		search_part(s, begin, (size_t)(end - begin), depth + 1);
}

static void
search_part(struct search *s, const char *text, size_t len, int depth)
{
	struct part p = { .header = text };
	struct attached found;
	const char *name;

	if (depth > ATTACHED_DEPTH_MAX || s->parts++ >= ATTACHED_PARTS_MAX)
		return;
	p.headerlen = mail_header_length(text, len);
	p.body = text + p.headerlen;
	p.len = len - p.headerlen;
	p.type = field(&p, "Content-Type", s->a);
	p.encoding = field(&p, "Content-Transfer-Encoding", s->a);
	name = filename(&p, s->a);
	read_names(s, &p);
	if (begins(p.type, "multipart/")) {
		search_multipart(s, &p, depth);
	} else if (is_type(p.type, "message/rfc822")) {
		undo_encoding(&p, s->a);
		search_part(s, p.body, p.len, depth + 1);
	} else if (is_report(p.type, name)) {
		undo_encoding(&p, s->a);
		found = s->mail;
		found.filename = name;
		found.data = p.body;
		found.len = p.len;
		s->fn(s->arg, &found);
	}
}

void
attached_find(const char *message, size_t len, struct arena *a,
    attached_fn *fn, void *arg)
{
	struct search s = { .a = a, .fn = fn, .arg = arg };

	search_part(&s, message, len, 0);
}

/* An mbox, or a spool of an MTA, has a line of its own in front. */
bool
attached_is_mail(const char *text, size_t len)
{
	size_t n = 0;

	if (len >= 5 && memcmp(text, "From ", 5) == 0)
		return true;
	while (n < len && (isalnum((unsigned char)text[n]) || text[n] == '-'))
		n++;
	return n > 0 && n < len && text[n] == ':';
}
