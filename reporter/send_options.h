#ifndef REPORTER_SEND_OPTIONS_H
#define REPORTER_SEND_OPTIONS_H

#include <stdbool.h>

/* The command line of tlsrpt-send (contract 7) and its exit status. */
#define EXIT_WRONG	1	/* something went wrong and was logged */
#define EXIT_USAGE	2	/* wrong usage or configuration */
#define EXIT_RUNNING	75	/* EX_TEMPFAIL: another instance runs */
#define EXIT_AGAIN	75	/* …or an MTA should call again */

struct send_options {
	const char *config, *outdir;
	char *domain;			/* as reports write it, or NULL */
	bool has_day, once, now, dry_run, explain, bounce, check, print;
	bool no_dns, import, verbose;
	char *const *files;		/* of --import-config */
	int day;
	long max_runtime;
};

/*
 * Ends the program for --help and --version, and with EXIT_USAGE when
 * anything is wrong.  domain is the caller's to free.
 */
void	send_options_parse(struct send_options *o, int argc, char **argv);

/* Ends the program with EXIT_USAGE and this sentence. */
void	send_options_wrong(const char *format, ...)
	    __attribute__((noreturn, format(printf, 1, 2)));

#endif
