#!/usr/bin/env python3
"""A picture of the HTML page of tlsrpt-show, as PNG.

    tests/pictures/page.py BUILD-DIR FOLDER

Writes page.png to FOLDER; with no browser it says so and leaves it as it is."""

import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../browser"))
from driver import Browser, NoBrowser  # noqa: E402
from sample import month  # noqa: E402

build, folder = map(os.path.abspath, sys.argv[1:3])


def main():
    with tempfile.TemporaryDirectory(prefix="tlsrpt-picture.") as cwd:
        os.mkdir(f"{cwd}/reports")
        month(f"{cwd}/reports")
        subprocess.run([f"{build}/tlsrpt-show", "html", "--from", "2026-10-01",
                        "--to", "2026-10-30", "--out", f"{cwd}/page.html",
                        f"{cwd}/reports"], check=True)
        try:
            browser = Browser()
        except NoBrowser as e:
            print(f"no picture of the page without a browser: {e}",
                  file=sys.stderr)
            return
        with browser as b:
            b.emulate(900, 1185, "light")
            b.open(f"{cwd}/page.html")
            with open(f"{folder}/page.png", "wb") as f:
                f.write(b.picture())


main()
