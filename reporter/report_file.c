#include "reporter/report_file.h"

#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/mem.h"
#include "reporter/attached.h"
#include "reporter/gzip.h"
#include "reporter/reading.h"

#define FIRST_SIZE	(64 << 10)

/* One call of report_file_read. */
struct job {
	struct report_file *file;
	const char *path;
	report_file_fn *fn;
	void *arg;
	int found;
	char *why;
};

static void	take(struct job *j, const char *data, size_t len,
		    const struct lint_names *names, bool packed);

static int
fill(struct report_file *f, int fd, bool regular, size_t *len)
{
	ssize_t n;

	if (f->buf == NULL)
		f->buf = xmalloc((f->size = FIRST_SIZE) + 1);
	for (*len = 0; *len <= REPORT_FILE_MAX; *len += (size_t)n) {
		if (*len == f->size)
			f->buf = xreallocarray(f->buf,
			    (f->size *= 2) + 1, 1);
		n = read(fd, f->buf + *len, f->size - *len);
		if (n == -1 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			break;
		/* Of a plain file it is the end that makes a read short. */
		if (regular && *len + (size_t)n < f->size && n > 0) {
			*len += (size_t)n;
			break;
		}
	}
	if (*len > REPORT_FILE_MAX) {
		errno = EFBIG;
		return -1;
	}
	f->buf[*len] = '\0';
	return n == -1 ? -1 : 0;
}

static int
load(struct report_file *f, const struct report_path *path, size_t *len)
{
	bool is_stdin = strcmp(path->name, "-") == 0;
	int fd = is_stdin ? STDIN_FILENO : open(path->name, O_RDONLY |
	    O_CLOEXEC | O_NOCTTY), saved, rc;

	if (fd == -1)
		return -1;
	rc = fill(f, fd, path->regular, len);
	saved = errno;
	if (!is_stdin)
		close(fd);
	errno = saved;
	return rc;
}

/* The last part of a path, without .json and .gz. */
static char *
bare_name(const char *path, struct arena *a)
{
	const char *slash = strrchr(path, '/');
	char *name = arena_strdup(a, slash != NULL ? slash + 1 : path);
	size_t len = strlen(name);

	if (len > 3 && strcmp(name + len - 3, ".gz") == 0)
		name[len -= 3] = '\0';
	if (len > 5 && strcmp(name + len - 5, ".json") == 0)
		name[len - 5] = '\0';
	return name;
}

static void
complain(struct job *j, const char *why)
{
	if (j->why == NULL)
		j->why = xstrdup(why);
}

static void
on_attached(void *arg, const struct attached *m)
{
	struct job *j = arg;
	struct lint_names names = {
		.submitter = m->submitter,
		.domain = m->domain,
		.report_id = m->report_id,
		.filename = m->filename == NULL ? NULL :
		    bare_name(m->filename, &j->file->arena),
	};

	take(j, m->data, m->len, &names, false);
}

static bool
is_gzip(const char *data, size_t len)
{
	return len >= 2 && memcmp(data, "\x1f\x8b", 2) == 0;
}

/* White space and a byte order mark may stand in front. */
static bool
is_json(const char *data)
{
	if (strncmp(data, "\xef\xbb\xbf", 3) == 0)
		data += 3;
	data += strspn(data, " \t\r\n");
	return *data == '{' || *data == '[';
}

static void
unpack(struct job *j, const char *data, size_t len,
    const struct lint_names *names)
{
	const char *why;
	size_t plain;
	char *text = gzip_unpack(data, len, READING_MAX, &plain, &why);

	if (text == NULL)
		complain(j, why);
	else
		take(j, text, plain, names, true);
	free(text);
}

/* names is NULL where the file's own name is all there is. */
static void
take(struct job *j, const char *data, size_t len,
    const struct lint_names *names, bool packed)
{
	struct lint_names own = { 0 };

	if (!packed && is_gzip(data, len)) {
		unpack(j, data, len, names);
	} else if (is_json(data)) {
		if (names == NULL && strcmp(j->path, "-") != 0)
			own.filename = bare_name(j->path, &j->file->arena);
		j->found++;
		j->fn(j->arg, data, len, names != NULL ? names : &own);
	} else if (names == NULL && attached_is_mail(data, len)) {
		attached_find(data, len, &j->file->arena, on_attached, j);
	} else
		complain(j, "neither JSON nor gzip nor a mail");
}

int
report_file_read(struct report_file *f, const struct report_path *path,
    report_file_fn *fn, void *arg, char **why)
{
	struct job j = { .file = f, .path = path->name, .fn = fn, .arg = arg };
	size_t len;

	arena_reset(&f->arena);
	if (load(f, path, &len) == -1)
		j.why = xstrdup(strerror(errno));
	else
		take(&j, f->buf, len, NULL, false);
	*why = j.why;
	return j.why != NULL ? -1 : j.found;
}

void
report_file_release(struct report_file *f)
{
	arena_release(&f->arena);
	free(f->buf);
	memset(f, 0, sizeof(*f));
}
