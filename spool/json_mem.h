#ifndef SPOOL_JSON_MEM_H
#define SPOOL_JSON_MEM_H

#include <jansson.h>
#include <stddef.h>

/*
 * jansson takes memory for every value, key and table of a document.  Between
 * these two calls what this thread's jansson takes comes from buf, which is
 * aligned for any type, as long as that lasts, and giving it back costs
 * nothing; beyond, and outside of them, it is malloc and free as usual.
 *
 * The end takes the reference to the document that was made in between (or
 * NULL).  Nothing else that jansson made must be left then.  Not to be nested.
 */
#define JSON_MEM_REPORT	(64 << 10)	/* bytes: of a hundred failures */

void	json_mem_begin(void *buf, size_t size);
void	json_mem_end(json_t *document);

#endif
