#ifndef CONF_PRIV_H
#define CONF_PRIV_H

#include <sys/types.h>

/*
 * Privileges go down only.
 */

/* Find a user and his groups, before anything is changed. */
struct priv {
	char *name;
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	int ngroups;
};

/* -1 with errno, which is 0 when there is no such user. */
int	priv_find(struct priv *p, const char *name);
/*
 * Whom this file or folder belongs to; who has no name gets a number for one,
 * and the group of the file.  -1 with errno.
 */
int	priv_find_owner(struct priv *p, const char *path);
void	priv_release(struct priv *p);

/* The numbers behind names; -1 with errno, which is 0 when there is none. */
int	priv_uid(const char *name, uid_t *uid);
int	priv_gid(const char *name, gid_t *gid);

/*
 * Become this user for good: supplementary groups, group, user, in this
 * order, each checked, and then that there is no way back.  -1 with errno and
 * in *why the step that failed; the process must not go on then.
 */
int	priv_drop(const struct priv *p, const char **why);

#endif
