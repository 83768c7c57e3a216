#include "reporter/check_output.h"

#include <stdlib.h>
#include <string.h>

#include "conf/mem.h"

#define COLUMNS		79
#define INDENT		11	/* of a finding's text */

static const enum show_style styles[SEVERITIES] = {
	[SEVERITY_OK] = SHOW_GOOD,
	[SEVERITY_INFO] = SHOW_DIM,
	[SEVERITY_WARNING] = SHOW_ODD,
	[SEVERITY_ERROR] = SHOW_BAD,
};

static void
put_areas(const struct findings *findings, const struct show *look, FILE *f)
{
	for (int i = 0; i < AREAS; i++) {
		int worst = findings->worst[i];

		if (worst == -1)
			continue;
		fprintf(f, "  %-9s ", area_names[i]);
		show_print(look, f, styles[worst], "%-8s",
		    severity_names[worst]);
		fprintf(f, " %s\n", findings->verdicts[i] != NULL ?
		    findings->verdicts[i] : "see below");
	}
}

/* Words, in lines that begin under the first one. */
static void
put_wrapped(FILE *f, const char *text)
{
	size_t column = INDENT, len;

	while (*(text += strspn(text, " ")) != '\0') {
		len = strcspn(text, " ");
		if (column > INDENT && column + 1 + len > COLUMNS) {
			fprintf(f, "\n%*s", INDENT, "");
			column = INDENT;
		} else if (column > INDENT) {
			putc(' ', f);
			column++;
		}
		fwrite(text, 1, len, f);
		column += len;
		text += len;
	}
	putc('\n', f);
}

static void
put_finding(const struct finding *finding, const struct show *look, FILE *f)
{
	const struct finding_kind *kind = finding_kind(finding->id);
	char *text = xasprintf("%s%s%s. %s%s[%s%s%s]",
	    finding->subject != NULL ? finding->subject : "",
	    finding->subject != NULL ? ": " : "", finding->text,
	    kind->todo != NULL ? kind->todo : "",
	    kind->todo != NULL ? " " : "", kind->name,
	    kind->rfc != NULL ? ", " : "", kind->rfc != NULL ? kind->rfc : "");

	fputs("  ", f);
	show_print(look, f, styles[finding->severity], "%-8s",
	    severity_names[finding->severity]);
	putc(' ', f);
	put_wrapped(f, text);
	free(text);
}

static void
put_findings(const struct findings *findings, bool all,
    const struct show *look, FILE *f)
{
	bool any = false;

	for (size_t i = 0; i < findings->n; i++) {
		if (findings->list[i].severity == SEVERITY_OK && !all)
			continue;
		if (!any)
			putc('\n', f);
		any = true;
		put_finding(&findings->list[i], look, f);
	}
	if (findings->left_out > 0)
		fprintf(f, "  and %zu more\n", findings->left_out);
}

void
check_text(const char *title, const struct findings *findings,
    const struct suggestion *suggestion, bool all, const struct show *look,
    FILE *f)
{
	show_print(look, f, SHOW_BOLD, "%s", title);
	putc('\n', f);
	put_areas(findings, look, f);
	put_findings(findings, all, look, f);
	if (suggestion != NULL) {
		fputs("\n; to publish:\n", f);
		suggestion_print(suggestion, f);
	}
	putc('\n', f);
}
