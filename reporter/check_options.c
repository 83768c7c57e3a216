#include "reporter/check_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/mem.h"
#include "conf/value.h"
#include "reporter/lines.h"
#include "spool/record.h"

static const char usage[] =
"usage: tlsrpt-check [OPTION...] DOMAIN...\n"
"       tlsrpt-check [OPTION...] --file FILE\n"
"       tlsrpt-check [OPTION...] --config FILE\n"
"\n"
"Says whether the TLSRPT, MTA-STS and DANE records of a mail domain and its\n"
"mail servers are right, and what to do where they are not.  - as DOMAIN reads\n"
"a list of domains from standard input.\n"
"\n"
"  --file FILE          read domains from FILE, a line each\n"
"  --json               a JSON object a line\n"
"  --suggest            print the records and the policy file to publish\n"
"  --no-probe           only ask DNS, connect to no host\n"
"  --resolver IP[@PORT] ask this DNS server\n"
"  --trust-anchor FILE  validate DNSSEC from these keys; none: do not validate\n"
"  --ca-file FILE       trust these CAs, not those of the system\n"
"  --port N             of mail servers, instead of 25\n"
"  --allow-private      connect to private and loopback addresses, too\n"
"  --timeout S          seconds for a look-up (default: 10) and a connection (15)\n"
"  --config FILE        take [dns] and [https] from there, and check our own\n"
"                       DKIM key, too; " CONF_FILE "\n"
"                       is used as well where it can be read\n"
"  -v, --verbose        tell what is well, too\n"
"  --version            print the version\n"
"  --help               print this\n"
"\n"
"There is colour on terminals, unless NO_COLOR is set.\n"
"\n"
"Exit status: 0 all well; 1 there is a warning or an error, or something could\n"
"not be done; 2 wrong usage or configuration.\n";

enum { ALLOW_PRIVATE = 256, CA_FILE, CONFIG, LIST, HELP, JSON, NO_PROBE, PORT,
	RESOLVER, SUGGEST, TIMEOUT, TRUST_ANCHOR, SHOW_VERSION };
static const struct option long_options[] = {
	{ "allow-private", no_argument, NULL, ALLOW_PRIVATE },
	{ "ca-file", required_argument, NULL, CA_FILE },
	{ "config", required_argument, NULL, CONFIG },
	{ "file", required_argument, NULL, LIST },
	{ "help", no_argument, NULL, HELP },
	{ "json", no_argument, NULL, JSON },
	{ "no-probe", no_argument, NULL, NO_PROBE },
	{ "port", required_argument, NULL, PORT },
	{ "resolver", required_argument, NULL, RESOLVER },
	{ "suggest", no_argument, NULL, SUGGEST },
	{ "timeout", required_argument, NULL, TIMEOUT },
	{ "trust-anchor", required_argument, NULL, TRUST_ANCHOR },
	{ "verbose", no_argument, NULL, 'v' },
	{ "version", no_argument, NULL, SHOW_VERSION },
	{ NULL, 0, NULL, 0 }
};

static void __attribute__((noreturn, format(printf, 1, 2)))
wrong_usage(const char *format, ...)
{
	va_list ap;

	fputs("tlsrpt-check: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputs("\nTry tlsrpt-check --help.\n", stderr);
	exit(CHECK_USAGE);
}

static long
number(const char *option, const char *text, long max)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || n < 1 || n > max)
		wrong_usage("%s: \"%s\" is no number, allowed: 1 to %ld",
		    option, text, max);
	return n;
}

static const char *
resolver(const char *text)
{
	const struct value_rule rule = { .type = VALUE_RESOLVER };
	long unused;
	const char *why = value_check(&rule, text, &unused);

	if (why != NULL)
		wrong_usage("--resolver: \"%s\": %s, allowed: an IP address, "
		    "or one with @ and a port", text, why);
	return text;
}

/* False when it is no domain name. */
static bool
add_domain(struct check_options *o, const char *text)
{
	char domain[RECORD_DOMAIN_MAX + 1];

	if (record_domain_text(text, false, domain) == 0)
		return false;
	o->domains = xreallocarray(o->domains, o->n + 1, sizeof(*o->domains));
	o->domains[o->n++] = xstrdup(domain);
	return true;
}

static char *
list_line(void *arg, const char *where, char **word, size_t n)
{
	(void)where;
	for (size_t i = 0; i < n; i++)
		if (!add_domain(arg, word[i]))
			return xasprintf("\"%.300s\" is not a domain name",
			    word[i]);
	return NULL;
}

static void
add_list(struct check_options *o, const char *file)
{
	if (strcmp(file, "-") == 0)
		file = "/dev/stdin";
	if (lines_read("--file", file, stderr, list_line, o) == -1)
		o->bad_list = true;
}

static void
take_option(struct check_options *o, int option)
{
	switch (option) {
	case ALLOW_PRIVATE:
		o->allow_private = true;
		break;
	case CA_FILE:
		o->ca_file = optarg;
		break;
	case CONFIG:
		o->config = optarg;
		break;
	case LIST:
		add_list(o, optarg);
		break;
	case JSON:
		o->json = true;
		break;
	case NO_PROBE:
		o->no_probe = true;
		break;
	case PORT:
		o->port = number("--port", optarg, 65535);
		break;
	case RESOLVER:
		o->resolver = resolver(optarg);
		break;
	case SUGGEST:
		o->suggest = true;
		break;
	case TIMEOUT:
		o->timeout = number("--timeout", optarg, 300);
		break;
	case TRUST_ANCHOR:
		o->trust_anchor = optarg;
		break;
	case 'v':
		o->verbose = true;
		break;
	case HELP:
		fputs(usage, stdout);
		exit(CHECK_OK);
	case SHOW_VERSION:
		puts("tlsrpt-check " VERSION);
		exit(CHECK_OK);
	default:
		fputs("Try tlsrpt-check --help.\n", stderr);
		exit(CHECK_USAGE);
	}
}

void
check_options_parse(struct check_options *o, int argc, char **argv)
{
	int c;

	memset(o, 0, sizeof(*o));
	while ((c = getopt_long(argc, argv, "v", long_options, NULL)) != -1)
		take_option(o, c);
	for (; optind < argc; optind++) {
		if (strcmp(argv[optind], "-") == 0)
			add_list(o, "-");
		else if (!add_domain(o, argv[optind]))
			wrong_usage("\"%s\" is not a domain name",
			    argv[optind]);
	}
	if (o->n == 0 && o->config == NULL && !o->bad_list)
		wrong_usage("no domain to check");
}

void
check_options_release(struct check_options *o)
{
	for (size_t i = 0; i < o->n; i++)
		free(o->domains[i]);
	free(o->domains);
	memset(o, 0, sizeof(*o));
}
