/*
 * A day of records, as Postfix and libtlsrpt write them: spacing, key order,
 * whole EHLO replies.  The same options always give the same bytes.
 *
 *	gen [--records N] [--domains N] [--zipf S] [--failures PERCENT]
 *	    [--seed N] [--rua FORMAT] [--day YYYY-MM-DD --ts] [--expect FILE]
 *
 * Domain number r gets its share by Zipf's law with exponent S and keeps its
 * policy.  A success says nothing but domain and policy, so that a domain's
 * are equal; a failure has its own addresses.  --rua gives the rua of every
 * domain, with %d for its name.  --ts gives each record a second of the day.
 * --expect writes what the reports must add up to, in the form that
 * `tests/data/totals.py reports` writes.
 */
#include <err.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "conf/mem.h"
#include "spool/day.h"
#include "spool/record.h"

#define SENDERS		8	/* addresses of the outbound hosts */
#define RECEIVERS	64	/* addresses of a domain's MX hosts */
#define REASONS_MAX	8

static struct {
	uint64_t records, seed;
	size_t domains;
	double zipf, failures;
	const char *rua, *expect;
	int day;
	bool ts;
} opt = { 2000000, 1, 20000, 1.0, 2.0, NULL, NULL, 0, false };

/* What can go wrong under a policy; the first is what mostly does. */
struct reason {
	enum result_type result;
	const char *text;	/* failure-reason-code, or NULL */
};
struct policy {
	enum policy_type type;
	size_t nreasons;
	struct reason reason[REASONS_MAX];
};
static const struct policy policies[] = {
	{ POLICY_STS, 6, {
		{ CERTIFICATE_HOST_MISMATCH, NULL },
		{ CERTIFICATE_EXPIRED, NULL },
		{ VALIDATION_FAILURE, "self-signed_certificate" },
		{ VALIDATION_FAILURE,
		    "unable_to_get_local_issuer_certificate" },
		{ STARTTLS_NOT_SUPPORTED, NULL },
		{ VALIDATION_FAILURE, "tls-handshake-failure" },
	} },
	{ POLICY_TLSA, 4, {
		{ CERTIFICATE_NOT_TRUSTED, NULL },
		{ TLSA_INVALID, "all-TLSA-records-unusable" },
		{ STARTTLS_NOT_SUPPORTED, NULL },
		{ VALIDATION_FAILURE, "tls-handshake-failure" },
	} },
	{ POLICY_NONE, 2, {
		{ VALIDATION_FAILURE, "tls-handshake-failure" },
		{ STARTTLS_NOT_SUPPORTED, NULL },
	} },
};
/* Which of them a domain has, by its number modulo ten. */
static const int policy_of[10] = { 0, 2, 0, 1, 0, 2, 0, 1, 0, 2 };

struct domain {
	const struct policy *policy;
	char *name;
	char *head;		/* of all its records, up to the details */
	uint64_t successful, failed;
	uint64_t by_reason[REASONS_MAX];
};

static uint64_t random_state;

/* Sebastiano Vigna's SplitMix64. */
static uint64_t
random64(void)
{
	uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static size_t
random_below(size_t n)
{
	return (size_t)(random64() % n);
}

/* In [0, 1). */
static double
random_part(void)
{
	return (double)(random64() >> 11) * 0x1p-53;
}

/* The rua of a domain: the user's form, or one of those that are common. */
static void
put_rua(FILE *f, size_t i, const char *name)
{
	static const char *const common[] = {
		"mailto:tls-reports@%d",
		"https://tlsrpt.%d/v1/report",
		"mailto:smtp-tls@reports.example",
		"mailto:tlsrpt@%d,https://reports.example/tlsrpt/%d",
	};
	const char *p = opt.rua != NULL ? opt.rua : common[i / 10 % 4];

	for (; *p != '\0'; p++)
		if (p[0] == '%' && p[1] == 'd') {
			fputs(name, f);
			p++;
		} else
			putc(*p, f);
}

static void
put_tlsa(FILE *f)
{
	fputs("\"3 1 1 ", f);
	for (int i = 0; i < 4; i++)
		fprintf(f, "%016" PRIX64, random64());
	putc('"', f);
}

static void
put_policy(FILE *f, const struct policy *p, const char *name)
{
	fprintf(f, "\"policies\":[{\"policy-type\":%d,\"policy-domain\": ",
	    p->type);
	switch (p->type) {
	case POLICY_TLSA:
		fprintf(f, "\"mx1.%s\",\"policy-string\":[", name);
		put_tlsa(f);
		putc(',', f);
		put_tlsa(f);
		putc(']', f);
		break;
	case POLICY_STS:
		fprintf(f, "\"%s\",\"policy-string\":[\"version: STSv1\","
		    "\"mode: enforce\",\"mx: mx1.%s\",\"mx: *.%s\","
		    "\"max_age: 604800\"],\"mx-host\":[\"mx1.%s\",\"*.%s\"]",
		    name, name, name, name, name);
		break;
	case POLICY_NONE:
		fprintf(f, "\"%s\"", name);
		break;
	}
}

static void
domain_init(struct domain *d, size_t i)
{
	static const char *const words[] = { "amber", "birch", "copper",
		"dune", "ember", "fjord", "granite", "heather", "isle",
		"juniper", "kelp", "larch", "meadow", "north", "opal",
		"pebble" };
	size_t len;
	FILE *f;

	d->policy = &policies[policy_of[i % 10]];
	d->name = xasprintf("%s%zu.example", words[i % 16], i + 1);
	if ((f = open_memstream(&d->head, &len)) == NULL)
		err(1, "open_memstream");
	fprintf(f, "\"d\": \"%s\",\"pr\": \"v=TLSRPTv1; rua=", d->name);
	put_rua(f, i, d->name);
	fputs("\",", f);
	put_policy(f, d->policy, d->name);
	if (fclose(f) != 0)
		err(1, "open_memstream");
}

/* The complete reply to EHLO before STARTTLS, as Postfix passes it on. */
static void
put_ehlo(const char *host)
{
	printf("\"h\": \"250-%s\\r\\n250-PIPELINING\\r\\n"
	    "250-SIZE 52428800\\r\\n250-STARTTLS\\r\\n250-8BITMIME\\r\\n"
	    "250 SMTPUTF8\"", host);
}

static void
put_failure(const struct domain *d, size_t number, const struct reason *why)
{
	size_t sender = random_below(SENDERS), to = random_below(RECEIVERS);
	char host[RECORD_DOMAIN_MAX + 1];

	if (fmt(host, sizeof(host), "mx%zu.%s", 1 + to % 4, d->name) == -1)
		err(1, "%s", d->name);
	printf(",\"failure-details\":[{\"c\":%d,", why->result);
	/* A connection is of one family: even to is IPv4. */
	printf(to % 2 == 0 ? "\"s\": \"192.0.2.%zu\"," :
	    "\"s\": \"2001:db8::%zx\",", sender + 1);
	printf("\"n\": \"%s\",", host);
	put_ehlo(host);
	if (to % 2 == 0)
		printf(",\"r\": \"%s.%zu\"", number % 2 == 0 ? "198.51.100" :
		    "203.0.113", 1 + (number * 7 + to) % 254);
	else
		printf(",\"r\": \"2001:db8:%zx:%zx::%zx\"",
		    1 + number / 65536, 1 + number % 65535, to + 1);
	if (why->text != NULL)
		printf(",\"f\": \"%s\"", why->text);
	printf("}],\"t\":1,\"f\":1}]}\n");
}

static void
put_record(struct domain *d, size_t number)
{
	const struct policy *p = d->policy;
	size_t reason = 0;
	bool failed;

	fputs("{\"dpv\": \"1\",", stdout);
	if (opt.ts)
		printf("\"ts\":%jd,", (intmax_t)(day_first(opt.day) +
		    (int64_t)random_below(DAY_SECONDS)));
	fputs(d->head, stdout);
	failed = random_part() * 100 < opt.failures;
	if (!failed) {
		d->successful++;
		fputs(",\"t\":0,\"f\":0}]}\n", stdout);
		return;
	}
	if (random_below(4) == 0)
		reason = random_below(p->nreasons);
	d->failed++;
	d->by_reason[reason]++;
	put_failure(d, number, &p->reason[reason]);
}

/* Domain i has the numbers from share[i - 1] up to share[i]. */
static size_t
domain_at(const double *share, double at)
{
	size_t low = 0, high = opt.domains - 1;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (at < share[middle])
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static json_t *
expectation(const struct domain *d)
{
	json_t *results = json_object();

	for (size_t i = 0; i < d->policy->nreasons; i++) {
		const char *name = name_of(result_types,
		    d->policy->reason[i].result);
		json_int_t n = json_integer_value(json_object_get(results,
		    name)) + (json_int_t)d->by_reason[i];

		if (n > 0)
			json_object_set_new(results, name, json_integer(n));
	}
	return json_pack("{s:{s:I,s:I,s:o}}",
	    name_of(policy_types, d->policy->type),
	    "successful", (json_int_t)d->successful,
	    "failed", (json_int_t)d->failed, "results", results);
}

static void
write_expectations(const struct domain *domain)
{
	json_t *all = json_object();
	FILE *f;

	for (size_t i = 0; i < opt.domains; i++)
		if (domain[i].successful + domain[i].failed > 0)
			json_object_set_new(all, domain[i].name,
			    expectation(&domain[i]));
	all = json_pack("{s:o}", "domains", all);
	if ((f = fopen(opt.expect, "w")) == NULL ||
	    json_dumpf(all, f, JSON_INDENT(1) | JSON_SORT_KEYS) == -1 ||
	    putc('\n', f) == EOF || fclose(f) != 0)
		err(1, "%s", opt.expect);
	json_decref(all);
}

static void
generate(void)
{
	struct domain *domain = xcalloc(opt.domains, sizeof(*domain));
	double *share = xcalloc(opt.domains, sizeof(*share)), sum = 0;

	random_state = opt.seed;
	for (size_t i = 0; i < opt.domains; i++) {
		domain_init(&domain[i], i);
		share[i] = sum += pow((double)(i + 1), -opt.zipf);
	}
	for (uint64_t i = 0; i < opt.records; i++) {
		size_t d = domain_at(share, random_part() * sum);

		put_record(&domain[d], d);
	}
	if (fclose(stdout) != 0)
		err(1, "standard output");
	if (opt.expect != NULL)
		write_expectations(domain);
	for (size_t i = 0; i < opt.domains; i++) {
		free(domain[i].name);
		free(domain[i].head);
	}
	free(domain);
	free(share);
}

static double
number(const char *option, const char *text, double min, double max)
{
	char *end;
	double n = strtod(text, &end);

	if (end == text || *end != '\0' || !(n >= min && n <= max))
		errx(2, "--%s %s: a number from %.0f to %.0f", option, text,
		    min, max);
	return n;
}

static const struct option options[] = {
	{ "records", required_argument, NULL, 'r' },
	{ "domains", required_argument, NULL, 'd' },
	{ "zipf", required_argument, NULL, 'z' },
	{ "failures", required_argument, NULL, 'f' },
	{ "seed", required_argument, NULL, 's' },
	{ "rua", required_argument, NULL, 'u' },
	{ "day", required_argument, NULL, 'D' },
	{ "ts", no_argument, NULL, 't' },
	{ "expect", required_argument, NULL, 'e' },
	{ NULL, 0, NULL, 0 }
};

static void
set_option(int c)
{
	switch (c) {
	case 'r':
		opt.records = (uint64_t)number("records", optarg, 0, 1e12);
		break;
	case 'd':
		opt.domains = (size_t)number("domains", optarg, 1, 1e8);
		break;
	case 'z':
		opt.zipf = number("zipf", optarg, 0, 10);
		break;
	case 'f':
		opt.failures = number("failures", optarg, 0, 100);
		break;
	case 's':
		opt.seed = (uint64_t)number("seed", optarg, 0, 1e15);
		break;
	case 'u':
		opt.rua = optarg;
		break;
	case 'D':
		if (!day_parse(optarg, &opt.day))
			errx(2, "--day %s: not YYYY-MM-DD", optarg);
		break;
	case 't':
		opt.ts = true;
		break;
	case 'e':
		opt.expect = optarg;
		break;
	default:
		exit(2);
	}
}

int
main(int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		set_option(c);
	if (argc > optind || (opt.ts && opt.day == 0))
		errx(2, "usage: see the top of tests/bench/gen.c");
	generate();
	return 0;
}
