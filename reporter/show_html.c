/*
 * tlsrpt-show html: the reports of many days as one page, from the queue or
 * from files.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/gzip.h"
#include "reporter/queue.h"
#include "reporter/reading.h"
#include "reporter/report_file.h"
#include "reporter/show.h"
#include "reporter/show_queue.h"
#include "reporter/survey_page.h"
#include "spool/day.h"
#include "spool/file.h"

#define DAYS_SHOWN	30	/* of the queue, by default */
#define DAYS_MAX	366	/* that a chart has room for */

struct gathering {
	struct survey_book *book;
	struct arena arena;
	int from, to;
	int64_t *rows;		/* reports of the queue */
	size_t nrows, size;
	const char *path;	/* of the file that is read */
	bool wrong;
};

/* What cannot be read is said, and the others are shown. */
static void
add_report(struct gathering *g, const char *origin, const char *text,
    size_t len, const struct lint_names *names)
{
	struct reading r;
	char *why;

	arena_reset(&g->arena);
	if (reading_parse(&r, text, len, names, false, &g->arena,
	    &why) == -1) {
		log_warn("%s: %s", origin, why);
		free(why);
		g->wrong = true;
	} else
		survey_report(g->book, &r);
	reading_release(&r);
}

/* The deliveries of a report come one after the other. */
static int
note_item(void *arg, const struct queue_item *i)
{
	struct gathering *g = arg;

	if (i->day < g->from || i->day > g->to)
		return 0;
	survey_delivery(g->book, i->delivery.state);
	if (g->nrows > 0 && g->rows[g->nrows - 1] == i->delivery.report)
		return 0;
	if (g->nrows == g->size) {
		g->size = g->size == 0 ? 1024 : 2 * g->size;
		g->rows = xreallocarray(g->rows, g->size, sizeof(*g->rows));
	}
	g->rows[g->nrows++] = i->delivery.report;
	return 0;
}

/* -1 when the queue says no; a report that is gone by now is passed over. */
static int
add_row(struct gathering *g, struct queue *q, int64_t row)
{
	struct queue_report r;
	struct lint_names names = { 0 };
	const char *why;
	size_t len;
	char *text;

	if (queue_get_report(q, row, &r) == -1)
		return errno == ENOENT ? 0 : -1;
	names.domain = r.domain;
	if ((text = gzip_unpack(r.body, r.len, READING_MAX, &len,
	    &why)) == NULL) {
		log_warn("%s: %s", r.report_id, why);
		g->wrong = true;
	} else
		add_report(g, r.report_id, text, len, &names);
	free(text);
	queue_report_release(&r);
	return 0;
}

static void
gather_queue(struct gathering *g, const struct show *s)
{
	struct queue *q = show_queue_open(s);
	int rc = queue_list(q, NULL, note_item, g);

	for (size_t i = 0; i < g->nrows && rc != -1; i++) {
		rc = add_row(g, q, g->rows[i]);
		log_progress("%zu of %zu reports", i, g->nrows);
	}
	log_progress(NULL);
	if (rc == -1)
		fatal("[queue] database %s: %s", s->conf.queue.database,
		    queue_error(q));
	queue_close(q);
}

static void
on_report(void *arg, const char *text, size_t len,
    const struct lint_names *names)
{
	struct gathering *g = arg;

	add_report(g, g->path, text, len, names);
}

static void
gather_files(struct gathering *g, char **paths, size_t n)
{
	struct report_paths all = { 0 };
	struct report_file file = { 0 };
	char *why;

	for (size_t i = 0; i < n; i++)
		if (report_paths_add(&all, paths[i]) == -1) {
			log_warn("%s: %m", paths[i]);
			g->wrong = true;
		}
	for (size_t i = 0; i < all.n; i++) {
		g->path = all.path[i].name;
		if (report_file_read(&file, &all.path[i], on_report, g,
		    &why) == -1) {
			log_warn("%s: %s", g->path, why);
			g->wrong = true;
		}
		free(why);
		log_progress("%zu of %zu files", i, all.n);
	}
	log_progress(NULL);
	g->wrong = g->wrong || all.bad > 0;
	report_file_release(&file);
	report_paths_release(&all);
}

/* Whole or not at all, as everything that others may be reading. */
static void
write_page(const char *path, const char *page, size_t len)
{
	const char *slash = strrchr(path, '/');
	char *dir;
	int fd;

	if (strcmp(path, "-") == 0) {
		if (fwrite(page, 1, len, stdout) != len)
			fatal("standard output: %m");
		return;
	}
	dir = slash == NULL ? xstrdup(".") :
	    xstrndup(path, (size_t)(slash - path + 1));
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1 || file_replace(fd, slash == NULL ? path : slash + 1,
	    page, len, 0644) == -1)
		fatal("--out %s: %m", path);
	close(fd);
	free(dir);
}

static void
choose_days(struct gathering *g, const struct show *s, bool files)
{
	g->to = s->has_to ? s->to : day_of(s->now);
	g->from = s->has_from ? s->from :
	    g->to - (files ? DAYS_MAX : DAYS_SHOWN) + 1;
	if (g->to - g->from >= DAYS_MAX)
		fatal("--from, --to: at most %d days", DAYS_MAX);
}

int
show_html(const struct show *s, char **paths, size_t n)
{
	struct gathering g = { 0 };
	char *page = NULL;
	size_t len;
	FILE *f;

	choose_days(&g, s, n > 0);
	g.book = survey_new(g.from, g.to);
	if (n > 0)
		gather_files(&g, paths, n);
	else
		gather_queue(&g, s);
	f = xmemstream(&page, &len);
	survey_page(f, survey_finish(g.book), s->now);
	xmemclose(f);
	write_page(s->outfile, page, len);
	free(page);
	free(g.rows);
	arena_release(&g.arena);
	survey_free(g.book);
	return g.wrong ? SHOW_WRONG : SHOW_OK;
}
