#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conf/mem.h"
#include "spool/day.h"
#include "spool/import.h"
#include "spool/record.h"
#include "tests/fuzz/fuzz.h"

static void
check_text(const char *s)
{
	if (s == NULL)
		return;
	demand(s[0] != '\0');
	for (; *s != '\0'; s++)
		demand(isprint((unsigned char)*s));
}

/* Whatever the log says, a session becomes a record that tells the same. */
static void
check_session(void *arg, const struct postfix_session *x)
{
	struct arena a = { 0 };
	struct record r;
	const char *why;
	char *text = import_record(x);

	++*(uint64_t *)arg;
	check_text(x->mx);
	check_text(x->address);
	check_text(x->reason);
	demand(record_parse(&r, text, strlen(text), RECORD_KEEP, &a,
	    &why) == 0);
	demand(strcmp(r.domain, x->domain) == 0);
	demand(r.has_ts && day_of(r.ts) == day_of(x->t));
	demand(r.n == 1 && r.npolicies == 1);
	demand(r.policies[0].failed == (x->result != 0));
	demand(r.policies[0].nfailures == (x->result != 0));
	if (x->result != 0)
		demand(r.policies[0].failures[0].result == x->result);
	arena_release(&a);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data, *end = p + size, *eol;
	struct postfix_totals totals;
	struct postfix_log *l;
	uint64_t sessions = 0, lines = 0;

	l = postfix_log_new(INT64_C(1795392000), check_session, &sessions);
	for (; p < end; p = eol + 1, lines++) {
		char *line;

		if ((eol = memchr(p, '\n', (size_t)(end - p))) == NULL)
			eol = end;
		/* Exactly as large, so that a read beyond it is seen. */
		line = xmalloc((size_t)(eol - p));
		memcpy(line, p, (size_t)(eol - p));
		postfix_log_line(l, line, (size_t)(eol - p));
		free(line);
	}
	totals = postfix_log_end(l);
	demand(totals.tlsrpt + totals.tls == sessions);
	demand(totals.lines <= lines && totals.undated <= totals.lines);
	/* A line tells of one handshake at most. */
	demand(sessions + totals.uncorrelated + totals.nameless <= lines);
	return 0;
}
