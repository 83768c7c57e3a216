#include "reporter/lines.h"

#include <errno.h>
#include <stdbool.h>
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

/*
 * A line without its end, or as much of it as shows that it is too long.
 * False at the end of the file.
 */
static bool
get_line(FILE *f, char line[LINES_BYTES_MAX + 2], size_t *len)
{
	int c = EOF;

	*len = 0;
	while (*len <= LINES_BYTES_MAX && (c = getc(f)) != EOF && c != '\n')
		line[(*len)++] = (char)c;
	line[*len] = '\0';
	return c != EOF || *len > 0;
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
	char *line, *where, *why;
	size_t n = 0, len = 0, bom;
	FILE *f;
	int rc = 0;

	if ((f = fopen(file, "re")) == NULL) {
		unreadable(setting, file, err);
		return -1;
	}
	line = xmalloc(LINES_BYTES_MAX + 2);
	while (len <= LINES_BYTES_MAX && get_line(f, line, &len)) {
		bom = n == 0 ? value_bom(line) : 0;
		where = xasprintf("%s:%zu", file, ++n);
		why = len > LINES_BYTES_MAX ? xasprintf("longer than %d bytes; "
		    "what follows was not read", LINES_BYTES_MAX) :
		    take_line(line + bom, len - bom, where, fn, arg);
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
