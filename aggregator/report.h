#ifndef AGGREGATOR_REPORT_H
#define AGGREGATOR_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include "spool/arena.h"
#include "spool/record.h"

/*
 * One RFC 8460 section 4 report as plain data: what json.c writes and mime.c
 * tells people about.  Everything is in the arena it was made in.  A text
 * that is not known is NULL, never "".
 */
struct report_detail {
	enum result_type result;
	const char *sending_ip;
	const char *mx_hostname;
	const char *mx_helo;
	const char *receiving_ip;
	const char *additional_info;
	const char *reason;
	uint64_t n;			/* failed-session-count */
};

struct report_policy {
	enum policy_type type;
	const char *domain;
	size_t nstrings, nmx, ndetails;
	const char *const *strings;
	const char *const *mx;
	uint64_t successful, failed;	/* sessions */
	const struct report_detail *details;	/* most frequent first */
};

/* Who reports: one per configuration, the strings are the caller's. */
struct report_identity {
	const char *organization;
	const char *contact;		/* e-mail address at the submitter */
	const char *submitter;		/* domain */
	const char *source;		/* this sender's name among several */
};

struct report {
	const struct report_identity *who;
	const char *domain;		/* policy domain */
	int day;
	unsigned part;			/* 1; more for records that came late */
	const char *uid;		/* letters and digits */
	const char *id;			/* report-id: left@right, dot-atoms */
	const char *filename;		/* RFC 8460 section 5.1, no extension */
	uint64_t successful, failed;	/* sessions, over all policies */
	size_t npolicies;
	const struct report_policy *policies;
};

/*
 * Set uid, id and filename, in the arena: derived from submitter, source,
 * policy domain, day and part and from nothing else, so that a repeat after a
 * crash is recognisable (contract 4).
 */
void	report_name(struct report *r, struct arena *a);

#endif
