#!/usr/bin/python3
"""Far ends of every kind, by HTTPS and SMTP, that follow a random script.

    peer.py records SEED WEB MAIL
        The records of a day, and with them the deliveries: that many by
        https and by mail, each to a place of its own but for some hosts that
        get many.
    peer.py serve SEED HTTPS-PORT SMTP-PORT CERTIFICATE JOURNAL
        Until it is killed.  The n-th attempt at a place meets the n-th line
        of its script (see peer_script.py); the journal gets a JSON object per
        attempt.
    peer.py find SEED PREFIX LINE
        A place of that kind whose script begins with this line.
    peer.py check SEED JOURNAL QUEUE LOG...
        Does the queue say what the peer did?  The logs are those of the
        sender, in order; `free` before one says that from there on the
        schedule was in force, without --now.
"""
import collections
import email.utils
import hashlib
import itertools
import json
import random
import re
import socket
import struct
import sys
import threading
import time

from peer_check import check
from peer_script import TLS_TRICKS, SESSION_TRICKS, records, script
from serving import accept, tls_context, wait_for_end

FOREVER = 3600      # longer than any timeout of the sender


class Journal:
    """What was done, and where each place is in its script."""

    def __init__(self, seed, file):
        self.seed, self.file = seed, open(file, "a", buffering=1)
        self.lock = threading.Lock()
        self.count = collections.Counter()

    def next(self, place):
        with self.lock:
            lines = script(self.seed, place)
            return lines[min(self.count[place], len(lines) - 1)]

    def done(self, place, line, body=b""):
        """Before the deed, so that the sender cannot know of it earlier."""
        with self.lock:
            self.count[place] += 1
            self.file.write(json.dumps({
                "t": time.time(), "place": place, "outcome": line[0],
                "line": line[1],
                "body": hashlib.sha256(body).hexdigest() if body else None,
            }) + "\n")


# --- HTTPS -------------------------------------------------------------------

def server_name(conn):
    """From the ClientHello (RFC 8446 section 4.1.2), which stays unread."""
    hello = b""
    end = time.monotonic() + 5
    while len(hello) < 5 or len(hello) < 5 + struct.unpack(
            ">H", hello[3:5])[0]:
        hello = conn.recv(16384, socket.MSG_PEEK)
        if not hello or time.monotonic() > end:
            return ""
    at = 5 + 4 + 2 + 32                         # record, handshake, random
    at += 1 + hello[at]                         # session id
    at += 2 + struct.unpack(">H", hello[at:at + 2])[0]
    at += 1 + hello[at] + 2                     # compression, length
    while at + 4 <= len(hello):
        kind, size = struct.unpack(">HH", hello[at:at + 4])
        if kind == 0:
            return hello[at + 9:at + 4 + size].decode("ascii", "replace")
        at += 4 + size
    return ""


def drip(conn, text, every=.2):
    for byte in text:
        conn.sendall(bytes((byte,)))
        time.sleep(every)
    wait_for_end(conn)


class Web:
    def __init__(self, journal, certificate):
        self.journal = journal
        self.context = tls_context(certificate)
        self.other = tls_context(certificate + ".other")

    def serve(self, conn):
        name = server_name(conn).split(".")[0]
        context = self.context
        if re.fullmatch(r"s\d+", name):
            line = self.journal.next(name)
            if line[1] in TLS_TRICKS:
                self.journal.done(name, line)
            if line[1] == TLS_TRICKS[4]:
                context = self.other
            elif line[1] in TLS_TRICKS:
                self.trick_tls(conn, line[1])
                return
        conn = context.wrap_socket(conn, server_side=True)
        file = conn.makefile("rb")
        while self.request(conn, file):
            pass

    @staticmethod
    def trick_tls(conn, what):
        if what == "not tls":
            conn.sendall(b"220 peer.test ESMTP\r\n" * 100)
        elif what == "tls alert":
            conn.recv(65536)
            conn.sendall(bytes((21, 3, 3, 0, 2, 2, 40)))
        elif what == "tls silent":
            wait_for_end(conn)

    @staticmethod
    def head(file):
        """Path, length and type of the next request, or None."""
        first = file.readline(4096).split()
        length, kind = 0, ""
        while first and (text := file.readline(4096)) not in (b"\r\n", b""):
            if text.lower().startswith(b"content-length:"):
                length = int(text.split(b":")[1])
            if text.lower().startswith(b"content-type:"):
                kind = text.split(b"+")[1].strip().decode()
        return (first[1].decode()[1:], length, kind) if first else None

    def request(self, conn, file):
        """Returns whether the connection goes on."""
        if (head := self.head(file)) is None:
            return False
        place, length, kind = head
        line = self.journal.next(place)
        if line[1] in ("hang up early", "early answer"):
            self.journal.done(place, line)
            if line[1] == "early answer":
                self.say(conn, 201)
                wait_for_end(conn)
            return False
        body = file.read(length)
        if line[1].startswith("415 ") and kind == "gzip":
            self.say(conn, 415)     # half a deed: the other half is JSON
            return True
        if line[1].startswith("415 "):
            json.loads(body)
            self.journal.done(place, line)
            self.say(conn, 415 if line[1] == "415 twice" else 201)
            return True
        self.journal.done(place, line, body)
        # A kept connection would blur what belongs to which attempt.
        keep = not place.startswith("s")
        if line[1].isdigit():
            self.say(conn, int(line[1]), *[] if keep else ["Connection: close"])
            return keep
        return self.trick(conn, line[1], place) and keep

    @staticmethod
    def say(conn, code, *headers, length=0):
        head = [f"HTTP/1.1 {code} As told", *headers]
        if code not in (101, 204, 304):
            head.append(f"Content-Length: {length}")
        conn.sendall("\r\n".join(head + ["", ""]).encode())

    def trick(self, conn, what, place):
        if what == "retry after seconds":
            self.say(conn, 503, "Retry-After: 3")
            return True
        if what == "retry after date":
            self.say(conn, 429, "Retry-After: " +
                     email.utils.formatdate(time.time() + 4, usegmt=True))
            return True
        if what == "redirect to itself":
            self.say(conn, 307, f"Location: /{place}")
            return True
        if what == "100 first":
            conn.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.say(conn, 200)
            return True
        if what == "101":
            self.say(conn, 101, "Upgrade: tea", "Connection: Upgrade")
        elif what == "silent":
            wait_for_end(conn)
        elif what == "drip":
            drip(conn, b"HTTP/1.1 200 OK\r\n" + 500 * b"X: y\r\n")
        elif what == "endless headers":
            conn.sendall(b"HTTP/1.1 200 OK\r\n")
            while True:
                conn.sendall(1000 * b"X-Again: and again\r\n")
        elif what == "endless body":
            self.say(conn, 200, length=1 << 40)
            while True:
                conn.sendall(bytes(65536))
        elif what == "body never comes":
            self.say(conn, 200, length=10)
            wait_for_end(conn)
        elif what == "body cut":
            self.say(conn, 200, length=1000)
            conn.sendall(b"{")
        elif what == "headers cut":
            conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")
        elif what == "not http":
            conn.sendall(b"220 peer.test ESMTP\r\n")
        return False


# --- SMTP --------------------------------------------------------------------

class HangUp(Exception):
    pass


class Session:
    """One SMTP dialogue, to its end."""

    def __init__(self, conn, journal, trick):
        self.conn, self.journal, self.trick = conn, journal, trick
        self.file = conn.makefile("rb")
        self.place = self.line = None

    def say(self, text):
        self.conn.sendall(text.encode() + b"\r\n")

    def silence(self):
        wait_for_end(self.conn)
        raise HangUp

    def drip(self, text):
        drip(self.conn, text)
        raise HangUp

    def greet(self):
        if self.trick == "no greeting":
            self.silence()
        if self.trick == "drip greeting":
            self.drip(b"220-" + 1000 * b"x")
        if self.trick == "hang up":
            raise HangUp
        self.say({"421 greeting": "421 4.3.2 too busy",
                  "554 greeting": "554 5.3.2 no service",
                  "not smtp": "HTTP/1.1 400 Bad Request\r\n"}.get(
                      self.trick, "220 peer.test ESMTP"))
        if self.trick in ("421 greeting", "not smtp"):
            raise HangUp

    def ehlo(self, verb):
        if self.trick == "refused ehlo":
            self.say("550 not you")
            return
        while self.trick == "endless ehlo":
            self.conn.sendall(1000 * b"250-MORE\r\n")
        if verb == b"EHLO":
            self.say("250-peer.test")
            if self.trick == "invalid tls":
                self.say("250-STARTTLS")
            self.say("250-PIPELINING\r\n250-8BITMIME\r\n"
                     "250 ENHANCEDSTATUSCODES")
        else:
            self.say("250 peer.test")

    def starttls(self):
        self.say("220 2.0.0 go on")
        self.conn.recv(5)
        self.conn.sendall(b"220 this is no ServerHello\r\n")
        raise HangUp

    def mail(self):
        if self.trick == "silent mail":
            self.silence()
        self.say("451 4.3.0 not now" if self.trick == "451 mail" else
                 "250 2.1.0 Ok")

    def rcpt(self, text):
        self.place = text.split(b"@")[1].split(b".")[0].decode()
        self.line = self.journal.next(self.place)
        stage, code = self.line[1].split(" ")[:2]
        if stage == "rcpt":
            self.journal.done(self.place, self.line)
            self.answer(int(code), "about the recipient")
        else:
            self.say("250 2.1.5 Ok")

    def answer(self, code, text):
        self.say(f"{code} {text}" if code // 100 not in (2, 4, 5) else
                 f"{code} {code // 100}.0.0 {text}")
        if code == 421:
            raise HangUp

    def data(self):
        what = self.line[1]
        if what.startswith("data "):
            self.journal.done(self.place, self.line)
            self.answer(int(what[5:]), "about the data")
            return
        self.say("354 Go on")
        if what == "hang up at data":
            self.journal.done(self.place, self.line)
            raise HangUp
        body = b""
        while (text := self.file.readline()) not in (b".\r\n", b""):
            body += text
        if text:
            self.journal.done(self.place, self.line, body)
            self.after_dot(what)

    def after_dot(self, what):
        if what.startswith("dot "):
            self.answer(int(what[4:]), "about the message")
        elif what == "silent after the dot":
            self.silence()
        elif what == "drip after the dot":
            self.drip(1000 * b"2")
        elif what == "cut reply after the dot":
            self.conn.sendall(b"250 2.0.0 O")
            raise HangUp
        elif what == "endless reply after the dot":
            while True:
                self.conn.sendall(1000 * b"250-and again\r\n")
        else:
            raise HangUp

    def run(self):
        self.greet()
        while text := self.file.readline(4096):
            verb = text.split(None, 1)[0].upper() if text.strip() else b""
            if verb in (b"EHLO", b"HELO"):
                self.ehlo(verb)
            elif verb == b"STARTTLS":
                self.starttls()
            elif verb == b"MAIL":
                self.mail()
            elif verb == b"RCPT":
                self.rcpt(text)
            elif verb == b"DATA":
                self.data()
            elif verb == b"QUIT":
                self.say("221 2.0.0 Bye")
                return
            else:
                self.say("250 2.0.0 Ok")


class Mail:
    def __init__(self, journal):
        self.journal = journal
        self.rng = random.Random(f"{journal.seed} sessions")
        self.first = True

    def serve(self, conn):
        # never in the first one, which a test may need
        trick = self.rng.choice(SESSION_TRICKS) \
            if not self.first and self.rng.random() < .1 else None
        self.first = False
        try:
            Session(conn, self.journal, trick).run()
        except HangUp:
            pass


def run(seed, web, mail, certificate, file):
    journal = Journal(seed, file)
    threading.stack_size(256 << 10)
    for port, serve in ((web, Web(journal, certificate).serve),
                        (mail, Mail(journal).serve)):
        accept(("127.0.0.1", int(port)), serve, timeout=FOREVER, backlog=1024)
    print("ready", flush=True)


def main():
    args = sys.argv[1:]
    if len(args) == 4 and args[0] == "records":
        for record in records(args[1], int(args[2]), int(args[3])):
            print(json.dumps(record))
    elif len(args) == 4 and args[0] == "find":
        print(next(place for n in itertools.count() if script(
            args[1], place := f"{args[2]}{n}")[0][1] == args[3]))
    elif len(args) == 6 and args[0] == "serve":
        run(*args[1:])
    elif len(args) > 4 and args[0] == "check":
        sys.exit(check(args[1], args[2], args[3], args[4:]) > 0)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
