/* What of the configuration comes to the smarthost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/mem.h"
#include "reporter/gzip.h"
#include "reporter/json.h"
#include "reporter/mailer.h"
#include "tests/reporter/sample_report.h"
#include "tests/reporter/smtp_server.h"

#define TEXT(s)	((char *)(uintptr_t)(s))

static char dir[] = "/tmp/test_mailer-XXXXXX";

static char *
in_dir(const char *name)
{
	return xasprintf("%s/%s", dir, name);
}

static void
write_to(const char *name, const char *text)
{
	char *path = in_dir(name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	free(path);
}

/* Returns the dialogue, which the caller frees. */
static char *
server_stop(struct smtp_server *s)
{
	char *path = in_dir("log"), *text = NULL;
	size_t len = 0;
	FILE *f;

	smtp_server_stop(s);
	if ((f = fopen(path, "r")) != NULL) {
		if (getdelim(&text, &len, '\0', f) == -1)
			text = xcalloc(1, 1);
		fclose(f);
	}
	unlink(path);
	free(path);
	return text != NULL ? text : xcalloc(1, 1);
}

static int
make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) != NULL ? 0 : -1;
}

static int
remove_dir(void **state)
{
	char *command = xasprintf("rm -rf %s", dir);
	int rc = system(command);

	(void)state;
	free(command);
	return rc;
}

static struct conf
conf_with(char *smarthost, long tls, const char *user, char *password_file)
{
	return (struct conf){
		.report = { .organization_name = TEXT("Example"),
		    .domain = TEXT("example.org") },
		.mail = { .from = TEXT("tls-reports@example.org"),
		    .smarthost = smarthost, .tls = tls, .timeout = 2,
		    .parallel = 1, .user = TEXT(user),
		    .password_file = password_file },
		.dkim = { .signer = SIGNER_SMARTHOST },
	};
}

static int woken[2];

static void
wake(void *arg)
{
	(void)arg;
	assert_int_equal(write(woken[1], "", 1), 1);
}

/*
 * Mails of the sample report in one session, and what became of them; back is
 * how many had their results before the session had ended.
 */
static void
send_mails(const struct conf *c, struct mailer_job *jobs, size_t n,
    size_t *back)
{
	struct gzip *g = gzip_new(6);
	struct queue_report q = {
		.day = sample_report.day, .part = 1, .made = 1795305600,
		.domain = sample_report.domain, .report_id = sample_report.id,
		.filename = sample_report.filename,
	};
	struct mailer_session *done = NULL;
	struct mailer *m;
	const void *body;
	char *why, *json;
	size_t len;
	char byte;

	json = json_report(&sample_report, false, &len);
	gzip_pack(g, json, len, &body, &q.len);
	q.body = body;
	for (size_t i = 0; i < n; i++)
		jobs[i] = (struct mailer_job){
		    .next = i + 1 < n ? &jobs[i + 1] : NULL, .report = &q,
		    .sender = "bounces@example.org",
		    .address = "a@example.net" };
	assert_int_equal(pipe(woken), 0);
	if ((m = mailer_new(c, NULL, wake, NULL, &why)) == NULL)
		fail_msg("%s", why);
	mailer_send(m, jobs);
	for (*back = 0; done == NULL; done = mailer_done(m)) {
		assert_int_equal(read(woken[0], &byte, 1), 1);
		for (struct mailer_job *j = mailer_answered(m); j != NULL;
		    j = j->next, ++*back)
			assert_true(j->answered && j == &jobs[*back]);
	}
	assert_ptr_equal(done->jobs, *back < n ? &jobs[*back] : NULL);
	assert_true(done->reached || *back == 0);
	free(done);
	mailer_free(m);
	close(woken[0]);
	close(woken[1]);
	free(json);
	gzip_free(g);
}

#define AUTH	"EHLO=250-sink|250 AUTH PLAIN\nAUTH PLAIN=235 ok\n"
#define OFFERED	"EHLO=250-sink|250 STARTTLS\nSTARTTLS=454 later\n"

static const struct {
	const char *name, *script;
	long tls;
	const char *password;		/* of "user"; NULL: no AUTH */
	enum outcome outcome;
	const char *said, *unsaid;	/* by us */
} rows[] = {
	{ "plain", "", TLS_NONE, NULL, DELIVERED,
	    "RCPT TO:<a@example.net>", "AUTH" },
	{ "the sender", "", TLS_NONE, NULL, DELIVERED,
	    "MAIL FROM:<bounces@example.org>", "tls-reports" },
	{ "a password ends with its line", AUTH, TLS_NONE,
	    "secret\nof nobody\n", DELIVERED, "AUTH PLAIN AHVzZXIAc2VjcmV0\n",
	    "STARTTLS" },
	{ "as lines end elsewhere", AUTH, TLS_NONE, "secret\r\n", DELIVERED,
	    "AUTH PLAIN AHVzZXIAc2VjcmV0\n", "STARTTLS" },
	{ "TLS is not wanted", OFFERED, TLS_NONE, NULL, DELIVERED, "RCPT",
	    "STARTTLS" },
	{ "wanted if it can be had", OFFERED, TLS_OPTIONAL, NULL, DELIVERED,
	    "STARTTLS", "AUTH" },
	{ "not offered", "", TLS_OPTIONAL, NULL, DELIVERED, "RCPT", "AUTH" },
	{ "required", OFFERED, TLS_REQUIRED, NULL, DEFERRED, "STARTTLS",
	    "MAIL" },
	{ "required, and not offered", "", TLS_REQUIRED, NULL, DEFERRED,
	    "EHLO", "MAIL" },
	{ "a password is for who proves to be the smarthost", AUTH,
	    TLS_OPTIONAL, "secret\n", DEFERRED, "EHLO", "AUTH" },
};

static void
mail_goes_as_it_is_configured(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *file = in_dir("password"), *log;
		struct mailer_job job;
		struct smtp_server s;
		struct conf c;
		size_t back;

		smtp_server_start(&s, dir, rows[i].script);
		c = conf_with(s.smarthost, rows[i].tls, NULL, NULL);
		if (rows[i].password != NULL) {
			write_to("password", rows[i].password);
			c.mail.user = TEXT("user");
			c.mail.password_file = file;
		}
		send_mails(&c, &job, 1, &back);
		log = server_stop(&s);
		if (job.result.outcome != rows[i].outcome ||
		    strstr(log, rows[i].said) == NULL ||
		    strstr(log, rows[i].unsaid) != NULL)
			fail_msg("%s: outcome %d: %s\n%s", rows[i].name,
			    job.result.outcome, job.result.text, log);
		free(file);
		free(log);
	}
}

/* Whoever is killed then knows of all but a few that they were accepted. */
static void
a_long_session_tells_as_it_goes(void **state)
{
	struct mailer_job jobs[4];
	struct smtp_server s;
	struct conf c;
	size_t back;

	(void)state;
	smtp_server_start(&s, dir, ".=late|250 ok\n.=late|250 ok\n.=550 no\n"
	    ".=late|close\n");
	c = conf_with(s.smarthost, TLS_NONE, NULL, NULL);
	send_mails(&c, jobs, 4, &back);
	free(server_stop(&s));
	assert_int_equal(back, 2);
	assert_int_equal(jobs[0].result.outcome, DELIVERED);
	assert_int_equal(jobs[1].result.outcome, DELIVERED);
	assert_true(jobs[2].answered && jobs[2].result.outcome == REFUSED);
	assert_true(!jobs[3].answered && jobs[3].result.outcome == DEFERRED);
}

static void
without_a_password_there_is_no_mailer(void **state)
{
	static const char *const texts[] = { NULL, "", "\n", "\r\nsecret\n" };

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char *file = in_dir(texts[i] == NULL ? "none" : "password");
		struct conf c = conf_with(TEXT("localhost:25"), TLS_NONE,
		    "user", file);
		char *why = NULL;

		if (texts[i] != NULL)
			write_to("password", texts[i]);
		if (mailer_new(&c, NULL, wake, NULL, &why) != NULL)
			fail_msg("row %zu", i);
		assert_memory_equal(why, "[mail] password_file ", 21);
		assert_non_null(strstr(why, texts[i] == NULL ?
		    "No such file" : "holds no password"));
		free(why);
		free(file);
	}
}

/* RFC 8460 section 3: what nobody signs is ignored, so it is not sent. */
static void
what_nobody_would_sign_is_refused(void **state)
{
	struct conf c = { .dkim = { .signer = SIGNER_SELF } };
	const struct dkim *key = (const struct dkim *)&c;

	(void)state;
	assert_non_null(mailer_refusal(&c, NULL));
	assert_non_null(strstr(mailer_refusal(&c, NULL), "no DKIM key"));
	assert_null(mailer_refusal(&c, key));
	c.dkim.signer = SIGNER_SMARTHOST;
	assert_null(mailer_refusal(&c, NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mail_goes_as_it_is_configured),
		cmocka_unit_test(a_long_session_tells_as_it_goes),
		cmocka_unit_test(without_a_password_there_is_no_mailer),
		cmocka_unit_test(what_nobody_would_sign_is_refused),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
