#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "spool/record.h"
#include "spool/record_canon.h"
#include "spool/utf8.h"
#include "tests/fuzz/fuzz.h"

static void
check_text(const char *s, size_t max)
{
	if (s == NULL)
		return;
	demand(s[0] != '\0');
	demand(strlen(s) <= max);
	demand(utf8_span(s, strlen(s)) == strlen(s));
}

static void
check_domain(const char *s, struct arena *a)
{
	const char *again = record_domain(s, true, a);

	demand(again != NULL && strcmp(again, s) == 0);
	check_text(s, RECORD_DOMAIN_MAX);
}

static void
check_failure(const struct record_failure *f, struct arena *a)
{
	demand(name_of(result_types, f->result) != NULL);
	if (f->mx_hostname != NULL)
		check_domain(f->mx_hostname, a);
	if (f->sending_ip != NULL)
		demand(strcmp(record_address(a, f->sending_ip),
		    f->sending_ip) == 0);
	if (f->receiving_ip != NULL)
		demand(strcmp(record_address(a, f->receiving_ip),
		    f->receiving_ip) == 0);
	check_text(f->mx_helo, RECORD_HELO_MAX);
	check_text(f->additional_info, RECORD_TEXT_MAX);
	check_text(f->reason, RECORD_TEXT_MAX);
}

static void
check_sorted(const char **list, size_t n)
{
	size_t i;

	for (i = 1; i < n; i++)
		demand(strcmp(list[i - 1], list[i]) < 0);
}

static void
check_policy(const struct record_policy *p, struct arena *a)
{
	size_t i;

	demand(name_of(policy_types, p->type) != NULL);
	check_domain(p->domain, a);
	demand(p->nstrings <= RECORD_STRINGS_MAX);
	for (i = 0; i < p->nstrings; i++)
		check_text(p->strings[i], RECORD_STRING_MAX);
	if (p->type == POLICY_TLSA)
		check_sorted(p->strings, p->nstrings);
	demand(p->nmx <= RECORD_STRINGS_MAX);
	for (i = 0; i < p->nmx; i++)
		check_domain(p->mx[i], a);
	check_sorted(p->mx, p->nmx);
	demand(p->nfailures <= RECORD_FAILURES_MAX);
	for (i = 0; i < p->nfailures; i++)
		check_failure(&p->failures[i], a);
}

/* What a segment keeps is read back to the same, and stays as it is. */
static void
check_kept(const struct record *r, struct arena *a)
{
	struct record again;
	const char *why;

	demand(record_refuse(r->text, r->len) == NULL);
	demand(utf8_span(r->text, r->len) == r->len);
	demand(record_parse(&again, r->text, r->len, RECORD_KEEP, a,
	    &why) == 0);
	demand(again.text == r->text && again.len == r->len);
	demand(again.n == 1 && !again.has_ts);
	demand(again.own_report == r->own_report);
	demand(strcmp(again.domain, r->domain) == 0);
	demand(again.npolicies == r->npolicies);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	struct record r;
	const char *why;
	size_t i;

	if (record_parse(&r, (const char *)data, size, RECORD_KEEP, &a,
	    &why) == -1)
		demand(why != NULL && why[0] != '\0');
	else {
		check_domain(r.domain, &a);
		check_text(r.txt, RECORD_TXT_MAX);
		demand(r.n >= 1);
		demand(r.npolicies >= 1 && r.npolicies <= RECORD_POLICIES_MAX);
		for (i = 0; i < r.npolicies; i++)
			check_policy(&r.policies[i], &a);
		check_kept(&r, &a);
	}
	arena_release(&a);
	return 0;
}
