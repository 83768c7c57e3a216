#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/conf.h"
#include "conf/mem.h"
#include "conf/value.h"

#define IDENTITY \
	"[report]\norganization_name = Example Org\n" \
	"contact_info = tls@example.org\n"

/* Loads text from a file named t and gives back what was complained of. */
static int
load(struct conf *c, const char *text, enum conf_need need, char **complaints)
{
	FILE *f = fopen("t", "w"), *err;
	size_t len;
	int rc;

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	err = open_memstream(complaints, &len);
	rc = conf_load(c, "t", need, err);
	assert_int_equal(fclose(err), 0);
	unlink("t");
	return rc;
}

#define TEXT64	"a123456789b123456789c123456789d123456789e123456789f123456789" \
	"g123"
#define NO_ADDRESS " is not an e-mail address, " \
	"allowed: an address such as tls-reports@example.org\n"
#define NO_COMMENT "has a ; where a comment begins, allowed: a comment on " \
	"a line of its own\n"

#define NO_SECTION "no such section, allowed: report, spool, queue, dns, " \
	"https, mail, dkim, deliver, log\n"
#define BEHIND "has text behind the ], allowed: a section on a line of its " \
	"own\n"

static const struct {
	const char *name, *text, *complaints;
} bad_files[] = {
	{ "unknown key names its line", "\n[deliver]\nretrymin = 5\n",
	    "t:3: retrymin: no such setting in [deliver]\n" },
	{ "unknown section names what there is", "[delivr]\nspread = 5\n",
	    "t:1: [delivr]: " NO_SECTION
	    "t:2: spread: no such setting in [delivr]\n" },
	{ "one with nothing in it", "[spool]\n[delivr]\n[dns]\n",
	    "t:2: [delivr]: " NO_SECTION },
	{ "one with comments in it, at the end", "[dns]\n  [delivr]\n# x\n;",
	    "t:2: [delivr]: " NO_SECTION },
	{ "blanks in the brackets", "[ dns]\n[dns ]\n[]\n",
	    "t:1: [ dns]: " NO_SECTION "t:2: [dns ]: " NO_SECTION
	    "t:3: []: " NO_SECTION },
	{ "one that is wrong in two ways", "[a\1] # x\n",
	    "t:1: line: " BEHIND "t:1: [a\\x01]: " NO_SECTION },
	{ "two brackets", "[[dns]]\n",
	    "t:1: line: " BEHIND "t:1: [[dns]: " NO_SECTION },
	{ "a setting behind a section", "[spool] directory = /srv\n",
	    "t:1: line: " BEHIND },
	{ "comments behind a section", "[spool];x\n[dns] # x\n[mail]\t; x\n",
	    "t:1: line: " BEHIND "t:2: line: " BEHIND "t:3: line: " NO_COMMENT },
	{ "what follows is in that section all the same",
	    "[spool] x\ngrace = 1h\nspread = 1h\n", "t:1: line: " BEHIND
	    "t:3: spread: no such setting in [spool]\n" },
	{ "a setting behind an indented section in a file of Windows",
	    " [spool]x=y\r\n", "t:1: line: " BEHIND },
	{ "a key before any section", "spread = 5\n",
	    "t:1: spread: stands before the first [section]\n" },
	{ "not a number", "[deliver]\nspread = soon\n",
	    "t:2: spread: \"soon\" is not a number, allowed: 0 to 20h\n" },
	{ "not a unit", "[deliver]\nspread = 5w\n",
	    "t:2: spread: \"5w\" is not a known unit, allowed: 0 to 20h\n" },
	{ "below the bound", "[report]\ncompression_level = 0\n",
	    "t:2: compression_level: \"0\" is out of range, "
	    "allowed: 1 to 9\n" },
	{ "more than a long holds", "[deliver]\nspread = 99999999999999999999\n",
	    "t:2: spread: \"99999999999999999999\" is out of range, "
	    "allowed: 0 to 20h\n" },
	{ "a unit that overflows", "[spool]\nring_size = 9999999999999G\n",
	    "t:2: ring_size: \"9999999999999G\" is out of range, "
	    "allowed: 1M to 16G\n" },
	{ "a unit that overflows into what is allowed",
	    "[spool]\nring_size = 17179869185G\n",
	    "t:2: ring_size: \"17179869185G\" is out of range, "
	    "allowed: 1M to 16G\n" },
	{ "just above the bound", "[report]\ncompression_level = 10\n",
	    "t:2: compression_level: \"10\" is out of range, "
	    "allowed: 1 to 9\n" },
	{ "a second above the bound", "[deliver]\nspread = 72001\n",
	    "t:2: spread: \"72001\" is out of range, allowed: 0 to 20h\n" },
	{ "port 0", "[mail]\nsmarthost = mail.example.org:0\n",
	    "t:2: smarthost: \"mail.example.org:0\" is not host:port, "
	    "allowed: host:port, such as localhost:25\n" },
	{ "a resolver's port that is none", "[dns]\nresolver = ::1@65536\n",
	    "t:2: resolver: \"::1@65536\" is not an IP address, "
	    "allowed: ip or ip@port, such as 127.0.0.1@53\n" },
	{ "a control character", "[report]\norganization_name = a\1b\n",
	    "t:2: organization_name: \"a\\x01b\" is not free of control characters, "
	    "allowed: a text in UTF-8\n" },
	{ "another one", "[report]\norganization_name = a\177b\n",
	    "t:2: organization_name: \"a\\x7fb\" is not free of control characters, "
	    "allowed: a text in UTF-8\n" },
	{ "an address with a dot in front",
	    "[mail]\nbcc = .a@example.org\n",
	    "t:2: bcc: \".a@example.org\"" NO_ADDRESS },
	{ "an address with a dot behind", "[mail]\nbcc = a.@example.org\n",
	    "t:2: bcc: \"a.@example.org\"" NO_ADDRESS },
	{ "an address with two dots", "[mail]\nbcc = a..b@example.org\n",
	    "t:2: bcc: \"a..b@example.org\"" NO_ADDRESS },
	{ "an address with 65 bytes before the @",
	    "[mail]\nbcc = " TEXT64 "5@example.org\n",
	    "t:2: bcc: \"" TEXT64 "5@example.org\"" NO_ADDRESS },
	{ "a label of 64 bytes", "[dkim]\ndomain = " TEXT64 ".example\n",
	    "t:2: domain: \"" TEXT64 ".example\" is not a domain name, "
	    "allowed: a domain such as example.org, in A-labels\n" },
	{ "not a choice", "[mail]\ntls = maybe\n",
	    "t:2: tls: \"maybe\" is no such choice, "
	    "allowed: none, optional or required\n" },
	{ "not yes or no", "[https]\nverify = true\n",
	    "t:2: verify: \"true\" is no such choice, "
	    "allowed: yes or no\n" },
	{ "empty text", "[report]\norganization_name =\n",
	    "t:2: organization_name: \"\" is empty, "
	    "allowed: a text in UTF-8\n" },
	{ "text that is no UTF-8", "[report]\norganization_name = M\xfcller\n",
	    "t:2: organization_name: \"M\\xfcller\" is not UTF-8, "
	    "allowed: a text in UTF-8\n" },
	{ "relative path", "[spool]\ndirectory = spool\n",
	    "t:2: directory: \"spool\" is not an absolute path, "
	    "allowed: a path that begins with /\n" },
	{ "no port", "[mail]\nsmarthost = mail.example.org\n",
	    "t:2: smarthost: \"mail.example.org\" is not host:port, "
	    "allowed: host:port, such as localhost:25\n" },
	{ "a smarthost by IPv6 address", "[mail]\nsmarthost = [::1]:25\n",
	    "t:2: smarthost: \"[::1]:25\" is not host:port, "
	    "allowed: host:port, such as localhost:25\n" },
	{ "ports that are none", "[https]\nports = 443,,80\n",
	    "t:2: ports: \"443,,80\" is not a list of ports, "
	    "allowed: any, or ports such as 443, 8000-8999\n" },
	{ "ports the wrong way round", "[https]\nports = 90-80\n",
	    "t:2: ports: \"90-80\" is not a list of ports, "
	    "allowed: any, or ports such as 443, 8000-8999\n" },
	{ "a port beyond the last", "[https]\nports = 443,65536\n",
	    "t:2: ports: \"443,65536\" is not a list of ports, "
	    "allowed: any, or ports such as 443, 8000-8999\n" },
	{ "ports that end in a comma", "[https]\nports = 443,\n",
	    "t:2: ports: \"443,\" is not a list of ports, "
	    "allowed: any, or ports such as 443, 8000-8999\n" },
	{ "resolver by name", "[dns]\nresolver = ns.example.org\n",
	    "t:2: resolver: \"ns.example.org\" is not an IP address, "
	    "allowed: ip or ip@port, such as 127.0.0.1@53\n" },
	{ "mode that is not octal", "[spool]\nsocket_mode = 0888\n",
	    "t:2: socket_mode: \"0888\" is not a number, "
	    "allowed: an octal mode from 0000 to 0777\n" },
	{ "address with a blank", "[report]\ncontact_info = a b@example.org\n",
	    "t:2: contact_info: \"a b@example.org\" is not an e-mail address, "
	    "allowed: an address such as tls-reports@example.org\n" },
	{ "name that leaves the folder", "[spool]\nsource = ../x\n",
	    "t:2: source: \"../x\" is not a plain name, "
	    "allowed: letters, digits, '.', '_' and '-'\n" },
	{ "set twice", "[deliver]\nspread = 5\nspread = 6\n",
	    "t:3: spread: is already set in line 2\n" },
	{ "neither one nor the other", "[deliver]\nhello\n",
	    "t:2: line: neither `key = value', [section] nor a comment\n" },
	{ "section that does not end", "[deliver\nspread = 5\n",
	    "t:1: line: neither `key = value', [section] nor a comment\n"
	    "t:2: spread: stands before the first [section]\n" },
	{ "a comment behind a value", "[report]\norganization_name = A ; b\n",
	    "t:2: line: " NO_COMMENT },
	{ "behind a tab, or no value", "[deliver]\nspread = 5\t;\nfoo = ; b\n",
	    "t:2: line: " NO_COMMENT "t:3: line: " NO_COMMENT },
	{ "behind a blank that is none of ours",
	    "[report]\norganization_name = A\v; b\n",
	    "t:2: line: " NO_COMMENT },
	{ "a value that would be one when printed",
	    "[report]\norganization_name =;A\ndomain:;b\n",
	    "t:2: line: " NO_COMMENT "t:3: line: " NO_COMMENT },
	{ "a comment in a key or a section",
	    "[report]\nsend ; = all\n[mail ;]\n[dns] ; b\n",
	    "t:2: line: " NO_COMMENT "t:3: line: " NO_COMMENT
	    "t:4: line: " NO_COMMENT },
	{ "a comment and others", "[deliver]\nspread = x\nfoo = 1 ; b\nbar\n",
	    "t:2: spread: \"x\" is not a number, allowed: 0 to 20h\n"
	    "t:3: line: " NO_COMMENT
	    "t:4: line: neither `key = value', [section] nor a comment\n" },
	{ "every bad line at once",
	    "[deliver]\nspread = x\nfoo = 1\nbar\nretry_min = 5m\n",
	    "t:2: spread: \"x\" is not a number, allowed: 0 to 20h\n"
	    "t:3: foo: no such setting in [deliver]\n"
	    "t:4: line: neither `key = value', [section] nor a comment\n" },
	{ "key with an escape sequence", "[deliver]\n\x1b[2Jx = 1\n",
	    "t:2: \\x1b[2Jx: no such setting in [deliver]\n" },
};

static void
every_bad_line_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_files) / sizeof(bad_files[0]); i++) {
		struct conf c;
		char *complaints;

		print_message("  %s\n", bad_files[i].name);
		assert_int_equal(load(&c, bad_files[i].text, CONF_NEED_NOTHING,
		    &complaints), -1);
		assert_string_equal(complaints, bad_files[i].complaints);
		free(complaints);
		conf_release(&c);
	}
}

#define NOBODY \
	"t: [report] organization_name: not set, allowed: a text such as " \
	"Example Org\n" \
	"t: [report] contact_info: not set, allowed: an address such as " \
	"tls-reports@example.org\n"

static const struct {
	const char *name, *text, *complaints;
} identities[] = {
	{ "all that is needed", IDENTITY, "" },
	{ "nobody", "[report]\n", NOBODY },
	{ "submitter is another domain", IDENTITY "domain = example.net\n",
	    "t: [report] domain: is not the domain of contact_info (RFC 8460 "
	    "section 5.3: the submitter must be)\n"
	    "t: [mail] from: its domain is not within [dkim] domain, so "
	    "receivers would not find the mail aligned\n" },
	{ "submitter in capitals", IDENTITY "domain = EXAMPLE.ORG\n", "" },
	{ "DKIM by a parent domain",
	    "[report]\norganization_name = E\n"
	    "contact_info = tls@mail.example.org\n"
	    "[dkim]\ndomain = example.org\n", "" },
	{ "DKIM by somebody else", IDENTITY "[dkim]\ndomain = example.net\n",
	    "t: [dkim] domain: is neither [report] domain nor a parent of "
	    "it\n"
	    "t: [mail] from: its domain is not within [dkim] domain, so "
	    "receivers would not find the mail aligned\n" },
	{ "a name that just ends alike", IDENTITY
	    "[dkim]\ndomain = ple.org\n",
	    "t: [dkim] domain: is neither [report] domain nor a parent of "
	    "it\n"
	    "t: [mail] from: its domain is not within [dkim] domain, so "
	    "receivers would not find the mail aligned\n" },
	{ "selector without key", IDENTITY "[dkim]\nselector = s1\n",
	    "t: [dkim] selector and key_file: one is set without the "
	    "other\n" },
	{ "two keys under one selector", IDENTITY
	    "[dkim]\nselector = s1\nkey_file = /a\n"
	    "ed25519_selector = S1\ned25519_key_file = /b\n",
	    "t: [dkim] ed25519_selector: is the same as selector, allowed: "
	    "another (RFC 6376 section 3.6.2.2: a name has one key)\n" },
	{ "user without password", IDENTITY "[mail]\nuser = u\n",
	    "t: [mail] user and password_file: one is set without the "
	    "other\n" },
	{ "a hash in the envelope", IDENTITY
	    "[mail]\nenvelope_from = b+%h@example.org\n", "" },
	{ "a hash that just fits", IDENTITY "[mail]\nenvelope_from = "
	    "a2345678901234567890123456789012345678901234%h@example.org\n",
	    "" },
	{ "a hash that makes it too long", IDENTITY "[mail]\nenvelope_from = "
	    "a23456789012345678901234567890123456789012345%h@example.org\n",
	    "t: [mail] envelope_from: is too long before the @ once %h has "
	    "become 20 digits, allowed: 64 bytes\n" },
	{ "two hashes in the envelope", IDENTITY
	    "[mail]\nenvelope_from = b%h+%h@example.org\n",
	    "t: [mail] envelope_from: %h may stand in it once\n" },
	{ "shortest above longest", IDENTITY
	    "[deliver]\nretry_min = 1h\nretry_max = 5m\n",
	    "t: [deliver] retry_min: is more than retry_max\n" },
};

static void
identity_hangs_together(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(identities) / sizeof(identities[0]);
	    i++) {
		struct conf c;
		char *complaints;
		int rc;

		print_message("  %s\n", identities[i].name);
		rc = load(&c, identities[i].text, CONF_NEED_REPORT,
		    &complaints);
		assert_string_equal(complaints, identities[i].complaints);
		assert_int_equal(rc, *complaints == '\0' ? 0 : -1);
		free(complaints);
		conf_release(&c);
	}
}

static void
values_mean_what_they_say(void **state)
{
	struct conf c;
	char *complaints;

	(void)state;
	assert_int_equal(load(&c, IDENTITY "# a comment\n; another\n"
	    "  compression_level = 9\n[deliver]\nspread = 2h\n"
	    "retry_min = 90\n[spool]\nring_size=128M\nsocket_mode = 0622\n"
	    "[https]\nverify = no\n[mail]\ntls = required\n"
	    "smarthost = 192.0.2.1:587\n", CONF_NEED_REPORT, &complaints),
	    0);
	assert_int_equal(c.report.compression_level, 9);
	assert_int_equal(c.deliver.spread, 7200);
	assert_int_equal(c.deliver.retry_min, 90);
	assert_int_equal(c.spool.ring_size, 128 << 20);
	assert_int_equal(c.spool.socket_mode, 0622);
	assert_int_equal(c.https.verify, 0);
	assert_int_equal(c.mail.tls, TLS_REQUIRED);
	assert_string_equal(c.mail.smarthost, "192.0.2.1:587");
	/* and what follows from others */
	assert_string_equal(c.report.domain, "example.org");
	assert_string_equal(c.mail.from, "tls@example.org");
	assert_string_equal(c.mail.envelope_from, "tls@example.org");
	assert_string_equal(c.dkim.domain, "example.org");
	assert_int_equal(c.deliver.give_up_after, 86400);
	free(complaints);
	conf_release(&c);
}

static const struct {
	const char *name, *line, *value;
} whole[] = {
	{ "a semicolon behind no blank", "organization_name = A; b", "A; b" },
	{ "at the end", "organization_name = A b;", "A b;" },
	{ "in a sum", "organization_name = A =;b", "A =;b" },
	{ "a number sign", "organization_name = A # b", "A # b" },
	{ "a comment with a comment", "organization_name = A\n; b ; c\n# d ;",
	    "A" },
};

static void
no_value_is_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
		char *text = xasprintf("[report]\n%s\n", whole[i].line);
		char *complaints;
		struct conf c;

		print_message("  %s\n", whole[i].name);
		load(&c, text, CONF_NEED_NOTHING, &complaints);
		assert_string_equal(complaints, "");
		assert_string_equal(c.report.organization_name,
		    whole[i].value);
		free(text);
		free(complaints);
		conf_release(&c);
	}
}

static const struct {
	const char *ports;
	long port;
	bool has;
} ports[] = {
	{ "any", 1, true }, { "443", 443, true }, { "443", 444, false },
	{ "443", 44, false }, { "443,8443", 8443, true },
	{ "80 , 8000-8999", 8000, true }, { "80, 8000-8999", 8999, true },
	{ "80, 8000-8999", 9000, false }, { "80, 8000-8999", 7999, false },
};

static void
ports_are_looked_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
		if (value_has_port(ports[i].ports, ports[i].port) !=
		    ports[i].has)
			fail_msg("\"%s\" and %ld", ports[i].ports,
			    ports[i].port);
}

static char *
printed(const struct conf *c)
{
	char *text;
	size_t len;
	FILE *f = xmemstream(&text, &len);

	conf_print(c, f);
	xmemclose(f);
	return text;
}

static void
what_is_printed_reads_back(void **state)
{
	struct conf c, again;
	char *complaints, *text, *text2;

	(void)state;
	assert_int_equal(load(&c, IDENTITY "[deliver]\nspread = 90m\n"
	    "[spool]\nsocket_mode = 0600\nsegment_size = 5000\n",
	    CONF_NEED_REPORT, &complaints), 0);
	free(complaints);
	text = printed(&c);
	assert_int_equal(load(&again, text, CONF_NEED_REPORT, &complaints), 0);
	free(complaints);
	text2 = printed(&again);
	assert_string_equal(text, text2);
	assert_non_null(strstr(text, "\nspread = 90m\n"));
	free(text);
	free(text2);
	conf_release(&c);
	conf_release(&again);
}

static void
print_sample(const struct conf_row *r, FILE *out)
{
	char *text;
	size_t len;
	FILE *f = xmemstream(&text, &len);

	fprintf(f, "%s Allowed: ", r->help);
	value_allowed(conf_rule(r->section, r->key), f);
	putc('.', f);
	xmemclose(f);
	conf_comment(text, out);
	free(text);
	fprintf(out, "#%s =%s%s\n", r->key, r->deflt != NULL ? " " : "",
	    r->deflt != NULL ? r->deflt : "");
}

/* The sample file: each setting with help, bounds and default. */
static char *
make_sample(void)
{
	const char *section = "";
	struct conf_row r;
	char *text;
	size_t len;
	FILE *f = xmemstream(&text, &len);

	fputs("# Settings of the tlsrpt programs.  What is commented out shows "
	    "the default.\n# Set organization_name and contact_info; "
	    "tlsrpt-send --check-config says\n# whether all is well.\n", f);
	for (size_t i = 0; conf_row(i, &r); i++) {
		if (strcmp(r.section, section) != 0)
			fprintf(f, "\n[%s]\n", r.section);
		section = r.section;
		print_sample(&r, f);
	}
	xmemclose(f);
	return text;
}

/* conf/tlsrpt.conf is what the table says. */
static void
sample_file_follows_the_table(void **state)
{
	struct conf c;
	char *complaints, *sample = make_sample(), *file;
	FILE *f = fopen("conf/tlsrpt.conf", "r");
	size_t len;

	(void)state;
	assert_non_null(f);
	file = xcalloc(1, 65536);
	len = fread(file, 1, 65535, f);
	fclose(f);
	assert_true(len > 0);
	assert_string_equal(file, sample);
	/* Nobody is to send reports in the name of an example. */
	assert_int_equal(load(&c, sample, CONF_NEED_REPORT, &complaints), -1);
	assert_string_equal(complaints, NOBODY);
	free(complaints);
	conf_release(&c);
	assert_int_equal(load(&c, sample, CONF_NEED_NOTHING, &complaints), 0);
	free(complaints);
	free(file);
	free(sample);
	conf_release(&c);
}

static void
a_missing_file_is_an_error(void **state)
{
	struct conf c;
	char *text;
	size_t len;
	FILE *err = open_memstream(&text, &len);

	(void)state;
	assert_int_equal(conf_load(&c, "/nonexistent/tlsrpt.conf",
	    CONF_NEED_NOTHING, err), -1);
	fclose(err);
	assert_string_equal(text,
	    "/nonexistent/tlsrpt.conf: No such file or directory\n");
	free(text);
	conf_release(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_bad_line_is_named),
		cmocka_unit_test(identity_hangs_together),
		cmocka_unit_test(values_mean_what_they_say),
		cmocka_unit_test(no_value_is_cut),
		cmocka_unit_test(ports_are_looked_up),
		cmocka_unit_test(what_is_printed_reads_back),
		cmocka_unit_test(sample_file_follows_the_table),
		cmocka_unit_test(a_missing_file_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
