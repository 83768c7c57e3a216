#include "reporter/job.h"

#include <stdlib.h>
#include <string.h>

#include "conf/mem.h"

struct job *
job_new(struct job_set *set, const struct queue_delivery *d)
{
	struct job *j = xcalloc(1, sizeof(*j));

	queue_delivery_copy(&j->d, d);
	if (set->n == set->room) {
		set->room = set->room ? 2 * set->room : 256;
		set->job = xreallocarray(set->job, set->room,
		    sizeof(*set->job));
	}
	j->set = set;
	j->slot = set->n;
	set->job[set->n++] = j;
	return j;
}

void
job_unload(struct job *j)
{
	queue_report_release(&j->r);
	free(j->sender);
	j->sender = NULL;
	rua_release(&j->to);
}

void
job_free(struct job *j)
{
	struct job_set *set = j->set;
	struct job *last = set->job[--set->n];

	last->slot = j->slot;
	set->job[j->slot] = last;
	queue_delivery_release(&j->d);
	job_unload(j);
	free(j);
}

void
job_set_release(struct job_set *set)
{
	while (set->n > 0)
		job_free(set->job[set->n - 1]);
	free(set->job);
	free(set->rows);
	memset(set, 0, sizeof(*set));
}

static int
by_row(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

void
job_set_sort(struct job_set *set)
{
	set->nrows = set->n;
	set->rows = xreallocarray(set->rows, set->n ? set->n : 1,
	    sizeof(*set->rows));
	for (size_t i = 0; i < set->n; i++)
		set->rows[i] = set->job[i]->d.row;
	qsort(set->rows, set->nrows, sizeof(*set->rows), by_row);
}

bool
job_set_has(const struct job_set *set, int64_t row)
{
	return set->nrows > 0 && bsearch(&row, set->rows, set->nrows,
	    sizeof(*set->rows), by_row) != NULL;
}

void
job_list_init(struct job_list *l)
{
	l->first = NULL;
	l->last = &l->first;
	l->n = 0;
}

void
job_list_append(struct job_list *l, struct job *j)
{
	j->next = NULL;
	*l->last = j;
	l->last = &j->next;
	l->n++;
}

struct job *
job_list_shift(struct job_list *l)
{
	struct job *j = l->first;

	if (j != NULL) {
		if ((l->first = j->next) == NULL)
			l->last = &l->first;
		l->n--;
	}
	return j;
}
