#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/conf.h"
#include "conf/foreign.h"
#include "conf/foreign_table.h"
#include "conf/mem.h"

static char collectd[] = "tests/data/move/collectd.cfg";
static char reportd[] = "tests/data/move/reportd.cfg";
static char *const samples[] = { collectd, reportd, NULL };

static int
import(char *const *files, char **printed, char **complaints)
{
	size_t outlen, errlen;
	FILE *out = xmemstream(printed, &outlen);
	FILE *err = xmemstream(complaints, &errlen);
	int rc = foreign_conf(files, out, err);

	xmemclose(out);
	xmemclose(err);
	return rc;
}

/* The same of a file "t" with this text. */
static int
import_text(const char *text, char **printed, char **complaints)
{
	char name[] = "t", *const files[] = { name, NULL };
	FILE *f = fopen(name, "w");
	int rc;

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
	rc = import(files, printed, complaints);
	unlink("t");
	return rc;
}

/* Comments as one line each, so that words are found where they wrapped. */
static void
unwrap(char *text)
{
	bool comment = *text == '#';
	char *to = text;

	for (const char *p = text; *p != '\0'; p++) {
		const bool next = p[0] == '\n' && p[1] == '#' && p[2] == ' ';

		if (next && comment) {
			*to++ = ' ';
			p += 2;
		} else
			*to++ = *p;
		if (*p == '\n')
			comment = next;
	}
	*to = '\0';
}

static void
contains(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

#define IN_COLLECTD	"[" COLLECTD "]\n"
#define IN_REPORTD	"[" REPORTD "]\n"

static const struct {
	const char *name, *text, *line, *why;
} translated[] = {
	{ "a socket", IN_COLLECTD "socketname = /run/x.sock\n",
	    "\n[spool]\n", "\nsocket = /run/x.sock\n" },
	{ "a colon for =", IN_COLLECTD "socketgroup: postfix\n",
	    "t:2: [tlsrpt_collectd] socketgroup = postfix",
	    "\nsocket_group = postfix\n" },
	{ "a mode", IN_COLLECTD "socketmode = 220\n", "",
	    "\nsocket_mode = 220\n" },
	{ "an indented section", IN_COLLECTD "  socketgroup = a\n"
	    "  socketuser = b\n", "\nsocket_owner = b\n",
	    "\nsocket_group = a\n" },
	{ "a value that goes on", IN_REPORTD "organization_name = Example\n"
	    "   Org\n", "", "\norganization_name = Example Org\n" },
	{ "a long value of no use to us", IN_REPORTD "fetchers = a,\n   b,"
	    "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
	    "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
	    "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
	    "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
	    "\nkeep_days = 10\n", "fetchers = a, b,ccc", "\nkeep_days = 10\n" },
	{ "percent", IN_REPORTD "organization_name = 100%% Org\n", "",
	    "\norganization_name = 100% Org\n" },
	{ "more than we allow", IN_REPORTD "spread_out_delivery = 86400\n",
	    "as near as is allowed", "\nspread = 20h\n" },
	{ "less than we allow", IN_REPORTD "compression_level = 0\n",
	    "as near as is allowed", "\ncompression_level = 1\n" },
	{ "zlib's own level", IN_REPORTD "compression_level = -1\n",
	    "zlib's default", "[dkim]" },
	{ "a display name", IN_REPORTD
	    "sender_address = Example <tls@example.org>\n",
	    "name before the address", "\nfrom = tls@example.org\n" },
	{ "a sender above the contact", IN_REPORTD
	    "sender_address = a@example.org\n"
	    "contact_info = b@mail.example.org\n",
	    "\nfrom = a@example.org\n", "\ndomain = example.org\n" },
	{ "a sender elsewhere", IN_REPORTD "sender_address = a@example.com\n"
	    "contact_info = b@example.org\n", "[tlsrpt_reportd] "
	    "sender_address = a@example.com It is not within",
	    "\ncontact_info = b@example.org\n" },
	{ "a contact that is a URI", IN_REPORTD
	    "contact_info = mailto:b@example.org\n", "",
	    "\ncontact_info = b@example.org\n" },
	{ "a contact that is none", IN_REPORTD "contact_info = +49 30 1\n",
	    "has to be a mail address",
	    "\n#contact_info = tls-reports@example.org\n" },
	{ "the most talkative level", IN_COLLECTD "log_level = error\n"
	    "[tlsrpt_fetcher]\nlog_level = 20\n" IN_REPORTD
	    "log_level = CRITICAL\n", "log_level = error", "\nlevel = info\n" },
	{ "a longest wait below our shortest", IN_REPORTD
	    "max_wait_delivery = 60\n", "\nretry_min = 1m\n",
	    "\nretry_max = 1m\n" },
	{ "waits the wrong way round", IN_REPORTD "min_wait_delivery = 90\n"
	    "max_wait_delivery = 60\n", "\nretry_min = 1m\n",
	    "\nretry_max = 1m\n" },
	{ "copies", IN_REPORTD "debug_send_file_dest = /var/copies\n", "",
	    "\narchive_dir = /var/copies\n" },
	{ "nobody", IN_COLLECTD "log_level = info\n",
	    "\n#organization_name = Example Org\n",
	    "\n#contact_info = tls-reports@example.org\n" },
	{ "a key that is to be made", IN_REPORTD "keep_days = 3\n",
	    "\n#selector = tlsrpt\n", "\n#key_file = " },
};

static void
each_is_translated(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(translated) / sizeof(translated[0]);
	    i++) {
		char *printed, *complaints;

		print_message("  %s\n", translated[i].name);
		import_text(translated[i].text, &printed, &complaints);
		assert_string_equal(complaints, "");
		unwrap(printed);
		contains(printed, translated[i].line);
		contains(printed, translated[i].why);
		free(printed);
		free(complaints);
	}
}

#define NO_SEMICOLON "too long, or with a ; in front or after a blank: " \
	"allowed are 198 bytes without that\n"

static const struct {
	const char *name, *text, *complaints;
} bad[] = {
	{ "a key they do not have", "\n" IN_REPORTD "keepdays = 1\n",
	    "t:3: keepdays: tlsrpt-reporter has no such setting in "
	    "[tlsrpt_reportd]\n" },
	{ "a section they do not have", "[tlsrpt]\nkeep_days = 1\n",
	    "t:2: keep_days: no such section [tlsrpt], allowed: "
	    "tlsrpt_collectd, tlsrpt_fetcher, tlsrpt_reportd\n" },
	{ "twice", IN_REPORTD "debug_db = 1\ndebug_db = 1\n",
	    "t:3: debug_db: is already set in t:2\n" },
	{ "no value", IN_REPORTD "http_script =\n",
	    "t:2: http_script: has no value\n" },
	{ "no number", IN_REPORTD "keep_days = ten\nlog_level = info\n",
	    "t:2: keep_days: \"ten\" is not a number, allowed: 1 to 3650\n" },
	{ "no level", IN_REPORTD "log_level = loud\n",
	    "t:2: log_level: \"loud\" is no log level, allowed: error, warn, "
	    "info or debug\n" },
	{ "a relative path", IN_REPORTD "tlsrpt_record_map = record.map\n",
	    "t:2: tlsrpt_record_map: \"record.map\" is not an absolute path, "
	    "allowed: a path that begins with /\n" },
	{ "no address", IN_REPORTD "sender_address = reports\n",
	    "t:2: sender_address: \"reports\" is not an e-mail address, "
	    "allowed: an address such as tls-reports@example.org\n" },
	{ "interpolation", IN_REPORTD "organization_name = %(name)s\n",
	    "t:2: organization_name: %(NAME)s is not followed: put what it "
	    "stands for\n" },
	{ "no line at all", IN_COLLECTD "hello\n",
	    "t:2: line: neither `key = value', [section] nor a comment\n" },
	{ "a semicolon that would be cut",
	    IN_REPORTD "organization_name = Example ; Org\n",
	    "t:2: organization_name: " NO_SEMICOLON },
	{ "behind a blank that is none of ours",
	    IN_REPORTD "organization_name = Example\v; Org\n",
	    "t:2: organization_name: " NO_SEMICOLON },
	{ "in front", IN_REPORTD "organization_name =;Example\n",
	    "t:2: organization_name: " NO_SEMICOLON },
	{ "in a line that goes on",
	    IN_REPORTD "organization_name = Example\n  Org ; x\n",
	    "t:2: organization_name: " NO_SEMICOLON },
	{ "all of them", IN_COLLECTD "x = 1\ny = 2\n",
	    "t:2: x: tlsrpt-reporter has no such setting in "
	    "[tlsrpt_collectd]\nt:3: y: tlsrpt-reporter has no such setting "
	    "in [tlsrpt_collectd]\n" },
};

static void
every_bad_line_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char *printed, *complaints;

		print_message("  %s\n", bad[i].name);
		assert_int_equal(import_text(bad[i].text, &printed,
		    &complaints), -1);
		assert_string_equal(complaints, bad[i].complaints);
		assert_string_equal(printed, "");
		free(printed);
		free(complaints);
	}
}

static void
the_sample_has_all_settings_and_all_are_accounted_for(void **state)
{
	char *printed, *complaints;

	(void)state;
	import(samples, &printed, &complaints);
	assert_string_equal(complaints, "");
	unwrap(printed);
	for (size_t i = 0; i < FOREIGN_ROWS; i++) {
		char *line = xasprintf("[%s] %s = ", foreign_rows[i].section,
		    foreign_rows[i].key);

		contains(printed, line);
		free(line);
	}
	free(printed);
	free(complaints);
}

static void
what_is_printed_is_a_configuration(void **state)
{
	char *printed, *complaints;
	struct conf c;
	FILE *f = fopen("ours", "w");

	(void)state;
	assert_non_null(f);
	assert_int_equal(import(samples, &printed, &complaints), 0);
	fputs(printed, f);
	fclose(f);
	assert_int_equal(conf_load(&c, "ours", CONF_NEED_REPORT, stderr), 0);
	assert_string_equal(c.mail.from, "noreply@sender.example");
	assert_string_equal(c.dkim.domain, "sender.example");
	assert_int_equal(c.deliver.retry_max, 120);
	conf_release(&c);
	unlink("ours");
	free(printed);
	free(complaints);
}

static void
a_file_that_is_not_there_is_an_error(void **state)
{
	char name[] = "nowhere.cfg", *const files[] = { name, NULL };
	char *printed, *complaints;

	(void)state;
	assert_int_equal(import(files, &printed, &complaints), -1);
	assert_string_equal(complaints,
	    "nowhere.cfg: No such file or directory\n");
	free(printed);
	free(complaints);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_translated),
		cmocka_unit_test(every_bad_line_is_named),
		cmocka_unit_test(
		    the_sample_has_all_settings_and_all_are_accounted_for),
		cmocka_unit_test(what_is_printed_is_a_configuration),
		cmocka_unit_test(a_file_that_is_not_there_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
