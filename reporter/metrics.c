#include "reporter/metrics.h"

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/mem.h"
#include "spool/file.h"

static const char *const transports[] = {
	[QUEUE_MAILTO] = "mailto",
	[QUEUE_HTTPS] = "https",
	[QUEUE_LOOKUP] = "lookup",
};
#define TRANSPORTS	(QUEUE_LOOKUP + 1)

static void
heading(FILE *out, const char *name, const char *help)
{
	fprintf(out, "# HELP tlsrpt_send_%s %s\n# TYPE tlsrpt_send_%s gauge\n",
	    name, help, name);
}

static void
value(FILE *out, const char *name, const char *help, int64_t n)
{
	heading(out, name, help);
	fprintf(out, "tlsrpt_send_%s %" PRId64 "\n", name, n);
}

static void
deliveries(const struct queue_measures *q, FILE *out)
{
	heading(out, "deliveries",
	    "Deliveries that the queue knows of, by transport and state.");
	for (int t = 0; t < TRANSPORTS; t++)
		for (int s = QUEUE_PENDING; s <= QUEUE_EXPIRED; s++)
			fprintf(out, "tlsrpt_send_deliveries{transport=\"%s\","
			    "state=\"%s\"} %" PRIu64 "\n", transports[t],
			    queue_state_name((enum queue_state)s), q->n[t][s]);
	heading(out, "deferred",
	    "Pending deliveries that were tried in vain, by transport.");
	for (int t = 0; t < TRANSPORTS; t++)
		fprintf(out, "tlsrpt_send_deferred{transport=\"%s\"} %" PRIu64
		    "\n", transports[t], q->deferred[t]);
}

void
metrics_write(const struct metrics *m, FILE *out)
{
	deliveries(&m->queue, out);
	value(out, "oldest_pending_seconds", "Age of the oldest report that is "
	    "not delivered everywhere; 0: there is none.",
	    m->queue.oldest == 0 || m->queue.oldest > m->ended ? 0 :
	    m->ended - m->queue.oldest);
	value(out, "last_success_timestamp_seconds",
	    "When a report was last accepted; 0: never.",
	    m->queue.last_success);
	value(out, "last_run_timestamp_seconds", "When the last run ended.",
	    m->ended);
	value(out, "last_run_duration_seconds", "How long it took.",
	    m->ended - m->started);
	value(out, "last_run_reports", "Reports that it made.",
	    (int64_t)m->reports);
	value(out, "last_run_status", "What it exited with.", m->status);
}

int
metrics_save(const struct metrics *m, const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	char *dir = xstrndup(path, (size_t)(name - path));
	int dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = -1;
	struct file_new n;
	int saved;

	if (dirfd == -1 || file_new_open(&n, dirfd, name, 0644) == -1)
		goto out;
	metrics_write(m, n.f);
	/* Whatever the umask: the metrics are for another user. */
	if (fchmod(fileno(n.f), 0644) == 0)
		rc = file_new_commit(&n, false);
	else
		file_new_abort(&n);
out:
	saved = errno;
	if (dirfd != -1)
		close(dirfd);
	free(dir);
	errno = saved;
	return rc;
}
