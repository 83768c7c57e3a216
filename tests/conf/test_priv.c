#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/wait.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf/priv.h"

static void
names_are_looked_up(void **state)
{
	struct priv p;
	uid_t uid = 1;
	gid_t gid = 1;

	(void)state;
	assert_int_equal(priv_uid("root", &uid), 0);
	assert_int_equal(uid, 0);
	assert_int_equal(priv_gid("root", &gid), 0);
	assert_int_equal(gid, 0);
	assert_int_equal(priv_find(&p, "root"), 0);
	assert_string_equal(p.name, "root");
	assert_true(p.uid == 0 && p.gid == 0 && p.ngroups >= 1);
	priv_release(&p);
	priv_release(&p);
}

static void
who_does_not_exist_is_no_system_error(void **state)
{
	struct priv p;
	uid_t uid;
	gid_t gid;

	(void)state;
	assert_int_equal(priv_find(&p, "nobody-of-this-name"), -1);
	assert_int_equal(errno, 0);
	assert_int_equal(priv_uid("nobody-of-this-name", &uid), -1);
	assert_int_equal(errno, 0);
	assert_int_equal(priv_gid("nobody-of-this-name", &gid), -1);
	assert_int_equal(errno, 0);
}

static void
the_owner_of_a_file_is_found(void **state)
{
	char path[] = "/tmp/test_priv.XXXXXX";
	struct priv p;
	int fd = mkstemp(path);

	(void)state;
	assert_int_not_equal(fd, -1);
	assert_int_equal(priv_find_owner(&p, path), 0);
	assert_int_equal(p.uid, geteuid());
	priv_release(&p);
	if (geteuid() == 0) {
		/* Nobody's number. */
		assert_int_equal(fchown(fd, 4123456789, 4123456788), 0);
		assert_int_equal(priv_find_owner(&p, path), 0);
		assert_string_equal(p.name, "4123456789");
		assert_true(p.uid == 4123456789 && p.gid == 4123456788 &&
		    p.ngroups == 1 && p.groups[0] == p.gid);
		priv_release(&p);
	}
	close(fd);
	unlink(path);
	assert_int_equal(priv_find_owner(&p, path), -1);
	assert_int_equal(errno, ENOENT);
	priv_release(&p);
}

/* In a process of its own; the status says which check failed. */
static int
become(const struct priv *p)
{
	gid_t groups[64];
	const char *why;
	int n;

	if (priv_drop(p, &why) == -1 || why != NULL)
		return 1;
	if (getuid() != p->uid || geteuid() != p->uid ||
	    getgid() != p->gid || getegid() != p->gid)
		return 2;
	if ((n = getgroups(64, groups)) != p->ngroups)
		return 3;
	for (int i = 0; i < n; i++)
		if (groups[i] == 0)
			return 4;
	if (setuid(0) != -1 || setgid(0) != -1 || setgroups(0, NULL) != -1)
		return 5;
	return open("/etc/shadow", O_RDONLY) == -1 ? 0 : 6;
}

static void
there_is_no_way_back(void **state)
{
	struct priv p;
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(priv_find(&p, "nobody"), 0);
	if ((pid = fork()) == 0)
		_exit(become(&p));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	priv_release(&p);
}

/* Who has no privileges cannot become somebody else, and is told. */
static void
without_privileges_it_fails(void **state)
{
	struct priv nobody, root;
	const char *why = NULL;
	int status;
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(priv_find(&nobody, "nobody"), 0);
	assert_int_equal(priv_find(&root, "root"), 0);
	if ((pid = fork()) == 0)
		_exit(priv_drop(&nobody, &why) == 0 &&
		    priv_drop(&root, &why) == -1 && errno == EPERM &&
		    why != NULL ? 0 : 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	priv_release(&nobody);
	priv_release(&root);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_looked_up),
		cmocka_unit_test(who_does_not_exist_is_no_system_error),
		cmocka_unit_test(the_owner_of_a_file_is_found),
		cmocka_unit_test(there_is_no_way_back),
		cmocka_unit_test(without_privileges_it_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
