#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/stat.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/mem.h"
#include "reporter/gzip.h"
#include "reporter/report_file.h"
#include "tests/reporter/expect.h"

static char folder[] = "/tmp/tlsrpt-files.XXXXXX";

static int
enter_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL || chdir(folder) == -1;
}

static int
leave_folder(void **state)
{
	(void)state;
	return system("rm -rf ./* ./.hidden") != 0 || chdir("/") == -1 ||
	    rmdir(folder) == -1;
}

static void
write_file(const char *name, const void *data, size_t len)
{
	FILE *f = fopen(name, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, len, f), len);
	fclose(f);
}

static void
put(void *arg, const char *text, size_t len, const struct lint_names *n)
{
	fprintf(arg, "%.*s(%s,%s)\n", (int)len, text,
	    n->filename ? n->filename : "-", n->domain ? n->domain : "-");
}

static char *
read_as(const char *name, const void *data, size_t len)
{
	struct report_path path = { (char *)(uintptr_t)name, data != NULL };
	struct report_file file = { 0 };
	char *text = NULL, *why, *got;
	size_t n;
	FILE *f = xmemstream(&text, &n);
	int rc;

	if (data != NULL)
		write_file(name, data, len);
	rc = report_file_read(&file, &path, put, f, &why);
	xmemclose(f);
	got = xasprintf("%s%d %s", text, rc, why ? why : "");
	free(text);
	free(why);
	report_file_release(&file);
	if (data != NULL)
		unlink(name);
	return got;
}

#define MAIL "TLS-Report-Domain: example.net\nContent-Type: "
static const struct {
	const char *what, *name, *data, *want;
} rows[] = {
	{ "JSON", "a!b!1!2!x.json", "{}", "{}(a!b!1!2!x,-)\n1 " },
	{ "JSON by another name", "x", " \n[1]", " \n[1](x,-)\n1 " },
	{ "a mail without a report", "mail", "Subject: hello\n\nhello\n",
	    "0 " },
	{ "a mail with one", "mail", MAIL "application/tlsrpt+json; "
	    "name=n.json\n\n{\"a\":1}", "{\"a\":1}(n,example.net)\n1 " },
	{ "a mail with something else", "mail", MAIL
	    "application/tlsrpt+gzip\n\nhello",
	    "0 neither JSON nor gzip nor a mail" },
	{ "a mail in a mail by the wrong name", "mail", MAIL
	    "application/tlsrpt+json\n\nSubject: x\n\n{}",
	    "0 neither JSON nor gzip nor a mail" },
	{ "a picture", "x.png", "\x89PNG", "neither" },
	{ "empty", "x", "", "neither" },
};

static void
files_of_all_kinds(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *got = read_as(rows[i].name, rows[i].data,
		    strlen(rows[i].data)), *want = NULL;

		if (strcmp(rows[i].want, "neither") == 0)
			want = xstrdup("-1 neither JSON nor gzip nor a mail");
		else if (strncmp(rows[i].want, "0 n", 3) == 0)
			want = xasprintf("-1%s", rows[i].want + 1);
		expect(rows[i].what, got, want ? want : rows[i].want);
		free(want);
	}
	expect("not there", read_as("none", NULL, 0),
	    "-1 No such file or directory");
	expect("a folder", read_as(".", NULL, 0), "-1 Is a directory");
}

static void
packed_files(void **state)
{
	struct gzip *g = gzip_new(6);
	const void *packed;
	size_t len;
	char *twice, *large;

	(void)state;
	gzip_pack(g, "{\"a\":1}", 7, &packed, &len);
	expect("packed", read_as("x.json.gz", packed, len),
	    "{\"a\":1}(x,-)\n1 ");
	expect("packed, cut", read_as("x.json.gz", packed, len - 1),
	    "-1 gzip data ends too early");
	twice = xmalloc(len);
	memcpy(twice, packed, len);
	gzip_pack(g, twice, len, &packed, &len);
	expect("packed twice", read_as("x", packed, len),
	    "-1 neither JSON nor gzip nor a mail");
	free(twice);

	/* 40 MB of blanks in 40 kB. */
	large = xmalloc(40 << 20);
	memset(large, ' ', 40 << 20);
	gzip_pack(g, large, 40 << 20, &packed, &len);
	expect("a bomb", read_as("x", packed, len),
	    "-1 unpacks to more than is allowed");
	free(large);
	gzip_free(g);
}

static char *
paths_of(const char *path)
{
	struct report_paths p = { 0 };
	char *text = NULL;
	size_t len;
	FILE *f = xmemstream(&text, &len);
	int rc = report_paths_add(&p, path);

	for (size_t i = 0; i < p.n; i++)
		fprintf(f, "%s%s ", p.path[i].regular ? "" : "?",
		    p.path[i].name);
	fprintf(f, "%d%s", rc, p.many ? " many" : "");
	xmemclose(f);
	report_paths_release(&p);
	return text;
}

static void
folders(void **state)
{
	(void)state;
	assert_int_equal(mkdir("box", 0755) | mkdir("box/cur", 0755) |
	    mkdir("box/new", 0755) | mkdir("box/tmp", 0755) |
	    mkdir("box/.Archive", 0755) | mkdir("tmp", 0755), 0);
	write_file("box/cur/1:2,S", "", 0);
	write_file("box/new/2", "", 0);
	write_file("box/tmp/3", "", 0);
	write_file("box/.Archive/4", "", 0);
	write_file("tmp/b.json", "", 0);
	write_file("tmp/a.json", "", 0);
	write_file(".hidden", "", 0);
	assert_int_equal(symlink("/etc", "link"), 0);
	expect("a file", paths_of("tmp/a.json"), "tmp/a.json 0");
	expect("standard input", paths_of("-"), "?- 0");
	expect("a Maildir", paths_of("box"), "box/cur/1:2,S box/new/2 0 many");
	expect("a folder", paths_of("tmp"), "tmp/a.json tmp/b.json 0 many");
	expect("all of it", paths_of("."), "./box/cur/1:2,S ./box/new/2 "
	    "./tmp/a.json ./tmp/b.json 0 many");
	expect("nothing", paths_of("none"), "-1");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(files_of_all_kinds),
		TEST(packed_files),
		TEST(folders),
	};

	return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
