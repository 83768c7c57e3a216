#include "spool/list.h"

#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "spool/day.h"
#include "spool/segment.h"

struct row {
	uint64_t segments, sealed, open, bad, sessions, distinct, bytes;
};

/* What the header does not say is counted. */
static int
add_segment(const struct spool *s, const struct segment *g, struct row *row)
{
	const struct intake_sink sink = { 0 };
	struct intake_totals t = { 0 };

	row->segments++;
	row->sealed += g->sealed;
	row->open += !g->sealed;
	row->bytes += (uint64_t)g->size;
	if (g->bad != NULL) {
		row->bad++;
		return 0;
	}
	if (g->lines != -1 && g->sessions != -1) {
		row->distinct += (uint64_t)g->lines;
		row->sessions += (uint64_t)g->sessions;
		return 0;
	}
	if (spool_read(s, g, &sink, &t) == -1)
		return -1;
	row->distinct += t.distinct;
	row->sessions += t.sessions;
	return 0;
}

static void
tell_bad(FILE *out, const char *day, const struct segments *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct segment *g = &list->list[i];
		char *name;

		if (g->bad == NULL)
			continue;
		name = log_escape(g->name);
		fprintf(out, "days/%s/%s: %s\n", day, name, g->bad);
		free(name);
	}
}

static int
list_day(const struct spool *s, int day, FILE *out, FILE *bad)
{
	char text[DAY_TEXT];
	struct segments list;
	struct row row = { 0 };
	int rc = 0;

	if (spool_segments(s, day, &list) == -1)
		return -1;
	for (size_t i = 0; i < list.n && rc == 0; i++)
		rc = add_segment(s, &list.list[i], &row);
	day_format(day, text);
	if (rc == 0) {
		fprintf(out, "%-10s %9" PRIu64 " %7" PRIu64 " %5" PRIu64
		    " %12" PRIu64 " %10" PRIu64 " %13" PRIu64 "\n", text,
		    row.segments, row.sealed, row.open, row.sessions,
		    row.distinct, row.bytes);
		tell_bad(bad, text, &list);
	}
	segments_release(&list);
	return rc;
}

static int
count_lines(int dirfd, const char *name, int64_t *lines)
{
	int64_t n;
	int fd, rc;

	fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
	    O_CLOEXEC);
	if (fd == -1)
		return -1;
	if ((rc = segment_count(fd, 0, &n)) == 0)
		*lines += n;
	close(fd);
	return rc;
}

/* A line for a folder of files: how many, and how many bytes or lines. */
static int
list_folder(int dirfd, const char *folder, bool lines, FILE *out)
{
	struct file_names names;
	int64_t amount = 0;
	int rc = 0;

	if (file_names(&names, dirfd, ".jsonl") == -1)
		return -1;
	for (size_t i = 0; i < names.n && rc == 0; i++) {
		struct stat st;

		if (lines)
			rc = count_lines(dirfd, names.name[i], &amount);
		else if ((rc = fstatat(dirfd, names.name[i], &st,
		    AT_SYMLINK_NOFOLLOW)) == 0)
			amount += st.st_size;
		if (rc == -1 && errno == ENOENT)	/* taken meanwhile */
			rc = 0;
	}
	if (rc == 0)
		fprintf(out, "%-10s %9zu files, %" PRId64 " %s\n", folder,
		    names.n, amount, lines ? "lines" : "bytes");
	file_names_free(&names);
	return rc;
}

int
list_spool(const struct spool *s, FILE *out)
{
	char *bad;
	size_t n, len;
	int *days, rc = 0;
	FILE *f;

	if (spool_days(s, &days, &n) == -1)
		return -1;
	f = xmemstream(&bad, &len);
	fprintf(out, "%-10s %9s %7s %5s %12s %10s %13s\n", "day", "segments",
	    "sealed", "open", "sessions", "distinct", "bytes");
	for (size_t i = 0; i < n && rc == 0; i++)
		rc = list_day(s, days[i], out, f);
	free(days);
	xmemclose(f);
	if (rc == 0 && list_folder(s->incoming, "incoming", false, out) == 0 &&
	    list_folder(s->rejected, "rejected", true, out) == 0)
		fputs(bad, out);
	else
		rc = -1;
	free(bad);
	return rc;
}
