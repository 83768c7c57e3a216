#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/log.h"
#include "conf/mem.h"
#include "spool/day.h"
#include "spool/import.h"
#include "spool/list.h"
#include "spool/spool.h"
#include "spool/verify.h"

static const char usage[] =
"usage: tlsrpt-spool [--config FILE] [-v] COMMAND\n"
"\n"
"The spool of TLS session results, for scripts and people.\n"
"\n"
"  add [--day YYYY-MM-DD] [FILE...]\n"
"        Fold JSON lines, one record a line, from each FILE or from standard\n"
"        input (also `-`) into a sealed segment.  A record belongs to the UTC\n"
"        day of its \"ts\"; one without to that of --day, by default today.\n"
"        A line that is no record goes to rejected/ in the spool with the\n"
"        reason, a warning says so, and the others are added all the same:\n"
"        that is exit status 0.  Of a FILE that cannot be read to its end,\n"
"        nothing is added.\n"
"  import [--day YYYY-MM-DD] [FILE...]\n"
"        Add what logs of Postfix tell of TLS sessions, or those of one UTC\n"
"        day: plain files, gzip, standard input.  Stamps without year and zone\n"
"        are local time (TZ), not later than the file was last written.  Import\n"
"        a log when it is complete: a log is added once, day by day, as long as\n"
"        it is the same file; tlsrpt-spool(5) says what a log cannot tell.\n"
"  list  Show days, segments, sessions, distinct lines and bytes.\n"
"  seal [DAY...]\n"
"        Fold the open segments whose writer is gone; of all days by default.\n"
"  verify [DAY|FILE...]\n"
"        Check every line of the spool, or of these, and print each bad one\n"
"        as file:line: reason.  Exit status 1 if there are any.\n"
"\n"
"  --config FILE  instead of " CONF_FILE "\n"
"  -v, --verbose  tell more\n"
"  --version      print the version\n"
"  --help         print this\n"
"\n"
"Run by root, add and seal act as the owner of the spool directory.\n"
"\n"
"Exit status: 0 all well; 1 something went wrong, and was said; 2 wrong usage\n"
"or configuration.  The format is described in tlsrpt-spool(5).\n";

#define MEMORY_STEP	(32 << 20)

enum { OK = 0, WRONG = 1, USAGE = 2 };

struct options {
	const char *config;
	int verbose;
	bool has_day;
	int day;
};

static int
wrong_usage(const char *why, const char *what)
{
	fprintf(stderr, "tlsrpt-spool: %s%s; tlsrpt-spool --help says what is "
	    "allowed\n", why, what);
	return USAGE;
}

/*
 * What root adds must be readable and removable for the user that the other
 * programs run as: whom the spool belongs to.
 */
static void
become_owner(const char *directory)
{
	struct stat st;

	if (geteuid() != 0 || stat(directory, &st) == -1 || st.st_uid == 0)
		return;
	if (setgroups(0, NULL) == -1 || setegid(st.st_gid) == -1 ||
	    seteuid(st.st_uid) == -1)
		fatal("%s: cannot become its owner: %m", directory);
}

/* But what there is to add may be root's. */
static int
open_as_caller(const char *path)
{
	uid_t owner = geteuid();
	int fd, saved;

	if (seteuid(getuid()) == -1)
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	saved = errno;
	if (seteuid(owner) == -1)
		fatal("seteuid: %m");
	errno = saved;
	return fd;
}

static void
open_spool(struct spool *s, const struct conf *c, bool create)
{
	const char *why;

	if (create)
		become_owner(c->spool.directory);
	if (spool_open(s, c->spool.directory, c->spool.source, create,
	    &why) == 0)
		return;
	fatal("%s: %s: %m%s", c->spool.directory, why, spool_hint(errno));
}

static void
tell_added(const char *origin, const struct intake_totals *t)
{
	char *name = log_escape(origin);

	printf("%s: %" PRIu64 " lines, %" PRIu64 " sessions, %" PRIu64
	    " distinct, %" PRIu64 " rejected; %" PRIu64 " days, %" PRIu64
	    " segments\n", name, t->lines, t->sessions, t->distinct,
	    t->rejected, t->days, t->segments);
	free(name);
}

static int
add_one(struct spool *s, int fd, const char *origin, const struct options *o)
{
	struct intake_totals t = { 0 };

	if (spool_add(s, fd, origin, o->has_day ? o->day :
	    day_of(time(NULL)), &t) == -1)
		return -1;
	tell_added(origin, &t);
	return 0;
}

static void
tell_imported(const char *origin, const struct import_totals *t)
{
	const struct postfix_totals *p = &t->postfix;
	const struct intake_totals *i = &t->intake;
	char *name = log_escape(origin);

	printf("%s: %" PRIu64 " lines, %" PRIu64 " of SMTP clients, %" PRIu64
	    " sessions, %" PRIu64 " of other days, %" PRIu64 " handshakes "
	    "without delivery; %" PRIu64 " days, %" PRIu64 " segments\n", name,
	    t->lines, p->lines, i->sessions, t->other_days, p->uncorrelated,
	    i->days, i->segments);
	free(name);
	if (i->known > 0)
		log_warn("%s: %" PRIu64 " of its segments were imported "
		    "before, they are not added again", origin, i->known);
	if (p->undated + p->nameless + t->cut > 0)
		log_warn("%s: left out: %" PRIu64 " lines whose time cannot be "
		    "read, %" PRIu64 " sessions without a domain name; cut: %"
		    PRIu64 " lines", origin, p->undated, p->nameless, t->cut);
}

/* When the last line of this log was written, or later. */
static int64_t
last_written(int fd, const struct options *o)
{
	struct stat st;

	if (o->has_day)
		return day_last(o->day);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return st.st_mtime;
	return time(NULL);
}

static int
import_one(struct spool *s, int fd, const char *origin,
    const struct options *o)
{
	const struct import_options how = { .written = last_written(fd, o),
		.one_day = o->has_day, .day = o->day };
	struct import_totals t = { 0 };

	if (import_log(s, fd, origin, &how, &t) == -1)
		return -1;
	tell_imported(origin, &t);
	return 0;
}

static int
take_one(struct spool *s, const char *path, const struct options *o,
    int (*take)(struct spool *, int, const char *, const struct options *))
{
	bool is_stdin = strcmp(path, "-") == 0;
	const char *origin = is_stdin ? "(standard input)" : path;
	int fd, rc = OK;

	fd = is_stdin ? STDIN_FILENO : open_as_caller(path);
	if (fd == -1 || take(s, fd, origin, o) == -1) {
		log_warn("%s: not added: %s", origin, errno == EBADMSG ?
		    "its gzip data are damaged or incomplete" :
		    strerrordesc_np(errno));
		rc = WRONG;
	}
	if (!is_stdin && fd != -1)
		close(fd);
	return rc;
}

static int
take_all(const struct conf *c, const struct options *o, char **arg,
    int (*take)(struct spool *, int, const char *, const struct options *))
{
	static char dash[] = "-", *standard_input[] = { dash, NULL };
	struct spool s;
	int rc = OK;

	open_spool(&s, c, true);
	if (*arg == NULL)
		arg = standard_input;
	for (; *arg != NULL; arg++)
		if (take_one(&s, *arg, o, take) != OK)
			rc = WRONG;
	spool_close(&s);
	return rc;
}

static int
run_add(const struct conf *c, const struct options *o, char **arg)
{
	return take_all(c, o, arg, add_one);
}

static int
run_import(const struct conf *c, const struct options *o, char **arg)
{
	return take_all(c, o, arg, import_one);
}

static int
run_list(const struct conf *c, const struct options *o, char **arg)
{
	struct spool s;
	int rc = OK;

	(void)o;
	if (*arg != NULL)
		return wrong_usage("list takes no argument: ", *arg);
	open_spool(&s, c, false);
	if (list_spool(&s, stdout) == -1) {
		log_warn("%s: %m", c->spool.directory);
		rc = WRONG;
	}
	spool_close(&s);
	return rc;
}

static int
seal_days(struct spool *s, const int *day, size_t n)
{
	struct intake_totals t = { 0 };
	int rc = OK;

	for (size_t i = 0; i < n; i++)
		if (spool_seal_day(s, day[i], &t) == -1)
			rc = WRONG;	/* which was logged */
	tell_added("sealed", &t);
	return rc;
}

static int
run_seal(const struct conf *c, const struct options *o, char **arg)
{
	struct spool s;
	int *days, day, rc = OK;
	size_t n;

	(void)o;
	for (char **a = arg; *a != NULL; a++)
		if (!day_parse(*a, &day))
			return wrong_usage("not a day such as 2026-11-21: ",
			    *a);
	become_owner(c->spool.directory);
	open_spool(&s, c, false);
	if (*arg != NULL) {
		for (n = 0; arg[n] != NULL; n++)
			continue;
		days = xcalloc(n, sizeof(*days));
		for (size_t i = 0; i < n; i++)
			day_parse(arg[i], &days[i]);
	} else if (spool_days(&s, &days, &n) == -1)
		fatal("%s: %m", c->spool.directory);
	rc = seal_days(&s, days, n);
	free(days);
	spool_close(&s);
	return rc;
}

static void
verify_spool(const struct spool *s, struct verify_totals *t)
{
	int *days;
	size_t n;

	if (spool_days(s, &days, &n) == -1)
		fatal("%s: %m", s->path);
	for (size_t i = 0; i < n; i++)
		verify_day(s, days[i], stdout, t);
	free(days);
	verify_incoming(s, stdout, t);
}

static int
run_verify(const struct conf *c, const struct options *o, char **arg)
{
	struct verify_totals t = { 0 };
	struct spool s = { 0 };
	int day;

	(void)o;
	if (*arg == NULL) {
		open_spool(&s, c, false);
		verify_spool(&s, &t);
	}
	for (; *arg != NULL; arg++) {
		if (!day_parse(*arg, &day)) {
			verify_file(*arg, stdout, &t);
			continue;
		}
		if (s.path == NULL)
			open_spool(&s, c, false);
		verify_day(&s, day, stdout, &t);
	}
	spool_close(&s);
	printf("%" PRIu64 " files, %" PRIu64 " lines, %" PRIu64 " bad\n",
	    t.files, t.lines, t.bad);
	return t.bad == 0 ? OK : WRONG;
}

static const struct command {
	const char *name;
	int (*run)(const struct conf *, const struct options *, char **);
} commands[] = {
	{ "add", run_add },
	{ "import", run_import },
	{ "list", run_list },
	{ "seal", run_seal },
	{ "verify", run_verify },
};

static const struct command *
find_command(const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/* Returns -1 to go on, else the status to exit with. */
static int
parse_options(int argc, char **argv, struct options *o)
{
	enum { CONFIG = 256, DAY, VERSION_, HELP };
	static const struct option longs[] = {
		{ "config", required_argument, NULL, CONFIG },
		{ "day", required_argument, NULL, DAY },
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
		case DAY:
			if (!day_parse(optarg, &o->day))
				return wrong_usage("--day takes a day such as "
				    "2026-11-21, from 1970 to 9999, not ",
				    optarg);
			o->has_day = true;
			break;
		case 'v':
			o->verbose++;
			break;
		case VERSION_:
			printf("tlsrpt-spool %s\n", VERSION);
			return OK;
		case HELP:
			fputs(usage, stdout);
			return OK;
		default:
			return wrong_usage("wrong option", "");
		}
	return -1;
}

int
main(int argc, char **argv)
{
	struct options o = { 0 };
	const struct command *command;
	struct conf c;
	int rc;

	log_standard();
	/* Distinct lines fill some 50 MB: ask for it in few steps. */
	mallopt(M_TOP_PAD, MEMORY_STEP);
	if ((rc = parse_options(argc, argv, &o)) != -1)
		return rc;
	if (optind == argc) {
		fputs(usage, stderr);
		return USAGE;
	}
	if ((command = find_command(argv[optind])) == NULL)
		return wrong_usage("no such command: ", argv[optind]);
	if (o.has_day && command->run != run_add && command->run != run_import)
		return wrong_usage("--day goes with add and import only", "");
	/* A host that only writes records may do without the default file. */
	if (o.config == NULL && (access(CONF_FILE, F_OK) == 0 ||
	    errno != ENOENT))
		o.config = CONF_FILE;
	if (conf_load(&c, o.config, CONF_NEED_NOTHING, stderr) == -1) {
		conf_release(&c);
		return USAGE;
	}
	conf_log(&c, "tlsrpt-spool", o.verbose);
	rc = command->run(&c, &o, argv + optind + 1);
	conf_release(&c);
	if (fflush(stdout) == EOF || ferror(stdout)) {
		log_warn("standard output: %m");
		return WRONG;
	}
	return rc;
}
