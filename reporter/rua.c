#include "reporter/rua.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "conf/mem.h"
#include "spool/record.h"

#define WSP	" \t"
#define EXTENSION_NAME_MAX	32	/* of an extension, RFC 8460 section 3 */

/* A piece of the record's text. */
struct span {
	const char *s;
	size_t len;
};

static struct span
trim(struct span t)
{
	while (t.len > 0 && strchr(WSP, t.s[0]) != NULL) {
		t.s++;
		t.len--;
	}
	while (t.len > 0 && strchr(WSP, t.s[t.len - 1]) != NULL)
		t.len--;
	return t;
}

/*
 * Cut the next piece off *rest, up to the delimiter, without the white space
 * around it.  False when nothing is left; a delimiter at the end still has an
 * empty piece after it.
 */
static bool
next_piece(struct span *rest, char delimiter, struct span *piece)
{
	const char *end;

	if (rest->s == NULL)
		return false;
	*piece = *rest;
	end = memchr(rest->s, delimiter, rest->len);
	if (end == NULL) {
		rest->s = NULL;
	} else {
		piece->len = (size_t)(end - rest->s);
		rest->s = end + 1;
		rest->len -= piece->len + 1;
	}
	*piece = trim(*piece);
	return true;
}

/* RFC 8460 section 3 drops what has no ";" after the version. */
static bool
is_tlsrpt(const char *txt)
{
	size_t len = strlen(TLSRPT_VERSION);

	return strncmp(txt, TLSRPT_VERSION, len) == 0 &&
	    txt[len + strspn(txt + len, WSP)] == ';';
}

int
rua_pick(const char *const *txts, size_t n, const char **why)
{
	int found = -1;

	*why = "no TLSRPT record";
	for (size_t i = 0; i < n; i++) {
		if (!is_tlsrpt(txts[i]))
			continue;
		if (found != -1) {
			*why = "more than one TLSRPT record";
			return -1;
		}
		found = (int)i;
	}
	return found;
}

static void
skip(struct rua_list *list, struct span uri, const char *why)
{
	struct rua_skipped *s;

	if (list->nskipped == RUA_SKIPPED_MAX)
		return;
	list->skipped = xreallocarray(list->skipped, list->nskipped + 1,
	    sizeof(*list->skipped));
	s = &list->skipped[list->nskipped++];
	s->uri = xstrndup(uri.s, uri.len);
	s->why = xstrdup(why);
}

void
rua_list_skip(struct rua_list *list, const char *uri, const char *why)
{
	skip(list, (struct span){ uri, strlen(uri) }, why);
}

static bool
is_listed(const struct rua_list *list, const char *uri)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->list[i].uri, uri) == 0)
			return true;
	return false;
}

void
rua_list_add(struct rua_list *list, struct rua *r)
{
	if (is_listed(list, r->uri)) {
		rua_release(r);
		return;
	}
	list->list = xreallocarray(list->list, list->n + 1,
	    sizeof(*list->list));
	list->list[list->n++] = *r;	/* transferred */
	memset(r, 0, sizeof(*r));
}

void
rua_list_add_folder(struct rua_list *list, const char *path)
{
	for (size_t i = 0; i < list->nfolders; i++)
		if (strcmp(list->folders[i], path) == 0)
			return;
	list->folders = xreallocarray(list->folders, list->nfolders + 1,
	    sizeof(*list->folders));
	list->folders[list->nfolders++] = xstrdup(path);
}

static void
add_uri(struct rua_list *list, struct span text, size_t max)
{
	const char *why;
	struct rua r;

	if (rua_uri(&r, text.s, text.len, &why) == -1) {
		skip(list, text, why);
		return;
	}
	if (list->n >= max && !is_listed(list, r.uri)) {
		skip(list, text, "more destinations than are allowed");
		rua_release(&r);
		return;
	}
	rua_list_add(list, &r);
}

/*
 * What is between two commas is judged by itself: where it breaks the grammar
 * it costs that one URI, not those beside it.
 */
static const char *
read_rua(struct rua_list *list, struct span value, size_t max)
{
	struct span uri;

	if (value.len == 0)
		return "rua= without a URI";
	while (next_piece(&value, ',', &uri))
		add_uri(list, uri, max);
	return NULL;
}

static bool
is_extension_name(struct span name)
{
	if (name.len == 0 || name.len > EXTENSION_NAME_MAX ||
	    strchr("_-.", name.s[0]) != NULL)
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (!isalnum((unsigned char)name.s[i]) &&
		    strchr("_-.", name.s[i]) == NULL)
			return false;
	return true;
}

static bool
is_extension_value(struct span value)
{
	for (size_t i = 0; i < value.len; i++)
		if (value.s[i] < 0x21 || value.s[i] > 0x7e ||
		    value.s[i] == '=')
			return false;
	return value.len > 0;
}

/* NULL, or how the field breaks the grammar. */
static const char *
read_field(struct rua_list *list, struct span field, size_t max, bool *found)
{
	const char *eq = memchr(field.s, '=', field.len);
	struct span name, value;

	if (field.len == 0)
		return "nothing between two \";\"";
	if (eq == NULL)
		return "a field without \"=\"";
	name = (struct span){ field.s, (size_t)(eq - field.s) };
	value = (struct span){ eq + 1, field.len - name.len - 1 };
	if (name.len == 3 && memcmp(name.s, "rua", 3) == 0) {
		*found = true;
		return read_rua(list, value, max);
	}
	if (!is_extension_name(name))
		return "not a field name before \"=\"";
	if (!is_extension_value(value))
		return "an extension's value is empty or holds a character "
		    "that it may not";
	return NULL;
}

static const char *
read_record(struct rua_list *list, const char *txt, size_t max)
{
	struct span rest = { txt, strnlen(txt, RECORD_TXT_MAX + 1) }, piece;
	bool found = false;
	const char *why;

	if (rest.len > RECORD_TXT_MAX)
		return "longer than a TXT record can be";
	if (!is_tlsrpt(txt))
		return "does not begin with \"" TLSRPT_VERSION ";\"";
	next_piece(&rest, ';', &piece);
	while (next_piece(&rest, ';', &piece)) {
		list->where = (size_t)(piece.s - txt);
		if (piece.len == 0 && rest.s == NULL)
			break;		/* the ";" that may end a record */
		if ((why = read_field(list, piece, max, &found)) != NULL)
			return why;
	}
	return found ? NULL : "no rua= field";
}

int
rua_parse(struct rua_list *list, const char *txt, size_t max,
    const char **why)
{
	size_t where;

	memset(list, 0, sizeof(*list));
	if ((*why = read_record(list, txt, max)) == NULL)
		return 0;
	where = list->where;
	rua_list_release(list);
	list->where = where;
	return -1;
}

void
rua_list_release(struct rua_list *list)
{
	if (list == NULL)
		return;
	for (size_t i = 0; i < list->n; i++)
		rua_release(&list->list[i]);
	free(list->list);
	for (size_t i = 0; i < list->nskipped; i++) {
		free(list->skipped[i].uri);
		free(list->skipped[i].why);
	}
	free(list->skipped);
	for (size_t i = 0; i < list->nfolders; i++)
		free(list->folders[i]);
	free(list->folders);
	memset(list, 0, sizeof(*list));
}
