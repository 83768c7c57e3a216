#include "reporter/lookups.h"

#include <stdlib.h>

#include "conf/mem.h"
#include "reporter/archive.h"
#include "reporter/deliver.h"
#include "reporter/dns.h"
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
resolved(const struct lookups *l, struct job *j, const struct rua_list *list)
{
	struct queue_delivery *d = xcalloc(list->n, sizeof(*d));
	struct archive copies = { 0 };
	struct marks *m = l->marks;

	for (size_t i = 0; i < list->n; i++) {
		d[i] = enqueue_to(&list->list[i]);
		d[i].next_try = *l->due;
	}
	if (archive_report(&copies, list->folders, list->nfolders, NULL,
	    j->r.filename, j->r.body, j->r.len) == -1)
		m->totals->wrong = true;
	if (archive_end(&copies) == -1)
		m->totals->wrong = true;
	marks_begin(m);
	marks_must(m, queue_resolved(m->queue, j->d.row, m->clock(), d,
	    list->n, list->n == 0 ? "copied to a folder, and to nobody else" :
	    NULL));
	for (size_t i = 0; i < list->n; i++)
		if (!list->list[i].ours)
			check_quota(m, l->conf, j, &d[i]);
	free(d);
	job_free(j);
}

static void
on_answer(void *arg, const struct daily_answer *a)
{
	struct job *j = arg;
	struct lookups *l = j->run;
	struct result r;

	l->started--;
	switch (a->what) {
	case ANSWER_PLACES:
		resolved(l, j, &a->list);
		return;
	case ANSWER_NOWHERE:
		result_set(&r, REFUSED, 0, "%s", a->why);
		break;
	case ANSWER_NONE_YET:
		result_set(&r, DEFERRED, 0, "DNS did not answer for the TLSRPT "
		    "record");
	}
	marks_finish(l->marks, j, &r);
}

void
lookups_init(struct lookups *l, const struct conf *c, struct daily *daily,
    struct marks *marks, const int64_t *due)
{
	*l = (struct lookups){ .conf = c, .daily = daily, .marks = marks,
	    .due = due };
	job_list_init(&l->waiting);
}

void
lookups_add(struct lookups *l, struct job *j)
{
	j->run = l;
	job_list_append(&l->waiting, j);
}

void
lookups_start(struct lookups *l)
{
	struct job *j;

	while (l->started < DNS_ASKED_MAX &&
	    (j = job_list_shift(&l->waiting)) != NULL) {
		marks_load(l->marks, j);
		l->started++;
		daily_lookup(l->daily, j->r.domain, on_answer, j);
	}
}

void
lookups_stop(struct lookups *l)
{
	daily_forget(l->daily);
	l->started = 0;
}
