#include "conf/priv.h"

#include <sys/stat.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/mem.h"

#define GROUPS_MAX	65536	/* what the kernel takes */

int
priv_uid(const char *name, uid_t *uid)
{
	const struct passwd *pw;

	errno = 0;
	if ((pw = getpwnam(name)) == NULL)
		return -1;
	*uid = pw->pw_uid;
	return 0;
}

int
priv_gid(const char *name, gid_t *gid)
{
	const struct group *gr;

	errno = 0;
	if ((gr = getgrnam(name)) == NULL)
		return -1;
	*gid = gr->gr_gid;
	return 0;
}

int
priv_find(struct priv *p, const char *name)
{
	const struct passwd *pw;

	memset(p, 0, sizeof(*p));
	errno = 0;
	if ((pw = getpwnam(name)) == NULL)
		return -1;
	p->name = xstrdup(name);
	p->uid = pw->pw_uid;
	p->gid = pw->pw_gid;
	p->ngroups = 16;
	do {
		/* A number that is too small is replaced by the right one. */
		p->groups = xreallocarray(p->groups, (size_t)p->ngroups,
		    sizeof(*p->groups));
		if (getgrouplist(name, p->gid, p->groups, &p->ngroups) != -1)
			return 0;
	} while (p->ngroups <= GROUPS_MAX);
	priv_release(p);
	errno = EOVERFLOW;
	return -1;
}

int
priv_find_owner(struct priv *p, const char *path)
{
	const struct passwd *pw;
	struct stat st;
	char *name;
	int rc;

	memset(p, 0, sizeof(*p));
	if (stat(path, &st) == -1)
		return -1;
	errno = 0;
	if ((pw = getpwuid(st.st_uid)) != NULL) {
		name = xstrdup(pw->pw_name);	/* the next look-up's, else */
		rc = priv_find(p, name);
		free(name);
		return rc;
	}
	if (errno != 0)
		return -1;
	p->name = xasprintf("%ju", (uintmax_t)st.st_uid);
	p->uid = st.st_uid;
	p->gid = st.st_gid;
	p->groups = xmalloc(sizeof(*p->groups));
	p->groups[0] = p->gid;
	p->ngroups = 1;
	return 0;
}

void
priv_release(struct priv *p)
{
	free(p->name);
	free(p->groups);
	memset(p, 0, sizeof(*p));
}

/* Has every one of the three ids of a kind this value? */
static int
are_all(uid_t want, uid_t real, uid_t effective, uid_t saved)
{
	return real == want && effective == want && saved == want;
}

int
priv_drop(const struct priv *p, const char **why)
{
	uid_t u, eu, su;
	gid_t g, eg, sg;

	*why = "setgroups";
	if (setgroups((size_t)p->ngroups, p->groups) == -1)
		return -1;
	*why = "setresgid";
	if (setresgid(p->gid, p->gid, p->gid) == -1)
		return -1;
	*why = "setresuid";
	if (setresuid(p->uid, p->uid, p->uid) == -1)
		return -1;
	errno = EPERM;
	*why = "the ids are not what they were set to";
	if (getresuid(&u, &eu, &su) == -1 || !are_all(p->uid, u, eu, su) ||
	    getresgid(&g, &eg, &sg) == -1 || !are_all(p->gid, g, eg, sg) ||
	    getgroups(0, NULL) != p->ngroups)
		return -1;
	*why = "root is still within reach";
	if (p->uid != 0 && (setuid(0) != -1 || seteuid(0) != -1)) {
		errno = EPERM;
		return -1;
	}
	*why = NULL;
	return 0;
}
