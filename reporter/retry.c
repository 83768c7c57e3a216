#include "reporter/retry.h"

#include <string.h>

#include <xxhash.h>

#define JITTER_PART	8	/* of the wait */

/* XXH3 gives the same number on every machine and in every version. */
static uint64_t
hash(const char *report_id, const char *uri, uint64_t seed)
{
	seed = XXH3_64bits_withSeed(report_id, strlen(report_id), seed);
	return XXH3_64bits_withSeed(uri, strlen(uri), seed);
}

static int64_t
clamp(int64_t n, int64_t min, int64_t max)
{
	return n < min ? min : n > max ? max : n;
}

/*
 * The age that so many tries amount to without jitter, for when the clock
 * cannot tell: it reads earlier than the first try.
 */
static int64_t
age_of_tries(const struct retry_config *c, unsigned tries)
{
	int64_t age = 0;

	while (tries-- > 1 && age < c->give_up_after)
		age += clamp(age, c->retry_min, c->retry_max);
	return age;
}

int64_t
retry_first(const struct retry_config *c, int64_t made, const char *report_id,
    const char *uri)
{
	if (c->spread <= 0)
		return made;
	return made +
	    (int64_t)(hash(report_id, uri, 0) % (uint64_t)c->spread);
}

int64_t
retry_next(const struct retry_config *c, int64_t first, int64_t now,
    unsigned tries, long retry_after, const char *report_id, const char *uri)
{
	int64_t age = now >= first ? now - first : age_of_tries(c, tries);
	int64_t left = c->give_up_after - age;
	int64_t wait;

	if (left <= 0)
		return INT64_MAX;
	wait = clamp(age, c->retry_min, c->retry_max);
	wait = clamp(retry_after, wait, c->retry_max);
	wait += (int64_t)(hash(report_id, uri, tries) %
	    (uint64_t)(wait / JITTER_PART + 1));
	/* What would be too late for another one becomes the last try. */
	if (wait > left - c->retry_min)
		wait = left;
	return now + wait;
}
