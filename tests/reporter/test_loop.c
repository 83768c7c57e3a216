/*
 * Reports about reports (RFC 8460 section 3): a week of a whole sender in
 * which each report that is mailed makes a session, which the MTA records, at
 * the domain of its address.  All is real but the clock, the MTA and DNS.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <ftw.h>
#include <stdbool.h>
#include <cmocka.h>

#include "conf/log.h"
#include "reporter/daily.h"
#include "reporter/days.h"
#include "reporter/places.h"
#include "spool/spool.h"
#include "tests/reporter/queue_dir.h"

#define DAYS		7
#define DOMAINS_MAX	4
#define NIGHT		1200	/* seconds after midnight: days are reported */
#define MAILED		7200	/* …and by then, mailed */

/* A domain with a TLSRPT record, and its traffic without our reports. */
struct domain {
	const char *name, *rua;
	int sessions[DAYS];
};

struct world {
	const char *name;
	struct domain domains[DOMAINS_MAX];
	const char *reports;		/* per day, of how many sessions */
	bool keep;			/* own_reports = keep */
	int greylisted;			/* until this day, a mail makes two */
	int broken;			/* on this day TLS fails, 0: never */
	bool late;			/* sessions of mails come as a 2nd part */
};

static const struct world worlds[] = {
	{ "a domain that gets its reports itself",
	    { { "a.example", "mailto:tls@a.example", { 5 } } },
	    "a.example:5 - - - - - -", 0, 0, 0, 0 },
	{ "the same, were there no ledger: it never ends",
	    { { "a.example", "mailto:tls@a.example", { 5 } } },
	    "a.example:5 a.example:1 a.example:1 a.example:1 a.example:1 "
	    "a.example:1 a.example:1", true, 0, 0, 0 },
	{ "an address at another domain, where the loop closes",
	    { { "a.example", "mailto:tls@b.example", { 5 } },
	    { "b.example", "mailto:tls@b.example", { 0 } } },
	    "a.example:5 - - - - - -", 0, 0, 0, 0 },
	{ "the same, were there no ledger",
	    { { "a.example", "mailto:tls@b.example", { 5 } },
	    { "b.example", "mailto:tls@b.example", { 0 } } },
	    "a.example:5 b.example:1 b.example:1 b.example:1 b.example:1 "
	    "b.example:1 b.example:1", true, 0, 0, 0 },
	{ "two that name each other",
	    { { "a.example", "mailto:tls@b.example", { 5 } },
	    { "b.example", "mailto:tls@a.example", { 0 } } },
	    "a.example:5 - - - - - -", 0, 0, 0, 0 },
	{ "many that name one",
	    { { "a.example", "mailto:a@z.example", { 5 } },
	    { "b.example", "mailto:b@z.example,mailto:c@z.example", { 1 } },
	    { "z.example", "mailto:z@z.example", { 0 } } },
	    "a.example:5,b.example:1 - - - - - -", 0, 0, 0, 0 },
	{ "by mail and by https",
	    { { "a.example", "mailto:tls@a.example,https://a.example/",
	    { 5 } } }, "a.example:5 - - - - - -", 0, 0, 0, 0 },
	{ "other traffic every day: the counts are the MTA's",
	    { { "a.example", "mailto:tls@a.example", { 5, 5, 5, 5, 5, 5, 5 } }
	    }, "a.example:5 a.example:6 a.example:6 a.example:6 a.example:6 "
	    "a.example:6 a.example:6", 0, 0, 0, 0 },
	{ "other traffic now and then",
	    { { "a.example", "mailto:tls@a.example", { 5, 0, 0, 2, 1 } } },
	    "a.example:5 - - a.example:2 a.example:2 - -", 0, 0, 0, 0 },
	{ "other traffic at the domain of the address",
	    { { "a.example", "mailto:tls@b.example", { 5, 0, 1 } },
	    { "b.example", "mailto:tls@b.example", { 0, 1 } } },
	    "a.example:5 b.example:2 a.example:1 - - - -", 0, 0, 0, 0 },
	{ "mails that are greylisted at first",
	    { { "a.example", "mailto:tls@a.example", { 5 } } },
	    "a.example:5 a.example:2 - - - - -", 0, 1, 0, 0 },
	{ "our mail's session fails: that is worth a report",
	    { { "a.example", "mailto:tls@a.example", { 0, 0, 5 } } },
	    "- - a.example:5 a.example:1 - - -", 0, 0, 3, 0 },
	{ "our mails' sessions arrive late",
	    { { "a.example", "mailto:tls@a.example", { 5 } } },
	    "a.example:5 - - - - - -", 0, 0, 0, true },
	{ "other traffic, and our mails' sessions arrive late",
	    { { "a.example", "mailto:tls@a.example", { 5, 3 } } },
	    "a.example:5 a.example:3,a.example:1 - - - - -", 0, 0, 0, true },
};

/* What there is of a world while it lasts. */
struct life {
	const struct world *w;
	struct conf conf;
	struct places *places;
	struct spool spool;
	struct queue *queue;
	struct daily *daily;
	char path[96];
	int mails[DOMAINS_MAX];		/* of this day, by their domain */
};

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void
begin(struct life *l, const struct world *w)
{
	const char *why;
	char text[512], file[] = "/tmp/tlsrpt-conf.XXXXXX";
	FILE *f = fdopen(mkstemp(file), "w");

	memset(l, 0, sizeof(*l));
	l->w = w;
	snprintf(text, sizeof(text), "[report]\norganization_name = Example\n"
	    "contact_info = tls@sender.example\n[deliver]\nspread = 1h\n"
	    "own_reports = %s\n", w->keep ? "keep" : "drop");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(conf_load(&l->conf, file, CONF_NEED_REPORT, stderr),
	    0);
	unlink(file);
	queue_dir_make();
	snprintf(l->path, sizeof(l->path), "%s/spool", queue_dir);
	assert_int_equal(spool_open(&l->spool, l->path, "mta1", true, &why),
	    0);
	l->queue = queue_reopen(NULL, QUEUE_WRITE);
	assert_non_null(l->places = places_new(&l->conf, stderr));
	l->daily = daily_new(&l->conf, l->places, l->queue);
}

static void
end(struct life *l)
{
	daily_free(l->daily);
	places_free(l->places);
	queue_close(l->queue);
	spool_close(&l->spool);
	conf_release(&l->conf);
	nftw(queue_dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* The MTA's records of some sessions with a domain. */
static void
record(struct life *l, int day, const struct domain *d, int n, bool failed)
{
	struct intake_totals t = { 0 };
	FILE *f;

	if (n == 0)
		return;
	assert_non_null(f = tmpfile());
	fprintf(f, "{\"d\":\"%s\",\"pr\":\"v=TLSRPTv1; rua=%s\",\"n\":%d,"
	    "\"policies\":[{\"policy-type\":9,", d->name, d->rua, n);
	fputs(failed ? "\"failure-details\":[{\"c\":201}],\"t\":1,\"f\":1}]}\n" :
	    "\"t\":0,\"f\":0}]}\n", f);
	rewind(f);
	assert_int_equal(spool_add(&l->spool, fileno(f), "test", day, &t), 0);
	assert_int_equal(t.rejected, 0);
	fclose(f);
}

/* A record with our mails' sessions, one each; as they come, they are gone. */
static void
record_mails(struct life *l, int n)
{
	int each = n <= l->w->greylisted ? 2 : 1;

	for (int i = 0; i < DOMAINS_MAX; i++) {
		if (l->mails[i] > 0)
			record(l, DAY + n, &l->w->domains[i],
			    l->mails[i] * each, n > 0 && n == l->w->broken);
		l->mails[i] = 0;
	}
}

static int
note_due(void *arg, const struct queue_delivery *d)
{
	struct queue_delivery **end = arg;

	queue_delivery_copy((*end)++, d);
	return 0;
}

/* Everything that is due is delivered; mails of the new day make sessions. */
static void
deliver(struct life *l, int64_t now)
{
	struct queue_delivery due[16], *last = due;

	must(l->queue, queue_due(l->queue, now, NULL, note_due, &last));
	for (struct queue_delivery *d = due; d < last; d++) {
		must(l->queue, queue_sent(l->queue, d->row, now, "ok"));
		for (int i = 0; i < DOMAINS_MAX; i++)
			if (d->transport == QUEUE_MAILTO &&
			    l->w->domains[i].name != NULL &&
			    strcmp(d->host, l->w->domains[i].name) == 0)
				l->mails[i]++;
		queue_delivery_release(d);
	}
}

static void
report(struct life *l, int n)
{
	struct days d = {
		.conf = &l->conf, .spool = &l->spool, .queue = l->queue,
		.daily = l->daily, .now = day_first(DAY + n + 1) + NIGHT,
	};

	days_report(&d);
	assert_false(d.wrong);
}

/* A day, its records, and the night after it. */
static void
live(struct life *l, int n)
{
	for (int i = 0; i < DOMAINS_MAX; i++)
		record(l, DAY + n, &l->w->domains[i],
		    l->w->domains[i].sessions[n], false);
	if (l->w->late)
		report(l, n);
	record_mails(l, n);
	report(l, n);
	deliver(l, day_first(DAY + n + 1) + MAILED);
}

/* The reports of each day, as worlds write them. */
static void
check(const struct life *l)
{
	char *text;
	size_t len;
	FILE *f = xmemstream(&text, &len);

	for (int n = 0; n < DAYS; n++) {
		char *query = xasprintf("SELECT ifnull(group_concat(x), '-')"
		    " FROM (SELECT domain || ':' || sessions AS x FROM report"
		    " WHERE day = %d ORDER BY domain, part)", DAY + n);
		char *row = sql_rows(query);

		fprintf(f, "%s%.*s", n > 0 ? " " : "",
		    (int)strcspn(row, "\n"), row);
		free(row);
		free(query);
	}
	xmemclose(f);
	assert_string_equal(text, l->w->reports);
	free(text);
}

static void
a_week_ends_as_it_should(void **state)
{
	struct life l;

	(void)state;
	log_open("test", LOG_TO_STDERR, LOG_AS_TEXT, LOG_LEVEL_WARN);
	for (size_t i = 0; i < sizeof(worlds) / sizeof(worlds[0]); i++) {
		print_message("  %s\n", worlds[i].name);
		begin(&l, &worlds[i]);
		for (int n = 0; n < DAYS; n++)
			live(&l, n);
		check(&l);
		end(&l);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_week_ends_as_it_should),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
