#!/usr/bin/env python3
"""A terminal as SVG: what our programs say of the sample day, in colour.

    tests/pictures/terminal.py BUILD-DIR >terminal.svg

The commands really run, on a terminal of their own; the picture is the same
as long as what they say is."""

import os
import re
import subprocess
import sys
import tempfile
from html import escape

root = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
build = os.path.abspath(sys.argv[1])
day = "2026-11-21"
configuration = """[report]
organization_name = Example Sender
contact_info = tls-reports@sender.example
[spool]
directory = DIR/spool
runtime_directory = DIR
source = mta1
[queue]
database = DIR/queue.db
[dns]
rua_lookup = never
[dkim]
selector = demo
key_file = DIR/dkim.key
[log]
level = error
"""
# What is typed, and what is run: the settings are not where they usually are.
commands = [
    (f"tlsrpt-send --dry-run --day {day} --out reports",
     f"tlsrpt-send --config tlsrpt.conf --dry-run --day {day} --out reports"),
    ("tlsrpt-show report reports/*jasmine.example*.gz",) * 2,
]

CHAR, LINE, EDGE = 7.5, 17, 16  # pixels
STYLES = {"1": "b", "2": "d", "31": "r", "32": "g", "33": "y"}
SGR = re.compile(r"\x1b\[([0-9;]*)m")


def run(*argv, **more):
    return subprocess.run(argv, check=True, **more)


def on_terminal(command, cwd):
    """What a command writes to a terminal."""
    env = {"PATH": f"{build}:{os.environ['PATH']}", "TERM": "xterm",
           "LC_ALL": "C.UTF-8", "SHELL": "/bin/sh"}
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
        if name in os.environ:
            env[name] = os.environ[name]
    said = run("script", "-qec", f"stty cols 200; {command}", "/dev/null",
               cwd=cwd, env=env, stdin=subprocess.DEVNULL,
               stdout=subprocess.PIPE).stdout
    return said.decode().replace("\r\n", "\n").rstrip("\n").split("\n")


def spans(line):
    """SVG of one line, and how many columns it has."""
    svg, columns, style = "", 0, ""
    for i, part in enumerate(SGR.split(line)):
        if i % 2 == 1:
            style = STYLES.get(part, "")
        elif part:
            columns += len(part)
            text = escape(part, quote=False)
            svg += f'<tspan class="{style}">{text}</tspan>' if style else text
    return svg, columns


def picture(lines):
    drawn = [spans(line) for line in lines]
    width = max(columns for _, columns in drawn) * CHAR + 2 * EDGE
    height = len(lines) * LINE + 2 * EDGE
    yield (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" '
           f'height="{height}" viewBox="0 0 {width:g} {height}" role="img" '
           f'aria-label="A terminal: {escape(commands[0][0])}, and '
           f'{escape(commands[1][0])}">')
    yield """<style>
rect { fill: #14181c; }
text { fill: #d7dce1; font: 12.5px "DejaVu Sans Mono", Menlo, Consolas,
    "Liberation Mono", monospace; white-space: pre; }
.b { font-weight: bold; fill: #fff; }
.d { fill: #8f9aa5; }
.r { fill: #ff8a80; }
.g { fill: #7fd992; }
.y { fill: #f0c060; }
</style>"""
    yield f'<rect width="{width:g}" height="{height}" rx="8"/>'
    for i, (svg, columns) in enumerate(drawn):
        if columns > 0:
            yield (f'<text x="{EDGE}" y="{EDGE + LINE * (i + 1) - 5}" '
                   f'textLength="{columns * CHAR:g}" '
                   f'xml:space="preserve">{svg}</text>')
    yield "</svg>"


def main():
    lines = []
    with tempfile.TemporaryDirectory(prefix="tlsrpt-picture.") as cwd:
        with open(f"{cwd}/tlsrpt.conf", "w") as f:
            f.write(configuration.replace("DIR", cwd))
        os.mkdir(f"{cwd}/spool")
        run("openssl", "genrsa", "-out", "dkim.key", "2048", cwd=cwd,
            stderr=subprocess.DEVNULL)
        run(f"{build}/tlsrpt-spool", "--config", "tlsrpt.conf", "add",
            "--day", day, f"{root}/tests/data/sample-day.jsonl", cwd=cwd,
            stdout=subprocess.DEVNULL)
        for typed, command in commands:
            lines += [f"\x1b[1m$ {typed}\x1b[0m"]
            lines += on_terminal(command, cwd) + [""]
    print("\n".join(picture(lines[:-1])))


main()
