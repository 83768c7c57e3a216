#include "reporter/check_output.h"

#include <jansson.h>

#include "conf/log.h"

/* Out of memory, or text that is no UTF-8, which findings and names are not. */
static json_t *
must(json_t *value)
{
	if (value == NULL)
		fatal("cannot write JSON");
	return value;
}

static json_t *
finding_json(const struct finding *finding)
{
	const struct finding_kind *kind = finding_kind(finding->id);

	return must(json_pack("{s:s, s:s, s:s, s:s?, s:s, s:s?, s:s?}",
	    "id", kind->name, "severity", severity_names[finding->severity],
	    "area", area_names[kind->area], "subject", finding->subject,
	    "text", finding->text, "todo", kind->todo, "rfc", kind->rfc));
}

static json_t *
areas_json(const struct findings *findings)
{
	json_t *areas = must(json_object());

	for (int i = 0; i < AREAS; i++)
		if (findings->worst[i] != -1)
			json_object_set_new(areas, area_names[i],
			    must(json_pack("{s:s, s:s?}", "severity",
			    severity_names[findings->worst[i]], "verdict",
			    findings->verdicts[i])));
	return areas;
}

static json_t *
list_json(char *const *list, size_t n)
{
	json_t *array = must(json_array());

	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, must(json_string(list[i])));
	return array;
}

static json_t *
suggestion_json(const struct suggestion *s)
{
	return must(json_pack("{s:o, s:s?, s:s?, s:o}",
	    "records", list_json(s->records, s->n), "policy-url",
	    s->policy_url, "policy", s->policy,
	    "notes", list_json(s->notes, s->nnotes)));
}

void
check_json(const char *title, const struct findings *findings,
    const struct suggestion *suggestion, FILE *f)
{
	json_t *list = must(json_array()), *o;

	for (size_t i = 0; i < findings->n; i++)
		json_array_append_new(list, finding_json(&findings->list[i]));
	o = must(json_pack("{s:s, s:s, s:o, s:o, s:I}", "domain", title,
	    "worst", severity_names[findings_worst(findings)],
	    "areas", areas_json(findings), "findings", list,
	    "left-out", (json_int_t)findings->left_out));
	if (suggestion != NULL)
		json_object_set_new(o, "suggestion",
		    suggestion_json(suggestion));
	if (json_dumpf(o, f, JSON_COMPACT) == -1)
		fatal("cannot write JSON");
	putc('\n', f);
	json_decref(o);
}
