#include "reporter/sts.h"

#include <ctype.h>
#include <string.h>

#include "spool/utf8.h"

#define RECORD_BEGIN	"v=" STS_VERSION
#define NAME_MAX_LEN	32	/* of an extension: RFC 8461 section 3.1 */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static const char *
skip_blanks(const char *s)
{
	while (is_blank(*s))
		s++;
	return s;
}

static bool
is_alnum(char c)
{
	return c > 0 && isalnum((unsigned char)c);
}

int
sts_pick(const char *const *txts, size_t n, const char **why)
{
	int found = -1;

	*why = NULL;
	for (size_t i = 0; i < n; i++) {
		if (strncmp(txts[i], RECORD_BEGIN ";",
		    strlen(RECORD_BEGIN ";")) != 0)
			continue;
		if (found != -1) {
			*why = "more than one MTA-STS record";
			return -1;
		}
		found = (int)i;
	}
	if (found == -1)
		*why = "no MTA-STS record";
	return found;
}

/* The name of an extension, at most 32 bytes: its length, or 0. */
static size_t
name_span(const char *s)
{
	size_t n = 0;

	if (!is_alnum(*s))
		return 0;
	while (is_alnum(s[n]) || (s[n] != '\0' && strchr("_-.", s[n]) != NULL))
		n++;
	return n <= NAME_MAX_LEN ? n : 0;
}

/* %x21-3A / %x3C / %x3E-7E: no blank, ";" or "=". */
static size_t
value_span(const char *s)
{
	size_t n = 0;

	while (s[n] > ' ' && s[n] < 0x7f && s[n] != ';' && s[n] != '=')
		n++;
	return n;
}

static const char *
read_id(struct sts_record *r, const char *value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_alnum(value[i]))
			return "the id may hold letters and digits only";
	if (len > STS_ID_MAX)
		return "the id is longer than 32 characters";
	if (r->id[0] == '\0')
		memcpy(r->id, value, len);
	return NULL;
}

/* One field at *s, which is moved behind it; NULL, or what is wrong. */
static const char *
read_field(struct sts_record *r, const char **s)
{
	const char *value;
	size_t len = name_span(*s);
	bool is_id = len == 2 && strncmp(*s, "id", 2) == 0;

	if (**s == ';')
		return "two semicolons with nothing between them";
	if (len == 0)
		return "a field's name is no name";
	if ((*s)[len] != '=')
		return is_blank((*s)[len]) ?
		    "a blank in front of an equals sign" :
		    "a field without an equals sign";
	value = *s + len + 1;
	if ((len = value_span(value)) == 0)
		return is_blank(*value) ? "a blank behind an equals sign" :
		    "a field without a value";
	*s = value + len;
	if (is_id)
		return read_id(r, value, len);
	r->nextensions++;
	return NULL;
}

/* What follows the version. */
static const char *
read_fields(struct sts_record *r, const char *s)
{
	const char *why;

	for (;;) {
		s = skip_blanks(s);
		if (*s == '\0')
			return NULL;
		if (*s++ != ';')
			return "a character that does not belong there";
		s = skip_blanks(s);
		if (*s == '\0')
			return NULL;
		if ((why = read_field(r, &s)) != NULL)
			return why;
	}
}

int
sts_record_parse(struct sts_record *r, const char *txt, const char **why)
{
	*r = (struct sts_record){ 0 };
	if (strncmp(txt, RECORD_BEGIN, strlen(RECORD_BEGIN)) != 0) {
		*why = "it does not begin with \"v=STSv1\"";
		return -1;
	}
	*why = read_fields(r, txt + strlen(RECORD_BEGIN));
	if (*why == NULL && r->id[0] == '\0')
		*why = "it has no id";
	if (*why == NULL)
		return 0;
	*r = (struct sts_record){ 0 };
	return -1;
}

bool
sts_mx_fits(const char *pattern, const char *host)
{
	if (strncmp(pattern, "*.", 2) != 0)
		return strcmp(pattern, host) == 0;
	host = strchr(host, '.');
	return host != NULL && strcmp(pattern + 1, host) == 0;
}

bool
sts_policy_fits(const struct sts_policy *p, const char *host)
{
	for (size_t i = 0; i < p->nmx; i++)
		if (sts_mx_fits(p->mx[i], host))
			return true;
	return false;
}
