#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "conf/mem.h"
#include "reporter/rua.h"
#include "spool/file.h"
#include "spool/record.h"

#define ROWS(a)	(sizeof(a) / sizeof((a)[0]))
#define S16	"aaaaaaaaaaaaaaaa"
#define S63	S16 S16 S16 "aaaaaaaaaaaaaaa"

#define NOT_A_HOST	"not a host name"
#define NOT_A_URL	"not a URL"
#define NOT_LOCAL	"not an e-mail address: the part before \"@\""
#define NOT_DOMAIN	"not an e-mail address: the domain"
#define NO_URI		"not a URI: mailto: or https: is missing"
#define CHARACTER	"a character that no URI holds"
#define NOT_ENCODED \
	"\"!\", \",\" and \";\" have to be written as %21, %2C and %3B"

static const struct {
	const char *name, *uri;
	const char *canonical;	/* or NULL: */
	const char *why;
} uris[] = {
	{ "plain address", "mailto:tls@example.net", "mailto:tls@example.net",
	    NULL },
	{ "local part keeps its case", "mailto:TLS@Example.NET",
	    "mailto:TLS@example.net", NULL },
	{ "plus as itself and encoded", "mailto:a+b%2Bc@example.net",
	    "mailto:a+b+c@example.net", NULL },
	{ "encoded at sign", "mailto:a%40example.net", "mailto:a@example.net",
	    NULL },
	{ "all of atext",
	    "mailto:%21%23%24%25%26%27*+-%2F=%3F%5E_%60%7B%7C%7D~@example.net",
	    "mailto:%21%23%24%25%26%27%2A+-%2F%3D%3F%5E_%60%7B%7C%7D~"
	    "@example.net", NULL },
	{ "header fields", "mailto:a@example.net?subject=x%0d%0a",
	    "mailto:a@example.net", NULL },
	{ "fragment", "mailto:a@example.net#x", "mailto:a@example.net", NULL },
	{ "trailing dot", "mailto:a@example.net.", "mailto:a@example.net",
	    NULL },
	{ "quotes that matter", "mailto:%22a@b%22@example.net",
	    "mailto:%22a%40b%22@example.net", NULL },
	{ "quotes that do not", "mailto:%22a.b%22@example.net",
	    "mailto:a.b@example.net", NULL },
	{ "quoted double dot", "mailto:%22a..b%22@example.net",
	    "mailto:%22a..b%22@example.net", NULL },
	{ "domain to A-labels", "mailto:a@M%C3%9CLLER.example",
	    "mailto:a@xn--mller-kva.example", NULL },
	{ "local part of 64", "mailto:" S63 "a@example.net",
	    "mailto:" S63 "a@example.net", NULL },
	{ "local part of 65", "mailto:" S63 "aa@example.net", NULL,
	    NOT_LOCAL },
	{ "address of 254", "mailto:" S63 "a@" S63 "." S63 "." S63 ".net.",
	    NULL, "not an e-mail address: longer than 254 bytes" },
	{ "size limit", "mailto:a@example.net!10m", "mailto:a@example.net",
	    NULL },
	{ "size limit without a unit", "mailto:a@example.net!1",
	    "mailto:a@example.net", NULL },
	{ "size limit without digits", "mailto:a@example.net!m", NULL,
	    NOT_ENCODED },
	{ "size limit of an unknown unit", "mailto:a@example.net!1x", NULL,
	    NOT_ENCODED },
	{ "two size limits", "mailto:a@example.net!1!2", NULL, NOT_ENCODED },
	{ "nothing but a size limit", "!10m", NULL, "empty" },
	{ "digits only", "10m", NULL, NO_URI },

	{ "nothing", "", NULL, "empty" },
	{ "no scheme", "a@example.net", NULL, NO_URI },
	{ "no scheme but a colon", "@:", NULL, NO_URI },
	{ "other scheme", "http://in.example.net/", NULL,
	    "the scheme is neither mailto: nor https:" },
	{ "mailto with slashes", "mailto://a@example.net", NULL,
	    "\"//\" after mailto:" },
	{ "mailto alone", "mailto:", NULL, "not an e-mail address" },
	{ "only header fields", "mailto:?to=a@example.net", NULL,
	    "not an e-mail address" },
	{ "no domain", "mailto:a@", NULL, NOT_DOMAIN },
	{ "no local part", "mailto:@example.net", NULL, NOT_LOCAL },
	{ "empty quotes", "mailto:%22%22@example.net", NULL, NOT_LOCAL },
	{ "one quote", "mailto:%22@example.net", NULL, NOT_LOCAL },
	{ "dot in front", "mailto:.a@example.net", NULL, NOT_LOCAL },
	{ "dot behind", "mailto:a.@example.net", NULL, NOT_LOCAL },
	{ "two dots", "mailto:a..b@example.net", NULL, NOT_LOCAL },
	{ "two at signs", "mailto:a@b@example.net", NULL, NOT_LOCAL },
	{ "two addresses", "mailto:a@example.net%2Cb@example.net", NULL,
	    NOT_LOCAL },
	{ "line break before the at sign", "mailto:a%0D%0Ab@example.net",
	    NULL, NOT_LOCAL },
	{ "line break behind", "mailto:a@example.net%0D%0A", NULL,
	    NOT_DOMAIN },
	{ "line feed in the domain", "mailto:a@exam%0Aple.net", NULL,
	    NOT_DOMAIN },
	{ "NUL", "mailto:a%00@example.net", NULL, "not an e-mail address" },
	{ "NUL behind", "mailto:a@example.net%00", NULL,
	    "not an e-mail address" },
	{ "blank", "mailto:a%20b@example.net", NULL, NOT_LOCAL },
	{ "tab", "mailto:a%09b@example.net", NULL, NOT_LOCAL },
	{ "angle brackets", "mailto:%3Ca@example.net%3E", NULL, NOT_LOCAL },
	{ "angle bracket behind", "mailto:a@example.net%3E", NULL,
	    NOT_DOMAIN },
	{ "comment", "mailto:a(b)@example.net", NULL, NOT_LOCAL },
	{ "quoted blank", "mailto:%22a%20b%22@example.net", NULL, NOT_LOCAL },
	{ "quoted line break", "mailto:%22a%0D%0Ab%22@example.net", NULL,
	    NOT_LOCAL },
	{ "quoted angle bracket", "mailto:%22a%3E%22@example.net", NULL,
	    NOT_LOCAL },
	{ "quoted comma", "mailto:%22a%2C%22@example.net", NULL, NOT_LOCAL },
	{ "quoted backslash", "mailto:%22a%5C%22@example.net", NULL,
	    NOT_LOCAL },
	{ "quote inside quotes", "mailto:%22a%22b%22@example.net", NULL,
	    NOT_LOCAL },
	{ "quote and more", "mailto:%22a%22b@example.net", NULL, NOT_LOCAL },
	{ "DEL", "mailto:a%7F@example.net", NULL, NOT_LOCAL },
	{ "UTF-8 in the local part", "mailto:%C3%BC@example.net", NULL,
	    NOT_LOCAL },
	{ "invalid UTF-8 in the domain", "mailto:a@%C3.example.net", NULL,
	    NOT_DOMAIN },
	{ "address literal", "mailto:a@[192.0.2.1]", NULL,
	    "mail to an address literal" },
	{ "address without brackets", "mailto:a@192.0.2.1", NULL,
	    NOT_DOMAIN },
	{ "one label", "mailto:root@localhost", NULL, NOT_DOMAIN },
	{ "one label and a dot", "mailto:root@localhost.", NULL, NOT_DOMAIN },
	{ "empty label", "mailto:a@example..net", NULL, NOT_DOMAIN },
	{ "percent at the end", "mailto:a@example.net%", NULL,
	    "\"%\" without two hex digits" },
	{ "percent and one digit", "mailto:a%4@example.net", NULL,
	    "\"%\" without two hex digits" },
	{ "raw comma", "mailto:a@example.net,b", NULL, NOT_ENCODED },
	{ "raw semicolon", "https://in.example.net/;x", NULL, NOT_ENCODED },
	{ "raw blank", "https://in.example.net/a b", NULL, CHARACTER },
	{ "raw line feed", "https://in.example.net/a\nb", NULL, CHARACTER },
	{ "raw quote", "mailto:\"a\"@example.net", NULL, CHARACTER },
	{ "raw backslash", "https://in.example.net\\@a.example/", NULL,
	    CHARACTER },
	{ "raw UTF-8", "https://m\xc3\xbcller.example/", NULL, CHARACTER },

	{ "URL", "https://in.example.net/v1/tls?a=b&c=%2C%3b%21",
	    "https://in.example.net/v1/tls?a=b&c=%2C%3b%21", NULL },
	{ "no path", "https://in.example.net", "https://in.example.net/",
	    NULL },
	{ "query without a path", "https://in.example.net?x",
	    "https://in.example.net/?x", NULL },
	{ "capitals", "HTTPS://IN.Example.NET/Path",
	    "https://in.example.net/Path", NULL },
	{ "encoded host", "https://%49n.example.net/",
	    "https://in.example.net/", NULL },
	{ "IDN", "https://m%C3%BCller.example/",
	    "https://xn--mller-kva.example/", NULL },
	{ "trailing dot of the host", "https://in.example.net./",
	    "https://in.example.net/", NULL },
	{ "default port", "https://in.example.net:443/",
	    "https://in.example.net/", NULL },
	{ "default port with zeros", "https://in.example.net:000443/",
	    "https://in.example.net/", NULL },
	{ "empty port", "https://in.example.net:/", "https://in.example.net/",
	    NULL },
	{ "other port", "https://in.example.net:08443/",
	    "https://in.example.net:8443/", NULL },
	{ "port of http", "https://in.example.net:80/",
	    "https://in.example.net:80/", NULL },
	{ "fragment of a URL", "https://in.example.net/x#y?z",
	    "https://in.example.net/x", NULL },
	{ "dot segments", "https://in.example.net/a/./b/../../../c",
	    "https://in.example.net/c", NULL },
	{ "encoded dot segments", "https://in.example.net/%2e%2E/c",
	    "https://in.example.net/%2e%2E/c", NULL },
	{ "encoded line break stays encoded",
	    "https://in.example.net/%0d%0aX:y",
	    "https://in.example.net/%0d%0aX:y", NULL },
	{ "size limit behind a URL", "https://in.example.net/tls!10m",
	    "https://in.example.net/tls", NULL },
	{ "host of one label", "https://localhost:8443/",
	    "https://localhost:8443/", NULL },
	{ "IPv4", "https://192.0.2.1/", "https://192.0.2.1/", NULL },
	{ "IPv4 in hex", "https://0xC0.0.2.0x01/", "https://192.0.2.1/",
	    NULL },
	{ "IPv4 in octal", "https://0300.0.02.01/", "https://192.0.2.1/",
	    NULL },
	{ "IPv4 as a number", "https://3221225985/", "https://192.0.2.1/",
	    NULL },
	{ "IPv4 in two parts", "https://127.1/", "https://127.0.0.1/", NULL },
	{ "IPv4 hidden by percent", "https://%31%32%37.0.0.1/",
	    "https://127.0.0.1/", NULL },
	{ "IPv4 in hex hidden by percent", "https://%30x7f.1/", NULL,
	    NOT_A_HOST },
	{ "IPv4 with a dot behind", "https://127.0.0.1./", NULL, NOT_A_HOST },
	{ "IPv4 out of range", "https://192.0.2.256/", NULL, NOT_A_HOST },
	{ "IPv4 of five parts", "https://192.0.2.1.1/", NULL, NOT_A_HOST },
	{ "hex number without digits", "https://in.0x/", NULL, NOT_A_HOST },
	{ "hex number", "https://in.0xCaFe9/", NULL, NOT_A_HOST },
	{ "not quite a hex number", "https://in.0xcafeg/",
	    "https://in.0xcafeg/", NULL },
	{ "IPv6", "https://[2001:db8::1]/", "https://[2001:db8::1]/", NULL },
	{ "IPv6 in full", "https://[2001:0DB8:0:0:0:0:0:1]:8443/x",
	    "https://[2001:db8::1]:8443/x", NULL },
	{ "IPv4 mapped", "https://[::FFFF:7F00:1]/",
	    "https://[::ffff:127.0.0.1]/", NULL },
	{ "IPv6 with a zone", "https://[fe80::1%25eth0]/", NULL,
	    "a zone in the address" },
	{ "IPv4 in brackets", "https://[192.0.2.1]/", NULL, NOT_A_URL },
	{ "user", "https://user@in.example.net/", NULL,
	    "user name or password in the URL" },
	{ "password", "https://user:password@in.example.net/", NULL,
	    "user name or password in the URL" },
	{ "empty user", "https://@in.example.net/", NULL,
	    "user name or password in the URL" },
	{ "encoded at sign in the host", "https://a%40in.example.net/", NULL,
	    NOT_A_URL },
	{ "encoded slash in the host", "https://in.example.net%2F/", NULL,
	    NOT_A_URL },
	{ "NUL in the host", "https://in.example.net%00.example.com/", NULL,
	    NOT_A_URL },
	{ "no slashes", "https:in.example.net", NULL,
	    "https: without a host" },
	{ "one slash", "https:/in.example.net/", NULL,
	    "https: without a host" },
	{ "three slashes", "https:///in.example.net/", NULL,
	    "https: without a host" },
	{ "no host", "https://", NULL, NOT_A_URL },
	{ "port without a host", "https://:443/", NULL, NOT_A_URL },
	{ "port 0", "https://in.example.net:0/", NULL, "port 0" },
	{ "port too large", "https://in.example.net:65536/", NULL,
	    NOT_A_URL },
	{ "port with a sign", "https://in.example.net:+443/", NULL,
	    NOT_A_URL },
	{ "two ports", "https://in.example.net:80:80/", NULL, NOT_A_URL },
	{ "empty label of a host", "https://in..example.net/", NULL,
	    NOT_A_HOST },
	{ "label of 64", "https://" S63 "a.example.net/", NULL, NOT_A_HOST },
	{ "comma in the host", "https://a%2Cb.example.net/", NULL,
	    NOT_A_URL },
};

static void
uris_become_canonical_or_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(uris); i++) {
		const char *why, *want = uris[i].canonical;
		struct rua r, again;
		int rc = rua_uri(&r, uris[i].uri, strlen(uris[i].uri), &why);

		if (want == NULL) {
			if (rc != -1)
				fail_msg("%s: taken as %s", uris[i].name,
				    r.uri);
			if (strcmp(why, uris[i].why) != 0)
				fail_msg("%s: %s", uris[i].name, why);
			assert_null(r.uri);
			assert_null(r.target);
			assert_null(r.host);
			continue;
		}
		if (rc == -1)
			fail_msg("%s: %s", uris[i].name, why);
		if (strcmp(r.uri, want) != 0)
			fail_msg("%s: %s", uris[i].name, r.uri);
		assert_int_equal(rua_uri(&again, r.uri, strlen(r.uri), &why),
		    0);
		assert_string_equal(again.uri, r.uri);
		assert_string_equal(again.target, r.target);
		assert_string_equal(again.host, r.host);
		rua_release(&again);
		rua_release(&r);
	}
}

static void
parts(void **state)
{
	static const struct {
		const char *uri;
		enum rua_scheme scheme;
		const char *target, *host;
	} rows[] = {
		{ "mailto:A%2Bb%21@Example.NET?x", RUA_MAILTO,
		    "A+b!@example.net", "example.net" },
		{ "mailto:%22a@b%22@example.net", RUA_MAILTO,
		    "\"a@b\"@example.net", "example.net" },
		{ "https://In.Example.NET:8443/x", RUA_HTTPS,
		    "https://in.example.net:8443/x", "in.example.net" },
		{ "https://[2001:DB8::1]/x", RUA_HTTPS,
		    "https://[2001:db8::1]/x", "[2001:db8::1]" },
		{ "https://0x7f000001/", RUA_HTTPS, "https://127.0.0.1/",
		    "127.0.0.1" },
	};
	const char *why;
	struct rua r;

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		assert_int_equal(rua_uri(&r, rows[i].uri, strlen(rows[i].uri),
		    &why), 0);
		assert_int_equal(r.scheme, rows[i].scheme);
		assert_string_equal(r.target, rows[i].target);
		assert_string_equal(r.host, rows[i].host);
		rua_release(&r);
		assert_null(r.uri);
	}
	rua_release(NULL);
}

static void
uri_is_as_long_as_it_says(void **state)
{
	const char *why;
	struct rua r;

	(void)state;
	assert_int_equal(rua_uri(&r, "mailto:a@example.network", 20, &why), 0);
	assert_string_equal(r.target, "a@example.net");
	rua_release(&r);
	assert_int_equal(rua_uri(&r, "mailto:a\0@example.net", 21, &why), -1);
	assert_string_equal(why, CHARACTER);
}

static void
long_urls(void **state)
{
	/* One byte too long. */
	char *url = xasprintf("https://in.example.net/%0*d",
	    RUA_URI_MAX - 22, 0);
	const char *why;
	struct rua r;

	(void)state;
	assert_int_equal(rua_uri(&r, url, RUA_URI_MAX + 1, &why), -1);
	assert_string_equal(why, "longer than 2048 bytes");
	assert_int_equal(rua_uri(&r, url, RUA_URI_MAX, &why), 0);
	assert_int_equal(strlen(r.uri), RUA_URI_MAX);
	rua_release(&r);
	/* The canonical form has a slash before the query. */
	url[22] = '?';
	assert_int_equal(rua_uri(&r, url, RUA_URI_MAX, &why), -1);
	assert_string_equal(why, "longer than 2048 bytes");
	free(url);
}

static void
addresses(void **state)
{
	static const struct {
		const char *address;
		bool valid;
	} rows[] = {
		{ "a@example.net", true },
		{ "a.b+c=d!@example.net", true },
		{ "\"a@b\"@example.net", true },
		{ "a@localhost", true },
		{ "a@EXAMPLE.net", true },
		{ "a@[192.0.2.1]", true },
		{ "a@[IPv6:2001:db8::1]", true },
		{ "a@[ipv6:2001:db8::1]", true },
		{ S63 "a@example.net", true },
		{ S63 "aa@example.net", false },
		{ S63 "@" S63 "." S63 "." S63 "." "example.net", false },
		{ S63 "@" S63 "." S63 "." S63, false },
		{ S63 "@" S63 "." S63 ".example.net", true },
		{ "a@[2001:db8::1]", false },
		{ "a@[IPv6:192.0.2.1]", false },
		{ "a@[192.0.2.1", false },
		{ "a@[]", false },
		{ "a@[192.0.2.1]x", false },
		{ "a@192.0.2.1", false },
		{ "", false },
		{ "@", false },
		{ "a", false },
		{ "a@", false },
		{ "@example.net", false },
		{ "a@b@example.net", false },
		{ "a b@example.net", false },
		{ "a@example.net ", false },
		{ "a@example.net\r\n", false },
		{ "a\n@example.net", false },
		{ "<a@example.net>", false },
		{ "\"a\r\nb\"@example.net", false },
		{ "\"a b\"@example.net", false },
		{ "\"a\\\"@example.net", false },
		{ "a,b@example.net", false },
		{ "\xc3\xbc@example.net", false },
		{ "a@m\xc3\xbcller.example", false },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		if (rua_address(rows[i].address) != rows[i].valid)
			fail_msg("%s", rows[i].address);
}

#define RECORD	"v=TLSRPTv1; rua=mailto:a@example.net"
#define NONE	"no TLSRPT record"

static void
pick_takes_the_only_one(void **state)
{
	static const struct {
		const char *txts[3];
		int found;
		const char *why;
	} rows[] = {
		{ { RECORD }, 0, NULL },
		{ { "v=spf1 -all", "", RECORD }, 2, NULL },
		{ { "v=TLSRPTv1 \t; rua=x", "v=TLSRPTv1" }, 0, NULL },
		{ { "v=TLSRPTv2;", "v=TLSRPTv1;", "v=tlsrptv1;" }, 1, NULL },
		{ { RECORD, RECORD }, -1, "more than one TLSRPT record" },
		{ { RECORD, "v=TLSRPTv1 ;" }, -1,
		    "more than one TLSRPT record" },
		{ { NULL }, -1, NONE },
		{ { "v=TLSRPTv1" }, -1, NONE },
		{ { "v=TLSRPTv1 rua=mailto:a@example.net;" }, -1, NONE },
		{ { "v=TLSRPTv10;" }, -1, NONE },
		{ { " " RECORD, "v=TLSRP", "V=TLSRPTv1;" }, -1, NONE },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		const char *why = NULL;
		size_t n = 0;

		while (n < 3 && rows[i].txts[n] != NULL)
			n++;
		assert_int_equal(rua_pick(rows[i].txts, n, &why),
		    rows[i].found);
		if (rows[i].why != NULL)
			assert_string_equal(why, rows[i].why);
	}
}

static char *
contents(const char *folder, const char *name, const char *suffix)
{
	char *path = xasprintf("%s/%s%s", folder, name, suffix);
	char *text = xcalloc(1, 32768);
	FILE *f = fopen(path, "r");

	if (f == NULL)
		fail_msg("%s: cannot be opened", path);
	assert_true(fread(text, 1, 32767, f) > 0);
	assert_int_equal(fclose(f), 0);
	free(path);
	return text;
}

static char *
outcome(const char *txt)
{
	struct rua_list list;
	const char *why;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (rua_parse(&list, txt, 100, &why) == -1) {
		assert_int_equal(list.n + list.nskipped, 0);
		fprintf(out, "%s\n", why);
	}
	for (size_t i = 0; i < list.n; i++)
		fprintf(out, "%s\n", list.list[i].uri);
	for (size_t i = 0; i < list.nskipped; i++)
		fprintf(out, "skip %s: %s\n", list.skipped[i].uri,
		    list.skipped[i].why);
	assert_int_equal(fclose(out), 0);
	rua_list_release(&list);
	return text;
}

/* Every record in the folder reads as the file beside it says. */
static void
check_corpus(const char *folder, int rc)
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY);
	struct file_names names;

	assert_true(fd >= 0);
	assert_int_equal(file_names(&names, fd, ".txt"), 0);
	assert_true(names.n > 20);
	for (size_t i = 0; i < names.n; i++) {
		char *name = names.name[i], *txt, *want, *got;
		struct rua_list list;
		const char *why;

		name[strlen(name) - 4] = '\0';
		txt = contents(folder, name, ".txt");
		want = contents(folder, name, ".out");
		got = outcome(txt);
		if (strcmp(got, want) != 0)
			fail_msg("%s: %s", name, got);
		assert_int_equal(rua_parse(&list, txt, 100, &why), rc);
		rua_list_release(&list);
		free(txt);
		free(want);
		free(got);
	}
	file_names_free(&names);
	close(fd);
}

static void
well_formed_records(void **state)
{
	(void)state;
	check_corpus("tests/corpus/rua/valid", 0);
}

static void
broken_records(void **state)
{
	(void)state;
	check_corpus("tests/corpus/rua/invalid", -1);
}

static void
those_beyond_max_are_skipped(void **state)
{
	struct rua_list list;
	const char *why;

	(void)state;
	assert_int_equal(rua_parse(&list, "v=TLSRPTv1; rua=mailto:a@x.example,"
	    "mailto:b@x.example,mailto:A@x.example; rua=mailto:a@x.example,"
	    "mailto:c@x.example", 2, &why), 0);
	assert_int_equal(list.n, 2);
	assert_string_equal(list.list[1].target, "b@x.example");
	assert_int_equal(list.nskipped, 2);
	assert_string_equal(list.skipped[0].uri, "mailto:A@x.example");
	assert_string_equal(list.skipped[1].uri, "mailto:c@x.example");
	assert_string_equal(list.skipped[1].why,
	    "more destinations than are allowed");
	rua_list_release(&list);
	rua_list_release(&list);
	rua_list_release(NULL);
}

/* As many as fit, so that time and memory stay bounded too. */
static void
the_longest_record(void **state)
{
	char *txt = xmalloc(RECORD_TXT_MAX + 2);
	struct rua_list list;
	const char *why;
	size_t len = 0;

	(void)state;
	len = (size_t)snprintf(txt, RECORD_TXT_MAX, "v=TLSRPTv1;rua=");
	for (int i = 0; len < RECORD_TXT_MAX - 32; i++)
		len += (size_t)snprintf(txt + len, RECORD_TXT_MAX - len,
		    "mailto:%d@a.b,", i);
	memset(txt + len, ' ', RECORD_TXT_MAX + 1 - len);
	txt[RECORD_TXT_MAX] = '\0';
	assert_int_equal(rua_parse(&list, txt, SIZE_MAX, &why), 0);
	assert_true(list.n > 900);
	rua_list_release(&list);
	assert_int_equal(rua_parse(&list, txt, 0, &why), 0);
	assert_int_equal(list.n, 0);
	assert_int_equal(list.nskipped, RUA_SKIPPED_MAX);
	rua_list_release(&list);
	txt[RECORD_TXT_MAX] = ' ';
	txt[RECORD_TXT_MAX + 1] = '\0';
	assert_int_equal(rua_parse(&list, txt, SIZE_MAX, &why), -1);
	assert_string_equal(why, "longer than a TXT record can be");
	free(txt);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uris_become_canonical_or_are_refused),
		cmocka_unit_test(parts),
		cmocka_unit_test(uri_is_as_long_as_it_says),
		cmocka_unit_test(long_urls),
		cmocka_unit_test(addresses),
		cmocka_unit_test(pick_takes_the_only_one),
		cmocka_unit_test(well_formed_records),
		cmocka_unit_test(broken_records),
		cmocka_unit_test(those_beyond_max_are_skipped),
		cmocka_unit_test(the_longest_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
