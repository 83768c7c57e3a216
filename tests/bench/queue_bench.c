/*
 * queue_bench fill FILE ROWS: a queue with so many pending deliveries, DUE of
 * them due, those anywhere among the others.
 * queue_bench pick FILE: take what is due, and put each off after a try.
 * Prints the microseconds for the one and for the other.
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conf/mem.h"
#include "reporter/queue.h"

#define DAY		20778
#define NOW		(INT64_C(86400) * (DAY + 1))
#define DUE		1000
#define BODY		600	/* bytes: a gzip of a report */
#define RUNS		5

static struct queue *q;

static void
must(int rc)
{
	if (rc == -1)
		errx(1, "%s", queue_error(q));
}

static int64_t
microseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static void
add(long i, int64_t next_try)
{
	static unsigned char body[BODY];
	char domain[64], uri[96];
	struct queue_report r = {
		.day = DAY, .part = 1, .made = NOW, .domain = domain,
		.report_id = domain, .filename = domain, .sessions = 1,
		.body = body, .len = sizeof(body),
	};
	struct queue_delivery d = {
		.transport = QUEUE_HTTPS, .uri = uri, .host = uri + 8,
		.next_try = next_try,
	};

	fmt(domain, sizeof(domain), "d%ld.example", i);
	fmt(uri, sizeof(uri), "https://reports.d%ld.example/v1/tls", i);
	must(queue_add_report(q, &r));
	must(queue_add_delivery(q, &d));
}

static void
fill(long rows)
{
	must(queue_begin(q));
	must(queue_add_part(q, DAY, 1, NOW));
	for (long i = 0; i < rows; i++)
		add(i, i % (rows / DUE) == 0 ? NOW : NOW + 1 + i % 14400);
	must(queue_commit(q));
}

struct picked {
	int64_t row[DUE];
	size_t n;
};

static int
on_due(void *arg, const struct queue_delivery *d)
{
	struct picked *p = arg;

	if (p->n == DUE)
		errx(1, "more than %d are due", DUE);
	p->row[p->n++] = d->row;
	return 0;
}

static void
put_off(const struct picked *p, int64_t next)
{
	must(queue_begin(q));
	for (size_t i = 0; i < p->n; i++)
		must(queue_deferred(q, p->row[i], NOW, next, "HTTP/2 503"));
	must(queue_commit(q));
}

static void
pick(void)
{
	struct picked p = { .n = 0 };
	int64_t pick_best = INT64_MAX, put_best = INT64_MAX, start, picked;

	for (int i = 0; i < RUNS; i++) {
		p.n = 0;
		start = microseconds();
		must(queue_due(q, NOW, NULL, on_due, &p));
		picked = microseconds();
		put_off(&p, NOW);
		if (p.n != DUE)
			errx(1, "%zu are due, not %d", p.n, DUE);
		if (picked - start < pick_best)
			pick_best = picked - start;
		if (microseconds() - picked < put_best)
			put_best = microseconds() - picked;
	}
	printf("%jd %jd\n", (intmax_t)pick_best, (intmax_t)put_best);
}

int
main(int argc, char **argv)
{
	long rows = argc == 4 ? atol(argv[3]) : 0;
	char *why;

	if (argc < 3 || (strcmp(argv[1], "fill") == 0 ? rows < DUE :
	    strcmp(argv[1], "pick") != 0))
		errx(2, "usage: queue_bench fill file rows | pick file");
	if ((q = queue_open(argv[2], QUEUE_WRITE, &why)) == NULL)
		errx(1, "%s", why);
	if (rows > 0)
		fill(rows);
	else
		pick();
	queue_close(q);
	return 0;
}
