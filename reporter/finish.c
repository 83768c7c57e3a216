#include "reporter/finish.h"

#include <stdalign.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "conf/log.h"
#include "reporter/json.h"
#include "reporter/lint.h"
#include "reporter/summary.h"
#include "spool/json_mem.h"

#define FIGURES_MAX	4096	/* bytes; most have a few hundred */

/* May it go by mail, as far as is known by now? */
static bool
may_be_mailed(const struct rua_list *to, bool lookup)
{
	for (size_t i = 0; i < to->n; i++)
		if (to->list[i].scheme == RUA_MAILTO)
			return true;
	return lookup;
}

/*
 * Larger ones are read when they leave: they do not shrink as the report does,
 * with which the queue keeps them, and peers may make up a hundred times its
 * size.
 */
static char *
figures_to_keep(json_t *tree)
{
	char *figures = summary_figures_of(tree, NULL);

	if (strlen(figures) <= FIGURES_MAX)
		return figures;
	free(figures);
	return NULL;
}

/* A report that is not good is held back when it is to leave (hold.h). */
static void
look_over(const json_t *tree, struct daily_report *done)
{
	const struct report *r = done->report;
	const struct lint_names names = {
		.submitter = r->who->submitter, .domain = r->domain,
		.report_id = r->id, .filename = r->filename,
	};
	char *why = lint_tree(tree, done->jsonlen, &names);

	done->good = why == NULL;
	free(why);
}

int
finish_report(struct gzip *g, const struct report *r, const struct rua_list *to,
    bool lookup, daily_fn *fn, void *arg)
{
	alignas(max_align_t) char memory[JSON_MEM_REPORT];
	struct daily_report done = { .report = r, .to = to, .lookup = lookup };
	char *json, *figures = NULL;
	json_t *tree;
	int rc;

	json_mem_begin(memory, sizeof(memory));
	tree = json_tree(r);
	if ((json = json_text(tree, false, &done.jsonlen)) == NULL)
		log_warn("the report %s holds a text that is not UTF-8, a bug "
		    "of ours", r->id);
	else
		look_over(tree, &done);
	if (done.good && may_be_mailed(to, lookup))
		figures = figures_to_keep(tree);
	json_mem_end(tree);
	gzip_pack(g, json != NULL ? json : "", done.jsonlen, &done.gzip,
	    &done.gziplen);
	done.json = json;
	done.figures = figures;
	rc = fn(arg, &done);
	free(figures);
	free(json);
	return rc;
}
