#!/usr/bin/env python3
"""How long a page takes to be there in headless Chromium.

    tests/browser/load.py PAGE

Prints the median of five, in seconds, from the start of its loading to the
end of its load event, layout included; or why there is no browser."""

import os
import statistics
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from driver import Browser, NoBrowser  # noqa: E402


def load(browser, page):
    browser.open(page)
    return browser.run(
        "document.body.offsetHeight;"
        "return performance.getEntriesByType('navigation')[0].loadEventEnd")


try:
    with Browser() as b:
        b.emulate(1000, 900, "light")
        times = [load(b, sys.argv[1]) for _ in range(5)]
    print(f"{statistics.median(times) / 1000:.2f} s")
except NoBrowser as e:
    print(f"no browser: {e}")
