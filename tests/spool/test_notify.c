#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>
#include <sys/un.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/mem.h"
#include "spool/notify.h"

/* "%d" in a value stands for our process-id. */
static const struct {
	const char *name, *pid, *fds, *watchdog_pid, *usec;
	int want_fds;
	uint64_t want_usec;
} rows[] = {
	{ "nothing", NULL, NULL, NULL, NULL, 0, 0 },
	{ "a socket for us", "%d", "1", NULL, NULL, 1, 0 },
	{ "two sockets", "%d", "2", NULL, NULL, 2, 0 },
	{ "for another process", "1", "1", NULL, NULL, 0, 0 },
	{ "without a process", NULL, "1", NULL, NULL, 0, 0 },
	{ "no number", "%d", "one", NULL, NULL, 0, 0 },
	{ "negative", "%d", "-1", NULL, NULL, 0, 0 },
	{ "huge", "%d", "99999999999999999999", NULL, NULL, 0, 0 },
	{ "a watchdog", NULL, NULL, "%d", "3000000", 0, 3000000 },
	{ "a watchdog for anybody", NULL, NULL, NULL, "3000000", 0, 3000000 },
	{ "another's watchdog", NULL, NULL, "1", "3000000", 0, 0 },
	{ "a watchdog without time", NULL, NULL, "%d", "soon", 0, 0 },
};

static void
set(const char *name, const char *value)
{
	char text[64];

	if (value == NULL) {
		unsetenv(name);
		return;
	}
	if (strcmp(value, "%d") == 0)
		fmt(text, sizeof(text), "%d", (int)getpid());
	else
		fmt(text, sizeof(text), "%s", value);
	setenv(name, text, 1);
}

static void
the_environment_is_understood_and_gone(void **state)
{
	struct notify n;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		set("LISTEN_PID", rows[i].pid);
		set("LISTEN_FDS", rows[i].fds);
		set("WATCHDOG_PID", rows[i].watchdog_pid);
		set("WATCHDOG_USEC", rows[i].usec);
		notify_init(&n);
		if (n.listen_fds != rows[i].want_fds ||
		    n.watchdog != rows[i].want_usec)
			fail_msg("%s: %d sockets, %lu us", rows[i].name,
			    n.listen_fds, (unsigned long)n.watchdog);
		assert_null(getenv("LISTEN_PID"));
		assert_null(getenv("LISTEN_FDS"));
		assert_null(getenv("WATCHDOG_USEC"));
		assert_null(n.socket);
		notify_tell(&n, "READY=1");	/* to nobody */
		notify_release(&n);
	}
}

/* A socket at this path or, with an @ in front, abstract address. */
static int
manager(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	size_t len = strlen(path);

	memcpy(at.sun_path, path, len);
	if (path[0] == '@')
		at.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&at, (socklen_t)
	    (offsetof(struct sockaddr_un, sun_path) + len)), 0);
	return fd;
}

static void
the_manager_is_told(void **state)
{
	char path[2][64], got[128];
	struct notify n;
	int fd;

	(void)state;
	fmt(path[0], sizeof(path[0]), "/tmp/tlsrpt-notify.%d", (int)getpid());
	fmt(path[1], sizeof(path[1]), "@tlsrpt-notify.%d", (int)getpid());
	for (int i = 0; i < 2; i++) {
		fd = manager(path[i]);
		setenv("NOTIFY_SOCKET", path[i], 1);
		notify_init(&n);
		assert_null(getenv("NOTIFY_SOCKET"));
		notify_tell(&n, "READY=1");
		assert_int_equal(recv(fd, got, sizeof(got), 0), 7);
		assert_memory_equal(got, "READY=1", 7);
		notify_reloading(&n);
		ssize_t len = recv(fd, got, sizeof(got) - 1, 0);
		assert_true(len > 0);
		got[len] = '\0';
		assert_memory_equal(got, "RELOADING=1\nMONOTONIC_USEC=", 27);
		assert_true(strtoull(got + 27, NULL, 10) > 0);
		close(fd);
		notify_tell(&n, "READY=1");	/* he has gone: no matter */
		notify_release(&n);
	}
	unlink(path[0]);
}

static void
odd_addresses_are_left_alone(void **state)
{
	struct notify n;
	char path[300];

	(void)state;
	setenv("NOTIFY_SOCKET", "relative/path", 1);
	notify_init(&n);
	assert_null(n.socket);
	notify_release(&n);
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	setenv("NOTIFY_SOCKET", path, 1);
	notify_init(&n);
	notify_tell(&n, "READY=1");
	notify_release(&n);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_environment_is_understood_and_gone),
		cmocka_unit_test(the_manager_is_told),
		cmocka_unit_test(odd_addresses_are_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
