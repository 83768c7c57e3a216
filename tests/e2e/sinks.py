#!/usr/bin/env python3
"""Mail servers of the outside world, good and bad, which keep nothing.

    sinks.py PORT ADDRESS=KIND...    until it is killed

KIND is `plain` (no STARTTLS), `refuse` (offers STARTTLS and answers it with
454), `cut` (hangs up in the handshake), or a file with certificate and key to
offer TLS with.  A line says `ready` once all of them listen.
"""
import ssl
import sys

from serving import accept, tls_context


class Session:
    """One SMTP dialogue, to its end."""

    def __init__(self, conn, kind):
        self.kind = kind
        self.use(conn)

    def use(self, conn):
        self.conn = conn
        self.file = conn.makefile("rb")

    def say(self, text):
        self.conn.sendall(text.encode() + b"\r\n")

    def ehlo(self, tls):
        self.say("250-sink.test")
        if self.kind != "plain" and not tls:
            self.say("250-STARTTLS")
        self.say("250 8BITMIME")

    def starttls(self):
        """Returns whether the session goes on."""
        if self.kind == "refuse":
            self.say("454 4.7.0 TLS not available due to temporary reason")
            return True
        self.say("220 2.0.0 Ready to start TLS")
        if self.kind == "cut":
            self.conn.recv(1)
            return False
        self.use(tls_context(self.kind).wrap_socket(self.conn,
                                                    server_side=True))
        return True

    def data(self):
        self.say("354 Go on")
        while self.file.readline() not in (b".\r\n", b""):
            pass
        self.say("250 2.0.0 Ok: thrown away")

    def run(self):
        self.say("220 sink.test ESMTP")
        while line := self.file.readline(4096):
            verb = line.split(None, 1)[0].upper() if line.strip() else b""
            if verb in (b"EHLO", b"HELO"):
                self.ehlo(isinstance(self.conn, ssl.SSLSocket))
            elif verb == b"STARTTLS":
                if not self.starttls():
                    return
            elif verb == b"DATA":
                self.data()
            elif verb == b"QUIT":
                self.say("221 2.0.0 Bye")
                return
            else:
                self.say("250 2.0.0 Ok")


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    port = int(sys.argv[1])
    for sink in sys.argv[2:]:
        address, kind = sink.split("=")
        accept((address, port),
               lambda conn, kind=kind: Session(conn, kind).run(), timeout=30)
    print("ready", flush=True)


if __name__ == "__main__":
    main()
