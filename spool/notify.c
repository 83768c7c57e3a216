#include "spool/notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conf/mem.h"

/* A decimal number of the environment; 0 when it is none. */
static uint64_t
number(const char *name)
{
	const char *text = getenv(name);
	char *end;
	unsigned long long n;

	if (text == NULL || *text < '0' || *text > '9')
		return 0;
	errno = 0;
	n = strtoull(text, &end, 10);
	return *end == '\0' && errno == 0 ? n : 0;
}

static int
is_for_us(const char *name)
{
	return number(name) == (uint64_t)getpid();
}

void
notify_init(struct notify *n)
{
	static const char *const names[] = { "NOTIFY_SOCKET", "LISTEN_PID",
		"LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_PID",
		"WATCHDOG_USEC" };
	const char *path = getenv("NOTIFY_SOCKET");
	uint64_t fds = number("LISTEN_FDS");

	memset(n, 0, sizeof(*n));
	if (path != NULL && (path[0] == '/' || path[0] == '@'))
		n->socket = xstrdup(path);
	if (is_for_us("LISTEN_PID") && fds < 1000)
		n->listen_fds = (int)fds;
	if (getenv("WATCHDOG_PID") == NULL || is_for_us("WATCHDOG_PID"))
		n->watchdog = number("WATCHDOG_USEC");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
}

void
notify_release(struct notify *n)
{
	free(n->socket);
	memset(n, 0, sizeof(*n));
}

void
notify_tell(const struct notify *n, const char *state)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len;
	int fd;

	if (n->socket == NULL ||
	    (len = strlen(n->socket)) >= sizeof(to.sun_path))
		return;
	memcpy(to.sun_path, n->socket, len);
	if (to.sun_path[0] == '@')	/* an abstract address */
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return;
	(void)sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
	    (struct sockaddr *)&to,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	close(fd);
}

void
notify_reloading(const struct notify *n)
{
	struct timespec now;
	char text[64];

	clock_gettime(CLOCK_MONOTONIC, &now);
	fmt(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%lld",
	    (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
	notify_tell(n, text);
}
