#include "reporter/lookups.h"

#include <stdlib.h>

#include "conf/mem.h"
#include "reporter/archive.h"
#include "reporter/enqueue.h"
#include "reporter/quota.h"

/* A destination that DNS gave may be one too many for its day. */
static void
check_quota(struct marks *m, const struct conf *c, const struct job *j,
    const struct queue_delivery *d)
{
	struct result r = { .outcome = REFUSED };
	int room = quota_take(m->queue, c, j->r.day, d, r.text,
	    sizeof(r.text));

	marks_must(m, room);
	if (room != 1)
		marks_refuse(m, &j->r, d, &r);
}

/* DNS has told where the report on a domain is wanted: queue it for there. */
static void
resolved(struct marks *m, const struct conf *c, struct job *j,
    const struct rua_list *list, int64_t due)
{
	struct queue_delivery *d = xcalloc(list->n, sizeof(*d));
	struct archive copies = { 0 };

	for (size_t i = 0; i < list->n; i++) {
		d[i] = enqueue_to(&list->list[i]);
		d[i].next_try = due;
	}
	archive_report(&copies, list->folders, list->nfolders, NULL,
	    j->r.filename, j->r.body, j->r.len);
	archive_end(&copies);
	marks_begin(m);
	marks_must(m, queue_resolved(m->queue, j->d.row, m->clock(), d,
	    list->n, list->n == 0 ? "copied to a folder, and to nobody else" :
	    NULL));
	for (size_t i = 0; i < list->n; i++)
		if (!list->list[i].ours)
			check_quota(m, c, j, &d[i]);
	free(d);
	job_free(j);
}

static void
looked_up(struct marks *m, const struct conf *c, struct job *j,
    const struct daily_answer *a, int64_t due)
{
	struct result r;

	switch (a->what) {
	case ANSWER_PLACES:
		resolved(m, c, j, &a->list, due);
		return;
	case ANSWER_NOWHERE:
		result_set(&r, REFUSED, 0, "%s", a->why);
		break;
	case ANSWER_NONE_YET:
		result_set(&r, DEFERRED, 0, "DNS did not answer for the TLSRPT "
		    "record");
	}
	marks_finish(m, j, &r);
}

void
lookups_run(struct job_list *list, const struct conf *c, struct daily *daily,
    struct marks *marks, int64_t due)
{
	size_t n = 0, most = list->n < LOOKUPS_MAX ? list->n : LOOKUPS_MAX;
	struct job **jobs, *j;
	const char **domains;
	struct daily_answer *answers;

	if (most == 0)
		return;
	jobs = xcalloc(most, sizeof(*jobs));
	domains = xcalloc(most, sizeof(*domains));
	answers = xcalloc(most, sizeof(*answers));
	while (n < most && (j = job_list_shift(list)) != NULL) {
		marks_load(marks, j);
		jobs[n] = j;
		domains[n++] = j->r.domain;
	}
	daily_lookup(daily, domains, n, answers);
	for (size_t i = 0; i < n; i++) {
		looked_up(marks, c, jobs[i], &answers[i], due);
		rua_list_release(&answers[i].list);
	}
	marks_commit(marks);
	free(jobs);
	free(domains);
	free(answers);
}
