#include "conf/mem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>

#include "conf/log.h"

static void *
or_bust(void *p)
{
	if (p == NULL)
		fatal("out of memory");
	return p;
}

void *
xmalloc(size_t size)
{
	return or_bust(malloc(size ? size : 1));
}

void *
xcalloc(size_t n, size_t size)
{
	return or_bust(calloc(n ? n : 1, size ? size : 1));
}

void *
xreallocarray(void *p, size_t n, size_t size)
{
	return or_bust(reallocarray(p, n ? n : 1, size ? size : 1));
}

char *
xstrdup(const char *s)
{
	return or_bust(strdup(s));
}

char *
xstrndup(const char *s, size_t len)
{
	return or_bust(strndup(s, len));
}

char *
xasprintf(const char *format, ...)
{
	va_list ap;
	char *s;

	va_start(ap, format);
	if (vasprintf(&s, format, ap) == -1)
		s = NULL;
	va_end(ap);
	return or_bust(s);
}

/* It is one thread's, so that no character need wait for a lock. */
FILE *
xmemstream(char **text, size_t *len)
{
	FILE *f = or_bust(open_memstream(text, len));

	__fsetlocking(f, FSETLOCKING_BYCALLER);
	return f;
}

void
xmemclose(FILE *f)
{
	int failed = ferror(f);

	if (fclose(f) == EOF || failed)
		fatal("out of memory");
}

int
fmt(char *buf, size_t size, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(buf, size, format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= size) {
		buf[0] = '\0';
		errno = ENAMETOOLONG;
		return -1;
	}
	return n;
}
