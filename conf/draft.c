#include "conf/draft.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/mem.h"
#include "conf/value.h"

struct draft_line *
draft_add(struct draft *d, const char *section, const char *key)
{
	struct draft_line *l;

	d->lines = xreallocarray(d->lines, d->n + 1, sizeof(*l));
	l = &d->lines[d->n++];
	*l = (struct draft_line){ .section = section, .key = key };
	return l;
}

static struct draft_line *
line_of(const struct draft *d, const char *section, const char *key)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->lines[i].value != NULL &&
		    strcmp(d->lines[i].section, section) == 0 &&
		    strcmp(d->lines[i].key, key) == 0)
			return &d->lines[i];
	return NULL;
}

static void
leave_out(struct draft_line *l, const char *note)
{
	free(l->value);
	l->value = NULL;
	l->note2 = note;
}

static long
number_of(const struct draft_line *l)
{
	long n = 0;

	value_check(conf_rule(l->section, l->key), l->value, &n);
	return n;
}

/* Three programs had a level each. */
static void
settle_level(struct draft *d)
{
	struct draft_line *best = line_of(d, "log", "level");

	for (struct draft_line *l = d->lines; l < d->lines + d->n; l++) {
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

/* What is From must be within what signs, and so must contact_info. */
static void
settle_sender(struct draft *d)
{
	struct draft_line *from = line_of(d, "mail", "from"), *l;
	const struct draft_line *contact = line_of(d, "report", "contact_info");
	const char *ours, *theirs;

	if (from == NULL || contact == NULL)
		return;
	ours = value_domain(contact->value);
	theirs = value_domain(from->value);
	if (value_is_within(theirs, ours))
		return;
	if (!value_is_within(ours, theirs)) {
		leave_out(from, "It is not within the domain of contact_info, "
		    "so receivers would not find the mail aligned (DMARC): "
		    "contact_info is used.");
		return;
	}
	l = draft_add(d, "dkim", "domain");
	l->note = "So that contact_info and from are both within it.";
	l->value = xstrdup(theirs);
}

static void
settle_retry(struct draft *d)
{
	const char *key = "retry_min";
	const struct draft_line *max = line_of(d, "deliver", "retry_max");
	struct draft_line *min = line_of(d, "deliver", key);
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
		min = draft_add(d, "deliver", key);
	free(min->value);
	min->value = value;
	min->note2 = "It must not be more than retry_max.";
}

void
draft_settle(struct draft *d)
{
	settle_level(d);
	settle_sender(d);
	settle_retry(d);
}

static void
print_line(const struct draft_line *l, FILE *out)
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
still_needed(const struct draft *d, const struct conf_row *r)
{
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (strcmp(needed[i].key, r->key) == 0 &&
		    line_of(d, r->section, r->key) == NULL)
			return &needed[i];
	return NULL;
}

static bool
is_of(const struct draft_line *l, const struct conf_row *r)
{
	return l->section != NULL && strcmp(l->section, r->section) == 0 &&
	    strcmp(l->key, r->key) == 0;
}

/* All about one setting of ours, which may be nothing. */
static void
print_setting(const struct draft *d, const struct conf_row *r, FILE *out)
{
	const struct needed *n = still_needed(d, r);

	for (size_t i = 0; i < d->n; i++)
		if (is_of(&d->lines[i], r))
			print_line(&d->lines[i], out);
	if (n == NULL)
		return;
	conf_comment(n->text != NULL ? n->text : r->help, out);
	fprintf(out, "#%s = %s\n", r->key, n->example);
}

static void
print_settings(const struct draft *d, FILE *out)
{
	const char *section = "";
	struct conf_row r;

	for (size_t i = 0; conf_row(i, &r); i++) {
		char *text;
		size_t len;
		FILE *m = xmemstream(&text, &len);

		print_setting(d, &r, m);
		xmemclose(m);
		if (len > 0 && strcmp(section, r.section) != 0) {
			section = r.section;
			fprintf(out, "\n[%s]\n", section);
		}
		fputs(text, out);
		free(text);
	}
}

void
draft_print(const struct draft *d, FILE *out)
{
	bool first = true;

	conf_comment("Settings for tlsrpt, made from those of "
	    "tlsrpt-reporter, each with the line it is from. What is not set "
	    "has its default, see tlsrpt.conf(5).", out);
	print_settings(d, out);
	for (size_t i = 0; i < d->n; i++) {
		if (d->lines[i].section != NULL)
			continue;
		fputs(first ? "\n# Not needed any more:\n#\n" : "#\n", out);
		first = false;
		print_line(&d->lines[i], out);
	}
}

void
draft_release(struct draft *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->lines[i].from);
		free(d->lines[i].value);
	}
	free(d->lines);
	*d = (struct draft){ 0 };
}
