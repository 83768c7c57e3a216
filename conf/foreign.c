#include "conf/foreign.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/conf.h"
#include "conf/foreign_table.h"
#include "conf/inifile.h"
#include "conf/log.h"
#include "conf/mem.h"

/* Of a foreign line this much is repeated in a comment. */
#define SHOWN_MAX	100

/* A line of ours: a setting, or with value NULL a comment in its place. */
struct line {
	const char *section, *key;	/* NULL: has no place */
	char *from;			/* what it is made of, or NULL */
	char *value;
	const char *note, *note2;
};

struct foreign {
	struct inifile in;
	struct line *lines;
	size_t nlines;
	/* The setting in hand, which may go on in the next line. */
	const struct foreign_row *row;
	char *value;
	int line;
	bool cut;
	char *seen[FOREIGN_ROWS];	/* FILE:LINE */
};

bool
foreign_row(size_t i, const char **section, const char **key)
{
	if (i >= FOREIGN_ROWS)
		return false;
	*section = foreign_rows[i].section;
	*key = foreign_rows[i].key;
	return true;
}

/* Of the setting in hand. */
static void
complain(struct foreign *f, const char *reason)
{
	const int line = f->in.line;

	f->in.line = f->line;
	inifile_complain(&f->in, f->row->key, reason);
	f->in.line = line;
}

static void
refuse(struct foreign *f, const struct value_rule *rule, const char *why)
{
	char *text;
	size_t len;
	FILE *m = xmemstream(&text, &len);

	fprintf(m, "\"%s\" is %s, allowed: ", f->value, why);
	value_allowed(rule, m);
	xmemclose(m);
	complain(f, text);
	free(text);
}

static struct line *
add_line(struct foreign *f, const char *section, const char *key)
{
	struct line *l;

	f->lines = xreallocarray(f->lines, f->nlines + 1, sizeof(*l));
	l = &f->lines[f->nlines++];
	*l = (struct line){ .section = section, .key = key };
	return l;
}

/* "FILE:LINE: [SECTION] KEY = VALUE", cut and escaped. */
static char *
shown(const struct foreign *f)
{
	char *text = log_escape(f->value), *from;

	from = xasprintf("%s: [%s] %s = %.*s%s",
	    f->seen[f->row - foreign_rows], f->row->section, f->row->key,
	    SHOWN_MAX, text, strlen(text) > SHOWN_MAX ? "..." : "");
	free(text);
	return from;
}

/* Python's interpolation: %% is %. */
static void
percent(char *from)
{
	char *to = from;

	while (*from != '\0') {
		from += from[0] == '%' && from[1] == '%';
		*to++ = *from++;
	}
	*to = '\0';
}

/* What keeps the value from being what its program reads; NULL: nothing. */
static const char *
unreadable(const struct foreign *f)
{
	if (*f->value == '\0')
		return "has no value";
	if (f->row->convert == NULL)
		return NULL;
	if (f->cut)
		return "too long, or cut by a ; after a blank: allowed are "
		    "198 bytes without that";
	if (strstr(f->value, "%(") != NULL)
		return "%(NAME)s is not followed: put what it stands for";
	return NULL;
}

static void
convert(struct foreign *f, struct line *l)
{
	const struct foreign_row *r = f->row;
	const struct value_rule *rule = conf_rule(r->our_section, r->our_key);
	const char *why = NULL;

	percent(f->value);
	l->value = r->convert(rule, f->value, &l->note2, &why);
	if (why != NULL)
		refuse(f, rule, why);
}

/* The setting in hand has all its lines. */
static void
finish_setting(struct foreign *f)
{
	const struct foreign_row *r = f->row;
	const char *why;
	struct line *l;

	if (r == NULL)
		return;
	if ((why = unreadable(f)) != NULL) {
		complain(f, why);
	} else {
		l = add_line(f, r->our_section, r->our_key);
		l->from = shown(f);
		l->note = r->note;
		if (r->convert != NULL)
			convert(f, l);
	}
	f->row = NULL;
}

static const struct foreign_row *
find(const char *section, const char *key)
{
	for (size_t i = 0; i < FOREIGN_ROWS; i++)
		if (strcmp(foreign_rows[i].section, section) == 0 &&
		    strcasecmp(foreign_rows[i].key, key) == 0)
			return &foreign_rows[i];
	return NULL;
}

static void
unknown(struct foreign *f, const char *section, const char *key)
{
	bool known = false;
	char *reason;

	for (size_t i = 0; i < FOREIGN_ROWS; i++)
		if (strcmp(foreign_rows[i].section, section) == 0)
			known = true;
	reason = known ?
	    xasprintf("tlsrpt-reporter has no such setting in [%s]", section) :
	    xasprintf("no such section [%s], allowed: " COLLECTD ", " FETCHER
	    ", " REPORTD, section);
	inifile_complain(&f->in, key, reason);
	free(reason);
}

static int
on_setting(void *arg, const char *section, const char *key, const char *value)
{
	struct foreign *f = arg;
	const struct foreign_row *r = find(section, key);
	char *text;

	if (f->in.continued) {
		if (f->row == NULL)
			return 1;
		text = xasprintf("%s%s%s", f->value,
		    *f->value != '\0' ? " " : "", value);
		free(f->value);
		f->value = text;
		f->cut |= f->in.cut;
		return 1;
	}
	finish_setting(f);
	if (r == NULL) {
		unknown(f, section, key);
		return 1;
	}
	if (f->seen[r - foreign_rows] != NULL) {
		text = xasprintf("is already set in %s", f->seen[r - foreign_rows]);
		inifile_complain(&f->in, key, text);
		free(text);
		return 1;
	}
	f->seen[r - foreign_rows] = xasprintf("%s:%d", f->in.file, f->in.line);
	free(f->value);
	f->value = xstrdup(value);
	f->line = f->in.line;
	f->cut = f->in.cut;
	f->row = r;
	return 1;
}

static struct line *
line_of(const struct foreign *f, const char *section, const char *key)
{
	for (size_t i = 0; i < f->nlines; i++)
		if (f->lines[i].value != NULL &&
		    strcmp(f->lines[i].section, section) == 0 &&
		    strcmp(f->lines[i].key, key) == 0)
			return &f->lines[i];
	return NULL;
}

static void
leave_out(struct line *l, const char *note)
{
	free(l->value);
	l->value = NULL;
	l->note2 = note;
}

static long
number_of(const struct line *l)
{
	long n = 0;

	value_check(conf_rule(l->section, l->key), l->value, &n);
	return n;
}

/* Three programs had a level each. */
static void
settle_level(struct foreign *f)
{
	struct line *best = line_of(f, "log", "level");

	for (struct line *l = f->lines; l < f->lines + f->nlines; l++) {
		if (l == best || l->value == NULL ||
		    strcmp(l->section, "log") != 0)
			continue;
		if (number_of(l) > number_of(best)) {
			leave_out(best, NULL);
			best = l;
		} else
			leave_out(l, NULL);
	}
}

static const char *
domain_of(const char *address)
{
	return strrchr(address, '@') + 1;
}

/* What is From must be within what signs, and so must contact_info. */
static void
settle_sender(struct foreign *f)
{
	struct line *from = line_of(f, "mail", "from"), *l;
	const struct line *contact = line_of(f, "report", "contact_info");
	const char *ours, *theirs;

	if (from == NULL || contact == NULL)
		return;
	ours = domain_of(contact->value);
	theirs = domain_of(from->value);
	if (value_is_within(theirs, ours))
		return;
	if (!value_is_within(ours, theirs)) {
		leave_out(from, "It is not within the domain of contact_info, "
		    "so receivers would not find the mail aligned (DMARC): "
		    "contact_info is used.");
		return;
	}
	l = add_line(f, "dkim", "domain");
	l->note = "So that contact_info and from are both within it.";
	l->value = xstrdup(theirs);
}

static void
settle_retry(struct foreign *f)
{
	const char *key = "retry_min";
	const struct line *max = line_of(f, "deliver", "retry_max");
	struct line *min = line_of(f, "deliver", key);
	struct conf_row row;
	long least = 0;
	char *value;

	if (max == NULL)
		return;
	for (size_t i = 0; min == NULL && conf_row(i, &row); i++)
		if (strcmp(row.key, key) == 0)
			value_check(conf_rule("deliver", key), row.deflt,
			    &least);
	if ((min != NULL ? number_of(min) : least) <= number_of(max))
		return;
	value = xstrdup(max->value);
	if (min == NULL)
		min = add_line(f, "deliver", key);
	free(min->value);
	min->value = value;
	min->note2 = "It must not be more than retry_max.";
}

static void
print_line(const struct line *l, FILE *out)
{
	if (l->from != NULL)
		conf_comment(l->from, out);
	if (l->note != NULL)
		conf_comment(l->note, out);
	if (l->note2 != NULL)
		conf_comment(l->note2, out);
	if (l->value != NULL)
		fprintf(out, "%s = %s\n", l->key, l->value);
}

/* What is needed and they cannot tell, or not always. */
static const struct needed {
	const char *key, *text, *example;
} needed[] = {
	{ "organization_name", NULL, "Example Org" },
	{ "contact_info", NULL, "tls-reports@example.org" },
	{ "selector", "To be set: receivers ignore mails without a DKIM "
	    "signature (RFC 8460 section 3), and we sign by ourselves. "
	    "tlsrpt-send --check-config says what to publish for the key. "
	    "Where the mail server signs what comes from here, set signer = "
	    "smarthost instead.", "tlsrpt" },
	{ "key_file", NULL, "/etc/tlsrpt/dkim.key" },
};

static const struct needed *
still_needed(const struct foreign *f, const struct conf_row *r)
{
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (strcmp(needed[i].key, r->key) == 0 &&
		    line_of(f, r->section, r->key) == NULL)
			return &needed[i];
	return NULL;
}

static bool
is_of(const struct line *l, const struct conf_row *r)
{
	return l->section != NULL && strcmp(l->section, r->section) == 0 &&
	    strcmp(l->key, r->key) == 0;
}

/* All about one setting of ours, which may be nothing. */
static void
print_setting(const struct foreign *f, const struct conf_row *r, FILE *out)
{
	const struct needed *n = still_needed(f, r);

	for (size_t i = 0; i < f->nlines; i++)
		if (is_of(&f->lines[i], r))
			print_line(&f->lines[i], out);
	if (n == NULL)
		return;
	conf_comment(n->text != NULL ? n->text : r->help, out);
	fprintf(out, "#%s = %s\n", r->key, n->example);
}

static void
print_settings(const struct foreign *f, FILE *out)
{
	const char *section = "";
	struct conf_row r;

	for (size_t i = 0; conf_row(i, &r); i++) {
		char *text;
		size_t len;
		FILE *m = xmemstream(&text, &len);

		print_setting(f, &r, m);
		xmemclose(m);
		if (len > 0 && strcmp(section, r.section) != 0) {
			section = r.section;
			fprintf(out, "\n[%s]\n", section);
		}
		fputs(text, out);
		free(text);
	}
}

static void
print(const struct foreign *f, FILE *out)
{
	bool first = true;

	conf_comment("Settings for tlsrpt, made from those of "
	    "tlsrpt-reporter, each with the line it is from. What is not set "
	    "has its default, see tlsrpt.conf(5).", out);
	print_settings(f, out);
	for (size_t i = 0; i < f->nlines; i++) {
		if (f->lines[i].section != NULL)
			continue;
		fputs(first ? "\n# Not needed any more:\n#\n" : "#\n", out);
		first = false;
		print_line(&f->lines[i], out);
	}
}

static void
release(struct foreign *f)
{
	for (size_t i = 0; i < f->nlines; i++) {
		free(f->lines[i].from);
		free(f->lines[i].value);
	}
	free(f->lines);
	for (size_t i = 0; i < FOREIGN_ROWS; i++)
		free(f->seen[i]);
	free(f->value);
}

int
foreign_conf(char *const *files, FILE *out, FILE *err)
{
	struct foreign f = { .in = { .err = err, .python = true } };

	for (; *files != NULL; files++) {
		f.in.file = *files;
		f.in.line = 0;
		f.in.has_key = false;
		inifile_read(&f.in, on_setting, &f);
		finish_setting(&f);
	}
	if (f.in.errors == 0) {
		settle_level(&f);
		settle_sender(&f);
		settle_retry(&f);
		print(&f, out);
	}
	release(&f);
	return f.in.errors == 0 ? 0 : -1;
}
