#include "reporter/sts.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/ascii.h"
#include "spool/record.h"
#include "spool/utf8.h"

#define NAME_MAX_LEN	32	/* of a key: RFC 8461 section 3.2 */
#define QUOTED_MAX	80	/* of the file's text, in a fault */
#define DIGITS_MAX	10

struct reader {
	struct sts_policy *p;
	size_t line;
	unsigned seen;		/* keys, a bit each */
};

/* Text of the file, not terminated. */
struct piece {
	const char *s;
	size_t len;
};

static const char *const modes[] = {
	[STS_ENFORCE] = "enforce",
	[STS_TESTING] = "testing",
	[STS_NONE] = "none"
};

const char *
sts_mode_name(enum sts_mode mode)
{
	return modes[mode];
}

__attribute__((format(printf, 4, 5)))
static void
fault(struct reader *r, size_t line, bool fatally, const char *format, ...)
{
	struct sts_policy *p = r->p;
	va_list ap;
	char *what;

	p->fatal = p->fatal || fatally;
	if (p->nfaults == STS_FAULTS_MAX) {
		p->nmore++;
		return;
	}
	va_start(ap, format);
	if (vasprintf(&what, format, ap) == -1)
		fatal("out of memory");
	va_end(ap);
	if (p->faults == NULL)
		p->faults = xcalloc(STS_FAULTS_MAX, sizeof(*p->faults));
	p->faults[p->nfaults++] = (struct sts_fault){ .line = line,
	    .fatal = fatally, .what = what };
}

static const char *
quoted(struct piece value, char buf[QUOTED_MAX])
{
	ascii_copy(buf, QUOTED_MAX, value.s, value.len);
	return buf;
}

static bool
is(struct piece value, const char *text)
{
	return value.len == strlen(text) &&
	    memcmp(value.s, text, value.len) == 0;
}

/* --- the keys ------------------------------------------------------------ */

static void
read_version(struct reader *r, struct piece value)
{
	char buf[QUOTED_MAX];

	r->p->version = is(value, STS_VERSION);
	if (!r->p->version)
		fault(r, r->line, true, "version is \"%s\", not STSv1",
		    quoted(value, buf));
}

static void
read_mode(struct reader *r, struct piece value)
{
	char buf[QUOTED_MAX];

	for (int i = STS_ENFORCE; i <= STS_NONE; i++)
		if (is(value, modes[i]))
			r->p->mode = (enum sts_mode)i;
	if (r->p->mode == STS_NO_MODE)
		fault(r, r->line, true,
		    "mode is \"%s\", not enforce, testing or none",
		    quoted(value, buf));
}

static void
read_max_age(struct reader *r, struct piece value)
{
	int64_t n = 0;
	char buf[QUOTED_MAX];
	size_t i = 0;

	while (i < value.len && i < DIGITS_MAX &&
	    value.s[i] >= '0' && value.s[i] <= '9')
		n = n * 10 + (value.s[i++] - '0');
	if (i == 0 || i < value.len) {
		fault(r, r->line, true,
		    "max_age is \"%s\", not a number of seconds",
		    quoted(value, buf));
		return;
	}
	r->p->max_age = n;
	if (n > STS_MAX_AGE_MAX)
		fault(r, r->line, false, "max_age is more than %d, a year",
		    STS_MAX_AGE_MAX);
}

static const char *
refuse_mx(const char *text)
{
	unsigned char address[sizeof(struct in6_addr)];
	size_t len = strlen(text);

	if (!utf8_is_ascii(text))
		return "is not written in A-labels (xn--...)";
	if (inet_pton(AF_INET, text, address) == 1 ||
	    inet_pton(AF_INET6, text, address) == 1)
		return "is an address, not a host name";
	if (strchr(text, '*') != NULL && (strncmp(text, "*.", 2) != 0 ||
	    strchr(text + 1, '*') != NULL))
		return "has a wildcard that is not the whole first label";
	if (len > 0 && text[len - 1] == '.')
		return "ends with a dot";
	return NULL;
}

static bool
has_mx(const struct sts_policy *p, const char *pattern)
{
	for (size_t i = 0; i < p->nmx; i++)
		if (strcmp(p->mx[i], pattern) == 0)
			return true;
	return false;
}

static void
read_mx(struct reader *r, struct piece value)
{
	struct sts_policy *p = r->p;
	char *text = xstrndup(value.s, value.len), buf[QUOTED_MAX];
	char pattern[RECORD_DOMAIN_MAX + 1];
	const char *why = refuse_mx(text);

	if (why == NULL && record_domain_text(text, true, pattern) == 0)
		why = "is not a host name";
	free(text);
	if (why != NULL)
		fault(r, r->line, true, "mx \"%s\" %s", quoted(value, buf),
		    why);
	else if (p->nmx == STS_MX_MAX)
		fault(r, r->line, false, "more than %d mx: not looked at",
		    STS_MX_MAX);
	else if (has_mx(p, pattern))
		fault(r, r->line, false, "mx %s is there already", pattern);
	else
		p->mx[p->nmx++] = xstrdup(pattern);
	if (why == NULL && strchr(pattern, '_') != NULL)
		fault(r, r->line, false,
		    "mx %s has an underscore, which host names have not",
		    pattern);
}

static const struct {
	const char *name;
	bool many;
	void (*read)(struct reader *r, struct piece value);
} keys[] = {
	{ "version", false, read_version },
	{ "mode", false, read_mode },
	{ "max_age", false, read_max_age },
	{ "mx", true, read_mx }
};
#define NKEYS	(sizeof(keys) / sizeof(keys[0]))

static void
read_extension(struct reader *r, struct piece name, struct piece value)
{
	char buf[QUOTED_MAX];

	r->p->nextensions++;
	if (value.len == 0)
		fault(r, r->line, false, "%s has no value", quoted(name, buf));
	for (size_t i = 0; i < NKEYS; i++)
		if (name.len == strlen(keys[i].name) &&
		    strncasecmp(name.s, keys[i].name, name.len) == 0)
			fault(r, r->line, false, "%s is written %s",
			    keys[i].name, quoted(name, buf));
}

static void
read_pair(struct reader *r, struct piece name, struct piece value)
{
	size_t i = 0;

	while (i < NKEYS && !is(name, keys[i].name))
		i++;
	if (i == NKEYS)
		read_extension(r, name, value);
	else if (!keys[i].many && (r->seen & 1U << i) != 0)
		fault(r, r->line, false,
		    "%s is there already: only the first counts",
		    keys[i].name);
	else
		keys[i].read(r, value);
	if (i < NKEYS)
		r->seen |= 1U << i;
}

/* --- lines --------------------------------------------------------------- */

static bool
is_name(struct piece name)
{
	for (size_t i = 0; i < name.len; i++) {
		unsigned char c = (unsigned char)name.s[i];

		if (!(c < 0x80 && isalnum(c)) &&
		    (i == 0 || c == '\0' || strchr("_-.", c) == NULL))
			return false;
	}
	return name.len > 0 && name.len <= NAME_MAX_LEN;
}

static struct piece
trim(struct piece t)
{
	while (t.len > 0 && (*t.s == ' ' || *t.s == '\t'))
		t.s++, t.len--;
	while (t.len > 0 && (t.s[t.len - 1] == ' ' || t.s[t.len - 1] == '\t'))
		t.len--;
	return t;
}

static bool
has_control(struct piece t)
{
	for (size_t i = 0; i < t.len; i++)
		if (((unsigned char)t.s[i] < ' ' && t.s[i] != '\t') ||
		    t.s[i] == 0x7f)
			return true;
	return false;
}

/* Without its end. */
static void
read_line(struct reader *r, struct piece line)
{
	struct piece all = trim(line), name, value;
	const char *colon = memchr(all.s, ':', all.len);
	char buf[QUOTED_MAX];

	if (all.len == 0) {
		fault(r, r->line, false, "an empty line");
		return;
	}
	if (has_control(all)) {
		fault(r, r->line, true, "a control character in it");
		return;
	}
	if (colon == NULL) {
		fault(r, r->line, true, "\"%s\" has no colon",
		    quoted(all, buf));
		return;
	}
	name = (struct piece){ all.s, (size_t)(colon - all.s) };
	value = trim((struct piece){ colon + 1, all.len - name.len - 1 });
	if (!is_name(name)) {
		fault(r, r->line, true, "\"%s\" is not a key",
		    quoted(name, buf));
		return;
	}
	if (all.s != line.s)
		fault(r, r->line, false, "a blank in front of %s",
		    quoted(name, buf));
	read_pair(r, name, value);
}

static void
read_lines(struct reader *r, const char *s, size_t len)
{
	const char *end;

	for (const char *p = s; p < s + len; p = end + 1) {
		struct piece line;

		if ((end = memchr(p, '\n', len - (size_t)(p - s))) == NULL)
			end = s + len;
		line = (struct piece){ p, (size_t)(end - p) };
		if (line.len > 0 && line.s[line.len - 1] == '\r' &&
		    end < s + len)
			line.len--;
		r->line++;
		read_line(r, line);
	}
}

static void
find_missing(struct reader *r)
{
	const struct sts_policy *p = r->p;

	for (size_t i = 0; i < NKEYS; i++)
		if ((r->seen & 1U << i) == 0 &&
		    !(keys[i].many && p->mode == STS_NONE))
			fault(r, 0, true, "%s is missing", keys[i].name);
}

int
sts_policy_parse(struct sts_policy *p, const void *text, size_t len)
{
	struct reader r = { .p = p };
	const char *s = text;

	*p = (struct sts_policy){ .max_age = -1 };
	p->mx = xcalloc(STS_MX_MAX, sizeof(*p->mx));
	if (len > STS_POLICY_MAX) {
		fault(&r, 0, true, "longer than %d bytes", STS_POLICY_MAX);
		return -1;
	}
	if (len >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0) {
		fault(&r, 1, true, "a byte order mark in front");
		s += 3;
		len -= 3;
	}
	if (utf8_span(s, len) < len)
		fault(&r, 0, true, "not UTF-8");
	read_lines(&r, s, len);
	find_missing(&r);
	return p->fatal ? -1 : 0;
}

void
sts_policy_release(struct sts_policy *p)
{
	if (p == NULL)
		return;
	for (size_t i = 0; i < p->nmx; i++)
		free(p->mx[i]);
	for (size_t i = 0; i < p->nfaults; i++)
		free(p->faults[i].what);
	free(p->mx);
	free(p->faults);
	*p = (struct sts_policy){ 0 };
}
