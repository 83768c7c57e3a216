#include "reporter/compose.h"

#include <stdalign.h>
#include <stdlib.h>

#include <jansson.h>

#include "reporter/hold.h"
#include "reporter/lint.h"
#include "reporter/mime.h"
#include "reporter/summary.h"
#include "spool/json_mem.h"

/*
 * What the report says, and of how many sessions, from what is attached.  It is
 * looked over before: an objection is returned.
 */
static char *
read_figures(const struct queue_report *r, const struct lint_names *names,
    struct summary *s, char **figures)
{
	alignas(max_align_t) char memory[JSON_MEM_REPORT];
	json_t *tree;
	char *why;

	json_mem_begin(memory, sizeof(memory));
	if ((why = lint_unpack(r->body, r->len, names, &tree)) == NULL)
		s->figures = *figures = summary_figures_of(tree, s);
	json_mem_end(tree);
	return why;
}

/* For people; NULL with *why when lint objects to the report. */
static char *
summary_of(const struct conf *c, const struct queue_report *r,
    const struct lint_names *names, char **why)
{
	struct summary s = {
		.organization = c->report.organization_name,
		.contact = c->report.contact_info,
		.submitter = names->submitter,
		.domain = r->domain, .day = r->day, .part = r->part,
		.successful = r->sessions - r->failures,
		.failed = r->failures, .figures = r->figures,
	};
	char *figures = NULL, *text;

	*why = NULL;
	if ((r->figures == NULL || !hold_is_sealed(r)) &&
	    (*why = read_figures(r, names, &s, &figures)) != NULL)
		return NULL;
	text = summary_text(&s);
	free(figures);
	return text;
}

char *
compose_mail(const struct conf *c, const struct dkim *dkim,
    const struct queue_report *r, const char *address, size_t *len,
    char **why)
{
	const struct lint_names names = hold_names(c, r);
	struct mime_report m = {
		.organization = c->report.organization_name,
		.from = c->mail.from,
		.to = address,
		.domain = r->domain,
		.submitter = names.submitter,
		.report_id = r->report_id,
		.filename = r->filename,
		.date = r->made,
		.body = r->body,
		.len = r->len,
	};
	const struct lint_mail expected = {
		.from = c->mail.from,
		.signer = c->report.domain,
		.to = address,
		.must_be_signed = dkim != NULL,
		.body = r->body,
		.len = r->len,
	};
	char *summary, *message, *objection;

	if ((summary = summary_of(c, r, &names, &objection)) == NULL) {
		*why = hold_reason(objection);
		return NULL;
	}
	m.summary = summary;
	message = mime_message(&m, dkim, len, why);
	free(summary);
	if (message == NULL)
		return NULL;
	objection = lint_message(message, *len, &names, &expected);
	if (objection == NULL)
		return message;
	*why = hold_reason(objection);
	free(message);
	return NULL;
}
