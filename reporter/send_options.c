#include "reporter/send_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "conf/conf.h"
#include "conf/mem.h"
#include "spool/day.h"
#include "spool/record.h"

static void
usage(FILE *out)
{
	fputs("usage: tlsrpt-send [--config FILE] [--day YYYY-MM-DD] "
	    "[--domain NAME]\n"
	    "                   [--once] [--now] [--max-runtime SECONDS]\n"
	    "                   [--dry-run [--out DIR]] [--explain DOMAIN] "
	    "[--bounce]\n"
	    "                   [--check-config [--no-dns]] [--print-config] [-v] "
	    "[--version] [--help]\n"
	    "       tlsrpt-send --import-config FILE...\n\n"
	    "Reports every day that is over and not yet reported, and delivers "
	    "what is due.\n\n"
	    "  --config FILE      instead of " CONF_FILE "\n"
	    "  --day YYYY-MM-DD   report this day only\n"
	    "  --domain NAME      deliver reports on this policy domain only\n"
	    "  --once             one pass over what is due now, then exit\n"
	    "  --now              ignore the spread window and retry times\n"
	    "  --max-runtime S    exit after so many seconds (default 23 "
	    "hours)\n"
	    "  --dry-run          say what would be sent; send and change "
	    "nothing\n"
	    "  --out DIR          with --dry-run, write reports and mails "
	    "there\n"
	    "  --explain DOMAIN   say what becomes of reports on this domain, "
	    "and why\n"
	    "  --bounce           take in a bounce from standard input: send no "
	    "more there\n"
	    "  --check-config     say whether the configuration is right, and "
	    "our DKIM key\n"
	    "                     in DNS as it should be\n"
	    "  --no-dns           with --check-config, do not ask DNS\n"
	    "  --print-config     print every setting as it is in force\n"
	    "  --import-config    print what FILEs, settings of "
	    "tlsrpt-reporter, come to here\n"
	    "  -v                 log more\n\n"
	    "Run by root, it acts as the owner of the queue's folder.\n\n"
	    "Exit status: 0 all well; 1 deliveries are pending, failed or "
	    "expired, or\nsomething else went wrong and was logged; 2 wrong "
	    "usage or configuration;\n75 another instance runs, or --bounce "
	    "cannot work now.\n", out);
}

void
send_options_wrong(const char *format, ...)
{
	va_list ap;

	fputs("tlsrpt-send: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputs("\nTry tlsrpt-send --help.\n", stderr);
	exit(EXIT_USAGE);
}

#define YEAR	(365 * 86400L)

static long
seconds_option(const char *text)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || n < 1 || n > YEAR)
		send_options_wrong("--max-runtime: \"%s\" is not a number of "
		    "seconds, allowed: 1 to %ld", text, YEAR);
	return n;
}

/* A policy domain as reports write it. */
static char *
domain_option(const char *option, const char *text)
{
	struct arena a = { 0 };
	const char *domain = record_domain(text, false, &a);
	char *copy;

	if (domain == NULL)
		send_options_wrong("%s: \"%s\" is not a domain name", option,
		    text);
	copy = xstrdup(domain);
	arena_release(&a);
	return copy;
}

enum { CONFIG = 256, DAY, DOMAIN, ONCE, NOW, MAX_RUNTIME, DRY_RUN, OUT,
	EXPLAIN, BOUNCE, CHECK, NO_DNS, PRINT, IMPORT, SHOW_VERSION, HELP };
static const struct option long_options[] = {
	{ "config", required_argument, NULL, CONFIG },
	{ "day", required_argument, NULL, DAY },
	{ "domain", required_argument, NULL, DOMAIN },
	{ "once", no_argument, NULL, ONCE },
	{ "now", no_argument, NULL, NOW },
	{ "max-runtime", required_argument, NULL, MAX_RUNTIME },
	{ "dry-run", no_argument, NULL, DRY_RUN },
	{ "out", required_argument, NULL, OUT },
	{ "explain", required_argument, NULL, EXPLAIN },
	{ "bounce", no_argument, NULL, BOUNCE },
	{ "check-config", no_argument, NULL, CHECK },
	{ "no-dns", no_argument, NULL, NO_DNS },
	{ "print-config", no_argument, NULL, PRINT },
	{ "import-config", no_argument, NULL, IMPORT },
	{ "version", no_argument, NULL, SHOW_VERSION },
	{ "help", no_argument, NULL, HELP },
	{ NULL, 0, NULL, 0 }
};

static void
take_option(struct send_options *o, int c)
{
	switch (c) {
	case CONFIG:
		o->config = optarg;
		break;
	case DAY:
		if (!day_parse(optarg, &o->day))
			send_options_wrong("--day: \"%s\" is not a day, "
			    "allowed: YYYY-MM-DD", optarg);
		o->has_day = true;
		break;
	case DOMAIN:
		o->domain = domain_option("--domain", optarg);
		break;
	case EXPLAIN:
		o->domain = domain_option("--explain", optarg);
		o->explain = o->dry_run = true;
		break;
	case ONCE:
		o->once = true;
		break;
	case NOW:
		o->now = true;
		break;
	case MAX_RUNTIME:
		o->max_runtime = seconds_option(optarg);
		break;
	case DRY_RUN:
		o->dry_run = true;
		break;
	case OUT:
		o->outdir = optarg;
		break;
	case BOUNCE:
		o->bounce = true;
		break;
	case CHECK:
		o->check = true;
		break;
	case NO_DNS:
		o->no_dns = true;
		break;
	case PRINT:
		o->print = true;
		break;
	case IMPORT:
		o->import = true;
		break;
	case 'v':
		o->verbose = true;
		break;
	case SHOW_VERSION:
		puts("tlsrpt-send " VERSION);
		exit(0);
	case HELP:
		usage(stdout);
		exit(0);
	default:
		fputs("Try tlsrpt-send --help.\n", stderr);
		exit(EXIT_USAGE);
	}
}

void
send_options_parse(struct send_options *o, int argc, char **argv)
{
	int c;

	*o = (struct send_options){ .config = CONF_FILE,
	    .max_runtime = 23 * 3600 };
	while ((c = getopt_long(argc, argv, "v", long_options, NULL)) != -1)
		take_option(o, c);
	o->files = argv + optind;
	if (o->import && optind == argc)
		send_options_wrong("--import-config needs files of "
		    "tlsrpt-reporter, such as /etc/tlsrpt/reportd.cfg");
	if (!o->import && optind < argc)
		send_options_wrong("\"%s\": there are no arguments but options",
		    argv[optind]);
	if (o->outdir != NULL && (!o->dry_run || o->explain))
		send_options_wrong("--out goes with --dry-run");
	if (o->no_dns && !o->check)
		send_options_wrong("--no-dns goes with --check-config");
}
