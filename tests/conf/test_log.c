#include <sys/syscall.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>

#include "conf/log.h"

/* What another thread does while a line is being made; NULL: nothing. */
static void (*meanwhile)(void);

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	void (*other)(void) = meanwhile;

	meanwhile = NULL;
	if (other != NULL)
		other();
	return (int)syscall(SYS_clock_gettime, clock, now);
}

static FILE *caught;
static int real_stderr;

static void
catch_begin(void)
{
	fflush(stderr);
	caught = tmpfile();
	assert_non_null(caught);
	real_stderr = dup(STDERR_FILENO);
	dup2(fileno(caught), STDERR_FILENO);
}

/* What was written since, in a buffer that the next call overwrites. */
static char *
catch_end(void)
{
	static char text[8192];
	size_t len;

	fflush(stderr);
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	rewind(caught);
	len = fread(text, 1, sizeof(text) - 1, caught);
	text[len] = '\0';
	fclose(caught);
	return text;
}

/* Behind the time stamp, which every line has. */
static char *
after_stamp(char *line)
{
	int end = 0;

	sscanf(line, "%*4d-%*2d-%*2dT%*2d:%*2d:%*2dZ %n", &end);
	assert_int_equal(end, sizeof("2026-11-21T00:00:00Z ") - 1);
	return line + end;
}

static const struct {
	const char *name, *text, *line;
} messages[] = {
	{ "plain", "all well", "test: warning: all well\n" },
	{ "a line end cannot forge a line", "a\nb", "test: warning: a\\x0ab\n" },
	{ "terminal escapes", "\x1b[31m", "test: warning: \\x1b[31m\n" },
	{ "beyond ASCII", "\xc3\xbc\xff", "test: warning: \\xc3\\xbc\\xff\n" },
	{ "a backslash, so that the rest is unambiguous", "\\x0a",
	    "test: warning: \\x5cx0a\n" },
};

static void
one_call_is_one_line_of_ascii(void **state)
{
	(void)state;
	log_open("test", LOG_TO_STDERR, LOG_AS_TEXT, LOG_LEVEL_INFO);
	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		print_message("  %s\n", messages[i].name);
		catch_begin();
		log_warn("%s", messages[i].text);
		assert_string_equal(after_stamp(catch_end()),
		    messages[i].line);
	}
}

static void
errno_is_told_and_kept(void **state)
{
	(void)state;
	log_open("test", LOG_TO_STDERR, LOG_AS_TEXT, LOG_LEVEL_INFO);
	catch_begin();
	errno = ENOSPC;
	log_info("write: %m");
	assert_int_equal(errno, ENOSPC);
	assert_string_equal(after_stamp(catch_end()),
	    "test: write: No space left on device\n");
}

static void
levels_hold_back_what_is_below(void **state)
{
	static const enum log_level all[] = { LOG_LEVEL_ERROR, LOG_LEVEL_WARN,
		LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
	static const int lines[] = { 0, 1, 2, 3 };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		int n = 0;

		log_open("test", LOG_TO_STDERR, LOG_AS_TEXT, all[i]);
		catch_begin();
		log_warn("w");
		log_info("i");
		log_debug("d");
		for (const char *p = catch_end(); *p != '\0'; p++)
			n += *p == '\n';
		assert_int_equal(n, lines[i]);
	}
}

static const struct log_field delivery[] = {
	{ "to", "https://a.example/?q=1" },
	{ "absent", NULL },
	{ "outcome", "deferred" },
	{ "reason", "he said \"no\"\n" },
	{ "empty", "" },
	{ NULL, NULL }
};

static void
an_event_can_be_grepped(void **state)
{
	(void)state;
	log_open("test", LOG_TO_STDERR, LOG_AS_TEXT, LOG_LEVEL_INFO);
	catch_begin();
	log_event(LOG_LEVEL_INFO, "delivery", delivery);
	assert_string_equal(after_stamp(catch_end()),
	    "test: delivery to=\"https://a.example/?q=1\" outcome=deferred "
	    "reason=\"he said \\x22no\\x22\\x0a\" empty=\"\"\n");
}

static void
an_event_can_be_parsed(void **state)
{
	json_t *o;
	char *line;

	(void)state;
	log_open("test", LOG_TO_STDERR, LOG_AS_JSON, LOG_LEVEL_INFO);
	catch_begin();
	log_event(LOG_LEVEL_WARN, "delivery", delivery);
	line = catch_end();
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	o = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(o);
	assert_string_equal(json_string_value(json_object_get(o, "event")),
	    "delivery");
	assert_string_equal(json_string_value(json_object_get(o, "level")),
	    "warning");
	assert_string_equal(json_string_value(json_object_get(o, "reason")),
	    "he said \"no\"\n");
	assert_null(json_object_get(o, "absent"));
	json_decref(o);
}

static void
json_survives_what_is_no_utf8(void **state)
{
	static const struct {
		const char *text, *logged;
	} rows[] = {
		{ "a\xff" "b", "a\\xffb" },
		{ "a\x7f" "b", "a\\x7fb" },
		{ "a\xc2\x9b\u2028b", "a\xc2\x9b\u2028b" },
	};
	json_t *o;

	(void)state;
	log_open("test", LOG_TO_STDERR, LOG_AS_JSON, LOG_LEVEL_INFO);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *line;

		catch_begin();
		log_info("%s", rows[i].text);
		line = catch_end();
		for (const char *p = line; *p != '\n'; p++)
			assert_in_range(*p, 0x20, 0x7e);
		o = json_loads(line, 0, NULL);
		assert_non_null(o);
		assert_string_equal(json_string_value(json_object_get(o,
		    "message")), rows[i].logged);
		json_decref(o);
	}
}

static void
to_syslog(void)
{
	log_open("other", LOG_TO_SYSLOG, LOG_AS_JSON, LOG_LEVEL_ERROR);
}

static void
a_line_begun_ends_as_it_began(void **state)
{
	(void)state;
	log_open("test", LOG_TO_STDERR, LOG_AS_TEXT, LOG_LEVEL_INFO);
	catch_begin();
	meanwhile = to_syslog;
	log_info("first");
	log_info("second");
	assert_string_equal(after_stamp(catch_end()), "test: first\n");
}

/* In a process of its own, which ends with the number of the check it failed. */
static int
without_standard(void)
{
	char c;

	for (int fd = 0; fd <= 2; fd++)
		close(fd);
	log_standard();
	if (open("/dev/null", O_RDWR) != 3)
		return 1;
	if (read(0, &c, 1) != -1 || write(1, "x", 1) != -1 ||
	    write(2, "x", 1) != -1)
		return 2;
	close(1);
	if (dup2(3, 1) != 1)
		return 3;
	log_standard();			/* what is open stays */
	return write(1, "x", 1) == 1 ? 0 : 4;
}

static void
closed_descriptors_are_not_given_to_files(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if ((pid = fork()) == 0) {
		for (int fd = 3; fd < 100; fd++)
			close(fd);
		_exit(without_standard());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closed_descriptors_are_not_given_to_files),
		cmocka_unit_test(one_call_is_one_line_of_ascii),
		cmocka_unit_test(errno_is_told_and_kept),
		cmocka_unit_test(levels_hold_back_what_is_below),
		cmocka_unit_test(an_event_can_be_grepped),
		cmocka_unit_test(an_event_can_be_parsed),
		cmocka_unit_test(a_line_begun_ends_as_it_began),
		cmocka_unit_test(json_survives_what_is_no_utf8),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
