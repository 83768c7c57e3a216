#ifndef TESTS_REPORTER_LINT_SAMPLE_H
#define TESTS_REPORTER_LINT_SAMPLE_H

/* A report that is as it should be.  Goes behind cmocka.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/mem.h"
#include "reporter/gzip.h"
#include "reporter/lint.h"
#include "tests/reporter/expect.h"

#define ID	"2026-11-21.example.net.7f3a@example.org"
#define NAME	"example.org!example.net!1795219200!1795305599!7f3a"

static const struct lint_names names = {
	.submitter = "example.org",
	.domain = "example.net",
	.report_id = ID,
	.filename = NAME,
};

static const char good_json[] =
    "{\"organization-name\":\"Example Org\",\"date-range\":{"
    "\"start-datetime\":\"2026-11-21T00:00:00Z\","
    "\"end-datetime\":\"2026-11-21T23:59:59Z\"},"
    "\"contact-info\":\"tls@example.org\","
    "\"report-id\":\"" ID "\",\"policies\":["
    "{\"policy\":{\"policy-type\":\"sts\","
    "\"policy-string\":[\"version: STSv1\",\"mode: none\"],"
    "\"policy-domain\":\"example.net\",\"mx-host\":[\"*.example.net\"]},"
    "\"summary\":{\"total-successful-session-count\":1,"
    "\"total-failure-session-count\":2},"
    "\"failure-details\":[{\"result-type\":\"certificate-expired\","
    "\"sending-mta-ip\":\"192.0.2.1\","
    "\"receiving-mx-hostname\":\"mx1.example.net\","
    "\"receiving-mx-helo\":\"mx1\",\"receiving-ip\":\"2001:db8::25\","
    "\"failed-session-count\":2,"
    "\"additional-information\":\"https://example.org/\","
    "\"failure-reason-code\":\"X509_V_ERR\"}]},"
    "{\"policy\":{\"policy-type\":\"tlsa\",\"policy-domain\":\"mx\"},"
    "\"summary\":{\"total-successful-session-count\":4294967295,"
    "\"total-failure-session-count\":0}}]}";

#endif
