#include "aggregator/table.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "conf/mem.h"

#define FIRST_SIZE	64

void *
table_next(const struct table *t, uint64_t hash, size_t *at)
{
	const struct table_slot *slot;

	if (t->size == 0)
		return NULL;
	for (;;) {
		slot = &t->slots[(hash + (*at)++) & (t->size - 1)];
		if (slot->node == NULL || slot->hash == hash)
			return slot->node;
	}
}

static void
put(struct table *t, uint64_t hash, void *node)
{
	size_t i = hash & (t->size - 1);

	while (t->slots[i].node != NULL)
		i = (i + 1) & (t->size - 1);
	t->slots[i].hash = hash;
	t->slots[i].node = node;
}

static void
grow(struct table *t)
{
	struct table old = *t;

	t->size = old.size ? 2 * old.size : FIRST_SIZE;
	t->slots = xcalloc(t->size, sizeof(*t->slots));
	for (size_t i = 0; i < old.size; i++)
		if (old.slots[i].node != NULL)
			put(t, old.slots[i].hash, old.slots[i].node);
	free(old.slots);
}

void
table_add(struct table *t, uint64_t hash, void *node)
{
	if (4 * t->used >= 3 * t->size)
		grow(t);
	put(t, hash, node);
	t->used++;
}

void
table_release(struct table *t)
{
	free(t->slots);
	memset(t, 0, sizeof(*t));
}

uint64_t
table_hash(uint64_t h, const char *text)
{
	return text == NULL ? XXH3_64bits_withSeed("", 1, h) :
	    XXH3_64bits_withSeed(text, strlen(text), h);
}
