#ifndef TESTS_REPORTER_SAMPLE_REPORT_H
#define TESTS_REPORTER_SAMPLE_REPORT_H

#include "aggregator/report.h"

/*
 * A small day: an STS policy with failures of several kinds, a TLSA policy
 * without any, and sessions without a policy.
 */
static const char *const sample_sts[] = { "version: STSv1", "mode: enforce",
	"mx: mx1.example.net", "mx: *.mail.example.net", "max_age: 604800" };
static const char *const sample_mx[] = { "*.mail.example.net",
	"mx1.example.net" };
static const char *const sample_tlsa[] = { "3 1 1 "
	"236831AEEAB41E7BD10DC14320600B245C791B338121383D5A2916F7EF97B49B" };

static const struct report_detail sample_details[] = {
	{ CERTIFICATE_EXPIRED, "2001:db8:1::25", "mx1.example.net",
	    "mx1.example.net", "2001:db8:2::25", NULL, NULL, 2 },
	{ VALIDATION_FAILURE, "192.0.2.1", "mx1.example.net", "mx1",
	    "192.0.2.25", "https://example.org/tls?code=1&lang=en",
	    "certificate says \"Gr\u00fc\u00df Gott\", which is \\ odd", 1 },
	{ STS_POLICY_FETCH_ERROR, NULL, NULL, NULL, NULL, NULL, NULL, 1 },
};

static const struct report_policy sample_policies[] = {
	{ .type = POLICY_TLSA, .domain = "mx1.example.net", .nstrings = 1,
	    .strings = sample_tlsa, .successful = 41 },
	{ .type = POLICY_STS, .domain = "example.net", .nstrings = 5,
	    .strings = sample_sts, .nmx = 2, .mx = sample_mx,
	    .successful = 39, .failed = 4, .ndetails = 3,
	    .details = sample_details },
	{ .type = POLICY_NONE, .domain = "example.net", .successful = 7 },
};

static const struct report_identity sample_identity = {
	.organization = "B\u00e4ckerei Example",
	.contact = "tls-reports@example.org",
	.submitter = "example.org",
	.source = "mta1",
};

static const struct report sample_report = {
	.who = &sample_identity,
	.domain = "example.net",
	.day = 20778,			/* 2026-11-21 */
	.part = 1,
	.uid = "7f3a",
	.id = "2026-11-21.example.net.7f3a@example.org",
	.filename = "example.org!example.net!1795219200!1795305599!7f3a",
	.successful = 87,
	.failed = 4,
	.npolicies = 3,
	.policies = sample_policies,
};

#endif
