#include "spool/json_mem.h"

#include <pthread.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local struct {
	char *buf, *next;
	size_t size, room;
	bool whole;		/* buf has been enough so far */
} scope;

static void *
take(size_t size)
{
	const size_t mask = alignof(max_align_t) - 1;
	char *p = scope.next;

	if (size > scope.room) {
		scope.whole = false;
		return malloc(size);
	}
	size = (size + mask) & ~mask;
	if (size > scope.room)
		size = scope.room;
	scope.next += size;
	scope.room -= size;
	return p;
}

static void
give_back(void *p)
{
	/* A pointer in front of buf makes a difference beyond any size. */
	if ((uintptr_t)p - (uintptr_t)scope.buf >= scope.size)
		free(p);
}

static void
set_up(void)
{
	json_set_alloc_funcs(take, give_back);
}

void
json_mem_begin(void *buf, size_t size)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, set_up);
#ifndef __SANITIZE_ADDRESS__	/* which is to see every mistake */
	scope.buf = scope.next = buf;
	scope.size = scope.room = size;
	scope.whole = true;
#else
	(void)buf, (void)size;
#endif
}

void
json_mem_end(json_t *document)
{
	if (!scope.whole)	/* else all of it is in buf */
		json_decref(document);
	memset(&scope, 0, sizeof(scope));
}
