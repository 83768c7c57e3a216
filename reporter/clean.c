#include "reporter/clean.h"

/* The code point; U+FFFD for what is no UTF-8 (RFC 3629). */
static unsigned
decode(const unsigned char *s, size_t *len)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	unsigned c = n == 1 ? s[0] : s[0] & (0x7fU >> n);

	*len = 1;
	if ((s[0] >= 0x80 && s[0] < 0xc2) || s[0] > 0xf4)
		return 0xfffd;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0xfffd;
		c = c << 6 | (s[i] & 0x3f);
	}
	*len = n;
	return c;
}

bool
clean_character(const char *s, size_t *len)
{
	unsigned c = decode((const unsigned char *)s, len);

	return !(c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c ||
	    (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	    (c >= 0x2060 && c <= 0x206f) || (c >= 0xd800 && c < 0xe000) ||
	    c == 0xfeff || c == 0xfffd || c > 0x10ffff);
}
