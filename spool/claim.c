#include "spool/claim.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "spool/file.h"
#include "spool/notify.h"

#define NICE	(-20)	/* of who reads the socket */
#define NO_USER	 "there is no such user"
#define NO_GROUP "there is no such group"

/* By the errno of a look-up, which is 0 when there is none. */
static const char *
reason(const char *none)
{
	return errno == 0 ? none : strerrordesc_np(errno);
}

int
claim_check(const struct conf *c, const char *config, FILE *err)
{
	const struct {
		const char *key, *user, *group;
	} names[] = {
		{ "user", .user = c->spool.user },
		{ "socket_owner", .user = c->spool.socket_owner },
		{ "socket_group", .group = c->spool.socket_group },
	};
	int rc = 0;
	uid_t uid;
	gid_t gid;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *user = names[i].user, *group = names[i].group;

		if ((user == NULL || priv_uid(user, &uid) == 0) &&
		    (group == NULL || priv_gid(group, &gid) == 0))
			continue;
		fprintf(err, "%s: [spool] %s %s: %s\n", config, names[i].key,
		    user != NULL ? user : group,
		    reason(user != NULL ? NO_USER : NO_GROUP));
		rc = -1;
	}
	return rc;
}

static void
find_user(struct claim *c)
{
	const char *name = c->conf->spool.user;

	if (geteuid() != 0)
		return;
	if (name == NULL)
		log_warn("running as root; [spool] user names whom to become");
	else if (priv_find(&c->user, name) == -1)
		fatal("[spool] user %s: %s", name, reason(NO_USER));
}

/* Make a folder that belongs to whom we become, unless it is there. */
static void
make_folder(const struct claim *c, const char *key, const char *path)
{
	char *slash, *parent = xstrdup(path);
	int made;

	if ((slash = strrchr(parent, '/')) != NULL && slash != parent) {
		*slash = '\0';
		(void)file_mkdirs(parent, 0755);
	}
	free(parent);
	made = mkdir(path, 0750);
	if (made == -1 && errno != EEXIST)
		fatal("[spool] %s %s: cannot be made: %m", key, path);
	if (made == 0 && c->user.name != NULL &&
	    lchown(path, c->user.uid, c->user.gid) == -1)
		fatal("[spool] %s %s: cannot be given to %s: %m", key, path,
		    c->user.name);
}

/* Returns -1 when another instance is running. */
static int
lock_runtime(struct claim *c)
{
	const char *path = c->conf->spool.runtime_directory;

	make_folder(c, "runtime_directory", path);
	if ((c->runtime = file_opendir(AT_FDCWD, path, 0750)) == -1)
		fatal("[spool] runtime_directory %s: %m", path);
	if (file_lock(c->runtime) == 0)
		return 0;
	if (errno != EWOULDBLOCK)
		fatal("%s: cannot be locked: %m", path);
	log_warn("another tlsrpt-spoold runs in %s", path);
	return -1;
}

static void
make_socket(struct claim *c)
{
	struct socket_place place = { .path = c->conf->spool.socket,
		.uid = (uid_t)-1, .gid = (gid_t)-1,
		.mode = (mode_t)c->conf->spool.socket_mode };
	const char *owner = c->conf->spool.socket_owner, *why;
	const char *group = c->conf->spool.socket_group;

	if (c->user.name != NULL) {
		place.uid = c->user.uid;
		place.gid = c->user.gid;
	}
	if (owner != NULL && priv_uid(owner, &place.uid) == -1)
		fatal("[spool] socket_owner %s: %s", owner, reason(NO_USER));
	if (group != NULL && priv_gid(group, &place.gid) == -1)
		fatal("[spool] socket_group %s: %s", group, reason(NO_GROUP));
	c->socket = socket_bind(&place, &c->own, &why);
	if (c->socket == -1)
		fatal("%s: %s: %m", place.path, why);
}

static void
get_socket(struct claim *c, int listen_fds)
{
	long most = socket_queue_length();
	const char *why;

	if (listen_fds > 1)
		fatal("%d sockets were passed to this program, it takes one",
		    listen_fds);
	if (listen_fds == 1) {
		c->socket = NOTIFY_FIRST_FD;
		if (socket_inherit(c->socket, &why) == -1)
			fatal("the socket passed to this program: %s: %m", why);
	} else
		make_socket(c);
	if (most != -1 && most < SOCKET_QUEUE_WANTED)
		log_warn("net.unix.max_dgram_qlen is %ld: the kernel throws "
		    "away what is more than that in one moment; "
		    "`sysctl net.unix.max_dgram_qlen=%d` helps sockets made "
		    "after it", most, SOCKET_QUEUE_WANTED);
}

static void
drop_privileges(struct claim *c)
{
	const char *why;

	make_folder(c, "directory", c->conf->spool.directory);
	/* The kernel's queue is short.  Nothing is lost where we may not. */
	setpriority(PRIO_PROCESS, 0, NICE);
	if (c->user.name != NULL && priv_drop(&c->user, &why) == -1)
		fatal("cannot become %s: %s: %m", c->user.name, why);
}

int
claim_take(struct claim *c, const struct conf *conf, int listen_fds)
{
	*c = (struct claim){ .conf = conf, .runtime = -1, .socket = -1 };
	find_user(c);
	if (lock_runtime(c) == -1)
		return -1;
	get_socket(c, listen_fds);
	drop_privileges(c);
	return 0;
}

void
claim_release(struct claim *c)
{
	if (c->socket != -1)
		close(c->socket);
	if (c->runtime != -1)
		close(c->runtime);
	priv_release(&c->user);
}
