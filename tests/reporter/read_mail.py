#!/usr/bin/python3
"""Read a report mail with Python's e-mail package and say what is in it.

read_mail.py BODY-FILE < message: lines of `what: value`; the attachment must be
the bytes of BODY-FILE.
"""
import email
import email.header
import email.policy
import email.utils
import sys

raw = sys.stdin.buffer.read()
message = email.message_from_bytes(raw, policy=email.policy.default)
defects = list(message.defects)
for part in message.walk():
    defects += part.defects
    for name, value in part.items():
        defects += getattr(value, "defects", [])

# The newer parser leaves a blank between encoded-words, against RFC 2047.
(sender,) = email.utils.getaddresses(
    email.message_from_bytes(raw).get_all("From"))
display = str(email.header.make_header(email.header.decode_header(sender[0])))
for name in ("To", "Subject", "Date", "Message-ID", "MIME-Version",
             "TLS-Report-Domain", "TLS-Report-Submitter", "TLS-Required",
             "Auto-Submitted"):
    print(f"{name}: {' | '.join(message.get_all(name))}")
print(f"From: [{display}] {sender[1]}")
print("type:", message.get_content_type(), message.get_param("report-type"))
text, report = message.iter_parts()
print("text:", text.get_content_type(), text.get_content_charset(),
      text["Content-Transfer-Encoding"],
      text.get_content().replace("\r\n", "\n").encode())
print("report:", report.get_content_type(), report.get_filename(),
      report.get_param("name"), report.get_content_disposition(),
      report["Content-Transfer-Encoding"])
with open(sys.argv[1], "rb") as f:
    print("bytes:", report.get_content() == f.read())
print("defects:", defects)
