#include "conf/foreign.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/conf.h"
#include "conf/draft.h"
#include "conf/foreign_table.h"
#include "conf/inifile.h"
#include "conf/log.h"
#include "conf/mem.h"

/* Of a foreign line this much is repeated in a comment. */
#define SHOWN_MAX	100

struct foreign {
	struct inifile in;
	struct draft draft;
	/* The setting in hand, which may go on in the next line. */
	const struct foreign_row *row;
	char *value;
	int line;
	bool cut;
	char *seen[FOREIGN_ROWS];	/* FILE:LINE */
};

/* Of the setting in hand. */
static void
complain(struct foreign *f, const char *reason)
{
	const int line = f->in.line;

	f->in.line = f->line;
	inifile_complain(&f->in, f->row->key, reason);
	f->in.line = line;
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
		return "too long, or with a ; in front or after a blank: "
		    "allowed are 198 bytes without that";
	if (strstr(f->value, "%(") != NULL)
		return "%(NAME)s is not followed: put what it stands for";
	return NULL;
}

static void
convert(struct foreign *f, struct draft_line *l)
{
	const struct foreign_row *r = f->row;
	const struct value_rule *rule = conf_rule(r->our_section, r->our_key);
	const char *why = NULL;
	char *refusal;

	percent(f->value);
	l->value = r->convert(rule, f->value, &l->note2, &why);
	if (why != NULL) {
		refusal = value_refusal(rule, f->value, why);
		complain(f, refusal);
		free(refusal);
	}
}

/* The setting in hand has all its lines. */
static void
finish_setting(struct foreign *f)
{
	const struct foreign_row *r = f->row;
	const char *why;
	struct draft_line *l;

	if (r == NULL)
		return;
	if ((why = unreadable(f)) != NULL) {
		complain(f, why);
	} else {
		l = draft_add(&f->draft, r->our_section, r->our_key);
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
		text = xasprintf("is already set in %s",
		    f->seen[r - foreign_rows]);
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

static void
release(struct foreign *f)
{
	draft_release(&f->draft);
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
		draft_settle(&f.draft);
		draft_print(&f.draft, out);
	}
	release(&f);
	return f.in.errors == 0 ? 0 : -1;
}
