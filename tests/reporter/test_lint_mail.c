/* What is objected to in its mail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/evp.h>

#include "tests/reporter/lint_sample.h"

#define FROM	"noreply@example.org"
#define TO	"tls@reports.example.net"

static const char good_head[] =
    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org;\r\n"
    "\ts=sel; t=1795305600; h=from:to:subject:date:message-id:mime-version:\r\n"
    "\tcontent-type:tls-report-domain:tls-report-submitter:tls-required;\r\n"
    "\tbh=AAAA; b=BBBB\r\n"
    "From: \"Example <Org>\" <" FROM ">\r\n"
    "To: " TO "\r\n"
    "Subject: Report Domain: example.net Submitter: example.org\r\n"
    " Report-ID: <" ID ">\r\n"
    "Date: Sun, 22 Nov 2026 00:15:00 +0000\r\n"
    "Message-ID: <abc.def@example.org>\r\n"
    "TLS-Report-Domain: example.net\r\n"
    "TLS-Report-Submitter: example.org\r\n"
    "TLS-Required: No\r\n"
    "Auto-Submitted: auto-generated\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n"
    " boundary=\"=_b\"\r\n"
    "\r\n"
    "A mail of several parts.\r\n"
    "--=_b\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "\r\n"
    "For people.\r\n"
    "--=_b\r\n"
    "Content-Type: application/tlsrpt+gzip; name=\"" NAME ".json.gz\"\r\n"
    "Content-Transfer-Encoding: base64\r\n"
    "Content-Disposition: attachment;\r\n"
    " filename=\"" NAME ".json.gz\"\r\n"
    "\r\n";
static const char good_foot[] = "\r\n--=_b--\r\n";

#define NOT_IT	"RFC 8460 section 5.3: what is attached is not the report, in " \
	"base64 lines of 76 columns"

static const struct {
	const char *name, *from, *to, *why;
} mail_rows[] = {
	{ "as it should be", "", "", NULL },
	{ "a token needs no quotes", "report-type=\"tlsrpt\"",
	    "Report-Type=tlsrpt", NULL },
	{ "signed by the parent", "d=example.org", "d=org", NULL },
	{ "without a preamble", "A mail of several parts.\r\n", "", NULL },
	{ "without an empty line behind the base64", "\r\n\r\n--=_b--",
	    "\r\n--=_b--", NULL },
	{ "a header in another order of capitals", "TLS-Report-Domain",
	    "tls-report-domain", NULL },

	{ "a bare LF", "people.\r\n", "people.\n", "RFC 5321 section 2.3.8: "
	    "line 23 does not end with CRLF" },
	{ "a bare CR", "people.", "peo\rple.", "RFC 5322 section 2.2: line 23 "
	    "holds byte 0x0d" },
	{ "eight bits", "people.", "\xc3\xa4.", "RFC 5322 section 2.2: line "
	    "23 holds byte 0xc3" },
	{ "no last CRLF", "--=_b--\r\n", "--=_b--", "RFC 5321 section 2.3.8: "
	    "line 39 does not end with CRLF" },
	{ "DEL", "people.", "people\x7f.", "RFC 5322 section 2.2: line 23 "
	    "holds byte 0x7f" },
	{ "CR CR", "--=_b--\r\n", "--=_b--\r\r", "RFC 5321 section 2.3.8: "
	    "line 39 does not end with CRLF" },
	{ "From elsewhere", FROM, "noreply@example.com",
	    "RFC 8460 section 3: From is \"\"Example <Org>\" "
	    "<noreply@example.com>\", must be our address, aligned with the "
	    "submitter" },
	{ "To somebody else", "To: " TO, "To: x@example.net",
	    "RFC 5322 section 3.6.3: To is \"x@example.net\", must be the "
	    "receiver's address" },
	{ "To two", "To: " TO, "To: " TO ", x@example.net",
	    "RFC 5322 section 3.6.3: To is \"" TO ", x@example.net\", must be "
	    "the receiver's address" },
	{ "no Date", "Date: Sun, 22 Nov 2026 00:15:00 +0000\r\n", "",
	    "RFC 5322 section 3.3: Date is missing or repeated" },
	{ "a wrong day of the week", "Date: Sun", "Date: Mon",
	    "RFC 5322 section 3.3: Date is \"Mon, 22 Nov 2026 00:15:00 +0000\""
	    ", must be a date" },
	{ "no such day", "Sun, 22 Nov", "Tue, 31 Nov",
	    "RFC 5322 section 3.3: Date is \"Tue, 31 Nov 2026 00:15:00 +0000\""
	    ", must be a date" },
	{ "another spelling", "Sun, 22 Nov", "Sun, 22 NOV",
	    "RFC 5322 section 3.3: Date is \"Sun, 22 NOV 2026 00:15:00 +0000\""
	    ", must be a date" },
	{ "no name of a month", "Sun, 22 Nov", "Sun, 22 ovD",
	    "RFC 5322 section 3.3: Date is \"Sun, 22 ovD 2026 00:15:00 +0000\""
	    ", must be a date" },
	{ "no such time", "00:15:00", "24:15:00",
	    "RFC 5322 section 3.3: Date is \"Sun, 22 Nov 2026 24:15:00 +0000\""
	    ", must be a date" },
	{ "elsewhere than in UTC", "+0000", "+0100",
	    "RFC 5322 section 3.3: Date is \"Sun, 22 Nov 2026 00:15:00 +0100\""
	    ", must be a date" },
	{ "other marks", "22 Nov", "22-Nov",
	    "RFC 5322 section 3.3: Date is \"Sun, 22-Nov 2026 00:15:00 +0000\""
	    ", must be a date" },
	{ "a date and more", "+0000", "+0000 (UTC)",
	    "RFC 5322 section 3.3: Date is \"Sun, 22 Nov 2026 00:15:00 +0000 "
	    "(UTC)\", must be a date" },
	{ "a blank within a word of the Subject", "Report Domain",
	    "Report Dom ain", "RFC 8460 section 5.3: Subject is \"Report Dom "
	    "ain: example.net Submitter: example.org Report-ID: <" ID ">\", "
	    "must be Report Domain: ... Submitter: ... Report-ID: <...>" },
	{ "another id in the Subject", "<2026-11-21.", "<2026-11-22.",
	    "RFC 8460 section 5.3: Subject is \"Report Domain: example.net "
	    "Submitter: example.org Report-ID: <2026-11-22.example.net.7f3a"
	    "@example.org>\", must be Report Domain: ... Submitter: ... "
	    "Report-ID: <...>" },
	{ "words of one's own in the Subject", "Report Domain",
	    "TLS Report Domain", "RFC 8460 section 5.3: Subject is \"TLS "
	    "Report Domain: example.net Submitter: example.org Report-ID: <"
	    ID ">\", must be Report Domain: ... Submitter: ... Report-ID: "
	    "<...>" },
	{ "no Message-ID", "<abc.def@example.org>", "abc.def@example.org",
	    "RFC 5322 section 3.6.4: Message-ID is \"abc.def@example.org\", "
	    "must be <left@right>" },
	{ "nothing on the left", "<abc.def@", "<@", "RFC 5322 section 3.6.4: "
	    "Message-ID is \"<@example.org>\", must be <left@right>" },
	{ "two @", "<abc.def@", "<abc@def@", "RFC 5322 section 3.6.4: "
	    "Message-ID is \"<abc@def@example.org>\", must be <left@right>" },
	{ "another TLS-Report-Domain", "TLS-Report-Domain: example.net",
	    "TLS-Report-Domain: example.com", "RFC 8460 section 5.3: "
	    "TLS-Report-Domain is \"example.com\", must be the policy "
	    "domain" },
	{ "two TLS-Report-Domain", "TLS-Report-Domain: example.net",
	    "TLS-Report-Domain: example.net\r\nTLS-Report-Domain: "
	    "example.net", "RFC 8460 section 5.3: TLS-Report-Domain is "
	    "missing or repeated" },
	{ "an organisation as submitter", "Submitter: example.org\r\nTLS",
	    "Submitter: Example Org\r\nTLS", "RFC 8460 section 5.3: "
	    "TLS-Report-Submitter is \"Example Org\", must be the submitter" },
	{ "TLS required", "Required: No", "Required: Yes", "RFC 8689 section "
	    "5: TLS-Required is \"Yes\", must be No" },
	{ "no TLS-Required", "TLS-Required: No\r\n", "", "RFC 8689 section 5: "
	    "TLS-Required is missing or repeated" },
	{ "by hand", "Auto-Submitted: auto-generated", "Auto-Submitted: no",
	    "RFC 3834 section 5: Auto-Submitted is \"no\", must be "
	    "auto-generated" },
	{ "no MIME-Version", "MIME-Version: 1.0\r\n", "", "RFC 2045 section "
	    "4: MIME-Version is missing or repeated" },
	{ "another kind of report", "report-type=\"tlsrpt\"",
	    "report-type=\"TLSRPT\"", "RFC 8460 section 5.3: Content-Type is "
	    "\"multipart/report; report-type=\"TLSRPT\"; boundary=\"=_b\"\", "
	    "must be multipart/report; report-type=\"tlsrpt\"" },
	{ "no report", "multipart/report", "multipart/mixed", "RFC 8460 "
	    "section 5.3: Content-Type is \"multipart/mixed; "
	    "report-type=\"tlsrpt\"; boundary=\"=_b\"\", must be "
	    "multipart/report; report-type=\"tlsrpt\"" },
	{ "no boundary", "boundary=", "border=", "RFC 2046 section 5.1.1: no "
	    "boundary" },

	{ "not signed", "DKIM-Signature", "X-Signature", "RFC 8460 section 3: "
	    "not signed" },
	{ "signed in part", "s=sel", "l=10; s=sel", "RFC 8460 section 3: a "
	    "signature with l=" },
	{ "signed by a stranger", "d=example.org", "d=example.com",
	    "RFC 8460 section 3: the signature's d= is not example.org or "
	    "above" },
	{ "signed by a part of us", "d=example.org", "d=mail.example.org",
	    "RFC 8460 section 3: the signature's d= is not example.org or "
	    "above" },
	{ "signed by a name that ends alike", "d=example.org", "d=ample.org",
	    "RFC 8460 section 3: the signature's d= is not example.org or "
	    "above" },
	{ "a header not signed", "tls-report-domain:", "",
	    "RFC 8460 section 5.3: TLS-Report-Domain is not signed" },
	{ "another not signed", ":tls-report-submitter", "",
	    "RFC 8460 section 5.3: TLS-Report-Submitter is not signed" },
	{ "From not signed", "h=from:", "h=", "RFC 8460 section 5.3: From is "
	    "not signed" },
	{ "an empty signature", "b=BBBB", "b=", "RFC 6376 section 3.5: a "
	    "signature without b=" },
	{ "no selector", "s=sel", "x=sel", "RFC 6376 section 3.5: a signature "
	    "without s=" },
	{ "nothing covered", "h=from", "z=from", "RFC 6376 section 3.5: a "
	    "signature without h=" },

	{ "one part", "--=_b\r\nContent-Type: text/plain; charset=utf-8\r\n"
	    "\r\nFor people.\r\n", "", "RFC 8460 section 5.3: 1 parts, must "
	    "be two" },
	{ "three parts", "--=_b--\r\n", "--=_b\r\n\r\nx\r\n--=_b--\r\n",
	    "RFC 8460 section 5.3: 3 parts, must be two" },
	{ "not closed", "--=_b--\r\n", "--=_b-\r\n", "RFC 2046 section 5.1.1: "
	    "the last boundary is missing, or something follows it" },
	{ "ends where a part would begin", "--=_b--\r\n", "--=_b\r\n",
	    "RFC 2046 section 5.1.1: the last boundary is missing, or "
	    "something follows it" },
	{ "an epilogue", "--=_b--\r\n", "--=_b--\r\nBye.\r\n",
	    "RFC 2046 section 5.1.1: the last boundary is missing, or "
	    "something follows it" },
	{ "HTML for people", "text/plain", "text/html", "RFC 8460 section "
	    "5.3: the first part is not text/plain" },
	{ "nothing for people", "For people.\r\n", "", "RFC 8460 section 5.3: "
	    "nothing in the part for people" },
	{ "another media type", "tlsrpt+gzip", "gzip", "RFC 8460 section 5.3: "
	    "the second part is not application/tlsrpt+gzip" },
	{ "not in base64", "Encoding: base64", "Encoding: binary",
	    "RFC 2045 section 6: the report is not in base64" },
	{ "inline", "attachment", "inline", "RFC 8460 section 5.3: the report "
	    "is no attachment" },
	{ "no name", "; name=", "; title=", "RFC 8460 section 5.1: filename= "
	    "or name= is not " NAME ".json.gz" },
	{ "another name", "filename=\"example.org", "filename=\"example.com",
	    "RFC 8460 section 5.1: filename= or name= is not " NAME
	    ".json.gz" },
	{ "a blank in the base64", "H4sI", "H4 sI", NOT_IT },
	{ "a short line", "H4sI", "H4sI\r\n", NOT_IT },
	{ "not base64", "H4sI", "H4s*", NOT_IT },
	{ "another report", "H4sI", "AAAA", NOT_IT },
	{ "more behind an empty line", "\r\n--=_b--", "\r\nAAAA\r\n--=_b--",
	    NOT_IT },
};

/* The good mail with this JSON in it. */
static char *
mail(const char *json)
{
	struct gzip *g = gzip_new(6);
	const void *packed;
	char *message, *w;
	size_t len, room;

	gzip_pack(g, json, strlen(json), &packed, &len);
	room = sizeof(good_head) + sizeof(good_foot) + 2 * len;
	message = malloc(room);
	assert_non_null(message);
	memcpy(message, good_head, sizeof(good_head) - 1);
	w = message + sizeof(good_head) - 1;
	for (size_t i = 0; i < len; i += 57) {
		size_t n = len - i < 57 ? len - i : 57;

		w += EVP_EncodeBlock((unsigned char *)w,
		    (const unsigned char *)packed + i, (int)n);
		memcpy(w, "\r\n", 2);
		w += 2;
	}
	memcpy(w, good_foot, sizeof(good_foot));
	gzip_free(g);
	return message;
}

/* To be sent with the good report, from this address. */
static char *
lint_sent(const char *message, size_t len, const char *from,
    bool must_be_signed)
{
	struct gzip *g = gzip_new(6);
	struct lint_mail expected = {
		.from = from, .to = TO, .must_be_signed = must_be_signed,
	};
	char *why;

	gzip_pack(g, good_json, strlen(good_json), &expected.body,
	    &expected.len);
	why = lint_message(message, len, &names, &expected);
	gzip_free(g);
	return why;
}

static char *
lint_text(const char *message, bool must_be_signed)
{
	return lint_sent(message, strlen(message), FROM, must_be_signed);
}

static void
objections_to_a_message(void **state)
{
	char *good = mail(good_json);

	(void)state;
	for (size_t i = 0; i < sizeof(mail_rows) / sizeof(mail_rows[0]); i++) {
		char *message = replace(good, mail_rows[i].from,
		    mail_rows[i].to);

		if (mail_rows[i].from[0] != '\0')
			assert_string_not_equal(message, good);
		expect(mail_rows[i].name, lint_text(message, true),
		    mail_rows[i].why);
		free(message);
	}
	free(good);
}

/* RFC 7489 section 3.1: one domain, or one below the other. */
static void
senders_elsewhere(void **state)
{
	static const struct {
		const char *from, *why;
	} rows[] = {
		{ "x@mail.example.org", NULL },
		{ "x@org", NULL },
		{ "x@example.com", "RFC 8460 section 3: From is \"\"Example "
		    "<Org>\" <x@example.com>\", must be our address, aligned "
		    "with the submitter" },
		{ "x@badexample.org", "RFC 8460 section 3: From is \"\"Example "
		    "<Org>\" <x@badexample.org>\", must be our address, "
		    "aligned with the submitter" },
	};
	char *good = mail(good_json);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *message = replace(good, FROM, rows[i].from);

		expect(rows[i].from, lint_sent(message, strlen(message),
		    rows[i].from, true), rows[i].why);
		free(message);
	}
	free(good);
}

static void
a_smarthost_may_sign(void **state)
{
	char *good = mail(good_json);
	char *message = replace(good, "DKIM-Signature", "X-Signature");

	(void)state;
	expect("not signed yet", lint_text(message, false), NULL);
	free(message);
	/* But a bad signature is one. */
	message = replace(good, "bh=AAAA", "bh=");
	expect("badly signed", lint_text(message, false), "RFC 6376 section "
	    "3.5: a signature without bh=");
	free(message);
	free(good);
}

static void
incomplete_base64(void **state)
{
	char *message = mail(good_json);
	char *end = strstr(message, good_foot);

	(void)state;
	memmove(end - 3, end - 2, strlen(end - 2) + 1);
	expect("a character less", lint_text(message, true), NOT_IT);
	free(message);
}

static void
the_attached_report_is_the_one(void **state)
{
	char *json = replace(good_json, "Example Org", "Example Orh");
	char *message = mail(json);

	(void)state;
	expect("another", lint_text(message, true), NOT_IT);
	free(message);
	free(json);
}

/* Nothing behind it either, and nothing cut off. */
static void
the_attached_report_is_whole(void **state)
{
	struct gzip *g = gzip_new(6);
	struct lint_mail expected = { .from = FROM, .to = TO };
	char *message = mail(good_json), *longer;
	size_t len = strlen(message), whole;
	const void *packed;

	(void)state;
	gzip_pack(g, good_json, strlen(good_json), &packed, &whole);
	longer = calloc(1, whole + 1);
	assert_non_null(longer);
	memcpy(longer, packed, whole);
	expected.body = longer;
	for (expected.len = whole - 1; expected.len <= whole + 1;
	    expected.len++)
		expect("whole", lint_message(message, len, &names, &expected),
		    expected.len == whole ? NULL : NOT_IT);
	free(longer);
	free(message);
	gzip_free(g);
}

static void
lines_and_sizes(void **state)
{
	char *good = mail(good_json), *message, *large;
	char line[1000];
	size_t len;

	(void)state;
	memset(line, 'x', sizeof(line));
	line[998] = '\0';
	message = replace(good, "For people.", line);
	expect("998", lint_text(message, true), NULL);
	free(message);
	line[998] = 'x';
	line[999] = '\0';
	message = replace(good, "For people.", line);
	expect("999", lint_text(message, true),
	    "RFC 5322 section 2.1.1: line 23 is longer than 998");
	free(message);

	len = LINT_MESSAGE_MAX + 1;
	large = calloc(1, len);
	assert_non_null(large);
	expect("large", lint_sent(large, len, FROM, true),
	    "1048577 bytes, receivers take mails of 1048576");
	free(large);

	/* Cut at any byte it is refused, and nothing is read beyond. */
	len = strlen(good);
	for (size_t i = 0; i < len; i++) {
		char *cut = malloc(i ? i : 1), *why;

		assert_non_null(cut);
		memcpy(cut, good, i);
		why = lint_sent(cut, i, FROM, true);
		if (why == NULL)
			fail_msg("cut to %zu of %zu bytes", i, len);
		free(why);
		free(cut);
	}
	free(good);
}

static void
broken_headers(void **state)
{
	char many[80 * 4 + 3] = "", *w = many;

	(void)state;
	for (int i = 0; i < 80; i++, w += 4)
		memcpy(w, "X:\r\n", 4);
	memcpy(w, "\r\n", 3);
	expect("many", lint_text(many, true),
	    "RFC 5322 section 2.2: header: too many fields");
	expect("continued", lint_text(" x\r\n\r\n", true), "RFC 5322 section "
	    "2.2: header: begins with a continued line");
	expect("no name", lint_text(": x\r\n\r\n", true), "RFC 5322 section "
	    "2.2: header: a line without a name");
	expect("no colon", lint_text("x\r\n\r\n", true), "RFC 5322 section 2.2: "
	    "header: a line without a name");
	expect("no end", lint_text("X: x\r\n", true), "RFC 5322 section 2.1: no "
	    "empty line after the header");
	expect("nothing", lint_text("", true), "RFC 5322 section 2.1: no empty "
	    "line after the header");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(objections_to_a_message),
		TEST(senders_elsewhere),
		TEST(a_smarthost_may_sign),
		TEST(incomplete_base64),
		TEST(the_attached_report_is_the_one),
		TEST(the_attached_report_is_whole),
		TEST(lines_and_sizes),
		TEST(broken_headers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
