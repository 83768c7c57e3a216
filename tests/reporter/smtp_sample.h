#ifndef TESTS_REPORTER_SMTP_SAMPLE_H
#define TESTS_REPORTER_SMTP_SAMPLE_H

/*
 * A server for each test, a mail to send to it, and what came of that.  Goes
 * behind cmocka.h.
 */
#include <stdbool.h>
#include <string.h>

#include "reporter/smtp.h"
#include "tests/reporter/smtp_server.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))
#define FROM "tls-reports@example.org"

static char dir[] = "/tmp/test_smtp-XXXXXX";
static struct smtp_server server;

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

static inline void
command(const char *format, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, format);
	vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	assert_int_equal(system(line), 0);
}

static inline int
make_dir(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	return 0;
}

static inline int
remove_dir(void **state)
{
	(void)state;
	command("rm -rf %s", dir);
	return 0;
}

static inline void
server_start(const char *script)
{
	smtp_server_start(&server, dir, script);
}

static inline int
server_stop(void **state)
{
	(void)state;
	if (server.pid == 0)
		return 0;
	smtp_server_stop(&server);
	command("rm -f %s/log %s/message.*", dir, dir);
	return 0;
}

static inline char *
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
static inline bool
logged(const char *words)
{
	char *log = slurp("log");
	bool found = strstr(log, words) != NULL;

	free(log);
	return found;
}

static inline struct smtp_config
config(void)
{
	struct smtp_config c = { .smarthost = server.smarthost,
	    .tls = SMTP_TLS_NONE, .helo = "client.example.org",
	    .timeout = 1 };

	return c;
}

static inline struct smtp_message
mail_to(const char *to)
{
	struct smtp_message m = { .from = FROM, .to = to, .data = message,
	    .len = sizeof(message) - 1 };

	return m;
}

/* Our message and as many lines as it takes. */
static inline struct smtp_message
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

static inline void
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

#define SERVED(f) cmocka_unit_test_teardown(f, server_stop)

#endif
