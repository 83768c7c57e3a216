#!/usr/bin/python3
r"""An SMTP server that answers what it is told to.

smtp_server.py DIR reads DIR/script, prints its port, and serves on 127.0.0.1
until its input ends.  A script has lines `VERB=REPLY`; the n-th use of a verb
gets the n-th of its replies, then the last one again.  Besides SMTP's there
are the verbs `greeting` and `.`, the end of a message.  A reply is made of
steps with `|` between them:

    close       hang up
    silent      say nothing more
    drip        a byte now and then, no line end
    endless     the same line again and again, as fast as it is taken
    tls NAME    go on under TLS, with the certificate DIR/NAME
    raw TEXT    this, without a line end; \1 stands for one
    late        half a second later
    deaf        read no more
    TEXT        this line

DIR/log gets the lines that came in, DIR/message.N the messages in the order
of their coming, without dot-stuffing.
"""
import itertools
import os
import socket
import ssl
import sys
import threading
import time

DEFAULTS = {
    "greeting": ["220 sink.example ESMTP"],
    "EHLO": ["250-sink.example|250 ENHANCEDSTATUSCODES"],
    "HELO": ["250 sink.example"],
    "MAIL": ["250 2.1.0 ok"],
    "RCPT": ["250 2.1.5 ok"],
    "DATA": ["354 go ahead"],
    ".": ["250 2.0.0 queued"],
    "RSET": ["250 2.0.0 ok"],
    "QUIT": ["221 2.0.0 bye|close"],
    "STARTTLS": ["220 2.0.0 ready|tls server"],
}

directory = sys.argv[1]
script = {}
with open(os.path.join(directory, "script"), encoding="latin-1") as f:
    for line in f.read().rstrip("\n").split("\n"):
        verb, _, reply = line.partition("=")
        script.setdefault(verb, []).append(reply)
script = {**DEFAULTS, **script}
count = itertools.count()
lock = threading.Lock()


class Hangup(Exception):
    pass


class Connection:
    def __init__(self, sock):
        self.sock = sock
        self.pending = b""
        self.uses = {}

    def log(self, line):
        with lock, open(os.path.join(directory, "log"), "ab") as f:
            f.write(line + b"\n")

    def read(self, end):
        while end not in self.pending:
            data = self.sock.recv(65536)
            if not data:
                raise Hangup
            self.pending += data
        data, self.pending = self.pending.split(end, 1)
        return data

    def reply(self, verb):
        replies = script.get(verb, ["502 5.5.1 not implemented"])
        n = self.uses[verb] = self.uses.get(verb, 0) + 1
        text = replies[min(n, len(replies)) - 1]
        for step in text.split("|"):
            self.step(step)
        return text

    def step(self, step):
        if step == "close":
            raise Hangup
        elif step == "silent":
            while self.sock.recv(65536):
                pass
            raise Hangup
        elif step == "drip":
            while True:
                self.sock.sendall(b"x")
                time.sleep(0.2)
        elif step == "endless":
            while True:
                self.sock.sendall(b"250-X-AGAIN\r\n" * 100)
        elif step == "late":
            time.sleep(0.5)
        elif step == "deaf":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            time.sleep(60)
        elif step.startswith("raw "):
            self.sock.sendall(step[4:].encode("latin-1")
                              .replace(b"\x01", b"\r\n"))
        elif step.startswith("tls "):
            self.start_tls(os.path.join(directory, step[4:]))
        else:
            self.sock.sendall(step.encode("latin-1") + b"\r\n")

    def start_tls(self, certificate):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate + ".pem", certificate + ".key")
        context.sni_callback = lambda _, name, __: self.log(
            b"SNI %s" % str(name).encode())
        self.sock = context.wrap_socket(self.sock, server_side=True)

    def message(self):
        # to a refused recipient comes an end without a beginning
        self.pending = b"\r\n" + self.pending
        text = self.read(b"\r\n.\r\n") + b"\r\n"
        text = text.replace(b"\r\n..", b"\r\n.")[2:]
        with lock:
            name = "message.%d" % next(count)
            with open(os.path.join(directory, name), "wb") as f:
                f.write(text)

    def auth(self, line):
        words = line.split()
        text = self.reply(b" ".join(words[:2]).decode().upper())
        while text.startswith("334"):
            self.log(self.read(b"\r\n"))
            text = self.reply("334")

    def serve(self):
        self.reply("greeting")
        while True:
            line = self.read(b"\r\n")
            self.log(line)
            verb = line.split(b" ")[0].decode("latin-1").upper()
            if verb == "AUTH":
                self.auth(line)
            elif self.reply(verb).startswith("354"):
                self.message()
                self.reply(".")

    def run(self):
        try:
            self.serve()
        except (Hangup, OSError) as e:
            self.log(b"END " + type(e).__name__.encode())
        finally:
            self.sock.close()


def accept(listener):
    while True:
        sock, _ = listener.accept()
        threading.Thread(target=Connection(sock).run, daemon=True).start()


listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(64)
threading.Thread(target=accept, args=(listener,), daemon=True).start()
print(listener.getsockname()[1], flush=True)
sys.stdin.read()
