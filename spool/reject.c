#include "spool/reject.h"

#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include "conf/mem.h"
#include "spool/day.h"
#include "spool/utf8.h"

#define BUFFERED	(64 << 10)	/* then they are written */
#define REJECTED_NAME	(DAY_TEXT + sizeof(".jsonl"))

void
rejects_init(struct rejects *j, const struct spool *s, int day)
{
	memset(j, 0, sizeof(*j));
	j->spool = s;
	j->day = day;
	j->fd = -1;
}

static int
begin(struct rejects *j)
{
	char day[DAY_TEXT], name[REJECTED_NAME], last = '\n';
	struct stat st;

	fmt(name, sizeof(name), "%s.jsonl", day_format(j->day, day));
	j->fd = openat(j->spool->rejected, name, O_RDWR | O_CREAT | O_APPEND |
	    O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0640);
	if (j->fd == -1 || fstat(j->fd, &st) == -1)
		return -1;
	j->size = st.st_size;
	if (j->size > 0 && pread(j->fd, &last, 1, j->size - 1) == -1)
		return -1;
	if ((j->f = open_memstream(&j->buf, &j->len)) == NULL)
		return -1;
	if (last != '\n')	/* torn by a crash: leave that line alone */
		putc('\n', j->f);
	return 0;
}

static int
flush(struct rejects *j)
{
	if (fflush(j->f) == EOF || file_write(j->fd, j->buf, j->len) == -1)
		return -1;
	j->size += (off_t)j->len;
	return fseeko(j->f, 0, SEEK_SET);
}

/* A text of strangers; what is not UTF-8 as U+FFFD. */
static json_t *
text(struct rejects *j, const char *s, size_t len)
{
	if (utf8_span(s, len) < len)
		s = utf8_repair(&j->arena, s, &len);
	return json_stringn(s, len);
}

static void
write_line(struct rejects *j, int64_t now, const char *origin,
    const char *line, size_t len, uint64_t n, const char *why)
{
	char stamp[sizeof("9999-12-31T23:59:59Z")] = "";
	time_t t = (time_t)now;
	struct tm tm;
	json_t *o;

	if (gmtime_r(&t, &tm) != NULL)
		strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm);
	o = json_object();
	json_object_set_new(o, "time", json_string(stamp));
	json_object_set_new(o, "origin", text(j, origin, strlen(origin)));
	json_object_set_new(o, "reason", text(j, why, strlen(why)));
	json_object_set_new(o, "n", json_integer((json_int_t)n));
	json_object_set_new(o, "line", text(j, line, len));
	json_dumpf(o, j->f, JSON_COMPACT);
	putc('\n', j->f);
	json_decref(o);
	arena_reset(&j->arena);
}

void
rejects_add(struct rejects *j, int64_t now, const char *origin,
    const char *line, size_t len, uint64_t n, const char *why)
{
	if (j->error == 0 && j->fd == -1 && begin(j) == -1)
		j->error = errno;
	if (j->error != 0 || j->size >= REJECTED_MAX)
		return;
	write_line(j, now, origin, line, len, n, why);
	if (ftello(j->f) >= BUFFERED && flush(j) == -1)
		j->error = errno;
}

int
rejects_sync(struct rejects *j)
{
	if (j->error == 0 && j->f != NULL && flush(j) == -1)
		j->error = errno;
	if (j->error == 0 && j->fd != -1 &&
	    (fsync(j->fd) == -1 || fsync(j->spool->rejected) == -1))
		j->error = errno;
	errno = j->error;
	return j->error == 0 ? 0 : -1;
}

void
rejects_release(struct rejects *j)
{
	if (j->f != NULL)
		fclose(j->f);
	free(j->buf);
	arena_release(&j->arena);
	if (j->spool != NULL && j->fd != -1)
		close(j->fd);
	memset(j, 0, sizeof(*j));
}
