#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "tests/spool/scratch.h"

#define N(a)	(sizeof(a) / sizeof((a)[0]))

static void
a_spool_is_made_when_wanted_only(void **state)
{
	struct scratch *s = *state;
	struct spool spool;
	struct stat st;
	const char *why;
	char path[128];

	snprintf(path, sizeof(path), "%s/new/spool", s->path);
	assert_int_equal(spool_open(&spool, path, "mta1", false, &why), -1);
	assert_int_equal(errno, ENOENT);
	assert_string_equal(why, "the spool directory");
	assert_int_equal(spool_open(&spool, path, "mta1", true, &why), 0);
	assert_int_equal(fstatat(spool.fd, "incoming", &st, 0), 0);
	assert_int_equal(fstatat(spool.fd, "days", &st, 0), 0);
	assert_int_equal(fstatat(spool.fd, "rejected", &st, 0), 0);
	assert_int_equal(st.st_mode & 07, 0);	/* nobody else's business */
	spool_close(&spool);
	assert_int_equal(spool_open(&spool, path, "mta1", false, &why), 0);
	assert_int_equal(unlinkat(spool.fd, "days", AT_REMOVEDIR), 0);
	spool_close(&spool);
	assert_int_equal(spool_open(&spool, path, "mta1", false, &why), -1);
	assert_string_equal(why, "the folder days of the spool");
	spool_close(&spool);
	memset(&spool, 0, sizeof(spool));
	spool_close(&spool);
}

static void
a_source_is_fit_for_a_file_name(void **state)
{
	static const char *const bad[] = { "", ".", "..", ".mta1", "a/b", "a b",
	    "m\xc3\xbc", "a\nb", NULL };
	struct scratch *s = *state;
	struct spool spool;
	const char *why;
	char name[130];

	for (size_t i = 0; i < N(bad); i++)
		assert_int_equal(spool_open(&spool, s->path, bad[i], true,
		    &why), -1);
	memset(name, 'x', 129);
	name[129] = '\0';
	assert_int_equal(spool_open(&spool, s->path, name, true, &why), -1);
	name[128] = '\0';
	assert_int_equal(spool_open(&spool, s->path, name, true, &why), 0);
	spool_close(&spool);
	assert_int_equal(spool_open(&spool, s->path, "MX-1_a.example.com",
	    true, &why), 0);
	spool_close(&spool);
}

static void
days_are_the_folders_named_so(void **state)
{
	static const char *const names[] = { "2026-11-21", "2024-02-29",
	    "2026-11-20", "2026-02-30", "lost+found", ".2026-11-22" };
	struct scratch *s = *state;
	int *days;
	size_t n;

	for (size_t i = 0; i < N(names); i++)
		assert_int_equal(mkdirat(s->spool.days, names[i], 0700), 0);
	assert_int_equal(spool_days(&s->spool, &days, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(days[0], 19782);
	assert_int_equal(days[1], DAY - 1);
	assert_int_equal(days[2], DAY);
	free(days);
}

/* `name id` of each, with `!` behind one that is bad and `~` a live one. */
static char *
listed(struct spool *s, int day)
{
	struct segments list;
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_int_equal(spool_segments(s, day, &list), 0);
	for (size_t i = 0; i < list.n; i++)
		fprintf(f, "%s %s%s%s\n", list.list[i].name,
		    list.list[i].id ? list.list[i].id : "-",
		    list.list[i].bad ? "!" : "", list.list[i].live ? "~" : "");
	segments_release(&list);
	fclose(f);
	return text;
}

#define BODY	RECORD("a.example") "\n"

static void
segments_are_listed(void **state)
{
	static const struct {
		const char *name;
		struct {
			const char *name, *text;
		} file[4];
		const char *want;
	} rows[] = {
		{ "none", { { NULL, NULL } }, "" },
		{ "by name", { { "b.seg", HEADER("1", "") BODY },
		    { "a.open", HEADER("2", "") BODY },
		    { "c.open", HEADER("3", "") } },
		    "a.open 2\nb.seg 1\nc.open 3\n" },
		{ "an open one that was sealed counts not",
		    { { "a.open", HEADER("1", "") BODY },
		    { "a.seg", HEADER("1", "") BODY } }, "a.seg 1\n" },
		{ "nor when the sealed one is half there",
		    { { "a.open", HEADER("1", "") BODY },
		    { "a.seg", HEADER("1", ",\"lines\":2") BODY } },
		    "a.seg 1!\n" },
		{ "an id counts once", { { "a.seg", HEADER("1", "") BODY },
		    { "b.seg", HEADER("1", "") BODY },
		    { "c.seg", HEADER("2", "") BODY } },
		    "a.seg 1\nc.seg 2\n" },
		{ "the whole one of two", {
		    { "a.seg", HEADER("1", ",\"lines\":2") BODY },
		    { "b.seg", HEADER("1", ",\"lines\":1") BODY } },
		    "b.seg 1\n" },
		{ "the sealed one of two", {
		    { "a.open", HEADER("1", "") BODY },
		    { "b.seg", HEADER("1", "") BODY } }, "b.seg 1\n" },
		{ "bad ones say so", { { "a.seg", "" }, { "b.seg", BODY },
		    { "c.open", "" }, { "d.seg", HEADER("1", "") } },
		    "a.seg -!\nb.seg -!\nc.open -!\nd.seg 1\n" },
		{ "temporaries are passed over", {
		    { ".a.seg.Xq3z9k", HEADER("1", "") BODY },
		    { ".a.seg", HEADER("1", "") BODY },
		    { "a.seg.part", HEADER("1", "") BODY },
		    { "a.seg~", HEADER("1", "") BODY } }, "" },
	};
	struct scratch *s = *state;

	for (size_t i = 0; i < N(rows); i++) {
		char *text;

		print_message("%s\n", rows[i].name);
		scratch_empty(s);
		for (size_t j = 0; j < N(rows[i].file); j++)
			if (rows[i].file[j].name != NULL)
				put_segment(&s->spool, rows[i].file[j].name,
				    rows[i].file[j].text);
		text = listed(&s->spool, DAY);
		assert_string_equal(text, rows[i].want);
		free(text);
	}
}

static void
a_segment_is_live_while_its_writer_is(void **state)
{
	struct scratch *s = *state;
	int dirfd, fd, other;
	char *text;

	put_segment(&s->spool, "a.open", HEADER("1", ""));
	dirfd = day_folder(&s->spool);
	fd = openat(dirfd, "a.open", O_WRONLY | O_APPEND);
	assert_int_equal(file_lock(fd), 0);
	text = listed(&s->spool, DAY);
	assert_string_equal(text, "a.open 1~\n");
	free(text);
	close(fd);
	text = listed(&s->spool, DAY);
	assert_string_equal(text, "a.open 1\n");
	free(text);
	/* And our own look has left no lock behind. */
	other = openat(dirfd, "a.open", O_WRONLY | O_APPEND);
	assert_int_equal(file_lock(other), 0);
	close(other);
	close(dirfd);
}

static void
a_segment_sealed_since_it_was_listed_is_read(void **state)
{
	struct scratch *s = *state;
	const struct intake_sink sink = { 0 };
	struct intake_totals t = { 0 };
	struct segments list;

	put_segment(&s->spool, "a.open", HEADER("1", "") BODY BODY);
	assert_int_equal(spool_segments(&s->spool, DAY, &list), 0);
	assert_int_equal(spool_seal(&s->spool, DAY, "a.open", &t), 0);
	t = (struct intake_totals){ 0 };
	assert_int_equal(spool_read(&s->spool, &list.list[0], &sink, &t), 0);
	assert_int_equal(t.sessions, 2);
	segments_release(&list);
}

static void
a_bad_segment_is_not_read(void **state)
{
	struct scratch *s = *state;
	const struct intake_sink sink = { 0 };
	struct intake_totals t = { 0 };
	struct segments list;

	put_segment(&s->spool, "a.seg", HEADER("1", ",\"lines\":9") BODY);
	assert_int_equal(spool_segments(&s->spool, DAY, &list), 0);
	assert_int_equal(spool_read(&s->spool, &list.list[0], &sink, &t), -1);
	assert_int_equal(errno, EBADMSG);
	assert_int_equal(t.lines, 0);
	segments_release(&list);
}

static void
a_day_goes_when_its_segments_go(void **state)
{
	struct scratch *s = *state;
	const struct segments none = { 0 };
	struct segments list;
	struct intake_totals t;
	char *text;

	assert_int_equal(add_text(&s->spool, BODY "bad\n", &t), 0);
	put_segment(&s->spool, ".left-behind", "");
	assert_int_equal(spool_segments(&s->spool, DAY, &list), 0);
	assert_int_equal(spool_remove(&s->spool, DAY, &list), 0);
	assert_int_equal(files_in(s->spool.days, ""), 0);
	text = listed(&s->spool, DAY);
	assert_string_equal(text, "");
	free(text);
	/* Done again, or never begun. */
	assert_int_equal(spool_remove(&s->spool, DAY, &list), 0);
	segments_release(&list);
	assert_int_equal(spool_remove(&s->spool, DAY - 1, &none), 0);
}

/* A file in rejected/, last written on this day. */
static void
put_rejected(struct spool *s, const char *name, int day)
{
	const struct timespec t[2] = { { .tv_sec = day_first(day) },
		{ .tv_sec = day_first(day) } };

	put(s->rejected, name, "{}\n");
	assert_int_equal(utimensat(s->rejected, name, t, 0), 0);
}

static void
what_was_rejected_is_forgotten(void **state)
{
	struct scratch *s = *state;
	struct intake_totals t;
	struct file_names left;

	/* DAY, 2026-11-21, has a folder. */
	assert_int_equal(add_text(&s->spool, BODY, &t), 0);
	put_rejected(&s->spool, "2026-11-21.jsonl", DAY);
	put_rejected(&s->spool, "2026-11-20.jsonl", DAY);
	put_rejected(&s->spool, "2026-11-19.jsonl", DAY + 3);
	put_rejected(&s->spool, "2026-11-30.jsonl", DAY);
	put_rejected(&s->spool, "2026-11-20.jsonl.old", DAY);
	put_rejected(&s->spool, "2026-11-20-mine.jsonl", DAY);
	put_rejected(&s->spool, "mine.jsonl", DAY);
	assert_int_equal(spool_forget_rejected(&s->spool, DAY + 2), 0);
	assert_int_equal(file_names(&left, s->spool.rejected, ""), 0);
	assert_int_equal(left.n, 6);
	assert_string_equal(left.name[0], "2026-11-19.jsonl");
	assert_string_equal(left.name[1], "2026-11-20-mine.jsonl");
	file_names_free(&left);
	assert_int_equal(spool_forget_rejected(&s->spool, DAY + 4), 0);
	assert_int_equal(file_names(&left, s->spool.rejected, ""), 0);
	assert_int_equal(left.n, 5);
	assert_string_equal(left.name[0], "2026-11-20-mine.jsonl");
	assert_string_equal(left.name[2], "2026-11-21.jsonl");
	file_names_free(&left);
}

static void
what_cannot_be_removed_is_told(void **state)
{
	const struct timespec then[2] = { { NOON, 0 }, { NOON, 0 } };
	struct scratch *s = *state;

	assert_int_equal(mkdirat(s->spool.rejected, "2026-11-18.jsonl", 0700),
	    0);
	assert_int_equal(utimensat(s->spool.rejected, "2026-11-18.jsonl", then,
	    0), 0);
	/* That this one can be does not hide it. */
	put_rejected(&s->spool, "2026-11-20.jsonl", DAY);
	assert_int_equal(spool_forget_rejected(&s->spool, DAY + 2), -1);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(files_in(s->spool.rejected, ""), 1);
}

static void
what_came_after_the_look_stays(void **state)
{
	struct scratch *s = *state;
	struct segments list;
	struct intake_totals t;
	char *text;

	assert_int_equal(add_text(&s->spool, BODY, &t), 0);
	assert_int_equal(spool_segments(&s->spool, DAY, &list), 0);
	put_segment(&s->spool, "late.seg", HEADER("1", ",\"lines\":1") BODY);
	assert_int_equal(spool_remove(&s->spool, DAY, &list), 0);
	segments_release(&list);
	text = listed(&s->spool, DAY);
	assert_non_null(strstr(text, "late.seg"));
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_spool_is_made_when_wanted_only),
		CASE(a_source_is_fit_for_a_file_name),
		CASE(days_are_the_folders_named_so),
		CASE(segments_are_listed),
		CASE(a_segment_is_live_while_its_writer_is),
		CASE(a_segment_sealed_since_it_was_listed_is_read),
		CASE(a_bad_segment_is_not_read),
		CASE(a_day_goes_when_its_segments_go),
		CASE(what_was_rejected_is_forgotten),
		CASE(what_cannot_be_removed_is_told),
		CASE(what_came_after_the_look_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
