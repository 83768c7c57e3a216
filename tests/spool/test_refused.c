#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "conf/mem.h"
#include "spool/refused.h"
#include "tests/spool/scratch.h"

/* An entry of the ring with this line. */
static struct ring_entry *
entry(uint64_t position, const char *line)
{
	struct ring_entry *e = xcalloc(1, sizeof(*e) + strlen(line) + 1);

	e->position = position;
	e->arrival = NOON;
	e->kind = RING_REFUSED;
	e->len = (uint32_t)strlen(line);
	memcpy(e + 1, line, e->len);
	return e;
}

static void
add(struct refused *r, const struct scratch *s, int day, uint64_t position,
    const char *line)
{
	struct ring_entry *e = entry(position, line);

	refused_add(r, &s->spool, day, "socket", e);
	free(e);
}

static void
lines_are(const struct scratch *s, const char *file, size_t want)
{
	char *text = slurp(s->spool.rejected, file);
	size_t n = 0;

	for (const char *p = text; (p = strchr(p, '\n')) != NULL; p++)
		n++;
	assert_int_equal(n, want);
	assert_non_null(strstr(text, "\"time\":\"2026-11-21T12:00:00Z\","
	    "\"origin\":\"socket\",\"reason\":\""));
	free(text);
}

static void
each_is_added_once(void **state)
{
	struct scratch *s = *state;
	struct refused r = { 0 };

	add(&r, s, DAY, 0, "junk");
	add(&r, s, DAY, 64, "more");
	refused_end(&r);
	lines_are(s, "2026-11-21.jsonl", 2);
	/* The ring is read again when the disk has failed. */
	add(&r, s, DAY, 0, "junk");
	add(&r, s, DAY, 64, "more");
	add(&r, s, DAY, 128, "new");
	refused_end(&r);
	lines_are(s, "2026-11-21.jsonl", 3);
}

static void
each_day_has_its_file(void **state)
{
	struct scratch *s = *state;
	struct refused r = { 0 };

	add(&r, s, DAY, 0, "junk");
	add(&r, s, DAY + 1, 64, "junk");
	add(&r, s, DAY, 128, "junk");
	refused_end(&r);
	refused_end(&r);
	lines_are(s, "2026-11-21.jsonl", 2);
	lines_are(s, "2026-11-22.jsonl", 1);
}

/* What could not be kept is not tried again; what comes later is. */
static void
trouble_holds_nothing_up(void **state)
{
	struct scratch *s = *state;
	struct refused r = { 0 };

	assert_int_equal(mkdirat(s->spool.rejected, "2026-11-21.jsonl", 0700),
	    0);
	add(&r, s, DAY, 0, "junk");
	assert_int_equal(r.told, 0);
	refused_end(&r);
	assert_int_not_equal(r.told, 0);
	unlinkat(s->spool.rejected, "2026-11-21.jsonl", AT_REMOVEDIR);
	add(&r, s, DAY, 0, "junk");
	add(&r, s, DAY, 64, "more");
	refused_end(&r);
	lines_are(s, "2026-11-21.jsonl", 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(each_is_added_once),
		CASE(each_day_has_its_file),
		CASE(trouble_holds_nothing_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
