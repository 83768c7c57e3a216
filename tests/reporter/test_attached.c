#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/mem.h"
#include "reporter/attached.h"
#include "reporter/mail_header.h"
#include "tests/reporter/expect.h"

#define HEAD "Subject: Report Domain: example.net Submitter: sender.example " \
	"Report-ID: <1@sender.example>\r\n" \
	"TLS-Report-Domain: example.net\r\n" \
	"TLS-Report-Submitter: sender.example\r\n"
#define NAMES "[example.net|sender.example|1@sender.example]"
#define MIXED "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n" \
	"\tboundary=\"b1\"\r\n\r\n"

/* What is found: name=data[domain|submitter|report-id], a line each. */
static const struct {
	const char *what, *message, *want;
} rows[] = {
	{ "as RFC 8460 has it", HEAD MIXED "for old readers\r\n--b1\r\n"
	    "Content-Type: text/plain\r\n\r\nhello\r\n--b1\r\n"
	    "Content-Type: application/tlsrpt+gzip\r\n"
	    "Content-Transfer-Encoding: base64\r\n"
	    "Content-Disposition: attachment; filename=\"a!b!1!2.json.gz\"\r\n"
	    "\r\naGVsbG8g\r\nd29ybGQ=\r\n--b1--\r\nbehind\r\n",
	    "a!b!1!2.json.gz=hello world" NAMES "\n" },
	{ "bare line feeds, no last boundary, base64 without its end",
	    "Content-Type: multipart/mixed; boundary=b1\n\n--b1\n"
	    "Content-Type: application/tlsrpt+json; name=x.json\n"
	    "Content-Transfer-Encoding: BASE64\n\naGVsbG8",
	    "x.json=hello[||]\n" },
	{ "the mail itself is the report", "Content-Type: "
	    "application/tlsrpt+json\r\n\r\n{}", "-={}[||]\n" },
	{ "any type, but the name of a report", "Content-Type: "
	    "application/octet-stream; name=\"x!y!1!2.JSON.GZ\"\n\ndata",
	    "x!y!1!2.JSON.GZ=data[||]\n" },
	{ "packed, without a name", "Content-Type: application/gzip\n\ndata",
	    "-=data[||]\n" },
	{ "quoted-printable", "Content-Type: application/tlsrpt+json\n"
	    "Content-Transfer-Encoding: quoted-printable\n\n"
	    "{=22a=22:=\n1,=\r\n2=3=}=", "-={\"a\":1,2=3=}=[||]\n" },
	{ "forwarded", "Content-Type: multipart/mixed; boundary=x\n"
	    "TLS-Report-Domain: outer.example\n\n--x\n"
	    "Content-Type: message/rfc822\n\n" HEAD MIXED "--b1\n"
	    "Content-Type: application/tlsrpt+json\n\n{}\n--b1--\n--x--\n",
	    "-={}\n" NAMES "\n" },
	{ "two of them", MIXED "--b1\nContent-Type: application/tlsrpt+json\n"
	    "\n1\n--b1\nContent-Type: application/tlsrpt+json\n\n2\n--b1--\n",
	    "-=1\n[||]\n-=2\n[||]\n" },
	{ "a boundary that another begins with", "Content-Type: "
	    "multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed"
	    "; boundary=bb\n\n--bb\nContent-Type: application/tlsrpt+json\n\n"
	    "{}\n--bb--\n--b--\n", "-={}\n[||]\n" },
	{ "a name in pieces", "Content-Type: application/tlsrpt+gzip\n"
	    "Content-Disposition: attachment;\n filename*0=\"a!b\";\n"
	    " filename*1*=%21c;\n filename*2=.json.gz\n\ndata",
	    "a!b!c.json.gz=data[||]\n" },
	{ "a name with a character set", "Content-Type: application/gzip; "
	    "name*=utf-8''r%C3%BCckblick.json\n\ndata",
	    "r\u00fcckblick.json=data[||]\n" },
	{ "a name with quotes in it", "Content-Type: application/gzip; "
	    "name=\"a\\\"b;c=d.json\"\n\ndata", "a\"b;c=d.json=data[||]\n" },
	{ "a letter of no interest", "Subject: lunch?\n\nnoon?\n", "" },
	{ "a picture", "Content-Type: image/png; name=x.png\n\ndata", "" },
	{ "multipart without a boundary", "Content-Type: multipart/mixed\n\n"
	    "--\nContent-Type: application/tlsrpt+json\n\n{}\n", "" },
	{ "header only", "Content-Type: application/tlsrpt+json", "-=[||]\n" },
	{ "nothing", "", "" },
};

static void
put(void *arg, const struct attached *m)
{
	fprintf(arg, "%s=%.*s[%s|%s|%s]\n", m->filename ? m->filename : "-",
	    (int)m->len, m->data, m->domain ? m->domain : "",
	    m->submitter ? m->submitter : "",
	    m->report_id ? m->report_id : "");
}

static char *
found(const char *message)
{
	struct arena a = { 0 };
	char *text = NULL;
	size_t len;
	FILE *f = xmemstream(&text, &len);

	attached_find(message, strlen(message), &a, put, f);
	xmemclose(f);
	arena_release(&a);
	return text;
}

static void
mails_of_all_kinds(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect(rows[i].what, found(rows[i].message), rows[i].want);
}

static void
cut_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (size_t n = 0; n < strlen(rows[i].message); n++) {
			char *cut = xstrndup(rows[i].message, n);

			free(found(cut));
			free(cut);
		}
}

/* Boxes in boxes, and very many parts: an end to both. */
static void
bounds(void **state)
{
	char *text = NULL, *got;
	size_t len, lines = 0;
	FILE *f = xmemstream(&text, &len);

	(void)state;
	for (int i = 0; i < 20; i++)
		fputs("Content-Type: message/rfc822\n\n", f);
	fputs("Content-Type: application/tlsrpt+json\n\n{}\n", f);
	xmemclose(f);
	expect("too deep", found(text), "");
	free(text);

	f = xmemstream(&text, &len);
	fputs("Content-Type: multipart/mixed; boundary=b\n\n", f);
	for (int i = 0; i < ATTACHED_PARTS_MAX + 100; i++)
		fputs("--b\nContent-Type: application/tlsrpt+json\n\n{}", f);
	fputs("\n--b--\n", f);
	xmemclose(f);
	got = found(text);
	for (const char *p = got; *p != '\0'; p++)
		lines += *p == '[';
	assert_int_equal(lines, 1);	/* no line end before the boundary */
	free(got);
	free(text);

	f = xmemstream(&text, &len);
	fputs("Content-Type: multipart/mixed; boundary=b\n\n", f);
	for (int i = 0; i < ATTACHED_PARTS_MAX + 100; i++)
		fputs("--b\nContent-Type: application/tlsrpt+json\n\n{}\n", f);
	xmemclose(f);
	got = found(text);
	lines = 0;
	for (const char *p = got; *p != '\0'; p++)
		lines += *p == '[';
	assert_int_equal(lines, ATTACHED_PARTS_MAX - 1);
	free(got);
	free(text);
}

static void
what_is_a_mail(void **state)
{
	static const struct {
		const char *text;
		bool is;
	} mails[] = {
		{ "Return-Path: <>\n", true },
		{ "From root@example.com Sat Nov 21 00:00:00 2026\n", true },
		{ "{\"organization-name\": 1}", false },
		{ ": x", false },
		{ "two words: x", false },
		{ "word", false },
		{ "", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(mails) / sizeof(mails[0]); i++)
		if (attached_is_mail(mails[i].text,
		    strlen(mails[i].text)) != mails[i].is)
			fail_msg("%s", mails[i].text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(mails_of_all_kinds),
		TEST(cut_anywhere),
		TEST(bounds),
		TEST(what_is_a_mail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
