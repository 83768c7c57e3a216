"""A browser to test pages with: Chromium by chromedriver, which speaks the
W3C's WebDriver protocol (JSON over HTTP).  Debian packages chromium and
chromium-driver; nothing else but Python's own library."""

import base64
import json
import os
import re
import select
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import zlib

FLAGS = ["--headless", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars"]
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
START = 60      # seconds for all to be up
CALL = 60       # seconds for one command

# Whatever the environment says: this goes to our own machine.
direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class NoBrowser(Exception):
    """It is not installed here or does not start; says why."""


class Browser:
    def __init__(self):
        self.driver = None
        self.home = tempfile.mkdtemp(prefix="tlsrpt-browser.")
        try:
            self.start()
        except NoBrowser:
            self.stop()
            raise
        except (OSError, RuntimeError) as e:
            self.stop()
            raise NoBrowser(str(e).splitlines()[0]) from None

    def start(self):
        env = {"PATH": os.environ["PATH"], "HOME": self.home, "LANG": "C.UTF-8"}
        self.driver = subprocess.Popen(
            ["chromedriver", "--port=0"], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=env,
            start_new_session=True)
        self.base = f"http://127.0.0.1:{self.port()}/session"
        flags = FLAGS + [f"--user-data-dir={self.home}/profile"]
        if os.geteuid() == 0:
            flags.append("--no-sandbox")
        session = self.call("POST", "", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"args": flags}}}}, START)
        self.base += "/" + session["sessionId"]

    def port(self):
        """Which one it took, it says on standard output."""
        end, said = time.monotonic() + START, b""
        out = self.driver.stdout
        while select.select([out], [], [], max(0, end - time.monotonic()))[0]:
            more = os.read(out.fileno(), 4096)
            said += more
            found = re.search(rb"started successfully on port (\d+)", said)
            if found:
                return int(found[1])
            if not more:
                break
        raise NoBrowser("chromedriver does not start")

    def stop(self):
        if self.driver:
            self.driver.terminate()
            try:
                self.driver.wait(timeout=20)
            except subprocess.TimeoutExpired:
                pass
            # Whatever of it is left, by its session.
            subprocess.run(["pkill", "-KILL", "-s", str(self.driver.pid)])
            self.driver.wait()
            self.driver.stdout.close()
        shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.call("DELETE", "", seconds=20)
        except (OSError, RuntimeError):
            pass
        self.stop()

    def call(self, method, path, body=None, seconds=CALL):
        request = urllib.request.Request(
            self.base + path, method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"})
        try:
            with direct.open(request, timeout=seconds) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as e:
            raise RuntimeError(json.load(e)["value"]["message"]) from None

    def open(self, path):
        self.call("POST", "/url", {"url": "file://" + os.path.abspath(path)})

    def run(self, script, *args):
        """What `return ...` in the page returns.  Not subject to its policy."""
        return self.call("POST", "/execute/sync",
                         {"script": script, "args": list(args)})

    def find(self, css):
        return self.call("POST", "/element", {
            "using": "css selector", "value": css})[ELEMENT]

    def click(self, css):
        self.call("POST", f"/element/{self.find(css)}/click", {})

    def type(self, css, text):
        self.call("POST", f"/element/{self.find(css)}/value", {"text": text})

    def log(self):
        """What the page complained of since the last call."""
        return [entry["message"] for entry in
                self.call("POST", "/se/log", {"type": "browser"})]

    def emulate(self, width, height, scheme):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width,
                 height=height, deviceScaleFactor=1, mobile=width < 600)
        self.cdp("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"}])

    def cdp(self, command, **params):
        return self.call("POST", "/goog/cdp/execute",
                         {"cmd": command, "params": params})

    def picture(self, css=None):
        """A PNG of what is to be seen, or of one element."""
        path = "/screenshot" if css is None else \
            f"/element/{self.find(css)}/screenshot"
        return base64.b64decode(self.call("GET", path))


def pixels(png):
    """The colours in a PNG as Chromium writes it (8 bits, RGB or RGBA), each
    with how often it is there."""
    at, data = 8, b""
    while at < len(png):
        length = int.from_bytes(png[at:at + 4], "big")
        kind, chunk = png[at + 4:at + 8], png[at + 8:at + 8 + length]
        if kind == b"IHDR":
            width = int.from_bytes(chunk[0:4], "big")
            size = {2: 3, 6: 4}[chunk[9]]
        elif kind == b"IDAT":
            data += chunk
        at += 12 + length
    data = zlib.decompress(data)
    row, before, colours = width * size, bytearray(width * size), {}
    for start in range(0, len(data), row + 1):
        kind, line = data[start], bytearray(data[start + 1:start + 1 + row])
        for i in range(row):
            left = line[i - size] if i >= size else 0
            up, corner = before[i], before[i - size] if i >= size else 0
            line[i] = (line[i] + (0, left, up, (left + up) // 2,
                       paeth(left, up, corner))[kind]) & 255
        for i in range(0, row, size):
            colour = tuple(line[i:i + 3])
            colours[colour] = colours.get(colour, 0) + 1
        before = line
    return colours


def paeth(left, up, corner):
    """PNG section 9.4"""
    guess = left + up - corner
    return min((abs(guess - left), 0, left), (abs(guess - up), 1, up),
               (abs(guess - corner), 2, corner))[2]
