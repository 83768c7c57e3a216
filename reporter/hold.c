#include "reporter/hold.h"

#include <stdlib.h>

#include "conf/mem.h"

struct lint_names
hold_names(const struct conf *c, const struct queue_report *r)
{
	return (struct lint_names){
		.submitter = r->submitter != NULL ? r->submitter :
		    c->report.domain,
		.domain = r->domain,
		.report_id = r->report_id, .filename = r->filename,
	};
}

char *
hold_report(const struct conf *c, const struct queue_report *r)
{
	const struct lint_names names = hold_names(c, r);
	char *objection = lint_packed(r->body, r->len, &names);

	return objection == NULL ? NULL : hold_reason(objection);
}

char *
hold_reason(char *objection)
{
	char *why = xasprintf("held back, a bug of ours: %s", objection);

	free(objection);
	return why;
}
