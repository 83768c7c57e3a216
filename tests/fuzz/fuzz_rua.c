#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conf/mem.h"
#include "reporter/rua.h"
#include "spool/record.h"
#include "tests/fuzz/fuzz.h"

static void
check_safe(const char *s)
{
	size_t len = strlen(s);

	demand(len > 0 && len <= RUA_URI_MAX);
	for (size_t i = 0; i < len; i++)
		demand(s[i] > 0x20 && s[i] < 0x7f);
}

static void
check_host(const struct rua *r)
{
	demand(strlen(r->host) <= RECORD_DOMAIN_MAX);
	for (const char *p = r->host; *p != '\0'; p++)
		demand(islower((unsigned char)*p) ||
		    isdigit((unsigned char)*p) || strchr("-_.", *p) != NULL ||
		    (r->scheme == RUA_HTTPS && strchr("[:]", *p) != NULL));
}

static void
check_destination(const struct rua *r)
{
	struct rua again;
	const char *why;

	check_safe(r->uri);
	check_safe(r->target);
	check_safe(r->host);
	check_host(r);
	demand(strpbrk(r->uri, "!,;<>\"\\#") == NULL);
	if (r->scheme == RUA_MAILTO) {
		demand(rua_address(r->target));
		demand(strpbrk(r->target, "<>,\\") == NULL);
		demand(strncmp(r->uri, "mailto:", 7) == 0);
		demand(strcmp(strrchr(r->target, '@') + 1, r->host) == 0);
	} else {
		demand(strcmp(r->target, r->uri) == 0);
		demand(strncmp(r->uri, "https://", 8) == 0);
		demand(strncmp(r->uri + 8, r->host, strlen(r->host)) == 0);
		demand(strchr(":/", r->uri[8 + strlen(r->host)]) != NULL);
	}
	demand(rua_uri(&again, r->uri, strlen(r->uri), &why) == 0);
	demand(again.scheme == r->scheme);
	demand(strcmp(again.uri, r->uri) == 0);
	demand(strcmp(again.target, r->target) == 0);
	demand(strcmp(again.host, r->host) == 0);
	rua_release(&again);
}

static void
check_record(const char *txt)
{
	struct rua_list list;
	const char *why;

	if (rua_parse(&list, txt, 8, &why) == -1) {
		demand(why != NULL && list.n == 0 && list.nskipped == 0);
	} else {
		demand(rua_pick(&txt, 1, &why) == 0);
		demand(list.n <= 8 && list.nskipped <= RUA_SKIPPED_MAX);
	}
	for (size_t i = 0; i < list.n; i++)
		check_destination(&list.list[i]);
	for (size_t i = 0; i < list.nskipped; i++)
		demand(list.skipped[i].why[0] != '\0');
	rua_list_release(&list);
}

static void
check_uri(const char *uri, size_t len)
{
	struct rua r;
	const char *why;

	if (rua_uri(&r, uri, len, &why) == 0)
		check_destination(&r);
	else
		demand(why != NULL && r.uri == NULL && r.host == NULL);
	rua_release(&r);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xstrndup((const char *)data, size);

	check_record(text);
	check_uri((const char *)data, size);
	rua_address(text);
	free(text);
	return 0;
}
