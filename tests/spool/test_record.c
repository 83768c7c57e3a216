#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/mem.h"
#include "spool/record.h"
#include "spool/record_canon.h"

#define N(a)	(sizeof(a) / sizeof((a)[0]))
#define CORPUS	"tests/corpus/record"
#define POSTFIX	"tests/data/postfix-3.10.jsonl"

/* The file's bytes, exactly as many as it has; NULL when there is none. */
static char *
slurp(const char *path, size_t *len)
{
	char *buf, *exact;
	FILE *f = fopen(path, "r");

	*len = 0;
	if (f == NULL)
		return NULL;
	buf = xmalloc(2 * RECORD_MAX);
	*len = fread(buf, 1, 2 * RECORD_MAX, f);
	fclose(f);
	exact = xmalloc(*len);
	memcpy(exact, buf, *len);
	free(buf);
	return exact;
}

static void
dump_text(FILE *f, const char *name, const char *text)
{
	if (text != NULL)
		fprintf(f, "\t\t%s %s\n", name, text);
}

static void
dump_policy(FILE *f, const struct record_policy *p)
{
	const struct record_failure *d;
	size_t i;

	fprintf(f, "policy %s %s %s\n", name_of(policy_types, p->type),
	    p->domain, p->failed ? "failed" : "succeeded");
	for (i = 0; i < p->nstrings; i++)
		fprintf(f, "\tstring %s\n", p->strings[i]);
	for (i = 0; i < p->nmx; i++)
		fprintf(f, "\tmx %s\n", p->mx[i]);
	for (i = 0; i < p->nfailures; i++) {
		d = &p->failures[i];
		fprintf(f, "\tfailure %s\n",
		    name_of(result_types, d->result));
		dump_text(f, "sending-ip", d->sending_ip);
		dump_text(f, "mx-hostname", d->mx_hostname);
		dump_text(f, "mx-helo", d->mx_helo);
		dump_text(f, "receiving-ip", d->receiving_ip);
		dump_text(f, "additional-info", d->additional_info);
		dump_text(f, "reason", d->reason);
	}
}

/* All of a record, a line each; the kept text where it is not the line. */
static char *
dump(const struct record *r, const char *line, size_t len)
{
	size_t size, i;
	char *text;
	FILE *f = open_memstream(&text, &size);

	fprintf(f, "domain %s\n", r->domain);
	if (r->txt != NULL)
		fprintf(f, "txt %s\n", r->txt);
	fprintf(f, "n %u\n", r->n);
	if (r->has_ts)
		fprintf(f, "ts %lld\n", (long long)r->ts);
	if (r->own_report)
		fprintf(f, "own report\n");
	for (i = 0; i < r->npolicies; i++)
		dump_policy(f, &r->policies[i]);
	if (r->len != len || memcmp(r->text, line, len) != 0)
		fprintf(f, "text %.*s\n", (int)r->len, r->text);
	fclose(f);
	return text;
}

/* The file beside path holds this text. */
static void
assert_beside(const char *path, const char *suffix, const char *got)
{
	char *name = xasprintf("%s.%s", path, suffix), *want, *text;
	size_t len;

	assert_non_null(want = slurp(name, &len));
	text = xasprintf("%.*s", (int)len, want);
	assert_string_equal(got, text);
	free(text);
	free(want);
	free(name);
}

/* A case per file of the corpus; its path is the state. */
static void
file_is_read(void **state)
{
	const char *path = *state, *why = NULL;
	struct arena a = { 0 };
	struct record r;
	char *line, *got;
	size_t len;

	assert_non_null(line = slurp(path, &len));
	if (record_parse(&r, line, len, RECORD_KEEP, &a, &why) == -1)
		fail_msg("refused: %s", why);
	assert_null(why);
	got = dump(&r, line, len);
	assert_beside(path, "want", got);
	free(got);
	free(line);
	arena_release(&a);
}

static void
file_is_refused(void **state)
{
	const char *path = *state, *why = NULL;
	struct arena a = { 0 };
	struct record r;
	char *line;
	size_t len;

	assert_non_null(line = slurp(path, &len));
	assert_int_equal(record_parse(&r, line, len, RECORD_KEEP, &a, &why),
	    -1);
	assert_non_null(why);
	assert_beside(path, "why", arena_printf(&a, "%s\n", why));
	free(line);
	arena_release(&a);
}

static char *
minimal(const char *keys)
{
	return xasprintf("{\"d\":\"example.net\",\"policies\":[{"
	    "\"policy-type\":9,\"f\":0}]%s}", keys);
}

/* A minimal record with the key x so long that it has len bytes. */
static char *
filled(size_t len, char fill)
{
	char *head = minimal(",\"x\":\""), *line = xmalloc(len + 1);
	size_t n = strlen(head) - 1;		/* without its brace */

	memset(line, fill, len);
	memcpy(line, head, n);
	line[len - 2] = '"';
	line[len - 1] = '}';
	line[len] = '\0';
	free(head);
	return line;
}

static void
size_has_a_ceiling(void **state)
{
	static const struct {
		const char *name;
		size_t len;
		char fill;
		const char *why;
	} rows[] = {
		{ "as large as allowed", RECORD_MAX, 'x', NULL },
		{ "a byte more", RECORD_MAX + 1, 'x',
		    "longer than 262144 bytes" },
		{ "grows to less when repaired", 87000, '\xff', NULL },
		{ "grows to more when repaired", 88000, '\xff',
		    "longer than 262144 bytes when rewritten" },
	};
	struct arena a = { 0 };
	struct record r;
	const char *why;
	char *line;
	size_t i;

	(void)state;
	for (i = 0; i < N(rows); i++) {
		print_message("%s\n", rows[i].name);
		line = filled(rows[i].len, rows[i].fill);
		assert_int_equal(record_parse(&r, line, rows[i].len,
		    RECORD_KEEP, &a, &why), rows[i].why == NULL ? 0 : -1);
		if (rows[i].why != NULL)
			assert_string_equal(why, rows[i].why);
		else
			assert_null(why);
		free(line);
	}
	arena_release(&a);
}

/* 1e9 comes out as 1000000000.0 when ts is taken out. */
static void
a_record_that_grows_when_rewritten_is_refused(void **state)
{
	const char *head = "{\"ts\":1,\"d\":\"example.net\",\"policies\":"
	    "[{\"policy-type\":9,\"f\":0}],\"x\":[";
	struct arena a = { 0 };
	struct record r;
	const char *why;
	char *line;
	size_t len;
	FILE *f = open_memstream(&line, &len);
	int i;

	(void)state;
	fputs(head, f);
	for (i = 0; i < 60000; i++)
		fputs("1e9,", f);
	fputs("0]}", f);
	fclose(f);
	assert_true(len < RECORD_MAX);
	assert_int_equal(record_parse(&r, line, len, RECORD_KEEP, &a, &why),
	    -1);
	assert_string_equal(why, "longer than 262144 bytes when rewritten");
	free(line);
	arena_release(&a);
}

static void
a_txt_record_too_long_to_be_one_is_left_out(void **state)
{
	struct arena a = { 0 };
	struct record r;
	const char *why;
	char *txt, *keys, *line;
	size_t len;

	(void)state;
	for (len = RECORD_TXT_MAX; len <= RECORD_TXT_MAX + 1; len++) {
		txt = xmalloc(len + 1);
		memset(txt, 'x', len);
		txt[len] = '\0';
		keys = xasprintf(",\"pr\":\"%s\"", txt);
		line = minimal(keys);
		assert_int_equal(record_parse(&r, line, strlen(line),
		    RECORD_KEEP, &a, &why), 0);
		if (len == RECORD_TXT_MAX)
			assert_string_equal(r.txt, txt);
		else
			assert_null(r.txt);
		free(txt);
		free(keys);
		free(line);
	}
	arena_release(&a);
}

static void
the_line_is_kept_itself_when_nothing_changes(void **state)
{
	struct arena a = { 0 };
	struct record r;
	const char *why;
	char *line = minimal(",\"report\":true");

	(void)state;
	assert_int_equal(record_parse(&r, line, strlen(line), RECORD_KEEP, &a,
	    &why), 0);
	assert_ptr_equal(r.text, line);
	assert_int_equal(r.len, strlen(line));
	assert_int_equal(record_parse(&r, line, strlen(line), RECORD_COUNT, &a,
	    &why), 0);
	assert_null(r.text);
	free(line);
	arena_release(&a);
}

static void
the_door_lets_in_what_may_be_a_record(void **state)
{
	static const struct {
		const char *line;
		size_t len;
		const char *why;
	} rows[] = {
		{ "{}", 2, NULL },
		{ "{ anything \xff }", 14, NULL },
		{ "", 0, "empty" },
		{ "[]", 2, "does not begin with '{'" },
		{ " {}", 3, "does not begin with '{'" },
		{ "}", 1, "does not begin with '{'" },
		{ "{", 1, "does not end with '}'" },
		{ "{} ", 3, "does not end with '}'" },
		{ "{}\n", 3, "does not end with '}'" },
		{ "{\n}", 3, "more than one line" },
		{ "{\0}", 3, "holds a NUL byte" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < N(rows); i++) {
		if (rows[i].why == NULL)
			assert_null(record_refuse(rows[i].line, rows[i].len));
		else
			assert_string_equal(record_refuse(rows[i].line,
			    rows[i].len), rows[i].why);
	}
}

static void
names_and_codes_match(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; result_types[i].name != NULL; i++) {
		assert_int_equal(code_of(result_types, result_types[i].name),
		    result_types[i].code);
		assert_string_equal(name_of(result_types,
		    result_types[i].code), result_types[i].name);
	}
	assert_int_equal(i, RESULT_TYPES);
	assert_string_equal(name_of(result_types, 201),
	    "starttls-not-supported");
	assert_string_equal(name_of(policy_types, 9), "no-policy-found");
	assert_int_equal(code_of(policy_types, "tlsa"), 1);
	assert_null(name_of(result_types, 0));
	assert_null(name_of(result_types, 206));
	assert_int_equal(code_of(result_types, "tlsa"), 0);
	assert_int_equal(code_of(result_types, ""), 0);
}

static void
a_wildcard_counts_towards_the_length(void **state)
{
	char name[RECORD_DOMAIN_MAX + 1];
	struct arena a = { 0 };
	int i;

	(void)state;
	for (i = 0; i < RECORD_DOMAIN_MAX; i++)
		name[i] = i % 2 == 0 ? 'a' : '.';
	name[RECORD_DOMAIN_MAX] = '\0';
	assert_string_equal(record_domain(name, true, &a), name);
	assert_string_equal(record_domain(name, false, &a), name);
	memcpy(name, "*.", 2);
	name[2] = 'b';
	assert_string_equal(record_domain(name, true, &a), name);
	assert_null(record_domain(name, false, &a));
	arena_release(&a);
}

static void
sorting_drops_repeats(void **state)
{
	const char *list[] = { "b", "a", "c", "a", "b", "b" };
	size_t n = N(list);

	(void)state;
	record_sort(list, &n);
	assert_int_equal(n, 3);
	assert_string_equal(list[0], "a");
	assert_string_equal(list[1], "b");
	assert_string_equal(list[2], "c");
	n = 1;
	record_sort(list, &n);
	assert_int_equal(n, 1);
	n = 0;
	record_sort(NULL, &n);
	assert_int_equal(n, 0);
}

/* Parses every datagram that a real Postfix sent; returns how many. */
static int
parse_postfix(struct arena *a, int *failed)
{
	FILE *f = fopen(POSTFIX, "r");
	char *line = NULL;
	size_t size = 0, i;
	ssize_t len;
	struct record r;
	const char *why;
	int n = 0;

	*failed = 0;
	if (f == NULL)
		return 0;
	while ((len = getline(&line, &size, f)) > 0) {
		if (record_parse(&r, line, (size_t)len - 1, RECORD_KEEP, a,
		    &why) == -1 ||
		    r.text != line || r.npolicies != 1 || r.txt == NULL)
			break;
		n++;
		for (i = 0; i < r.npolicies; i++)
			*failed += r.policies[i].failed;
	}
	free(line);
	fclose(f);
	return n;
}

static void
every_datagram_of_a_real_postfix_is_read(void **state)
{
	struct arena a = { 0 };
	int failed;

	(void)state;
	assert_int_equal(parse_postfix(&a, &failed), 109);
	assert_int_equal(failed, 50);
	arena_release(&a);
}

static void *
reader(void *arg)
{
	int *n = arg, round, failed;
	struct arena a = { 0 };

	for (round = 0; round < 10; round++) {
		*n += parse_postfix(&a, &failed);
		arena_reset(&a);
	}
	arena_release(&a);
	return NULL;
}

static void
several_threads_read_at_once(void **state)
{
	pthread_t thread[4];
	int n[N(thread)] = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < N(thread); i++)
		assert_int_equal(pthread_create(&thread[i], NULL, reader,
		    &n[i]), 0);
	for (i = 0; i < N(thread); i++) {
		assert_int_equal(pthread_join(thread[i], NULL), 0);
		assert_int_equal(n[i], 1090);
	}
}

static int
is_input(const struct dirent *e)
{
	return strchr(e->d_name, '.') == NULL;
}

/* Appends a case per input in the folder. */
static void
add_files(struct CMUnitTest **tests, size_t *n, const char *folder,
    CMUnitTestFunction function)
{
	struct dirent **names;
	int i, count = scandir(folder, &names, is_input, alphasort);

	if (count <= 0) {
		perror(folder);
		exit(1);
	}
	*tests = xreallocarray(*tests, *n + (size_t)count, sizeof(**tests));
	for (i = 0; i < count; i++) {
		char *path = xasprintf("%s/%s", folder, names[i]->d_name);

		(*tests)[(*n)++] = (struct CMUnitTest){ .name = path,
		    .test_func = function, .initial_state = path };
		free(names[i]);
	}
	free(names);
}

int
main(void)
{
	static const struct CMUnitTest own[] = {
		cmocka_unit_test(size_has_a_ceiling),
		cmocka_unit_test(a_record_that_grows_when_rewritten_is_refused),
		cmocka_unit_test(a_txt_record_too_long_to_be_one_is_left_out),
		cmocka_unit_test(the_line_is_kept_itself_when_nothing_changes),
		cmocka_unit_test(the_door_lets_in_what_may_be_a_record),
		cmocka_unit_test(names_and_codes_match),
		cmocka_unit_test(a_wildcard_counts_towards_the_length),
		cmocka_unit_test(sorting_drops_repeats),
		cmocka_unit_test(every_datagram_of_a_real_postfix_is_read),
		cmocka_unit_test(several_threads_read_at_once),
	};
	struct CMUnitTest *tests = xmalloc(sizeof(own));
	size_t i, n = N(own);
	int rc;

	memcpy(tests, own, sizeof(own));
	add_files(&tests, &n, CORPUS "/valid", file_is_read);
	add_files(&tests, &n, CORPUS "/invalid", file_is_refused);
	rc = _cmocka_run_group_tests("record", tests, n, NULL, NULL);
	for (i = N(own); i < n; i++)
		free(tests[i].initial_state);
	free(tests);
	return rc;
}
