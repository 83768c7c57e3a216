#ifndef REPORTER_CHECK_OPTIONS_H
#define REPORTER_CHECK_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

/* Exit statuses of tlsrpt-check. */
enum { CHECK_OK = 0, CHECK_WRONG = 1, CHECK_USAGE = 2 };

/* What the command line says; NULL and 0: nothing. */
struct check_options {
	const char *config, *resolver, *ca_file, *trust_anchor;
	long port, timeout;
	bool json, suggest, no_probe, allow_private, verbose;

	size_t n;
	char **domains;		/* canonical */
	bool bad_list;		/* a line was none, and it was said */
};

/*
 * Ends the program for --help and --version, and with CHECK_USAGE when what
 * was given makes no sense.
 */
void	check_options_parse(struct check_options *o, int argc, char **argv);
void	check_options_release(struct check_options *o);

#endif
