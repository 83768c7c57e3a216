#include "spool/fold.h"

#include <sys/random.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "spool/fold_table.h"

#define SLOTS_MIN	1024
#define GUESS_BYTES	64	/* enough to reach the domain's name */
#define FETCH_BYTES	512	/* of a line, before comparing it */

/* What a distinct line costs besides its text; tables grow when half full. */
#define LINE_COST	(sizeof(struct fold_line) + 4 * sizeof(struct slot))

struct fold *
fold_new(void)
{
	struct fold *f = xcalloc(1, sizeof(*f));

	if (getrandom(f->secret, SECRET_SIZE, 0) != SECRET_SIZE)
		fatal("getrandom: %m");
	f->slot = xcalloc(SLOTS_MIN, sizeof(*f->slot));
	f->mask = SLOTS_MIN - 1;
	return f;
}

void
fold_free(struct fold *f)
{
	if (f == NULL)
		return;
	fold_reader_free(f->pipe);
	arena_release(&f->text);
	free(f->line);
	free(f->slot);
	free(f);
}

void
fold_reset(struct fold *f)
{
	arena_reset(&f->text);
	memset(f->slot, 0, (f->mask + 1) * sizeof(*f->slot));
	memset(f->guess, 0, sizeof(f->guess));
	f->nlines = f->bytes = f->tail_len = 0;
	f->total = 0;
	f->tail = NULL;
}

size_t
fold_lines(const struct fold *f, const struct fold_line **lines)
{
	*lines = f->line;
	return f->nlines;
}

const char *
fold_tail(const struct fold *f, size_t *len)
{
	*len = f->tail_len;
	return f->tail;
}

size_t
fold_bytes(const struct fold *f)
{
	return f->bytes;
}

uint64_t
fold_total(const struct fold *f)
{
	return f->total;
}

/* Enter a line that is not there yet. */
static void
slot_fill(struct fold *f, uint32_t hash, uint32_t line)
{
	size_t i = hash & f->mask;

	while (f->slot[i].line != 0)
		i = (i + 1) & f->mask;
	f->slot[i] = (struct slot){ hash, line };
}

static void
slots_double(struct fold *f)
{
	struct slot *old = f->slot;
	size_t n = f->mask + 1;

	f->slot = xcalloc(2 * n, sizeof(*f->slot));
	f->mask = 2 * n - 1;
	for (size_t i = 0; i < n; i++)
		if (old[i].line != 0)
			slot_fill(f, old[i].hash, old[i].line);
	free(old);
}

static uint32_t
line_new(struct fold *f, const struct item *item)
{
	char *text = arena_alloc(&f->text, item->len);

	if (f->nlines == UINT32_MAX)
		fatal("more than %u different lines", UINT32_MAX);
	if (f->nlines == f->room) {
		f->room = f->room ? 2 * f->room : SLOTS_MIN / 2;
		f->line = xreallocarray(f->line, f->room, sizeof(*f->line));
	}
	if (2 * f->nlines > f->mask)
		slots_double(f);
	memcpy(text, item->text, item->len);
	f->line[f->nlines++] = (struct fold_line){ text, (uint32_t)item->len,
	    0, 0 };
	f->bytes += item->len + LINE_COST;
	slot_fill(f, item->hash, (uint32_t)f->nlines);
	return (uint32_t)f->nlines;
}

static bool
line_is(const struct fold_line *l, const struct item *item)
{
	return l->len == item->len &&
	    memcmp(l->text, item->text, item->len) == 0;
}

/* The line with the item's hash and text, or 0. */
static uint32_t
line_find(const struct fold *f, const struct item *item)
{
	const struct slot *s;

	for (size_t i = item->hash & f->mask; (s = &f->slot[i])->line != 0;
	    i = (i + 1) & f->mask)
		if (s->hash == item->hash &&
		    line_is(&f->line[s->line - 1], item))
			return s->line;
	return 0;
}

/*
 * Find lines by guessing.  What that reads is fetched ahead, one level of
 * indirection after the other for all of them, so that the waits overlap.
 */
static void
guess(const struct fold *f, struct item *item, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const size_t begin = item[i].len < GUESS_BYTES ? item[i].len :
		    GUESS_BYTES;

		item[i].guess = (uint32_t)XXH3_64bits_withSeed(item[i].text,
		    begin, item[i].len) % GUESSES;
		__builtin_prefetch(&f->guess[item[i].guess]);
	}
	for (size_t i = 0; i < n; i++)
		if ((item[i].line = f->guess[item[i].guess]) != 0)
			__builtin_prefetch(&f->line[item[i].line - 1]);
	for (size_t i = 0; i < n; i++)
		if (item[i].line != 0)
			for (size_t at = 0; at < item[i].len &&
			    at < FETCH_BYTES; at += 64)
				__builtin_prefetch(
				    f->line[item[i].line - 1].text + at);
	for (size_t i = 0; i < n; i++)
		if (item[i].line != 0 &&
		    !line_is(&f->line[item[i].line - 1], &item[i]))
			item[i].line = 0;
}

/* Hash those that guessing did not find. */
static void
hash(const struct fold *f, struct item *item, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (item[i].line == 0) {
			item[i].hash = (uint32_t)XXH3_64bits_withSecret(
			    item[i].text, item[i].len, f->secret, SECRET_SIZE);
			__builtin_prefetch(&f->slot[item[i].hash & f->mask]);
		}
}

size_t
fold_items(struct fold *f, struct item *item, size_t n, size_t limit)
{
	guess(f, item, n);
	hash(f, item, n);
	for (size_t i = 0; i < n; i++) {
		uint32_t line = item[i].line;

		if (line == 0 && (line = line_find(f, &item[i])) == 0)
			line = line_new(f, &item[i]);
		f->guess[item[i].guess] = line;
		f->line[line - 1].n += item[i].n;
		f->total += item[i].n;
		if (limit != 0 && f->bytes > limit)
			return i + 1;
	}
	return n;
}

void
fold_add(struct fold *f, const char *line, size_t len, uint64_t n)
{
	struct item item = { .text = line, .len = len, .n = n };

	if (item.len > LINE_KEPT)
		item.len = LINE_KEPT;
	fold_items(f, &item, 1, 0);
}
