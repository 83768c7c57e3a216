#include "spool/span.h"

#include <ctype.h>
#include <string.h>

bool
span_eat(struct span *s, const char *word)
{
	size_t n = strlen(word);

	if (s->n < n || (n > 0 && memcmp(s->p, word, n) != 0))
		return false;
	s->p += n;
	s->n -= n;
	return true;
}

bool
span_cut(struct span *s, const char *at, struct span *head)
{
	size_t n = strlen(at);
	const char *end = s->n > 0 ? memmem(s->p, s->n, at, n) : NULL;

	if (end == NULL)
		return false;
	*head = (struct span){ s->p, (size_t)(end - s->p) };
	s->n -= head->n + n;
	s->p = end + n;
	return true;
}

bool
span_digits(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!isdigit((unsigned char)s.p[i]))
			return false;
	return s.n > 0;
}
