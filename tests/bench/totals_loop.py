"""The yardstick of bench-show.sh: what anybody would write first.  Prints a
line per report and the totals, as tlsrpt-show report --summary does."""

import gzip
import json
import os
import sys

reports = successful = failed = 0
for name in sorted(os.listdir(sys.argv[1])):
    with gzip.open(os.path.join(sys.argv[1], name)) as f:
        report = json.load(f)
    good = bad = 0
    for policy in report["policies"]:
        good += policy["summary"]["total-successful-session-count"]
        bad += policy["summary"]["total-failure-session-count"]
    print(report["date-range"]["start-datetime"][:10], name.split("!")[1],
          good + bad, bad, report["organization-name"])
    reports += 1
    successful += good
    failed += bad
print(reports, "reports,", successful + failed, "sessions,", failed, "failed")
