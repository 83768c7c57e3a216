#include "reporter/survey_page.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "conf/mem.h"
#include "reporter/chart.h"
#include "reporter/page.h"
#include "reporter/share.h"
#include "spool/day.h"

#define DETAILS_SHOWN	5	/* of a domain */

static const struct {
	const char *class, *name;
} policies[SURVEY_POLICIES] = {
	[SURVEY_TLSA] = { "tlsa", "DANE (tlsa)" },
	[SURVEY_STS] = { "sts", "MTA-STS (sts)" },
	[SURVEY_NONE] = { "none", "no policy found" },
	[SURVEY_OTHER] = { "other", "other" },
};

/* The days of the survey, none left out. */
struct range {
	int first;
	size_t n;
};

static struct range
range_of(const struct survey *s)
{
	return s->ndays == 0 ? (struct range){ 0, 0 } : (struct range){
	    s->days[0].day,
	    (size_t)(s->days[s->ndays - 1].day - s->days[0].day) + 1 };
}

static uint64_t
all(const struct survey_count *c)
{
	return c->successful + c->failed;
}

static const char *
known(const char *text)
{
	return text == NULL || *text == '\0' ? "not known" : text;
}

static void
put_share(FILE *f, const struct survey_count *c)
{
	char share[SHARE_TEXT];

	fputs(share_text(c->successful, all(c), share), f);
}

static void
put_head(FILE *f, const struct survey *s, const struct range *r)
{
	char from[DAY_TEXT], to[DAY_TEXT];

	fputs("<header>\n<h1>TLS reports</h1>\n<p>", f);
	if (r->n == 0)
		fputs("There are none for these days.", f);
	else
		fprintf(f, "%s to %s, %" PRIu64 " reports on %zu domains",
		    day_format(r->first, from),
		    day_format(r->first + (int)r->n - 1, to), s->reports,
		    s->ndomains);
	if (s->repeated > 0)
		fprintf(f, "; %" PRIu64 " came twice and count once",
		    s->repeated);
	fputs("</p>\n</header>\n<nav aria-label=\"Sections\">"
	    "<a href=\"#days\">Days</a> <a href=\"#policies\">Policies</a> "
	    "<a href=\"#reasons\">Failures</a> "
	    "<a href=\"#domains\">Domains</a></nav>\n<main>\n", f);
}

/* 1234567 in groups of three, between them a narrow blank. */
static void
put_grouped(FILE *f, uint64_t n)
{
	if (n < 1000) {
		fprintf(f, "%" PRIu64, n);
		return;
	}
	put_grouped(f, n / 1000);
	fprintf(f, "&#8239;%03" PRIu64, n % 1000);
}

static void
put_figure(FILE *f, const char *name, uint64_t n)
{
	fprintf(f, "<div><dt>%s</dt><dd>", name);
	put_grouped(f, n);
	fputs("</dd></div>\n", f);
}

static void
put_deliveries(FILE *f, const struct survey *s)
{
	uint64_t all_of_them = 0;

	for (int i = 0; i < 4; i++)
		all_of_them += s->deliveries[i];
	if (all_of_them == 0)
		return;
	fprintf(f, "<p class=\"soft\">%" PRIu64 " deliveries:", all_of_them);
	for (int i = 0; i < 4; i++)
		fprintf(f, "%s %" PRIu64 " %s", i > 0 ? "," : "",
		    s->deliveries[i], queue_state_name((enum queue_state)i));
	fputs(".</p>\n", f);
}

static void
put_figures(FILE *f, const struct survey *s)
{
	fputs("<dl>\n", f);
	put_figure(f, "Sessions", all(&s->count));
	put_figure(f, "Failed", s->count.failed);
	fputs("<div><dt>Successful</dt><dd>", f);
	put_share(f, &s->count);
	fputs("</dd></div>\n", f);
	put_figure(f, "Failing domains", s->nfailing);
	fputs("</dl>\n", f);
	put_deliveries(f, s);
}

static void
put_days(FILE *f, const struct survey *s, const struct range *r)
{
	uint64_t *total = xcalloc(r->n + 1, sizeof(*total));
	uint64_t *failed = xcalloc(r->n + 1, sizeof(*failed));

	for (size_t i = 0; i < s->ndays; i++)
		for (int k = 0; k < SURVEY_POLICIES; k++) {
			const struct survey_count *c = &s->days[i].policy[k];
			int day = s->days[i].day - r->first;

			total[day] += all(c);
			failed[day] += c->failed;
		}
	fputs("<section id=\"days\">\n<h2>Days</h2>\n", f);
	fputs("<figure><figcaption>Sessions per day</figcaption>\n", f);
	chart_bars(f, "Sessions per day", "bar", r->first, total, r->n);
	fputs("</figure>\n<figure><figcaption>Failed sessions per day, at a "
	    "scale of their own</figcaption>\n", f);
	chart_bars(f, "Failed sessions per day", "bar bad", r->first, failed,
	    r->n);
	fputs("</figure>\n</section>\n", f);
	free(total);
	free(failed);
}

static void
put_policy_row(FILE *f, int policy, const struct survey_count *c)
{
	fprintf(f, "<tr><th scope=\"row\"><svg class=\"key\" viewBox=\"0 0 "
	    "36 10\" aria-hidden=\"true\"><path class=\"series %s\" "
	    "d=\"M0 5H36\"/></svg> %s</th><td>%" PRIu64 "</td><td>%" PRIu64
	    "</td><td>", policies[policy].class, policies[policy].name,
	    all(c), c->failed);
	put_share(f, c);
	fputs("</td></tr>\n", f);
}

/* Per cent of each day; returns the sum over the days. */
static struct survey_count
rates(double *percent, const struct survey *s, int policy,
    const struct range *r)
{
	struct survey_count sum = { 0 };

	for (size_t i = 0; i < r->n; i++)
		percent[i] = -1;
	for (size_t i = 0; i < s->ndays; i++) {
		const struct survey_count *c = &s->days[i].policy[policy];

		sum.successful += c->successful;
		sum.failed += c->failed;
		if (all(c) > 0)
			percent[s->days[i].day - r->first] = 100 *
			    ((double)c->successful / (double)all(c));
	}
	return sum;
}

static void
put_policies(FILE *f, const struct survey *s, const struct range *r)
{
	double *percent = xcalloc(SURVEY_POLICIES * (r->n + 1),
	    sizeof(*percent));
	struct chart_line lines[SURVEY_POLICIES];
	struct survey_count sum[SURVEY_POLICIES];
	size_t n = 0;

	for (int i = 0; i < SURVEY_POLICIES; i++) {
		lines[n].class = policies[i].class;
		lines[n].percent = percent + r->n * (size_t)i;
		sum[i] = rates(percent + r->n * (size_t)i, s, i, r);
		n += all(&sum[i]) > 0;
	}
	fputs("<section id=\"policies\">\n<h2>Policies</h2>\n"
	    "<figure><figcaption>Successful sessions per day, by type of "
	    "policy</figcaption>\n", f);
	chart_lines(f, "Share of successful sessions per day, by type of "
	    "policy", lines, n, r->first, r->n);
	fputs("</figure>\n<table class=\"n2 n3 n4\"><thead><tr>"
	    "<th scope=\"col\">Policy</th><th scope=\"col\">Sessions</th>"
	    "<th scope=\"col\">Failed</th><th scope=\"col\">Successful</th>"
	    "</tr></thead>\n<tbody>\n", f);
	for (int i = 0; i < SURVEY_POLICIES; i++)
		if (all(&sum[i]) > 0)
			put_policy_row(f, i, &sum[i]);
	fputs("</tbody></table>\n</section>\n", f);
	free(percent);
}

static void
put_reasons(FILE *f, const struct survey *s)
{
	uint64_t total = 0;
	char share[SHARE_TEXT];

	fputs("<section id=\"reasons\">\n<h2>Failures</h2>\n", f);
	if (s->nresults == 0)
		fputs("<p>No report gives a reason for a failure.</p>\n", f);
	else
		fputs("<table class=\"n2 n3 n4\"><caption>A session may fail "
		    "for more than one reason.</caption><thead><tr>"
		    "<th scope=\"col\">Reason</th><th scope=\"col\">Times</th>"
		    "<th scope=\"col\">Share</th><th scope=\"col\">Domains</th>"
		    "</tr></thead>\n<tbody>\n", f);
	for (size_t i = 0; i < s->nresults; i++)
		total += s->results[i].n;
	for (size_t i = 0; i < s->nresults; i++) {
		fputs("<tr><th scope=\"row\">", f);
		page_text(f, known(s->results[i].result));
		fprintf(f, "</th><td>%" PRIu64 "</td><td>%s</td><td>%zu</td>"
		    "</tr>\n", s->results[i].n, share_text(s->results[i].n,
		    total, share), s->results[i].domains);
	}
	fputs(s->nresults > 0 ? "</tbody></table>\n</section>\n" :
	    "</section>\n", f);
}

static const char *
main_result(const struct survey_domain *d)
{
	return known(d->details != NULL ? d->details->result : NULL);
}

static size_t
failing_days(const struct survey_domain *d)
{
	size_t n = 0;

	for (size_t i = 0; i < d->npoints; i++)
		n += d->points[i].count.failed > 0;
	return n;
}

/* Ten thousand of these: end tags that HTML does not need are left out. */
static void
put_row(FILE *f, const struct survey_domain *d, size_t number, bool linked)
{
	fputs("<tr><th scope=row>", f);
	if (linked)
		fprintf(f, "<a href=#d%zu>", number);
	page_text(f, d->name);
	fprintf(f, "%s<td>%" PRIu64 "<td>%" PRIu64 "<td>", linked ? "</a>" :
	    "", all(&d->count), d->count.failed);
	put_share(f, &d->count);
	fputs("<td>", f);
	page_text(f, main_result(d));
	fprintf(f, "<td>%zu\n", failing_days(d));
}

static void
put_table(FILE *f, const struct survey *s, size_t nlinked)
{
	fputs("<section id=\"domains\">\n<h2>Failing domains</h2>\n"
	    "<form id=\"filter\" hidden>\n<label>Domain has "
	    "<input type=\"search\" name=\"name\" autocomplete=\"off\"></label>\n"
	    "<label>Mostly fails by <select name=\"reason\">"
	    "<option value=\"\">any reason</option></select></label>\n"
	    "<output id=\"shown\"></output>\n</form>\n"
	    "<div class=\"scroll\" role=\"region\" tabindex=\"0\" "
	    "aria-label=\"Table of failing domains\">\n"
	    "<table id=\"failing\" class=\"n2 n3 n4 n6\">"
	    "<caption>Every domain with failed sessions.</caption>"
	    "<thead><tr><th scope=\"col\">Domain</th>"
	    "<th scope=\"col\" data-type=\"n\">Sessions</th>"
	    "<th scope=\"col\" data-type=\"n\" aria-sort=\"descending\">Failed"
	    "</th><th scope=\"col\" data-type=\"n\">Successful</th>"
	    "<th scope=\"col\">Mostly</th>"
	    "<th scope=\"col\" data-type=\"n\">Days</th></tr></thead>\n"
	    "<tbody>\n", f);
	for (size_t i = 0; i < s->nfailing; i++)
		put_row(f, s->failing[i], i, i < nlinked);
	fputs("</tbody></table>\n</div>\n</section>\n", f);
}

static void
put_detail(FILE *f, const struct survey_detail *d)
{
	fprintf(f, "<tr><td>%" PRIu64 "<td>", d->n);
	page_text(f, known(d->result));
	fputs("<td>", f);
	if (d->host != NULL)
		page_text(f, d->host);
	if (d->ip != NULL) {
		fputs(d->host != NULL ? " [" : "[", f);
		page_text(f, d->ip);
		putc(']', f);
	}
	if (d->reason != NULL) {
		fputs("<br>", f);
		page_text(f, d->reason);
	}
	putc('\n', f);
}

static void
put_details(FILE *f, const struct survey_domain *d)
{
	const struct survey_detail *v = d->details;
	uint64_t others = d->others;

	if (v == NULL)
		return;
	fputs("<table class=n1><thead><tr><th scope=col>Times"
	    "<th scope=col>Reason<th scope=col>Server\n<tbody>", f);
	for (int i = 0; v != NULL && i < DETAILS_SHOWN; i++, v = v->next)
		put_detail(f, v);
	for (; v != NULL; v = v->next)
		others += v->n;
	if (others > 0)
		fprintf(f, "<tr><td>%" PRIu64 "<td>others<td>\n", others);
	fputs("</table>\n", f);
}

static void
put_spark(FILE *f, const struct survey_domain *d, const struct range *r)
{
	uint64_t *failed = xcalloc(r->n + 1, sizeof(*failed));

	for (size_t i = 0; i < d->npoints; i++)
		failed[d->points[i].day - r->first] =
		    d->points[i].count.failed;
	chart_spark(f, failed, r->n);
	free(failed);
}

static void
put_domain(FILE *f, const struct survey_domain *d, size_t number,
    const struct range *r, bool brief)
{
	char last[DAY_TEXT] = "-";

	for (size_t i = 0; i < d->npoints; i++)
		if (d->points[i].count.failed > 0)
			day_format(d->points[i].day, last);
	fprintf(f, "<section class=domain id=d%zu><h3>", number);
	page_text(f, d->name);
	fprintf(f, "</h3><p>%" PRIu64 " of %" PRIu64 " sessions failed, on "
	    "%zu of %zu days, last on %s.</p>\n", d->count.failed,
	    all(&d->count), failing_days(d), r->n, last);
	put_spark(f, d, r);
	if (!brief)
		put_details(f, d);
	fputs("</section>\n", f);
}

/* What the table will take, or a little more. */
static size_t
table_size(const struct survey *s)
{
	size_t size = 2000;

	for (size_t i = 0; i < s->nfailing; i++)
		size += strlen(s->failing[i]->name) + 120;
	return size;
}

/* Sections for as many domains as there is room for; returns how many. */
static size_t
put_sections(FILE *f, const struct survey *s, const struct range *r,
    size_t used)
{
	size_t i, size;

	for (i = 0; i < s->nfailing; i++) {
		size = used + (size_t)ftell(f);
		if (size > SURVEY_PAGE_MAX)
			break;
		put_domain(f, s->failing[i], i, r, size > SURVEY_PAGE_SOFT);
	}
	return i;
}

static void
put_domains(FILE *f, const struct survey *s, const struct range *r)
{
	char *sections = NULL;
	size_t len, n;
	FILE *m = xmemstream(&sections, &len);

	n = put_sections(m, s, r, (size_t)ftell(f) + table_size(s));
	xmemclose(m);
	put_table(f, s, n);
	fputs("<section id=\"each\">\n<h2>Each failing domain</h2>\n"
	    "<p class=\"soft\">Bars are failed sessions per day, at a scale of "
	    "the domain's own.</p>\n", f);
	fwrite(sections, 1, len, f);
	if (n < s->nfailing)
		fprintf(f, "<p>The %zu domains with the fewest failures have "
		    "no section here: the page would be too large.</p>\n",
		    s->nfailing - n);
	fputs("</section>\n", f);
	free(sections);
}

void
survey_page(FILE *f, const struct survey *s, int64_t now)
{
	struct range r = range_of(s);
	char day[DAY_TEXT];

	page_begin(f, "TLS reports");
	put_head(f, s, &r);
	if (r.n > 0) {
		put_figures(f, s);
		put_days(f, s, &r);
		put_policies(f, s, &r);
		put_reasons(f, s);
	}
	if (s->nfailing > 0)
		put_domains(f, s, &r);
	else if (r.n > 0)
		fputs("<p id=\"domains\">No domain fails.</p>\n", f);
	fprintf(f, "</main>\n<footer>Made on %s by tlsrpt-show " VERSION
	    ".</footer>\n", day_format(day_of(now), day));
	page_end(f);
}
