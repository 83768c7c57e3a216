#include "reporter/clean.h"

#include "spool/utf8.h"

/* The code point; U+FFFD for what is no UTF-8. */
static unsigned
decode(const char *text, size_t *len)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t n = utf8_character(text);
	unsigned c;

	*len = n == 0 ? 1 : n;
	if (n <= 1)
		return n == 0 ? 0xfffd : s[0];
	c = s[0] & (0x7fU >> n);
	for (size_t i = 1; i < n; i++)
		c = c << 6 | (s[i] & 0x3f);
	return c;
}

bool
clean_character(const char *s, size_t *len)
{
	unsigned c = decode(s, len);

	return !(c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c ||
	    (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	    (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || c == 0xfffd);
}
