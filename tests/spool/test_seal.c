#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/resource.h>
#include <sys/wait.h>
#include <errno.h>
#include <signal.h>

#include "conf/mem.h"
#include "spool/batch.h"
#include "spool/segment.h"
#include "tests/spool/scratch.h"

/* The only file of this day's folder with this ending; the caller frees. */
static char *
only_file(struct spool *s, const char *day, const char *suffix)
{
	int dirfd = openat(s->days, day, O_RDONLY | O_DIRECTORY);
	struct file_names names;
	char *text;

	assert_int_not_equal(dirfd, -1);
	assert_int_equal(file_names(&names, dirfd, suffix), 0);
	assert_int_equal(names.n, 1);
	text = slurp(dirfd, names.name[0]);
	file_names_free(&names);
	close(dirfd);
	return text;
}

/* The same, without the blanks that fill up the header of what was sealed. */
static char *
only_sealed(struct spool *s, const char *day, const char *suffix)
{
	char *text = only_file(s, day, suffix);
	char *nl = strchr(text, '\n'), *end = nl;

	assert_non_null(nl);
	while (end > text && end[-1] == ' ')
		end--;
	memmove(end, nl, strlen(nl) + 1);
	return text;
}

/* The bytes of tlsrpt-spool(5), but for id and time. */
static void
added_lines_are_folded_into_a_sealed_segment(void **state)
{
	struct scratch *s = *state;
	struct intake_totals t;
	char *text, *body;

	assert_int_equal(add_text(&s->spool, RECORD("a.example") "\n"
	    RECORD("b.example") "\n" RECORD("a.example") "\n"
	    WITH("\"ts\":1795262400", "b.example") "\n"
	    WITH("\"ts\":1795262401,\"n\":7", "b.example") "\n", &t), 0);
	assert_int_equal(t.lines, 5);
	assert_int_equal(t.sessions, 11);
	assert_int_equal(t.distinct, 4);
	assert_int_equal(t.days, 1);
	assert_int_equal(t.segments, 1);
	text = only_file(&s->spool, "2026-11-21", ".seg");
	body = strchr(text, '\n') + 1;
	body[-1] = '\0';
	assert_int_equal(strncmp(text, "{\"tlsrpt-segment\":1,\"id\":\"mta1-",
	    31), 0);
	assert_non_null(strstr(text, "\",\"day\":\"2026-11-21\","
	    "\"source\":\"mta1\",\"created\":"));
	assert_non_null(strstr(text, ",\"lines\":2,\"sessions\":11}"));
	assert_string_equal(body,
	    "{\"d\":\"a.example\"," POLICIES ",\"n\":2}\n"
	    "{\"d\":\"b.example\"," POLICIES ",\"n\":9}\n");
	free(text);
	assert_int_equal(sessions_of(&s->spool, DAY), 11);
}

static void
each_day_gets_its_own(void **state)
{
	struct scratch *s = *state;
	struct intake_totals t;
	int *days;
	size_t n;

	assert_int_equal(add_text(&s->spool, RECORD("a.example") "\n"
	    WITH("\"ts\":0", "a.example") "\n"
	    WITH("\"ts\":\"9999-12-31T23:59:59Z\"", "a.example") "\n"
	    WITH("\"ts\":1795132800,\"n\":2", "a.example") "\n", &t), 0);
	assert_int_equal(t.days, 4);
	assert_int_equal(spool_days(&s->spool, &days, &n), 0);
	assert_int_equal(n, 4);
	assert_int_equal(sessions_of(&s->spool, days[0]), 1);
	assert_int_equal(sessions_of(&s->spool, DAY - 1), 2);
	assert_int_equal(sessions_of(&s->spool, DAY), 1);
	assert_int_equal(sessions_of(&s->spool, days[3]), 1);
	free(days);
}

static void
adding_twice_counts_twice(void **state)
{
	struct scratch *s = *state;
	struct intake_totals t;

	for (int i = 0; i < 20; i++)
		assert_int_equal(add_text(&s->spool, RECORD("a.example"), &t),
		    0);
	assert_int_equal(sessions_of(&s->spool, DAY), 20);
}

static void
adding_starts_where_the_descriptor_stands(void **state)
{
	struct scratch *s = *state;
	const char *text = "read by others\n" RECORD("a.example") "\n";
	struct intake_totals t = { 0 };
	int fd = text_fd(text, strlen(text));

	assert_int_equal(lseek(fd, 15, SEEK_SET), 15);
	assert_int_equal(spool_add(&s->spool, fd, "test", DAY, &t), 0);
	assert_int_equal(t.lines, 1);
	assert_int_equal(t.rejected, 0);
	close(fd);
}

static void
nothing_to_add_leaves_nothing(void **state)
{
	struct scratch *s = *state;
	struct intake_totals t;

	assert_int_equal(add_text(&s->spool, "\n\n", &t), 0);
	assert_int_equal(t.segments, 0);
	assert_int_equal(files_in(s->spool.days, ""), 0);
}

static void
one_source_has_not_more_than_400_days(void **state)
{
	struct scratch *s = *state;
	struct intake_totals t;
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	for (int i = 0; i < 450; i++)
		fprintf(f, WITH("\"ts\":%d,\"n\":2", "a.example") "\n",
		    i * 86400);
	fclose(f);
	assert_int_equal(add_text(&s->spool, text, &t), 0);
	free(text);
	assert_int_equal(t.days, 400);
	assert_int_equal(t.rejected, 50);
	assert_int_equal(t.sessions, 800);
	assert_int_equal(files_in(s->spool.days, ""), 400);
	assert_int_equal(files_in(s->spool.rejected, ""), 1);
}

static void
many_distinct_lines_make_further_segments(void **state)
{
	const size_t max = batch_held_max;
	struct scratch *s = *state;
	struct intake_totals t = { 0 };
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	for (int i = 0; i < 500; i++)
		fprintf(f, "{\"d\":\"d%d.example\",\"ts\":%d," POLICIES
		    "}\n", i, NOON - 86400 * (i % 5 == 0));
	fclose(f);
	batch_held_max = 10000;
	assert_int_equal(add_text(&s->spool, text, &t), 0);
	assert_true(t.segments > 5);
	assert_int_equal(t.days, 2);
	assert_int_equal(sessions_of(&s->spool, DAY), 400);
	assert_int_equal(sessions_of(&s->spool, DAY - 1), 100);

	/* The same of the drop-box, twice: all parts are known again. */
	scratch_empty(s);
	for (int i = 0; i < 2; i++) {
		if (i == 0)
			drop(&s->spool, "a.jsonl", text);
		else
			assert_int_equal(linkat(s->spool.fd, "kept",
			    s->spool.incoming, "a.jsonl", 0), 0);
		if (i == 0)
			assert_int_equal(linkat(s->spool.incoming, "a.jsonl",
			    s->spool.fd, "kept", 0), 0);
		assert_int_equal(spool_take_incoming(&s->spool, &t), 1);
		assert_int_equal(sessions_of(&s->spool, DAY), 400);
		assert_int_equal(sessions_of(&s->spool, DAY - 1), 100);
	}
	batch_held_max = max;
	free(text);
}

/* What readers find is the open one or all of it, so it cannot be in parts. */
static void
an_open_segment_becomes_one_whatever_its_size(void **state)
{
	const size_t max = batch_held_max;
	struct scratch *s = *state;
	struct intake_totals t = { 0 };
	int dirfd = day_folder(&s->spool);
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	fputs(HEADER("1", ""), f);
	for (int i = 0; i < 500; i++)
		fprintf(f, "{\"d\":\"d%d.example\",\"ts\":%d," POLICIES
		    "}\n", i, NOON - 86400 * (i % 2));
	fclose(f);
	put(dirfd, "a.open", text);
	free(text);
	batch_held_max = 10000;
	assert_int_equal(spool_seal_day(&s->spool, DAY, &t), 1);
	batch_held_max = max;
	assert_int_equal(files_in(dirfd, ".seg"), 1);
	assert_int_equal(sessions_of(&s->spool, DAY), 250);
	assert_int_equal(sessions_of(&s->spool, DAY - 1), 250);
	assert_in_range(t.segments, 3, 20);
	close(dirfd);
}

/* Its invalid bytes, repaired, leave no room for the n that it came with. */
static void
a_record_that_grows_too_long_is_rejected(void **state)
{
	struct scratch *s = *state;
	struct intake_totals t;
	char *text = xmalloc(RECORD_MAX + 2), *end;
	const char *head = "{\"n\":4000000000,\"d\":\"a.example\",\"x\":\"";
	const char *tail = "\"," POLICIES "}";
	size_t pad = RECORD_MAX - 9 - strlen(head) - strlen(tail);

	end = stpcpy(text, head);
	memset(end, 'x', pad);
	memset(end, 0xff, 9);
	memcpy(end + pad, tail, strlen(tail) + 1);
	assert_int_equal(add_text(&s->spool, text, &t), 0);
	assert_int_equal(t.rejected, 1);
	assert_int_equal(t.sessions, 0);
	free(text);
}

static void
a_full_disk_leaves_nothing_behind(void **state)
{
	struct scratch *s = *state;
	const struct rlimit small = { 100000, RLIM_INFINITY };
	const struct rlimit no = { RLIM_INFINITY, RLIM_INFINITY };
	struct intake_totals t = { 0 };
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);
	int fd, rc;

	for (int i = 0; i < 3000; i++)
		fprintf(f, "{\"d\":\"d%d.example\"," POLICIES "}\n", i);
	fprintf(f, WITH("\"ts\":0", "a.example") "\n");
	fclose(f);
	fd = text_fd(text, len);
	free(text);
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &small);
	rc = spool_add(&s->spool, fd, "test", DAY, &t);
	setrlimit(RLIMIT_FSIZE, &no);
	assert_int_equal(rc, -1);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(files_in(s->spool.days, ""), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(spool_add(&s->spool, fd, "test", DAY, &t), 0);
	assert_int_equal(sessions_of(&s->spool, DAY), 3000);
	close(fd);
}

static void
a_new_open_segment_is_locked_from_the_start(void **state)
{
	struct scratch *s = *state;
	struct segments list;
	struct intake_totals t = { 0 };
	char *name, *text;
	int fd;

	assert_int_not_equal(fd = spool_begin(&s->spool, DAY, &name), -1);
	assert_int_equal(spool_segments(&s->spool, DAY, &list), 0);
	assert_int_equal(list.n, 1);
	assert_null(list.list[0].bad);
	assert_true(list.list[0].live);
	assert_false(list.list[0].sealed);
	assert_string_equal(list.list[0].name, name);
	segments_release(&list);
	/* Nobody seals it under its writer's hands. */
	assert_int_equal(file_write(fd, RECORD("a.example") "\n",
	    strlen(RECORD("a.example") "\n")), 0);
	assert_int_equal(spool_seal_day(&s->spool, DAY, &t), 0);
	text = only_file(&s->spool, "2026-11-21", ".open");
	assert_string_equal(strchr(text, '\n') + 1, RECORD("a.example") "\n");
	free(text);
	/* Its writer does, or whoever comes when that is gone. */
	close(fd);
	assert_int_equal(spool_seal_day(&s->spool, DAY, &t), 1);
	assert_int_equal(t.sessions, 1);
	assert_int_equal(spool_seal_day(&s->spool, DAY, &t), 0);
	assert_int_equal(sessions_of(&s->spool, DAY), 1);
	free(name);
}

static void
its_writer_seals_it_with_the_lock_held(void **state)
{
	struct scratch *s = *state;
	struct intake_totals t = { 0 };
	char *name;
	int fd;

	assert_int_not_equal(fd = spool_begin(&s->spool, DAY, &name), -1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(file_write(fd, RECORD("a.example") "\n",
		    strlen(RECORD("a.example") "\n")), 0);
	assert_int_equal(spool_seal(&s->spool, DAY, name, &t), 0);
	close(fd);
	assert_int_equal(t.lines, 3);
	assert_int_equal(t.distinct, 1);
	assert_int_equal(sessions_of(&s->spool, DAY), 3);
	/* Somebody was faster. */
	assert_int_equal(spool_seal(&s->spool, DAY, name, &t), 0);
	assert_int_equal(t.lines, 3);
	assert_int_equal(spool_seal(&s->spool, DAY, "none.open", &t), -1);
	assert_int_equal(errno, ENOENT);
	free(name);
}

/* The collector closes its segments, so that a nightly run may join in. */
static void
many_may_seal_the_same(void **state)
{
	enum { ROUNDS = 20, SEALERS = 4 };
	struct scratch *s = *state;

	for (int i = 0; i < ROUNDS; i++) {
		struct intake_totals t = { 0 };
		int status;

		scratch_empty(s);
		put_segment(&s->spool, "a.open", HEADER("1", "")
		    RECORD("a.example") "\n"
		    WITH("\"ts\":1795132800", "a.example") "\n");
		for (int j = 0; j < SEALERS; j++)
			if (fork() == 0)
				_exit(spool_seal(&s->spool, DAY, "a.open",
				    &t) != 0);
		for (int j = 0; j < SEALERS; j++) {
			assert_int_not_equal(wait(&status), -1);
			assert_int_equal(status, 0);
		}
		assert_int_equal(sessions_of(&s->spool, DAY), 1);
		assert_int_equal(sessions_of(&s->spool, DAY - 1), 1);
	}
}

static void
a_sealed_segment_keeps_its_identity(void **state)
{
	struct scratch *s = *state;
	struct intake_totals t = { 0 };
	char *text, *want;

	put_segment(&s->spool, "other-7.open", HEADER("its-id", "")
	    RECORD("a.example") "\n{\"d\":\"torn");
	assert_int_equal(spool_seal_day(&s->spool, DAY, &t), 1);
	assert_int_equal(t.torn, 10);
	text = only_sealed(&s->spool, "2026-11-21", "other-7.seg");
	want = xasprintf(HEADER("its-id", ",\"lines\":1,\"sessions\":1,"
	    "\"open_bytes\":%zu") RECORD("a.example") "\n",
	    strlen(HEADER("its-id", "") RECORD("a.example") "\n") + t.torn);
	assert_string_equal(text, want);
	free(want);
	free(text);
}

static void
an_empty_one_becomes_an_empty_one(void **state)
{
	struct scratch *s = *state;
	struct intake_totals t = { 0 };
	char *text, *want;

	put_segment(&s->spool, "a.open", HEADER("1", ""));
	assert_int_equal(spool_seal_day(&s->spool, DAY, &t), 1);
	text = only_sealed(&s->spool, "2026-11-21", "");
	want = xasprintf(HEADER("1", ",\"lines\":0,\"sessions\":0,"
	    "\"open_bytes\":%zu"), strlen(HEADER("1", "")));
	assert_string_equal(text, want);
	free(want);
	free(text);
}

static void
what_has_no_header_stays_unless_empty(void **state)
{
	struct scratch *s = *state;
	struct intake_totals t = { 0 };
	int dirfd = day_folder(&s->spool);

	put(dirfd, "a.open", "");
	put(dirfd, "b.open", RECORD("b.example") "\n");
	put(dirfd, "c.open", HEADER("3", "") RECORD("c.example") "\n");
	assert_int_equal(symlinkat("b.open", dirfd, "d.open"), 0);
	assert_int_equal(spool_seal_day(&s->spool, DAY, &t), -1);
	assert_int_equal(files_in(dirfd, ".open"), 2);
	assert_int_equal(files_in(dirfd, ".seg"), 1);
	assert_int_equal(sessions_of(&s->spool, DAY), 1);
	close(dirfd);
}

static void
a_damaged_sealed_form_costs_no_record(void **state)
{
	struct scratch *s = *state;
	struct intake_totals t = { 0 };
	int dirfd = day_folder(&s->spool);

	put(dirfd, "a.open", HEADER("1", "") RECORD("a.example") "\n");
	put(dirfd, "a.seg", HEADER("1", ",\"lines\":1"));
	assert_int_equal(spool_seal_day(&s->spool, DAY, &t), -1);
	assert_int_equal(files_in(dirfd, ".open"), 1);
	assert_int_equal(unlinkat(dirfd, "a.seg", 0), 0);
	assert_int_equal(spool_seal_day(&s->spool, DAY, &t), 1);
	assert_int_equal(sessions_of(&s->spool, DAY), 1);
	close(dirfd);
}

/* Its records are in no other file. */
static void
anothers_sealed_form_costs_no_record(void **state)
{
	struct scratch *s = *state;
	struct intake_totals t = { 0 };
	int dirfd = day_folder(&s->spool);

	put(dirfd, "a.open", HEADER("1", "") RECORD("a.example") "\n");
	put(dirfd, "a.seg", HEADER("2", ",\"lines\":1") RECORD("b.example")
	    "\n");
	assert_int_equal(spool_seal(&s->spool, DAY, "a.open", &t), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(files_in(dirfd, ".open"), 1);
	assert_int_equal(files_in(dirfd, ".seg"), 1);
	close(dirfd);
}

static void
assert_modes(int dirfd, mode_t mode)
{
	struct file_names names;
	struct stat st;

	assert_int_equal(fstat(dirfd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
	assert_int_equal(file_names(&names, dirfd, ""), 0);
	assert_int_not_equal(names.n, 0);
	for (size_t i = 0; i < names.n; i++) {
		assert_int_equal(fstatat(dirfd, names.name[i], &st, 0), 0);
		if ((st.st_mode & 07777) != mode)
			fail_msg("%s: %o", names.name[i], st.st_mode);
	}
	file_names_free(&names);
}

/* Who mails whom is nobody else's business, whatever the umask. */
static void
nobody_else_may_read_any_of_it(void **state)
{
	struct scratch *s = *state;
	struct intake_totals t = { 0 };
	mode_t mask = umask(0);
	int dirfd, fd;
	char *name;

	scratch_empty(s);
	assert_int_equal(add_text(&s->spool, RECORD("a.example") "\nbad\n",
	    &t), 0);
	assert_int_not_equal(fd = spool_begin(&s->spool, DAY, &name), -1);
	dirfd = day_folder(&s->spool);
	assert_int_equal(files_in(dirfd, ".seg"), 1);
	assert_int_equal(files_in(dirfd, ".open"), 1);
	assert_modes(dirfd, 0640);
	assert_modes(s->spool.rejected, 0640);
	assert_int_equal(spool_seal(&s->spool, DAY, name, &t), 0);
	assert_modes(dirfd, 0640);
	assert_modes(s->spool.days, 0750);
	umask(mask);
	close(dirfd);
	close(fd);
	free(name);
}

static void
a_day_without_folder_has_nothing_to_seal(void **state)
{
	struct scratch *s = *state;
	struct intake_totals t = { 0 };

	assert_int_equal(spool_seal_day(&s->spool, DAY, &t), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(added_lines_are_folded_into_a_sealed_segment),
		CASE(each_day_gets_its_own),
		CASE(adding_twice_counts_twice),
		CASE(adding_starts_where_the_descriptor_stands),
		CASE(nothing_to_add_leaves_nothing),
		CASE(one_source_has_not_more_than_400_days),
		CASE(many_distinct_lines_make_further_segments),
		CASE(an_open_segment_becomes_one_whatever_its_size),
		CASE(a_record_that_grows_too_long_is_rejected),
		CASE(a_full_disk_leaves_nothing_behind),
		CASE(a_new_open_segment_is_locked_from_the_start),
		CASE(its_writer_seals_it_with_the_lock_held),
		CASE(many_may_seal_the_same),
		CASE(a_sealed_segment_keeps_its_identity),
		CASE(an_empty_one_becomes_an_empty_one),
		CASE(what_has_no_header_stays_unless_empty),
		CASE(a_damaged_sealed_form_costs_no_record),
		CASE(anothers_sealed_form_costs_no_record),
		CASE(nobody_else_may_read_any_of_it),
		CASE(a_day_without_folder_has_nothing_to_seal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
