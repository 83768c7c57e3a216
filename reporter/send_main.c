/*
 * tlsrpt-send: report every day that is over, deliver what is due.  The only
 * file that knows all others.
 */
#include <sys/file.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conf/clock.h"
#include "conf/conf.h"
#include "conf/foreign.h"
#include "conf/log.h"
#include "conf/mem.h"
#include "conf/priv.h"
#include "reporter/bounce.h"
#include "reporter/days.h"
#include "reporter/deliver.h"
#include "reporter/dkim.h"
#include "reporter/dryrun.h"
#include "reporter/explain.h"
#include "reporter/metrics.h"
#include "reporter/ownkey.h"
#include "reporter/queue.h"
#include "reporter/ready.h"
#include "reporter/send_options.h"
#include "reporter/stop.h"
#include "spool/day.h"
#include "spool/file.h"
#include "spool/spool.h"

/* All that a run holds. */
struct send {
	struct send_options o;
	struct conf conf;
	struct dkim *dkim;
	struct places *places;
	struct spool spool;
	struct queue *queue;		/* NULL: a dry run before the first run */
	struct daily *daily;
	int64_t started;
	int64_t until;			/* clock_ms, which does not jump */
};

static int64_t
wall_clock(void)
{
	return time(NULL);
}

/* The key is part of the configuration: what is wrong with it is said first. */
static int
load_dkim(struct send *s)
{
	const struct dkim_config c = {
		.domain = s->conf.dkim.domain,
		.selector = s->conf.dkim.selector,
		.key_file = s->conf.dkim.key_file,
		.ed25519_selector = s->conf.dkim.ed25519_selector,
		.ed25519_key_file = s->conf.dkim.ed25519_key_file,
	};
	char *why;

	if (s->conf.dkim.signer == SIGNER_SMARTHOST ||
	    (c.key_file == NULL && c.ed25519_key_file == NULL))
		return 0;
	if ((s->dkim = dkim_new(&c, &why)) != NULL)
		return 0;
	fprintf(stderr, "%s: [dkim] %s\n", s->o.config, why);
	free(why);
	return -1;
}

static void
print_dkim_records(const struct send *s)
{
	for (int key = 0; s->dkim != NULL && key < 2; key++) {
		char *name, *text = dkim_record(s->dkim, key, &name);

		if (text == NULL)
			continue;
		printf("publish in DNS: %s TXT \"%s\"\n", name, text);
		free(name);
		free(text);
	}
}

/* The configuration can be read; is it right, and what others see of us? */
static int
check_config(const struct send *s)
{
	const char *config = s->o.config;
	enum ownkey published = OWNKEY_GOOD;
	int rc = 0;

	if (ready_files(&s->conf, config, stderr) == -1)
		return EXIT_USAGE;
	if (ready_cas(&s->conf, config, stderr) == -1)
		rc = EXIT_WRONG;
	if (ready_folders(&s->conf, config, stderr) == -1)
		rc = EXIT_WRONG;
	if (ready_secrets(&s->conf, config, stderr) == -1)
		rc = EXIT_WRONG;
	if (s->conf.dkim.signer == SIGNER_SELF && s->dkim == NULL)
		printf("%s: no DKIM key: reports are delivered by https only, "
		    "mail destinations are refused\n", config);
	print_dkim_records(s);
	if (s->dkim != NULL && !s->o.no_dns)
		published = ownkey_check(&s->conf, s->dkim, stdout);
	if (rc != 0)
		return rc;
	if (published == OWNKEY_WRONG) {
		printf("%s: all well, but for the DKIM key in DNS\n", config);
		return EXIT_WRONG;
	}
	printf("%s: all well\n", config);
	return 0;
}

/*
 * What root makes, the user of the nightly run cannot open, and what root may
 * read, he perhaps may not.  So root becomes him: the queue's owner.
 */
static void
become_owner(const struct conf *c)
{
	char *folder = xstrndup(c->queue.database, (size_t)(strrchr(
	    c->queue.database, '/') + 1 - c->queue.database));
	const char *why;
	struct priv p;

	if (geteuid() == 0 && priv_find_owner(&p, folder) == 0) {
		if (p.uid != 0) {
			log_info("acting as %s, who owns %s", p.name, folder);
			if (priv_drop(&p, &why) == -1)
				fatal("cannot become %s: %s: %m", p.name, why);
		}
		priv_release(&p);
	}
	free(folder);
}

/* Held until the process ends, however it ends. */
static int
take_lock(const struct send *s)
{
	char *name = xasprintf("%s.lock", s->conf.queue.database);
	int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd == -1)
		fatal("cannot open %s: %m", name);
	if (file_lock(fd) == -1) {
		if (errno != EWOULDBLOCK)
			fatal("cannot lock %s: %m", name);
		log_warn("another instance runs: %s is locked", name);
		free(name);
		return -1;
	}
	free(name);
	return 0;
}

static void
open_spool(struct send *s)
{
	const char *directory = s->conf.spool.directory, *why;

	/* A name that is mistyped would mean no reports, and nobody told. */
	if (access(directory, F_OK) == -1)
		fatal("[spool] directory %s: %m (it is made by tlsrpt-spoold "
		    "or tlsrpt-spool)", directory);
	if (spool_open(&s->spool, directory, s->conf.spool.source,
	    !s->o.dry_run, &why) == -1)
		fatal("[spool] directory %s: %s: %m%s", directory, why,
		    spool_hint(errno));
}

static void
open_queue(struct send *s)
{
	char *why;

	if (s->o.dry_run && access(s->conf.queue.database, F_OK) == -1)
		return;
	s->queue = queue_open(s->conf.queue.database,
	    s->o.dry_run ? QUEUE_READ : QUEUE_WRITE, &why);
	if (s->queue == NULL)
		fatal("[queue] database %s", why);
}

/* What was printed has arrived, or it is said that it has not. */
static void
end_output(void)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		fatal("standard output: %m");
}

/* What the days of this run need to know. */
static struct days
days_of(struct send *s)
{
	return (struct days){
		.conf = &s->conf, .spool = &s->spool, .queue = s->queue,
		.daily = s->daily, .now = s->started, .one = s->o.has_day,
		.day = s->o.day, .domain = s->o.domain,
	};
}

static int
run_dry(struct send *s)
{
	struct dryrun dry = { .conf = &s->conf, .dkim = s->dkim,
	    .out = stdout, .outdir = -1, .now = s->started };
	struct days days = days_of(s);

	if (s->o.outdir != NULL &&
	    (file_mkdirs(s->o.outdir, 0755) == -1 ||
	    (dry.outdir = open(s->o.outdir, O_RDONLY | O_DIRECTORY |
	    O_CLOEXEC)) == -1))
		fatal("--out %s: %m", s->o.outdir);
	days.dry = true;
	days.show = dryrun_report;
	days.show_arg = &dry;
	dry.days = &days;
	dryrun_begin(&dry);
	days_report(&days);
	dryrun_end(&dry);
	if (dry.outdir != -1)
		close(dry.outdir);
	quota_dry_release(&days.pretended);
	end_output();
	return days.wrong || dry.errors > 0 || dry.held_back > 0;
}

static int
run_explain(struct send *s)
{
	struct days days = days_of(s);
	int rc = explain(&days, s->dkim, stdout);

	quota_dry_release(&days.pretended);
	end_output();
	return rc;
}

static void
log_summary(const struct days *d, const struct deliver_totals *t,
    const struct queue_counts *left)
{
	const uint64_t values[] = { d->reports, d->destinations, t->sent,
	    t->deferred, t->failed, t->expired, left->pending };
	char n[7][24];

	for (size_t i = 0; i < 7; i++)
		fmt(n[i], sizeof(n[i]), "%ju", (uintmax_t)values[i]);
	log_event(LOG_LEVEL_INFO, "summary", (const struct log_field[]){
	    { "reports", n[0] }, { "destinations", n[1] }, { "sent", n[2] },
	    { "deferred", n[3] }, { "refused", n[4] }, { "expired", n[5] },
	    { "pending", n[6] }, { NULL, NULL } });
}

static void
save_metrics(const struct send *s, uint64_t reports, int status)
{
	struct metrics m = {
		.started = s->started, .ended = wall_clock(),
		.reports = reports, .status = status,
	};

	if (s->conf.deliver.metrics_file == NULL)
		return;
	if (queue_measure(s->queue, &m.queue) == -1)
		log_warn("no metrics: %s", queue_error(s->queue));
	else if (metrics_save(&m, s->conf.deliver.metrics_file) == -1)
		log_warn("[deliver] metrics_file %s: %m",
		    s->conf.deliver.metrics_file);
}

/* Nothing is begun that could not be noted afterwards. */
static void
reserve(const struct send *s)
{
	int64_t next;

	if (queue_next_due(s->queue, s->o.domain, &next) == -1 ||
	    (next != INT64_MAX && queue_reserve(s->queue) == -1))
		fatal("[queue] database %s: %s", s->conf.queue.database,
		    queue_error(s->queue));
}

/*
 * When the next day is over, by clock_ms; at the latest the end of the run.
 * Who waits for a dead destination must not keep that day waiting: the run
 * that would report it finds our lock.
 */
static int64_t
next_day(const struct send *s)
{
	int64_t now = wall_clock(), over = day_first(day_of(now)) +
	    s->conf.spool.grace, ms;

	if (over <= now)
		over += DAY_SECONDS;
	ms = clock_ms() + 1000 * (over - now);
	return ms < s->until ? ms : s->until;
}

/* Report what is over now, and deliver until o->until. */
static void
report_and_deliver(struct send *s, struct days *days,
    const struct deliver_options *o, struct deliver_totals *totals)
{
	struct intake_totals taken = { 0 };

	days->now = wall_clock();
	if (spool_take_incoming(&s->spool, &taken) == -1)
		days->wrong = true;
	days_report(days);
	days_forget(days);
	reserve(s);
	if (deliver_run(&s->conf, s->queue, s->daily, s->dkim, o, totals) ==
	    -1)
		days->wrong = true;
}

static int
run(struct send *s)
{
	struct deliver_options o = {
		.once = s->o.once, .now = s->o.now, .domain = s->o.domain,
		.until = s->until, .clock = wall_clock,
	};
	struct days days = days_of(s);
	struct deliver_totals totals = { 0 };
	struct queue_counts left;
	int rc;

	do {
		if (!s->o.once && !s->o.has_day)
			o.until = next_day(s);
		report_and_deliver(s, &days, &o, &totals);
	} while (!stop_requested() && o.until < s->until &&
	    clock_ms() >= o.until);
	if (queue_count(s->queue, &left) == -1)
		fatal("[queue] database %s: %s", s->conf.queue.database,
		    queue_error(s->queue));
	log_summary(&days, &totals, &left);
	rc = days.wrong || totals.wrong ||
	    left.pending + totals.failed + totals.expired > 0;
	save_metrics(s, days.reports, rc);
	return rc;
}

static void
on_signal(int sig)
{
	(void)sig;
	stop_request();
}

static void
catch_signals(void)
{
	struct sigaction stop = { .sa_handler = on_signal };
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGTERM, &stop, NULL);
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGHUP, &ignore, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
}

static void
check_day(const struct send *s)
{
	if (s->o.has_day && !s->o.dry_run &&
	    !day_is_over(s->o.day, s->started, s->conf.spool.grace))
		send_options_wrong("--day: that day is not over (it is, %ld "
		    "seconds after midnight UTC); with --dry-run it may be "
		    "any day", s->conf.spool.grace);
}

/*
 * A message that an MTA hands over: without the lock, since a run may take the
 * day, and without what only a run needs.
 */
static int
run_bounce(struct send *s)
{
	char *why = NULL;
	int rc = EXIT_AGAIN;

	if (strstr(s->conf.mail.envelope_from, "%h") == NULL)
		send_options_wrong("--bounce needs a %%h in [mail] "
		    "envelope_from, as in tls-bounces+%%h@example.org");
	s->queue = queue_open(s->conf.queue.database, QUEUE_WRITE, &why);
	if (s->queue == NULL)
		log_warn("[queue] database %s", why);
	else if (bounce_take(&s->conf, s->queue, stdin, s->started) == -1)
		log_warn("[queue] database %s: %s", s->conf.queue.database,
		    queue_error(s->queue));
	else
		rc = 0;
	free(why);
	queue_close(s->queue);
	conf_release(&s->conf);
	return rc;
}

int
main(int argc, char **argv)
{
	static struct send s;
	int rc;

	log_standard();
	send_options_parse(&s.o, argc, argv);
	s.started = wall_clock();
	s.until = clock_ms() + 1000 * (int64_t)s.o.max_runtime;
	if (s.o.import)
		return foreign_conf(s.o.files, stdout, stderr) == -1 ?
		    EXIT_USAGE : 0;
	if (conf_load(&s.conf, s.o.config, CONF_NEED_REPORT, stderr) == -1)
		return EXIT_USAGE;
	conf_log(&s.conf, "tlsrpt-send", s.o.verbose);
	if (!s.o.dry_run && !s.o.print)
		become_owner(&s.conf);
	if (s.o.bounce)
		return run_bounce(&s);
	if (load_dkim(&s) == -1 ||
	    (s.places = places_new(&s.conf, stderr)) == NULL)
		return EXIT_USAGE;
	if (s.o.print || s.o.check) {
		if (s.o.print)
			conf_print(&s.conf, stdout);
		rc = s.o.print ? 0 : check_config(&s);
		end_output();
		return rc;
	}
	check_day(&s);
	catch_signals();
	if (!s.o.dry_run && take_lock(&s) == -1)
		return EXIT_RUNNING;
	open_spool(&s);
	open_queue(&s);
	s.daily = daily_new(&s.conf, s.places, s.queue);
	rc = s.o.explain ? run_explain(&s) :
	    s.o.dry_run ? run_dry(&s) : run(&s);
	daily_free(s.daily);
	places_free(s.places);
	queue_close(s.queue);
	spool_close(&s.spool);
	dkim_free(s.dkim);
	conf_release(&s.conf);
	free(s.o.domain);
	return rc != 0 ? EXIT_WRONG : 0;
}
