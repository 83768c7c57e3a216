#include "conf/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "conf/clock.h"
#include "conf/mem.h"

/* What log_open said.  A line is made with one copy of it from end to end. */
struct settings {
	const char *program;
	enum log_target target;
	enum log_format format;
	enum log_level level;
};
static struct settings settings = { "tlsrpt", LOG_TO_STDERR, LOG_AS_TEXT,
	LOG_LEVEL_INFO };

/* Two, for nobody who only asks for the level is to wait for the terminal. */
static pthread_mutex_t one_setting = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t one_line = PTHREAD_MUTEX_INITIALIZER;

static const struct {
	const char *name;
	int priority;
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", LOG_ERR },
	[LOG_LEVEL_WARN] = { "warning", LOG_WARNING },
	[LOG_LEVEL_INFO] = { "info", LOG_INFO },
	[LOG_LEVEL_DEBUG] = { "debug", LOG_DEBUG },
};

void
log_standard(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) == -1 && open("/dev/null",
		    fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) == -1)
			exit(1);	/* and nowhere to say so */
}

void
log_open(const char *program, enum log_target target, enum log_format format,
    enum log_level level)
{
	if (target == LOG_TO_SYSLOG)
		openlog(program, LOG_PID | LOG_NDELAY, LOG_MAIL);
	pthread_mutex_lock(&one_setting);
	settings = (struct settings){ program, target, format, level };
	pthread_mutex_unlock(&one_setting);
}

static struct settings
settings_now(void)
{
	struct settings now;

	pthread_mutex_lock(&one_setting);
	now = settings;
	pthread_mutex_unlock(&one_setting);
	return now;
}

/* `end` would end the text where it is put, or is 0. */
static void
escape(FILE *f, const char *s, char end)
{
	for (; *s != '\0'; s++) {
		unsigned char c = (unsigned char)*s;

		if (c < 0x20 || c > 0x7e || c == '\\' || *s == end)
			fprintf(f, "\\x%02x", c);
		else
			putc(c, f);
	}
}

char *
log_escape(const char *s)
{
	char *text;
	size_t len;
	FILE *f = xmemstream(&text, &len);

	escape(f, s, '\0');
	xmemclose(f);
	return text;
}

static char progress[128];		/* what stands at the bottom now */
#define CLEAR_LINE	"\r\033[K"

/* Hand over one finished line of printable ASCII. */
static void
emit(enum log_target target, enum log_level level, const char *line)
{
	pthread_mutex_lock(&one_line);
	if (target == LOG_TO_SYSLOG)
		syslog(levels[level].priority, "%s", line);
	else if (progress[0] != '\0')
		fprintf(stderr, CLEAR_LINE "%s\n%s", line, progress);
	else
		fprintf(stderr, "%s\n", line);
	pthread_mutex_unlock(&one_line);
}

/* A terminal need not be written to more often than people can read. */
static bool
too_soon(void)
{
	static int64_t drawn;		/* milliseconds */
	int64_t now = clock_ms();

	if (now - drawn < 100)
		return true;
	drawn = now;
	return false;
}

void
log_progress(const char *format, ...)
{
	va_list ap;

	if (!isatty(STDERR_FILENO) || (format == NULL && progress[0] == '\0') ||
	    (format != NULL && too_soon()))
		return;
	pthread_mutex_lock(&one_line);
	progress[0] = '\0';
	if (format != NULL) {
		va_start(ap, format);
		vsnprintf(progress, sizeof(progress), format, ap);
		va_end(ap);
	}
	fprintf(stderr, CLEAR_LINE "%s", progress);
	pthread_mutex_unlock(&one_line);
}

static const char *
timestamp(char *buf, size_t size)
{
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return buf;
}

static void
write_text(FILE *f, const struct settings *to, enum log_level level,
    const char *message, const struct log_field *field)
{
	char stamp[32];

	if (to->target == LOG_TO_STDERR)
		fprintf(f, "%s %s: ", timestamp(stamp, sizeof(stamp)),
		    to->program);
	if (level <= LOG_LEVEL_WARN)
		fprintf(f, "%s: ", levels[level].name);
	escape(f, message, '\0');
	for (; field != NULL && field->key != NULL; field++) {
		int quote;

		if (field->value == NULL)
			continue;
		quote = field->value[0] == '\0' ||
		    strpbrk(field->value, " \"=") != NULL;
		fprintf(f, " %s=%s", field->key, quote ? "\"" : "");
		escape(f, field->value, '"');
		if (quote)
			putc('"', f);
	}
}

/*
 * JSON has its own escapes, for all but DEL; that and what is not UTF-8 is
 * escaped as in text.
 */
static json_t *
json_text(const char *s)
{
	json_t *text = strchr(s, 0x7f) == NULL ? json_string(s) : NULL;
	char *escaped;

	if (text == NULL) {
		escaped = log_escape(s);
		text = json_string(escaped);
		free(escaped);
	}
	return text;
}

static void
write_json(FILE *f, const struct settings *to, enum log_level level,
    const char *message, const struct log_field *field)
{
	json_t *o = json_object();
	char stamp[32];

	json_object_set_new(o, "time",
	    json_string(timestamp(stamp, sizeof(stamp))));
	json_object_set_new(o, "level", json_string(levels[level].name));
	json_object_set_new(o, "program", json_string(to->program));
	json_object_set_new(o, field ? "event" : "message", json_text(message));
	for (; field != NULL && field->key != NULL; field++)
		if (field->value != NULL)
			json_object_set_new(o, field->key,
			    json_text(field->value));
	json_dumpf(o, f, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(o);
}

static void
write_line(const struct settings *to, enum log_level level,
    const char *message, const struct log_field *fields)
{
	char *line = NULL;
	size_t len;
	FILE *f;

	if ((f = open_memstream(&line, &len)) == NULL)
		return;
	if (to->format == LOG_AS_JSON)
		write_json(f, to, level, message, fields);
	else
		write_text(f, to, level, message, fields);
	if (fclose(f) == 0)
		emit(to->target, level, line);
	free(line);
}

static void
message(enum log_level level, const char *format, va_list ap)
{
	const struct settings to = settings_now();
	int saved = errno;
	char *text;

	if (level <= to.level && vasprintf(&text, format, ap) != -1) {
		write_line(&to, level, text, NULL);
		free(text);
	}
	errno = saved;
}

void
log_event(enum log_level level, const char *event,
    const struct log_field *fields)
{
	const struct settings to = settings_now();

	if (level <= to.level)
		write_line(&to, level, event, fields);
}

void
log_debug(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	message(LOG_LEVEL_DEBUG, format, ap);
	va_end(ap);
}

void
log_info(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	message(LOG_LEVEL_INFO, format, ap);
	va_end(ap);
}

void
log_warn(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	message(LOG_LEVEL_WARN, format, ap);
	va_end(ap);
}

void
fatal(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	message(LOG_LEVEL_ERROR, format, ap);
	va_end(ap);
	exit(1);
}
