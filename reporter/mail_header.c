#include "reporter/mail_header.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "conf/mem.h"

#define PIECES_MAX	100	/* of one parameter */
#define PARAM_NAME_MAX	64

static const char *
next_line(const char *s, const char *end)
{
	const char *newline = memchr(s, '\n', (size_t)(end - s));

	return newline == NULL ? end : newline + 1;
}

static bool
is_empty_line(const char *s, const char *end)
{
	return s < end && (*s == '\n' ||
	    (*s == '\r' && s + 1 < end && s[1] == '\n'));
}

size_t
mail_header_length(const char *text, size_t len)
{
	const char *end = text + len, *s = text;

	while (s < end && !is_empty_line(s, end))
		s = next_line(s, end);
	return (size_t)(next_line(s, end) - text);
}

/* The field's lines, joined: line ends go, the blanks behind them stay. */
static char *
unfold(const char *s, const char *end, struct arena *a)
{
	char *value, *w;

	while (s < end && strchr(" \t\r\n", *s) != NULL)
		s++;
	w = value = arena_strndup(a, s, (size_t)(end - s));
	for (const char *r = value; *r != '\0'; r++)
		if (*r != '\r' && *r != '\n')
			*w++ = *r;
	while (w > value && (w[-1] == ' ' || w[-1] == '\t'))
		w--;
	*w = '\0';
	return value;
}

char *
mail_header_field(const char *header, size_t len, const char *name,
    struct arena *a)
{
	const char *end = header + len, *next;
	size_t namelen = strlen(name);

	for (const char *s = header; s < end; s = next) {
		next = next_line(s, end);
		while (next < end && (*next == ' ' || *next == '\t'))
			next = next_line(next, end);
		if ((size_t)(next - s) > namelen && s[namelen] == ':' &&
		    strncasecmp(s, name, namelen) == 0)
			return unfold(s + namelen + 1, next, a);
	}
	return NULL;
}

/* A token or quoted string to w; returns where it ends. */
static const char *
take_value(const char *s, char **w)
{
	bool quoted = *s == '"';

	for (s += quoted; *s != '\0'; s++) {
		if (quoted ? *s == '"' : strchr("; \t", *s) != NULL)
			break;
		if (quoted && *s == '\\' && s[1] != '\0')
			s++;
		*(*w)++ = *s;
	}
	return s + (quoted && *s == '"');
}

/* The value of the parameter with this very name, copied to w, or NULL. */
static char *
find_param(const char *s, const char *name, char *w)
{
	size_t len = strlen(name);
	char *value = w;

	while ((s = strchr(s, ';')) != NULL) {
		bool found;

		s += strspn(s, "; \t");
		found = strncasecmp(s, name, len) == 0 &&
		    s[len + strspn(s + len, " \t")] == '=';
		s += strcspn(s, "=;");
		if (*s != '=')
			continue;
		s += 1 + strspn(s + 1, " \t");
		w = value;
		s = take_value(s, &w);
		*w = '\0';
		if (found)
			return value;
	}
	return NULL;
}

static int
hex(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *p = c == '\0' ? NULL :
	    strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c);

	return p == NULL ? -1 : (int)(p - digits);
}

static void
undo_percent(char *s)
{
	char *w = s;

	for (; *s != '\0'; s++)
		if (*s == '%' && hex(s[1]) > 0 && hex(s[2]) >= 0) {
			*w++ = (char)(hex(s[1]) * 16 + hex(s[2]));
			s += 2;
		} else
			*w++ = *s;
	*w = '\0';
}

/* charset'language'text */
static char *
extended(char *s, bool first)
{
	char *quote;

	if (first && (quote = strchr(s, '\'')) != NULL &&
	    (quote = strchr(quote + 1, '\'')) != NULL)
		s = quote + 1;
	undo_percent(s);
	return s;
}

static char *
join_pieces(const char *value, const char *name, char *buf, struct arena *a)
{
	char piece[PARAM_NAME_MAX], *s, *whole = NULL;

	for (int i = 0; i < PIECES_MAX; i++) {
		if (fmt(piece, sizeof(piece), "%s*%d", name, i) == -1)
			break;
		if ((s = find_param(value, piece, buf)) == NULL &&
		    fmt(piece, sizeof(piece), "%s*%d*", name, i) != -1 &&
		    (s = find_param(value, piece, buf)) != NULL)
			s = extended(s, i == 0);
		if (s == NULL)
			break;
		whole = arena_printf(a, "%s%s", whole ? whole : "", s);
	}
	return whole;
}

char *
mail_header_param(const char *value, const char *name, struct arena *a)
{
	char *buf = arena_alloc(a, strlen(value) + 1), *s;
	char star[PARAM_NAME_MAX];

	if ((s = find_param(value, name, buf)) != NULL)
		return s;
	if (fmt(star, sizeof(star), "%s*", name) != -1 &&
	    (s = find_param(value, star, buf)) != NULL)
		return extended(s, true);
	return join_pieces(value, name, buf, a);
}
