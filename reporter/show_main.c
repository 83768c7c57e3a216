/*
 * tlsrpt-show: reports, days and the queue for people.  Changes nothing.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/show.h"
#include "spool/day.h"
#include "spool/record.h"

static const char usage[] =
"usage: tlsrpt-show [--config FILE] [-v] COMMAND [OPTION...] [ARGUMENT...]\n"
"\n"
"  report [--all] [--domain NAME] [--summary | --lint | --json] FILE...\n"
"        TLS reports, ours or those that others send us, as a table, with what\n"
"        receivers would object to (RFC 8460).  A FILE is JSON, plain or gzip, a\n"
"        mail that carries reports, a Maildir, a folder with any of these below\n"
"        it, or - for standard input.\n"
"        --all      do not shorten lists\n"
"        --summary  a line per report, unchecked, and the totals\n"
"        --lint     only what is wrong, and what is odd\n"
"        --json     a JSON object a line: the report as it came, the totals,\n"
"                   and the findings\n"
"  day [--all] [--json] [YYYY-MM-DD]\n"
"        What the spool knows of a UTC day, today by default: totals, policies,\n"
"        what failed, the worst domains, what is new since the day before.\n"
"  queue [--all] [--json] [--domain NAME]\n"
"        Reports and what became of them: pending with the next try, sent,\n"
"        failed and expired with the reason.\n"
"  html --out FILE [--from DAY] [--to DAY] [FILE...]\n"
"        One page with all pictures in it: of the reports in the queue, or of\n"
"        those in FILEs.  - writes it to standard output.\n"
"\n"
"  --config FILE  instead of " CONF_FILE "\n"
"  -v, --verbose  tell more\n"
"  --version      print the version\n"
"  --help         print this\n"
"\n"
"There is colour on terminals, unless NO_COLOR is set.\n"
"\n"
"Exit status: 0 all well; 1 something could not be read, or there is something\n"
"wrong with a report, and it was said; 2 wrong usage or configuration.\n";

enum command { REPORT = 1, DAY = 2, QUEUE = 4, HTML = 8 };

static const struct {
	const char *name;
	enum command command;
} commands[] = {
	{ "report", REPORT },
	{ "day", DAY },
	{ "queue", QUEUE },
	{ "html", HTML },
	{ NULL, 0 }
};

enum { ALL = 256, CONFIG, DOMAIN, FROM, HELP, JSON, LINT, OUT, SUMMARY, TO,
	SHOW_VERSION };
static const struct option long_options[] = {
	{ "all", no_argument, NULL, ALL },
	{ "config", required_argument, NULL, CONFIG },
	{ "domain", required_argument, NULL, DOMAIN },
	{ "from", required_argument, NULL, FROM },
	{ "help", no_argument, NULL, HELP },
	{ "json", no_argument, NULL, JSON },
	{ "lint", no_argument, NULL, LINT },
	{ "out", required_argument, NULL, OUT },
	{ "summary", no_argument, NULL, SUMMARY },
	{ "to", required_argument, NULL, TO },
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, SHOW_VERSION },
	{ NULL, 0, NULL, 0 }
};

/* What goes with which command; all else goes with any. */
static const struct {
	int option;
	int commands;
} limits[] = {
	{ ALL, REPORT | DAY | QUEUE },
	{ DOMAIN, REPORT | QUEUE },
	{ FROM, HTML },
	{ JSON, REPORT | DAY | QUEUE },
	{ LINT, REPORT },
	{ OUT, HTML },
	{ SUMMARY, REPORT },
	{ TO, HTML },
	{ 0, 0 }
};

struct arguments {
	struct show show;
	enum command command;
	int given;			/* bit i: limits[i] */
	char **rest;
	size_t n;
};

static void __attribute__((noreturn, format(printf, 1, 2)))
wrong_usage(const char *format, ...)
{
	va_list ap;

	fputs("tlsrpt-show: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputs("\nTry tlsrpt-show --help.\n", stderr);
	exit(SHOW_USAGE);
}

static int
day_argument(const char *name, const char *text)
{
	int day;

	if (!day_parse(text, &day))
		wrong_usage("%s\"%s\" is not a day, allowed: YYYY-MM-DD",
		    name, text);
	return day;
}

/* A policy domain as reports write it. */
static const char *
domain_argument(const char *text)
{
	static struct arena a;
	const char *domain = record_domain(text, false, &a);

	if (domain == NULL)
		wrong_usage("--domain: \"%s\" is not a domain name", text);
	return domain;
}

static void
take_form(struct show *s, enum show_form form)
{
	if (s->form != SHOW_TEXT && s->form != form)
		wrong_usage("--json, --lint and --summary exclude each other");
	s->form = form;
}

static void
note_option(struct arguments *a, int option)
{
	for (size_t i = 0; limits[i].option != 0; i++)
		if (limits[i].option == option)
			a->given |= 1 << i;
}

static void
take_option(struct show *s, int option)
{
	switch (option) {
	case ALL:
		s->all = true;
		break;
	case CONFIG:
		s->config = optarg;
		break;
	case DOMAIN:
		s->domain = domain_argument(optarg);
		break;
	case FROM:
		s->from = day_argument("--from: ", optarg);
		s->has_from = true;
		break;
	case TO:
		s->to = day_argument("--to: ", optarg);
		s->has_to = true;
		break;
	case JSON:
		take_form(s, SHOW_JSON);
		break;
	case LINT:
		take_form(s, SHOW_LINT);
		break;
	case SUMMARY:
		take_form(s, SHOW_SUMMARY);
		break;
	case OUT:
		s->outfile = optarg;
		break;
	case 'v':
		s->verbose = true;
		break;
	case HELP:
		fputs(usage, stdout);
		exit(SHOW_OK);
	case SHOW_VERSION:
		puts("tlsrpt-show " VERSION);
		exit(SHOW_OK);
	default:
		fputs("Try tlsrpt-show --help.\n", stderr);
		exit(SHOW_USAGE);
	}
}

static enum command
find_command(const char *name)
{
	for (size_t i = 0; commands[i].name != NULL; i++)
		if (strcmp(commands[i].name, name) == 0)
			return commands[i].command;
	wrong_usage("\"%s\" is no command, allowed: report, day, queue, html",
	    name);
}

static void
check_options(const struct arguments *a)
{
	for (size_t i = 0; limits[i].option != 0; i++) {
		const struct option *o = long_options;

		if ((a->given & 1 << i) == 0 ||
		    (limits[i].commands & (int)a->command) != 0)
			continue;
		while (o->val != limits[i].option)
			o++;
		wrong_usage("--%s does not go with this command", o->name);
	}
}

static void
parse(struct arguments *a, int argc, char **argv)
{
	int c;

	a->show = (struct show){ .config = CONF_FILE, .now = time(NULL) };
	while ((c = getopt_long(argc, argv, "v", long_options, NULL)) != -1) {
		note_option(a, c);
		take_option(&a->show, c);
	}
	if (optind == argc)
		wrong_usage("no command, allowed: report, day, queue, html");
	a->command = find_command(argv[optind++]);
	a->rest = argv + optind;
	a->n = (size_t)(argc - optind);
	check_options(a);
	if (a->command == REPORT && a->n == 0)
		wrong_usage("report: no file; - is standard input");
	if (a->command == DAY && a->n > 1)
		wrong_usage("day: one day at a time");
	if (a->command == QUEUE && a->n > 0)
		wrong_usage("queue: there are no arguments but options");
	if (a->command == HTML && a->show.outfile == NULL)
		wrong_usage("html: --out is missing");
	if (a->show.has_from && a->show.has_to && a->show.from > a->show.to)
		wrong_usage("--from is after --to");
}

/* Files speak for themselves: only what is ours needs to be looked up. */
static void
configure(const struct arguments *a, struct show *s)
{
	bool needed = a->command == DAY || a->command == QUEUE ||
	    (a->command == HTML && a->n == 0);

	log_open("tlsrpt-show", LOG_TO_STDERR, LOG_AS_TEXT,
	    s->verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	if (conf_load(&s->conf, needed ? s->config : NULL, CONF_NEED_NOTHING,
	    stderr) == -1)
		exit(SHOW_USAGE);
}

static int
run(const struct arguments *a)
{
	const struct show *s = &a->show;

	switch (a->command) {
	case REPORT:
		return show_report(s, a->rest, a->n);
	case DAY:
		return show_day(s, a->n > 0 ?
		    day_argument("", a->rest[0]) : day_of(s->now));
	case QUEUE:
		return show_queue(s);
	case HTML:
		return show_html(s, a->rest, a->n);
	}
	return SHOW_USAGE;
}

int
main(int argc, char **argv)
{
	static struct arguments a;
	int rc;

	log_standard();
	parse(&a, argc, argv);
	configure(&a, &a.show);
	a.show.colour = show_wants_colour();
	rc = run(&a);
	if (fflush(stdout) != 0 || ferror(stdout))
		fatal("standard output: %m");
	conf_release(&a.show.conf);
	return rc;
}
