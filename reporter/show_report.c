/*
 * tlsrpt-show report: files are read and written out by as many threads as
 * there are processors, a batch at a time, and printed in their order.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <jansson.h>

#include "conf/log.h"
#include "conf/mem.h"
#include "reporter/reading.h"
#include "reporter/report_file.h"
#include "reporter/share.h"
#include "reporter/show.h"
#include "reporter/show_table.h"
#include "spool/json_mem.h"

#define BATCH		64	/* files */
#define AHEAD		64	/* batches that wait to be printed */
#define THREADS_MAX	16
#define TREE_SIZE	(256 << 10)	/* jansson's tree of nearly any report */

struct totals {
	uint64_t reports, successful, failed, objections, remarks;
	uint64_t bad;		/* files */
};

struct batch {
	char *text;
	size_t len;
	struct totals totals;
	bool done;
};

struct work {
	const struct show *show;
	const struct report_paths *paths;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t nbatches, next, printed;
	struct batch batch[AHEAD];
};

/* One thread's. */
struct reader {
	const struct show *show;
	bool many;
	FILE *out;
	const char *path;
	char *tree;
	struct arena arena;
	struct totals totals;
};

static void
print_findings(struct reader *d, const struct reading *r)
{
	for (size_t i = 0; i < r->lint.n; i++) {
		const struct lint_finding *l = &r->lint.list[i];

		show_print(d->show, d->out, l->odd ? SHOW_ODD : SHOW_BAD,
		    "  %s ", l->odd ? "odd:  " : "wrong:");
		show_clean(d->out, l->text);
		putc('\n', d->out);
	}
}

static void
print_table(struct reader *d, const struct reading *r)
{
	if (d->many) {
		show_clean(d->out, d->path);
		fputs(":\n", d->out);
	}
	show_table(d->show, d->out, r, &d->arena);
	if (r->lint.n > 0)
		fputs("\n  What receivers may object to:\n", d->out);
	print_findings(d, r);
	putc('\n', d->out);
}

static void
print_lint(struct reader *d, const struct reading *r)
{
	show_clean(d->out, d->path);
	fputs(r->lint.n == 0 ? ": all well\n" : ":\n", d->out);
	print_findings(d, r);
}

static void
print_summary(struct reader *d, const struct reading *r)
{
	char share[SHARE_TEXT];

	fprintf(d->out, "%-10.10s ", r->begin != NULL &&
	    strspn(r->begin, "0123456789-TZ:") >= 10 ? r->begin : "-");
	show_column(d->out, r->domain, 32);
	fprintf(d->out, " %10" PRIu64 " %9" PRIu64 " %8s  ",
	    r->successful + r->failed, r->failed,
	    share_text(r->successful, r->successful + r->failed, share));
	show_clean(d->out, r->organization);
	putc('\n', d->out);
}

static json_t *
findings_json(const struct reading *r)
{
	json_t *list = json_array();

	for (size_t i = 0; i < r->lint.n; i++)
		json_array_append_new(list, json_pack("{s:s, s:s}",
		    "severity", r->lint.list[i].odd ? "odd" : "wrong",
		    "text", r->lint.list[i].text));
	return list;
}

static json_t *
text_json(const char *text)
{
	return text != NULL ? json_string(text) : json_null();
}

/* The report as it came, and what we make of it. */
static void
print_json(struct reader *d, const struct reading *r)
{
	json_t *o = json_object();
	char *path = log_escape(d->path);
	int bad = 0;

	bad |= json_object_set_new(o, "file", text_json(path));
	bad |= json_object_set_new(o, "domain", text_json(r->domain));
	bad |= json_object_set_new(o, "successful",
	    json_integer((json_int_t)r->successful));
	bad |= json_object_set_new(o, "failed",
	    json_integer((json_int_t)r->failed));
	bad |= json_object_set(o, "report", r->root);
	bad |= json_object_set_new(o, "findings", findings_json(r));
	if (bad != 0 || json_dumpf(o, d->out, JSON_COMPACT) == -1)
		fatal("out of memory");
	putc('\n', d->out);
	json_decref(o);
	free(path);
}

static void (*const forms[])(struct reader *, const struct reading *) = {
	[SHOW_TEXT] = print_table,
	[SHOW_JSON] = print_json,
	[SHOW_SUMMARY] = print_summary,
	[SHOW_LINT] = print_lint,
};

static bool
is_wanted(const struct show *s, const struct reading *r)
{
	return s->domain == NULL || (r->domain != NULL &&
	    strcasecmp(s->domain, r->domain) == 0);
}

static void
count(struct totals *t, const struct reading *r)
{
	t->reports++;
	t->successful += r->successful;
	t->failed += r->failed;
	for (size_t i = 0; i < r->lint.n; i++)
		if (r->lint.list[i].odd)
			t->remarks++;
		else
			t->objections++;
}

static void
on_report(void *arg, const char *text, size_t len,
    const struct lint_names *names)
{
	struct reader *d = arg;
	struct reading r;
	json_t *root;
	char *why;

	arena_reset(&d->arena);
	json_mem_begin(d->tree, TREE_SIZE);
	if (reading_parse(&r, text, len, names,
	    d->show->form != SHOW_SUMMARY, &d->arena, &why) == -1) {
		log_warn("%s: %s", d->path, why);
		free(why);
		d->totals.bad++;
	} else if (is_wanted(d->show, &r)) {
		count(&d->totals, &r);
		forms[d->show->form](d, &r);
	}
	root = r.root;
	r.root = NULL;			/* transferred: most are in d->tree */
	reading_release(&r);
	json_mem_end(root);
}

/* A mail among many need not carry a report. */
static void
read_one(struct reader *d, struct report_file *f,
    const struct report_path *path)
{
	char *why;
	int n;

	d->path = path->name;
	n = report_file_read(f, path, on_report, d, &why);

	if (n == 0 && !d->many)
		why = xstrdup("there is no TLS report in this mail");
	if (why == NULL)
		return;
	log_warn("%s: %s", d->path, why);
	free(why);
	d->totals.bad++;
}

static void
read_batch(const struct work *w, size_t number, struct report_file *f,
    struct reader *d, struct batch *b)
{
	size_t end = (number + 1) * BATCH;

	d->totals = (struct totals){ 0 };
	d->out = xmemstream(&b->text, &b->len);
	for (size_t i = number * BATCH; i < end && i < w->paths->n; i++)
		read_one(d, f, &w->paths->path[i]);
	xmemclose(d->out);
	b->totals = d->totals;
}

static void *
run_reader(void *arg)
{
	struct work *w = arg;
	struct reader d = { .show = w->show,
	    .many = w->paths->many || w->paths->n > 1,
	    .tree = xmalloc(TREE_SIZE) };
	struct report_file f = { 0 };
	struct batch *b;
	size_t number;

	pthread_mutex_lock(&w->lock);
	while ((number = w->next) < w->nbatches) {
		if (number >= w->printed + AHEAD) {
			pthread_cond_wait(&w->changed, &w->lock);
			continue;
		}
		w->next++;
		pthread_mutex_unlock(&w->lock);
		b = &w->batch[number % AHEAD];
		read_batch(w, number, &f, &d, b);
		pthread_mutex_lock(&w->lock);
		b->done = true;
		pthread_cond_broadcast(&w->changed);
	}
	pthread_mutex_unlock(&w->lock);
	report_file_release(&f);
	arena_release(&d.arena);
	free(d.tree);
	return NULL;
}

static void
sum_up(struct totals *sum, const struct totals *t)
{
	sum->reports += t->reports;
	sum->successful += t->successful;
	sum->failed += t->failed;
	sum->objections += t->objections;
	sum->remarks += t->remarks;
	sum->bad += t->bad;
}

static void
print_batches(struct work *w, struct totals *sum)
{
	pthread_mutex_lock(&w->lock);
	while (w->printed < w->nbatches) {
		struct batch *b = &w->batch[w->printed % AHEAD];

		if (!b->done) {
			pthread_cond_wait(&w->changed, &w->lock);
			continue;
		}
		pthread_mutex_unlock(&w->lock);
		fwrite(b->text, 1, b->len, stdout);
		free(b->text);
		sum_up(sum, &b->totals);
		pthread_mutex_lock(&w->lock);
		*b = (struct batch){ 0 };
		w->printed++;
		pthread_cond_broadcast(&w->changed);
	}
	pthread_mutex_unlock(&w->lock);
}

static size_t
thread_count(size_t nbatches)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	if (n < 1)
		n = 1;
	if (n > THREADS_MAX)
		n = THREADS_MAX;
	return (size_t)n < nbatches ? (size_t)n : nbatches;
}

static void
read_all(struct work *w, struct totals *sum)
{
	size_t n = thread_count(w->nbatches);
	pthread_t thread[THREADS_MAX];

	json_object_seed(0);		/* before there are threads */
	for (size_t i = 0; i < n; i++)
		if ((errno = pthread_create(&thread[i], NULL, run_reader,
		    w)) != 0)
			fatal("cannot start a thread: %m");
	print_batches(w, sum);
	for (size_t i = 0; i < n; i++)
		pthread_join(thread[i], NULL);
}

static void
print_totals(const struct show *s, const struct totals *t)
{
	char share[SHARE_TEXT];

	printf("%" PRIu64 " reports, %" PRIu64 " sessions, ", t->reports,
	    t->successful + t->failed);
	show_print(s, stdout, t->failed > 0 ? SHOW_BAD : SHOW_GOOD,
	    "%" PRIu64 " failed", t->failed);
	printf(", %s successful", share_text(t->successful,
	    t->successful + t->failed, share));
	if (s->form != SHOW_SUMMARY)
		printf("; %" PRIu64 " things wrong, %" PRIu64 " odd",
		    t->objections, t->remarks);
	if (t->bad > 0)
		printf("; %" PRIu64 " files could not be read", t->bad);
	putchar('\n');
}

int
show_report(const struct show *s, char **paths, size_t n)
{
	struct report_paths all = { 0 };
	struct work w = { .show = s, .paths = &all,
	    .lock = PTHREAD_MUTEX_INITIALIZER,
	    .changed = PTHREAD_COND_INITIALIZER };
	struct totals t = { 0 };

	for (size_t i = 0; i < n; i++)
		if (report_paths_add(&all, paths[i]) == -1) {
			log_warn("%s: %m", paths[i]);
			t.bad++;
		}
	w.nbatches = (all.n + BATCH - 1) / BATCH;
	t.bad += all.bad;
	read_all(&w, &t);
	if (s->form != SHOW_JSON && (all.many || all.n > 1))
		print_totals(s, &t);
	report_paths_release(&all);
	return t.bad > 0 || t.objections > 0 ? SHOW_WRONG : SHOW_OK;
}
