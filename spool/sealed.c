#include "spool/sealed.h"

#include <stdlib.h>
#include <unistd.h>

#include "conf/mem.h"
#include "spool/day.h"

#define WRITE_BUFFER	(256 << 10)

size_t sealed_held_max = (size_t)4 << 20;

void
sealed_init(struct sealed *s, int days, const struct segment *open)
{
	*s = (struct sealed){ .open = open, .days = days, .dirfd = -1 };
	s->fold = fold_new();
}

void
sealed_release(struct sealed *s)
{
	file_new_abort(&s->file);
	if (s->open != NULL && s->dirfd != -1)
		close(s->dirfd);
	free(s->buffer);
	fold_free(s->fold);
	*s = (struct sealed){ 0 };
}

/*
 * The header, filled up with blanks: what it says of the lines is known behind
 * them only.
 */
static void
write_header(struct sealed *s, int64_t lines, int64_t sessions)
{
	struct segment g = *s->open;
	char *text;
	size_t len;
	FILE *f = xmemstream(&text, &len);

	g.open_bytes = g.size;
	g.lines = lines;
	g.sessions = sessions;
	segment_header(f, &g);
	xmemclose(f);
	if (s->room == 0)
		s->room = (int)len - 1;
	fprintf(s->file.f, "%-*.*s\n", s->room, (int)len - 1, text);
	free(text);
}

static int
begin(struct sealed *s)
{
	char day[DAY_TEXT], *name;
	int rc;

	if (s->dirfd != -1)
		return 0;
	s->dirfd = file_opendir(s->days, day_format(s->open->day, day), 0750);
	if (s->dirfd == -1)
		return -1;
	name = segment_name(s->open->name, SEGMENT_SEALED);
	rc = file_new_open(&s->file, s->dirfd, name, 0640);
	free(name);
	if (rc == -1)
		return -1;
	s->buffer = xmalloc(WRITE_BUFFER);
	setvbuf(s->file.f, s->buffer, _IOFBF, WRITE_BUFFER);
	write_header(s, INT64_MAX, INT64_MAX);
	return 0;
}

static void
write_line(struct sealed *s, const struct fold_line *line)
{
	s->lines += (int64_t)segment_record(s->file.f, line->text, line->len,
	    line->n);
	s->sessions += (int64_t)line->n;
}

/*
 * Make room.  A text seen once is likely to be a failure that comes once; one
 * seen more often may come again, and half of the room is for such.
 */
static int
make_room(struct sealed *s)
{
	struct fold *kept;
	const struct fold_line *line;
	size_t n = fold_lines(s->fold, &line);

	if (begin(s) == -1)
		return -1;
	kept = fold_new();
	for (size_t i = 0; i < n; i++)
		if (line[i].n == 1 || fold_bytes(kept) > sealed_held_max / 2)
			write_line(s, &line[i]);
		else
			fold_add(kept, line[i].text, line[i].len, line[i].n);
	fold_free(s->fold);
	s->fold = kept;
	return 0;
}

int
sealed_add(struct sealed *s, const struct record *r, uint64_t sessions)
{
	fold_add(s->fold, r->text, r->len, sessions);
	return fold_bytes(s->fold) > sealed_held_max ? make_room(s) : 0;
}

int
sealed_finish(struct sealed *s)
{
	const struct fold_line *line;
	size_t n = fold_lines(s->fold, &line);

	if (begin(s) == -1)
		return -1;
	for (size_t i = 0; i < n; i++)
		write_line(s, &line[i]);
	if (fseeko(s->file.f, 0, SEEK_SET) == -1)
		return -1;
	write_header(s, s->lines, s->sessions);
	return file_flush(s->file.f);
}
