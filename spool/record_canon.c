#include "spool/record_canon.h"

#include <sys/socket.h>
#include <arpa/inet.h>
#include <netinet/in.h>

#include <ctype.h>
#include <idn2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "conf/log.h"
#include "spool/record.h"
#include "spool/utf8.h"

#define LABEL_MAX	63		/* RFC 1035 section 2.3.4 */

/*
 * Letters, digits, hyphens inside labels (RFC 1123 section 2.1) and
 * underscores, into out, which has room for max bytes and the terminator.  An
 * all-numeric last label makes it an address, not a name.  Returns the length
 * or 0.
 */
static size_t
ascii_domain(char *out, size_t max, const char *s)
{
	size_t n = 0, label = 0;
	bool numeric = true;
	char c;

	for (; *s != '\0'; s++) {
		c = *s >= 'A' && *s <= 'Z' ? (char)(*s | 0x20) : *s;
		if (c == '.') {
			if (label == 0 || out[n - 1] == '-')
				return 0;
			if (s[1] == '\0')
				break;
			label = 0;
			numeric = true;
		} else {
			if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
			    c != '_' && (c != '-' || label == 0))
				return 0;
			if (++label > LABEL_MAX)
				return 0;
			numeric = numeric && c >= '0' && c <= '9';
		}
		if (n == max)
			return 0;
		out[n++] = c;
	}
	if (label == 0 || out[n - 1] == '-' || numeric)
		return 0;
	out[n] = '\0';
	return n;
}

/* A name with other letters: RFC 8460 wants its A-labels. */
static size_t
unicode_domain(char *out, size_t max, const char *s)
{
	uint8_t *ascii = NULL;
	size_t n = 0;
	int rc;

	/* A-labels take at least a byte for every character, UTF-8 up to 4. */
	if (strlen(s) > 4 * max)
		return 0;
	rc = idn2_lookup_u8((const uint8_t *)s, &ascii,
	    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (rc == IDN2_MALLOC)
		fatal("out of memory");
	if (rc == IDN2_OK)
		n = ascii_domain(out, max, (const char *)ascii);
	idn2_free(ascii);
	return n;
}

size_t
record_domain_text(const char *name, bool wildcard, char *buf)
{
	size_t n, star = 0;

	if (wildcard && strncmp(name, "*.", 2) == 0) {
		memcpy(buf, name, 2);
		star = 2;
		name += 2;
	}
	if (utf8_is_ascii(name))
		n = ascii_domain(buf + star, RECORD_DOMAIN_MAX - star, name);
	else
		n = unicode_domain(buf + star, RECORD_DOMAIN_MAX - star, name);
	return n == 0 ? 0 : star + n;
}

const char *
record_domain(const char *name, bool wildcard, struct arena *a)
{
	char buf[RECORD_DOMAIN_MAX + 1];
	size_t n = record_domain_text(name, wildcard, buf);

	return n == 0 ? NULL : arena_strndup(a, buf, n);
}

const char *
record_host(struct arena *a, const char *s)
{
	return record_domain(s, false, a);
}

const char *
record_mx(struct arena *a, const char *s)
{
	return record_domain(s, true, a);
}

const char *
record_address(struct arena *a, const char *s)
{
	unsigned char bin[sizeof(struct in6_addr)];
	char buf[INET6_ADDRSTRLEN];
	size_t len = strlen(s);
	int family;

	if (s[0] == '[' && s[len - 1] == ']') {
		s++;
		len -= 2;
	}
	if (len >= 5 && strncasecmp(s, "IPv6:", 5) == 0) {
		s += 5;
		len -= 5;
	}
	if (len >= sizeof(buf))
		return NULL;
	memcpy(buf, s, len);
	buf[len] = '\0';
	family = strchr(buf, ':') != NULL ? AF_INET6 : AF_INET;
	if (inet_pton(family, buf, bin) != 1)
		return NULL;
	/* inet_pton takes only one way to write an IPv4 address. */
	if (family == AF_INET6 &&
	    inet_ntop(family, bin, buf, sizeof(buf)) == NULL)
		return NULL;
	return arena_strdup(a, buf);
}

const char *
record_helo(struct arena *a, const char *s)
{
	s += strspn(s, " \t\r\n");
	if (isdigit((unsigned char)s[0]) && isdigit((unsigned char)s[1]) &&
	    isdigit((unsigned char)s[2]) && strchr("- \r\n", s[3]) != NULL) {
		/* strchr finds the terminator, too: a code and no more. */
		s += 3;
		if (*s == '-' || *s == ' ')
			s++;
		s += strspn(s, " \t");
	}
	return utf8_clean(a, s, strcspn(s, " \t\r\n"), RECORD_HELO_MAX);
}

const char *
record_reason(struct arena *a, const char *s)
{
	s += strspn(s, " \t\r\n");
	return utf8_clean(a, s, strlen(s), RECORD_TEXT_MAX);
}

const char *
record_line(struct arena *a, const char *s)
{
	return utf8_clean(a, s, strlen(s), RECORD_STRING_MAX);
}

/* A number of 0 to 255 and the blanks behind it, moving on; -1 if not. */
static int
tlsa_number(const char **s)
{
	int value = 0;

	if (!isdigit((unsigned char)**s))
		return -1;
	for (; isdigit((unsigned char)**s); ++*s)
		if ((value = value * 10 + (**s - '0')) > UINT8_MAX)
			return -1;
	if (**s != ' ' && **s != '\t')
		return -1;
	*s += strspn(*s, " \t");
	return value;
}

const char *
record_tlsa(struct arena *a, const char *text)
{
	const char *s = text + strspn(text, " \t");
	int usage, selector, type;
	char *hex, *p;

	if (strlen(text) > RECORD_STRING_MAX ||
	    (usage = tlsa_number(&s)) == -1 ||
	    (selector = tlsa_number(&s)) == -1 ||
	    (type = tlsa_number(&s)) == -1)
		return record_line(a, text);
	p = hex = arena_alloc(a, strlen(s) + 1);
	for (; isxdigit((unsigned char)*s) || *s == ' ' || *s == '\t'; s++)
		if (isxdigit((unsigned char)*s))
			*p++ = (char)toupper((unsigned char)*s);
	*p = '\0';
	if (*s != '\0' || p == hex || (p - hex) % 2 != 0)
		return record_line(a, text);
	return arena_printf(a, "%d %d %d %s", usage, selector, type, hex);
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

void
record_sort(const char **list, size_t *n)
{
	size_t i, kept = 0;

	if (*n < 2)
		return;
	qsort(list, *n, sizeof(*list), by_text);
	for (i = 1; i < *n; i++)
		if (strcmp(list[kept], list[i]) != 0)
			list[++kept] = list[i];
	*n = kept + 1;
}
