#include "spool/counters.h"

#include <sys/stat.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "spool/file.h"

static const struct {
	const char *key;	/* in the log */
	const char *metric;	/* after tlsrpt_spoold_ */
	const char *type, *help;
} table[COUNTERS] = {
	[RECEIVED] = { "received", "received_total", "counter",
	    "Datagrams taken from the socket." },
	[REFUSED] = { "rejected", "rejected_total", "counter",
	    "Datagrams that cannot be a record, kept in rejected/." },
	[TRUNCATED] = { "truncated", "truncated_total", "counter",
	    "Datagrams that were longer than a record may be." },
	[LOST] = { "lost", "lost_total", "counter",
	    "Datagrams thrown away because the ring was full." },
	[RECEIVE_ERRORS] = { "receive_errors", "receive_errors_total",
	    "counter", "Times that the socket could not be read." },
	[RECOVERED] = { "recovered", "recovered_total", "counter",
	    "Datagrams found in the ring of a process that was killed." },
	[WRITTEN] = { "written", "written_total", "counter",
	    "Records written to segments." },
	[SYNCED] = { "synced", "synced_total", "counter",
	    "Records known to be on stable storage." },
	[SEGMENTS] = { "segments", "segments_total", "counter",
	    "Segments begun." },
	[DAYS] = { "days", "days_total", "counter", "Days begun." },
	[SEALED] = { "sealed", "sealed_total", "counter",
	    "Segments sealed." },
	[DISK_ERRORS] = { "disk_errors", "disk_errors_total", "counter",
	    "Tries to write to the spool that failed." },
	[DISK_TROUBLE] = { "disk_trouble", "disk_trouble", "gauge",
	    "1 while the spool cannot be written, else 0." },
	[RING_SIZE] = { "ring_size", "ring_size_bytes", "gauge",
	    "Size of the ring." },
	[RING_USED] = { "ring_used", "ring_used_bytes", "gauge",
	    "Bytes in the ring that are not yet on stable storage." },
	[RING_HIGH_WATER] = { "ring_high_water", "ring_high_water_bytes",
	    "gauge", "The most there ever was in the ring." },
};

void
counters_log(const struct counters *c)
{
	struct log_field field[COUNTERS + 1] = { { 0 } };
	char text[COUNTERS][sizeof("18446744073709551615")];

	for (int i = 0; i < COUNTERS; i++) {
		fmt(text[i], sizeof(text[i]), "%" PRIu64, counter_get(c, i));
		field[i] = (struct log_field){ table[i].key, text[i] };
	}
	log_event(LOG_LEVEL_INFO, "counters", field);
}

void
counters_write(const struct counters *c, FILE *f)
{
	for (int i = 0; i < COUNTERS; i++)
		fprintf(f, "# HELP tlsrpt_spoold_%s %s\n"
		    "# TYPE tlsrpt_spoold_%s %s\n"
		    "tlsrpt_spoold_%s %" PRIu64 "\n",
		    table[i].metric, table[i].help,
		    table[i].metric, table[i].type,
		    table[i].metric, counter_get(c, i));
}

static int
save(const char *temp, const char *path, const char *text, size_t len)
{
	int fd, rc, saved;

	/* One that is there was left by a process that was killed. */
	unlink(temp);
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd == -1)
		return -1;
	/* Whatever the umask: the metrics are for another user. */
	rc = fchmod(fd, 0644) == -1 ? -1 : file_write(fd, text, len);
	saved = errno;
	close(fd);
	errno = saved;
	if (rc == -1 || rename(temp, path) == -1) {
		saved = errno;
		unlink(temp);
		errno = saved;
		return -1;
	}
	return 0;
}

int
counters_save(const struct counters *c, const char *path)
{
	char *temp = xasprintf("%s.new", path), *text;
	size_t len;
	FILE *f = xmemstream(&text, &len);
	int rc, saved;

	counters_write(c, f);
	xmemclose(f);
	rc = save(temp, path, text, len);
	saved = errno;
	free(text);
	free(temp);
	errno = saved;
	return rc;
}
