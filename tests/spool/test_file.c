#include "spool/file.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/mem.h"

/*
 * The calls that can fail, in the place of the C library's: the one numbered
 * fail_at fails with EIO, without having done anything.
 */
static int calls, fail_at;
static int syncs;
static ino_t synced[16];	/* what was synced, in order */
static off_t synced_size[16];

static int
fails(void)
{
	if (++calls != fail_at)
		return 0;
	errno = EIO;
	return 1;
}

int
openat(int dirfd, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	if (flags & O_CREAT) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	return fails() ? -1 :
	    (int)syscall(SYS_openat, dirfd, path, flags, mode);
}

int
fsync(int fd)
{
	struct stat st;

	if (fails())
		return -1;
	if (fstat(fd, &st) == 0 && syncs < 16) {
		synced[syncs] = st.st_ino;
		synced_size[syncs++] = st.st_size;
	}
	return (int)syscall(SYS_fsync, fd);
}

/* Half of what is asked for, and an interruption now and then. */
ssize_t
write(int fd, const void *buf, size_t len)
{
	static int turn;

	if (fails())
		return -1;
	if (turn++ % 3 == 0) {
		errno = EINTR;
		return -1;
	}
	return syscall(SYS_write, fd, buf, (len + 1) / 2);
}

int
mkdirat(int dirfd, const char *path, mode_t mode)
{
	return fails() ? -1 : (int)syscall(SYS_mkdirat, dirfd, path, mode);
}

int
renameat(int from, const char *old, int to, const char *new)
{
	return fails() ? -1 : (int)syscall(SYS_renameat2, from, old, to, new,
	    0);
}

int
linkat(int from, const char *old, int to, const char *new, int flags)
{
	return fails() ? -1 : (int)syscall(SYS_linkat, from, old, to, new,
	    flags);
}

FILE *
fdopen(int fd, const char *mode)
{
	FILE *(*real)(int, const char *);

	*(void **)&real = dlsym(RTLD_NEXT, "fdopen");
	return fails() ? NULL : real(fd, mode);
}

int
fflush(FILE *f)
{
	int (*real)(FILE *);

	*(void **)&real = dlsym(RTLD_NEXT, "fflush");
	return fails() ? EOF : real(f);
}

/* The one that closes whatever it returns. */
int
fclose(FILE *f)
{
	int (*real)(FILE *), failed = fails();

	*(void **)&real = dlsym(RTLD_NEXT, "fclose");
	return real(f) == EOF || failed ? (errno = EIO, EOF) : 0;
}

/* A fresh folder; it has to be empty again in the end. */
static char path[32];
static int dir;

static int
open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

static int fds;

static int
setup(void **state)
{
	(void)state;
	fmt(path, sizeof(path), "/tmp/test_file.XXXXXX");
	calls = fail_at = syncs = 0;
	fds = open_fds();
	if (mkdtemp(path) == NULL)
		return -1;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir == -1 ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	close(dir);
	if (open_fds() != fds) {
		print_error("descriptors left open\n");
		return -1;
	}
	return rmdir(path);
}

/* The contents of a file in the folder as text, "-" when it is not there. */
static const char *
contents(const char *name)
{
	static char text[64];
	int fd = (int)syscall(SYS_openat, dir, name, O_RDONLY, 0);
	ssize_t n;

	if (fd == -1)
		return "-";
	n = read(fd, text, sizeof(text) - 1);
	assert_true(n >= 0);
	text[n] = '\0';
	close(fd);
	return text;
}

static ino_t
inode(const char *name)
{
	struct stat st;

	assert_int_equal(fstatat(dir, name, &st, 0), 0);
	return st.st_ino;
}

/* How many names the folder has, hidden ones included. */
static int
entries(void)
{
	DIR *all = opendir(path);
	int n = 0;

	assert_non_null(all);
	while (readdir(all) != NULL)
		n++;
	closedir(all);
	return n - 2;		/* . and .. */
}

static int
replace(void)
{
	return file_replace(dir, "a", "new text", 8, 0640);
}

static int
commit(bool once)
{
	struct file_new n;
	int rc;

	if (file_new_open(&n, dir, "a", 0640) == -1)
		return -1;
	if (fputs("new text", n.f) == EOF) {
		file_new_abort(&n);
		return -1;
	}
	rc = file_new_commit(&n, once);
	assert_null(n.f);
	assert_null(n.temp);
	assert_null(n.name);
	return rc;
}

static int
commit_over(void)
{
	return commit(false);
}

static int
commit_once(void)
{
	return commit(true);
}

static const struct {
	const char *name;
	int (*make)(void);
	bool over;		/* there is a file already */
} makers[] = {
	{ "file_replace of a new name", replace, false },
	{ "file_replace of a file", replace, true },
	{ "file_new of a new name", commit_over, false },
	{ "file_new of a file", commit_over, true },
	{ "file_new, once", commit_once, false },
};
#define NMAKERS	(sizeof(makers) / sizeof(makers[0]))

static void
old_file(bool wanted)
{
	int fd;

	unlinkat(dir, "a", 0);
	if (!wanted)
		return;
	fd = (int)syscall(SYS_openat, dir, "a", O_WRONLY | O_CREAT, 0600);
	assert_int_not_equal(fd, -1);
	assert_int_equal(syscall(SYS_write, fd, "old text", 8), 8);
	close(fd);
}

static void
makes_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < NMAKERS; i++) {
		struct stat st;

		old_file(makers[i].over);
		syncs = 0;
		if (makers[i].make() == -1)
			fail_msg("%s: %s", makers[i].name, strerror(errno));
		assert_string_equal(contents("a"), "new text");
		assert_int_equal(entries(), 1);
		assert_int_equal(fstatat(dir, "a", &st, 0), 0);
		assert_int_equal(st.st_mode & 07777, 0640);
		/* First the whole file, then the folder with its new name. */
		assert_int_equal(syncs, 2);
		assert_int_equal(synced[0], inode("a"));
		assert_int_equal(synced_size[0], 8);
		assert_int_equal(synced[1], inode("."));
	}
	unlinkat(dir, "a", 0);
}

/* Whichever call fails: one whole version, and nothing else left. */
static void
survives_failing_calls(void **state)
{
	(void)state;
	for (size_t i = 0; i < NMAKERS; i++) {
		const char *old = makers[i].over ? "old text" : "-";
		int rc = -1;

		for (int n = 1; rc == -1; n++) {
			const char *now;

			old_file(makers[i].over);
			calls = 0;
			fail_at = n;
			rc = makers[i].make();
			if (calls < n)
				fail_at = 0;	/* none failed */
			if (rc == -1)
				assert_int_equal(errno, EIO);
			now = contents("a");
			if (rc == 0 || strcmp(now, old) != 0)
				assert_string_equal(now, "new text");
			assert_int_equal(entries(), strcmp(now, "-") != 0);
			if (rc == -1 && makers[i].make == commit_once)
				assert_string_equal(now, "-");
			assert_int_not_equal(n, 40);
		}
		/* It went on only because no call was left to fail. */
		assert_int_equal(fail_at, 0);
	}
	unlinkat(dir, "a", 0);
}

static void
once_does_not_replace(void **state)
{
	(void)state;
	old_file(true);
	errno = 0;
	assert_int_equal(commit_once(), -1);
	assert_int_equal(errno, EEXIST);
	assert_string_equal(contents("a"), "old text");
	assert_int_equal(entries(), 1);
	unlinkat(dir, "a", 0);
}

static void
abort_leaves_nothing(void **state)
{
	struct file_new n;

	(void)state;
	assert_int_equal(file_new_open(&n, dir, "a", 0600), 0);
	assert_int_equal(entries(), 1);
	assert_string_equal(contents("a"), "-");
	fputs("text", n.f);
	file_new_abort(&n);
	assert_int_equal(entries(), 0);
	file_new_abort(&n);
	memset(&n, 0, sizeof(n));
	file_new_abort(&n);
	assert_int_equal(file_new_open(&n, dir, "no/such", 0600), -1);
	assert_null(n.f);
	assert_null(n.temp);
	file_new_abort(&n);
}

/* A full disk, as near as a process limit comes to it. */
static void
says_that_it_does_not_fit(void **state)
{
	struct rlimit old, little = { 10000, RLIM_INFINITY };
	char *text = xcalloc(1, 200000);
	struct file_new n;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	little.rlim_max = old.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &little), 0);
	errno = 0;
	assert_int_equal(file_replace(dir, "a", text, 200000, 0600), -1);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(entries(), 0);
	/* An error in between, that the writer did not look at. */
	assert_int_equal(file_new_open(&n, dir, "a", 0600), 0);
	fwrite(text, 1, 200000, n.f);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	fputs("the rest", n.f);
	errno = 0;
	assert_int_equal(file_new_commit(&n, false), -1);
	assert_int_equal(errno, EIO);
	assert_int_equal(entries(), 0);
	free(text);
}

static void *
read_pipe(void *arg)
{
	char *text = xcalloc(1, 100001);
	size_t len = 0;
	ssize_t n;

	while ((n = read(*(int *)arg, text + len, 100000 - len)) > 0)
		len += (size_t)n;
	return text;
}

static void
writes_all(void **state)
{
	char *text = xmalloc(100000), *got;
	pthread_t thread;
	void *result;
	int pipes[2];

	(void)state;
	for (size_t i = 0; i < 100000; i++)
		text[i] = (char)('a' + i % 26);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(pthread_create(&thread, NULL, read_pipe, &pipes[0]),
	    0);
	assert_int_equal(file_write(pipes[1], text, 100000), 0);
	close(pipes[1]);
	assert_int_equal(pthread_join(thread, &result), 0);
	close(pipes[0]);
	got = result;
	assert_memory_equal(got, text, 100000);
	free(got);
	free(text);
	errno = 0;
	assert_int_equal(file_write(-1, "a", 1), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(file_write(-1, "", 0), 0);
}

static void
opens_and_makes_folders(void **state)
{
	int fd;

	(void)state;
	fd = file_opendir(dir, "sub", 0750);
	assert_int_not_equal(fd, -1);
	close(fd);
	assert_int_equal(syncs, 1);	/* the name is on disk */
	assert_int_equal(synced[0], inode("."));
	fd = file_opendir(dir, "sub", 0750);
	assert_int_not_equal(fd, -1);
	close(fd);
	assert_int_equal(syncs, 1);
	errno = 0;
	assert_int_equal(file_opendir(dir, "no/such", 0750), -1);
	assert_int_equal(errno, ENOENT);
	old_file(true);
	errno = 0;
	assert_int_equal(file_opendir(dir, "a", 0750), -1);
	assert_int_equal(errno, ENOTDIR);
	unlinkat(dir, "a", 0);
	unlinkat(dir, "sub", AT_REMOVEDIR);
	fd = -1;
	for (fail_at = 1; fd == -1; fail_at++) {
		calls = 0;
		fd = file_opendir(dir, "sub", 0750);
		assert_int_equal(entries(), fd != -1);
		assert_int_not_equal(fail_at, 20);
	}
	close(fd);
	unlinkat(dir, "sub", AT_REMOVEDIR);
}

static void
makes_parents(void **state)
{
	static const struct {
		const char *sub, *deepest;
		int syncs, error;
	} rows[] = {
		{ "one", "one", 1, 0 },
		{ "one", "one", 0, 0 },
		{ "one/two/three", "one/two/three", 2, 0 },
		{ "one/x///y/", "one/x/y", 2, 0 },
		{ "a/b", NULL, 0, ENOTDIR },
		{ "a", NULL, 0, ENOTDIR },
	};

	(void)state;
	old_file(true);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *all = xasprintf("%s/%s", path, rows[i].sub);

		syncs = 0;
		errno = 0;
		assert_int_equal(file_mkdirs(all, 0750),
		    rows[i].error == 0 ? 0 : -1);
		if (rows[i].error != 0)
			assert_int_equal(errno, rows[i].error);
		else
			assert_true(inode(rows[i].deepest) != 0);
		assert_int_equal(syncs, rows[i].syncs);
		free(all);
	}
	unlinkat(dir, "a", 0);
	unlinkat(dir, "one/two/three", AT_REMOVEDIR);
	unlinkat(dir, "one/two", AT_REMOVEDIR);
	unlinkat(dir, "one/x/y", AT_REMOVEDIR);
	unlinkat(dir, "one/x", AT_REMOVEDIR);
	unlinkat(dir, "one", AT_REMOVEDIR);
	assert_int_equal(file_mkdirs("/", 0750), 0);
}

static void
one_holds_the_lock(void **state)
{
	int first, second;

	(void)state;
	old_file(true);
	first = openat(dir, "a", O_RDWR);
	second = openat(dir, "a", O_RDWR);
	assert_int_equal(file_lock(first), 0);
	errno = 0;
	assert_int_equal(file_lock(second), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	close(first);
	assert_int_equal(file_lock(second), 0);
	close(second);
	unlinkat(dir, "a", 0);
}

static void
lists_names(void **state)
{
	static const char *const files[] = { "b.seg", "a.seg", ".c.seg",
		"seg", "d.open", ".seg", "x.segment", "10.seg", "9.seg" };
	static const struct {
		const char *suffix, *names;
	} rows[] = {
		{ ".seg", "10.seg 9.seg a.seg b.seg " },
		{ ".open", "d.open " },
		{ "", "10.seg 9.seg a.seg b.seg d.open seg x.segment " },
		{ ".jsonl", "" },
	};
	struct file_names names;

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		close(openat(dir, files[i], O_WRONLY | O_CREAT, 0600));
	/* Twice, for it must not depend on where dir's offset is. */
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(rows[0]); i++) {
		char all[100] = "";
		int len = 0;

		assert_int_equal(file_names(&names, dir, rows[i / 2].suffix),
		    0);
		for (size_t j = 0; j < names.n; j++)
			len += fmt(all + len, sizeof(all) - (size_t)len, "%s ",
			    names.name[j]);
		assert_string_equal(all, rows[i / 2].names);
		file_names_free(&names);
		assert_int_equal(names.n, 0);
		file_names_free(&names);
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlinkat(dir, files[i], 0);
	errno = 0;
	assert_int_equal(file_names(&names, -1, ""), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(names.n, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(makes_files, setup, teardown),
		cmocka_unit_test_setup_teardown(survives_failing_calls, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(once_does_not_replace, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(abort_leaves_nothing, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(says_that_it_does_not_fit,
		    setup, teardown),
		cmocka_unit_test_setup_teardown(writes_all, setup, teardown),
		cmocka_unit_test_setup_teardown(opens_and_makes_folders, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(makes_parents, setup, teardown),
		cmocka_unit_test_setup_teardown(one_holds_the_lock, setup,
		    teardown),
		cmocka_unit_test_setup_teardown(lists_names, setup, teardown),
	};

	umask(022);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
