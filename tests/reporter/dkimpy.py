#!/usr/bin/python3
"""Verify every DKIM signature of a message with dkimpy.

dkimpy.py RECORDS < message, where RECORDS has lines of name, tab, TXT text.
Exits 0 when there is a signature and all of them verify.
"""
import sys

import dkim

records = {}
with open(sys.argv[1], "rb") as f:
    for line in f:
        name, text = line.rstrip(b"\n").split(b"\t")
        records[name + b"."] = text


def lookup(name, timeout=5):
    return records.get(name)


message = sys.stdin.buffer.read()
verifier = dkim.DKIM(message)
n = sum(name.lower() == b"dkim-signature" for name, _ in verifier.headers)
bad = 0
for i in range(n):
    try:
        good = dkim.DKIM(message).verify(idx=i, dnsfunc=lookup)
    except dkim.DKIMException as e:
        good = e
    if good is not True:
        print("signature", i, good)
        bad += 1
print(n, "signatures", bad, "bad")
sys.exit(0 if n > 0 and bad == 0 else 1)
