/*
 * The queue's promises under a process that dies (DESIGN contract 4).  A
 * child works through a script on a new queue and is killed at the n-th
 * statement, or the n-th system call that changes a file, for n = 1, 2, …
 * until it comes to its end.  Each time the queue must read, at once and after
 * recovery, exactly as it did before the step that was cut short or as it does
 * after it; and the rest of the script must lead to the same end.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include <sqlite3.h>

#include "conf/mem.h"
#include "reporter/queue.h"

#define DAY	20778		/* 2026-11-21 */
#define NOW	INT64_C(1795305600)
#define BODY	9000		/* more than a page of the database */

static char dir[64], path[96];

/* Where death comes: a countdown, in the child only. */
static enum death { NEVER, STATEMENT, SYSCALL, TORN_WRITE } death;
static long countdown;
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_ftruncate)(int, off_t);
static int (*real_unlink)(const char *);

static void
die(void)
{
	kill(getpid(), SIGKILL);
	abort();
}

static ssize_t
mortal_pwrite(int fd, const void *buf, size_t len, off_t at)
{
	if (death == SYSCALL && --countdown == 0)
		die();
	if (death == TORN_WRITE && --countdown == 0) {
		real_pwrite(fd, buf, len / 2, at);
		die();
	}
	return real_pwrite(fd, buf, len, at);
}

static int
mortal_ftruncate(int fd, off_t len)
{
	if (death == SYSCALL && --countdown == 0)
		die();
	return real_ftruncate(fd, len);
}

static int
mortal_unlink(const char *name)
{
	if (death == SYSCALL && --countdown == 0)
		die();
	return real_unlink(name);
}

/* Before each statement and after it. */
static int
on_statement(unsigned what, void *arg, void *p, void *x)
{
	(void)what, (void)arg, (void)p, (void)x;
	if (death == STATEMENT && --countdown == 0)
		die();
	return 0;
}

/* Called for each connection that is opened. */
static int
on_open(sqlite3 *db, const char **error, const void *api)
{
	(void)error, (void)api;
	sqlite3_trace_v2(db, SQLITE_TRACE_STMT | SQLITE_TRACE_PROFILE,
	    on_statement, NULL);
	sqlite3_wal_autocheckpoint(db, 4);	/* often, to die in it too */
	return SQLITE_OK;
}

static void
make_mortal(void)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

#define REPLACE(name, real, ours) do {					\
	real = (__typeof__(real))vfs->xGetSystemCall(vfs, name);	\
	assert_non_null(real);						\
	assert_int_equal(vfs->xSetSystemCall(vfs, name,			\
	    (sqlite3_syscall_ptr)ours), SQLITE_OK);			\
} while (0)
	REPLACE("pwrite64", real_pwrite, mortal_pwrite);
	REPLACE("ftruncate", real_ftruncate, mortal_ftruncate);
	REPLACE("unlink", real_unlink, mortal_unlink);
	sqlite3_auto_extension((void (*)(void))on_open);
}

/* The script. */

static int
add_report(struct queue *q, unsigned part, const char *domain,
    enum queue_transport transport, int n)
{
	char body[BODY], uri[32];
	struct queue_report r = {
		.day = DAY, .part = part, .made = NOW,
		.domain = domain,
		.report_id = domain,
		.filename = domain,
		.sessions = 7, .body = body, .len = sizeof(body),
	};
	struct queue_delivery d = {
		.transport = transport, .uri = uri,
		.host = "example.net", .next_try = NOW,
	};

	memset(body, domain[0], sizeof(body));
	if (queue_add_report(q, &r) == -1)
		return -1;
	while (n-- > 0) {
		fmt(uri, sizeof(uri), "uri:%d", n);
		d.report = 0;
		if (queue_add_delivery(q, &d) == -1)
			return -1;
	}
	return 0;
}

static int
fill_day(struct queue *q, unsigned expected)
{
	unsigned part;

	if (queue_begin(q) == -1 || queue_next_part(q, DAY, &part) == -1 ||
	    part != expected ||
	    queue_add_segment(q, DAY, expected == 1 ? "a" : "b") == -1 ||
	    queue_add_segment(q, DAY, expected == 1 ? "c" : "d") == -1 ||
	    queue_add_part(q, DAY, part, NOW) == -1 ||
	    add_report(q, part, "example.net", QUEUE_HTTPS, 2) == -1 ||
	    add_report(q, part, "lookup.example", QUEUE_LOOKUP, 1) == -1 ||
	    add_report(q, part, "mail.example", QUEUE_MAILTO, 1) == -1)
		return -1;
	return 0;
}

/* Rows of deliveries: 1, 2 example.net, 3 look-up, 4 mail; later 5 and on. */
static int
first_day(struct queue *q)
{
	return fill_day(q, 1) == -1 ? -1 : queue_commit(q);
}

static int
sent(struct queue *q)
{
	return queue_sent(q, 1, NOW + 1, "201");
}

static int
deferred(struct queue *q)
{
	return queue_deferred(q, 2, NOW + 2, NOW + 300, "503");
}

static int
resolved(struct queue *q)
{
	struct queue_delivery d[] = {
		{ .transport = QUEUE_HTTPS, .next_try = NOW + 9,
		    .uri = "https://a.test/",
		    .host = "a.test" },
		{ .transport = QUEUE_MAILTO, .next_try = NOW + 9,
		    .uri = "mailto:a@b.test",
		    .host = "b.test" },
	};

	return queue_resolved(q, 3, NOW + 3, d, 2, NULL);
}

static int
failed(struct queue *q)
{
	return queue_failed(q, 4, NOW + 4, "550");
}

static int
mailed(struct queue *q)
{
	return queue_sent(q, 6, NOW + 4, "250");
}

static int
day_given_up(struct queue *q)
{
	if (fill_day(q, 2) == -1)
		return -1;
	queue_rollback(q);
	return 0;
}

static int
made_due(struct queue *q)
{
	return queue_make_due(q, NOW + 5, NULL);
}

static int
second_part(struct queue *q)
{
	return fill_day(q, 2) == -1 ? -1 : queue_commit(q);
}

static int
expired(struct queue *q)
{
	return queue_expired(q, 2, NOW + 86400, "no answer");
}

static int
unresolved(struct queue *q)
{
	return queue_resolved(q, 9, NOW + 5, NULL, 0, "no TLSRPT record");
}

static int
purged(struct queue *q)
{
	return queue_purge(q, NOW + 86401);
}

static int (*const script[])(struct queue *) = {
	first_day, sent, deferred, resolved, failed, mailed, day_given_up,
	made_due, second_part, expired, unresolved, purged,
};
#define STEPS	(sizeof(script) / sizeof(script[0]))

/* All that is in the database. */
static char *
dump(void)
{
	static const char *const queries[] = {
		"SELECT day || ' ' || part || ' ' || done FROM day",
		"SELECT day || ' ' || segment FROM segment",
		"SELECT id || ' ' || day || ' ' || part || ' ' || domain"
		" || ' ' || length(body) || ' ' || quote(body) FROM report",
		"SELECT id || ' ' || report || ' ' || transport || ' ' || uri"
		" || ' ' || state || ' ' || next_try || ' ' || first_try"
		" || ' ' || tries || ' ' || ended || ' ' || ifnull(note, '')"
		" FROM delivery",
		"SELECT 'ledger ' || day || ' ' || domain || ' ' || mails"
		" FROM ledger",
		"PRAGMA integrity_check",
		"PRAGMA foreign_key_check",
		"SELECT 'bare ' || id FROM report WHERE id NOT IN"
		" (SELECT report FROM delivery)",
	};
	sqlite3 *db;
	sqlite3_stmt *s;
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		assert_int_equal(sqlite3_prepare_v2(db, queries[i], -1, &s,
		    NULL), SQLITE_OK);
		while (sqlite3_step(s) == SQLITE_ROW)
			fprintf(f, "%s\n", sqlite3_column_text(s, 0));
		sqlite3_finalize(s);
	}
	sqlite3_close(db);
	assert_int_equal(fclose(f), 0);
	return text;
}

static int
one_line(void *arg, const struct queue_item *i)
{
	fprintf(arg, "%s %u %zu %s %s %u %lld\n", i->domain, i->part, i->len,
	    i->delivery.uri, queue_state_name(i->delivery.state),
	    i->delivery.tries, (long long)i->delivery.next_try);
	return 0;
}

/* What people see; NULL when there is no queue yet. */
static char *
look(void)
{
	char *why, *text;
	size_t len;
	struct queue *q = queue_open(path, QUEUE_READ, &why);
	FILE *f;

	if (q == NULL) {
		assert_non_null(strstr(why, "older release"));
		free(why);
		return NULL;
	}
	f = open_memstream(&text, &len);
	if (queue_list(q, NULL, one_line, f) == -1)
		fail_msg("reader: %s", queue_error(q));
	assert_int_equal(fclose(f), 0);
	queue_close(q);
	return text;
}

static struct queue *
open_writer(void)
{
	char *why;
	struct queue *q = queue_open(path, QUEUE_WRITE, &why);

	if (q == NULL)
		fail_msg("%s", why);
	return q;
}

static void
remove_files(void)
{
	static const char *const files[] = { "", "-wal", "-shm", "-journal" };
	char name[128];

	for (size_t i = 0; i < 4; i++) {
		fmt(name, sizeof(name), "%s%s", path, files[i]);
		unlink(name);
	}
}

/* The queue after each step of a life without accident. */
static char *after[STEPS + 1], *seen[STEPS + 1];
static size_t *progress;	/* shared with the child */

static int
set_up(void **state)
{
	struct queue *q;

	(void)state;
	/* A process dies here, not the power: no need to wait for a disk. */
	fmt(dir, sizeof(dir), "%s/crash.XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(dir));
	fmt(path, sizeof(path), "%s/queue.db", dir);
	progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(progress != MAP_FAILED);
	make_mortal();
	q = open_writer();
	for (size_t i = 0; ; i++) {
		after[i] = dump();
		seen[i] = look();
		assert_non_null(strstr(after[i], "ok\n"));
		if (i == STEPS)
			break;
		if (script[i](q) == -1)
			fail_msg("step %zu: %s", i, queue_error(q));
	}
	queue_close(q);
	remove_files();
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	for (size_t i = 0; i <= STEPS; i++) {
		free(after[i]);
		free(seen[i]);
	}
	munmap(progress, sizeof(*progress));
	return rmdir(dir);
}

/* True when the child lived to the end. */
static bool
live(enum death how, long n)
{
	int status;
	pid_t pid;

	*progress = 0;
	if ((pid = fork()) == 0) {
		struct queue *q;
		char *why;

		death = how;
		countdown = n;
		if ((q = queue_open(path, QUEUE_WRITE, &why)) == NULL)
			_exit(1);
		for (size_t i = 0; i < STEPS; i++) {
			if (script[i](q) == -1)
				_exit(2);
			*progress = i + 1;
		}
		queue_close(q);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status)) {
		assert_int_equal(WEXITSTATUS(status), 0);
		return true;
	}
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	return false;
}

static bool
same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* What the dead left is whole, and the work can be finished from there. */
static void
check(enum death how, long n)
{
	size_t done = *progress, next = done < STEPS ? done + 1 : done;
	char *text = look();
	struct queue *q;

	if (text == NULL ? done > 0 :
	    !same(text, seen[done]) && !same(text, seen[next]))
		fail_msg("death %d/%ld after step %zu: reader sees\n%s", how,
		    n, done, text ? text : "nothing");
	free(text);

	q = open_writer();
	text = dump();
	if (!same(text, after[done])) {
		if (!same(text, after[next]))
			fail_msg("death %d/%ld after step %zu:\n%s", how, n,
			    done, text);
		done = next;
	}
	free(text);
	for (; done < STEPS; done++)
		if (script[done](q) == -1)
			fail_msg("death %d/%ld: step %zu: %s", how, n, done,
			    queue_error(q));
	queue_close(q);
	text = dump();
	assert_string_equal(text, after[STEPS]);
	free(text);
}

static void
die_at_every(enum death how, const char *what)
{
	long n;

	for (n = 1; !live(how, n); n++) {
		check(how, n);
		remove_files();
	}
	check(how, n);
	remove_files();
	print_message("died at each of %ld %s\n", n - 1, what);
	assert_true(n > 30);
}

static void
killed_between_statements(void **state)
{
	(void)state;
	die_at_every(STATEMENT, "beginnings and ends of statements");
}

static void
killed_before_a_change_of_a_file(void **state)
{
	(void)state;
	die_at_every(SYSCALL, "system calls");
}

static void
killed_in_the_middle_of_a_write(void **state)
{
	(void)state;
	die_at_every(TORN_WRITE, "writes, half done");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed_between_statements),
		cmocka_unit_test(killed_before_a_change_of_a_file),
		cmocka_unit_test(killed_in_the_middle_of_a_write),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
