#include <sys/mman.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/mem.h"
#include "reporter/exclude.h"
#include "reporter/map.h"
#include "tests/fuzz/fuzz.h"

/* Whatever the rules, what comes out of them is a destination. */
static void
check_list(const struct rua_list *list)
{
	const char *why;
	struct rua r;

	for (size_t i = 0; i < list->n; i++) {
		const char *uri = list->list[i].uri;

		demand(rua_uri(&r, uri, strlen(uri), &why) == 0);
		demand(strcmp(r.uri, uri) == 0);
		rua_release(&r);
		for (size_t k = 0; k < i; k++)
			demand(strcmp(list->list[k].uri, uri) != 0);
	}
	for (size_t i = 0; i < list->nfolders; i++)
		demand(list->folders[i][0] == '/');
}

static void
check_map(const struct map *m)
{
	struct rua_list list;
	const char *why;

	demand(rua_parse(&list, "v=TLSRPTv1; rua=mailto:a@example.com,"
	    "https://b.example:8443/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?b", 10,
	    &why) == 0);
	map_domain(m, "d.example.com", &list);
	check_list(&list);
	map_destinations(m, m, &list);
	check_list(&list);
	rua_list_release(&list);
}

static void
check_exclude(const struct exclude *e)
{
	const char *why, *uri = "mailto:A@d.example.com";
	struct rua to;

	demand(rua_uri(&to, uri, strlen(uri), &why) == 0);
	/* A domain's mailboxes go with it. */
	demand(exclude_domain(e, "d.example.com") == NULL ||
	    exclude_rua(e, &to) != NULL);
	rua_release(&to);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct exclude *e;
	struct map *m;
	char *file, *complaints;
	size_t len;
	FILE *err = xmemstream(&complaints, &len);
	int fd = memfd_create("rules", MFD_CLOEXEC);

	demand(fd != -1 && write(fd, data, size) == (ssize_t)size);
	file = xasprintf("/proc/self/fd/%d", fd);
	if ((m = map_new("map", file, err)) != NULL)
		check_map(m);
	if ((e = exclude_new("exclude", file, err)) != NULL)
		check_exclude(e);
	xmemclose(err);
	/* Refused is said, line by line; taken is not. */
	demand((m == NULL || e == NULL) == (len > 0));
	map_free(m);
	exclude_free(e);
	close(fd);
	free(file);
	free(complaints);
	return 0;
}
