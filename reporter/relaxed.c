#include "reporter/relaxed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/mem.h"

/*
 * Runs of blanks become one, at the end none.  In a header field the line
 * ends of its folds are blanks, too, and at the beginning there is none.
 */
static char *
relax(char *out, const char *in, size_t len, int header)
{
	const char *end = in + len, *start, *begin = out;
	int blank = 0;

	for (;;) {
		for (start = in; in < end && *in != ' ' && *in != '\t' &&
		    !(header && (*in == '\r' || *in == '\n')); in++)
			continue;
		if (in > start) {
			if (blank && !(header && out == begin))
				*out++ = ' ';
			memcpy(out, start, (size_t)(in - start));
			out += in - start;
		}
		if (in == end)
			return out;
		blank = 1;
		in++;
	}
}

static char *
put_crlf(char *out)
{
	*out++ = '\r';
	*out++ = '\n';
	return out;
}

/* Empty lines wait for one that is not: those at the end go. */
size_t
relaxed_body(char *buf, const char *body, size_t len)
{
	const char *end = body + len, *eol;
	char *out = buf, *line, *p;
	size_t empty = 0;

	for (; body < end; body = eol + 2) {
		eol = memmem(body, (size_t)(end - body), "\r\n", 2);
		if (eol == NULL)
			eol = end;
		line = out + 2 * empty;
		p = relax(line, body, (size_t)(eol - body), 0);
		if (p == line)
			empty++;
		else {
			for (; empty > 0; empty--)
				out = put_crlf(out);
			out = put_crlf(p);
		}
		if (eol == end)
			break;
	}
	return (size_t)(out - buf);
}

struct field {
	const char *name, *value;	/* to before its last CRLF */
	size_t namelen, len;
};

/* The CRLF that no continuation line follows. */
static const char *
field_end(const char *p, const char *end)
{
	while ((p = memmem(p, (size_t)(end - p), "\r\n", 2)) != NULL) {
		if (end - p == 2 || (p[2] != ' ' && p[2] != '\t'))
			return p;
		p += 2;
	}
	return end;
}

static size_t
split_header(struct field **fields, const char *header, size_t len)
{
	const char *p, *end = header + len, *eol, *colon;
	struct field *list = NULL, *f;
	size_t n = 0, room = 0;

	for (p = header; p < end; p = eol + 2) {
		eol = field_end(p, end);
		colon = memchr(p, ':', (size_t)(eol - p));
		if (colon != NULL) {
			if (n == room) {
				room = room == 0 ? 16 : room * 2;
				list = xreallocarray(list, room,
				    sizeof(*list));
			}
			f = &list[n++];
			f->name = p;
			f->namelen = (size_t)(colon - p);
			while (f->namelen > 0 && (p[f->namelen - 1] == ' ' ||
			    p[f->namelen - 1] == '\t'))
				f->namelen--;
			f->value = colon + 1;
			f->len = (size_t)(eol - f->value);
		}
		if (eol == end)
			break;
	}
	*fields = list;
	return n;
}

static int
is_named(const struct field *f, const char *name)
{
	return f->namelen == strlen(name) &&
	    strncasecmp(f->name, name, f->namelen) == 0;
}

static char *
relax_field(char *out, const struct field *f)
{
	size_t i;

	for (i = 0; i < f->namelen; i++)
		*out++ = f->name[i] >= 'A' && f->name[i] <= 'Z' ?
		    (char)(f->name[i] - 'A' + 'a') : f->name[i];
	*out++ = ':';
	return put_crlf(relax(out, f->value, f->len, 1));
}

size_t
relaxed_header(char *buf, char **h, const char *header, size_t len,
    const char *const *names, size_t nnames)
{
	struct field *fields;
	size_t n = split_header(&fields, header, len), size, i, j;
	char *out = buf;
	FILE *f;

	f = xmemstream(h, &size);
	for (i = 0; i < nnames; i++) {
		/* a blank where the list may be folded */
		fprintf(f, "%s%s", i == 0 ? "" : ": ", names[i]);
		for (j = n; j-- > 0;)
			if (is_named(&fields[j], names[i])) {
				out = relax_field(out, &fields[j]);
				fprintf(f, ":%s", names[i]);
			}
	}
	xmemclose(f);
	free(fields);
	return (size_t)(out - buf);
}
