#include <sys/stat.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/mem.h"
#include "reporter/metrics.h"

#define MADE	1795300000

static char folder[] = "/tmp/test_metrics.XXXXXX";

/* A delivery in a queue of its own report. */
static int64_t
add(struct queue *q, int n, enum queue_transport transport)
{
	char domain[32], id[64];
	struct queue_report r = { .day = 20778, .part = 1, .made = MADE + n,
		.domain = domain, .report_id = id, .filename = id,
		.sessions = 1,
		.body = (char[]){ "b" }, .len = 1 };
	struct queue_delivery d = { .transport = transport, .uri = domain,
		.host = domain, .next_try = MADE };

	fmt(domain, sizeof(domain), "d%d.example", n);
	fmt(id, sizeof(id), "%d@example.org", n);
	assert_int_equal(queue_add_report(q, &r), 0);
	assert_int_equal(queue_add_delivery(q, &d), 0);
	return d.row;
}

static struct queue *
filled(const char *path)
{
	char *why = NULL;
	struct queue *q = queue_open(path, QUEUE_WRITE, &why);
	int64_t rows[6];

	assert_non_null(q);
	assert_int_equal(queue_begin(q), 0);
	for (int i = 0; i < 3; i++)
		rows[i] = add(q, i, QUEUE_MAILTO);
	for (int i = 3; i < 6; i++)
		rows[i] = add(q, i, QUEUE_HTTPS);
	assert_int_equal(queue_add_part(q, 20778, 1, MADE), 0);
	assert_int_equal(queue_commit(q), 0);
	assert_int_equal(queue_sent(q, rows[0], MADE + 100, "ok"), 0);
	assert_int_equal(queue_sent(q, rows[3], MADE + 90, "ok"), 0);
	assert_int_equal(queue_failed(q, rows[4], MADE + 500, "no"), 0);
	assert_int_equal(queue_deferred(q, rows[1], MADE + 50, MADE + 400,
	    "later"), 0);
	return q;
}

/* The value of a sample, which stands on a line of its own. */
static long
sample(const char *text, const char *name)
{
	char *line = xasprintf("\n%s ", name);
	const char *p = strstr(text, line);
	long n;

	if (p == NULL)
		fail_msg("no %s", name);
	n = strtol(p + strlen(line), NULL, 10);
	free(line);
	return n;
}

static const struct {
	const char *name;
	long value;
} samples[] = {
	{ "tlsrpt_send_deliveries{transport=\"mailto\",state=\"sent\"}", 1 },
	{ "tlsrpt_send_deliveries{transport=\"mailto\",state=\"pending\"}", 2 },
	{ "tlsrpt_send_deliveries{transport=\"https\",state=\"failed\"}", 1 },
	{ "tlsrpt_send_deliveries{transport=\"https\",state=\"pending\"}", 1 },
	{ "tlsrpt_send_deliveries{transport=\"lookup\",state=\"sent\"}", 0 },
	{ "tlsrpt_send_deferred{transport=\"mailto\"}", 1 },
	{ "tlsrpt_send_deferred{transport=\"https\"}", 0 },
	{ "tlsrpt_send_oldest_pending_seconds", 999 },
	{ "tlsrpt_send_last_success_timestamp_seconds", MADE + 100 },
	{ "tlsrpt_send_last_run_timestamp_seconds", MADE + 1000 },
	{ "tlsrpt_send_last_run_duration_seconds", 400 },
	{ "tlsrpt_send_last_run_reports", 6 },
	{ "tlsrpt_send_last_run_status", 1 },
};

static void
the_file_says_what_the_queue_holds(void **state)
{
	struct metrics m = { .started = MADE + 600, .ended = MADE + 1000,
		.reports = 6, .status = 1 };
	char *db = xasprintf("%s/queue.db", folder), text[8192];
	char *path = xasprintf("%s/tlsrpt.prom", folder);
	struct queue *q = filled(db);
	struct stat st;
	mode_t mask;
	FILE *f;

	(void)state;
	assert_int_equal(queue_measure(q, &m.queue), 0);
	mask = umask(077);
	assert_int_equal(metrics_save(&m, path), 0);
	umask(mask);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_non_null(f = fopen(path, "r"));
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		print_message("  %s\n", samples[i].name);
		assert_int_equal(sample(text, samples[i].name),
		    samples[i].value);
	}
	queue_close(q);
	free(db);
	free(path);
}

/* Nothing is pending, or a clock that was ahead made it. */
static void
there_is_no_age_below_0(void **state)
{
	static const int64_t oldest[] = { 0, MADE + 1 };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct metrics m = { .ended = MADE, .queue.oldest = oldest[i] };
		char *text;
		size_t len;
		FILE *f = open_memstream(&text, &len);

		metrics_write(&m, f);
		fclose(f);
		assert_int_equal(sample(text,
		    "tlsrpt_send_oldest_pending_seconds"), 0);
		free(text);
	}
}

static void
a_folder_that_is_not_there_is_said(void **state)
{
	struct metrics m = { 0 };

	(void)state;
	assert_int_equal(metrics_save(&m, "/nonexistent/tlsrpt.prom"), -1);
}

static int
set_up(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL ? -1 : 0;
}

static int
tear_down(void **state)
{
	char *rm = xasprintf("rm -rf %s", folder);
	int rc = system(rm);

	(void)state;
	free(rm);
	return rc;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_file_says_what_the_queue_holds),
		cmocka_unit_test(there_is_no_age_below_0),
		cmocka_unit_test(a_folder_that_is_not_there_is_said),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
