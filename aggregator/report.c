#include "aggregator/report.h"

#include <string.h>

#include <xxhash.h>

#include "spool/day.h"

#define UID_BYTES	8

/*
 * The same on every machine: the hash is taken in its canonical byte order,
 * and a newline, which none of the texts can contain, keeps them apart.
 */
static const char *
make_uid(const struct report *r, struct arena *a)
{
	const char *key = arena_printf(a, "%s\n%s\n%s\n%d\n%u",
	    r->who->submitter, r->who->source, r->domain, r->day, r->part);
	XXH128_canonical_t hash;
	char hex[2 * UID_BYTES];

	XXH128_canonicalFromHash(&hash, XXH3_128bits(key, strlen(key)));
	for (size_t i = 0; i < UID_BYTES; i++) {
		hex[2 * i] = "0123456789abcdef"[hash.digest[i] >> 4];
		hex[2 * i + 1] = "0123456789abcdef"[hash.digest[i] & 15];
	}
	return arena_strndup(a, hex, sizeof(hex));
}

void
report_name(struct report *r, struct arena *a)
{
	char day[DAY_TEXT];

	r->uid = make_uid(r, a);
	r->id = arena_printf(a, "%s.%s.%s@%s", day_format(r->day, day),
	    r->domain, r->uid, r->who->submitter);
	r->filename = arena_printf(a, "%s!%s!%lld!%lld!%s", r->who->submitter,
	    r->domain, (long long)day_first(r->day),
	    (long long)day_last(r->day), r->uid);
}
