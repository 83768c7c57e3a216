#ifndef CONF_LOG_H
#define CONF_LOG_H

/*
 * What the program tells its operator.  Whatever foreign text is passed in,
 * one call writes one line of printable ASCII: control characters, bytes
 * beyond 0x7e and the backslash come out as \xNN.  A NULL argument for %s is
 * the caller's bug.  %m is the text of errno.  Calls may come from several
 * threads.
 */

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG };
enum log_target { LOG_TO_STDERR, LOG_TO_SYSLOG };
enum log_format { LOG_AS_TEXT, LOG_AS_JSON };

/*
 * First of all: whoever started us may have closed descriptors 0 to 2, and the
 * next files to be opened would get what is written to standard output and
 * error.  Takes these places with something that can be neither read nor
 * written, so that the one fails as it should.
 */
void	log_standard(void);

/*
 * Until this is called: text, to stderr, up to level info, no name.  May be
 * called again: a line begun before is written as was said before.
 */
void	log_open(const char *program, enum log_target target,
	    enum log_format format, enum log_level level);

void	log_debug(const char *format, ...)
	    __attribute__((format(printf, 1, 2)));
void	log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Something is wrong; we go on. */
void	log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The environment is broken; exits with status 1. */
void	fatal(const char *format, ...)
	    __attribute__((noreturn, format(printf, 1, 2)));

/*
 * One event as `event key=value key=value`, or in JSON as one object with
 * these keys.  Ends at the first field whose key is NULL; a field whose value
 * is NULL is left out.  A value with blanks, quotes or `=` is put in quotes,
 * and quotes in it are \x22.
 */
struct log_field {
	const char *key;
	const char *value;
};
void	log_event(enum log_level level, const char *event,
	    const struct log_field *fields);

/*
 * A line that stays at the bottom of the operator's terminal while long work
 * goes on; NULL takes it away.  Nothing where the log is no terminal.
 */
void	log_progress(const char *format, ...)
	    __attribute__((format(printf, 1, 2)));

/*
 * s as the log would write it, for text that goes to a terminal by another
 * way.  The caller frees it.
 */
char	*log_escape(const char *s);

#endif
