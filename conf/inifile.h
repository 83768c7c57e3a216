#ifndef CONF_INIFILE_H
#define CONF_INIFILE_H

#include <stdbool.h>
#include <stdio.h>

#include <ini.h>

/*
 * An INI file as inih reads it, with what inih does not tell: the number of
 * the line its handler is called for, and which lines it made nothing of.
 * What is wrong is reported to err as `file:line: key: reason`.
 */
struct inifile {
	const char *file;
	FILE *err;
	/*
	 * As Python's configparser does, take a line that is indented more
	 * than the key before it for more of its value: the handler is called
	 * again, with `continued`.  A line that is too long, or where a ;
	 * after a blank begins a comment for inih, is cut, with `cut`.  Without
	 * this, blanks in front mean nothing, and such lines are errors.  A ;
	 * in front of a value counts as one, for printed it would have a blank.
	 */
	bool python;
	/*
	 * Unless NULL, called for each section, which inih tells of with its
	 * settings only.  Gets the arg of inifile_read.
	 */
	void (*on_section)(void *arg, const char *section);

	int line;		/* of what a handler gets */
	bool cut, continued;
	int errors;		/* what was reported so far */

	FILE *in;		/* the rest is the reader's own */
	bool pending, has_key;
	size_t indent;		/* of the key or section before */
};

/* 0, or -1 when anything was reported. */
int	inifile_read(struct inifile *f, ini_handler on_setting, void *arg);

/* Report this of the line that a handler was called for, escaped. */
void	inifile_complain(struct inifile *f, const char *key,
	    const char *reason);

#endif
