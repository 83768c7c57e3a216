#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "spool/reject.h"
#include "tests/spool/scratch.h"

/* One line by a writer of its own; what rejects_sync says. */
static int
reject(const struct spool *s, int64_t now, const char *origin,
    const char *line, size_t len, uint64_t n, const char *why)
{
	struct rejects j;
	int rc, error;

	rejects_init(&j, s, DAY);
	rejects_add(&j, now, origin, line, len, n, why);
	rc = rejects_sync(&j);
	error = errno;
	rejects_release(&j);
	errno = error;
	return rc;
}

static void
a_rejected_line_is_written_as_documented(void **state)
{
	static const char line[] = "a\0\xff\"z";
	struct scratch *s = *state;
	char *text;

	assert_int_equal(reject(&s->spool, NOON, "socket", line,
	    sizeof(line) - 1, 3, "does not begin with '{'"), 0);
	assert_int_equal(reject(&s->spool, NOON + 1, "x\xfe", "", 0, 1,
	    "empty"), 0);
	text = slurp(s->spool.rejected, "2026-11-21.jsonl");
	assert_string_equal(text,
	    "{\"time\":\"2026-11-21T12:00:00Z\",\"origin\":\"socket\","
	    "\"reason\":\"does not begin with '{'\",\"n\":3,"
	    "\"line\":\"a\\u0000\xef\xbf\xbd\\\"z\"}\n"
	    "{\"time\":\"2026-11-21T12:00:01Z\",\"origin\":\"x\xef\xbf\xbd\","
	    "\"reason\":\"empty\",\"n\":1,\"line\":\"\"}\n");
	free(text);
}

static void
a_torn_rejected_line_costs_no_other(void **state)
{
	struct scratch *s = *state;
	char *text;

	put(s->spool.rejected, "2026-11-21.jsonl", "{\"time\":\"20");
	assert_int_equal(reject(&s->spool, NOON, "x", "y", 1, 1, "z"), 0);
	text = slurp(s->spool.rejected, "2026-11-21.jsonl");
	assert_memory_equal(text, "{\"time\":\"20\n{\"time\":", 20);
	free(text);
}

static void
rejected_lines_do_not_fill_the_disk(void **state)
{
	struct scratch *s = *state;
	struct stat st;
	int fd;

	put(s->spool.rejected, "2026-11-21.jsonl", "");
	fd = openat(s->spool.rejected, "2026-11-21.jsonl", O_WRONLY);
	assert_int_equal(ftruncate(fd, REJECTED_MAX - 1), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(reject(&s->spool, NOON, "x", "y", 1, 1,
		    "z"), 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_true(st.st_size > REJECTED_MAX);
	assert_true(st.st_size < REJECTED_MAX + 100);
	close(fd);
}

static void
where_it_cannot_be_written_it_fails(void **state)
{
	struct scratch *s = *state;

	assert_int_equal(mkdirat(s->spool.rejected, "2026-11-21.jsonl", 0700),
	    0);
	assert_int_equal(reject(&s->spool, NOON, "x", "y", 1, 1, "z"), -1);
	assert_int_equal(errno, EISDIR);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_rejected_line_is_written_as_documented),
		CASE(a_torn_rejected_line_costs_no_other),
		CASE(rejected_lines_do_not_fill_the_disk),
		CASE(where_it_cannot_be_written_it_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
