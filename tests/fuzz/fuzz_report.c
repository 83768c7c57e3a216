#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/mem.h"
#include "reporter/attached.h"
#include "reporter/gzip.h"
#include "reporter/reading.h"
#include "reporter/show_table.h"
#include "reporter/survey_page.h"
#include "tests/fuzz/fuzz.h"

/* Whatever was in there: one script, and that is ours. */
static void
check_page(struct survey_book *b)
{
	char *page = NULL;
	size_t len;
	FILE *f = xmemstream(&page, &len);

	survey_page(f, survey_finish(b), 0);
	xmemclose(f);
	if (strstr(strstr(page, "<script>") + 1, "<script") != NULL)
		abort();
	free(page);
}

static void
show(const struct reading *r, struct arena *a)
{
	const struct show s = { .all = true };
	char *text = NULL;
	size_t len;
	FILE *f = xmemstream(&text, &len);

	show_table(&s, f, r, a);
	xmemclose(f);
	if (strchr(text, '\033') != NULL)
		abort();
	free(text);
}

/* What comes of a text that is said to be a report, as far as to the page. */
static void
read_one(const char *text, size_t len, const struct lint_names *names)
{
	struct survey_book *b = survey_new(0, 40000);
	struct arena a = { 0 };
	struct reading r;
	char *why;

	if (reading_parse(&r, text, len, names, true, &a, &why) == 0) {
		show(&r, &a);
		survey_report(b, &r);
		check_page(b);
	}
	free(why);
	reading_release(&r);
	survey_free(b);
	arena_release(&a);
}

static void
on_attached(void *arg, const struct attached *m)
{
	const struct lint_names names = { .filename = m->filename,
	    .domain = m->domain, .submitter = m->submitter,
	    .report_id = m->report_id };
	const char *why;
	size_t len;
	char *text = gzip_unpack(m->data, m->len, 1 << 20, &len, &why);

	(void)arg;
	if (text != NULL)
		read_one(text, len, &names);
	else
		read_one(m->data, m->len, &names);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct lint_names names = { 0 };
	char *text = xmalloc(size + 1);
	struct arena a = { 0 };

	memcpy(text, data, size);
	text[size] = '\0';
	if (attached_is_mail(text, size))
		attached_find(text, size, &a, on_attached, NULL);
	else
		read_one(text, size, &names);
	arena_release(&a);
	free(text);
	return 0;
}
