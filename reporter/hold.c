#include "reporter/hold.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

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

/* With its end, or what follows could begin in it. */
static XXH64_hash_t
add_text(XXH64_hash_t sum, const char *text)
{
	return XXH3_64bits_withSeed(text, strlen(text) + 1, sum);
}

/* Each is the seed of the next, so none of them can be left out. */
int64_t
hold_seal(const struct queue_report *r)
{
	const uint64_t numbers[] = { LINT_RULES, (uint64_t)r->day, r->part,
	    r->sessions, r->failures };
	XXH64_hash_t sum = XXH3_64bits(numbers, sizeof(numbers));

	sum = add_text(sum, r->domain);
	sum = add_text(sum, r->report_id);
	sum = add_text(sum, r->filename);
	sum = add_text(sum, r->figures != NULL ? r->figures : "");
	sum = XXH3_64bits_withSeed(r->body, r->len, sum);
	return sum != 0 ? (int64_t)sum : 1;	/* 0 is none */
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
