#include "reporter/lint_mime.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "conf/mem.h"

#define LINE_BYTES	998	/* RFC 5322 section 2.1.1 */
#define BASE64_COLUMNS	76	/* RFC 2045 section 6.8 */
#define BASE64_BYTES	(BASE64_COLUMNS / 4 * 3)
#define PARAM_BYTES	1024	/* two domains and some digits are the most */
#define WSP		" \t"
#define SPECIALS	"()<>@,;:\\\"/[]?="	/* RFC 2045 section 5.1 */

static const char *
next_line(const char *line, const char *end)
{
	const char *nl = memchr(line, '\n', (size_t)(end - line));

	return nl == NULL ? end : nl + 1;
}

/* The first byte that may not be in a line: at best its CR. */
static const char *
line_end(const char *s, const char *end)
{
	while (s < end && ((*s >= ' ' && *s <= '~') || *s == '\t'))
		s++;
	return s;
}

/* What is wrong with a line that CRLF does not follow at c. */
static char *
bad_line(const char *s, const char *c, const char *end, size_t number)
{
	const char *next = next_line(s, end);

	if (next - s < 2 || next[-1] != '\n' || next[-2] != '\r')
		return xasprintf("RFC 5321 section 2.3.8: line %zu does not "
		    "end with CRLF", number);
	return xasprintf("RFC 5322 section 2.2: line %zu holds byte 0x%02x",
	    number, (unsigned char)*c);
}

char *
lint_bytes(const char *message, size_t len)
{
	const char *end = message + len, *c;
	size_t number = 1;

	for (const char *s = message; s < end; s = c + 2, number++) {
		c = line_end(s, end);
		if (end - c < 2 || c[0] != '\r' || c[1] != '\n')
			return bad_line(s, c, end, number);
		if (c - s > LINE_BYTES)
			return xasprintf("RFC 5322 section 2.1.1: line %zu is "
			    "longer than %d", number, LINE_BYTES);
	}
	return NULL;
}

/* One more line, of len bytes without its CRLF, copied to w. */
static const char *
header_add(struct lint_header *h, const char *line, size_t len, char *w)
{
	char *colon;

	memcpy(w, line, len);
	w[len] = '\0';
	if (line[0] == ' ' || line[0] == '\t')
		return h->n > 0 ? NULL : "begins with a continued line";
	if (h->n == LINT_FIELDS_MAX)
		return "too many fields";
	if ((colon = strchr(w, ':')) == NULL || colon == w)
		return "a line without a name";
	*colon = '\0';
	h->field[h->n].name = w;
	h->field[h->n].len = (size_t)(colon - w);
	h->field[h->n++].value = colon + 1;
	return NULL;
}

char *
lint_part_read(struct lint_part *p, const char *message, size_t len)
{
	const char *end = message + len, *next, *s, *why;
	char *w;

	*p = (struct lint_part){ 0 };
	w = p->header.text = xmalloc(len + 1);
	for (s = message; s < end && *s != '\r'; s = next) {
		next = next_line(s, end);
		if (w > p->header.text && (*s == ' ' || *s == '\t'))
			w--;		/* goes on where the last one ended */
		len = (size_t)(next - s) - 2;
		if ((why = header_add(&p->header, s, len, w)) != NULL)
			return xasprintf("RFC 5322 section 2.2: header: %s",
			    why);
		w += len + 1;
	}
	if (s == end)
		return xstrdup("RFC 5322 section 2.1: no empty line after the "
		    "header");
	p->body = s + 2;
	p->len = (size_t)(end - p->body);
	return NULL;
}

void
lint_part_release(struct lint_part *p)
{
	free(p->header.text);
	*p = (struct lint_part){ 0 };
}

const char *
lint_field(const struct lint_header *h, const char *name)
{
	const char *value = NULL;
	size_t len = strlen(name);

	for (size_t i = 0; i < h->n; i++) {
		if (h->field[i].len != len ||
		    strcasecmp(h->field[i].name, name) != 0)
			continue;
		if (value != NULL)
			return NULL;
		value = h->field[i].value + strspn(h->field[i].value, WSP);
	}
	return value;
}

bool
lint_is_type(const char *value, const char *type)
{
	size_t len = strlen(type);

	return strncasecmp(value, type, len) == 0 &&
	    (value[len] == '\0' || strchr(WSP ";", value[len]) != NULL);
}

/* Copies a token or quoted string to buf; returns what follows it. */
static const char *
token(const char *s, char *buf, size_t size)
{
	bool quoted = *s == '"';
	size_t n = 0;

	for (s += quoted; *s != '\0' && n + 1 < size; s++) {
		if (quoted ? *s == '"' : strchr(WSP SPECIALS, *s) != NULL)
			break;
		if (quoted && *s == '\\' && s[1] != '\0')
			s++;
		buf[n++] = *s;
	}
	buf[n] = '\0';
	return s + (quoted && *s == '"');
}

/* The parameter's text, or NULL when there is none (RFC 2045 section 5.1). */
static const char *
param(const char *value, const char *name, char buf[PARAM_BYTES])
{
	const char *s = value;
	char key[64];

	s += strcspn(s, ";");
	while (*s == ';') {
		s = token(s + 1 + strspn(s + 1, WSP), key, sizeof(key));
		if (*s != '=')
			return NULL;
		s = token(s + 1, buf, PARAM_BYTES);
		if (strcasecmp(key, name) == 0)
			return buf;
		s += strspn(s, WSP);
	}
	return NULL;
}

bool
lint_has_param(const char *value, const char *name, const char *text)
{
	char buf[PARAM_BYTES];

	return param(value, name, buf) != NULL && strcmp(buf, text) == 0;
}

/* 1 for a line that begins a part, 2 for the one that ends them, else 0. */
static int
delimiter(const char *line, const char *end, const char *boundary)
{
	size_t len;

	if (line[0] != '-' || line[1] != '-')
		return 0;
	len = strlen(boundary);
	if (end - line < (ptrdiff_t)len + 4 ||
	    memcmp(line + 2, boundary, len) != 0)
		return 0;
	line += 2 + len;
	if (strncmp(line, "--\r\n", 4) == 0)
		return 2;
	return strncmp(line, "\r\n", 2) == 0;
}

char *
lint_parts_read(const struct lint_part *whole, struct lint_part parts[2])
{
	const char *type = lint_field(&whole->header, "Content-Type");
	const char *end = whole->body + whole->len, *begin = NULL, *next;
	char boundary[PARAM_BYTES], *why = NULL;
	int kind = 0;
	size_t n = 0;

	parts[0] = parts[1] = (struct lint_part){ 0 };
	if (type == NULL || param(type, "boundary", boundary) == NULL)
		return xstrdup("RFC 2046 section 5.1.1: no boundary");
	for (const char *s = whole->body; s < end && kind != 2; s = next) {
		next = next_line(s, end);
		if ((kind = delimiter(s, next, boundary)) == 0)
			continue;
		if (begin != NULL && n < 2)
			why = lint_part_read(&parts[n], begin,
			    (size_t)(s - begin));
		if (why != NULL)
			return why;
		n += begin != NULL;
		begin = next;
	}
	if (kind != 2 || begin != end)
		return xstrdup("RFC 2046 section 5.1.1: the last boundary is "
		    "missing, or something follows it");
	return n == 2 ? NULL : xasprintf("RFC 8460 section 5.3: %zu parts, "
	    "must be two", n);
}

bool
lint_is_base64(const struct lint_part *p, const void *body, size_t len)
{
	const char *s = p->body, *end = s + p->len;
	const unsigned char *in = body;

	while (len > 0) {
		unsigned char line[BASE64_COLUMNS + 3];
		size_t n = len < BASE64_BYTES ? len : BASE64_BYTES;
		int columns = EVP_EncodeBlock(line, in, (int)n);

		memcpy(line + columns, "\r\n", 2);
		if (end - s < columns + 2 ||
		    memcmp(s, line, (size_t)columns + 2) != 0)
			return false;
		s += columns + 2;
		in += n;
		len -= n;
	}
	/* An empty line in front of the boundary is usual. */
	return s == end || end - s == 2;
}
