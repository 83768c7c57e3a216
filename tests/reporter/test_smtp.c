#include <sys/wait.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "reporter/smtp.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))
#define FROM "tls-reports@example.org"

static char dir[] = "/tmp/test_smtp-XXXXXX";
static pid_t server;
static int server_input;
static char smarthost[64];

/* Everything that libesmtp would like to put right. */
static const char message[] =
    "DKIM-Signature: v=1; a=rsa-sha256; b=AAAA\r\n"
    "DKIM-Signature: v=1; a=ed25519-sha256;\r\n b=BBBB\r\n"
    "From: \"Example, Org\" <tls-reports@example.org>\r\n"
    "To: somebody.else@example.net\r\n"
    "Subject: Report Domain: example.net\r\n"
    " Submitter: example.org\r\n"
    "\tReport-ID: <1@example.org>\r\n"
    "Date: Sun, 22 Nov 2026 00:15:00 +0000\r\n"
    "Message-ID:  <abc@example.org>\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: text/plain\r\n"
    "TLS-Report-Domain: example.net\r\n"
    "TLS-Required: No\r\n"
    "\r\n"
    ".\r\n"
    "..two dots\r\n"
    ".one dot\r\n"
    "blanks at the end  \r\n"
    "From here\r\n"
    "\r\n";

static void
command(const char *format, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	assert_int_equal(system(line), 0);
}

static int
make_dir(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	return 0;
}

static int
remove_dir(void **state)
{
	(void)state;
	command("rm -rf %s", dir);
	return 0;
}

static void
server_start(const char *script)
{
	char path[64];
	int in[2], out[2], port;
	FILE *f;

	snprintf(path, sizeof(path), "%s/script", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(script, f);
	fclose(f);
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	server = fork();
	if (server == 0) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		execl("tests/reporter/smtp_server.py", "smtp_server.py", dir,
		    (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	server_input = in[1];
	f = fdopen(out[0], "r");
	assert_int_equal(fscanf(f, "%d", &port), 1);
	fclose(f);
	snprintf(smarthost, sizeof(smarthost), "127.0.0.1:%d", port);
}

static int
server_stop(void **state)
{
	(void)state;
	if (server == 0)
		return 0;
	close(server_input);
	waitpid(server, NULL, 0);
	server = 0;
	command("rm -f %s/log %s/message.*", dir, dir);
	return 0;
}

static char *
slurp(const char *name)
{
	char path[64], *text = NULL;
	size_t len = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if ((f = fopen(path, "r")) == NULL)
		return calloc(1, 1);
	if (getdelim(&text, &len, '\0', f) == -1)
		text = calloc(1, 1);
	fclose(f);
	return text;
}

/*
 * Has the dialogue these words?  What came before the last reply is there;
 * of what came after it, such as QUIT, nothing may be asked.
 */
static bool
logged(const char *words)
{
	char *log = slurp("log");
	bool found = strstr(log, words) != NULL;

	free(log);
	return found;
}

static struct smtp_config
config(void)
{
	struct smtp_config c = { .smarthost = smarthost,
	    .tls = SMTP_TLS_NONE, .helo = "client.example.org",
	    .timeout = 1 };

	return c;
}

static struct smtp_message
mail_to(const char *to)
{
	struct smtp_message m = { .from = FROM, .to = to, .data = message,
	    .len = sizeof(message) - 1 };

	return m;
}

static void
check(const char *what, const struct smtp_message *m, enum outcome outcome,
    const char *text)
{
	if (m->result.outcome != outcome ||
	    strstr(m->result.text, text) == NULL)
		fail_msg("%s: outcome %d, %d, %s; want %d, %s", what,
		    m->result.outcome, m->result.code, m->result.text,
		    outcome, text);
	assert_int_equal(m->result.retry_after, -1);
}

static void
what_arrives_is_what_was_sent(void **state)
{
	struct smtp_config c = config();
	struct smtp_message m = mail_to("tls@example.net");
	char *text;

	(void)state;
	server_start("");
	c.smarthost = smarthost;
	smtp_send(&c, &m, 1);
	check("sent", &m, DELIVERED, "message: 250 2.0.0 queued");
	assert_int_equal(m.result.code, 250);
	text = slurp("message.0");
	assert_string_equal(text, message);
	free(text);
	assert_true(logged("EHLO client.example.org\n"));
	assert_true(logged("MAIL FROM:<" FROM ">\n"));
	assert_true(logged("RCPT TO:<tls@example.net>\n"));
}

/* Our message and as many lines as it takes. */
static struct smtp_message
large_mail(size_t size)
{
	struct smtp_message m = mail_to("a@example.net");
	char *text;
	FILE *f = open_memstream(&text, &m.len);

	assert_non_null(f);
	for (fputs(message, f); (size_t)ftell(f) < size;)
		fputs("....the same line of a large message\r\n", f);
	fclose(f);
	m.data = text;
	return m;
}

static void
also_when_it_is_large_and_the_server_modern(void **state)
{
	struct smtp_config c = config();
	struct smtp_message m = large_mail(300000);
	char *text;

	(void)state;
	server_start("EHLO=250-sink|250-PIPELINING|250-SIZE 1000000|"
	    "250-CHUNKING|250-XUSR|250-8BITMIME|250-DSN|250-SMTPUTF8|"
	    "250 REQUIRETLS\n");
	c.smarthost = smarthost;
	smtp_send(&c, &m, 1);
	check("sent", &m, DELIVERED, "250");
	text = slurp("message.0");
	assert_string_equal(text, m.data);
	free(text);
	free((char *)(uintptr_t)m.data);
	assert_true(logged(" SIZE="));
	assert_false(logged("REQUIRETLS"));
	assert_false(logged("BDAT"));
	assert_false(logged("XUSR"));
}

static void
null_reverse_path(void **state)
{
	struct smtp_config c = config();
	struct smtp_message m[2] = { mail_to("a@example.net"),
	    mail_to("b@example.net") };

	(void)state;
	m[0].from = "";
	m[1].from = NULL;
	server_start("");
	c.smarthost = smarthost;
	smtp_send(&c, m, 2);
	check("empty", &m[0], DELIVERED, "250");
	check("NULL", &m[1], DELIVERED, "250");
	assert_true(logged("MAIL FROM:<>\n"));
	assert_false(logged("MAIL FROM:<t"));
}

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
		c.smarthost = smarthost;
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
		c.smarthost = smarthost;
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
no_message_after_a_stop(void **state)
{
	atomic_bool stop = true;
	struct smtp_config c = config();
	struct smtp_message m = mail_to("a@example.net");

	(void)state;
	server_start("");
	c.smarthost = smarthost;
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

	c.smarthost = smarthost;
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
a_long_reply_is_cut(void **state)
{
	char script[4096], *text;
	struct smtp_config c = config();
	struct smtp_message m = mail_to("a@example.net");

	(void)state;
	snprintf(script, sizeof(script), ".=550 %03000d\n", 1);
	server_start(script);
	c.smarthost = smarthost;
	smtp_send(&c, &m, 1);
	check("long", &m, REFUSED, "message: 550 0000");
	assert_int_equal(strlen(m.result.text), 255);
	text = slurp("message.0");
	assert_string_equal(text, message);
	free(text);
}

static void
a_server_that_stops_reading(void **state)
{
	struct smtp_config c = config();
	struct smtp_message m = large_mail(20 * 1000 * 1000);

	(void)state;
	server_start("DATA=354 go|deaf\n");
	c.smarthost = smarthost;
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
	c.smarthost = smarthost;
	smtp_send(&c, m, 2);
	check("first", &m[0], DEFERRED, "Connection refused");
	check("second", &m[1], DEFERRED, "Connection refused");
	assert_non_null(strstr(m[0].result.text, smarthost));
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
	c.smarthost = smarthost;
	smtp_send(&c, m, 2);
	check("hung up", &m[0], DEFERRED, "connection lost");
	sigpending(&pending);
	assert_false(sigismember(&pending, SIGPIPE));
	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	assert_false(sigismember(&mask, SIGPIPE));
}

/* A CA, the smarthost's certificate, one for another name, a stranger's. */
static int
make_certificates(void **state)
{
	(void)state;
	command("cd %s && exec >openssl.log 2>&1 &&"
	    "openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key"
	    " -out ca.pem -subj '/CN=Test CA' -days 30 &&"
	    "issue() { openssl req -newkey rsa:2048 -nodes -keyout $1.key"
	    "  -subj \"/CN=$1\" -out $1.csr &&"
	    " printf \"subjectAltName=$2\" >$1.ext &&"
	    " openssl x509 -req -in $1.csr -CA ca.pem -CAkey ca.key"
	    "  -CAcreateserial -days $3 -extfile $1.ext -out $1.pem; } &&"
	    "issue server DNS:localhost,IP:127.0.0.1 30 &&"
	    "issue other DNS:other.example.com 30 &&"
	    "openssl req -x509 -newkey rsa:2048 -nodes -keyout self.key"
	    " -out self.pem -subj /CN=localhost"
	    " -addext subjectAltName=DNS:localhost -days 30", dir);
	return 0;
}

#define TLS "EHLO=250-sink|250 STARTTLS\n"
#define PLAIN "EHLO=250 sink\n"

/* What is said in the dialogue, and what is not. */
struct secure {
	const char *what;
	enum smtp_tls tls;
	enum outcome outcome;
	const char *script, *text, *logged, *absent;
};

static const struct secure tls_rows[] = {
	{ "none, not offered", SMTP_TLS_NONE, DELIVERED, PLAIN, "250",
	    "MAIL", "STARTTLS" },
	{ "none, offered", SMTP_TLS_NONE, DELIVERED, TLS, "250", "MAIL",
	    "STARTTLS" },
	{ "optional, not offered", SMTP_TLS_OPTIONAL, DELIVERED, PLAIN,
	    "250", "MAIL", "STARTTLS" },
	{ "optional, offered", SMTP_TLS_OPTIONAL, DELIVERED, TLS, "250",
	    "SNI localhost", "END SSL" },
	{ "optional, stranger's certificate", SMTP_TLS_OPTIONAL, DELIVERED,
	    TLS "STARTTLS=220 go|tls self\n", "250",
	    "SNI localhost", "END SSL" },
	{ "optional, other name", SMTP_TLS_OPTIONAL, DELIVERED,
	    TLS "STARTTLS=220 go|tls other\n", "250",
	    "SNI localhost", "END SSL" },
	{ "optional, 454: in clear text then", SMTP_TLS_OPTIONAL, DELIVERED,
	    TLS "STARTTLS=454 4.7.0 not now\n", "250", "MAIL",
	    "SNI" },
	{ "optional, no handshake: in clear text then",
	    SMTP_TLS_OPTIONAL, DELIVERED, TLS "STARTTLS=220 go|close\n",
	    "250", "MAIL", "SNI" },
	{ "optional, silence: in clear text then",
	    SMTP_TLS_OPTIONAL, DELIVERED, TLS "STARTTLS=220 go|silent\n",
	    "250", "MAIL", "SNI" },
	{ "required, offered", SMTP_TLS_REQUIRED, DELIVERED, TLS, "250",
	    "SNI localhost", "END SSL" },
	{ "required, not offered", SMTP_TLS_REQUIRED, DEFERRED, PLAIN,
	    "STARTTLS is not offered", "EHLO", "MAIL" },
	{ "required, an old server", SMTP_TLS_REQUIRED, DEFERRED,
	    "EHLO=500 what\n", "STARTTLS is not offered", "HELO", "MAIL" },
	{ "required, 454", SMTP_TLS_REQUIRED, DEFERRED,
	    TLS "STARTTLS=454 4.7.0 not now\n",
	    "STARTTLS: 454 4.7.0 not now", "EHLO", "MAIL" },
	{ "required, no handshake", SMTP_TLS_REQUIRED, DEFERRED,
	    TLS "STARTTLS=220 go|close\n", "TLS handshake failed",
	    "EHLO", "MAIL" },
	{ "required, not TLS at all", SMTP_TLS_REQUIRED, DEFERRED,
	    TLS "STARTTLS=220 go|late|250 hello\n",
	    "TLS handshake failed", "EHLO", "MAIL" },
	{ "required, a handshake that drips", SMTP_TLS_REQUIRED, DEFERRED,
	    TLS "STARTTLS=220 go|late|raw \x16\x03\x03\x30\x30|drip\n",
	    "TLS handshake failed", "EHLO", "MAIL" },
	{ "required, stranger's certificate", SMTP_TLS_REQUIRED, DEFERRED,
	    TLS "STARTTLS=220 go|tls self\n",
	    "certificate of localhost: self", "EHLO", "MAIL" },
	{ "required, other name", SMTP_TLS_REQUIRED, DEFERRED,
	    TLS "STARTTLS=220 go|tls other\n",
	    "certificate of localhost: hostname mismatch", "EHLO", "MAIL" },
	{ "required, a reply slipped in before TLS",
	    SMTP_TLS_REQUIRED, DEFERRED,
	    TLS "STARTTLS=raw 220 go\\r\\n250 AUTH PLAIN\\r\\n|tls server\n",
	    "clear text after STARTTLS", "EHLO", "MAIL" },
};

/* The script's \r\n become what they mean. */
static char *
unescape(const char *s)
{
	char *text = strdup(s), *out = text;

	for (; *s != '\0'; s++)
		if (strncmp(s, "\\r\\n", 4) == 0) {
			*out++ = '\001';
			s += 3;
		} else
			*out++ = *s;
	*out = '\0';
	return text;
}

static void
check_secure(const struct secure *row, const char *user, const char *password)
{
	struct smtp_message m = mail_to("a@example.net");
	struct smtp_config c = config();
	char ca[64], host[64], *script = unescape(row->script);

	snprintf(ca, sizeof(ca), "%s/ca.pem", dir);
	server_start(script);
	free(script);
	snprintf(host, sizeof(host), "localhost%s", strchr(smarthost, ':'));
	c.smarthost = host;
	c.ca_file = ca;
	c.tls = row->tls;
	c.user = user;
	c.password = password;
	smtp_send(&c, &m, 1);
	check(row->what, &m, row->outcome, row->text);
	if (!logged(row->logged))
		fail_msg("%s: no %s", row->what, row->logged);
	if (logged(row->absent))
		fail_msg("%s: %s", row->what, row->absent);
}

static void
tls(void **state)
{
	size_t i;

	for (i = 0; i < NELEMS(tls_rows); i++) {
		check_secure(&tls_rows[i], NULL, NULL);
		server_stop(state);
	}
}

static void
an_address_is_a_name_too(void **state)
{
	struct smtp_config c = config();
	struct smtp_message m = mail_to("a@example.net");
	char ca[64];

	snprintf(ca, sizeof(ca), "%s/ca.pem", dir);
	c.ca_file = ca;
	c.tls = SMTP_TLS_REQUIRED;
	server_start(TLS);
	c.smarthost = smarthost;
	smtp_send(&c, &m, 1);
	check("address in the certificate", &m, DELIVERED, "250");
	assert_true(logged("SNI None"));
	server_stop(state);
	server_start(TLS "STARTTLS=220 go|tls other\n");
	m = mail_to("a@example.net");
	smtp_send(&c, &m, 1);
	check("another one", &m, DEFERRED, "IP address mismatch");
	server_stop(state);
	c.ca_file = NULL;
	server_start(TLS);
	m = mail_to("a@example.net");
	smtp_send(&c, &m, 1);
	check("no CA of the system's", &m, DEFERRED, "certificate of 127.0.0");
}

#define AUTH(mechanisms) "EHLO=250-sink|250 AUTH " mechanisms "\n"

static const struct secure auth_rows[] = {
	{ "PLAIN", SMTP_TLS_NONE, DELIVERED,
	    AUTH("PLAIN") "AUTH PLAIN=235 ok\n", "250",
	    "AUTH PLAIN AHVzZXIAc2VjcmV0\n", "nothing" },
	{ "LOGIN", SMTP_TLS_NONE, DELIVERED, AUTH("LOGIN")
	    "AUTH LOGIN=334 UGFzc3dvcmQ6\n334=235 ok\n", "250",
	    "AUTH LOGIN dXNlcg==\nc2VjcmV0\n", "nothing" },
	{ "the second mechanism does", SMTP_TLS_NONE, DELIVERED,
	    AUTH("PLAIN LOGIN")
	    "AUTH PLAIN=504 no\nAUTH LOGIN=334 UGFzc3dvcmQ6\n334=235 ok\n",
	    "250", "AUTH LOGIN", "nothing" },
	{ "535, and refused without", SMTP_TLS_NONE, DEFERRED, AUTH("PLAIN")
	    "AUTH PLAIN=535 5.7.8 bad password\nMAIL=530 5.7.0 who?\n",
	    "AUTH: 535 5.7.8 bad password; MAIL: 530 5.7.0 who?",
	    "MAIL", "nothing" },
	{ "not offered, and refused without", SMTP_TLS_NONE, DEFERRED,
	    PLAIN "MAIL=530 5.7.0 who?\n",
	    "AUTH: not possible; MAIL: 530 5.7.0 who?", "MAIL", "AUTH" },
	{ "not offered, and not needed", SMTP_TLS_NONE, DELIVERED, PLAIN,
	    "250", "MAIL", "AUTH" },
	{ "a refusal after AUTH is one", SMTP_TLS_NONE, REFUSED,
	    AUTH("PLAIN")
	    "AUTH PLAIN=235 ok\nRCPT=550 5.1.1 unknown\n",
	    "RCPT: 550 5.1.1 unknown", "AUTH", "nothing" },
	{ "454, later", SMTP_TLS_NONE, DEFERRED, AUTH("PLAIN")
	    "AUTH PLAIN=454 4.7.0 later\nMAIL=530 no\n",
	    "AUTH: 454 4.7.0 later; ", "MAIL", "nothing" },
	{ "hangs up", SMTP_TLS_NONE, DEFERRED,
	    AUTH("PLAIN") "AUTH PLAIN=close\n", "AUTH: connection lost",
	    "AUTH", "MAIL" },
	{ "no password in clear text, though TLS is optional",
	    SMTP_TLS_OPTIONAL, DEFERRED, AUTH("PLAIN"),
	    "STARTTLS is not offered", "EHLO", "AUTH" },
	{ "no password to a stranger, though TLS is optional",
	    SMTP_TLS_OPTIONAL, DEFERRED,
	    "EHLO=250-sink|250-STARTTLS|250 AUTH PLAIN\n"
	    "STARTTLS=220 go|tls self\n", "certificate of localhost",
	    "EHLO", "AUTH" },
	{ "under TLS", SMTP_TLS_OPTIONAL, DELIVERED,
	    "EHLO=250-sink|250 STARTTLS\nEHLO=250-sink|250 AUTH PLAIN\n"
	    "AUTH PLAIN=235 ok\n", "250", "AUTH PLAIN AHVz",
	    "nothing" },
};

static void
auth(void **state)
{
	size_t i;

	for (i = 0; i < NELEMS(auth_rows); i++) {
		check_secure(&auth_rows[i], "user", "secret");
		server_stop(state);
	}
}

static void
settings_that_will_not_do(void **state)
{
	static char longer[300];
	const struct {
		struct smtp_config c;
		const char *want;
	} bad[] = {
		{ { .smarthost = NULL }, "smarthost" },
		{ { .smarthost = ":25" }, "smarthost" },
		{ { .smarthost = "[::1]:25" }, "smarthost" },
		{ { .smarthost = "localhost:25", .user = "u" }, "together" },
		{ { .smarthost = "localhost:25", .user = "u",
		    .password = longer }, "longer than 255 bytes" },
		{ { .smarthost = "localhost:25", .tls = SMTP_TLS_REQUIRED,
		    .ca_file = "/nonexistent" }, "/nonexistent" },
	};
	struct smtp_config good = { .smarthost = "localhost:25",
	    .tls = SMTP_TLS_REQUIRED };
	char *why;
	size_t i;

	(void)state;
	memset(longer, 'x', sizeof(longer) - 1);
	for (i = 0; i < NELEMS(bad); i++) {
		assert_int_equal(smtp_setup(&bad[i].c, &why), -1);
		assert_non_null(why);
		if (strstr(why, bad[i].want) == NULL)
			fail_msg("%zu: %s", i, why);
		free(why);
	}
	assert_int_equal(smtp_setup(&good, &why), 0);
	assert_null(why);
}

static void *
send_ten(void *arg)
{
	struct smtp_config *c = arg;
	struct smtp_message *m = calloc(10, sizeof(*m));
	size_t i;

	for (i = 0; i < 10; i++)
		m[i] = mail_to("a@example.net");
	smtp_send(c, m, 10);
	return m;
}

static void
several_threads(void **state)
{
	struct smtp_config c = config();
	struct smtp_message *m;
	pthread_t thread[4];
	char ca[64], host[64];
	size_t i, k;
	void *out;

	(void)state;
	snprintf(ca, sizeof(ca), "%s/ca.pem", dir);
	c.ca_file = ca;
	c.tls = SMTP_TLS_REQUIRED;
	c.timeout = 10;
	server_start(TLS);
	snprintf(host, sizeof(host), "localhost%s", strchr(smarthost, ':'));
	c.smarthost = host;
	for (i = 0; i < NELEMS(thread); i++)
		assert_int_equal(pthread_create(&thread[i], NULL, send_ten,
		    &c), 0);
	for (i = 0; i < NELEMS(thread); i++) {
		pthread_join(thread[i], &out);
		m = out;
		for (k = 0; k < 10; k++)
			check("thread", &m[k], DELIVERED, "250");
		free(m);
	}
	for (i = 0; i < 40; i++) {
		char name[32], *text;

		snprintf(name, sizeof(name), "message.%zu", i);
		text = slurp(name);
		assert_string_equal(text, message);
		free(text);
	}
}

#define SERVED(f) cmocka_unit_test_teardown(f, server_stop)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_that_will_not_do),
		SERVED(what_arrives_is_what_was_sent),
		SERVED(also_when_it_is_large_and_the_server_modern),
		SERVED(null_reverse_path),
		SERVED(replies),
		SERVED(what_was_answered),
		SERVED(no_message_after_a_stop),
		SERVED(an_abort_ends_what_hangs),
		SERVED(a_long_reply_is_cut),
		SERVED(a_server_that_stops_reading),
		SERVED(nobody_listens),
		SERVED(sigpipe_is_left_as_it_was),
		cmocka_unit_test_setup_teardown(tls, make_certificates,
		    server_stop),
		SERVED(an_address_is_a_name_too),
		SERVED(auth),
		SERVED(several_threads),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
