#include "reporter/summary.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/share.h"
#include "spool/day.h"
#include "spool/record.h"

#define COLUMNS		76
#define POLICIES_SHOWN	20
#define DETAILS_SHOWN	10

/* Columns where continued lines and the text after a count begin. */
#define LABEL_INDENT	13
#define DETAIL_INDENT	13

static const struct name_code policy_words[] = {
	{ "DANE (TLSA records)", POLICY_TLSA },
	{ "MTA-STS", POLICY_STS },
	{ "No policy (TLS if offered)", POLICY_NONE },
	{ NULL, 0 }
};

static const struct name_code result_words[] = {
	{ "STARTTLS was not offered or not accepted", STARTTLS_NOT_SUPPORTED },
	{ "the certificate is for another name", CERTIFICATE_HOST_MISMATCH },
	{ "the certificate is not trusted", CERTIFICATE_NOT_TRUSTED },
	{ "the certificate has expired", CERTIFICATE_EXPIRED },
	{ "TLS or its validation failed", VALIDATION_FAILURE },
	{ "the MTA-STS policy could not be fetched", STS_POLICY_FETCH_ERROR },
	{ "the MTA-STS policy is not valid", STS_POLICY_INVALID },
	{ "the MTA-STS policy host's certificate is not valid",
	    STS_WEBPKI_INVALID },
	{ "none of the TLSA records is usable", TLSA_INVALID },
	{ "DNSSEC validation failed", DNSSEC_INVALID },
	{ "DANE is required but there are no valid TLSA records",
	    DANE_REQUIRED },
	{ NULL, 0 }
};

/* Controls too: what peers sent must not begin lines of its own. */
static bool
is_blank(char c)
{
	return (c > 0 && c <= ' ') || c == 0x7f;
}

/* One blank between words, none around them. */
static void
squeeze(char *text)
{
	char *w = text;

	for (const char *s = text; *s != '\0'; s++)
		if (!is_blank(*s))
			*w++ = *s;
		else if (w > text && w[-1] != ' ')
			*w++ = ' ';
	if (w > text && w[-1] == ' ')
		w--;
	*w = '\0';
}

/*
 * Write squeezed text to lines of COLUMNS, the first of which already has
 * `column`, the others begin at `indent`.
 */
static void
wrap(FILE *f, const char *text, size_t column, size_t indent)
{
	const char *blank = NULL;	/* the last one on this line … */
	size_t behind = 0;		/* … and the column behind it */

	for (const char *s = text; *s != '\0'; s++) {
		column += ((unsigned char)*s & 0xc0) != 0x80;
		if (*s == ' ') {
			blank = s;
			behind = column;
		}
		if (column <= COLUMNS || blank == NULL)
			continue;
		fwrite(text, 1, (size_t)(blank - text), f);
		fprintf(f, "\n%*s", (int)indent, "");
		text = blank + 1;
		column = indent + column - behind;
		blank = NULL;
	}
	fputs(text, f);
	putc('\n', f);
}

/* A paragraph: the first line begins with prefix, the others at indent. */
static void __attribute__((format(printf, 4, 5)))
paragraph(FILE *f, const char *prefix, size_t indent, const char *format, ...)
{
	char *text;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&text, format, ap) == -1)
		fatal("out of memory");
	va_end(ap);
	fputs(prefix, f);
	squeeze(text);
	wrap(f, text, strlen(prefix), indent);
	free(text);
}

/* Lint sees to it that all is there; this need not rely on it. */
static const char *
text_or_none(const char *text)
{
	return text != NULL ? text : "?";
}

static void
counts(FILE *f, const char *prefix, uint64_t successful, uint64_t failed)
{
	unsigned tenths = share_tenths(successful, successful + failed);

	fprintf(f, "%s%llu successful, %llu failed", prefix,
	    (unsigned long long)successful, (unsigned long long)failed);
	if (successful + failed > 0)
		fprintf(f, " (%u.%u %% successful)", tenths / 10, tenths % 10);
	putc('\n', f);
}

/* RFC 8460's name in words; what it does not know has none but itself. */
static const char *
words_for(const struct name_code *words, const struct name_code *names,
    const char *name)
{
	const char *text = NULL;

	if (name != NULL)
		text = name_of(words, code_of(names, name));
	return text != NULL ? text : text_or_none(name);
}

static void
detail(FILE *f, const struct reading_detail *d)
{
	char count[32];
	const char *server = d->mx_hostname ? d->mx_hostname : d->mx_helo;

	fmt(count, sizeof(count), "%11llu  ", (unsigned long long)d->n);
	paragraph(f, count, DETAIL_INDENT, "%s (%s)",
	    words_for(result_words, result_types, d->result),
	    text_or_none(d->result));
	if (server != NULL || d->receiving_ip != NULL)
		paragraph(f, "             ", DETAIL_INDENT, "at %s%s%s%s",
		    server ? server : "",
		    server && d->receiving_ip ? " [" : "",
		    d->receiving_ip ? d->receiving_ip : "",
		    server && d->receiving_ip ? "]" : "");
	if (d->reason != NULL)
		paragraph(f, "             ", DETAIL_INDENT, "reason: %s",
		    d->reason);
}

static void
policy(FILE *f, const struct reading_policy *p)
{
	size_t shown = p->ndetails < DETAILS_SHOWN ? p->ndetails :
	    DETAILS_SHOWN;

	putc('\n', f);
	paragraph(f, "", 4, "%s for %s",
	    words_for(policy_words, policy_types, p->type),
	    text_or_none(p->domain));
	counts(f, "  ", p->successful, p->failed);
	if (shown > 0)
		fputs("  Failures:\n", f);
	for (size_t i = 0; i < shown; i++)
		detail(f, &p->details[i]);
	if (p->ndetails > shown)
		fprintf(f, "             and %zu more, see the attachment\n",
		    p->ndetails - shown);
}

static void
head(FILE *f, const struct summary *s)
{
	char text[DAY_TEXT];

	paragraph(f, "", 0, "This is a report on TLS connections to the mail "
	    "servers of %s, as seen by %s.", s->domain, s->organization);
	if (s->part > 1)
		paragraph(f, "", 0, "These figures came in late: what an "
		    "earlier report said of the same day, they add to.");
	putc('\n', f);
	paragraph(f, "Reporter:    ", LABEL_INDENT, "%s (%s)",
	    s->organization, s->submitter);
	paragraph(f, "Contact:     ", LABEL_INDENT, "%s", s->contact);
	paragraph(f, "Domain:      ", LABEL_INDENT, "%s", s->domain);
	paragraph(f, "Period:      ", LABEL_INDENT,
	    "%s 00:00:00 to 23:59:59 UTC", day_format(s->day, text));
	counts(f, "Sessions:    ", s->successful, s->failed);
}

static void
foot(FILE *f, const struct summary *s)
{
	putc('\n', f);
	fputs("The attachment holds the same figures in full, for programs to "
	    "read: JSON as\nRFC 8460 defines it, packed with gzip.\n", f);
	putc('\n', f);
	paragraph(f, "", 0, "You get this report because of the DNS record "
	    "_smtp._tls.%s, which asks for it. Questions about it are welcome "
	    "at %s.", s->domain, s->contact);
}

char *
summary_text(const struct summary *s)
{
	char *text;
	size_t len;
	FILE *f = xmemstream(&text, &len);

	head(f, s);
	fputs(s->figures, f);
	foot(f, s);
	xmemclose(f);
	return text;
}

char *
summary_figures(const struct reading *r)
{
	size_t shown = r->npolicies < POLICIES_SHOWN ? r->npolicies :
	    POLICIES_SHOWN;
	char *text;
	size_t len;
	FILE *f = xmemstream(&text, &len);

	for (size_t i = 0; i < shown; i++)
		policy(f, &r->policies[i]);
	if (r->npolicies > shown)
		fprintf(f, "\nAnd %zu more policies, see the attachment.\n",
		    r->npolicies - shown);
	xmemclose(f);
	return text;
}

char *
summary_figures_of(json_t *tree, struct summary *s)
{
	static const struct lint_names none;
	struct arena a = { 0 };
	struct reading r;
	char *text;

	reading_take(&r, json_incref(tree), &none, &a);
	text = summary_figures(&r);
	if (s != NULL) {
		s->successful = r.successful;
		s->failed = r.failed;
	}
	reading_release(&r);
	arena_release(&a);
	return text;
}
