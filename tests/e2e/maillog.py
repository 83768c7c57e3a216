#!/usr/bin/env python3
"""The mail log of a busy Postfix 3.7, and what it tells.

Many smtp(8) processes on several hosts deliver at the same time, so that the
lines of one delivery are far apart, with those of other programs in between;
over the turn of a year.

    maillog.py FOLDER SEED DELIVERIES

writes log.<format> for each format, and expected: for each day and domain its
successful and failed sessions and what failed.
"""
import collections
import datetime
import os
import random
import sys
import time

START = datetime.datetime(2025, 12, 31, 16, tzinfo=datetime.timezone.utc)
SECONDS = 2 * 86400  # or so
HOSTS = ["mta1", "mta2", "mta3.example.com"]
ZONE = "EST5"
WEST = datetime.timedelta(hours=5)

CERTIFICATE = {
    "certificate has expired": "certificate-expired",
    "num=62:hostname mismatch": "certificate-host-mismatch",
    "self-signed certificate": "validation-failure",
    "untrusted issuer /CN=Nobody": "validation-failure",
    "num=65:no matching DANE TLSA records": "certificate-not-trusted",
}
NOISE = [
    "postfix/qmgr[99]: ABC: from=<me@sender.example>, size=300, nrcpt=1 "
    "(queue active)",
    "postfix/smtpd[98]: Anonymous TLS connection established from "
    "client.example[192.0.2.99]: TLSv1.3",
    "postfix/cleanup[97]: ABC: message-id=<1@sender.example>",
    "systemd[1]: Started something.",
    "kernel: [ 1.0] TLS: to=<nobody@nowhere.example>",
]


class Process:
    """One smtp(8): its lines, one after the other."""

    def __init__(self, rng, host, pid):
        self.rng = rng
        self.host = host
        self.tag = f"postfix/smtp[{pid}]: "
        self.now = START.timestamp() + rng.random() * 3600
        self.queue_id = 0

    def say(self, lines, text):
        self.now += self.rng.random() * 2
        lines.append((self.now, self.host, self.tag + text))

    def begin(self):
        self.queue_id += 1
        self.now += self.rng.random() * 600
        return f"{self.queue_id:X}{self.tag[-5:-3]}0"

    def recipients(self, lines, domain, relay, status):
        """Returns the time of the first line."""
        qid = self.begin()
        first = len(lines)
        for i in range(self.rng.choice([1, 1, 1, 3])):
            self.say(lines, f"{qid}: to=<u{i}@{domain}>, relay={relay}, "
                     f"delay=0.1, delays=0/0/0.1/0, dsn=2.0.0, {status}")
        return lines[first][0]

    def deliver(self, lines, domain, told):
        """told(when, failure or None) for each session."""
        number = domain[1:].split(".")[0]
        mx = f"mx.{domain}[192.0.2.{int(number) % 250}]:25"
        kind = self.rng.choices(
            ["good", "certificate", "none", "cut", "plain", "second"],
            [60, 10, 5, 5, 15, 5])[0]
        self.now += self.rng.random() * 600
        if kind == "plain":
            self.recipients(lines, domain, mx, "status=sent (250 Ok)")
            return
        if kind == "none":
            when = self.recipients(lines, domain, mx, "status=deferred (TLS "
                                   "is required, but was not offered by host "
                                   f"{mx[:-3]})")
            told(when, "starttls-not-supported")
            return
        if kind in ("cut", "second"):
            self.say(lines, f"SSL_connect error to {mx}: Connection reset")
            told(self.now, "validation-failure")
        if kind == "cut":
            self.recipients(lines, domain, mx, "status=deferred (Cannot "
                            "start TLS: handshake failure)")
            return
        if kind == "second":
            mx = "mx2" + mx[2:]
            qid = self.begin()
            self.say(lines, f"{qid}: Cannot start TLS: handshake failure")
        if kind == "certificate":
            why = self.rng.choice(list(CERTIFICATE))
            self.say(lines, "server certificate verification failed for "
                     f"{mx}: {why}")
            self.say(lines, f"Untrusted TLS connection established to {mx}: "
                     "TLSv1.3 with cipher TLS_AES_256_GCM_SHA384")
            told(self.now, CERTIFICATE[why])
            self.recipients(lines, domain, mx, "status=deferred (Server "
                            "certificate not verified)")
            return
        self.say(lines, self.rng.choice(["Trusted", "Verified", "Untrusted"])
                 + f" TLS connection established to {mx}: TLSv1.3")
        told(self.now, None)
        self.recipients(lines, domain, mx, "status=sent (250 Ok)")


def stamps():
    """Each format's stamp of a time."""
    utc = datetime.timezone.utc

    def at(when, zone=utc):
        return datetime.datetime.fromtimestamp(int(when), zone)
    west = datetime.timezone(-WEST)
    return {
        "traditional": lambda t: at(t, west).strftime("%b %e %H:%M:%S"),
        "rsyslog": lambda t: at(t).strftime("%Y-%m-%dT%H:%M:%S.123456+00:00"),
        "short-iso": lambda t: at(t, west).strftime("%Y-%m-%dT%H:%M:%S%z"),
    }


def main(folder, seed, deliveries):
    rng = random.Random(int(seed))
    lines, sums = [], collections.defaultdict(collections.Counter)
    # The same process ids on all hosts.
    processes = [Process(rng, host, 300 + i)
                 for i in range(40) for host in HOSTS]

    def tell_of(domain):
        def told(when, failure):
            day = time.strftime("%F", time.gmtime(when))
            sums[day, domain][failure or "good"] += 1
        return told
    for _ in range(deliveries):
        p = rng.choice(processes)
        domain = f"d{rng.randrange(50)}.example"
        p.deliver(lines, domain, tell_of(domain))
    lines += [(START.timestamp() + rng.random() * SECONDS, rng.choice(HOSTS),
               rng.choice(NOISE)) for _ in range(len(lines) // 3)]
    lines.sort()
    last = lines[-1][0]
    for name, stamp in stamps().items():
        path = f"{folder}/log.{name}"
        with open(path, "w", encoding="ascii") as f:
            f.writelines(f"{stamp(t)} {host} {text}\n"
                         for t, host, text in lines)
        os.utime(path, (last, last))
    with open(folder + "/expected", "w", encoding="ascii") as f:
        for (day, domain), n in sorted(sums.items()):
            good = n.pop("good", 0)
            print(day, domain, good, n.total(),
                  *(f"{k}*{v}" for k, v in sorted(n.items())), file=f)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
