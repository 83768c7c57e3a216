#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "reporter/bounce.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sender s = { .template = "tls-bounces+%h@sender.example" };
	struct bounce b;
	FILE *f;

	s.mark = strstr(s.template, "%h");
	f = size > 0 ? fmemopen((void *)(uintptr_t)data, size, "r") :
	    fopen("/dev/null", "r");
	demand(f != NULL);
	bounce_read(&b, &s, f);
	fclose(f);
	demand(b.n <= BOUNCE_HASHES);
	for (size_t i = 0; i < b.n; i++) {
		demand(strlen(b.hash[i]) == CONF_HASH);
		for (const char *p = b.hash[i]; *p != '\0'; p++)
			demand(isxdigit((unsigned char)*p) &&
			    !isupper((unsigned char)*p));
	}
	demand((b.reason[0] != '\0') <= (b.verdict == BOUNCE_PERMANENT));
	for (const char *p = b.reason; *p != '\0'; p++)
		demand(*p >= 0x20 && *p < 0x7f);
	return 0;
}
