#ifndef TESTS_SPOOL_SCRATCH_H
#define TESTS_SPOOL_SCRATCH_H

/*
 * What the tests of the spool share: a folder of their own with a spool in
 * it, files to put there, and a look at what counts.  Goes behind cmocka.h.
 */
#include <sys/stat.h>
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spool/day.h"
#include "spool/spool.h"

#define DAY	20778		/* 2026-11-21 */
#define NOON	1795262400	/* of that day */

#define POLICIES \
	"\"policies\":[{\"policy-type\":9,\"t\":0,\"f\":0}]"
/* A record of this domain, with or without our own keys in front. */
#define RECORD(domain)	    "{\"d\":\"" domain "\"," POLICIES "}"
#define WITH(keys, domain)  "{" keys ",\"d\":\"" domain "\"," POLICIES "}"

struct scratch {
	char path[64];
	struct spool spool;
};

static inline int
scratch_remove(const char *path, const struct stat *st, int type,
    struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

/* Again, as this host. */
static inline void
scratch_open(struct scratch *s, const char *source)
{
	const char *why;

	spool_close(&s->spool);
	assert_int_equal(spool_open(&s->spool, s->path, source, true, &why), 0);
}

static inline void
scratch_empty(struct scratch *s)
{
	nftw(s->path, scratch_remove, 8, FTW_DEPTH | FTW_PHYS);
	scratch_open(s, "mta1");
}

static inline int
scratch_setup(void **state)
{
	struct scratch *s = calloc(1, sizeof(*s));

	snprintf(s->path, sizeof(s->path), "/tmp/tlsrpt-test.XXXXXX");
	if (mkdtemp(s->path) == NULL) {
		free(s);
		return -1;
	}
	scratch_empty(s);
	*state = s;
	return 0;
}

static inline int
scratch_teardown(void **state)
{
	struct scratch *s = *state;

	spool_close(&s->spool);
	nftw(s->path, scratch_remove, 8, FTW_DEPTH | FTW_PHYS);
	free(s);
	return 0;
}

#define CASE(f)	cmocka_unit_test_setup_teardown(f, scratch_setup, \
	scratch_teardown)

static inline void
put_bytes(int dirfd, const char *name, const void *text, size_t len)
{
	int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC, 0640);

	assert_int_not_equal(fd, -1);
	assert_int_equal(file_write(fd, text, len), 0);
	close(fd);
}

static inline void
put(int dirfd, const char *name, const char *text)
{
	put_bytes(dirfd, name, text, strlen(text));
}

/* A drop-box file, last written at noon of DAY. */
static inline void
drop(struct spool *s, const char *name, const char *text)
{
	const struct timespec noon[2] = { { NOON, 0 }, { NOON, 0 } };

	put(s->incoming, name, text);
	assert_int_equal(utimensat(s->incoming, name, noon, 0), 0);
}

/* A file of DAY's folder; HEADER begins one with this id. */
#define HEADER(id, more) \
	"{\"tlsrpt-segment\":1,\"id\":\"" id "\",\"day\":\"2026-11-21\"," \
	"\"source\":\"mta1\",\"created\":1795219200" more "}\n"

static inline int
day_folder(const struct spool *s)
{
	int fd = file_opendir(s->days, "2026-11-21", 0750);

	assert_int_not_equal(fd, -1);
	return fd;
}

static inline void
put_segment(const struct spool *s, const char *name, const char *text)
{
	int fd = day_folder(s);

	put(fd, name, text);
	close(fd);
}

/* A file of text to read from, which has no name. */
static inline int
text_fd(const char *text, size_t len)
{
	char name[] = "/tmp/tlsrpt-text.XXXXXX";
	int fd = mkstemp(name);

	assert_int_not_equal(fd, -1);
	unlink(name);
	assert_int_equal(file_write(fd, text, len), 0);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static inline int
add_text(struct spool *s, const char *text, struct intake_totals *t)
{
	int fd = text_fd(text, strlen(text)), rc;

	*t = (struct intake_totals){ 0 };
	rc = spool_add(s, fd, "test", DAY, t);
	close(fd);
	return rc;
}

struct counter {
	int day;
	uint64_t sessions;
};

static inline void
count_if_of_day(void *arg, int day, const struct record *r, uint64_t sessions)
{
	struct counter *c = arg;

	assert_true(r->n >= 1 && r->npolicies == 1);
	if (day == c->day)
		c->sessions += sessions;
}

/* The sessions of a day's segments, as a report would count them. */
static inline uint64_t
sessions_of(const struct spool *s, int day)
{
	struct counter c = { .day = day };
	const struct intake_sink sink = { .record = count_if_of_day,
		.arg = &c };
	struct intake_totals t = { 0 };
	struct segments list;

	assert_int_equal(spool_segments(s, day, &list), 0);
	for (size_t i = 0; i < list.n; i++)
		if (list.list[i].bad == NULL)
			assert_int_equal(spool_read(s, &list.list[i], &sink,
			    &t), 0);
	segments_release(&list);
	return c.sessions;
}

/* How many files of the folder, dot files too, but for . and .. */
static inline size_t
files_in(int dirfd, const char *suffix)
{
	struct file_names names;
	size_t n;

	assert_int_equal(file_names(&names, dirfd, suffix), 0);
	n = names.n;
	file_names_free(&names);
	return n;
}

/* The whole of a file, terminated; the caller frees it. */
static inline char *
slurp(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY);
	struct stat st;
	char *text;

	assert_int_not_equal(fd, -1);
	assert_int_equal(fstat(fd, &st), 0);
	text = calloc(1, (size_t)st.st_size + 1);
	assert_int_equal(read(fd, text, (size_t)st.st_size), st.st_size);
	close(fd);
	return text;
}

#endif
