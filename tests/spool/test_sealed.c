#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/resource.h>

#include "conf/mem.h"
#include "spool/sealed.h"
#include "tests/spool/scratch.h"

#ifdef __SANITIZE_ADDRESS__	/* which keeps what is freed */
#define KB_MAX	(1 << 20)
#else
#define KB_MAX	(14 << 10)
#endif

/* As many as occurrences of this in the text. */
static size_t
occurrences(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)) != NULL; text++)
		n++;
	return n;
}

/* What does not fit is in it all the same; what comes often is counted. */
static void
distinct_records_are_sealed_in_rounds(void **state)
{
	const size_t max = sealed_held_max;
	struct scratch *s = *state;
	struct intake_totals t = { 0 };
	char *text;
	size_t len;
	int dirfd;
	FILE *f = xmemstream(&text, &len);

	fputs(HEADER("1", ""), f);
	for (int i = 0; i < 2000; i++)
		fprintf(f, "{\"d\":\"%s%d.example\"," POLICIES "}\n",
		    i % 2 == 0 ? "often" : "once", i % 2 == 0 ? i % 20 : i);
	xmemclose(f);
	put_segment(&s->spool, "a.open", text);
	free(text);
	sealed_held_max = 20000;
	assert_int_equal(spool_seal_day(&s->spool, DAY, &t), 1);
	sealed_held_max = max;
	assert_int_equal(t.segments, 1);
	assert_int_equal(t.lines, 2000);
	/* It would be "bad", and count nothing, with a wrong header. */
	assert_int_equal(sessions_of(&s->spool, DAY), 2000);
	dirfd = day_folder(&s->spool);
	text = slurp(dirfd, "a.seg");
	close(dirfd);
	assert_non_null(strstr(text, ",\"sessions\":2000,"));
	assert_int_equal(occurrences(text, "\"once"), 1000);
	assert_int_equal(occurrences(text, "\"often"), 10);
	assert_int_equal(occurrences(text, ",\"n\":100}"), 10);
	free(text);
}

static long
memory_used(void)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	return used.ru_maxrss;
}

/* The collector seals, too, and must not grow with what it is sent. */
static void
sealing_takes_little_memory(void **state)
{
	struct scratch *s = *state;
	struct intake_totals t = { 0 };
	char name[] = "a.open", *path;
	int dirfd = day_folder(&s->spool);
	long before;
	FILE *f;

	path = xasprintf("%s/days/2026-11-21/%s", s->path, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(HEADER("1", ""), f);
	for (int i = 0; i < 20000; i++)
		fprintf(f, "{\"d\":\"a.example\",\"i\":\"%0700d\"," POLICIES
		    "}\n", i);
	assert_int_equal(fclose(f), 0);
	before = memory_used();
	assert_int_equal(spool_seal(&s->spool, DAY, name, &t), 0);
	assert_in_range(memory_used() - before, 1, KB_MAX);
	assert_int_equal(sessions_of(&s->spool, DAY), 20000);
	free(path);
	close(dirfd);
}

int
main(void)
{
	/* Memory first: others leave some that is free. */
	const struct CMUnitTest tests[] = {
		CASE(sealing_takes_little_memory),
		CASE(distinct_records_are_sealed_in_rounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
