#include "spool/verify.h"

#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "spool/arena.h"
#include "spool/day.h"
#include "spool/file.h"
#include "spool/record.h"
#include "spool/segment.h"

/* A file under inspection. */
struct inspected {
	const char *name;		/* as it is printed */
	FILE *out;
	struct verify_totals *totals;
	/* What a last line without newline is. */
	enum { TORN, COMPLETE, BEING_WRITTEN } end;
};

static void
complain(const struct inspected *f, uint64_t line, const char *why)
{
	char *name = log_escape(f->name), *reason = log_escape(why);

	if (line > 0)
		fprintf(f->out, "%s:%" PRIu64 ": %s\n", name, line, reason);
	else
		fprintf(f->out, "%s: %s\n", name, reason);
	f->totals->bad++;
	free(name);
	free(reason);
}

/*
 * Up to RECORD_MAX + 1 bytes of the next line.  Returns 1, 0 at the end, and
 * *whole says whether a newline ended it.
 */
static int
next_line(FILE *in, char *buf, size_t *len, bool *whole)
{
	int c;

	*len = 0;
	while ((c = getc_unlocked(in)) != EOF && c != '\n')
		if (*len <= RECORD_MAX)
			buf[(*len)++] = (char)c;
	*whole = c == '\n';
	return *whole || *len > 0;
}

/* There are bad lines in it: look at them one by one. */
static void
find_bad(const struct inspected *f, FILE *in, uint64_t number)
{
	char *line = xmalloc(RECORD_MAX + 1);
	struct arena a = { 0 };
	struct record r;
	const char *why;
	size_t len;
	bool whole;

	for (; next_line(in, line, &len, &whole); number++) {
		if (len == 0 || (!whole && f->end == BEING_WRITTEN))
			continue;
		if (!whole && f->end == TORN)
			complain(f, number, "torn: no newline at its end");
		else if (record_parse(&r, line, len, RECORD_KEEP, &a,
		    &why) == -1)
			complain(f, number, why);
		arena_reset(&a);
	}
	if (ferror(in))
		complain(f, 0, strerrordesc_np(errno));
	arena_release(&a);
	free(line);
}

/* The records from this offset on, the first of which is line `number`. */
static void
inspect(const struct inspected *f, int fd, off_t from, uint64_t number,
    struct intake_totals *t)
{
	const struct intake_sink sink = { .complete = f->end == COMPLETE,
		.use = RECORD_KEEP };
	FILE *in = NULL;
	int copy;

	if (intake_read(fd, from, 0, &sink, t) == -1) {
		complain(f, 0, strerrordesc_np(errno));
		return;
	}
	f->totals->lines += t->lines;
	if (t->rejected == 0 && t->torn == 0)
		return;
	if ((copy = fcntl(fd, F_DUPFD_CLOEXEC, 0)) == -1 ||
	    (in = fdopen(copy, "r")) == NULL ||
	    fseeko(in, from, SEEK_SET) == -1)
		complain(f, 0, strerrordesc_np(errno));
	else
		find_bad(f, in, number);
	if (in != NULL)
		fclose(in);
	else if (copy != -1)
		close(copy);
}

static void
inspect_segment(const struct inspected *f, int fd, const struct segment *g)
{
	struct intake_totals t = { 0 };

	if (g->bad != NULL)
		complain(f, 0, g->bad);
	if (g->body == 0)
		return;
	inspect(f, fd, g->body, 2, &t);
	if (g->bad == NULL && t.rejected == 0 && g->sessions != -1 &&
	    (uint64_t)g->sessions != t.sessions)
		complain(f, 1, "its header says another number of sessions "
		    "than its lines");
}

static bool
is_segment_name(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot != NULL && (strcmp(dot, SEGMENT_OPEN) == 0 ||
	    strcmp(dot, SEGMENT_SEALED) == 0);
}

void
verify_file(const char *path, FILE *out, struct verify_totals *totals)
{
	struct inspected f = { path, out, totals, TORN };
	struct intake_totals t = { 0 };
	struct segment g;
	struct stat st;
	int fd;

	totals->files++;
	if ((fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)) == -1) {
		complain(&f, 0, strerrordesc_np(errno));
		return;
	}
	if (segment_load(&g, fd, path, -1) == -1 || g.id != NULL ||
	    is_segment_name(path))
		inspect_segment(&f, fd, &g);
	else if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		f.end = COMPLETE;
		inspect(&f, fd, 0, 1, &t);
	} else
		complain(&f, 0, "not a regular file");
	segment_release(&g);
	close(fd);
}

static void
verify_segment(int dirfd, const char *folder, int day,
    const struct segment *listed, FILE *out, struct verify_totals *totals)
{
	char *path = xasprintf("%s/%s", folder, listed->name);
	const struct inspected f = { path, out, totals,
		listed->live ? BEING_WRITTEN : TORN };
	struct segment g;
	int fd = segment_open(&g, dirfd, listed->name, day);

	if (fd != -1 || errno != ENOENT) {	/* else sealed since */
		totals->files++;
		inspect_segment(&f, fd, &g);
	}
	segment_release(&g);
	if (fd != -1)
		close(fd);
	free(path);
}

void
verify_day(const struct spool *s, int day, FILE *out,
    struct verify_totals *totals)
{
	char text[DAY_TEXT], *folder;
	struct inspected f = { NULL, out, totals, TORN };
	struct segments list;
	int dirfd;

	folder = xasprintf("%s/days/%s", s->path, day_format(day, text));
	f.name = folder;
	dirfd = openat(s->days, text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd == -1 || spool_segments(s, day, &list) == -1)
		complain(&f, 0, strerrordesc_np(errno));
	else {
		for (size_t i = 0; i < list.n; i++)
			verify_segment(dirfd, folder, day, &list.list[i], out,
			    totals);
		segments_release(&list);
	}
	if (dirfd != -1)
		close(dirfd);
	free(folder);
}

void
verify_incoming(const struct spool *s, FILE *out,
    struct verify_totals *totals)
{
	struct file_names names;

	if (file_names(&names, s->incoming, ".jsonl") == -1) {
		const struct inspected f = { "incoming", out, totals,
			TORN };

		complain(&f, 0, strerrordesc_np(errno));
		return;
	}
	for (size_t i = 0; i < names.n; i++) {
		char *path = xasprintf("%s/incoming/%s", s->path,
		    names.name[i]);

		verify_file(path, out, totals);
		free(path);
	}
	file_names_free(&names);
}
