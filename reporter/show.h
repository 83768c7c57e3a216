#ifndef REPORTER_SHOW_H
#define REPORTER_SHOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "conf/conf.h"

/*
 * What the commands of tlsrpt-show have in common.  A command returns the
 * exit status.
 */
enum { SHOW_OK = 0, SHOW_WRONG = 1, SHOW_USAGE = 2 };

enum show_form {
	SHOW_TEXT,		/* for people */
	SHOW_JSON,		/* for programs */
	SHOW_SUMMARY,		/* report: a line each */
	SHOW_LINT		/* report: findings only */
};

struct show {
	const char *config;
	bool verbose;
	enum show_form form;
	bool all;		/* do not shorten lists */
	bool colour;
	const char *domain;	/* only this one, or NULL */
	const char *outfile;
	bool has_from, has_to;
	int from, to;		/* days */
	int64_t now;
	struct conf conf;	/* report does without */
};

int	show_report(const struct show *s, char **paths, size_t n);
int	show_day(const struct show *s, int day);
int	show_queue(const struct show *s);
int	show_html(const struct show *s, char **paths, size_t n);

/* Text for a terminal or a pipe. */
enum show_style { SHOW_PLAIN, SHOW_BOLD, SHOW_DIM, SHOW_GOOD, SHOW_BAD,
	SHOW_ODD };

/* Is standard output a terminal, and NO_COLOR (https://no-color.org) unset? */
bool	show_wants_colour(void);

/* printf in that style, where there is colour. */
void	show_print(const struct show *s, FILE *f, enum show_style style,
	    const char *format, ...) __attribute__((format(printf, 4, 5)));

/*
 * A stranger's UTF-8 text: what could move the cursor, change the direction
 * of writing or look like an order to the terminal comes out as U+FFFD, and
 * it is cut when very long.  NULL is "-".
 */
void	show_clean(FILE *f, const char *text);
/* The same, filled up with blanks to so many columns. */
void	show_column(FILE *f, const char *text, size_t columns);
/* The columns that it takes, one per character. */
size_t	show_width(const char *text);

#endif
