#!/usr/bin/env python3
"""Sums of a day, reckoned by itself, for tests to compare with.

    totals.py records FILE...    what the records of these files stand for
    totals.py reports FILE...    what these reports say, JSON plain or gzip;
                                 one that came twice counts once

Both print the same JSON: per policy domain of TLSRPT and policy type the
successful and failed sessions, and failures per result type.  It shares no
code with the programs under test.
"""
import gzip
import json
import sys

POLICIES = {1: "tlsa", 2: "sts", 9: "no-policy-found"}
RESULTS = {
    201: "starttls-not-supported", 202: "certificate-host-mismatch",
    203: "certificate-not-trusted", 204: "certificate-expired",
    205: "validation-failure", 301: "sts-policy-fetch-error",
    302: "sts-policy-invalid", 303: "sts-webpki-invalid",
    304: "tlsa-invalid", 305: "dnssec-invalid", 306: "dane-required",
}


def domain(name):
    return name.rstrip(".").encode("idna").decode().lower()


def count(totals, name, policy, successful, failed, results):
    entry = totals.setdefault(name, {}).setdefault(
        policy, {"successful": 0, "failed": 0, "results": {}})
    entry["successful"] += successful
    entry["failed"] += failed
    for result, n in results:
        entry["results"][result] = entry["results"].get(result, 0) + n


def of_record(totals, line):
    r = json.loads(line)
    name, n = domain(r["d"]), r.get("n", 1)
    if r.get("report"):
        return
    sums = [(POLICIES[p["policy-type"]], p["f"],
             [(RESULTS[d["c"]], n) for d in p.get("failure-details", [])])
            for p in r["policies"]]
    for policy, failed, results in sums:
        count(totals, name, policy, 0 if failed else n, n if failed else 0,
              results)


def of_records(files):
    totals, rejected = {}, 0
    for name in files:
        with open(name, encoding="utf-8", errors="replace") as f:
            for line in f:
                try:
                    of_record(totals, line)
                except (ValueError, KeyError, TypeError):
                    rejected += 1
    return {"domains": totals, "rejected": rejected}


def of_reports(files):
    totals, seen = {}, set()
    for name in files:
        with open(name, "rb") as f:
            text = f.read()
        if text[:2] == b"\x1f\x8b":
            text = gzip.decompress(text)
        report = json.loads(text)
        if report["report-id"] in seen:
            continue
        seen.add(report["report-id"])
        # What it is on: DAY.DOMAIN.HASH@SUBMITTER.  With DANE the domain of
        # a policy is that of the MX.
        about = report["report-id"].split("@")[0].split(".", 1)[1]
        about = about.rsplit(".", 1)[0]
        for p in report["policies"]:
            count(totals, about, p["policy"]["policy-type"],
                  p["summary"]["total-successful-session-count"],
                  p["summary"]["total-failure-session-count"],
                  [(d["result-type"], d["failed-session-count"])
                   for d in p.get("failure-details", [])])
    return {"domains": totals}


def main():
    what = {"records": of_records, "reports": of_reports}
    if len(sys.argv) < 3 or sys.argv[1] not in what:
        sys.exit(__doc__)
    json.dump(what[sys.argv[1]](sys.argv[2:]), sys.stdout, indent=1,
              sort_keys=True)
    print()


if __name__ == "__main__":
    main()
