/* What --check-config finds in place of the queue. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "reporter/ready.h"
#include "tests/reporter/queue_dir.h"

static void
make_text(void)
{
	FILE *f = fopen(queue_path, "we");

	assert_non_null(f);
	for (int i = 0; i < 200; i++)
		fputs("this is no database\n", f);
	assert_int_equal(fclose(f), 0);
}

static void
make_folder(void)
{
	assert_int_equal(mkdir(queue_path, 0755), 0);
}

static void
make_pipe(void)
{
	assert_int_equal(mkfifo(queue_path, 0644), 0);
}

static void
make_device(void)
{
	assert_int_equal(symlink("/dev/zero", queue_path), 0);
}

static void
make_dangling(void)
{
	assert_int_equal(symlink("nothing", queue_path), 0);
}

static void
make_loop(void)
{
	assert_int_equal(symlink(queue_path, queue_path), 0);
}

static void
make_other(void)
{
	sql_run("CREATE TABLE t (x)");
}

static void
make_queue(void)
{
	queue_close(queue_reopen(NULL, QUEUE_WRITE));
}

static void
make_newer(void)
{
	make_queue();
	sql_run("PRAGMA user_version = 99");
}

static void
make_older(void)
{
	make_queue();
	sql_run("PRAGMA user_version = 1");
}

/* A log that is to be read, without its index. */
static void
make_copy(void)
{
	struct queue *q = queue_reopen(NULL, QUEUE_WRITE);
	char *copy = xasprintf("cp %s-wal %s/log", queue_path, queue_dir);
	char *back = xasprintf("mv %s/log %s-wal; rm -f %s-shm", queue_dir,
	    queue_path, queue_path);

	must(q, queue_begin(q));
	must(q, queue_add_part(q, DAY, 1, NOW));
	must(q, queue_commit(q));
	assert_int_equal(system(copy), 0);
	queue_close(q);
	assert_int_equal(system(back), 0);
	free(copy);
	free(back);
}

static void
make_empty(void)
{
	FILE *f = fopen(queue_path, "we");

	assert_non_null(f);
	fclose(f);
}

static const struct {
	const char *name;
	void (*make)(void);
	const char *said;		/* NULL: all is well */
} rows[] = {
	{ "nothing", NULL, NULL },
	{ "a queue", make_queue, NULL },
	{ "one of an older release", make_older, NULL },
	{ "one that was copied in the middle", make_copy, NULL },
	{ "an empty file", make_empty, NULL },
	{ "one of a newer release", make_newer, "made by a newer release" },
	{ "another program's", make_other,
	    "not a queue: it is another program's database" },
	{ "no database", make_text, "file is not a database" },
	{ "a folder", make_folder, "not a plain file" },
	{ "a pipe", make_pipe, "not a plain file" },
	{ "a link to a device", make_device, "not a plain file" },
	{ "a link to nothing", make_dangling, "No such file or directory" },
	{ "a link to itself", make_loop, "Too many levels of symbolic links" },
};

/* Names, sizes and times of all that is in the folder. */
static char *
listing(void)
{
	char *command = xasprintf("ls -laR --time-style=full-iso %s",
	    queue_dir);
	char *text = xcalloc(1, 65536);
	FILE *p = popen(command, "re");

	assert_non_null(p);
	assert_true(fread(text, 1, 65535, p) > 0);
	assert_int_equal(pclose(p), 0);
	free(command);
	return text;
}

static void
check_row(size_t i)
{
	const struct conf c = {
		.spool = { .directory = queue_dir },
		.queue = { .database = queue_path },
	};
	char *before = listing(), *after, *said;
	size_t len;
	FILE *err = xmemstream(&said, &len);
	int rc = ready_folders(&c, "a.conf", err);
	char *want = xasprintf("a.conf: [queue] database %s: ", queue_path);

	xmemclose(err);
	after = listing();
	if (rows[i].said == NULL ? rc != 0 || len > 0 :
	    rc != -1 || strncmp(said, want, strlen(want)) != 0 ||
	    strstr(said, rows[i].said) == NULL)
		fail_msg("%s: %d\n%s", rows[i].name, rc, said);
	if (strcmp(before, after) != 0)
		fail_msg("%s: changed\n%s%s", rows[i].name, before, after);
	free(want);
	free(said);
	free(before);
	free(after);
}

static void
a_queue_is_looked_into_and_left_as_it_is(void **state)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		queue_dir_make();
		if (rows[i].make != NULL)
			rows[i].make();
		check_row(i);
		if (rows[i].make == make_folder)
			rmdir(queue_path);
		*state = NULL;
		assert_int_equal(queue_dir_teardown(state), 0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_queue_is_looked_into_and_left_as_it_is),
	};

	return cmocka_run_group_tests_name("reporter/ready", tests, NULL,
	    NULL);
}
