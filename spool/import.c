#include "spool/import.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include <xxhash.h>
#include <zlib.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "spool/batch.h"
#include "spool/day.h"
#include "spool/file.h"
#include "spool/fold.h"
#include "spool/segment.h"

#define CHUNK		(256 << 10)
#define NOON		(DAY_SECONDS / 2)

size_t import_held_max = (size_t)64 << 20;

struct import {
	const struct import_options *options;
	struct import_totals *totals;
	struct postfix_log *log;
	struct fold *fold;
	FILE *records;		/* what did not fit into fold, and in the end
				   all of it */
	XXH3_state_t *hash;	/* of the log, uncompressed */
	char line[POSTFIX_LINE_MAX];
	size_t len;		/* of the line so far, perhaps more */
};

/*
 * The policy is what a log does not tell.  Where the result itself is about
 * one, the other policy types would make no sense.
 */
static enum policy_type
policy_of(enum result_type result)
{
	switch (result) {
	case TLSA_INVALID:
	case DNSSEC_INVALID:
	case DANE_REQUIRED:
		return POLICY_TLSA;
	case STS_POLICY_FETCH_ERROR:
	case STS_POLICY_INVALID:
	case STS_WEBPKI_INVALID:
		return POLICY_STS;
	default:
		return POLICY_NONE;
	}
}

static json_t *
text_or_nothing(const char *s)
{
	return s != NULL ? json_string(s) : NULL;
}

static json_t *
failure_json(const struct postfix_session *x)
{
	return json_pack("{s:i, s:o*, s:o*, s:o*}", "c", (int)x->result,
	    "n", text_or_nothing(x->mx), "r", text_or_nothing(x->address),
	    "f", text_or_nothing(x->reason));
}

char *
import_record(const struct postfix_session *x)
{
	/* Not the second: records of a day are to be the same bytes. */
	json_int_t ts = day_first(day_of(x->t)) + NOON;
	json_t *policy, *record;
	char *text;

	policy = json_pack("{s:i, s:i}", "policy-type",
	    (int)policy_of(x->result), "f", x->result != 0);
	if (x->result != 0)
		json_object_set_new(policy, "failure-details",
		    json_pack("[o]", failure_json(x)));
	record = json_pack("{s:s, s:I, s:[o]}", "d", x->domain, "ts", ts,
	    "policies", policy);
	text = json_dumps(record, JSON_COMPACT);
	json_decref(record);
	if (text == NULL)
		fatal("out of memory");
	return text;
}

static void
write_held(struct import *m)
{
	const struct fold_line *line;
	size_t n = fold_lines(m->fold, &line);

	for (size_t i = 0; i < n; i++)
		segment_record(m->records, line[i].text, line[i].len,
		    line[i].n);
	fold_reset(m->fold);
}

static void
session(void *arg, const struct postfix_session *x)
{
	struct import *m = arg;
	char *text;

	if (m->options->one_day && day_of(x->t) != m->options->day) {
		m->totals->other_days++;
		return;
	}
	text = import_record(x);
	fold_add(m->fold, text, strlen(text), 1);
	free(text);
	if (fold_bytes(m->fold) > import_held_max)
		write_held(m);
}

static void
end_line(struct import *m)
{
	m->totals->lines++;
	if (m->len > sizeof(m->line)) {
		m->totals->cut++;
		m->len = sizeof(m->line);
	}
	postfix_log_line(m->log, m->line, m->len);
	m->len = 0;
}

/* A line that is whole in the buffer is not copied. */
static void
take_line(struct import *m, const char *p, size_t n, bool whole)
{
	if (whole && m->len == 0 && n <= sizeof(m->line)) {
		m->totals->lines++;
		postfix_log_line(m->log, p, n);
		return;
	}
	if (m->len < sizeof(m->line))
		memcpy(m->line + m->len, p,
		    n < sizeof(m->line) - m->len ? n :
		    sizeof(m->line) - m->len);
	m->len += n;
	if (whole)
		end_line(m);
}

static void
take_chunk(struct import *m, const char *p, size_t n)
{
	const char *end;

	XXH3_128bits_update(m->hash, p, n);
	while ((end = memchr(p, '\n', n)) != NULL) {
		take_line(m, p, (size_t)(end - p), true);
		n -= (size_t)(end - p) + 1;
		p = end + 1;
	}
	if (n > 0)
		take_line(m, p, n, false);
}

/* zlib's errors as errno.  gzclose says it where a gzip file ends early. */
static int
read_log(struct import *m, int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0), n, status;
	char *chunk = xmalloc(CHUNK);
	gzFile gz;

	if (copy == -1 || (gz = gzdopen(copy, "rb")) == NULL) {
		if (copy != -1)
			close(copy);
		free(chunk);
		return -1;
	}
	gzbuffer(gz, CHUNK);
	errno = 0;
	while ((n = gzread(gz, chunk, CHUNK)) > 0)
		take_chunk(m, chunk, (size_t)n);
	if (m->len > 0)
		end_line(m);
	status = errno;
	if (n == -1)
		gzerror(gz, &n);
	if (gzclose(gz) != Z_OK || n != 0) {
		errno = n == Z_ERRNO && status != 0 ? status : EBADMSG;
		n = -1;
	}
	free(chunk);
	return n;
}

/* What this log is and no other. */
static char *
log_key(const struct import *m)
{
	XXH128_hash_t h = XXH3_128bits_digest(m->hash);

	return xasprintf("postfix log %016" PRIx64 "%016" PRIx64, h.high64,
	    h.low64);
}

static int
add_records(struct spool *s, struct import *m, const char *origin)
{
	struct batch_source source = { .origin = origin,
		.day = day_of(m->options->written) };
	char *key;
	int rc;

	write_held(m);
	if (file_flush(m->records) == -1)
		return -1;
	key = log_key(m);
	source.key = key;
	rc = batch_run(s, fileno(m->records), 0, &source, &m->totals->intake);
	free(key);
	return rc;
}

/* A file without name in the spool's folder, if it can have such ones. */
static FILE *
unnamed_file(const struct spool *s)
{
	int fd = openat(s->fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	FILE *f;

	if (fd == -1)
		return tmpfile();
	if ((f = fdopen(fd, "w+")) == NULL)
		close(fd);
	return f;
}

int
import_log(struct spool *s, int fd, const char *origin,
    const struct import_options *o, struct import_totals *totals)
{
	struct import *m = xcalloc(1, sizeof(*m));
	int rc = -1, saved;

	m->options = o;
	m->totals = totals;
	m->log = postfix_log_new(o->written + DAY_SECONDS, session, m);
	m->fold = fold_new();
	if ((m->hash = XXH3_createState()) == NULL)
		fatal("out of memory");
	XXH3_128bits_reset(m->hash);
	if ((m->records = unnamed_file(s)) == NULL)
		goto out;
	rc = read_log(m, fd);
out:
	saved = errno;
	totals->postfix = postfix_log_end(m->log);
	if (rc == 0) {
		rc = add_records(s, m, origin);
		saved = errno;
	}
	if (m->records != NULL)
		fclose(m->records);
	XXH3_freeState(m->hash);
	fold_free(m->fold);
	free(m);
	errno = saved;
	return rc;
}
