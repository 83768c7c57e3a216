#include "spool/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/log.h"
#include "conf/mem.h"

#define ARENA_BLOCK	(64 << 10)	/* what an ordinary block holds */

struct arena_block {
	struct arena_block *next;
	size_t size;			/* of data */
	alignas(max_align_t) char data[];
};

static struct arena_block *
block_new(struct arena *a, size_t size)
{
	struct arena_block *b = xmalloc(sizeof(*b) + size);

	b->next = NULL;
	b->size = size;
	a->size += sizeof(*b) + size;
	return b;
}

/* A block of its own, behind the newest, whose room goes on being used. */
static void *
alloc_large(struct arena *a, size_t size)
{
	struct arena_block *b = block_new(a, size);

	b->next = a->block->next;
	a->block->next = b;
	return b->data;
}

static void
block_use(struct arena *a, struct arena_block *b)
{
	a->block = b;
	a->next = b->data;
	a->end = b->data + b->size;
}

static size_t
room(const struct arena *a)
{
	return a->block == NULL ? 0 : (size_t)(a->end - a->next);
}

static size_t
aligned(size_t size)
{
	const size_t mask = alignof(max_align_t) - 1;

	if (size > SIZE_MAX / 2)
		fatal("out of memory");
	return size == 0 ? mask + 1 : (size + mask) & ~mask;
}

void *
arena_alloc(struct arena *a, size_t size)
{
	struct arena_block *b;
	void *p;

	size = aligned(size);
	if (size > room(a)) {
		if (a->block != NULL && size > ARENA_BLOCK / 4)
			return alloc_large(a, size);
		b = block_new(a, size > ARENA_BLOCK ? size : ARENA_BLOCK);
		b->next = a->block;
		block_use(a, b);
	}
	p = a->next;
	a->next += size;
	return p;
}

void *
arena_calloc(struct arena *a, size_t n, size_t size)
{
	void *p;

	if (size != 0 && n > SIZE_MAX / size)
		fatal("out of memory");
	p = arena_alloc(a, n * size);
	return memset(p, 0, n * size);
}

char *
arena_strndup(struct arena *a, const char *s, size_t len)
{
	char *p;

	len = strnlen(s, len);
	p = arena_alloc(a, len + 1);
	memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

char *
arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *
arena_printf(struct arena *a, const char *format, ...)
{
	va_list ap;
	char *p;
	int n;

	/* Straight into the free room; a second time when that is too small. */
	va_start(ap, format);
	n = vsnprintf(a->next, room(a), format, ap);
	va_end(ap);
	if (n < 0)
		fatal("cannot format \"%s\"", format);
	if ((size_t)n < room(a))
		return arena_alloc(a, (size_t)n + 1);
	p = arena_alloc(a, (size_t)n + 1);
	va_start(ap, format);
	vsnprintf(p, (size_t)n + 1, format, ap);
	va_end(ap);
	return p;
}

static void
blocks_free(struct arena_block *b)
{
	struct arena_block *next;

	for (; b != NULL; b = next) {
		next = b->next;
		free(b);
	}
}

void
arena_reset(struct arena *a)
{
	struct arena_block *keep = a->block;

	if (keep == NULL)
		return;
	blocks_free(keep->next);
	keep->next = NULL;
	block_use(a, keep);
	a->size = sizeof(*keep) + keep->size;
}

void
arena_release(struct arena *a)
{
	blocks_free(a->block);
	*a = (struct arena){ 0 };
}
