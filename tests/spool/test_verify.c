#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "conf/mem.h"
#include "spool/list.h"
#include "spool/verify.h"
#include "tests/spool/scratch.h"

#define N(a)	(sizeof(a) / sizeof((a)[0]))
#define GOOD	RECORD("a.example") "\n"

/* The same text with the scratch folder, or a file's folder, as `S`. */
static char *
without_path(char *text, const char *path)
{
	size_t len = strlen(path);
	char *p;

	while ((p = strstr(text, path)) != NULL) {
		*p = 'S';
		memmove(p + 1, p + len, strlen(p + len) + 1);
	}
	return text;
}

static const struct {
	const char *name, *file, *text, *want;
	uint64_t lines;
} rows[] = {
	{ "all well", "a.seg", HEADER("1", "") GOOD GOOD, "", 2 },
	{ "bad lines by number", "a.seg", HEADER("1", "") GOOD "x\n" GOOD
	    "\n[]\n", "S/a.seg:3: does not begin with '{'\n"
	    "S/a.seg:6: does not begin with '{'\n", 4 },
	{ "each of two equal ones", "a.seg", HEADER("1", "") "x\nx\n",
	    "S/a.seg:2: does not begin with '{'\n"
	    "S/a.seg:3: does not begin with '{'\n", 2 },
	{ "a torn line", "a.open", HEADER("1", "") GOOD "{\"d\"",
	    "S/a.open:3: torn: no newline at its end\n", 1 },
	{ "a copy that is not whole, line by line", "a.seg",
	    HEADER("1", ",\"lines\":3") GOOD "x\n", "S/a.seg: shorter than its "
	    "header says: not copied as a whole?\n"
	    "S/a.seg:3: does not begin with '{'\n", 2 },
	{ "sessions that do not add up", "a.seg",
	    HEADER("1", ",\"lines\":1,\"sessions\":2") GOOD,
	    "S/a.seg:1: its header says another number of sessions than its "
	    "lines\n", 1 },
	{ "no header", "a.seg", GOOD,
	    "S/a.seg: its first line is not a segment header\n", 0 },
	{ "an empty segment file", "a.open", "",
	    "S/a.open: no header line, or an incomplete one\n", 0 },
	{ "JSON lines", "a.jsonl", GOOD "x\n" GOOD,
	    "S/a.jsonl:2: does not begin with '{'\n", 3 },
	{ "JSON lines without newline at the end", "a.jsonl", GOOD
	    RECORD("b.example"), "", 2 },
	{ "and an unfinished one", "a.jsonl", GOOD "x",
	    "S/a.jsonl:2: does not begin with '{'\n", 2 },
	{ "a name for a terminal", "\033[2Jx\n.jsonl", "y\n",
	    "S/\\x1b[2Jx\\x0a.jsonl:1: does not begin with '{'\n", 1 },
};

static void
every_line_of_a_file_is_looked_at(void **state)
{
	struct scratch *s = *state;

	for (size_t i = 0; i < N(rows); i++) {
		struct verify_totals t = { 0 };
		char *text, *path;
		size_t len, bad = 0;
		FILE *out = open_memstream(&text, &len);

		print_message("%s\n", rows[i].name);
		put(s->spool.fd, rows[i].file, rows[i].text);
		path = xasprintf("%s/%s", s->path, rows[i].file);
		verify_file(path, out, &t);
		fclose(out);
		for (char *p = text; (p = strchr(p, '\n')) != NULL; p++)
			bad++;
		assert_string_equal(without_path(text, s->path),
		    rows[i].want);
		assert_int_equal(t.bad, bad);
		assert_int_equal(t.files, 1);
		assert_int_equal(t.lines, rows[i].lines);
		free(path);
		free(text);
	}
}

static void
what_cannot_be_read_is_said(void **state)
{
	struct scratch *s = *state;
	struct verify_totals t = { 0 };
	char *text, *none = xasprintf("%s/none", s->path);
	size_t len;
	FILE *out = open_memstream(&text, &len);

	verify_file(none, out, &t);
	verify_file(s->path, out, &t);
	verify_day(&s->spool, DAY, out, &t);
	fclose(out);
	assert_string_equal(without_path(text, s->path),
	    "S/none: No such file or directory\nS: not a regular file\n"
	    "S/days/2026-11-21: No such file or directory\n");
	assert_int_equal(t.bad, 3);
	free(text);
	free(none);
}

static void
a_spool_is_looked_through(void **state)
{
	struct scratch *s = *state;
	struct verify_totals t = { 0 };
	char *text, *name;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	int fd;

	put_segment(&s->spool, "a.seg", HEADER("1", "") GOOD "x\n");
	put_segment(&s->spool, "b.open", HEADER("2", "") GOOD "tor");
	put_segment(&s->spool, "c.seg", HEADER("3", "") GOOD);
	put_segment(&s->spool, "d.seg", "{\"tlsrpt-segment\":1,\"id\":\"4\","
	    "\"day\":\"2026-11-20\",\"source\":\"h\",\"created\":1}\n" GOOD);
	put(s->spool.incoming, "d.jsonl", GOOD "x\n");
	put(s->spool.incoming, ".e.jsonl", "x\n");
	/* A live collector in the middle of a line. */
	assert_int_not_equal(fd = spool_begin(&s->spool, DAY, &name), -1);
	assert_int_equal(file_write(fd, "{\"d\":", 5), 0);
	verify_day(&s->spool, DAY, out, &t);
	verify_incoming(&s->spool, out, &t);
	fclose(out);
	close(fd);
	assert_string_equal(without_path(text, s->path),
	    "S/days/2026-11-21/a.seg:3: does not begin with '{'\n"
	    "S/days/2026-11-21/b.open:3: torn: no newline at its end\n"
	    "S/days/2026-11-21/d.seg: its header names another day than its "
	    "folder\n"
	    "S/incoming/d.jsonl:2: does not begin with '{'\n");
	assert_int_equal(t.files, 6);
	free(name);
	free(text);
}

static void
the_list_shows_days_and_what_is_bad(void **state)
{
	struct scratch *s = *state;
	struct intake_totals t;
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	put_segment(&s->spool, "a.open", HEADER("1", "")
	    WITH("\"n\":5", "a.example") "\n" GOOD);
	put_segment(&s->spool, "b.seg", HEADER("2",
	    ",\"lines\":2,\"sessions\":70") GOOD GOOD);
	put_segment(&s->spool, "c.seg", HEADER("3", ",\"lines\":2") GOOD);
	drop(&s->spool, "d.jsonl", GOOD);
	assert_int_equal(add_text(&s->spool, "x\ny\n"
	    WITH("\"ts\":1795132800", "a.example"), &t), 0);
	assert_int_equal(list_spool(&s->spool, out), 0);
	fclose(out);
	print_message("%s", text);
	assert_non_null(strstr(text, "\n2026-11-20         1       1     0"
	    "            1          1 "));
	assert_non_null(strstr(text, "\n2026-11-21         3       2     1"
	    "           76          4 "));
	assert_non_null(strstr(text, "\nincoming           1 files"));
	assert_non_null(strstr(text, "\nrejected           1 files"));
	assert_non_null(strstr(text, " 2 lines\n"));
	assert_non_null(strstr(text, "\ndays/2026-11-21/c.seg: shorter than "
	    "its header says"));
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(every_line_of_a_file_is_looked_at),
		CASE(what_cannot_be_read_is_said),
		CASE(a_spool_is_looked_through),
		CASE(the_list_shows_days_and_what_is_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
