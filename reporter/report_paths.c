#include "reporter/report_file.h"

#include <sys/stat.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/log.h"
#include "conf/mem.h"

#define DEPTH_MAX	32	/* folders in folders */

static void	walk(struct report_paths *p, const char *path, int depth);

static void
add(struct report_paths *p, char *name, bool regular)
{
	if (p->n == p->size) {
		p->size = p->size == 0 ? 64 : 2 * p->size;
		p->path = xreallocarray(p->path, p->size, sizeof(*p->path));
	}
	p->path[p->n++] = (struct report_path){ name, regular };
}

static void
bad(struct report_paths *p, const char *path)
{
	log_warn("%s: %m", path);
	p->bad++;
}

/* Mails that are being delivered are not there yet. */
static bool
is_maildir(const char *path)
{
	char *cur = xasprintf("%s/cur", path);
	struct stat st;
	bool yes = stat(cur, &st) == 0 && S_ISDIR(st.st_mode);

	free(cur);
	return yes;
}

/* Not by printf, which takes much of the time before the first is read. */
static char *
join(const char *folder, const char *name)
{
	size_t len = strlen(folder), more = strlen(name) + 1;
	char *path = xmalloc(len + 1 + more), *p;

	p = mempcpy(path, folder, len);
	if (p[-1] != '/')
		*p++ = '/';
	memcpy(p, name, more);
	return path;
}

/* File systems that do not say what an entry is have to be asked. */
static unsigned char
type_of(const struct dirent *e, const char *path)
{
	struct stat st;

	if (e->d_type != DT_UNKNOWN)
		return e->d_type;
	if (lstat(path, &st) == -1)
		return DT_UNKNOWN;
	return (unsigned char)IFTODT(st.st_mode);
}

/* Links are not followed: what is below is below. */
static void
visit(struct report_paths *p, const char *folder, const struct dirent *e,
    int depth)
{
	char *path = join(folder, e->d_name);

	switch (type_of(e, path)) {
	case DT_REG:
		add(p, path, true);
		return;
	case DT_DIR:
		if (strcmp(e->d_name, "tmp") != 0 || !is_maildir(folder))
			walk(p, path, depth + 1);
		break;
	default:
		break;
	}
	free(path);
}

static int
is_visible(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static int
by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static void
walk(struct report_paths *p, const char *path, int depth)
{
	struct dirent **list;
	int n;

	if (depth > DEPTH_MAX)
		errno = ELOOP;
	if (depth > DEPTH_MAX ||
	    (n = scandir(path, &list, is_visible, by_name)) == -1) {
		bad(p, path);
		return;
	}
	for (int i = 0; i < n; i++) {
		visit(p, path, list[i], depth);
		free(list[i]);
	}
	free(list);
}

int
report_paths_add(struct report_paths *p, const char *path)
{
	struct stat st;

	if (strcmp(path, "-") == 0) {
		add(p, xstrdup(path), false);
		return 0;
	}
	if (stat(path, &st) == -1)
		return -1;
	if (S_ISDIR(st.st_mode)) {
		p->many = true;
		walk(p, path, 0);
	} else
		add(p, xstrdup(path), S_ISREG(st.st_mode));
	return 0;
}

void
report_paths_release(struct report_paths *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->path[i].name);
	free(p->path);
	memset(p, 0, sizeof(*p));
}
