#include "conf/inifile.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "conf/value.h"

#define BLANKS	" \t"

/* What reaches the handler goes through here. */
struct calls {
	struct inifile *file;
	ini_handler handler;
	void *arg;
};

void
inifile_complain(struct inifile *f, const char *key, const char *reason)
{
	char *name = log_escape(key), *text = log_escape(reason);

	fprintf(f->err, "%s:%d: %s: %s\n", f->file, f->line, name, text);
	free(name);
	free(text);
	f->errors++;
}

/* inih tells of the first bad line only, and not in our words. */
static void
line_was_not_used(struct inifile *f)
{
	if (f->pending)
		inifile_complain(f, "line", "neither `key = value', [section] "
		    "nor a comment");
	f->pending = false;
}

static bool
wants_handler(const char *line)
{
	line += strspn(line, " \t\r\n");
	if (*line == '\0' || *line == '#' || *line == ';')
		return false;
	return *line != '[' || strchr(line, ']') == NULL;
}

/*
 * A line without its end, and without what is too long for buf (f->cut) or a
 * text (*nul).  False at the end of the file.
 */
static bool
get_line(struct inifile *f, char *buf, int size, bool *nul)
{
	int c, len = 0;

	f->cut = *nul = false;
	while ((c = getc(f->in)) != EOF && c != '\n')
		if (c == '\0')
			*nul = true;
		else if (len < size - 1)
			buf[len++] = (char)c;
		else
			f->cut = true;
	buf[len] = '\0';
	return c != EOF || len > 0 || *nul;
}

/*
 * inih takes any line that begins with a blank for the continuation of the
 * one before; so the blanks stay only where that is meant.
 */
static void
cut_blanks(struct inifile *f, char *line)
{
	size_t blanks = strspn(line, BLANKS);

	f->continued = false;
	if (strchr("\r\n#;", line[blanks]) != NULL)	/* or it ends there */
		return;
	if (f->python && f->has_key && blanks > f->indent) {
		f->continued = true;
		return;
	}
	f->indent = blanks;
	f->has_key = line[blanks] != '[';
	memmove(line, line + blanks, strlen(line + blanks) + 1);
}

/* As inih sees it, in this line or in the one that we print for it. */
static bool
ends_in_comment(const char *line)
{
	const char *p, *equals;

	line += strspn(line, BLANKS);
	equals = line + strcspn(line, "=:");
	if (*line == '#' || *line == ';')	/* all of it is one */
		return false;
	for (p = line; (p = strchr(p, ';')) != NULL; p++)
		if (isspace((unsigned char)p[-1]) || p - 1 == equals)
			return true;
	return false;
}

/* The ] of a section, or NULL when the line begins none. */
static char *
section_end(char *line)
{
	return line[strspn(line, BLANKS)] == '[' ? strchr(line, ']') : NULL;
}

/* Text behind a [section], which inih skips; NULL where there is none. */
static char *
behind_section(char *line)
{
	char *end = section_end(line);

	if (end == NULL || end[1 + strspn(end + 1, BLANKS "\r")] == '\0')
		return NULL;
	return end + 1;
}

static void
tell_section(const struct calls *c, char *line)
{
	const char *end = section_end(line);
	char *name;

	if (end == NULL || c->file->on_section == NULL)
		return;
	line += strspn(line, BLANKS) + 1;
	name = xstrndup(line, (size_t)(end - line));
	c->file->on_section(c->arg, name);
	free(name);
}

/* Why it is no line of ours; NULL for one.  One of theirs is marked as cut. */
static const char *
refusal(struct inifile *f, char *line, bool nul)
{
	const bool too_long = f->cut;

	f->cut |= ends_in_comment(line);
	if (nul)
		return "holds a NUL byte";
	if (f->python)
		return NULL;
	if (too_long)
		return "too long, allowed: 198 bytes";
	if (f->cut)
		return "has a ; where a comment begins, allowed: a comment on "
		    "a line of its own";
	return behind_section(line) == NULL ? NULL :
	    "has text behind the ], allowed: a section on a line of its own";
}

/* Feeds inih a line at a time. */
static char *
next_line(char *buf, int size, void *arg)
{
	const struct calls *c = arg;
	struct inifile *f = c->file;
	const char *why;
	char *behind;
	bool nul;

	line_was_not_used(f);
	if (!get_line(f, buf, size - 1, &nul))	/* inih's has the '\n' */
		return NULL;
	if (f->line++ == 0)
		memmove(buf, buf + value_bom(buf),
		    strlen(buf + value_bom(buf)) + 1);
	if ((why = refusal(f, buf, nul)) != NULL) {
		inifile_complain(f, "line", why);
		/* What comes next is in that section all the same. */
		behind = behind_section(buf);
		*(behind != NULL ? behind : buf) = '\0';
	}
	tell_section(c, buf);
	cut_blanks(f, buf);
	f->pending = wants_handler(buf);
	return buf;
}

static int
on_call(void *arg, const char *section, const char *key, const char *value)
{
	const struct calls *c = arg;

	c->file->pending = false;
	return c->handler(c->arg, section, key, value);
}

int
inifile_read(struct inifile *f, ini_handler on_setting, void *arg)
{
	struct calls calls = { f, on_setting, arg };

	if ((f->in = fopen(f->file, "re")) == NULL) {
		fprintf(f->err, "%s: %s\n", f->file, strerror(errno));
		f->errors++;
		return -1;
	}
	ini_parse_stream(next_line, &calls, on_call, &calls);
	line_was_not_used(f);
	if (ferror(f->in)) {
		fprintf(f->err, "%s: %s\n", f->file, strerror(errno));
		f->errors++;
	}
	fclose(f->in);
	return f->errors == 0 ? 0 : -1;
}
