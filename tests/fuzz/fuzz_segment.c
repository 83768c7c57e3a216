#include <sys/mman.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/mem.h"
#include "spool/day.h"
#include "spool/segment.h"
#include "tests/fuzz/fuzz.h"

/* What was read is written, and read again, the same. */
static void
check_round_trip(const struct segment *g)
{
	struct segment again = { 0 };
	const char *why;
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	demand(f != NULL && segment_header(f, g) == 0 && fclose(f) == 0);
	demand(memchr(text, '\n', len) == text + len - 1);
	demand(segment_parse(&again, text, len - 1, &why) == 0);
	demand(strcmp(again.id, g->id) == 0);
	demand(strcmp(again.source, g->source) == 0);
	demand(again.day == g->day && again.created == g->created);
	demand(again.lines == g->lines && again.sessions == g->sessions);
	segment_release(&again);
	free(text);
}

static void
check_header(const uint8_t *data, size_t size)
{
	const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
	size_t len = end ? (size_t)(end - data) : size;
	struct segment g = { 0 };
	const char *why = NULL;

	if (segment_parse(&g, (const char *)data, len, &why) == -1)
		demand(why != NULL && g.id == NULL && g.source == NULL);
	else {
		demand(strlen(g.id) >= 1 && strlen(g.id) <= SEGMENT_ID_MAX);
		demand(g.created >= 0 && g.lines >= -1 && g.sessions >= -1);
		check_round_trip(&g);
	}
	segment_release(&g);
}

/* What was handed on, to be compared with the totals. */
struct seen {
	uint64_t sessions, records, rejected;
	FILE *f;
	uint64_t written;	/* sessions of the lines in f */
};

/* Each record as a sealed segment keeps it. */
static void
record(void *arg, int day, const struct record *r, uint64_t sessions)
{
	struct seen *seen = arg;

	(void)day;
	demand(sessions >= r->n && sessions % r->n == 0);
	seen->sessions += sessions;
	seen->records++;
	if (seen->f != NULL && sessions < RECORD_N_MAX &&
	    segment_record(NULL, r->text, r->len, sessions) == 1) {
		segment_record(seen->f, r->text, r->len, sessions);
		seen->written += sessions;
	}
}

static void
reject(void *arg, const char *line, size_t len, uint64_t n, const char *why)
{
	struct seen *seen = arg;

	demand(line != NULL && len > 0 && n > 0 && why[0] != '\0');
	seen->rejected += n;
}

static int
file_of(const void *data, size_t size)
{
	int fd = memfd_create("segment", MFD_CLOEXEC);

	demand(fd != -1 && write(fd, data, size) == (ssize_t)size);
	return fd;
}

static struct intake_totals
read_body(int fd, off_t from, struct seen *seen)
{
	const struct intake_sink sink = { .record = record, .reject = reject,
		.use = RECORD_KEEP, .arg = seen };
	struct intake_totals t = { 0 };

	demand(intake_read(fd, from, day_of(0), &sink, &t) == 0);
	demand(t.sessions == seen->sessions);
	demand(t.rejected == seen->rejected);
	demand(t.distinct >= seen->records && t.lines >= t.distinct);
	return t;
}

/* The records are counted once, and what a sealed segment keeps is the same. */
static void
check_body(const uint8_t *data, size_t size)
{
	struct seen seen = { 0 }, again = { 0 };
	struct segment g;
	struct intake_totals t;
	char *text;
	size_t len;
	int fd = file_of(data, size);

	demand(segment_load(&g, fd, "a.seg", -1) == 0);
	demand(g.bad != NULL || (g.body > 0 && g.body <= g.size));
	if (g.bad == NULL) {
		seen.f = xmemstream(&text, &len);
		t = read_body(fd, g.body, &seen);
		demand(g.lines == -1 || (uint64_t)g.lines >= t.lines);
		xmemclose(seen.f);
		close(fd);
		fd = file_of(text, len);
		read_body(fd, 0, &again);
		demand(again.sessions == seen.written && again.rejected == 0);
		free(text);
	}
	segment_release(&g);
	close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_header(data, size);
	check_body(data, size);
	return 0;
}
