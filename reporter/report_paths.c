#include "reporter/report_file.h"

#include <sys/stat.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <stdlib.h>
#include <string.h>

#include "conf/log.h"
#include "conf/mem.h"

static void
add(struct report_paths *p, const char *path)
{
	if (p->n == p->size) {
		p->size = p->size == 0 ? 64 : 2 * p->size;
		p->path = xreallocarray(p->path, p->size, sizeof(*p->path));
	}
	p->path[p->n++] = xstrdup(path);
}

/* Mails that are being delivered are not there yet. */
static bool
is_maildir_tmp(const FTSENT *e)
{
	char *other;
	struct stat st;
	bool yes;

	if (strcmp(e->fts_name, "tmp") != 0)
		return false;
	other = xasprintf("%.*s/cur", (int)(e->fts_pathlen - 4), e->fts_path);
	yes = stat(other, &st) == 0 && S_ISDIR(st.st_mode);
	free(other);
	return yes;
}

static void
visit(struct report_paths *p, FTS *fts, FTSENT *e)
{
	switch (e->fts_info) {
	case FTS_D:
		if (e->fts_level > 0 &&
		    (e->fts_name[0] == '.' || is_maildir_tmp(e)))
			fts_set(fts, e, FTS_SKIP);
		break;
	case FTS_F:
		if (e->fts_name[0] != '.')
			add(p, e->fts_path);
		break;
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		errno = e->fts_errno;
		log_warn("%s: %m", e->fts_path);
		p->bad++;
		break;
	default:
		break;
	}
}

static int
by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* Links are not followed: what is below is below. */
static void
walk(struct report_paths *p, const char *path)
{
	char *root = xstrdup(path), *const roots[] = { root, NULL };
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_COMFOLLOW | FTS_NOCHDIR,
	    by_name);
	FTSENT *e;

	if (fts == NULL)
		fatal("%s: %m", path);
	while ((e = fts_read(fts)) != NULL)
		visit(p, fts, e);
	fts_close(fts);
	free(root);
}

int
report_paths_add(struct report_paths *p, const char *path)
{
	struct stat st;

	if (strcmp(path, "-") == 0) {
		add(p, path);
		return 0;
	}
	if (stat(path, &st) == -1)
		return -1;
	if (S_ISDIR(st.st_mode)) {
		p->many = true;
		walk(p, path);
	} else
		add(p, path);
	return 0;
}

void
report_paths_release(struct report_paths *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->path[i]);
	free(p->path);
	memset(p, 0, sizeof(*p));
}
