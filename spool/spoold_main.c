#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/log.h"
#include "spool/claim.h"
#include "spool/collector.h"

static const char usage[] =
"usage: tlsrpt-spoold [--config FILE] [--check-config] [-v]\n"
"\n"
"Takes TLS session results, datagrams of libtlsrpt, from the socket that an\n"
"MTA sends them to ([spool] socket, or the one that a service manager passes)\n"
"and writes them to the spool, for tlsrpt-send to report.  Stays in the\n"
"foreground.\n"
"\n"
"  --config FILE   instead of " CONF_FILE "\n"
"  --check-config  say what is wrong with the configuration, and exit\n"
"  -v, --verbose   tell more\n"
"  --version       print the version\n"
"  --help          print this\n"
"\n"
"Signals: TERM writes and seals all there is, and stops; HUP reads the\n"
"configuration again; USR1 logs the counters.\n"
"Exit status: 0 all well; 1 something went wrong, and was said; 2 wrong usage\n"
"or configuration; 75 another instance runs.\n";

enum { OK = 0, USAGE = 2 };

static int
wrong_usage(const char *why)
{
	fprintf(stderr, "tlsrpt-spoold: %s; tlsrpt-spoold --help says what is "
	    "allowed\n", why);
	return USAGE;
}

/* Returns -1 to go on, else the status to exit with. */
static int
parse_options(int argc, char **argv, struct collector_options *o, int *check)
{
	enum { CONFIG = 256, CHECK, VERSION_, HELP };
	static const struct option longs[] = {
		{ "config", required_argument, NULL, CONFIG },
		{ "check-config", no_argument, NULL, CHECK },
		{ "verbose", no_argument, NULL, 'v' },
		{ "version", no_argument, NULL, VERSION_ },
		{ "help", no_argument, NULL, HELP },
		{ NULL, 0, NULL, 0 }
	};
	int c;

	while ((c = getopt_long(argc, argv, "v", longs, NULL)) != -1)
		switch (c) {
		case CONFIG:
			o->config = optarg;
			break;
		case CHECK:
			*check = 1;
			break;
		case 'v':
			o->verbose++;
			break;
		case VERSION_:
			printf("tlsrpt-spoold %s\n", VERSION);
			return OK;
		case HELP:
			fputs(usage, stdout);
			return OK;
		default:
			return wrong_usage("wrong option");
		}
	return optind == argc ? -1 : wrong_usage("it takes no arguments");
}

int
main(int argc, char **argv)
{
	struct collector_options o = { .config = CONF_FILE };
	int check = 0, rc;
	struct conf c;

	log_standard();
	if ((rc = parse_options(argc, argv, &o, &check)) != -1)
		return rc;
	if (conf_load(&c, o.config, CONF_NEED_NOTHING, stderr) == -1) {
		conf_release(&c);
		return USAGE;
	}
	conf_log(&c, "tlsrpt-spoold", o.verbose);
	if (!check)
		rc = collector_run(&c, &o);
	else
		rc = claim_check(&c, o.config, stderr) == -1 ? USAGE : OK;
	conf_release(&c);
	return rc;
}
