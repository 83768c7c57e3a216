#!/usr/bin/python3
"""What is in the mails of a Maildir.

    mail.py dkim FILE...           each must verify by RSA and by Ed25519
    mail.py crlf FILE              as it went over the wire, for other tools
    mail.py reports DIR FILE...    their reports into DIR, by Message-ID
    mail.py digests FILE...        Message-ID, To, digest of what was sent
"""
import base64
import email
import email.policy
import hashlib
import os
import sys

import dkim
import dns.resolver

# Put on top by the receiving system.
TRACE = (b"Return-Path:", b"X-Original-To:", b"Delivered-To:", b"Received:")


def sent(name):
    """The message as it was handed in, with CRLF."""
    with open(name, "rb") as f:
        lines = f.read().splitlines()
    while lines[0].startswith(TRACE) or lines[0][:1] in (b" ", b"\t"):
        del lines[0]
    return b"".join(line + b"\r\n" for line in lines)


def ask(name, timeout=5):
    """A TXT record of the test's own name server, wherever that listens."""
    resolver = dns.resolver.Resolver(configure=False)
    resolver.nameservers = ["127.0.0.1"]
    resolver.port = int(os.environ["DNS_PORT"])
    resolver.lifetime = timeout
    try:
        answer = resolver.resolve(name.decode(), "TXT")
    except dns.exception.DNSException:
        return None
    return b"".join(answer[0].strings)


def check_dkim(names):
    for name in names:
        message = sent(name)
        d = dkim.DKIM(message)
        signatures = [value for header, value in d.headers
                      if header.lower() == b"dkim-signature"]
        algorithms = set()
        for i, value in enumerate(signatures):
            if not dkim.DKIM(message).verify(idx=i, dnsfunc=ask):
                sys.exit(f"{name}: signature {i} does not verify: {value}")
            algorithms.add(dkim.util.parse_tag_value(value)[b"a"])
        if algorithms != {b"rsa-sha256", b"ed25519-sha256"}:
            sys.exit(f"{name}: signed by {algorithms}")


def save_report(folder, message):
    m = email.message_from_bytes(message, policy=email.policy.default)
    for part in m.walk():
        if part.get_content_type() == "application/tlsrpt+gzip":
            name = m["Message-ID"].strip("<>") + ".json.gz"
            with open(os.path.join(folder, name), "wb") as f:
                f.write(base64.b64decode(part.get_payload()))
            return
    sys.exit("no report in: " + m["Subject"])


def print_digests(names):
    for name in names:
        message = sent(name)
        m = email.message_from_bytes(message)
        print(m["Message-ID"], m["To"], hashlib.sha256(message).hexdigest())


def main():
    what, *args = sys.argv[1:] or [None]
    if not args:
        sys.exit(__doc__)
    if what == "dkim":
        check_dkim(args)
    elif what == "crlf":
        sys.stdout.buffer.write(sent(args[0]))
    elif what == "reports":
        for name in args[1:]:
            save_report(args[0], sent(name))
    elif what == "digests":
        print_digests(args)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
