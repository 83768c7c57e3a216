#include <locale.h>
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
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "reporter/mime.h"
#include "tests/reporter/judge.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))
#define X10 "xxxxxxxxxx"
#define X50 X10 X10 X10 X10 X10
#define LABEL X50 X10 "xxx."
/* 253 bytes, as long as a domain may be */
#define LONG LABEL LABEL LABEL X50 "xxx.example"

static char gzip_file[] = "/tmp/test_mime-XXXXXX";
static unsigned char gzip_bytes[1000];

static struct mime_report
report(void)
{
	struct mime_report m = {
		.organization = "Example Org",
		.from = "tls-reports@example.org",
		.to = "tls@example.net",
		.domain = "example.net",
		.submitter = "example.org",
		.report_id = "20261121.example.net.1@example.org",
		.filename = "example.org!example.net!1795219200!1795305599!1",
		.summary = "All is well.\n",
		.date = 1795305600 + 900,
		.body = gzip_bytes,
		.len = sizeof(gzip_bytes),
	};

	return m;
}

static int
make_body(void **state)
{
	int fd = mkstemp(gzip_file);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(gzip_bytes); i++)
		gzip_bytes[i] = (unsigned char)(i * 7 + i / 256);
	if (fd == -1 || write(fd, gzip_bytes, sizeof(gzip_bytes)) == -1)
		return -1;
	return close(fd);
}

static int
remove_body(void **state)
{
	(void)state;
	return unlink(gzip_file);
}

/* What every message promises, whatever is in it. */
static char *
message(const struct mime_report *m, size_t *len)
{
	char *text, *why, *p;
	size_t n;

	text = mime_message(m, NULL, len, &why);
	assert_non_null(text);
	assert_null(why);
	assert_int_equal(strlen(text), *len);
	for (p = text; *p != '\0'; p += n + 2) {
		n = strcspn(p, "\r\n");
		assert_memory_equal(p + n, "\r\n", 2);
		assert_in_range(n, 0, 998);
		assert_true(n == 0 || (p[n - 1] != ' ' && p[n - 1] != '\t'));
	}
	for (p = text; *p != '\0'; p++)
		assert_true(*p == '\r' || *p == '\n' ||
		    (*p >= ' ' && *p <= '~'));
	return text;
}

/* What Python makes of it. */
static void
read_mail(const char *text, size_t len, char *said, size_t room)
{
	char command[128];

	snprintf(command, sizeof(command), "tests/reporter/read_mail.py %s",
	    gzip_file);
	if (judge(command, text, len, said, room) != 0)
		fail_msg("%s\n%s", said, text);
	if (strstr(said, "\nbytes: True\n") == NULL ||
	    strstr(said, "\ndefects: []\n") == NULL)
		fail_msg("%s\n%s", said, text);
}

static void
a_whole_message(void **state)
{
	static const char want[] =
	    "From: Example Org <tls-reports@example.org>\r\n"
	    "To: tls@example.net\r\n"
	    "Subject: Report Domain: example.net Submitter: example.org "
	    "Report-ID:\r\n"
	    " <20261121.example.net.1@example.org>\r\n"
	    "Date: Sun, 22 Nov 2026 00:15:00 +0000\r\n"
	    "Message-ID: <2c9ea0a063d9f4ff87323f94185d2108@example.org>\r\n"
	    "MIME-Version: 1.0\r\n"
	    "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n"
	    " boundary=\"=_tlsrpt_2c9ea0a063d9f4ff87323f94185d2108\"\r\n"
	    "TLS-Report-Domain: example.net\r\n"
	    "TLS-Report-Submitter: example.org\r\n"
	    "TLS-Required: No\r\n"
	    "Auto-Submitted: auto-generated\r\n"
	    "\r\n"
	    "--=_tlsrpt_2c9ea0a063d9f4ff87323f94185d2108\r\n"
	    "Content-Type: text/plain; charset=us-ascii\r\n"
	    "Content-Transfer-Encoding: 7bit\r\n"
	    "\r\n"
	    "All is well.\r\n"
	    "\r\n"
	    "--=_tlsrpt_2c9ea0a063d9f4ff87323f94185d2108\r\n"
	    "Content-Type: application/tlsrpt+gzip;\r\n"
	    " name=\"example.org!example.net!1795219200!1795305599!1"
	    ".json.gz\"\r\n"
	    "Content-Transfer-Encoding: base64\r\n"
	    "Content-Disposition: attachment;\r\n"
	    " filename=\"example.org!example.net!1795219200!1795305599!1"
	    ".json.gz\"\r\n"
	    "\r\n"
	    "AAcOFRwjKjE4P0ZNVFtiaXA=\r\n"
	    "\r\n"
	    "--=_tlsrpt_2c9ea0a063d9f4ff87323f94185d2108--\r\n";
	struct mime_report m = report();
	size_t len;
	char *text;

	(void)state;
	m.len = 17;
	text = message(&m, &len);
	assert_string_equal(text, want);
	free(text);
}

static void
python_reads_it(void **state)
{
	static const char want[] =
	    "To: tls@example.net\n"
	    "Subject: Report Domain: example.net Submitter: example.org "
	    "Report-ID: <20261121.example.net.1@example.org>\n"
	    "Date: Sun, 22 Nov 2026 00:15:00 +0000\n"
	    "Message-ID: <2c9ea0a063d9f4ff87323f94185d2108@example.org>\n"
	    "MIME-Version: 1.0\n"
	    "TLS-Report-Domain: example.net\n"
	    "TLS-Report-Submitter: example.org\n"
	    "TLS-Required: No\n"
	    "Auto-Submitted: auto-generated\n"
	    "From: [Example Org] tls-reports@example.org\n"
	    "type: multipart/report tlsrpt\n"
	    "text: text/plain us-ascii 7bit b'All is well.\\n'\n"
	    "report: application/tlsrpt+gzip "
	    "example.org!example.net!1795219200!1795305599!1.json.gz "
	    "example.org!example.net!1795219200!1795305599!1.json.gz "
	    "attachment base64\n"
	    "bytes: True\n"
	    "defects: []\n";
	struct mime_report m = report();
	char said[4096], *text;
	size_t len;

	(void)state;
	text = message(&m, &len);
	read_mail(text, len, said, sizeof(said));
	assert_string_equal(said, want);
	free(text);
}

static const struct {
	const char *what, *name, *field, *read;
} names[] = {
	{ "words", "Example Org", "From: Example Org <", "Example Org" },
	{ "nothing", "", "From: tls-reports@example.org\r\n", "" },
	{ "only blanks", " \t ", "From: tls-reports@example.org\r\n", "" },
	{ "comma", "Example, Inc.", "From: \"Example, Inc.\" <",
	    "Example, Inc." },
	{ "a dot is special", "Mr. X", "From: \"Mr. X\" <", "Mr. X" },
	{ "quote and backslash", "a \"b\" \\c",
	    "From: \"a \\\"b\\\" \\\\c\" <", "a \"b\" \\c" },
	{ "an address", "a@example.com", "From: \"a@example.com\" <",
	    "a@example.com" },
	{ "comment", "Org (test)", "From: \"Org (test)\" <", "Org (test)" },
	{ "line ends", "Org\r\nBcc: x@example.com\n",
	    "From: \"Org Bcc: x@example.com\" <", "Org Bcc: x@example.com" },
	{ "controls", "O\001r\033[0mg\177", "From: \"O r [0mg\" <",
	    "O r [0mg" },
	{ "C1 controls", "O\xc2\x85g", "From: O g <", "O g" },
	{ "several blanks", "  a   b  ", "From: a b <", "a b" },
	{ "umlaut", "M\xc3\xbcller GmbH",
	    "From: =?UTF-8?B?TcO8bGxlciBHbWJI?= <", "M\xc3\xbcller GmbH" },
	{ "not UTF-8", "M\xfcller", "From: M ller <", "M ller" },
	{ "cut UTF-8", "Org \xe2\x82", "From: Org <", "Org" },
	{ "overlong UTF-8", "a\xc0\xaf", "From: a <", "a" },
	{ "surrogate", "a\xed\xa0\x80" "b", "From: a b <", "a b" },
	{ "beyond Unicode", "a\xf4\x90\x80\x80" "b", "From: a b <", "a b" },
	{ "looks encoded", "=?utf-8?q?x?=",
	    "From: =?UTF-8?B?PT91dGYtOD9xP3g/PQ==?= <", "=?utf-8?q?x?=" },
	{ "a word too long for a line", X50 X50,
	    "From: =?UTF-8?B?eHh4", X50 X50 },
	{ "many words", X50 " " X50 " " X50 " " X50,
	    "From: " X50 "\r\n " X50 "\r\n " X50, X50 " " X50 " " X50 " "
	    X50 },
	{ "words to be quoted, but not on one line",
	    X50 ", " X50 ", " X50, "From: =?UTF-8?B?eHh4",
	    X50 ", " X50 ", " X50 },
	{ "quoted, and the line is full", X50 X10 ", \"yyyyyy",
	    "From: \"" X50 X10 ", \\\"yyyyyy\"\r\n <",
	    X50 X10 ", \"yyyyyy" },
	{ "quoted, and the line is over-full", X50 X10 ", \"yyyyyyy",
	    "From: =?UTF-8?B?eHh4", X50 X10 ", \"yyyyyyy" },
	{ "three-byte characters, more than one encoded word",
	    "\xe4\xbe\x8b\xe4\xbe\x8b\xe4\xbe\x8b\xe4\xbe\x8b\xe4\xbe\x8b"
	    "\xe4\xbe\x8b\xe4\xbe\x8b\xe4\xbe\x8b\xe4\xbe\x8b\xe4\xbe\x8b"
	    " a\xe4\xbe\x8b\xe4\xbe\x8b\xe4\xbe\x8b\xe4\xbe\x8b\xe4\xbe\x8b",
	    "From: =?UTF-8?B?5L6L5L6L",
	    "\xe4\xbe\x8b\xe4\xbe\x8b\xe4\xbe\x8b\xe4\xbe\x8b\xe4\xbe\x8b"
	    "\xe4\xbe\x8b\xe4\xbe\x8b\xe4\xbe\x8b\xe4\xbe\x8b\xe4\xbe\x8b"
	    " a\xe4\xbe\x8b\xe4\xbe\x8b\xe4\xbe\x8b\xe4\xbe\x8b\xe4\xbe\x8b" },
};

static void
organization_names(void **state)
{
	struct mime_report m = report();
	char said[4096], want[1024], *text, *p;
	size_t i, len, n;

	(void)state;
	for (i = 0; i < NELEMS(names); i++) {
		m.organization = names[i].name;
		text = message(&m, &len);
		if (strncmp(text, names[i].field, strlen(names[i].field)) != 0)
			fail_msg("%s: %.200s", names[i].what, text);
		for (p = text; strncmp(p, "To:", 3) != 0; p += n + 2) {
			n = strcspn(p, "\r");
			if (n > (strstr(names[i].field, "=?") ? 76 : 78))
				fail_msg("%s: %s", names[i].what, text);
		}
		read_mail(text, len, said, sizeof(said));
		snprintf(want, sizeof(want),
		    "\nFrom: [%s] tls-reports@example.org\n", names[i].read);
		if (strstr(said, want) == NULL)
			fail_msg("%s: %s", names[i].what, said);
		free(text);
	}
}

static const struct {
	const char *what, *text, *read;
} texts[] = {
	{ "empty", "", "us-ascii 7bit b''" },
	{ "no line end", "a", "us-ascii 7bit b'a\\n'" },
	{ "empty lines", "\n\na\n\n", "us-ascii 7bit b'\\n\\na\\n\\n'" },
	{ "all of ASCII that prints", " !\"#$%&()*+,-/0:;<=>?@AZ[]^_`az{|}~\n",
	    "us-ascii 7bit b' !\"#$%&()*+,-/0:;<=>?@AZ[]^_`az{|}~\\n'" },
	{ "UTF-8", "d\xc3\xa9j\xc3\xa0 = vu\n",
	    "utf-8 quoted-printable b'd\\xc3\\xa9j\\xc3\\xa0 = vu\\n'" },
	{ "blank at a line's end", "a \nb\n",
	    "us-ascii quoted-printable b'a \\nb\\n'" },
	{ "From at a line's start", "x\nFrom here\n",
	    "us-ascii quoted-printable b'x\\nFrom here\\n'" },
	{ "a lone dot", "x\n.\n", "us-ascii quoted-printable b'x\\n.\\n'" },
	{ "tab", "a\tb\n", "us-ascii quoted-printable b'a\\tb\\n'" },
	{ "the boundary", "--=_tlsrpt_2c9ea0a063d9f4ff87323f94185d2108--\n",
	    "us-ascii quoted-printable "
	    "b'--=_tlsrpt_2c9ea0a063d9f4ff87323f94185d2108--\\n'" },
	{ "a long line", X50 X50 X50 "\n",
	    "us-ascii quoted-printable b'" X50 X50 X50 "\\n'" },
	{ "a soft line end before a dot and a From",
	    X50 X10 X10 "xxxxx.xx" X50 X10 X10 "From x\n",
	    "us-ascii quoted-printable b'"
	    X50 X10 X10 "xxxxx.xx" X50 X10 X10 "From x\\n'" },
};

static void
text_parts(void **state)
{
	struct mime_report m = report();
	char said[4096], want[1024], *text, *p;
	size_t i, len, n;

	(void)state;
	for (i = 0; i < NELEMS(texts); i++) {
		m.summary = texts[i].text;
		text = message(&m, &len);
		for (p = strstr(text, "\r\n\r\n"); *p != '\0'; p += n + 2) {
			n = strcspn(p, "\r");
			if (n > 78 || *p == '.' || strncmp(p, "From ", 5) == 0)
				fail_msg("%s: %s", texts[i].what, text);
		}
		read_mail(text, len, said, sizeof(said));
		snprintf(want, sizeof(want), "\ntext: text/plain %s\n",
		    texts[i].read);
		if (strstr(said, want) == NULL)
			fail_msg("%s: %s", texts[i].what, said);
		free(text);
	}
}

static void
the_longest_domain(void **state)
{
	struct mime_report m = report();
	char said[8192], *text;
	size_t len;

	(void)state;
	assert_int_equal(strlen(LONG), 253);
	m.domain = m.submitter = LONG;
	m.from = "tls-reports@" LONG;
	m.to = "tls@" LONG;
	m.report_id = "20261121." LONG ".1@" LONG;
	m.filename = LONG "!" LONG "!1795219200!1795305599!1";
	text = message(&m, &len);
	read_mail(text, len, said, sizeof(said));
	assert_non_null(strstr(said, "To: tls@" LONG "\n"));
	assert_non_null(strstr(said, "Subject: Report Domain: " LONG
	    " Submitter: " LONG " Report-ID: <20261121." LONG ".1@" LONG
	    ">\n"));
	assert_non_null(strstr(said, "TLS-Report-Domain: " LONG "\n"));
	assert_non_null(strstr(said, " " LONG "!" LONG
	    "!1795219200!1795305599!1.json.gz attachment"));
	free(text);
}

static void
place_and_language_do_not_matter(void **state)
{
	struct mime_report m = report();
	char *a, *b;
	size_t len;

	(void)state;
	a = message(&m, &len);
	setenv("TZ", "Asia/Kathmandu", 1);
	tzset();
	setlocale(LC_ALL, "de_DE.UTF-8");
	b = message(&m, &len);
	setlocale(LC_ALL, "C");
	unsetenv("TZ");
	tzset();
	assert_string_equal(a, b);
	free(a);
	free(b);
}

static const struct {
	int64_t t;
	const char *want;
} dates[] = {
	{ 0, "\r\nDate: Thu, 01 Jan 1970 00:00:00 +0000\r\n" },
	{ 1709164799, "\r\nDate: Wed, 28 Feb 2024 23:59:59 +0000\r\n" },
	{ 1709164800, "\r\nDate: Thu, 29 Feb 2024 00:00:00 +0000\r\n" },
	{ 4102444800, "\r\nDate: Fri, 01 Jan 2100 00:00:00 +0000\r\n" },
};

static void
date_fields(void **state)
{
	struct mime_report m = report();
	size_t i, len;
	char *text;

	(void)state;
	for (i = 0; i < NELEMS(dates); i++) {
		m.date = dates[i].t;
		text = message(&m, &len);
		assert_non_null(strstr(text, dates[i].want));
		free(text);
	}
}

static void
id_of(const struct mime_report *m, char id[80])
{
	size_t len;
	char *text = message(m, &len);
	const char *p = strstr(text, "\r\nMessage-ID: ");

	assert_non_null(p);
	snprintf(id, 80, "%.*s", (int)strcspn(p + 14, "\r"), p + 14);
	free(text);
}

static void
message_ids_tell_reports_and_recipients_apart(void **state)
{
	struct mime_report m = report();
	char first[80], next[80];

	(void)state;
	id_of(&m, first);
	m.summary = "Something else.\n";
	m.date++;
	id_of(&m, next);
	assert_string_equal(first, next);
	m.to = "other@example.net";
	id_of(&m, next);
	assert_string_not_equal(first, next);
	m = report();
	m.report_id = "20261121.example.net.2@example.org";
	id_of(&m, next);
	assert_string_not_equal(first, next);
}

static void
sizes_of_the_report(void **state)
{
	struct mime_report m = report();
	char *text, *p;
	size_t len;

	(void)state;
	for (m.len = 0; m.len < 200; m.len++) {
		text = message(&m, &len);
		p = strstr(text, ".json.gz\"\r\n\r\n");
		assert_non_null(p);
		p += strlen(".json.gz\"\r\n\r\n");
		assert_int_equal(strcspn(p, "\r"), m.len >= 57 ? 76 :
		    (m.len + 2) / 3 * 4);
		free(text);
	}
}

static void
a_signature_comes_first(void **state)
{
	char key_file[] = "/tmp/test_mime-key-XXXXXX", *plain, *text, *why;
	struct dkim_config c = { "example.org", NULL, NULL, "e", key_file };
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	FILE *f = fdopen(mkstemp(key_file), "w");
	struct mime_report m = report();
	struct dkim *d;
	size_t len, size;

	(void)state;
	assert_int_equal(PEM_write_PrivateKey(f, pkey, NULL, NULL, 0, NULL,
	    NULL), 1);
	fclose(f);
	EVP_PKEY_free(pkey);
	assert_non_null(d = dkim_new(&c, &why));
	unlink(key_file);

	plain = message(&m, &size);
	text = message(&m, &size);
	free(text);
	text = mime_message(&m, d, &len, &why);
	assert_non_null(text);
	assert_memory_equal(text, "DKIM-Signature: v=1; a=ed25519", 30);
	assert_string_equal(text + len - size, plain);
	assert_non_null(strstr(text, " t=1795306500;"));
	free(plain);
	plain = mime_message(&m, d, &size, &why);
	assert_string_equal(text, plain);
	free(plain);
	free(text);
	dkim_free(d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_message),
		cmocka_unit_test(python_reads_it),
		cmocka_unit_test(organization_names),
		cmocka_unit_test(text_parts),
		cmocka_unit_test(the_longest_domain),
		cmocka_unit_test(place_and_language_do_not_matter),
		cmocka_unit_test(date_fields),
		cmocka_unit_test(message_ids_tell_reports_and_recipients_apart),
		cmocka_unit_test(sizes_of_the_report),
		cmocka_unit_test(a_signature_comes_first),
	};

	return cmocka_run_group_tests(tests, make_body, remove_body);
}
