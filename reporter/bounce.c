#include "reporter/bounce.h"

#include <ctype.h>
#include <regex.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/suppress.h"

/* An enhanced code (RFC 3463) that is no part of an address, or a reply. */
#define PERMANENT_TEXT	"(^|[[:space:]#(:;,\"'[])" \
	"(5\\.[0-9]{1,3}\\.[0-9]{1,3}([^0-9.]|\\.[^0-9]|\\.?$)|55[0-4][ -])"

#define DRAIN_MAX	(64L << 20)	/* bytes read and thrown away */

struct reading {
	struct bounce *b;
	const struct sender *sender;
	FILE *in;
	size_t left;			/* bytes that still count */
	char line[BOUNCE_LINE];		/* unfolded */
	regex_t permanent;
	enum { HEADER, TEXT, STATUS, END } where;
	bool daemon;			/* From a mailer daemon */
	bool delay;			/* Subject says it is only late */
	bool quoted;			/* the text has come to our mail */
	bool notified;			/* there is a delivery status */
	char action, class;		/* of one recipient; 0: not told */
	char status[16], diagnostic[128];
};

/* The rest of a line, as far as it fits behind len. */
static size_t
read_rest(struct reading *r, size_t len)
{
	int c;

	while (r->left > 0 && (c = getc(r->in)) != EOF) {
		r->left--;
		if (c == '\n')
			break;
		if (len + 1 < sizeof(r->line) && c != '\r')
			r->line[len++] = c != '\0' ? (char)c : ' ';
	}
	r->line[len] = '\0';
	return len;
}

/* A line with its continuations; false at the end. */
static bool
next_line(struct reading *r)
{
	size_t len;
	int c;

	if (r->left == 0 || (c = getc(r->in)) == EOF)
		return false;
	ungetc(c, r->in);
	len = read_rest(r, 0);
	while (len > 0 && r->left > 0) {
		c = getc(r->in);
		if (c != EOF)
			ungetc(c, r->in);
		if (c != ' ' && c != '\t')
			break;
		len = read_rest(r, len);
	}
	return true;
}

/* The value of the line if it is this field, else NULL. */
static const char *
field(const char *line, const char *name)
{
	size_t len = strlen(name);

	if (strncasecmp(line, name, len) != 0 || line[len] != ':')
		return NULL;
	line += len + 1;
	return line + strspn(line, " \t");
}

static void
add_hashes(struct reading *r, const char *text)
{
	struct bounce *b = r->b;

	while (b->n < BOUNCE_HASHES &&
	    (text = sender_find(r->sender, text, b->hash[b->n])) != NULL)
		b->n++;
}

/* Where an address of ours may stand that the message was sent to. */
static bool
names_recipient(const char *line)
{
	static const char *const names[] = { "To", "Delivered-To",
	    "X-Original-To", "Envelope-To", "X-Envelope-To", "Final-Recipient",
	    "Original-Recipient" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (field(line, names[i]) != NULL)
			return true;
	return false;
}

static void
in_header(struct reading *r)
{
	const char *value;

	if (r->line[0] == '\0')
		r->where = TEXT;
	else if (names_recipient(r->line))
		add_hashes(r, r->line);
	else if ((value = field(r->line, "From")) != NULL)
		r->daemon = strcasestr(value, "mailer-daemon") != NULL ||
		    strcasestr(value, "postmaster") != NULL;
	else if ((value = field(r->line, "Subject")) != NULL)
		r->delay = strcasestr(value, "delay") != NULL ||
		    strcasestr(value, "warning") != NULL;
}

/* For a log and a database: words of printable ASCII, a blank between them. */
static void
copy_text(char *to, size_t size, const char *text)
{
	size_t n = 0;

	for (; *text != '\0' && n + 1 < size; text++)
		if (*text > ' ' && *text < 0x7f)
			to[n++] = *text;
		else if (n > 0 && to[n - 1] != ' ')
			to[n++] = ' ';
	to[n] = '\0';
	if (n > 0 && to[n - 1] == ' ')
		to[n - 1] = '\0';
}

static void
permanent(struct reading *r, const char *reason)
{
	r->b->verdict = BOUNCE_PERMANENT;
	if (r->b->reason[0] == '\0')
		copy_text(r->b->reason, sizeof(r->b->reason), reason);
}

/* "5.1.1", or at least "smtp; 550 …". */
static char
class_of(const struct reading *r)
{
	const char *reply = strchr(r->diagnostic, ';');

	if (r->class != '\0' || reply == NULL)
		return r->class;
	return reply[1 + strspn(reply + 1, " ")];
}

/* The fields about one recipient, or about the message, have ended. */
static void
end_recipient(struct reading *r)
{
	char text[sizeof(r->status) + sizeof(r->diagnostic) + 1];

	if (r->action == 'f' && class_of(r) == '5') {
		fmt(text, sizeof(text), "%s%s%s", r->status,
		    r->diagnostic[0] != '\0' ? " " : "", r->diagnostic);
		permanent(r, text);
	} else if (r->action != 0 && r->b->verdict == BOUNCE_NONE)
		r->b->verdict = BOUNCE_TEMPORARY;
	r->action = r->class = '\0';
	r->status[0] = r->diagnostic[0] = '\0';
}

static void
in_status(struct reading *r)
{
	const char *value;

	if (r->line[0] == '\0' || strncmp(r->line, "--", 2) == 0)
		end_recipient(r);
	if (strncmp(r->line, "--", 2) == 0)
		r->where = END;
	else if (names_recipient(r->line))
		add_hashes(r, r->line);
	else if ((value = field(r->line, "Action")) != NULL)
		r->action = (char)tolower((unsigned char)*value);
	else if ((value = field(r->line, "Status")) != NULL) {
		r->class = value[0] != '\0' && value[1] == '.' ? value[0] : 0;
		fmt(r->status, sizeof(r->status), "%.*s",
		    (int)strspn(value, "0123456789."), value);
	} else if ((value = field(r->line, "Diagnostic-Code")) != NULL)
		copy_text(r->diagnostic, sizeof(r->diagnostic), value);
}

/* Does what is quoted of our mail begin here? */
static bool
is_quoted(const char *line)
{
	return field(line, "Return-Path") != NULL ||
	    field(line, "Received") != NULL ||
	    field(line, "Message-ID") != NULL ||
	    field(line, "TLS-Report-Domain") != NULL;
}

static bool
begins_status(const char *line)
{
	const char *type = field(line, "Content-Type");

	return type != NULL && (
	    strncasecmp(type, "message/delivery-status", 23) == 0 ||
	    strncasecmp(type, "message/global-delivery-status", 30) == 0);
}

static void
in_text(struct reading *r)
{
	if (begins_status(r->line)) {	/* which alone decides */
		r->notified = true;
		r->b->verdict = BOUNCE_NONE;
		r->b->reason[0] = '\0';
		r->where = STATUS;
	} else if (is_quoted(r->line))
		r->quoted = true;
	else if (r->daemon && !r->delay && !r->quoted &&
	    regexec(&r->permanent, r->line, 0, NULL, 0) == 0)
		permanent(r, r->line);
}

void
bounce_read(struct bounce *b, const struct sender *s, FILE *in)
{
	struct reading *r = xcalloc(1, sizeof(*r));

	memset(b, 0, sizeof(*b));
	r->b = b;
	r->sender = s;
	r->in = in;
	r->left = BOUNCE_MAX;
	if (regcomp(&r->permanent, PERMANENT_TEXT,
	    REG_EXTENDED | REG_NOSUB) != 0)
		fatal("a regular expression of ours is wrong");
	while (r->where != END && next_line(r))
		if (r->where == HEADER)
			in_header(r);
		else if (r->where == TEXT)
			in_text(r);
		else
			in_status(r);
	if (r->where == STATUS)
		end_recipient(r);
	if (r->daemon && r->delay && !r->notified)
		b->verdict = BOUNCE_TEMPORARY;
	regfree(&r->permanent);
	free(r);
}

/* An MTA may take it amiss when what it pipes in is not read. */
static void
drain(FILE *in)
{
	long n = 0;

	while (getc(in) != EOF && n++ < DRAIN_MAX)
		;
}

static void
log_bounce(const char *destination, const char *outcome, const char *reason)
{
	log_event(LOG_LEVEL_INFO, "bounce", (const struct log_field[]){
	    { "to", destination }, { "outcome", outcome },
	    { "reason", reason[0] != '\0' ? reason : NULL }, { NULL, NULL } });
}

static int
suppress(const struct conf *c, struct queue *q, const char *destination,
    const char *reason, int64_t now)
{
	char *why = xasprintf("it bounced: %s", reason);
	const struct suppression s = {
		.destination = destination, .since = now,
		.until = now + c->deliver.suppress_for, .reason = why,
	};
	int rc = suppress_add(q, &s);

	if (rc == 0)
		log_bounce(destination, "suppressed", reason);
	free(why);
	return rc;
}

/* 1 when it was found and dealt with, 0 when not, -1. */
static int
take_hash(const struct conf *c, struct queue *q, const struct sender *s,
    const struct bounce *b, const char *hash, int64_t now)
{
	char *destination;
	int rc;

	if ((rc = sender_whose(s, q, hash, &destination)) != 1)
		return rc;
	if (b->verdict == BOUNCE_PERMANENT)
		rc = suppress(c, q, destination, b->reason, now);
	else
		log_bounce(destination, b->verdict == BOUNCE_TEMPORARY ?
		    "temporary, passed over" : "no bounce, passed over", "");
	free(destination);
	return rc == -1 ? -1 : 1;
}

int
bounce_take(const struct conf *c, struct queue *q, FILE *in, int64_t now)
{
	struct sender s;
	struct bounce b;
	int rc = 0;

	if (sender_init(&s, q, c->mail.envelope_from) == -1)
		return -1;
	bounce_read(&b, &s, in);
	drain(in);
	for (size_t i = 0; i < b.n && rc == 0; i++)
		rc = take_hash(c, q, &s, &b, b.hash[i], now);
	if (rc == 0)
		log_event(LOG_LEVEL_INFO, "bounce", (const struct log_field[]){
		    { "outcome", "unknown, passed over" },
		    { "reason", b.n == 0 ? "it is not to one of our envelope "
			"senders" : "its hash is not one of ours" },
		    { NULL, NULL } });
	return rc == -1 ? -1 : 0;
}
