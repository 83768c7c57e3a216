#include "reporter/dryrun.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/archive.h"
#include "reporter/compose.h"
#include "reporter/enqueue.h"
#include "reporter/hold.h"
#include "reporter/json.h"
#include "reporter/mailer.h"
#include "spool/day.h"
#include "spool/file.h"

void
dryrun_begin(struct dryrun *d)
{
	fprintf(d->out, "%-10s  %-32s %10s %9s %8s  %s\n", "day", "domain",
	    "sessions", "failures", "bytes", "destination");
}

static void
write_file(struct dryrun *d, const struct report *r, const char *suffix,
    const void *buf, size_t len)
{
	char *name;

	if (d->outdir == -1)
		return;
	name = xasprintf("%s%s", archive_stem(r->filename), suffix);
	if (file_replace(d->outdir, name, buf, len, 0644) == -1) {
		log_warn("cannot write %s: %m", name);
		d->errors++;
	}
	free(name);
}

static void
write_report(struct dryrun *d, const struct daily_report *r)
{
	size_t len;
	char *json = json_report(r->report, true, &len);

	if (json != NULL)
		write_file(d, r->report, ".json", json, len);
	write_file(d, r->report, ".json.gz", r->gzip, r->gziplen);
	free(json);
}

static void
write_mail(struct dryrun *d, const struct daily_report *r, const char *address,
    size_t number)
{
	const struct queue_report q = enqueue_form(r, d->now);
	char suffix[32] = ".eml", *message, *why;
	size_t len;

	message = compose_mail(d->conf, d->dkim, &q, address, &len, &why);
	if (message == NULL) {
		log_warn("the mail to %s about %s: %s", address,
		    r->report->domain, why);
		free(why);
		d->errors++;
		return;
	}
	if (number > 1)
		fmt(suffix, sizeof(suffix), ".%zu.eml", number);
	write_file(d, r->report, suffix, message, len);
	free(message);
}

static void
print_line(struct dryrun *d, const struct daily_report *r, const char *to)
{
	char day[DAY_TEXT];

	fprintf(d->out, "%s  %-32s %10" PRIu64 " %9" PRIu64 " %8zu  %s\n",
	    day_format(r->report->day, day), r->report->domain,
	    r->report->successful + r->report->failed, r->report->failed,
	    r->gziplen, to);
}

static bool
is_held_back(const struct dryrun *d, const struct daily_report *r)
{
	const struct queue_report q = enqueue_form(r, d->now);
	char *why = hold_report(d->conf, &q);

	if (why == NULL)
		return false;
	log_warn("the report %s: %s", r->report->id, why);
	free(why);
	return true;
}

static void
destination(struct dryrun *d, const struct daily_report *r,
    const struct rua *to, size_t *mails)
{
	const char *why = enqueue_refusal(d->days, r, to);
	char *text;

	if (why == NULL && to->scheme == RUA_MAILTO &&
	    (why = mailer_refusal(d->conf, d->dkim)) != NULL)
		d->errors++;
	if (why != NULL) {
		text = xasprintf("(%s: refused: %s)", to->uri, why);
		print_line(d, r, text);
		free(text);
		return;
	}
	print_line(d, r, to->uri);
	d->destinations++;
	d->bytes += r->gziplen;
	if (to->scheme == RUA_MAILTO)
		write_mail(d, r, to->target, ++*mails);
}

static void
folder(struct dryrun *d, const struct daily_report *r, const char *path)
{
	char *text = xasprintf("directory:%s", path);

	print_line(d, r, text);
	free(text);
}

int
dryrun_report(void *arg, const struct daily_report *r)
{
	struct dryrun *d = arg;
	size_t mails = 0;

	d->reports++;
	d->sessions += r->report->successful + r->report->failed;
	d->failures += r->report->failed;
	if (is_held_back(d, r)) {
		print_line(d, r, "(held back)");
		d->held_back++;
		return 0;
	}
	write_report(d, r);
	if (r->lookup)
		print_line(d, r, "(DNS did not answer; asked again later)");
	for (size_t i = 0; i < r->to->n; i++)
		destination(d, r, &r->to->list[i], &mails);
	for (size_t i = 0; i < r->to->nfolders; i++)
		folder(d, r, r->to->folders[i]);
	return 0;
}

void
dryrun_end(struct dryrun *d)
{
	fprintf(d->out, "total: %" PRIu64 " reports to %" PRIu64
	    " destinations, %" PRIu64 " sessions, %" PRIu64 " failures, %"
	    PRIu64 " bytes", d->reports, d->destinations, d->sessions,
	    d->failures, d->bytes);
	if (d->held_back > 0)
		fprintf(d->out, ", %" PRIu64 " held back", d->held_back);
	fputs("; nothing was sent\n", d->out);
}
