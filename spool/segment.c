#include "spool/segment.h"

#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "conf/mem.h"
#include "spool/day.h"

#define COUNT_BUFFER	(256 << 10)

/* A member that is a text of a sensible length, or NULL. */
static const char *
text(const json_t *o, const char *key)
{
	const json_t *v = json_object_get(o, key);
	size_t len = json_string_length(v);

	return len >= 1 && len <= SEGMENT_ID_MAX ? json_string_value(v) : NULL;
}

/* A member that is an integer of at least 0; -1 when it is not there. */
static int
number(const json_t *o, const char *key, int64_t *n)
{
	const json_t *v = json_object_get(o, key);

	*n = -1;
	if (v == NULL)
		return 0;
	if (!json_is_integer(v) || json_integer_value(v) < 0)
		return -1;
	*n = json_integer_value(v);
	return 0;
}

int
segment_parse(struct segment *g, const char *line, size_t len,
    const char **why)
{
	json_t *o = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *version = json_object_get(o, "tlsrpt-segment");
	const char *id, *source, *day;
	int rc = -1;

	id = text(o, "id");
	source = text(o, "source");
	day = text(o, "day");
	if (!json_is_integer(version))
		*why = "its first line is not a segment header";
	else if (json_integer_value(version) != SEGMENT_VERSION)
		*why = "a segment version that this program does not know";
	else if (id == NULL || source == NULL)
		*why = "its header lacks an id or a source of at most 255 "
		    "bytes";
	else if (day == NULL || !day_parse(day, &g->day))
		*why = "its header lacks a day such as 2026-11-21";
	else if (number(o, "created", &g->created) == -1 || g->created == -1)
		*why = "its header lacks created, seconds since the epoch";
	else if (number(o, "lines", &g->lines) == -1 ||
	    number(o, "sessions", &g->sessions) == -1)
		*why = "lines or sessions in its header is not a number";
	else if (number(o, "open_bytes", &g->open_bytes) == -1)
		*why = "open_bytes in its header is not a number";
	else {
		if (g->open_bytes == -1)
			g->open_bytes = 0;
		g->id = xstrdup(id);
		g->source = xstrdup(source);
		rc = 0;
	}
	json_decref(o);
	return rc;
}

int
segment_header(FILE *f, const struct segment *g)
{
	char day[DAY_TEXT];
	json_t *o;
	int rc;

	o = json_pack("{s:i, s:s, s:s, s:s, s:I}", "tlsrpt-segment",
	    SEGMENT_VERSION, "id", g->id, "day", day_format(g->day, day),
	    "source", g->source, "created", (json_int_t)g->created);
	if (g->lines >= 0)
		json_object_set_new(o, "lines", json_integer(g->lines));
	if (g->sessions >= 0)
		json_object_set_new(o, "sessions", json_integer(g->sessions));
	if (g->open_bytes > 0)
		json_object_set_new(o, "open_bytes",
		    json_integer(g->open_bytes));
	rc = json_dumpf(o, f, JSON_COMPACT);
	json_decref(o);
	return rc == -1 || putc('\n', f) == EOF ? -1 : 0;
}

/*
 * Who interrupts a run asks it to end, not to take a segment for damaged; some
 * file systems, of FUSE above all, then end a read as well.
 */
static ssize_t
read_at(int fd, void *buf, size_t len, off_t at)
{
	ssize_t n;

	do {
		n = pread(fd, buf, len, at);
	} while (n == -1 && errno == EINTR);
	return n;
}

int
segment_count(int fd, off_t from, int64_t *lines)
{
	char *buf = xmalloc(COUNT_BUFFER), *p;
	ssize_t n;

	*lines = 0;
	while ((n = read_at(fd, buf, COUNT_BUFFER, from)) > 0) {
		from += n;
		for (p = buf; (p = memchr(p, '\n', (size_t)(buf + n - p))) !=
		    NULL; p++)
			++*lines;
	}
	free(buf);
	return n == -1 ? -1 : 0;
}

static const char *
check_body(const struct segment *g, int fd, int day)
{
	int64_t lines;
	char last;

	if (day != -1 && g->day != day)
		return "its header names another day than its folder";
	if (!g->sealed)
		return NULL;
	lines = g->lines;
	if (lines != -1 && segment_count(fd, g->body, &lines) == -1)
		return "it cannot be read";
	if (lines < g->lines)
		return "shorter than its header says: not copied as a whole?";
	if (lines > g->lines)
		return "longer than its header says";
	if (read_at(fd, &last, 1, g->size - 1) != 1)
		return "it cannot be read";
	/* Who does not say how many lines there are may be known by this. */
	return last == '\n' ? NULL :
	    "its last line does not end: not copied as a whole?";
}

static bool
ends_with(const char *name, const char *suffix)
{
	size_t len = strlen(name), end = strlen(suffix);

	return len >= end && strcmp(name + len - end, suffix) == 0;
}

static void
init(struct segment *g, const char *name, int day)
{
	*g = (struct segment){ .name = xstrdup(name), .day = day,
		.lines = -1, .sessions = -1,
		.sealed = ends_with(name, SEGMENT_SEALED) };
}

/* Returns -1 for what a read said; what the file says goes to g->bad. */
static int
load(struct segment *g, int fd, int day)
{
	char buf[SEGMENT_HEADER_MAX];
	const char *end;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) == -1)
		return -1;
	g->size = st.st_size;
	if (!S_ISREG(st.st_mode)) {
		g->bad = "not a regular file";
		return 0;
	}
	if ((n = read_at(fd, buf, sizeof(buf), 0)) == -1)
		return -1;
	if ((end = memchr(buf, '\n', (size_t)n)) == NULL) {
		g->bad = "no header line, or an incomplete one";
		return 0;
	}
	g->body = end - buf + 1;
	if (segment_parse(g, buf, (size_t)(end - buf), &g->bad) == 0)
		g->bad = check_body(g, fd, day);
	return 0;
}

static void
cannot_read(struct segment *g, int error)
{
	g->bad = error == ELOOP ? "a symbolic link" : strerrordesc_np(error);
	errno = error;
}

int
segment_load(struct segment *g, int fd, const char *name, int day)
{
	init(g, name, day);
	if (load(g, fd, day) == 0)
		return 0;
	cannot_read(g, errno);
	return -1;
}

int
segment_open(struct segment *g, int dirfd, const char *name, int day)
{
	int fd, saved;

	init(g, name, day);
	/* Without O_NONBLOCK a FIFO would keep us waiting. */
	fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK |
	    O_CLOEXEC);
	if (fd != -1 && load(g, fd, day) == 0)
		return fd;
	saved = errno;
	if (fd != -1)
		close(fd);
	cannot_read(g, saved);
	return -1;
}

void
segment_release(struct segment *g)
{
	free(g->name);
	free(g->id);
	free(g->source);
	memset(g, 0, sizeof(*g));
}

char *
segment_base(const char *source)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return xasprintf("%s-%lld.%09ld", source, (long long)now.tv_sec,
	    now.tv_nsec);
}

char *
segment_name(const char *name, const char *suffix)
{
	const char *dot = strrchr(name, '.');
	int len = dot ? (int)(dot - name) : (int)strlen(name);

	return xasprintf("%.*s%s", len, name, suffix);
}

/* The largest n that fits a line with this text. */
static uint64_t
line_n_max(size_t len)
{
	size_t room = RECORD_MAX - len, key = strlen(",\"n\":");
	uint64_t max = 1;

	if (room <= key)
		return 1;
	for (room -= key; room > 0 && max <= RECORD_N_MAX; room--)
		max *= 10;
	return max - 1 < RECORD_N_MAX ? max - 1 : RECORD_N_MAX;
}

uint64_t
segment_record(FILE *f, const char *line, size_t len, uint64_t n)
{
	uint64_t most = line_n_max(len), lines = (n + most - 1) / most;

	if (f == NULL)
		return lines;
	for (; n > 0; n -= n < most ? n : most) {
		fwrite(line, 1, len - 1, f);
		if (n > 1 && most > 1)
			fprintf(f, ",\"n\":%" PRIu64, n < most ? n : most);
		fwrite("}\n", 1, 2, f);
	}
	return lines;
}
