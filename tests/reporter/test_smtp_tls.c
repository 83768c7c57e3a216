/* TLS and AUTH with the smarthost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

#include "tests/reporter/smtp_sample.h"

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
	snprintf(host, sizeof(host), "localhost%s",
	    strchr(server.smarthost, ':'));
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
	c.smarthost = server.smarthost;
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
	snprintf(host, sizeof(host), "localhost%s",
	    strchr(server.smarthost, ':'));
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(tls, make_certificates,
		    server_stop),
		SERVED(an_address_is_a_name_too),
		SERVED(auth),
		SERVED(several_threads),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
