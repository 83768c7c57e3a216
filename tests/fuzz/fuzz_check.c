#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conf/mem.h"
#include "reporter/check.h"
#include "reporter/check_output.h"
#include "tests/fuzz/fuzz.h"

static const struct check_config config = {
	.probe = true, .validates = true, .now = 1800000000,
	.https.allow_private = true, .smtp.allow_private = true,
};

/* The input is what every peer sends. */
struct input {
	const uint8_t *data;
	size_t size;
	const char *text;
};

/* Of one record, which is the input: as it is, or as text. */
static void
answer(struct rrset *set, const struct input *in, bool text, struct arena *a)
{
	*set = (struct rrset){ .asked = true, .status = DNS_FOUND, .n = 1,
	    .secure = true };
	set->data = arena_alloc(a, sizeof(*set->data));
	set->len = arena_alloc(a, sizeof(*set->len));
	set->data[0] = text ? in->text : (const char *)in->data;
	set->len[0] = text ? strlen(in->text) : in->size;
}

static void
answer_host(struct check_host *h, const struct input *in, struct arena *a)
{
	answer(&h->a, in, false, a);
	answer(&h->tlsa, in, false, a);
}

static void
serve(struct check *c, const struct input *in)
{
	c->fetched = true;
	c->fetch.stage = FETCH_COMPLETE;
	c->fetch.status = 200;
	c->fetch.body = xstrndup((const char *)in->data, in->size);
	c->fetch.len = strlen(c->fetch.body);
}

static void
gather(struct check *c, const struct input *in)
{
	struct arena *a = &c->arena;

	answer(&c->tlsrpt, in, true, a);
	answer(&c->sts, in, true, a);
	answer(&c->mx, in, false, a);
	check_read_domain(c);
	for (size_t i = 0; i < c->nhosts; i++)
		answer_host(&c->hosts[i], in, a);
	for (size_t i = 0; i < c->nplaces; i++) {
		answer_host(&c->places[i].host, in, a);
		answer(&c->places[i].mx, in, false, a);
	}
	if (c->has_sts) {
		c->policy_host.addresses[0] = "192.0.2.1";
		c->policy_host.naddresses = 1;
		serve(c, in);
	}
	check_read_hosts(c);
}

static void
check_printable(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		demand((text[i] >= 0x20 && text[i] <= 0x7e) ||
		    text[i] == '\n');
}

static void
check_shown(const struct check *c, bool json)
{
	const struct show look = { 0 };
	struct suggestion s;
	char *text;
	size_t len;
	FILE *f = xmemstream(&text, &len);

	suggestion_make(&s, c, &config);
	if (json)
		check_json(c->domain, &c->findings, &s, f);
	else
		check_text(c->domain, &c->findings, &s, true, &look, f);
	xmemclose(f);
	check_printable(text, len);
	suggestion_release(&s);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xstrndup((const char *)data, size);
	const struct input in = { data, size, text };
	struct check c;

	check_init(&c, "example.com");
	gather(&c, &in);
	check_judge(&c, &config);
	demand(c.findings.n <= FINDINGS_MAX);
	check_shown(&c, false);
	check_shown(&c, true);
	check_release(&c);
	free(text);
	return 0;
}
