/* What a finished report brings along for when it leaves, in the queue too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "conf/mem.h"
#include "reporter/daily.h"
#include "reporter/enqueue.h"
#include "reporter/hold.h"
#include "reporter/places.h"
#include "spool/segment.h"
#include "tests/aggregator/sample.h"
#include "tests/reporter/queue_dir.h"

static const struct row {
	const char *name, *txt;
	const char *contact;		/* not as the configuration wants it */
	bool good, figures;
	int details;			/* failures, of half a kilobyte each */
} rows[] = {
	{ "by mail", "v=TLSRPTv1; rua=mailto:tls@example.net", NULL,
	    true, true, 0 },
	{ "by https: there is no mail to write",
	    "v=TLSRPTv1; rua=https://example.net/tls", NULL, true, false, 0 },
	{ "both ways", "v=TLSRPTv1; rua=https://example.net/tls,"
	    "mailto:tls@example.net", NULL, true, true, 0 },
	{ "lint objects", "v=TLSRPTv1; rua=mailto:tls@example.net",
	    "tls@example.com", false, false, 0 },
	{ "some failures", "v=TLSRPTv1; rua=mailto:tls@example.net", NULL,
	    true, true, 4 },
	{ "more than is kept with the report", "v=TLSRPTv1; "
	    "rua=mailto:tls@example.net", NULL, true, false, 10 },
	{ "a text that is not UTF-8", "v=TLSRPTv1; "
	    "rua=mailto:tls@example.net", "\xff@sender.example",
	    false, false, 0 },
};

static void
load(struct conf *c, const char *contact)
{
	char file[] = "/tmp/tlsrpt-conf.XXXXXX";
	FILE *f = fdopen(mkstemp(file), "w");

	assert_non_null(f);
	fputs("[report]\norganization_name = Example\n"
	    "contact_info = tls@sender.example\n[dns]\nrua_lookup = never\n",
	    f);
	fclose(f);
	assert_int_equal(conf_load(c, file, CONF_NEED_REPORT, stderr), 0);
	unlink(file);
	if (contact == NULL)
		return;
	free(c->report.contact_info);
	c->report.contact_info = xstrdup(contact);
}

/* Fits daily_reports. */
static int
look(void *arg, const struct daily_report *r)
{
	const struct row *row = arg;

	if (r->good != row->good ||
	    (r->figures != NULL) != row->figures)
		fail_msg("%s: good %d, figures %s", row->name, r->good,
		    r->figures != NULL ? r->figures : "none");
	if (r->figures != NULL)
		assert_non_null(strstr(r->figures, "3 successful, "));
	return 0;
}

/* A seal is for those that lint has nothing against. */
static void
enqueue(const struct conf *c, struct daily *d, struct aggregate *g,
    const struct row *row)
{
	static const struct segments none;
	struct days days = { .conf = c, .daily = d, .now = NOW };
	struct queue_report r;

	queue_dir_setup((void **)&days.queue);
	assert_int_equal(enqueue_day(&days, DAY, &none, NULL, g), 0);
	must(days.queue, queue_get_report(days.queue, 1, &r));
	if (hold_is_sealed(&r) != row->good ||
	    (r.figures != NULL) != row->figures)
		fail_msg("%s: seal %jd, figures %s", row->name,
		    (intmax_t)r.seal, r.figures != NULL ? r.figures : "none");
	assert_true((r.seal != 0) == row->good);
	queue_report_release(&r);
	queue_dir_teardown((void **)&days.queue);
}

static void
count_failures(struct aggregate *g, const struct row *row)
{
	char reason[RECORD_TEXT_MAX + 1];

	memset(reason, 'x', sizeof(reason));
	reason[RECORD_TEXT_MAX] = '\0';
	for (int i = 0; i < row->details; i++) {
		char *mx = xasprintf("mx%d.example.net", i);
		const struct sample s = { .domain = "example.net",
		    .txt = row->txt, .type = POLICY_NONE, .sessions = 1,
		    .failed = true, .failure = { .result = CERTIFICATE_EXPIRED,
		    .mx_hostname = mx, .reason = reason } };

		sample_count(g, &s);
		free(mx);
	}
}

static void
one(const struct row *row)
{
	const struct sample s = { .domain = "example.net", .txt = row->txt,
	    .type = POLICY_NONE, .sessions = 3 };
	struct aggregate *g = aggregate_new(10);
	struct daily_totals totals = { 0 };
	struct daily_domains *list;
	struct places *places;
	struct daily *d;
	struct conf c;

	load(&c, row->contact);
	assert_non_null(places = places_new(&c, stderr));
	d = daily_new(&c, places, NULL);
	sample_count(g, &s);
	count_failures(g, row);
	assert_non_null(list = daily_domains(d, g, NULL));
	assert_int_equal(daily_reports(d, list, DAY, 1, look,
	    (void *)(uintptr_t)row, &totals), 0);
	assert_int_equal(totals.n[DAILY_REPORT], 1);
	daily_domains_free(list);
	enqueue(&c, d, g, row);
	aggregate_free(g);
	daily_free(d);
	places_free(places);
	conf_release(&c);
}

static void
it_is_looked_over_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		one(&rows[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_looked_over_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
