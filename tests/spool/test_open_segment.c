#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <limits.h>

#include "spool/open_segment.h"
#include "spool/segment.h"
#include "tests/spool/scratch.h"

static void
there_is_none(const struct open_segment *g)
{
	assert_int_equal(g->fd, -1);
	assert_null(g->name);
	assert_int_equal(g->day, INT_MIN);
	assert_int_equal(g->size, 0);
}

static void
begin(struct scratch *s, struct open_segment *g)
{
	open_segment_init(g);
	there_is_none(g);
	assert_int_equal(open_segment_begin(g, &s->spool, DAY), 0);
}

static void
append(struct open_segment *g, const char *a, const char *b)
{
	struct iovec iov[2] = {
		{ (void *)(uintptr_t)a, strlen(a) },
		{ (void *)(uintptr_t)b, strlen(b) },
	};

	assert_int_equal(open_segment_append(g, iov, 2), 0);
}

/* What it has behind its header. */
static void
records_are(const struct scratch *s, const struct open_segment *g,
    const char *want)
{
	int dirfd = day_folder(&s->spool);
	char *text = slurp(dirfd, g->name);

	assert_string_equal(text + g->begin, want);
	free(text);
	close(dirfd);
}

static void
records_are_appended_at_its_size(void **state)
{
	struct scratch *s = *state;
	struct open_segment g;

	begin(s, &g);
	assert_int_equal(g.day, DAY);
	assert_true(g.begin > 0 && g.size == g.begin);
	append(&g, "a\n", "bcd\n");
	assert_int_equal(g.size, g.begin + 6);
	append(&g, "e\n", "");
	records_are(s, &g, "a\nbcd\ne\n");
	/* Wherever another write has left the file's end. */
	assert_int_equal(pwrite(g.fd, "junk\n", 5, g.size), 5);
	append(&g, "f\n", "");
	records_are(s, &g, "a\nbcd\ne\nf\nnk\n");
	open_segment_release(&g);
	there_is_none(&g);
}

static void
what_is_cut_is_written_anew(void **state)
{
	struct scratch *s = *state;
	struct open_segment g;

	begin(s, &g);
	append(&g, "a\n", "b\n");
	assert_int_equal(open_segment_cut(&g, g.begin + 2), 0);
	records_are(s, &g, "a\n");
	append(&g, "c\n", "");
	records_are(s, &g, "a\nc\n");
	open_segment_release(&g);
}

static void
what_fails_changes_nothing(void **state)
{
	struct scratch *s = *state;
	struct open_segment g;
	struct iovec iov = { (void *)(uintptr_t)"a\n", 2 };
	int fd;

	open_segment_init(&g);
	put(s->spool.days, "2026-11-21", "");
	assert_int_equal(open_segment_begin(&g, &s->spool, DAY), -1);
	there_is_none(&g);
	unlinkat(s->spool.days, "2026-11-21", 0);
	begin(s, &g);
	fd = g.fd;
	assert_int_not_equal(g.fd = open("/dev/full", O_WRONLY), -1);
	assert_int_equal(open_segment_append(&g, &iov, 1), -1);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(g.size, g.begin);
	close(fd);
	open_segment_release(&g);
}

static void
its_place_may_be_taken(void **state)
{
	struct scratch *s = *state;
	struct open_segment g;
	int dirfd;

	begin(s, &g);
	dirfd = day_folder(&s->spool);
	assert_true(open_segment_in_place(&g, s->path));
	assert_int_equal(renameat(dirfd, g.name, dirfd, "elsewhere"), 0);
	assert_false(open_segment_in_place(&g, s->path));
	put(dirfd, g.name, "another");
	assert_false(open_segment_in_place(&g, s->path));
	assert_int_equal(renameat(dirfd, "elsewhere", dirfd, g.name), 0);
	assert_true(open_segment_in_place(&g, s->path));
	assert_int_equal(renameat(s->spool.fd, "days", s->spool.fd, "gone"), 0);
	put(s->spool.fd, "days", "no folder");
	assert_false(open_segment_in_place(&g, s->path));
	close(dirfd);
	open_segment_release(&g);
}

/* Nobody seals it meanwhile; closed, it stays; removed, it does not. */
static void
it_is_locked_until_it_is_closed(void **state)
{
	struct scratch *s = *state;
	struct intake_totals t = { 0 };
	struct open_segment g;
	int dirfd;

	begin(s, &g);
	append(&g, RECORD("a.example"), "\n");
	assert_int_equal(spool_seal_day(&s->spool, DAY, &t), 0);
	open_segment_release(&g);
	assert_int_equal(spool_seal_day(&s->spool, DAY, &t), 1);
	assert_int_equal(sessions_of(&s->spool, DAY), 1);
	begin(s, &g);
	open_segment_remove(&g, &s->spool);
	there_is_none(&g);
	dirfd = day_folder(&s->spool);
	assert_int_equal(files_in(dirfd, SEGMENT_OPEN), 0);
	close(dirfd);
	open_segment_release(&g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(records_are_appended_at_its_size),
		CASE(what_is_cut_is_written_anew),
		CASE(what_fails_changes_nothing),
		CASE(its_place_may_be_taken),
		CASE(it_is_locked_until_it_is_closed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
