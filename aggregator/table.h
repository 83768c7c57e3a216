#ifndef AGGREGATOR_TABLE_H
#define AGGREGATOR_TABLE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Nodes found by hash.  The table keeps hashes and pointers; what makes two
 * nodes the same is the caller's business:
 *
 *	size_t at = 0;
 *
 *	while ((node = table_next(t, hash, &at)) != NULL)
 *		if (same(node, key))
 *			return node;
 *	table_add(t, hash, node = make(key));
 *
 * An all-zero struct is an empty table.  Nothing is ever taken out.
 */
struct table_slot {
	uint64_t hash;
	void *node;
};

struct table {
	struct table_slot *slots;
	size_t size, used;		/* size is a power of two, or 0 */
};

/* The next node with this hash, or NULL when there is no other. */
void	*table_next(const struct table *t, uint64_t hash, size_t *at);
void	table_add(struct table *t, uint64_t hash, void *node);
void	table_release(struct table *t);

/*
 * Go on hashing with one more text, or its absence (NULL).  ("ab", "c") and
 * ("a", "bc") differ: each text is hashed with the result so far as its seed.
 */
uint64_t table_hash(uint64_t h, const char *text);

#endif
