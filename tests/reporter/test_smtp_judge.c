/* What its replies mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/reporter/smtp_sample.h"

/*
 * Three messages in one session.  The outcomes are D(elivered), (de)F(erred)
 * and R(efused).
 */
static const struct {
	const char *what, *script, *outcomes, *text[3];
} rows[] = {
	{ "all well", "", "DDD", { "250", "250", "250" } },
	{ "pipelining", "EHLO=250-sink|250 PIPELINING\n", "DDD",
	    { "250", "250", "250" } },
	{ "chunking and pipelining",
	    "EHLO=250-sink|250-CHUNKING|250 PIPELINING\n", "DDD",
	    { "250", "250", "250" } },
	{ "an old server", "EHLO=500 what?\n", "DDD", { "250", "250", "250" } },
	{ "a reply of several lines", ".=250-one|250-two|250 three\n", "DDD",
	    { "one", "two", "three" } },
	{ "a code and nothing else",
	    "EHLO=250\nMAIL=250\nRCPT=250\nDATA=354\n.=250\n", "DDD",
	    { "250", "250", "250" } },

	{ "greeting 421", "greeting=421 busy|close\n", "FFF",
	    { "greeting: 421 busy", "421 busy", "421 busy" } },
	{ "greeting 554", "greeting=554 go away\n", "FFF",
	    { "greeting: 554 go away", "554", "554" } },
	{ "no greeting", "greeting=close\n", "FFF",
	    { "greeting: connection lost", "lost", "lost" } },
	{ "silence instead of a greeting", "greeting=silent\n", "FFF",
	    { "greeting: no reply within 1 seconds", "no reply", "no rep" } },
	{ "a greeting from elsewhere", "greeting=HTTP/1.1 400 Bad\n", "FFF",
	    { "greeting", "greeting", "greeting" } },
	{ "a greeting that drips", "greeting=raw 220-|drip\n", "FFF",
	    { "greeting: the reply takes too long", "too long", "" } },
	{ "EHLO 421", "EHLO=421 busy|close\n", "FFF",
	    { "EHLO: 421 busy", "421", "421" } },
	{ "EHLO 550", "EHLO=550 your name is bad\n", "FFF",
	    { "EHLO: 550 your name", "550", "550" } },
	{ "EHLO and HELO 502", "EHLO=502 no\nHELO=502 no\n", "FFF",
	    { "502", "502", "502" } },
	{ "EHLO without end", "EHLO=250-sink|endless\n", "FFF",
	    { "EHLO: the reply is too long", "too long", "too long" } },
	{ "silence after EHLO", "EHLO=silent\n", "FFF",
	    { "EHLO: no reply", "no reply", "no reply" } },
	{ "half a reply to EHLO", "EHLO=250-sink|close\n", "FFF",
	    { "EHLO: the reply is cut off", "cut off", "cut off" } },
	{ "bytes beyond ASCII in EHLO",
	    "EHLO=250-sink|250-\xc3\xa4\xc3\xb6|250 \xff\xfe\n", "DDD",
	    { "250", "250", "250" } },

	{ "second MAIL 452", "MAIL=250 ok\nMAIL=452 4.3.1 full\nMAIL=250 ok\n",
	    "DFD", { "250", "MAIL: 452 4.3.1 full", "250" } },
	{ "second MAIL 552", "MAIL=250 ok\nMAIL=552 5.3.4 big\nMAIL=250 ok\n",
	    "DRD", { "250", "MAIL: 552 5.3.4 big", "250" } },
	{ "second MAIL 421", "MAIL=250 ok\nMAIL=421 busy|close\n", "DFF",
	    { "250", "MAIL: 421 busy", "lost" } },
	{ "hangs up at the second MAIL", "MAIL=250 ok\nMAIL=close\n", "DFF",
	    { "250", "MAIL: connection lost", "lost" } },
	{ "silence at the second MAIL", "MAIL=250 ok\nMAIL=silent\n", "DFF",
	    { "250", "MAIL: no reply", "no reply" } },
	{ "sender not ours", "MAIL=553 5.7.1 not owned by you\n", "FFF",
	    { "MAIL: 553 5.7.1 not", "553", "553" } },
	{ "no relaying", "RCPT=554 5.7.1 relay access denied\n", "FFF",
	    { "RCPT: 554 5.7.1 relay", "554", "554" } },
	{ "MAIL 999", "MAIL=999 what\n", "FFF", { "999", "999", "999" } },
	{ "MAIL with two codes", "MAIL=250-ok|550 no\n", "FFF",
	    { "MAIL", "MAIL", "MAIL" } },

	{ "first RCPT 450", "RCPT=450 4.2.1 busy\nRCPT=250 ok\n"
	    "DATA=554 no recipients\nDATA=354 go\n", "FDD",
	    { "RCPT: 450 4.2.1 busy", "250", "250" } },
	{ "first RCPT 550", "RCPT=550 5.1.1 unknown\nRCPT=250 ok\n"
	    "DATA=554 no recipients\nDATA=354 go\n", "RDD",
	    { "RCPT: 550 5.1.1 unknown", "250", "250" } },
	{ "RCPT 550, but DATA 354", "RCPT=550 no\nRCPT=250 ok\n"
	    ".=554 no recipients\n.=250 ok\n", "RDD",
	    { "RCPT: 550 no", "250", "250" } },
	{ "RCPT 450, DATA 354, and the void accepted",
	    "RCPT=450 no\nRCPT=250 ok\n", "FDD",
	    { "RCPT: 450 no", "250", "250" } },
	{ "RCPT 550, pipelined", "EHLO=250-sink|250 PIPELINING\n"
	    "RCPT=250 ok\nRCPT=550 no\nRCPT=250 ok\n"
	    "DATA=354 go\nDATA=554 no recipients\nDATA=354 go\n", "DRD",
	    { "250", "RCPT: 550 no", "250" } },
	{ "RCPT 421", "RCPT=421 4.3.2 closing|close\n", "FFF",
	    { "RCPT: 421 4.3.2 closing", "lost", "lost" } },
	{ "RCPT 251 is as good", "RCPT=251 will forward\n", "DDD",
	    { "250", "250", "250" } },
	{ "hangs up at RCPT", "RCPT=250 ok\nRCPT=close\n", "DFF",
	    { "250", "RCPT: connection lost", "lost" } },

	{ "DATA 451", "DATA=451 4.3.0 later\nDATA=354 go\n", "FDD",
	    { "DATA: 451 4.3.0 later", "250", "250" } },
	{ "DATA 554", "DATA=554 5.7.1 no\nDATA=354 go\n", "RDD",
	    { "DATA: 554 5.7.1 no", "250", "250" } },
	{ "DATA 250 is no acceptance", "DATA=250 ok\n", "FFF",
	    { "DATA: 250 ok", "DATA", "DATA" } },
	{ "hangs up at DATA", "DATA=close\n", "FFF",
	    { "DATA: connection lost", "lost", "lost" } },
	{ "hangs up after 354", "DATA=354 go|close\n", "FFF",
	    { "message: connection lost", "lost", "lost" } },

	{ "second message 451", ".=250 ok\n.=451 4.7.1 greylisted\n.=250 ok\n",
	    "DFD", { "250", "message: 451 4.7.1 greylisted", "250" } },
	{ "second message 550", ".=250 ok\n.=550 5.7.1 spam\n.=250 ok\n",
	    "DRD", { "250", "message: 550 5.7.1 spam", "250" } },
	{ "second message 354 again", ".=250 ok\n.=354 more\n.=250 ok\n",
	    "DFD", { "250", "354", "250" } },
	{ "hangs up after the second message", ".=250 ok\n.=close\n", "DFF",
	    { "250", "message: connection lost", "lost" } },
	{ "silence after the second message", ".=250 ok\n.=silent\n", "DFF",
	    { "250", "message: no reply within 1 seconds", "no reply" } },
	{ "half a reply after the second message",
	    ".=250 ok\n.=250-half|close\n", "DFF",
	    { "250", "message: the reply is cut off", "cut off" } },
	{ "a late reply", ".=late|250 ok\n", "DDD", { "250", "250", "250" } },
	{ "accepted, then gone", ".=250 ok\n.=250 ok|close\n", "DDF",
	    { "250", "250", "MAIL: connection lost" } },
	{ "RSET refused", ".=451 later\n.=250 ok\nRSET=500 what\n", "FDD",
	    { "451", "250", "250" } },
	{ "QUIT refused", "QUIT=500 what|close\n", "DDD",
	    { "250", "250", "250" } },
	{ "silence after QUIT", "QUIT=silent\n", "DDD",
	    { "250", "250", "250" } },
	{ "QUIT drips", "QUIT=drip\n", "DDD", { "250", "250", "250" } },
	{ "takes no more of the message", "DATA=354 go|deaf\n", "FFF",
	    { "", "", "" } },
};

static void
replies(void **state)
{
	static const char letter[] = { [DELIVERED] = 'D', [DEFERRED] = 'F',
	    [REFUSED] = 'R' };
	struct smtp_config c = config();
	struct smtp_message m[3];
	size_t i, k;

	for (i = 0; i < NELEMS(rows); i++) {
		server_start(rows[i].script);
		c.smarthost = server.smarthost;
		m[0] = mail_to("a@example.net");
		m[1] = mail_to("b@example.net");
		m[2] = mail_to("c@example.net");
		smtp_send(&c, m, 3);
		for (k = 0; k < 3; k++)
			if (letter[m[k].result.outcome] !=
			    rows[i].outcomes[k] ||
			    strstr(m[k].result.text, rows[i].text[k]) == NULL)
				fail_msg("%s, message %zu: %c, %s, want %c, "
				    "%s", rows[i].what, k + 1,
				    letter[m[k].result.outcome],
				    m[k].result.text, rows[i].outcomes[k],
				    rows[i].text[k]);
		server_stop(state);
	}
}

/* As config.answered; arg counts the messages it told of. */
static void
tell(void *arg, size_t i)
{
	size_t *told = arg;

	assert_true(i + 1 > *told);
	*told = i + 1;
}

/*
 * An answer is a reply to the message, whatever it says.  What was told to be
 * final while the session went on, stays so.
 */
static void
what_was_answered(void **state)
{
	static const struct {
		const char *what, *script;
		bool answered[2];
	} answers[] = {
		{ "accepted", "", { true, true } },
		{ "greylisted", "RCPT=450 4.2.0 later\n", { true, true } },
		{ "refused", "MAIL=550 no\n", { true, true } },
		{ "hung up after the first", ".=250 ok|close\n",
		    { true, false } },
		{ "hung up instead", ".=close\n", { false, false } },
		{ "a busy greeting", "greeting=421 busy|close\n",
		    { false, false } },
		{ "EHLO and HELO refused", "EHLO=550 no\nHELO=550 no\n",
		    { false, false } },
		{ "silence", "MAIL=silent\n", { false, false } },
		{ "cut off, and seemed accepted", ".=raw 250 2.0.0 o|close\n",
		    { false, false } },
		{ "the second one cut off", ".=250 ok\n.=raw 250 o|close\n",
		    { true, false } },
		{ "cut off, and seemed refused", "RCPT=raw 550 5.|close\n",
		    { false, false } },
		{ "lost in a second line", ".=raw 250-o\r\n|close\n",
		    { false, false } },
		{ "accepted, and then a number",
		    "MAIL=250 ok\nMAIL=raw 25|close\n", { true, false } },
		{ "the second one not told to go on",
		    "DATA=354 go\nDATA=250 ok\n", { true, false } },
	};
	struct smtp_config c = config();
	struct smtp_message m[2];
	size_t told;

	c.answered = tell;
	c.arg = &told;
	for (size_t i = 0; i < NELEMS(answers); i++) {
		server_start(answers[i].script);
		c.smarthost = server.smarthost;
		m[0] = mail_to("a@example.net");
		m[1] = mail_to("b@example.net");
		told = 0;
		smtp_send(&c, m, 2);
		for (size_t k = 0; k < 2; k++)
			if (m[k].answered != answers[i].answered[k])
				fail_msg("%s, message %zu: %s",
				    answers[i].what, k + 1, m[k].result.text);
		if (told > 0 && !m[told - 1].answered)
			fail_msg("%s: told of %zu", answers[i].what, told);
		if (strcmp(answers[i].what, "accepted") == 0)
			assert_int_equal(told, 2);
		server_stop(state);
	}
}

static void
a_long_reply_is_cut(void **state)
{
	char script[4096], *text;
	struct smtp_config c = config();
	struct smtp_message m = mail_to("a@example.net");

	(void)state;
	snprintf(script, sizeof(script), ".=550 %03000d\n", 1);
	server_start(script);
	c.smarthost = server.smarthost;
	smtp_send(&c, &m, 1);
	check("long", &m, REFUSED, "message: 550 0000");
	assert_int_equal(strlen(m.result.text), 255);
	text = slurp("message.0");
	assert_string_equal(text, message);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SERVED(replies),
		SERVED(what_was_answered),
		SERVED(a_long_reply_is_cut),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
