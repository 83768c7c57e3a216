/* What goes to the smarthost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/reporter/smtp_sample.h"

static void
what_arrives_is_what_was_sent(void **state)
{
	struct smtp_config c = config();
	struct smtp_message m = mail_to("tls@example.net");
	char *text;

	(void)state;
	server_start("");
	c.smarthost = server.smarthost;
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
	c.smarthost = server.smarthost;
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
	c.smarthost = server.smarthost;
	smtp_send(&c, m, 2);
	check("empty", &m[0], DELIVERED, "250");
	check("NULL", &m[1], DELIVERED, "250");
	assert_true(logged("MAIL FROM:<>\n"));
	assert_false(logged("MAIL FROM:<t"));
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SERVED(what_arrives_is_what_was_sent),
		SERVED(also_when_it_is_large_and_the_server_modern),
		SERVED(null_reverse_path),
		cmocka_unit_test(settings_that_will_not_do),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
