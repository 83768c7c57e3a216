#include "reporter/outcome.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/*
 * The length of text without the UTF-8 character that its end cut in two.
 */
static size_t
whole(const char *text, size_t len)
{
	size_t i = len, need;
	unsigned char c;

	while (i > 0 && ((unsigned char)text[i - 1] & 0xc0) == 0x80)
		i--;
	if (i == 0)
		return len;
	c = (unsigned char)text[i - 1];
	need = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
	return len - (i - 1) < need ? i - 1 : len;
}

/*
 * Replies may have several lines; the log and the queue's note have one.
 * Runs of control characters, such as line ends, become one blank.
 */
static void
one_line(char *text, size_t len)
{
	size_t i, n = 0;

	for (i = 0; i < len; i++) {
		if ((unsigned char)text[i] >= ' ' && text[i] != 0x7f)
			text[n++] = text[i];
		else if (n > 0 && text[n - 1] != ' ')
			text[n++] = ' ';
	}
	while (n > 0 && text[n - 1] == ' ')
		n--;
	text[n] = '\0';
}

void
result_set(struct result *r, enum outcome o, int code, const char *format, ...)
{
	va_list ap;
	size_t len;
	int n;

	r->outcome = o;
	r->code = code;
	r->retry_after = -1;
	va_start(ap, format);
	n = vsnprintf(r->text, sizeof(r->text), format, ap);
	va_end(ap);
	if (n < 0)
		r->text[0] = '\0';
	len = strlen(r->text);
	if (n >= (int)sizeof(r->text))
		len = whole(r->text, len);
	one_line(r->text, len);
}

enum outcome
outcome_http(int status)
{
	if (status >= 200 && status <= 299)
		return DELIVERED;
	switch (status) {
	case 408:	/* request timeout */
	case 425:	/* too early */
	case 429:	/* too many requests */
		return DEFERRED;
	}
	if (status >= 300 && status <= 499)
		return REFUSED;
	return DEFERRED;
}

enum outcome
outcome_smtp(int reply)
{
	if (reply >= 200 && reply <= 299)
		return DELIVERED;
	if (reply >= 500 && reply <= 599)
		return REFUSED;
	return DEFERRED;
}
