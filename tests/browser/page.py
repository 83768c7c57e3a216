#!/usr/bin/env python3
"""The HTML page of tlsrpt-show in a real browser, as TAP.

    tests/browser/page.py BUILD-DIR

Leaves pictures to be looked at in BUILD-DIR/browser.  Without a browser that
starts it says so and skips everything."""

import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from driver import Browser, NoBrowser, pixels  # noqa: E402
from sample import detail, month, report, write  # noqa: E402

build = os.path.abspath(sys.argv[1])
out = os.path.join(build, "browser")
cases = bad = 0
SECONDS = 180   # for everything

# What a hostile receiver, or sender of reports, might try in any text.
ATTACKS = [
    "<script>window.pwned=1</script>",
    "\"><img src=x onerror=\"window.pwned=1\">",
    "'><svg onload='window.pwned=1'>",
    "</section></main><script>window.pwned=1</script>",
    "</script><script>window.pwned=1</script>",
    "javascript:window.pwned=1",
    "--><iframe srcdoc='<script>parent.pwned=1</script>'>",
    "\u202egnp.exe\x1b[2J\u0007",
    "{{constructor.constructor('window.pwned=1')()}}",
]


def check(name, good, why=""):
    global cases, bad
    cases += 1
    if not good:
        bad += 1
    print(f"{'ok' if good else 'not ok'} {cases} - {name}", flush=True)
    if not good:
        print(f"# {str(why)[:500]}", flush=True)


def attacks(folder):
    for i, text in enumerate(ATTACKS):
        r = report(text, "2026-10-15", 1,
                   [detail(text, 3, text, text)], kind=text)
        r["organization-name"] = r["contact-info"] = text
        r["report-id"] = f"{text}{i}"
        r["policies"][0]["failure-details"][0]["receiving-ip"] = text
        write(folder, r)


def make(name, fill):
    folder = f"{out}/{name}"
    os.makedirs(folder, exist_ok=True)
    for old in os.listdir(folder):
        os.unlink(f"{folder}/{old}")
    fill(folder)
    subprocess.run([f"{build}/tlsrpt-show", "html", "--from", "2026-10-01",
                    "--to", "2026-10-30", "--out", f"{out}/{name}.html",
                    folder], check=True)
    return f"{out}/{name}.html"


def keep(browser, name, css=None):
    png = browser.picture(css)
    with open(f"{out}/{name}.png", "wb") as f:
        f.write(png)
    return png


def cells(browser, column):
    return browser.run(
        "return Array.from(document.querySelectorAll('#failing tbody tr'))"
        ".filter((r) => !r.hidden)"
        ".map((r) => r.cells[arguments[0]].textContent)", column)


def head(column):
    return f"#failing thead th:nth-child({column + 1})"


def sorting(b):
    failed = [int(n) for n in cells(b, 2)]
    check("it begins with the most failures",
          failed == sorted(failed, reverse=True) and len(failed) == 14,
          failed)
    b.click(head(0) + " button")
    names = cells(b, 0)
    check("a click on Domain sorts by name", names == sorted(names) and
          names[0] == "domain00.example", names)
    check("the head says so", b.run(
        "return document.querySelector(arguments[0]).ariaSort",
        head(0)) == "ascending")
    b.click(head(0) + " button")
    names = cells(b, 0)
    check("one more turns it around", names == sorted(names, reverse=True),
          names)
    b.click(head(1) + " button")
    sessions = [int(n) for n in cells(b, 1)]
    check("numbers sort as numbers", sessions == sorted(sessions,
          reverse=True) and len(set(map(len, map(str, sessions)))) > 1,
          sessions)
    b.click(head(3) + " button")
    b.click(head(3) + " button")
    share = [float(n.split()[0]) for n in cells(b, 3)]
    check("so do shares", share == sorted(share), share)
    check("only one head is marked", b.run(
        "return document.querySelectorAll('th[aria-sort]').length") == 1)


def filtering(b):
    b.type("#filter input", "DOMAIN1")
    names = cells(b, 0)
    check("the filter keeps what has the text", len(names) == 3 and
          all("domain1" in n for n in names), names)
    check("and says how many", b.run("return document.getElementById("
          "'shown').textContent") == "3 of 14 domains")
    b.run("const s = document.querySelector('#filter select');"
          "s.value = 'certificate-expired';"
          "s.dispatchEvent(new Event('input'))")
    names = cells(b, 0)
    check("with a reason it keeps those of both", names ==
          ["domain12.example"], names)


def looks(b, page):
    for scheme in ("light", "dark"):
        b.emulate(1000, 900, scheme)
        b.open(page)
        keep(b, f"month-{scheme}")
        bars = keep(b, f"bars-{scheme}", "#days figure:last-of-type svg")
        seen = pixels(bars)
        paper, red = {
            "light": ((255, 255, 255), (179, 38, 30)),
            "dark": ((20, 24, 28), (255, 138, 128))}[scheme]
        check(f"the picture has bars of failures on {scheme} paper",
              seen.get(red, 0) > 1000 and max(seen, key=seen.get) == paper,
              sorted(seen.items(), key=lambda kv: -kv[1])[:5])
    b.emulate(360, 740, "light")
    b.open(page)
    keep(b, "phone-top")
    check("nothing hangs out of a phone's screen", b.run(
        "return document.scrollingElement.scrollWidth") <= 360)
    b.run("document.getElementById('domains').scrollIntoView("
          "{behavior: 'instant'})")
    keep(b, "phone-table")
    b.run("document.querySelector('.domain').scrollIntoView("
          "{behavior: 'instant'})")
    keep(b, "phone-domain")
    b.emulate(1000, 900, "light")


def hostile(b):
    b.open(make("hostile", attacks))
    time.sleep(.3)      # whatever runs late is to have its chance
    check("no hostile text runs", b.run("return window.pwned") is None)
    check("nor makes an element of its own", b.run(
        "return document.querySelectorAll('img,iframe,object,script:not("
        ":last-of-type),[onerror],[onload],[srcdoc]').length") == 0)
    check("no link leads out of the page", b.run(
        "return Array.from(document.links).every((a) => "
        "a.getAttribute('href').startsWith('#'))"))
    # record_domain's business is others': names are shown as they came.
    names = "".join(cells(b, 0))
    check("it is there to be read", "<script>window.pwned=1</script>" in
          names, names)
    check("controls and overrides are not", not any(
        c in names for c in "\u202e\x1b\u0007"), names)
    b.run("const s = document.createElement('script');"
          "s.textContent = 'window.pwned = 2'; document.body.append(s)")
    check("what gets in all the same, the policy stops",
          b.run("return window.pwned") is None)
    b.run("const i = document.createElement('img');"
          "i.setAttribute('onerror', 'window.pwned = 3'); i.src = 'x:';"
          "document.body.append(i)")
    time.sleep(.3)
    check("handlers as well", b.run("return window.pwned") is None)
    keep(b, "hostile")


def look_at(b, page):
    b.emulate(1000, 900, "light")
    b.open(page)
    check("it is a page of ours", b.run("return document.title") ==
          "TLS reports")
    check("the page's own script ran", b.run(
        "return document.querySelectorAll('thead button').length") == 6)
    sorting(b)
    filtering(b)
    check("there was nothing to complain of", b.log() == [])
    looks(b, page)
    hostile(b)


def too_late(*_):
    raise TimeoutError(f"not finished after {SECONDS} seconds")


def main():
    signal.signal(signal.SIGALRM, too_late)
    signal.alarm(SECONDS)
    os.makedirs(out, exist_ok=True)
    page = make("month", month)
    try:
        browser = Browser()
    except NoBrowser as e:
        print(f"1..0 # SKIP no browser: {e}")
        return 0
    with browser:
        look_at(browser, page)
    print(f"1..{cases}")
    return bad > 0


sys.exit(main())
