#include "reporter/mime.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/header.h"
#include "spool/utf8.h"

#define B64_LINE	57	/* bytes for 76 columns (RFC 2045) */
#define WORD_BYTES	42	/* encoded: in 76 columns (RFC 2047) */
#define QP_COLUMNS	76
#define PLAIN_WORD_MAX	70	/* longer ones are cut, by encoding them */
#define ID_BYTES	16

/* base64 of at most WORD_BYTES or B64_LINE bytes. */
static void
put_base64(FILE *f, const void *in, size_t len)
{
	unsigned char out[B64_LINE / 3 * 4 + 1];
	int n = EVP_EncodeBlock(out, in, (int)len);

	fwrite(out, 1, (size_t)n, f);
}

static int
is_control(const char *s)
{
	unsigned char c = (unsigned char)s[0];

	return c < ' ' || c == 0x7f ||
	    (c == 0xc2 && (unsigned char)s[1] < 0xa0);
}

/*
 * The organisation as one line of UTF-8: controls and what is not UTF-8
 * count as blanks, of several blanks one is left, at the ends none.
 */
static char *
clean_name(const char *s)
{
	char *name = xmalloc(strlen(s) + 1), *out = name;
	size_t len;
	int blank = 0;

	for (; *s != '\0'; s += len) {
		if ((len = utf8_character(s)) == 0 || is_control(s) || *s == ' ') {
			len = len == 0 ? 1 : len;
			blank = out > name;
			continue;
		}
		if (blank)
			*out++ = ' ';
		blank = 0;
		memcpy(out, s, len);
		out += len;
	}
	*out = '\0';
	return name;
}

/* Is it a phrase of atoms (RFC 5322 section 3.2.3), no word too long? */
static int
is_phrase(const char *name)
{
	static const char atext[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-/=?^_`{|}~";
	size_t len;

	for (; *name != '\0'; name += len + (name[len] == ' ')) {
		len = strspn(name, atext);
		if ((name[len] != '\0' && name[len] != ' ') ||
		    len > PLAIN_WORD_MAX || strncmp(name, "=?", 2) == 0)
			return 0;
	}
	return 1;
}

/*
 * Can it be quoted?  Only on one line: some readers lose their way in a
 * quoted string that is folded, or decode what looks encoded in it.
 */
static int
is_quotable(const char *name)
{
	size_t columns = strlen("From: \"\"");

	for (; *name != '\0'; name++) {
		if ((unsigned char)*name > '~' || strncmp(name, "=?", 2) == 0)
			return 0;
		columns += *name == '"' || *name == '\\' ? 2 : 1;
	}
	return columns <= HEADER_COLUMNS;
}

static void
put_quoted(FILE *f, const char *name)
{
	putc('"', f);
	for (; *name != '\0'; name++) {
		if (*name == '"' || *name == '\\')
			putc('\\', f);
		putc(*name, f);
	}
	putc('"', f);
}

/* RFC 2047 section 2: short encoded-words, no character cut in two. */
static void
put_encoded(FILE *f, const char *name)
{
	size_t n;

	for (; *name != '\0'; name += n) {
		for (n = 0; name[n] != '\0' &&
		    n + utf8_character(name + n) <= WORD_BYTES;)
			n += utf8_character(name + n);
		fputs("=?UTF-8?B?", f);
		put_base64(f, name, n);
		fputs(name[n] != '\0' ? "?= " : "?=", f);
	}
}

static void __attribute__((format(printf, 3, 4)))
write_field(FILE *f, const char *name, const char *format, ...)
{
	char *value;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&value, format, ap) == -1)
		fatal("vasprintf: %m");
	va_end(ap);
	header_write(f, name, value);
	free(value);
}

/* As it stands in front of the address; the caller frees it. */
static char *
display_name(const char *organization)
{
	char *name = clean_name(organization), *shown;
	size_t len;
	FILE *f;

	if (is_phrase(name))
		return name;
	f = xmemstream(&shown, &len);
	if (is_quotable(name))
		put_quoted(f, name);
	else
		put_encoded(f, name);
	xmemclose(f);
	free(name);
	return shown;
}

static void
write_from(FILE *f, const char *organization, const char *from)
{
	char *name = display_name(organization);

	if (*name == '\0')
		header_write(f, "From", from);
	else
		write_field(f, "From", "%s <%s>", name, from);
	free(name);
}

/* RFC 5322 section 3.3, in UTC and in English whatever the locale. */
static void
write_date(FILE *f, int64_t date)
{
	static const char day[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu",
	    "Fri", "Sat" };
	static const char month[12][4] = { "Jan", "Feb", "Mar", "Apr", "May",
	    "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	time_t t = (time_t)date;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL)
		fatal("no date at %" PRId64 " seconds", date);
	write_field(f, "Date", "%s, %02d %s %04d %02d:%02d:%02d +0000",
	    day[tm.tm_wday], tm.tm_mday, month[tm.tm_mon], tm.tm_year + 1900,
	    tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/*
 * A name for this report to this recipient that is the same whenever it is
 * asked for: a repeat is recognised by its Message-ID.
 */
static void
message_id(char id[2 * ID_BYTES + 1], const struct mime_report *m)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char digest[EVP_MAX_MD_SIZE];
	char *text = xasprintf("%s %s", m->report_id, m->to);
	int i;

	if (EVP_Digest(text, strlen(text), digest, NULL, EVP_sha256(),
	    NULL) != 1)
		fatal("OpenSSL has no SHA-256");
	for (i = 0; i < ID_BYTES; i++) {
		id[2 * i] = hex[digest[i] >> 4];
		id[2 * i + 1] = hex[digest[i] & 15];
	}
	id[2 * i] = '\0';
	free(text);
}

static void
write_header(FILE *f, const struct mime_report *m, const char *id,
    const char *boundary)
{
	write_from(f, m->organization, m->from);
	header_write(f, "To", m->to);
	/* RFC 8460 section 5.3: these words, in this order */
	write_field(f, "Subject", "Report Domain: %s Submitter: %s "
	    "Report-ID: <%s>", m->domain, m->submitter, m->report_id);
	write_date(f, m->date);
	write_field(f, "Message-ID", "<%s@%s>", id, m->submitter);
	header_write(f, "MIME-Version", "1.0");
	write_field(f, "Content-Type", "multipart/report; "
	    "report-type=\"tlsrpt\"; boundary=\"%s\"", boundary);
	header_write(f, "TLS-Report-Domain", m->domain);
	header_write(f, "TLS-Report-Submitter", m->submitter);
	/* RFC 8689 section 5: the news of broken TLS must not wait for TLS */
	header_write(f, "TLS-Required", "No");
	/* RFC 3834 section 5: no answers by machines, please */
	header_write(f, "Auto-Submitted", "auto-generated");
	fputs("\r\n", f);
}

/*
 * Can this line go as it is?  Relays change blanks at the end and "From " at
 * the beginning, a lone dot tempts fate.
 */
static int
line_is_plain(const char *s, size_t len)
{
	size_t i;

	if (len > HEADER_COLUMNS || (len > 0 && s[len - 1] == ' ') ||
	    (len > 0 && s[0] == '.') ||
	    (len >= 5 && strncmp(s, "From ", 5) == 0))
		return 0;
	for (i = 0; i < len; i++)
		if (s[i] < ' ' || s[i] > '~')
			return 0;
	return 1;
}

/* "=_" is what the boundary starts with. */
static int
text_is_plain(const char *s)
{
	size_t len;

	if (strstr(s, "=_") != NULL)
		return 0;
	for (; *s != '\0'; s += len + (s[len] == '\n')) {
		len = (size_t)(strchrnul(s, '\n') - s);
		if (!line_is_plain(s, len))
			return 0;
	}
	return 1;
}

static int
is_ascii(const char *s)
{
	while (*s != '\0' && (unsigned char)*s < 0x80)
		s++;
	return *s == '\0';
}

/* Does character i of the line stand for itself? */
static int
qp_literal(const char *s, size_t i, size_t len, size_t column)
{
	if (s[i] < ' ' || s[i] > '~' || s[i] == '=')
		return 0;
	if (s[i] == ' ' && i + 1 == len)
		return 0;
	return column > 0 || (s[i] != '.' && strncmp(s + i, "From ", 5) != 0);
}

/* One line as quoted-printable (RFC 2045 section 6.7), without its end. */
static void
put_qp_line(FILE *f, const char *s, size_t len)
{
	size_t i, column = 0, width;

	for (i = 0; i < len; i++) {
		width = qp_literal(s, i, len, column) ? 1 : 3;
		/* the last column is for the = of a soft line end */
		if (column + width > QP_COLUMNS - 1) {
			fputs("=\r\n", f);
			column = 0;
		}
		if (qp_literal(s, i, len, column)) {
			putc(s[i], f);
			column += 1;
		} else {
			fprintf(f, "=%02X", (unsigned char)s[i]);
			column += 3;
		}
	}
}

static void
write_text(FILE *f, const char *s)
{
	int plain = text_is_plain(s);
	size_t len;

	header_write(f, "Content-Type", plain || is_ascii(s) ?
	    "text/plain; charset=us-ascii" : "text/plain; charset=utf-8");
	header_write(f, "Content-Transfer-Encoding",
	    plain ? "7bit" : "quoted-printable");
	fputs("\r\n", f);
	for (; *s != '\0'; s += len + (s[len] == '\n')) {
		len = (size_t)(strchrnul(s, '\n') - s);
		if (plain)
			fwrite(s, 1, len, f);
		else
			put_qp_line(f, s, len);
		fputs("\r\n", f);
	}
}

/*
 * Receivers find the report by its type, its name or its disposition, and
 * some take the name from one place only: say all of it.  A long name is not
 * split as RFC 2231 would have it, which too many cannot read.
 */
static void
write_report(FILE *f, const struct mime_report *m)
{
	const char *p = m->body;
	size_t left, n;

	write_field(f, "Content-Type", "application/tlsrpt+gzip; "
	    "name=\"%s.json.gz\"", m->filename);
	header_write(f, "Content-Transfer-Encoding", "base64");
	write_field(f, "Content-Disposition", "attachment; "
	    "filename=\"%s.json.gz\"", m->filename);
	fputs("\r\n", f);
	for (left = m->len; left > 0; p += n, left -= n) {
		n = left < B64_LINE ? left : B64_LINE;
		put_base64(f, p, n);
		fputs("\r\n", f);
	}
}

/*
 * The boundary starts with "=_": neither base64 nor quoted-printable can
 * contain that, and text_is_plain turns away plain text that does.  The line
 * end before it belongs to it (RFC 2046 section 5.1.1).
 */
static void
write_message(FILE *f, const struct mime_report *m)
{
	char id[2 * ID_BYTES + 1], boundary[sizeof(id) + 10];

	message_id(id, m);
	snprintf(boundary, sizeof(boundary), "=_tlsrpt_%s", id);
	write_header(f, m, id, boundary);
	fprintf(f, "--%s\r\n", boundary);
	write_text(f, m->summary);
	fprintf(f, "\r\n--%s\r\n", boundary);
	write_report(f, m);
	fprintf(f, "\r\n--%s--\r\n", boundary);
}

char *
mime_message(const struct mime_report *m, const struct dkim *d, size_t *len,
    char **why)
{
	char *message, *signature, *whole;
	size_t n;
	FILE *f = xmemstream(&message, len);

	*why = NULL;
	write_message(f, m);
	xmemclose(f);
	if (d == NULL)
		return message;
	if ((signature = dkim_sign(d, message, *len, m->date, why)) == NULL) {
		free(message);
		return NULL;
	}
	n = strlen(signature);
	whole = xreallocarray(signature, n + *len + 1, 1);
	memcpy(whole + n, message, *len + 1);
	*len += n;
	free(message);
	return whole;
}
