#include "spool/utf8.h"

#include <stdint.h>
#include <string.h>

#define REPLACEMENT	"\xef\xbf\xbd"	/* U+FFFD */

/*
 * The character at s, which does not begin with an ASCII byte: its length, or
 * 0 with the length of the ill-formed sequence in *bad.  RFC 3629 section 4
 * has the ranges; only the second byte's depends on the first.
 */
static size_t
sequence(const unsigned char *s, size_t len, size_t *bad)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t i, n;

	*bad = 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	for (i = 1; i < n; i++, low = 0x80, high = 0xbf) {
		*bad = i;
		if (i == len || s[i] < low || s[i] > high)
			return 0;
	}
	return n;
}

/* Nearly all text is ASCII: pass over it a word at a time. */
static size_t
ascii_span(const unsigned char *s, size_t len)
{
	const uint64_t high = 0x8080808080808080;
	uint64_t word;
	size_t i;

	for (i = 0; i + sizeof(word) <= len; i += sizeof(word)) {
		memcpy(&word, s + i, sizeof(word));
		if (word & high)
			break;
	}
	while (i < len && s[i] < 0x80)
		i++;
	return i;
}

bool
utf8_is_ascii(const char *s)
{
	size_t len = strlen(s);

	return ascii_span((const unsigned char *)s, len) == len;
}

size_t
utf8_span(const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t i = 0, n, bad;

	while ((i += ascii_span(s + i, len - i)) < len) {
		if ((n = sequence(s + i, len - i, &bad)) == 0)
			break;
		i += n;
	}
	return i;
}

size_t
utf8_character(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t bad;

	return *s < 0x80 ? 1 : sequence(s, strnlen(text, 4), &bad);
}

char *
utf8_repair(struct arena *a, const char *s, size_t *len)
{
	const char *end = s + *len;
	char *out = arena_alloc(a, *len * strlen(REPLACEMENT) + 1), *p = out;
	size_t n, bad;

	for (;;) {
		n = utf8_span(s, (size_t)(end - s));
		memcpy(p, s, n);
		p += n;
		s += n;
		if (s == end)
			break;
		(void)sequence((const unsigned char *)s, (size_t)(end - s),
		    &bad);
		memcpy(p, REPLACEMENT, strlen(REPLACEMENT));
		p += strlen(REPLACEMENT);
		s += bad;
	}
	*p = '\0';
	*len = (size_t)(p - out);
	return out;
}

static bool
is_control(const unsigned char *s, size_t n)
{
	return n == 1 ? s[0] < 0x20 || s[0] == 0x7f :
	    s[0] == 0xc2 && s[1] < 0xa0;
}

/* U+FDD0 to U+FDEF, and the last two of every plane (RFC 7493 section 2.1). */
static bool
is_noncharacter(const unsigned char *s, size_t n)
{
	if (n == 3 && s[0] == 0xef)
		return (s[1] == 0xb7 && s[2] >= 0x90 && s[2] <= 0xaf) ||
		    (s[1] == 0xbf && s[2] >= 0xbe);
	return n == 4 && (s[1] & 0x0f) == 0x0f && s[2] == 0xbf && s[3] >= 0xbe;
}

const char *
utf8_clean(struct arena *a, const char *text, size_t len, size_t max)
{
	const unsigned char *s = (const unsigned char *)text, *end = s + len;
	char *out = arena_alloc(a, (len < max ? len : max) + 1);
	size_t n, used = 0, bad;

	for (; s < end; s += n) {
		n = *s < 0x80 ? 1 : sequence(s, (size_t)(end - s), &bad);
		if (n == 0 || n > max - used)
			break;
		if (*s == '\t' || *s == '\r' || *s == '\n')
			out[used++] = ' ';
		else if (!is_control(s, n) && !is_noncharacter(s, n)) {
			memcpy(out + used, s, n);
			used += n;
		}
	}
	while (used > 0 && out[used - 1] == ' ')
		used--;
	out[used] = '\0';
	return used == 0 ? NULL : out;
}
