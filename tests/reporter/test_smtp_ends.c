/* Sessions that end early, or would never end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "tests/reporter/smtp_sample.h"

static void
no_message_after_a_stop(void **state)
{
	atomic_bool stop = true;
	struct smtp_config c = config();
	struct smtp_message m = mail_to("a@example.net");

	(void)state;
	server_start("");
	c.smarthost = server.smarthost;
	c.stop = &stop;
	smtp_send(&c, &m, 1);
	check("stopped", &m, DEFERRED, "not tried");
	assert_false(m.answered);
	assert_true(logged("EHLO"));
	assert_false(logged("DATA"));
}

static void *
session_that_hangs(void *arg)
{
	struct smtp_config c = config();
	struct smtp_message *m = arg;

	c.smarthost = server.smarthost;
	c.timeout = 100;
	smtp_send(&c, m, 1);
	return NULL;
}

static void
an_abort_ends_what_hangs(void **state)
{
	struct smtp_message m = mail_to("a@example.net");
	struct timespec soon;
	pthread_t thread;
	int tries = 0;

	(void)state;
	server_start("MAIL=silent\n");
	assert_int_equal(pthread_create(&thread, NULL, session_that_hangs, &m),
	    0);
	do {
		if (logged("MAIL"))
			smtp_abort();
		clock_gettime(CLOCK_REALTIME, &soon);
		soon.tv_sec++;
		assert_true(tries++ < 20);
	} while (pthread_timedjoin_np(thread, NULL, &soon) == ETIMEDOUT);
	check("aborted", &m, DEFERRED, "connection lost");
}

static void
a_server_that_stops_reading(void **state)
{
	struct smtp_config c = config();
	struct smtp_message m = large_mail(20 * 1000 * 1000);

	(void)state;
	server_start("DATA=354 go|deaf\n");
	c.smarthost = server.smarthost;
	smtp_send(&c, &m, 1);
	check("deaf", &m, DEFERRED, "the message is not taken in time");
	free((char *)(uintptr_t)m.data);
}

static void
nobody_listens(void **state)
{
	struct smtp_config c = config();
	struct smtp_message m[2] = { mail_to("a@example.net"),
	    mail_to("b@example.net") };

	server_start("");
	server_stop(state);
	c.smarthost = server.smarthost;
	smtp_send(&c, m, 2);
	check("first", &m[0], DEFERRED, "Connection refused");
	check("second", &m[1], DEFERRED, "Connection refused");
	assert_non_null(strstr(m[0].result.text, server.smarthost));
	c.smarthost = "no-such-host.invalid:25";
	smtp_send(&c, m, 1);
	check("no name", &m[0], DEFERRED, "no-such-host.invalid:25: ");
	smtp_send(&c, m, 0);
}

static void
sigpipe_is_left_as_it_was(void **state)
{
	struct smtp_config c = config();
	struct smtp_message m[2] = { mail_to("a@example.net"),
	    mail_to("b@example.net") };
	sigset_t pending, mask;

	(void)state;
	signal(SIGPIPE, SIG_DFL);
	server_start("MAIL=close\n");
	c.smarthost = server.smarthost;
	smtp_send(&c, m, 2);
	check("hung up", &m[0], DEFERRED, "connection lost");
	sigpending(&pending);
	assert_false(sigismember(&pending, SIGPIPE));
	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	assert_false(sigismember(&mask, SIGPIPE));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SERVED(no_message_after_a_stop),
		SERVED(an_abort_ends_what_hangs),
		SERVED(a_server_that_stops_reading),
		SERVED(nobody_listens),
		SERVED(sigpipe_is_left_as_it_was),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
