#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <time.h>
#include <zlib.h>

#include "conf/mem.h"
#include "spool/import.h"
#include "tests/spool/scratch.h"

#define TLSRPT(time, domain, rest) \
	time " mta1 postfix/smtp[347]: TLSRPT: status=" rest(domain) "\n"
#define GOOD(domain)	"success, domain=" domain ", receiving_mx=mx[192.0.2.1]"
#define BAD(domain) \
	"failure, domain=" domain ", receiving_mx=mx[192.0.2.1], " \
	"failure_type=certificate_expired"
#define DAY1	"2026-11-21T10:00:00Z"
#define DAY2	"2026-11-22T00:00:00Z"

static int
import(struct scratch *s, int fd, int day, struct import_totals *t)
{
	const struct import_options o = { .written = NOON + 2 * DAY_SECONDS,
		.one_day = day != 0, .day = day };
	int rc, saved;

	*t = (struct import_totals){ 0 };
	rc = import_log(&s->spool, fd, "mail.log", &o, t);
	saved = errno;
	close(fd);
	errno = saved;
	return rc;
}

static struct import_totals
import_text(struct scratch *s, const char *text, int day)
{
	struct import_totals t;

	assert_int_equal(import(s, text_fd(text, strlen(text)), day, &t), 0);
	return t;
}

/* All record lines of a day's segments, one after the other. */
static char *
records(struct scratch *s, int day)
{
	struct segments list;
	char name[DAY_TEXT], *text, *path, line[4096];
	size_t len;
	FILE *out = xmemstream(&text, &len), *in;

	assert_int_equal(spool_segments(&s->spool, day, &list), 0);
	for (size_t i = 0; i < list.n; i++) {
		path = xasprintf("%s/days/%s/%s", s->path,
		    day_format(day, name), list.list[i].name);
		assert_non_null(in = fopen(path, "r"));
		assert_non_null(fgets(line, sizeof(line), in));	/* header */
		while (fgets(line, sizeof(line), in) != NULL)
			fputs(line, out);
		fclose(in);
		free(path);
	}
	segments_release(&list);
	xmemclose(out);
	return text;
}

static void
day_is(struct scratch *s, int day, const char *want)
{
	char *got = records(s, day);

	assert_string_equal(got, want);
	free(got);
}

#define COM	\
	"{\"d\":\"example.com\",\"policies\":[{\"policy-type\":9,\"f\":0}]"
#define COM_BAD	\
	"{\"d\":\"example.com\",\"policies\":[{\"policy-type\":9,\"f\":1," \
	"\"failure-details\":[{\"c\":204,\"n\":\"mx\",\"r\":\"192.0.2.1\"}]}]"

static const char two_days[] =
    TLSRPT(DAY1, "example.com", GOOD) TLSRPT(DAY1, "example.com", GOOD)
    TLSRPT(DAY1, "example.com", BAD) TLSRPT(DAY2, "example.com", GOOD);

static void
folds_sessions_day_by_day(void **state)
{
	struct scratch *s = *state;
	struct import_totals t;

	scratch_empty(s);
	t = import_text(s, two_days, 0);
	assert_int_equal(t.lines, 4);
	assert_int_equal(t.postfix.tlsrpt, 4);
	assert_int_equal(t.intake.sessions, 4);
	assert_int_equal(t.intake.rejected, 0);
	assert_int_equal(t.intake.days, 2);
	assert_int_equal(t.intake.known, 0);
	day_is(s, DAY, COM ",\"n\":2}\n" COM_BAD "}\n");
	day_is(s, DAY + 1, COM "}\n");
}

static void
the_same_log_is_added_once(void **state)
{
	struct scratch *s = *state;
	struct import_totals t;

	scratch_empty(s);
	import_text(s, two_days, 0);
	t = import_text(s, two_days, 0);
	assert_int_equal(t.intake.known, 2);
	day_is(s, DAY, COM ",\"n\":2}\n" COM_BAD "}\n");
	/* Whatever this host is called now. */
	scratch_open(s, "mta2");
	t = import_text(s, two_days, 0);
	assert_int_equal(t.intake.known, 2);
	day_is(s, DAY, COM ",\"n\":2}\n" COM_BAD "}\n");
	/* One with a line more is another. */
	t = import_text(s, TLSRPT(DAY1, "example.com", GOOD), 0);
	assert_int_equal(t.intake.known, 0);
}

static void
one_day_of_it_is_the_same_as_all(void **state)
{
	struct scratch *s = *state;
	struct import_totals t;

	scratch_empty(s);
	t = import_text(s, two_days, DAY + 1);
	assert_int_equal(t.other_days, 3);
	assert_int_equal(t.intake.sessions, 1);
	day_is(s, DAY, "");
	day_is(s, DAY + 1, COM "}\n");
	t = import_text(s, two_days, 0);
	assert_int_equal(t.intake.known, 1);
	day_is(s, DAY, COM ",\"n\":2}\n" COM_BAD "}\n");
	day_is(s, DAY + 1, COM "}\n");
}

/* The bytes of a gzip file. */
static unsigned char *
gzip(const char *text, size_t *len)
{
	z_stream z = { 0 };
	unsigned char *out = xmalloc(4096);

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8,
	    Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (unsigned char *)(uintptr_t)text;
	z.avail_in = (unsigned)strlen(text);
	z.next_out = out;
	z.avail_out = 4096;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	*len = z.total_out;
	deflateEnd(&z);
	return out;
}

static void
gzip_is_the_same_log(void **state)
{
	struct scratch *s = *state;
	struct import_totals t;
	unsigned char *gz;
	size_t len;

	scratch_empty(s);
	gz = gzip(two_days, &len);
	assert_int_equal(import(s, text_fd((char *)gz, len), 0, &t), 0);
	day_is(s, DAY, COM ",\"n\":2}\n" COM_BAD "}\n");
	assert_int_equal(t.lines, 4);
	t = import_text(s, two_days, 0);
	assert_int_equal(t.intake.known, 2);
	free(gz);
}

static void
of_a_damaged_gzip_file_nothing_is_added(void **state)
{
	struct scratch *s = *state;
	struct import_totals t;
	unsigned char *gz;
	size_t len;

	scratch_empty(s);
	gz = gzip(two_days, &len);
	for (size_t n = 11; n < len; n++) {
		errno = 0;
		assert_int_equal(import(s, text_fd((char *)gz, n), 0, &t), -1);
		assert_int_equal(errno, EBADMSG);
	}
	gz[len / 2] ^= 0xff;
	assert_int_equal(import(s, text_fd((char *)gz, len), 0, &t), -1);
	assert_int_equal(errno, EBADMSG);
	day_is(s, DAY, "");
	free(gz);
}

static void
a_folder_is_no_log(void **state)
{
	struct scratch *s = *state;
	struct import_totals t;

	scratch_empty(s);
	assert_int_equal(import(s, open(s->path, O_RDONLY), 0, &t), -1);
	assert_int_equal(errno, EISDIR);
}

static void
a_pipe_will_do(void **state)
{
	struct scratch *s = *state;
	struct import_totals t;
	int fd[2];

	scratch_empty(s);
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(write(fd[1], two_days, strlen(two_days)),
	    (ssize_t)strlen(two_days));
	close(fd[1]);
	assert_int_equal(import(s, fd[0], 0, &t), 0);
	day_is(s, DAY + 1, COM "}\n");
}

/* Lines over the edges of what is read at once, and far too long ones. */
static void
lines_of_any_length(void **state)
{
	struct scratch *s = *state;
	struct import_totals t;
	char *text;
	size_t len;
	FILE *f = xmemstream(&text, &len);

	scratch_empty(s);
	for (int i = 0; i < 3000; i++)
		fprintf(f, "%s%*s\n", TLSRPT(DAY1, "example.com", GOOD),
		    i * 97 % 1000, "");
	fprintf(f, "%s%600000s\n", DAY1 " mta1 postfix/smtp[347]: ", "");
	fprintf(f, "%s mta1 postfix/smtp[347]: TLSRPT: status=%s%600000s\n",
	    DAY1, GOOD("example.org"), "");
	fputs("the last one has no end", f);
	xmemclose(f);
	t = import_text(s, text, 0);
	assert_int_equal(t.lines, 6003);
	assert_int_equal(t.cut, 2);
	assert_int_equal(t.intake.sessions, 3001);
	day_is(s, DAY, COM ",\"n\":3000}\n"
	    "{\"d\":\"example.org\",\"policies\":[{\"policy-type\":9,\"f\":0}]"
	    "}\n");
	free(text);
}

/* What does not fold waits in a file, and is counted all the same. */
static void
memory_is_bounded(void **state)
{
	struct scratch *s = *state;
	struct import_totals t;
	char *text;
	size_t len, before = import_held_max;
	FILE *f = xmemstream(&text, &len);

	scratch_empty(s);
	for (int i = 0; i < 2000; i++)
		fprintf(f, "%s mta1 postfix/smtp[347]: TLSRPT: status=success"
		    ", domain=d%d.example, receiving_mx=mx[192.0.2.1]\n", DAY1,
		    i % 500);
	xmemclose(f);
	import_held_max = 1000;
	t = import_text(s, text, 0);
	import_held_max = before;
	assert_int_equal(t.intake.sessions, 2000);
	assert_int_equal(t.intake.segments, 1);
	free(text);
	text = records(s, DAY);
	len = 0;
	for (const char *p = text; *p != '\0'; p++)
		len += *p == '\n';
	assert_int_equal(len, 500);
	assert_non_null(strstr(text, "\"d499.example\""));
	assert_null(strstr(text, "\"n\":3"));
	free(text);
}

static void
a_log_without_sessions_leaves_nothing(void **state)
{
	struct scratch *s = *state;
	struct import_totals t;

	scratch_empty(s);
	t = import_text(s, "", 0);
	assert_int_equal(t.lines, 0);
	t = import_text(s, DAY1 " mta1 kernel: hello\n", 0);
	assert_int_equal(t.lines, 1);
	assert_int_equal(t.intake.segments, 0);
	day_is(s, DAY, "");
}

static void
stamps_without_a_year_follow_the_file(void **state)
{
	struct scratch *s = *state;

	setenv("TZ", "UTC0", 1);
	tzset();
	scratch_empty(s);
	import_text(s, TLSRPT("Nov 21 10:00:00", "example.com", GOOD), 0);
	day_is(s, DAY, COM "}\n");
	/* Another clock may be in another zone. */
	import_text(s, TLSRPT("Nov 24 10:00:00", "example.com", GOOD), 0);
	day_is(s, DAY + 3, COM "}\n");
	/* Of the 365 days before the file was written. */
	import_text(s, TLSRPT("Nov 25 10:00:00", "example.com", GOOD), 0);
	day_is(s, DAY + 4 - 365, COM "}\n");
}

static void
a_result_about_a_policy_names_its_type(void **state)
{
	struct scratch *s = *state;

	scratch_empty(s);
	import_text(s, DAY1 " mta1 postfix/smtp[1]: TLSRPT: status=failure, "
	    "domain=example.com, receiving_mx=mx[192.0.2.1], "
	    "failure_type=tlsa_invalid, failure_reason=a\xff\"b\n"
	    DAY1 " mta1 postfix/smtp[1]: TLSRPT: status=failure, "
	    "domain=example.com, receiving_mx=mx[192.0.2.1], "
	    "failure_type=sts_policy_invalid\n", 0);
	day_is(s, DAY, "{\"d\":\"example.com\",\"policies\":[{"
	    "\"policy-type\":1,\"f\":1,\"failure-details\":[{\"c\":304,"
	    "\"n\":\"mx\",\"r\":\"192.0.2.1\",\"f\":\"a?\\\"b\"}]}]}\n"
	    "{\"d\":\"example.com\",\"policies\":[{"
	    "\"policy-type\":2,\"f\":1,\"failure-details\":[{\"c\":302,"
	    "\"n\":\"mx\",\"r\":\"192.0.2.1\"}]}]}\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folds_sessions_day_by_day),
		cmocka_unit_test(the_same_log_is_added_once),
		cmocka_unit_test(one_day_of_it_is_the_same_as_all),
		cmocka_unit_test(gzip_is_the_same_log),
		cmocka_unit_test(of_a_damaged_gzip_file_nothing_is_added),
		cmocka_unit_test(a_folder_is_no_log),
		cmocka_unit_test(a_pipe_will_do),
		cmocka_unit_test(lines_of_any_length),
		cmocka_unit_test(memory_is_bounded),
		cmocka_unit_test(a_log_without_sessions_leaves_nothing),
		cmocka_unit_test(stamps_without_a_year_follow_the_file),
		cmocka_unit_test(a_result_about_a_policy_names_its_type),
	};

	return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
