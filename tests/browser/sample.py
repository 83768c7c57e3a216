"""Reports to make a page of."""

import gzip
import json
import random


def report(domain, day, successful, details, kind="sts"):
    failed = sum(d["failed-session-count"] for d in details)
    return {
        "organization-name": "Example Sender",
        "date-range": {"start-datetime": f"{day}T00:00:00Z",
                       "end-datetime": f"{day}T23:59:59Z"},
        "contact-info": "tls-reports@sender.example",
        "report-id": f"{day}.{domain}@sender.example",
        "policies": [{
            "policy": {"policy-type": kind, "policy-domain": domain},
            "summary": {"total-successful-session-count": successful,
                        "total-failure-session-count": failed},
            "failure-details": details}]}


def detail(result, n, host="mx.example.net", reason=None):
    d = {"result-type": result, "failed-session-count": n,
         "receiving-mx-hostname": host, "receiving-ip": "192.0.2.25",
         "sending-mta-ip": "198.51.100.1"}
    if reason:
        d["failure-reason-code"] = reason
    return d


def month(folder):
    """Thirty days of forty domains, of which some fail."""
    random.seed(8460)
    results = ["certificate-expired", "starttls-not-supported",
               "validation-failure", "certificate-host-mismatch"]
    for day in (f"2026-10-{d:02}" for d in range(1, 31)):
        for i in range(40):
            name = f"domain{i:02}.example"
            fails = i % 3 == 0 and random.random() < .4
            details = [detail(results[i // 3 % 4], random.randint(1, 9 + i),
                              f"mx{i % 2}.{name}")] if fails else []
            kind = ("sts", "tlsa", "no-policy-found")[i // 3 % 3]
            write(folder, report(name, day, random.randint(20, 60) * (i + 1),
                                 details, kind))


def write(folder, r):
    write.n = getattr(write, "n", 0) + 1
    with gzip.open(f"{folder}/{write.n:05}.json.gz", "wt") as f:
        json.dump(r, f)
