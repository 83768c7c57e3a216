#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "spool/segment.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
demand(int promise)
{
	if (!promise)
		abort();
}

/* What was read is written, and read again, the same. */
static void
check_round_trip(const struct segment *g)
{
	struct segment again = { 0 };
	const char *why;
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	demand(f != NULL && segment_header(f, g) == 0 && fclose(f) == 0);
	demand(memchr(text, '\n', len) == text + len - 1);
	demand(segment_parse(&again, text, len - 1, &why) == 0);
	demand(strcmp(again.id, g->id) == 0);
	demand(strcmp(again.source, g->source) == 0);
	demand(again.day == g->day && again.created == g->created);
	demand(again.lines == g->lines && again.sessions == g->sessions);
	segment_release(&again);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
	size_t len = end ? (size_t)(end - data) : size;
	struct segment g = { 0 };
	const char *why = NULL;

	if (segment_parse(&g, (const char *)data, len, &why) == -1)
		demand(why != NULL && g.id == NULL && g.source == NULL);
	else {
		demand(strlen(g.id) >= 1 && strlen(g.id) <= SEGMENT_ID_MAX);
		demand(g.created >= 0 && g.lines >= -1 && g.sessions >= -1);
		check_round_trip(&g);
	}
	segment_release(&g);
	return 0;
}
