#include "reporter/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "conf/value.h"

#define BLANKS	" \t\r\n\f\v"

/* Cut the line into words.  Returns how many, or -1 for too many. */
static int
split(char *line, char **word)
{
	int n = 0;

	for (;;) {
		line += strspn(line, BLANKS);
		if (*line == '\0' || *line == '#')
			return n;
		if (n == LINES_WORDS_MAX)
			return -1;
		word[n++] = line;
		line += strcspn(line, BLANKS);
		if (*line != '\0')
			*line++ = '\0';
	}
}

static char *
take_line(char *line, size_t len, const char *where, lines_fn *fn, void *arg)
{
	char *word[LINES_WORDS_MAX];
	int n;

	if (memchr(line, '\0', len) != NULL)
		return xstrdup("holds a NUL byte");
	if ((n = split(line, word)) == -1)
		return xasprintf("more than %d words", LINES_WORDS_MAX);
	return n == 0 ? NULL : fn(arg, where, word, (size_t)n);
}

static void
complain(FILE *err, const char *where, char *why)
{
	char *text = log_escape(why);

	fprintf(err, "%s: %s\n", where, text);
	free(text);
	free(why);
}

/* By errno. */
static void
unreadable(const char *setting, const char *file, FILE *err)
{
	fprintf(err, "%s %s: %s\n", setting, file, strerror(errno));
}

int
lines_read(const char *setting, const char *file, FILE *err, lines_fn *fn,
    void *arg)
{
	char *line = NULL, *where, *why;
	size_t size = 0, n = 0, bom;
	ssize_t len;
	FILE *f;
	int rc = 0;

	if ((f = fopen(file, "re")) == NULL) {
		unreadable(setting, file, err);
		return -1;
	}
	while ((len = getline(&line, &size, f)) != -1) {
		bom = n == 0 ? value_bom(line) : 0;
		where = xasprintf("%s:%zu", file, ++n);
		why = take_line(line + bom, (size_t)len - bom, where, fn, arg);
		if (why != NULL) {
			complain(err, where, why);
			rc = -1;
		}
		free(where);
	}
	if (ferror(f)) {
		unreadable(setting, file, err);
		rc = -1;
	}
	fclose(f);
	free(line);
	return rc;
}
