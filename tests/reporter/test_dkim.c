#include <sys/stat.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <pthread.h>

#include "reporter/dkim.h"
#include "tests/reporter/judge.h"

#define NELEMS(a) (sizeof(a) / sizeof((a)[0]))
#define T 1795219200

static char dir[] = "/tmp/test_dkim-XXXXXX";
static char rsa[64], ed25519[64], records[64];

static const char message[] =
    "From: Example Org <tls-reports@example.org>\r\n"
    "To: tls@example.net\r\n"
    "Subject: Report Domain: example.net Submitter: example.org\r\n"
    " Report-ID: <20261121.example.net.1@example.org>\r\n"
    "Date: Sun, 22 Nov 2026 00:15:00 +0000\r\n"
    "Message-ID: <abc@example.org>\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n"
    "\tboundary=\"=_x\"\r\n"
    "TLS-Report-Domain: example.net\r\n"
    "TLS-Report-Submitter: example.org\r\n"
    "TLS-Required: No\r\n"
    "Auto-Submitted: auto-generated\r\n"
    "\r\n"
    "--=_x\r\n"
    "\r\n"
    "Two  blanks and a tab\t. \r\n"
    "--=_x--\r\n"
    "\r\n";

static const char *
path(char buf[64], const char *name)
{
	snprintf(buf, 64, "%s/%s", dir, name);
	return buf;
}

static void
write_key(const char *name, EVP_PKEY *pkey, const char *passphrase)
{
	char file[64];
	FILE *f = fopen(path(file, name), "w");

	assert_non_null(pkey);
	assert_non_null(f);
	assert_int_equal(PEM_write_PKCS8PrivateKey(f, pkey,
	    passphrase != NULL ? EVP_aes_128_cbc() : NULL, passphrase,
	    passphrase != NULL ? (int)strlen(passphrase) : 0, NULL, NULL), 1);
	fclose(f);
	chmod(file, 0600);
	EVP_PKEY_free(pkey);
}

static void
write_text(const char *name, const char *text)
{
	char file[64];
	FILE *f = fopen(path(file, name), "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int
make_keys(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(dir));
	path(rsa, "rsa");
	path(ed25519, "ed25519");
	path(records, "records");
	write_key("rsa", EVP_RSA_gen(2048), NULL);
	write_key("rsa1024", EVP_RSA_gen(1024), NULL);
	write_key("rsa768", EVP_RSA_gen(768), NULL);
	write_key("locked", EVP_RSA_gen(1024), "secret");
	write_key("ed25519", EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL);
	write_key("p256", EVP_EC_gen("P-256"), NULL);
	write_text("empty", "");
	write_text("garbage", "-----BEGIN PRIVATE KEY-----\nAAAA\n"
	    "-----END PRIVATE KEY-----\n");
	return 0;
}

static int
remove_keys(void **state)
{
	char line[64];

	(void)state;
	snprintf(line, sizeof(line), "rm -rf %s", dir);
	return system(line);
}

static struct dkim *
signer(const char *selector, const char *ed25519_selector)
{
	struct dkim_config c = { "example.org", selector,
	    selector != NULL ? rsa : NULL, ed25519_selector,
	    ed25519_selector != NULL ? ed25519 : NULL };
	struct dkim *d;
	char *why;

	d = dkim_new(&c, &why);
	if (d == NULL)
		fail_msg("%s", why);
	return d;
}

/* The message with its signatures, and the records published. */
static char *
sign(const struct dkim *d, const char *text, size_t len, size_t *size)
{
	char *fields, *why, *whole, *name, *record;
	FILE *f = fopen(records, "w");
	int key;

	assert_non_null(f);
	for (key = 0; key < 2; key++) {
		if ((record = dkim_record(d, key, &name)) == NULL)
			continue;
		fprintf(f, "%s\t%s\n", name, record);
		free(record);
		free(name);
	}
	fclose(f);
	fields = dkim_sign(d, text, len, T, &why);
	assert_non_null(fields);
	assert_null(why);
	*size = strlen(fields) + len;
	whole = malloc(*size + 1);
	memcpy(whole, fields, strlen(fields));
	memcpy(whole + strlen(fields), text, len);
	whole[*size] = '\0';
	free(fields);
	return whole;
}

static int
verified(const char *judge_name, const char *text, size_t len)
{
	char command[256], said[1024];
	int status;

	snprintf(command, sizeof(command), "tests/reporter/%s %s", judge_name,
	    records);
	status = judge(command, text, len, said, sizeof(said));
	if (status == 77)
		skip();
	if (status != 0 && status != 1)
		fail_msg("%s: %s", judge_name, said);
	if (status == 1)
		print_message("# %s: %s", judge_name, said);
	return status == 0;
}

static const struct {
	const char *what, *selector, *file, *ed_selector, *ed_file, *want;
} bad[] = {
	{ "no key at all", NULL, NULL, NULL, NULL, "no key is configured" },
	{ "selector without key", "s", NULL, NULL, NULL, "go together" },
	{ "key without selector", NULL, "rsa", NULL, NULL, "go together" },
	{ "Ed25519 selector without key", "s", "rsa", "e", NULL,
	    "go together" },
	{ "no such file", "s", "nowhere", NULL, NULL, "No such file" },
	{ "not a file", "s", ".", NULL, NULL, "/.: " },
	{ "empty file", "s", "empty", NULL, NULL, "/empty: " },
	{ "garbage", "s", "garbage", NULL, NULL, "/garbage: " },
	{ "pass phrase wanted", "s", "locked", NULL, NULL, "/locked: " },
	{ "768 bits", "s", "rsa768", NULL, NULL, "768 bits, RFC 8301" },
	{ "Ed25519 where RSA is meant", "s", "ed25519", NULL, NULL,
	    "not an RSA key" },
	{ "a P-256 key", "s", "p256", NULL, NULL, "not an RSA key" },
	{ "RSA where Ed25519 is meant", NULL, NULL, "e", "rsa",
	    "not an Ed25519 key" },
	{ "second key missing", "s", "rsa", "e", "nowhere", "No such file" },
	{ "selector with a line end", "s\r\nX", "rsa", NULL, NULL,
	    "is no selector" },
	{ "empty selector", "", "rsa", NULL, NULL, "is no selector" },
};

static void
keys_that_will_not_do(void **state)
{
	char a[64], b[64], *why;
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(bad); i++) {
		struct dkim_config c = { "example.org", bad[i].selector,
		    bad[i].file ? path(a, bad[i].file) : NULL,
		    bad[i].ed_selector,
		    bad[i].ed_file ? path(b, bad[i].ed_file) : NULL };

		if (dkim_new(&c, &why) != NULL)
			fail_msg("%s: taken", bad[i].what);
		if (why == NULL || strstr(why, bad[i].want) == NULL)
			fail_msg("%s: %s", bad[i].what, why ? why : "NULL");
		free(why);
	}
}

static void
an_unreadable_key(void **state)
{
	struct dkim_config c = { "example.org", "s", rsa, NULL, NULL };
	char *why;

	(void)state;
	if (geteuid() == 0)
		skip();
	chmod(rsa, 0);
	assert_null(dkim_new(&c, &why));
	assert_non_null(strstr(why, "Permission denied"));
	free(why);
	chmod(rsa, 0600);
}

/* What was written to stderr while the key was read. */
static void
load_and_listen(const char *file, char *log, size_t room)
{
	struct dkim_config c = { "example.org", "s", file, NULL, NULL };
	int saved = dup(STDERR_FILENO);
	FILE *f = tmpfile();
	struct dkim *d;
	char *why;

	dup2(fileno(f), STDERR_FILENO);
	d = dkim_new(&c, &why);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(f);
	log[fread(log, 1, room - 1, f)] = '\0';
	fclose(f);
	assert_non_null(d);
	dkim_free(d);
}

static void
doubtful_keys_are_taken_with_a_warning(void **state)
{
	char log[512], file[64];

	(void)state;
	load_and_listen(rsa, log, sizeof(log));
	assert_string_equal(log, "");
	chmod(rsa, 0644);
	load_and_listen(rsa, log, sizeof(log));
	chmod(rsa, 0600);
	assert_non_null(strstr(log, "can be read by everybody"));
	load_and_listen(path(file, "rsa1024"), log, sizeof(log));
	assert_non_null(strstr(log, "1024 bits"));
}

static void
the_record_to_publish(void **state)
{
	struct dkim *d = signer("s2026", "e2026");
	char *name, *record;

	(void)state;
	record = dkim_record(d, 0, &name);
	assert_string_equal(name, "s2026._domainkey.example.org");
	/* a SubjectPublicKeyInfo of 2048 bits: 294 bytes, 392 in base64 */
	assert_memory_equal(record, "v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0B",
	    38);
	assert_int_equal(strlen(record), 18 + 392);
	free(name);
	free(record);
	record = dkim_record(d, 1, &name);
	assert_string_equal(name, "e2026._domainkey.example.org");
	assert_memory_equal(record, "v=DKIM1; k=ed25519; p=", 22);
	assert_int_equal(strlen(record), 22 + 44);
	assert_null(strstr(record, "; s="));
	free(name);
	free(record);
	assert_null(dkim_record(d, 2, &name));
	assert_null(dkim_record(d, -1, &name));
	dkim_free(d);

	d = signer(NULL, "e");
	assert_null(dkim_record(d, 0, &name));
	assert_null(name);
	dkim_free(d);
}

static void
the_field_is_folded_and_complete(void **state)
{
	static const char *const wanted[] = {
		"v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.org; s=s2026;",
		"; t=1795219200; ", "; bh=", "; b=",
		"h=From:From: To:To: Subject:Subject: Date:Date: "
		"Message-ID:Message-ID: MIME-Version:MIME-Version: "
		"Content-Type:Content-Type: "
		"TLS-Report-Domain:TLS-Report-Domain: "
		"TLS-Report-Submitter:TLS-Report-Submitter: "
		"TLS-Required:TLS-Required: Auto-Submitted:Auto-Submitted;",
		"v=1; a=ed25519-sha256; c=relaxed/relaxed; d=example.org; s=e;"
	};
	struct dkim *d = signer("s2026", "e");
	char *fields, *why, *flat, *p, *q;
	size_t i, len;

	(void)state;
	fields = dkim_sign(d, message, strlen(message), T, &why);
	assert_non_null(fields);
	flat = calloc(1, strlen(fields) + 1);
	for (p = fields, q = flat; *p != '\0'; p += len + 2) {
		len = strcspn(p, "\r\n");
		assert_memory_equal(p + len, "\r\n", 2);
		assert_in_range(len, 1, 78);
		assert_int_not_equal(p[len - 1], ' ');
		if (p != fields && *p != ' ')
			*q++ = '\n';
		memcpy(q, p, len);
		q += len;
	}
	for (i = 0; i < NELEMS(wanted); i++)
		if (strstr(flat, wanted[i]) == NULL)
			fail_msg("no '%s' in %s", wanted[i], flat);
	assert_null(strstr(flat, " l="));
	assert_memory_equal(flat, "DKIM-Signature: v=1", 19);
	p = strchr(flat, '\n');
	assert_memory_equal(p + 1, "DKIM-Signature: v=1", 19);
	assert_null(strchr(p + 1, '\n'));
	free(flat);
	free(fields);
	dkim_free(d);
}

/* OpenDKIM wants these two. */
#define TOP "From: a@example.org\r\n" \
	"Date: Sun, 22 Nov 2026 00:15:00 +0000\r\n"

static const struct {
	const char *what, *text;
} good[] = {
	{ "a report", message },
	{ "no body", TOP "\r\n" },
	{ "no empty line", TOP },
	{ "only empty lines", TOP "\r\n\r\n\r\n\r\n" },
	{ "only blanks", TOP "\r\n \t \r\n\t\r\n" },
	{ "no line end at the end", TOP "\r\nx\r\ny" },
	{ "empty lines in between and at the end",
	    TOP "\r\n\r\nx\r\n\r\n\r\ny\r\n \r\n\r\n" },
	{ "blanks in the body",
	    TOP "\r\n x \t y \r\n\tz\r\n" },
	{ "names in other cases, values in other widths",
	    "FROM:a@example.org\r\ndate: Sun, 22 Nov 2026 00:15:00 +0000\r\n"
	    "tO: \t b@example.net  \r\n"
	    "subject:\r\n  x\r\n\ty \r\n z\r\n\r\nbody\r\n" },
	{ "fields twice", TOP "To: 1@example.net\r\n"
	    "To: 2@example.net\r\nX-Other: 1\r\nTo: 3@example.net\r\n\r\nx" },
	{ "empty field", TOP "Subject:\r\n\r\nx\r\n" },
};

static void
dkimpy_agrees(void **state)
{
	struct dkim *d = signer("s", "e");
	size_t i, len;
	char *whole;

	(void)state;
	for (i = 0; i < NELEMS(good); i++) {
		whole = sign(d, good[i].text, strlen(good[i].text), &len);
		if (!verified("dkimpy.py", whole, len))
			fail_msg("%s", good[i].what);
		free(whole);
	}
	dkim_free(d);
}

static void
opendkim_agrees(void **state)
{
	struct dkim *d = signer("s", NULL);
	size_t i, len;
	char *whole;

	(void)state;
	for (i = 0; i < NELEMS(good); i++) {
		/* it takes no field twice, and wants a header's end */
		if (strstr(good[i].what, "twice") != NULL ||
		    strstr(good[i].text, "\r\n\r\n") == NULL)
			continue;
		whole = sign(d, good[i].text, strlen(good[i].text), &len);
		if (!verified("opendkim.sh", whole, len))
			fail_msg("%s", good[i].what);
		free(whole);
	}
	dkim_free(d);
}

/* Replaces the first `from` by `to`; both may differ in length. */
static char *
edit(const char *text, const char *from, const char *to)
{
	const char *p = strstr(text, from);
	char *out = NULL;

	assert_non_null(p);
	if (asprintf(&out, "%.*s%s%s", (int)(p - text), text, to,
	    p + strlen(from)) == -1)
		abort();
	return out;
}

static const struct {
	const char *what, *from, *to;
} changes[] = {
	{ "a letter of the body", "Two  ", "Ten  " },
	{ "a blank less", "blanks and", "blanksand" },
	{ "a line more", "--=_x--\r\n", "--=_x--\r\nmore\r\n" },
	{ "other domain", "TLS-Report-Domain: example.net",
	    "TLS-Report-Domain: example.com" },
	{ "other submitter", "TLS-Report-Submitter: e",
	    "TLS-Report-Submitter: x" },
	{ "TLS required after all", "TLS-Required: No", "TLS-Required: Yes" },
	{ "a second Subject", "\r\nSubject: R",
	    "\r\nSubject: x\r\nSubject: R" },
	{ "a second From", "\r\nTo: tls",
	    "\r\nFrom: x@example.com\r\nTo: tls" },
	{ "other date", "22 Nov", "23 Nov" },
	{ "other time of signature", "t=1795219200", "t=1795219201" },
	{ "no Auto-Submitted", "Auto-Submitted: auto-generated\r\n", "" },
	{ "other type", "multipart/report", "multipart/mixed" },
};

static void
a_change_is_noticed(void **state)
{
	const char *judge_name = *state;
	int ed = strcmp(judge_name, "dkimpy.py") == 0;
	struct dkim *rsa_only = signer("s", NULL), *ed_only = signer(NULL, "e");
	char *whole, *changed;
	size_t i, len;
	int pass;

	for (i = 0; i < NELEMS(changes); i++)
		for (pass = 0; pass <= ed; pass++) {
			whole = sign(pass ? ed_only : rsa_only, message,
			    strlen(message), &len);
			changed = edit(whole, changes[i].from, changes[i].to);
			if (verified(judge_name, changed, strlen(changed)))
				fail_msg("%s went unnoticed", changes[i].what);
			free(changed);
			free(whole);
		}
	dkim_free(rsa_only);
	dkim_free(ed_only);
}

static void
changes_that_relays_make_do_no_harm(void **state)
{
	struct dkim *d = signer("s", "e");
	char *whole, *a, *b;
	size_t len;

	(void)state;
	whole = sign(d, message, strlen(message), &len);
	a = edit(whole, "DKIM-Signature:", "Received: from x by y\r\n"
	    "DKIM-Signature:");
	b = edit(a, "Submitter: example.org\r\n Report-ID",
	    "Submitter:\r\n\texample.org Report-ID");
	assert_true(verified("dkimpy.py", b, strlen(b)));
	free(a);
	free(b);
	free(whole);
	dkim_free(d);
}

static void *
sign_many(void *arg)
{
	const struct dkim *d = arg;
	char *first, *next, *why;
	int i;

	first = dkim_sign(d, message, strlen(message), T, &why);
	for (i = 0; i < 20; i++) {
		next = dkim_sign(d, message, strlen(message), T, &why);
		if (next == NULL || strcmp(first, next) != 0)
			abort();
		free(next);
	}
	return first;
}

static void
threads_share_a_signer(void **state)
{
	struct dkim *d = signer("s", "e");
	pthread_t thread[4];
	void *out[4];
	size_t i;

	(void)state;
	for (i = 0; i < NELEMS(thread); i++)
		assert_int_equal(pthread_create(&thread[i], NULL, sign_many,
		    d), 0);
	for (i = 0; i < NELEMS(thread); i++)
		pthread_join(thread[i], &out[i]);
	for (i = 0; i < NELEMS(thread); i++)
		assert_string_equal(out[i], out[0]);
	for (i = 0; i < NELEMS(thread); i++)
		free(out[i]);
	dkim_free(d);
}

static void
freeing_nothing(void **state)
{
	(void)state;
	dkim_free(NULL);
}

int
main(void)
{
	static char dkimpy[] = "dkimpy.py", opendkim[] = "opendkim.sh";
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_that_will_not_do),
		cmocka_unit_test(an_unreadable_key),
		cmocka_unit_test(doubtful_keys_are_taken_with_a_warning),
		cmocka_unit_test(the_record_to_publish),
		cmocka_unit_test(the_field_is_folded_and_complete),
		cmocka_unit_test(dkimpy_agrees),
		cmocka_unit_test(opendkim_agrees),
		{ "a_change_is_noticed_by_dkimpy", a_change_is_noticed, NULL,
		    NULL, dkimpy },
		{ "a_change_is_noticed_by_opendkim", a_change_is_noticed, NULL,
		    NULL, opendkim },
		cmocka_unit_test(changes_that_relays_make_do_no_harm),
		cmocka_unit_test(threads_share_a_signer),
		cmocka_unit_test(freeing_nothing),
	};

	return cmocka_run_group_tests(tests, make_keys, remove_keys);
}
