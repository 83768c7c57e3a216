#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "conf/mem.h"
#include "reporter/sts.h"
#include "spool/file.h"
#include "tests/reporter/expect.h"

#define ROWS(a)	(sizeof(a) / sizeof((a)[0]))
#define CORPUS	"tests/corpus/sts/"
#define POLICY \
	"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n"

static const struct {
	const char *name, *txts[3];
	int index;
	const char *why;
} picks[] = {
	{ "none", { NULL }, -1, "no MTA-STS record" },
	{ "one", { "v=STSv1; id=1" }, 0, NULL },
	{ "one of others", { "v=spf1 -all", "v=STSv1; id=1", "v=STSv10; id=1" },
	    1, NULL },
	{ "version alone", { "v=STSv1" }, -1,
	    "no MTA-STS record" },
	{ "a blank before the semicolon", { "v=STSv1 ; id=1" }, -1,
	    "no MTA-STS record" },
	{ "two", { "v=STSv1; id=1", "v=STSv1; id=1" }, -1,
	    "more than one MTA-STS record" },
};

static void
the_one_record(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(picks); i++) {
		const char *why;
		size_t n = 0;

		while (n < ROWS(picks[i].txts) && picks[i].txts[n] != NULL)
			n++;
		if (sts_pick(picks[i].txts, n, &why) != picks[i].index)
			fail_msg("%s", picks[i].name);
		expect(picks[i].name, why ? xstrdup(why) : NULL,
		    picks[i].why);
	}
}

/* --- the corpus --------------------------------------------------------- */

static char *
contents(const char *folder, const char *name, const char *suffix, size_t *len)
{
	char *path = xasprintf(CORPUS "%s/%s%s", folder, name, suffix);
	char *text = xcalloc(1, 2 * STS_POLICY_MAX);
	FILE *f = fopen(path, "rb");

	assert_non_null(f);
	*len = fread(text, 1, 2 * STS_POLICY_MAX - 1, f);
	fclose(f);
	free(path);
	return text;
}

static char *
record_outcome(const char *text, size_t len, int *rc)
{
	struct sts_record r;
	const char *why;

	assert_int_equal(strlen(text), len);
	if ((*rc = sts_record_parse(&r, text, &why)) == -1) {
		assert_string_equal(r.id, "");
		return xasprintf("%s\n", why);
	}
	assert_null(why);
	return r.nextensions > 0 ?
	    xasprintf("%s +%zu\n", r.id, r.nextensions) :
	    xasprintf("%s\n", r.id);
}

static char *
policy_outcome(const char *text, size_t len, int *rc)
{
	struct sts_policy p;
	char *said;
	size_t n;
	FILE *out = xmemstream(&said, &n);

	*rc = sts_policy_parse(&p, text, len);
	fprintf(out, "%s %s %lld", p.version ? "version" : "-",
	    p.mode != STS_NO_MODE ? sts_mode_name(p.mode) : "-",
	    (long long)p.max_age);
	for (size_t i = 0; i < p.nmx; i++)
		fprintf(out, " %s", p.mx[i]);
	fputc('\n', out);
	if (p.nextensions > 0)
		fprintf(out, "%zu unknown\n", p.nextensions);
	for (size_t i = 0; i < p.nfaults; i++)
		fprintf(out, "%zu%c %s\n", p.faults[i].line,
		    p.faults[i].fatal ? '!' : '?', p.faults[i].what);
	assert_int_equal(p.fatal, *rc == -1);
	assert_int_equal(p.nmore, 0);
	sts_policy_release(&p);
	sts_policy_release(&p);
	xmemclose(out);
	return said;
}

static void
check_corpus(const char *folder, const char *kind,
    char *(*outcome)(const char *, size_t, int *), int rc)
{
	char *path = xasprintf(CORPUS "%s", folder);
	int fd = open(path, O_RDONLY | O_DIRECTORY), got_rc;
	struct file_names names;

	assert_true(fd >= 0);
	assert_int_equal(file_names(&names, fd, kind), 0);
	assert_true(names.n >= 9);
	for (size_t i = 0; i < names.n; i++) {
		char *name = names.name[i], *text, *want;
		size_t len, want_len;

		name[strlen(name) - strlen(kind)] = '\0';
		text = contents(folder, name, kind, &len);
		want = contents(folder, name, ".out", &want_len);
		expect(name, outcome(text, len, &got_rc), want);
		if (got_rc != rc)
			fail_msg("%s: %d", name, got_rc);
		free(text);
		free(want);
	}
	file_names_free(&names);
	close(fd);
	free(path);
}

static void
records(void **state)
{
	(void)state;
	check_corpus("valid", ".record", record_outcome, 0);
	check_corpus("invalid", ".record", record_outcome, -1);
}

static void
policies(void **state)
{
	(void)state;
	check_corpus("valid", ".policy", policy_outcome, 0);
	check_corpus("invalid", ".policy", policy_outcome, -1);
}

/* --- ceilings ----------------------------------------------------------- */

static void
too_long(void **state)
{
	char *text = xmalloc(STS_POLICY_MAX + 1);
	size_t len = strlen(POLICY);
	struct sts_policy p;

	(void)state;
	memcpy(text, POLICY "x: ", len + 3);
	memset(text + len + 3, 'x', STS_POLICY_MAX + 1 - len - 3);
	assert_int_equal(sts_policy_parse(&p, text, STS_POLICY_MAX), 0);
	sts_policy_release(&p);
	assert_int_equal(sts_policy_parse(&p, text, STS_POLICY_MAX + 1), -1);
	assert_int_equal(p.nfaults, 1);
	assert_string_equal(p.faults[0].what, "longer than 65536 bytes");
	sts_policy_release(&p);
	sts_policy_release(NULL);
	free(text);
}

static void
more_than_is_kept(void **state)
{
	struct sts_policy p;
	char *text;
	size_t len;
	FILE *out = xmemstream(&text, &len);

	(void)state;
	fputs(POLICY, out);
	for (int i = 1; i < STS_MX_MAX; i++)
		fprintf(out, "mx: mx%d.example.com\n", i);
	fflush(out);
	assert_int_equal(sts_policy_parse(&p, text, len), 0);
	assert_int_equal(p.nmx, STS_MX_MAX);
	assert_int_equal(p.nfaults, 0);
	sts_policy_release(&p);

	for (int i = 0; i < STS_FAULTS_MAX + 5; i++)
		fprintf(out, "mx: more%d.example.com\n", i);
	fputs("this is none\n", out);
	fflush(out);
	assert_int_equal(sts_policy_parse(&p, text, len), -1);
	assert_int_equal(p.nmx, STS_MX_MAX);
	assert_int_equal(p.nfaults, STS_FAULTS_MAX);
	assert_int_equal(p.nmore, 6);
	assert_string_equal(p.faults[0].what,
	    "more than 256 mx: not looked at");
	sts_policy_release(&p);
	xmemclose(out);
	free(text);
}

/* --- matching ----------------------------------------------------------- */

static const struct {
	const char *pattern, *host;
	bool fits;
} matches[] = {
	{ "mx.example.com", "mx.example.com", true },
	{ "mx.example.com", "mx2.example.com", false },
	{ "mx.example.com", "example.com", false },
	{ "example.com", "mx.example.com", false },
	{ "*.example.com", "mx.example.com", true },
	{ "*.example.com", "example.com", false },
	{ "*.example.com", "a.mx.example.com", false },
	{ "*.example.com", "mxexample.com", false },
	{ "*.example.com", "mx.example.com.example", false },
	{ "*.com", "com", false },
	{ "*.com", "", false },
};

static void
patterns(void **state)
{
	const char *two = POLICY "mx: *.example.net\n";
	struct sts_policy p;

	(void)state;
	for (size_t i = 0; i < ROWS(matches); i++)
		if (sts_mx_fits(matches[i].pattern, matches[i].host) !=
		    matches[i].fits)
			fail_msg("%s %s", matches[i].pattern,
			    matches[i].host);
	assert_int_equal(sts_policy_parse(&p, two, strlen(two)), 0);
	assert_true(sts_policy_fits(&p, "mx.example.com"));
	assert_true(sts_policy_fits(&p, "a.example.net"));
	assert_false(sts_policy_fits(&p, "a.example.com"));
	sts_policy_release(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_one_record),
		TEST(records),
		TEST(policies),
		TEST(too_long),
		TEST(more_than_is_kept),
		TEST(patterns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
