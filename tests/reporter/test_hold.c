#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/mem.h"
#include "reporter/compose.h"
#include "reporter/dryrun.h"
#include "reporter/gzip.h"
#include "reporter/hold.h"
#include "reporter/json.h"
#include "reporter/summary.h"
#include "tests/reporter/sample_report.h"

#define HELD	"held back, a bug of ours: "
#define BUG	HELD "RFC 8460 "

/* What is done to the good report, and what is said of it then. */
static const struct {
	const char *name;
	const char *from, *to;		/* in its JSON */
	const char *report_id;		/* of the queue; NULL: the report's */
	size_t cut;			/* bytes off the end of the body */
	const char *why;		/* NULL: it may leave */
} rows[] = {
	{ "as it should be", "", "", NULL, 0, NULL },
	{ "a key of nobody's", "\"summary\"", "\"sum\"", NULL, 0,
	    BUG "section 4.4: policies[0].summary: missing" },
	{ "another report-id than the queue's", "", "", "a@example.org", 0,
	    BUG "section 5.3: report-id: "
	    "\"2026-11-21.example.net.7f3a@example.org\" is not "
	    "a@example.org" },
	{ "no text", NULL, NULL, NULL, 0, BUG "section 4: not I-JSON: line 1: "
	    "'[' or '{' expected near end of file" },
	{ "half a body", "", "", NULL, 9,
	    BUG "section 5.2: gzip data ends too early" },
	{ "no body", "", "", NULL, SIZE_MAX,
	    BUG "section 5.2: gzip data ends too early" },
};
#define ROWS	(sizeof(rows) / sizeof(rows[0]))

static const struct conf conf = {
	.report = { .organization_name = (char *)(uintptr_t)"Example",
	    .contact_info = (char *)(uintptr_t)"tls@example.org",
	    .domain = (char *)(uintptr_t)"example.org" },
	.mail = { .from = (char *)(uintptr_t)"tls-reports@example.org" },
	.dkim = { .signer = SIGNER_SMARTHOST },
};

/* JSON with the first `from` changed; NULL: nothing of it is left. */
static char *
spoil(const char *json, const char *from, const char *to)
{
	const char *at = from != NULL ? strstr(json, from) : NULL;

	if (at == NULL)
		return xstrdup("");
	return xasprintf("%.*s%s%s", (int)(at - json), json, to,
	    at + strlen(from));
}

/* The body of row i, in g. */
static void
make_body(struct gzip *g, size_t i, const void **body, size_t *len)
{
	size_t jsonlen;
	char *json = json_report(&sample_report, false, &jsonlen);
	char *spoilt = spoil(json, rows[i].from, rows[i].to);

	gzip_pack(g, spoilt, strlen(spoilt), body, len);
	*len -= rows[i].cut < *len ? rows[i].cut : *len;
	free(spoilt);
	free(json);
}

static void
make_queued(struct queue_report *q, size_t i, const void *body, size_t len)
{
	*q = (struct queue_report){
		.day = sample_report.day, .part = 1, .made = 1795305600,
		.domain = sample_report.domain,
		.sessions = sample_report.successful + sample_report.failed,
		.failures = sample_report.failed,
		.report_id = rows[i].report_id != NULL ?
		    rows[i].report_id : sample_report.id,
		.filename = sample_report.filename,
		.body = body, .len = len,
	};
}

static void
assert_reason(size_t i, const char *got)
{
	const char *want = rows[i].why != NULL ? rows[i].why : "none";

	if (got == NULL)
		got = "none";
	if (strcmp(got, want) != 0)
		fail_msg("%s: \"%s\", not \"%s\"", rows[i].name, got, want);
}

static void
bad_reports_are_not_posted(void **state)
{
	struct gzip *g = gzip_new(6);

	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		struct queue_report q;
		const void *body;
		size_t len;
		char *why;

		make_body(g, i, &body, &len);
		make_queued(&q, i, body, len);
		why = hold_report(&conf, &q);
		assert_reason(i, why);
		free(why);
	}
	gzip_free(g);
}

/* Where the queue's report-id is not the report's, the Subject is wrong too. */
static void
bad_reports_are_not_mailed(void **state)
{
	struct gzip *g = gzip_new(6);

	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		struct queue_report q;
		const void *body;
		char *message, *why = NULL;
		size_t len, size;

		make_body(g, i, &body, &len);
		make_queued(&q, i, body, len);
		message = compose_mail(&conf, NULL, &q, "tls@example.net",
		    &size, &why);
		assert_true((message == NULL) == (rows[i].why != NULL));
		if (message == NULL)
			assert_memory_equal(why, HELD, strlen(HELD));
		free(message);
		free(why);
	}
	gzip_free(g);
}

/* What changes behind a seal breaks it. */
static void
a_seal_is_on_everything(void **state)
{
	const struct queue_report whole = {
		.day = 20778, .part = 1, .sessions = 3, .failures = 1,
		.domain = "example.net", .report_id = "a@example.org",
		.filename = "example.org!example.net!1!2!a",
		.figures = "3 successful", .body = "body", .len = 4,
	};
	struct queue_report q[11];

	(void)state;
	for (size_t i = 0; i < 11; i++)
		q[i] = whole;
	q[0].day++;
	q[1].part++;
	q[2].sessions++;
	q[3].failures++;
	q[4].domain = "example.com";
	q[5].report_id = "b@example.org";
	q[6].filename = "example.org!example.net!1!2!b";
	q[7].figures = NULL;
	q[8].body = "Body";
	q[9].len--;
	q[10].domain = "example.neta";	/* the same letters in all */
	q[10].report_id = "@example.org";
	for (size_t i = 0; i < 11; i++) {
		assert_false(hold_is_sealed(&q[i]));
		q[i].seal = hold_seal(&whole);
		if (hold_is_sealed(&q[i]))
			fail_msg("change %zu is not seen", i);
		q[i].seal = hold_seal(&q[i]);
		assert_true(q[i].seal != 0 && hold_is_sealed(&q[i]));
	}
}

/* Behind a good seal nothing is read again; behind a broken one, all is. */
static void
sealed_reports_leave_unread(void **state)
{
	struct gzip *g = gzip_new(6);

	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		struct queue_report q;
		const void *body;
		size_t len;
		char *why;

		make_body(g, i, &body, &len);
		make_queued(&q, i, body, len);
		q.seal = hold_seal(&q);
		assert_null(hold_report(&conf, &q));
		q.seal++;
		why = hold_report(&conf, &q);
		assert_reason(i, why);
		free(why);
	}
	gzip_free(g);
}

/* What the queue says of them may be damaged. */
static void
sessions_are_those_of_the_report(void **state)
{
	struct gzip *g = gzip_new(6);
	struct queue_report q;
	const void *body;
	char *message[3], *why;
	size_t len, size;

	(void)state;
	make_body(g, 0, &body, &len);
	for (size_t i = 0; i < 3; i++) {
		make_queued(&q, 0, body, len);
		q.seal = hold_seal(&q);
		q.sessions = i == 1 ? 0 : q.sessions;
		q.failures += i == 2 ? 1 : 0;
		message[i] = compose_mail(&conf, NULL, &q,
		    "tls@example.net", &size, &why);
		assert_non_null(message[i]);
	}
	assert_string_equal(message[1], message[0]);
	assert_string_equal(message[2], message[0]);
	for (size_t i = 0; i < 3; i++)
		free(message[i]);
	gzip_free(g);
}

/* Figures are believed behind a good seal only. */
static void
figures_make_no_other_mail(void **state)
{
	struct gzip *g = gzip_new(6);
	struct queue_report q;
	const void *body;
	char *message[4], *why;
	json_t *tree = json_tree(&sample_report);
	char *figures = summary_figures_of(tree, NULL);
	size_t len, size[4];

	(void)state;
	make_body(g, 0, &body, &len);
	make_queued(&q, 0, body, len);
	for (size_t i = 0; i < 4; i++) {
		q.figures = i == 0 ? NULL : i == 1 ? figures : "\nAll well.\n";
		q.seal = i == 0 || i == 2 ? 0 : hold_seal(&q);
		message[i] = compose_mail(&conf, NULL, &q,
		    "tls@example.net", &size[i], &why);
		assert_non_null(message[i]);
	}
	assert_string_equal(message[1], message[0]);
	assert_string_equal(message[2], message[0]);
	assert_non_null(strstr(message[3], "\r\nAll well.\r\n"));
	for (size_t i = 0; i < 4; i++)
		free(message[i]);
	free(figures);
	json_decref(tree);
	gzip_free(g);
}

/* The mail is looked over as well as what is in it. */
static void
bad_mails_are_not_mailed(void **state)
{
	struct gzip *g = gzip_new(6);
	struct queue_report q;
	const void *body;
	char *why = NULL;
	size_t len;

	(void)state;
	make_body(g, 0, &body, &len);
	make_queued(&q, 0, body, len);
	assert_null(compose_mail(&conf, NULL, &q,
	    "tls@example.net\r\nBcc: a@victim.example", &len, &why));
	assert_memory_equal(why, HELD, strlen(HELD));
	free(why);
	gzip_free(g);
}

/* Returns what it says, which the caller frees. */
static char *
dry_run(struct dryrun *d, const struct daily_report *r)
{
	char *text;
	size_t len;

	struct days days = { .conf = &conf };

	*d = (struct dryrun){ .conf = &conf, .days = &days, .outdir = -1,
	    .now = 1795305600, .out = xmemstream(&text, &len) };
	assert_int_equal(dryrun_report(d, r), 0);
	dryrun_end(d);
	xmemclose(d->out);
	return text;
}

static void
dry_runs_tell(void **state)
{
	struct rua to = { .scheme = RUA_HTTPS,
		.uri = (char *)(uintptr_t)"https://example.net/tls" };
	const struct rua_list list = { .n = 1, .list = &to };
	struct gzip *g = gzip_new(6);

	(void)state;
	for (size_t i = 0; i < ROWS; i++) {
		struct daily_report r = { .report = &sample_report,
		    .to = &list };
		struct dryrun d;
		char *text;

		if (rows[i].report_id != NULL)
			continue;	/* there is no queue to differ */
		make_body(g, i, &r.gzip, &r.gziplen);
		text = dry_run(&d, &r);
		assert_int_equal(d.held_back, rows[i].why != NULL);
		assert_int_equal(d.destinations, rows[i].why == NULL);
		assert_true((strstr(text, "  (held back)\n") != NULL &&
		    strstr(text, ", 1 held back;") != NULL) ==
		    (rows[i].why != NULL));
		free(text);
	}
	gzip_free(g);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_reports_are_not_posted),
		cmocka_unit_test(bad_reports_are_not_mailed),
		cmocka_unit_test(a_seal_is_on_everything),
		cmocka_unit_test(sealed_reports_leave_unread),
		cmocka_unit_test(sessions_are_those_of_the_report),
		cmocka_unit_test(figures_make_no_other_mail),
		cmocka_unit_test(bad_mails_are_not_mailed),
		cmocka_unit_test(dry_runs_tell),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
