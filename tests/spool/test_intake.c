#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>

#include "conf/mem.h"
#include "spool/intake.h"
#include "tests/spool/scratch.h"

#define N(a)	(sizeof(a) / sizeof((a)[0]))

/* What came, as text: `day domain sessions` or `- line times`. */
static void
note_record(void *arg, int day, const struct record *r, uint64_t sessions)
{
	char text[DAY_TEXT];

	fprintf(arg, "%s %s %" PRIu64 "\n", day_format(day, text), r->domain,
	    sessions);
}

static void
note_reject(void *arg, const char *line, size_t len, uint64_t n,
    const char *why)
{
	assert_non_null(why);
	assert_true(why[0] != '\0');
	fprintf(arg, "- %.*s %" PRIu64 "\n", (int)len, line, n);
}

static char *
read_all(int fd, off_t from, bool complete, struct intake_totals *t)
{
	struct intake_sink sink = { .record = note_record,
		.reject = note_reject, .complete = complete };
	char *text;
	size_t len;

	sink.arg = open_memstream(&text, &len);
	*t = (struct intake_totals){ 0 };
	assert_int_equal(intake_read(fd, from, DAY, &sink, t), 0);
	fclose(sink.arg);
	return text;
}

static const struct {
	const char *name;
	bool complete;
	const char *text, *want;
	struct intake_totals totals;
} rows[] = {
	{ "nothing", true, "", "", { 0 } },
	{ "empty lines", true, "\n\n\n", "", { 0 } },
	{ "equal lines are one", false,
	    RECORD("a.example") "\n" RECORD("b.example") "\n"
	    RECORD("a.example") "\n",
	    "2026-11-21 a.example 2\n2026-11-21 b.example 1\n",
	    { .lines = 3, .distinct = 2, .sessions = 3 } },
	{ "n multiplies", false,
	    WITH("\"n\":10", "a.example") "\n"
	    WITH("\"n\":10", "a.example") "\n",
	    "2026-11-21 a.example 20\n",
	    { .lines = 2, .distinct = 1, .sessions = 20 } },
	{ "beyond 32 bits", false,
	    WITH("\"n\":4294967295", "a.example") "\n"
	    WITH("\"n\":4294967295", "a.example") "\n",
	    "2026-11-21 a.example 8589934590\n",
	    { .lines = 2, .distinct = 1, .sessions = UINT64_C(8589934590) } },
	{ "ts decides the day", false,
	    WITH("\"ts\":1795132799", "a.example") "\n"
	    WITH("\"ts\":1795132800", "a.example") "\n"
	    WITH("\"ts\":\"2026-11-21T23:59:59Z\"", "a.example") "\n"
	    WITH("\"ts\":\"2026-11-22T00:00:00Z\"", "a.example") "\n",
	    "2026-11-19 a.example 1\n2026-11-20 a.example 1\n"
	    "2026-11-21 a.example 1\n2026-11-22 a.example 1\n",
	    { .lines = 4, .distinct = 4, .sessions = 4 } },
	{ "a bad line costs no other", false,
	    "x\n" RECORD("a.example") "\n{}\nx\n" RECORD("a.example") "\n",
	    "- x 2\n2026-11-21 a.example 2\n- {} 1\n",
	    { .lines = 5, .distinct = 3, .sessions = 2, .rejected = 3 } },
	{ "a torn line is not handed on", false,
	    RECORD("a.example") "\n{\"d\":",
	    "2026-11-21 a.example 1\n",
	    { .lines = 1, .distinct = 1, .sessions = 1, .torn = 5 } },
	{ "even when it could be read", false,
	    RECORD("a.example") "\n" WITH("\"n\":1", "b.example"),
	    "2026-11-21 a.example 1\n",
	    { .lines = 1, .distinct = 1, .sessions = 1,
		.torn = sizeof(WITH("\"n\":1", "b.example")) - 1 } },
	{ "of a complete source it is a line", true,
	    RECORD("a.example") "\n" RECORD("a.example"),
	    "2026-11-21 a.example 2\n",
	    { .lines = 2, .distinct = 1, .sessions = 2 } },
	{ "and rejected when it is none", true,
	    RECORD("a.example") "\n{\"d\":",
	    "2026-11-21 a.example 1\n- {\"d\": 1\n",
	    { .lines = 2, .distinct = 2, .sessions = 1, .rejected = 1 } },
	{ "the only line", true, RECORD("a.example"),
	    "2026-11-21 a.example 1\n",
	    { .lines = 1, .distinct = 1, .sessions = 1 } },
};

static void
check(size_t i, const char *text, const struct intake_totals *t)
{
	const struct intake_totals *want = &rows[i].totals;

	print_message("%s\n", rows[i].name);
	assert_string_equal(text, rows[i].want);
	assert_int_equal(t->lines, want->lines);
	assert_int_equal(t->distinct, want->distinct);
	assert_int_equal(t->sessions, want->sessions);
	assert_int_equal(t->rejected, want->rejected);
	assert_int_equal(t->torn, want->torn);
}

static void
lines_become_records(void **state)
{
	struct intake_totals t;

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		int fd = text_fd(rows[i].text, strlen(rows[i].text));
		char *text = read_all(fd, 0, rows[i].complete, &t);

		check(i, text, &t);
		free(text);
		close(fd);
	}
}

static void
those_of_a_pipe_too(void **state)
{
	struct intake_totals t;

	(void)state;
	for (size_t i = 0; i < N(rows); i++) {
		int fd[2];
		char *text;

		assert_int_equal(pipe(fd), 0);
		assert_int_equal(file_write(fd[1], rows[i].text,
		    strlen(rows[i].text)), 0);
		close(fd[1]);
		text = read_all(fd[0], 0, rows[i].complete, &t);
		check(i, text, &t);
		free(text);
		close(fd[0]);
	}
}

static void
reading_starts_at_the_offset(void **state)
{
	const char *all = "header\n" RECORD("a.example") "\n";
	int fd = text_fd(all, strlen(all));
	struct intake_totals t;
	char *text = read_all(fd, 7, false, &t);

	(void)state;
	assert_string_equal(text, "2026-11-21 a.example 1\n");
	assert_int_equal(t.lines, 1);
	free(text);
	close(fd);
}

static void
totals_are_added_to(void **state)
{
	const struct intake_sink sink = { 0 };
	struct intake_totals t = { 0 };
	int fd = text_fd(RECORD("a.example") "\nx\n",
	    strlen(RECORD("a.example") "\nx\n"));

	(void)state;
	assert_int_equal(intake_read(fd, 0, DAY, &sink, &t), 0);
	assert_int_equal(intake_read(fd, 0, DAY, &sink, &t), 0);
	assert_int_equal(t.lines, 4);
	assert_int_equal(t.sessions, 2);
	assert_int_equal(t.rejected, 2);
	close(fd);
}

/* So many that all threads have work; some large, some that are none. */
#define MANY	20000

struct order {
	pthread_t thread;
	size_t next;
};

static void
expect_record(void *arg, int day, const struct record *r, uint64_t sessions)
{
	struct order *o = arg;
	char want[32];

	assert_true(pthread_equal(pthread_self(), o->thread));
	assert_int_equal(day, DAY);
	assert_int_equal(sessions, 1);
	snprintf(want, sizeof(want), "d%zu.example", o->next++);
	assert_string_equal(r->domain, want);
}

static void
expect_reject(void *arg, const char *line, size_t len, uint64_t n,
    const char *why)
{
	struct order *o = arg;
	char want[32];

	(void)why;
	assert_int_equal(n, 1);
	snprintf(want, sizeof(want), "bad %zu", o->next++);
	assert_int_equal(len, strlen(want));
	assert_memory_equal(line, want, len);
}

static void
order_is_kept_on_all_processors(void **state)
{
	struct order order = { .thread = pthread_self() };
	const struct intake_sink sink = { .record = expect_record,
		.reject = expect_reject, .arg = &order };
	struct intake_totals t = { 0 };
	char *text, *large = xmalloc(200000);
	size_t len;
	FILE *f = open_memstream(&text, &len);
	int fd;

	(void)state;
	memset(large, 'x', 199999);
	large[199999] = '\0';
	for (size_t i = 0; i < MANY; i++)
		if (i % 7 == 3)
			fprintf(f, "bad %zu\n", i);
		else
			fprintf(f, "{\"d\":\"d%zu.example\",\"x\":\"%s\","
			    POLICIES "}\n", i, i % 500 == 1 ? large : "");
	fclose(f);
	fd = text_fd(text, len);
	assert_int_equal(intake_read(fd, 0, DAY, &sink, &t), 0);
	assert_int_equal(order.next, MANY);
	assert_int_equal(t.sessions + t.rejected, MANY);
	close(fd);
	free(text);
	free(large);
}

/* Memory is bounded: what does not fit is handed on in rounds. */
static void
rounds_give_the_same_sums(void **state)
{
	const size_t max = intake_round_max;
	const struct intake_sink file = { .complete = true };
	struct intake_totals t = { 0 };
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	int fd, ends[2];

	(void)state;
	for (int i = 0; i < 300; i++)
		fprintf(f, "{\"d\":\"d%d.example\"," POLICIES "}\nbad\n",
		    i % 100);
	fprintf(f, RECORD("last.example"));
	fclose(f);
	intake_round_max = 2000;
	fd = text_fd(text, len);
	assert_int_equal(intake_read(fd, 0, DAY, &file, &t), 0);
	assert_int_equal(t.lines, 601);
	assert_int_equal(t.sessions, 301);
	assert_int_equal(t.rejected, 300);
	assert_true(t.distinct > 200);

	t = (struct intake_totals){ 0 };
	assert_int_equal(pipe(ends), 0);
	assert_true(len < 60000);	/* fits into the pipe */
	assert_int_equal(file_write(ends[1], text, len), 0);
	close(ends[1]);
	assert_int_equal(intake_read(ends[0], 0, DAY, &file, &t), 0);
	intake_round_max = max;
	assert_int_equal(t.lines, 601);
	assert_int_equal(t.sessions, 301);
	assert_int_equal(t.rejected, 300);
	assert_true(t.distinct > 200);
	close(ends[0]);
	close(fd);
	free(text);
}

static void
what_cannot_be_read_fails(void **state)
{
	const struct intake_sink sink = { 0 };
	struct intake_totals t = { 0 };
	int fd = open("/tmp", O_RDONLY | O_DIRECTORY);

	(void)state;
	assert_int_equal(intake_read(-1, 0, DAY, &sink, &t), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(intake_read(fd, 0, DAY, &sink, &t), -1);
	assert_int_equal(errno, EISDIR);
	close(fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_become_records),
		cmocka_unit_test(those_of_a_pipe_too),
		cmocka_unit_test(reading_starts_at_the_offset),
		cmocka_unit_test(totals_are_added_to),
		cmocka_unit_test(order_is_kept_on_all_processors),
		cmocka_unit_test(rounds_give_the_same_sums),
		cmocka_unit_test(what_cannot_be_read_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
