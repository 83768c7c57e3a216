#include "reporter/hold.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "conf/mem.h"

#define SEALED	(INT64_C(1) << 32)	/* beyond the checksum */

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

/* With its end, or what follows could begin in it. */
static uLong
add_text(uLong sum, const char *text)
{
	return crc32_z(sum, (const Bytef *)text, strlen(text) + 1);
}

int64_t
hold_seal(const struct queue_report *r)
{
	const uint64_t numbers[] = { LINT_RULES, (uint64_t)r->day, r->part,
	    r->sessions, r->failures };
	uLong sum = crc32_z(0, (const Bytef *)numbers, sizeof(numbers));

	sum = add_text(sum, r->domain);
	sum = add_text(sum, r->report_id);
	sum = add_text(sum, r->filename);
	sum = add_text(sum, r->figures != NULL ? r->figures : "");
	sum = crc32_z(sum, r->body, r->len);
	return SEALED | (int64_t)sum;
}

bool
hold_is_sealed(const struct queue_report *r)
{
	return r->seal != 0 && r->seal == hold_seal(r);
}

char *
hold_report(const struct conf *c, const struct queue_report *r)
{
	const struct lint_names names = hold_names(c, r);
	char *objection;

	if (hold_is_sealed(r))
		return NULL;
	objection = lint_packed(r->body, r->len, &names);
	return objection == NULL ? NULL : hold_reason(objection);
}

char *
hold_reason(char *objection)
{
	char *why = xasprintf("held back, a bug of ours: %s", objection);

	free(objection);
	return why;
}
