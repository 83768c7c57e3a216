/* The program tlsrpt-spool as its users see it: text and exit status. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/wait.h>
#include <libgen.h>
#include <time.h>

#include "conf/mem.h"
#include "tests/spool/scratch.h"

#define N(a)	(sizeof(a) / sizeof((a)[0]))

static const char *program;

struct result {
	int status;
	char out[8192];		/* what it said, on both channels */
};

/* Run `tlsrpt-spool --config <that of the scratch spool> ARGS` in a shell. */
static struct result
run(struct scratch *s, const char *before, const char *args)
{
	char *command = xasprintf("cd %s && %s%s --config tlsrpt.conf %s 2>&1",
	    s->path, before, program, args);
	struct result r = { .status = -1 };
	FILE *f = popen(command, "r");
	size_t n;
	int status;

	assert_non_null(f);
	n = fread(r.out, 1, sizeof(r.out) - 1, f);
	r.out[n] = '\0';
	status = pclose(f);
	assert_true(WIFEXITED(status));
	r.status = WEXITSTATUS(status);
	print_message("$ %stlsrpt-spool %s\n%s", before, args, r.out);
	free(command);
	return r;
}

static int
setup(void **state)
{
	struct scratch *s;
	char *text;

	if (scratch_setup(state) == -1)
		return -1;
	s = *state;
	text = xasprintf("[spool]\ndirectory = %s\nsource = mta1\n", s->path);
	put(s->spool.fd, "tlsrpt.conf", text);
	free(text);
	return 0;
}

static bool
has(const struct result *r, const char *text)
{
	return strstr(r->out, text) != NULL;
}

static void
add_says_what_it_added(void **state)
{
	struct scratch *s = *state;
	struct result r;

	put(s->spool.fd, "a.jsonl", RECORD("a.example") "\n"
	    RECORD("a.example") "\n" WITH("\"ts\":1795132800", "b.example"));
	r = run(s, "", "add --day 2026-11-21 a.jsonl");
	assert_int_equal(r.status, 0);
	assert_string_equal(r.out, "a.jsonl: 3 lines, 3 sessions, 2 distinct, "
	    "0 rejected; 2 days, 2 segments\n");
	assert_int_equal(sessions_of(&s->spool, DAY), 2);
	assert_int_equal(sessions_of(&s->spool, DAY - 1), 1);
}

static void
add_reads_standard_input(void **state)
{
	struct scratch *s = *state;
	struct result r;

	put(s->spool.fd, "a.jsonl", RECORD("a.example") "\n"
	    RECORD("b.example"));
	r = run(s, "cat a.jsonl | ", "add --day 2026-11-21");
	assert_int_equal(r.status, 0);
	assert_true(has(&r, "(standard input): 2 lines, 2 sessions"));
	r = run(s, "<a.jsonl ", "add --day=2026-11-21 a.jsonl -");
	assert_int_equal(r.status, 0);
	assert_true(has(&r, "a.jsonl: 2 lines"));
	assert_true(has(&r, "(standard input): 2 lines"));
	assert_int_equal(sessions_of(&s->spool, DAY), 6);
}

static void
add_without_day_means_today(void **state)
{
	struct scratch *s = *state;
	int before = day_of(time(NULL)), after, *days;
	size_t n;

	put(s->spool.fd, "a.jsonl", RECORD("a.example") "\n");
	assert_int_equal(run(s, "", "add a.jsonl").status, 0);
	after = day_of(time(NULL));
	assert_int_equal(spool_days(&s->spool, &days, &n), 0);
	assert_int_equal(n, 1);
	assert_in_range(days[0], before, after);
	free(days);
}

static void
add_warns_of_what_is_rejected(void **state)
{
	struct scratch *s = *state;
	struct result r;

	put(s->spool.fd, "a.jsonl", "x\n" RECORD("a.example") "\nx\n{}\n");
	r = run(s, "", "add --day 2026-11-21 a.jsonl");
	assert_int_equal(r.status, 0);
	assert_true(has(&r, "warning: a.jsonl: rejected: does not begin"));
	assert_true(has(&r, "warning: a.jsonl: 3 lines rejected, see "
	    "rejected/2026-11-21.jsonl"));
	assert_true(has(&r, "a.jsonl: 4 lines, 1 sessions, 3 distinct, "
	    "3 rejected; 1 days, 1 segments\n"));
}

static void
add_goes_on_after_a_file_it_cannot_read(void **state)
{
	struct scratch *s = *state;
	struct result r;

	put(s->spool.fd, "a.jsonl", RECORD("a.example") "\n");
	r = run(s, "", "add --day 2026-11-21 none.jsonl days a.jsonl");
	assert_int_equal(r.status, 1);
	assert_true(has(&r, "none.jsonl: not added: No such file"));
	assert_true(has(&r, "days: not added: Is a directory"));
	assert_int_equal(sessions_of(&s->spool, DAY), 1);
}

#define LOG	" mta1 postfix/smtp[1]: TLSRPT: status=success, domain="
#define MX	", receiving_mx=mx.example[192.0.2.1]\n"

static void
import_says_what_it_found(void **state)
{
	struct scratch *s = *state;
	struct result r;

	put(s->spool.fd, "mail.log", "2026-11-20T10:00:00Z" LOG "a.example" MX
	    "2026-11-21T10:00:00Z" LOG "a.example" MX
	    "2026-11-21T10:00:00Z" LOG "..example" MX
	    "2026-13-21T10:00:00Z" LOG "a.example" MX
	    "2026-11-21T10:00:00Z mta1 kernel: hello\n"
	    "2026-11-21T10:00:00Z mta1 postfix/smtp[2]: Trusted TLS "
	    "connection established to mx.example[192.0.2.1]:25: TLSv1.3\n");
	r = run(s, "", "import mail.log");
	assert_int_equal(r.status, 0);
	assert_true(has(&r, "mail.log: 6 lines, 5 of SMTP clients, 2 sessions, "
	    "0 of other days, 0 handshakes without delivery; 2 days, "
	    "2 segments\n"));
	assert_true(has(&r, "left out: 1 lines whose time cannot be read, 1 "
	    "sessions without a domain name; cut: 0 lines"));
	assert_int_equal(sessions_of(&s->spool, DAY), 1);
	assert_int_equal(sessions_of(&s->spool, DAY - 1), 1);
	r = run(s, "gzip -c mail.log | ", "import -");
	assert_int_equal(r.status, 0);
	assert_true(has(&r, "(standard input): 2 of its segments were imported "
	    "before, they are not added again"));
	assert_int_equal(sessions_of(&s->spool, DAY), 1);
}

/* Stamps are of the year in which the file was written, or of --day. */
static void
import_knows_year_and_zone(void **state)
{
	struct scratch *s = *state;
	struct result r;

	put(s->spool.fd, "mail.log", "Nov 21 23:30:00" LOG "a.example" MX);
	r = run(s, "touch -d 2026-11-22T00:00:00Z mail.log && TZ=EST5 ",
	    "import mail.log");
	assert_int_equal(r.status, 0);
	assert_int_equal(sessions_of(&s->spool, DAY + 1), 1);
	put(s->spool.fd, "mail.log", "Nov 21 23:30:00" LOG "b.example" MX);
	r = run(s, "TZ=UTC0 ", "import --day 2025-11-21 mail.log");
	assert_int_equal(r.status, 0);
	assert_int_equal(sessions_of(&s->spool, DAY - 365), 1);
	r = run(s, "TZ=UTC0 ", "import --day 2025-11-22 mail.log");
	assert_true(has(&r, "0 sessions, 1 of other days"));
}

static void
import_of_what_is_no_log_fails(void **state)
{
	struct scratch *s = *state;
	struct result r;

	r = run(s, "", "import none.log");
	assert_int_equal(r.status, 1);
	assert_true(has(&r, "none.log: not added: No such file"));
	r = run(s, "echo x | gzip -c | head -c 15 | ", "import");
	assert_int_equal(r.status, 1);
	assert_true(has(&r, "(standard input): not added: its gzip data "
	    "are damaged or incomplete"));
}

static void
wrong_usage_is_status_2(void **state)
{
	static const struct {
		const char *args, *said;
	} rows[] = {
		{ "", "usage: " },
		{ "remove", "no such command: remove" },
		{ "add --day 2026-02-30 a", "--day takes a day such as "
		    "2026-11-21, from 1970 to 9999, not 2026-02-30" },
		{ "add --day yesterday a", "not yesterday" },
		{ "add --nonsense", "--nonsense" },
		{ "list --day 2026-11-21", "--day goes with add and import only" },
		{ "list x", "list takes no argument: x" },
		{ "seal x", "not a day such as 2026-11-21: x" },
		{ "--config none.conf list", "none.conf" },
	};
	struct scratch *s = *state;

	for (size_t i = 0; i < N(rows); i++) {
		struct result r = run(s, "", rows[i].args);

		assert_int_equal(r.status, 2);
		assert_true(has(&r, rows[i].said));
	}
	put(s->spool.fd, "tlsrpt.conf", "[spool]\nnonsense = 1\n");
	assert_int_equal(run(s, "", "list").status, 2);
}

static void
help_and_version_are_told(void **state)
{
	struct scratch *s = *state;
	struct result r = run(s, "", "--help");

	assert_int_equal(r.status, 0);
	assert_true(has(&r, "usage: tlsrpt-spool"));
	assert_true(has(&r, "verify"));
	r = run(s, "", "--version");
	assert_int_equal(r.status, 0);
	assert_string_equal(r.out, "tlsrpt-spool " VERSION "\n");
}

static void
a_spool_that_is_not_there_is_said(void **state)
{
	struct scratch *s = *state;
	struct result r;

	put(s->spool.fd, "tlsrpt.conf",
	    "[spool]\ndirectory = /nonexistent/spool\nsource = mta1\n");
	r = run(s, "", "list");
	assert_int_equal(r.status, 1);
	assert_true(has(&r, "/nonexistent/spool: the spool directory: "
	    "No such file"));
}

static void
list_shows_a_table(void **state)
{
	struct scratch *s = *state;
	struct intake_totals t;
	struct result r;

	assert_int_equal(add_text(&s->spool, RECORD("a.example") "\n"
	    RECORD("a.example") "\n", &t), 0);
	r = run(s, "", "list");
	assert_int_equal(r.status, 0);
	assert_true(has(&r, "day         segments  sealed  open     sessions"));
	assert_true(has(&r, "\n2026-11-21         1       1     0"
	    "            2          1 "));
}

static void
seal_folds_what_nobody_writes(void **state)
{
	struct scratch *s = *state;
	struct result r;

	put_segment(&s->spool, "a.open", HEADER("1", "") RECORD("a.example")
	    "\n" RECORD("a.example") "\n{\"d");
	put(s->spool.days, "2026-11-19", "");
	r = run(s, "", "seal 2026-11-19");
	assert_int_equal(r.status, 1);
	assert_true(has(&r, "days/2026-11-19: cannot be read: Not a dir"));
	unlinkat(s->spool.days, "2026-11-19", 0);
	r = run(s, "", "seal 2026-11-20");
	assert_int_equal(r.status, 0);
	assert_true(has(&r, "0 segments"));
	r = run(s, "", "seal");
	assert_int_equal(r.status, 0);
	assert_true(has(&r, "days/2026-11-21/a.open: the last 3 bytes are a "
	    "torn line, skipped"));
	assert_true(has(&r, "sealed: 2 lines, 2 sessions, 1 distinct, "
	    "0 rejected; 1 days, 1 segments\n"));
	put_segment(&s->spool, "b.open", "x\n");
	r = run(s, "", "seal 2026-11-21");
	assert_int_equal(r.status, 1);
	assert_true(has(&r, "days/2026-11-21/b.open: cannot be sealed"));
}

static void
verify_names_every_bad_line(void **state)
{
	struct scratch *s = *state;
	struct intake_totals t;
	struct result r;

	assert_int_equal(add_text(&s->spool, RECORD("a.example") "\n", &t), 0);
	r = run(s, "", "verify");
	assert_int_equal(r.status, 0);
	assert_string_equal(r.out, "1 files, 1 lines, 0 bad\n");
	put(s->spool.fd, "a.jsonl", "x\n");
	r = run(s, "", "verify 2026-11-21 a.jsonl");
	assert_int_equal(r.status, 1);
	assert_string_equal(r.out, "a.jsonl:1: does not begin with '{'\n"
	    "2 files, 2 lines, 1 bad\n");
}

/* Or the nightly run, which is not root, could not read it. */
static void
what_root_adds_belongs_to_the_owner(void **state)
{
	const uid_t owner = 4711;
	const gid_t group = 4712;
	struct scratch *s = *state;
	struct file_names names;
	struct stat st;
	int dirfd;

	if (geteuid() != 0)
		skip();
	put(s->spool.fd, "root.jsonl", RECORD("a.example") "\nbad\n");
	assert_int_equal(fchmodat(s->spool.fd, "root.jsonl", 0600, 0), 0);
	assert_int_equal(chown(s->path, owner, group), 0);
	assert_int_equal(fchown(s->spool.days, owner, group), 0);
	assert_int_equal(fchown(s->spool.incoming, owner, group), 0);
	assert_int_equal(fchown(s->spool.rejected, owner, group), 0);
	/* LeakSanitizer cannot look into a process that changed its user. */
	assert_int_equal(run(s, "ASAN_OPTIONS=detect_leaks=0 ",
	    "add --day 2026-11-21 root.jsonl").status, 0);
	dirfd = day_folder(&s->spool);
	assert_int_equal(file_names(&names, dirfd, ".seg"), 0);
	assert_int_equal(names.n, 1);
	assert_int_equal(fstatat(dirfd, names.name[0], &st, 0), 0);
	assert_int_equal(st.st_uid, owner);
	assert_int_equal(st.st_gid, group);
	assert_int_equal(fstat(dirfd, &st), 0);
	assert_int_equal(st.st_uid, owner);
	assert_int_equal(fstatat(s->spool.rejected, "2026-11-21.jsonl", &st,
	    0), 0);
	assert_int_equal(st.st_uid, owner);
	file_names_free(&names);
	close(dirfd);
}

static void
output_that_is_lost_is_an_error(void **state)
{
	struct scratch *s = *state;

	assert_int_equal(run(s, "", "list >/dev/full").status, 1);
}

int
main(int argc, char *argv[])
{
#define RUN(f)	cmocka_unit_test_setup_teardown(f, setup, scratch_teardown)
	const struct CMUnitTest tests[] = {
		RUN(add_says_what_it_added),
		RUN(add_reads_standard_input),
		RUN(add_without_day_means_today),
		RUN(add_warns_of_what_is_rejected),
		RUN(add_goes_on_after_a_file_it_cannot_read),
		RUN(import_says_what_it_found),
		RUN(import_knows_year_and_zone),
		RUN(import_of_what_is_no_log_fails),
		RUN(wrong_usage_is_status_2),
		RUN(help_and_version_are_told),
		RUN(a_spool_that_is_not_there_is_said),
		RUN(list_shows_a_table),
		RUN(seal_folds_what_nobody_writes),
		RUN(verify_names_every_bad_line),
		RUN(what_root_adds_belongs_to_the_owner),
		RUN(output_that_is_lost_is_an_error),
	};
	char *self, *path;
	int rc;

	(void)argc;
	if ((self = realpath(argv[0], NULL)) == NULL)
		return 1;
	program = path = xasprintf("%s/../../tlsrpt-spool", dirname(self));
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	free(path);
	free(self);
	return rc;
}
