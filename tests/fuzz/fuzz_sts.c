#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conf/mem.h"
#include "reporter/sts.h"
#include "tests/fuzz/fuzz.h"

static void
check_record(const char *txt)
{
	struct sts_record r;
	const char *why;

	if (sts_record_parse(&r, txt, &why) == -1) {
		demand(why != NULL && r.id[0] == '\0');
		return;
	}
	demand(why == NULL && r.id[0] != '\0');
	for (const char *s = r.id; *s != '\0'; s++)
		demand(isalnum((unsigned char)*s));
}

static void
check_fault(const struct sts_policy *p, const struct sts_fault *f)
{
	demand(f->what[0] != '\0' && (!f->fatal || p->fatal));
	for (const char *s = f->what; *s != '\0'; s++)
		demand(*s >= ' ' && *s < 0x7f);
}

static void
check_pattern(const char *pattern)
{
	char *host = xasprintf("a%s", pattern + (*pattern == '*'));

	demand(*pattern != '\0' && sts_mx_fits(pattern,
	    *pattern == '*' ? host : pattern));
	free(host);
	for (const char *s = pattern; *s != '\0'; s++)
		demand(islower((unsigned char)*s) ||
		    isdigit((unsigned char)*s) ||
		    strchr(s == pattern ? "*-_." : "-_.", *s) != NULL);
}

static void
check_policy(const uint8_t *data, size_t size)
{
	struct sts_policy p;
	int rc = sts_policy_parse(&p, data, size);

	demand(rc == (p.fatal ? -1 : 0));
	if (rc == 0)
		demand(p.version && p.mode != STS_NO_MODE && p.max_age >= 0 &&
		    (p.nmx > 0 || p.mode == STS_NONE));
	demand(p.nmx <= STS_MX_MAX && p.nfaults <= STS_FAULTS_MAX);
	demand(!p.fatal || p.nfaults > 0);
	for (size_t i = 0; i < p.nmx; i++)
		check_pattern(p.mx[i]);
	for (size_t i = 0; i < p.nfaults; i++)
		check_fault(&p, &p.faults[i]);
	sts_policy_release(&p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xstrndup((const char *)data, size);

	check_record(text);
	check_policy(data, size);
	free(text);
	return 0;
}
