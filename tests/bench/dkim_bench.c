/*
 * dkim_bench SECONDS RSA-KEY [ED25519-KEY]: build and sign reports as mail,
 * each with a text and a body of its own, for so many seconds of processor
 * time; print how many a second.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "conf/mem.h"
#include "reporter/mime.h"

#define BODY	1000	/* bytes: a gzip of a report with some failures */

static double
cpu_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
build(const struct dkim *d, unsigned int i)
{
	unsigned char body[BODY];
	struct mime_report m = {
		.organization = "Example Org",
		.from = "tls-reports@example.org",
		.to = "tls@example.net",
		.domain = "example.net",
		.submitter = "example.org",
		.filename = "example.org!example.net!1795219200!1795305599!1",
		.date = 1795306500,
		.body = body,
		.len = sizeof(body),
	};
	char *id, *summary, *message, *why;
	size_t len;

	for (len = 0; len < sizeof(body); len++)
		body[len] = (unsigned char)((len + i) * 2654435761U >> 24);
	m.report_id = id = xasprintf("20261121.%u.1@example.org", i);
	m.summary = summary = xasprintf("TLS report for example.net\n\n"
	    "Sessions: %u\nFailures: 0\n", i);
	if ((message = mime_message(&m, d, &len, &why)) == NULL)
		errx(1, "%s", why);
	free(message);
	free(summary);
	free(id);
}

int
main(int argc, char **argv)
{
	struct dkim_config c = { .domain = "example.org", .selector = "r" };
	double start, now, seconds;
	unsigned int n = 0;
	struct dkim *d;
	char *why;

	if (argc != 3 && argc != 4)
		errx(2, "usage: dkim_bench seconds rsa-key [ed25519-key]");
	seconds = atof(argv[1]);
	c.key_file = argv[2];
	if (argc == 4) {
		c.ed25519_selector = "e";
		c.ed25519_key_file = argv[3];
	}
	if ((d = dkim_new(&c, &why)) == NULL)
		errx(1, "%s", why);
	build(d, n);		/* what is done once is done now */
	for (start = now = cpu_seconds(); now - start < seconds;
	    now = cpu_seconds())
		build(d, n++);
	printf("%.1f\n", n / (now - start));
	dkim_free(d);
	return 0;
}
