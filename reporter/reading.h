#ifndef REPORTER_READING_H
#define REPORTER_READING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "reporter/lint_foreign.h"
#include "spool/arena.h"

/*
 * A report as somebody sent it, ours or not: what can be made of it is here,
 * what is missing or no text is NULL, what is no count is 0, and the list
 * says what is wrong.  Texts are UTF-8 without NUL and otherwise a stranger's:
 * nothing that shows them may trust them.
 */
struct reading_detail {
	const char *result;
	const char *sending_ip, *mx_hostname, *mx_helo, *receiving_ip;
	const char *additional_info, *reason;
	uint64_t n;
};

struct reading_policy {
	const char *type, *domain;
	size_t nstrings, nmx, ndetails;
	const char **strings, **mx;
	uint64_t successful, failed;
	struct reading_detail *details;
};

struct reading {
	const char *organization, *contact, *id;
	const char *domain;		/* policy domain, or NULL */
	const char *begin, *end;	/* of date-range, as written */
	uint64_t successful, failed;	/* sessions, over all policies */
	size_t npolicies;
	struct reading_policy *policies;
	struct lint_list lint;
	json_t *root;			/* the texts are in there */
};

#define READING_MAX	(32 << 20)	/* bytes of one, unpacked */

/*
 * Read the JSON text of a report.  names is what came with it, each may be
 * NULL; with check, it is looked over.  Returns 0, or -1 with *why (the caller
 * frees it) when it is no report at all.  The caller releases r in any case;
 * r is valid as long as the arena and the names.
 */
int	reading_parse(struct reading *r, const char *text, size_t len,
	    const struct lint_names *names, bool check, struct arena *a,
	    char **why);
/* The same from what has been read already; r owns it now. */
void	reading_take(struct reading *r, json_t *root,
	    const struct lint_names *names, struct arena *a);
void	reading_release(struct reading *r);

#endif
