#!/usr/bin/env python3
"""Mail and web servers that behave as their name says, most often badly.

usage: tls_peer.py FOLDER

Each has a loopback address of its own, all have the same port.  FOLDER holds
certificates with their keys: good.pem, self.pem, expired.pem, other.pem.
Prints the port, and a line `NAME ADDRESS` for each.  Mail servers note what
they were told in FOLDER/dialogue, web servers in FOLDER/requests.
"""
import os
import socket
import ssl
import sys
import threading
import time
import warnings

warnings.simplefilter("ignore", DeprecationWarning)     # TLS 1.0 and 1.1
folder = sys.argv[1]
lock = threading.Lock()


def note(file, text):
    with lock, open(os.path.join(folder, file), "a") as f:
        f.write(text + "\n")


def context(name="good", oldest=None, alpn=None):
    c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    c.load_cert_chain(os.path.join(folder, name + ".pem"))
    if oldest:
        c.set_ciphers("ALL:@SECLEVEL=0")
        c.minimum_version = c.maximum_version = oldest
    if alpn:
        c.set_alpn_protocols(alpn)
    return c


def flood(c, data, pause=0.0):
    while True:
        c.sendall(data)
        time.sleep(pause)


def after_hello(send):
    """Not before the client begins with TLS."""
    return lambda c: c.recv(1) and send(c)


def hello_requests(c):
    """Handshake messages that mean nothing, as fast as they go."""
    flood(c, b"\x16\x03\x03\x00\x04\0\0\0\0" * 1000)


def silence(c):
    while c.recv(1000):
        pass
    time.sleep(60)


# --- mail ---------------------------------------------------------------------

class Mail:
    """A server that does it right; the others change a part."""
    greeting = b"220 mx.test ESMTP\r\n"
    offer = b"250-mx.test\r\n250-SIZE 1000\r\n250-STARTTLS\r\n250 HELP\r\n"
    go_ahead = b"220 Go ahead\r\n"
    certificate = "good"
    oldest = None

    def __init__(self, conn, name):
        self.conn, self.name = conn, name

    def line(self):
        text = b""
        while not text.endswith(b"\n"):
            byte = self.conn.recv(1)
            if not byte:
                raise ConnectionError
            text += byte
        text = text.decode("latin-1").strip()
        note("dialogue", f"{self.name}: {ascii(text)[1:-1]}")
        return text

    def greet(self):
        self.conn.sendall(self.greeting)

    def ehlo(self):
        self.conn.sendall(self.offer)

    def ehlo_inside(self):
        self.conn.sendall(b"250-mx.test\r\n250 HELP\r\n")

    def start(self):
        self.conn.sendall(self.go_ahead)
        if self.go_ahead.startswith(b"220"):
            self.shake_hands()

    def shake_hands(self):
        self.conn = context(self.certificate, self.oldest).wrap_socket(
            self.conn, server_side=True)
        server = self.conn
        note("dialogue", f"{self.name}: {server.version()}")

    def run(self):
        self.greet()
        while True:
            verb = self.line().split(" ")[0]
            if verb == "EHLO" and isinstance(self.conn, ssl.SSLSocket):
                self.ehlo_inside()
            elif verb == "EHLO":
                self.ehlo()
            elif verb == "STARTTLS":
                self.start()
            elif verb == "QUIT":
                self.conn.sendall(b"221 Bye\r\n")
                return


def mail(name, **parts):
    parts = {key: value if not callable(value) else
             (lambda self, value=value: value(self.conn))
             for key, value in parts.items()}
    return name, type(name, (Mail,), parts)


def cut(c):
    c.shutdown(socket.SHUT_RDWR)
    raise ConnectionError


MAIL = dict((
    mail("good"),
    mail("plain", offer=b"250-mx.test\r\n250-XSTARTTLS\r\n250 STARTTLSX\r\n"),
    mail("one-line", offer=b"250 STARTTLS\r\n"),
    mail("lower-case", offer=b"250-mx.test\r\n250 starttls now\r\n"),
    mail("long-greeting", greeting=b"220-one\r\n220-two\r\n220 three\r\n"),
    mail("refusing", greeting=b"554 \033[2Jno\xff\r\n"),
    mail("busy", greeting=b"421 mx.test too busy\r\n"),
    mail("silent", greet=silence),
    mail("drip", greet=lambda c: flood(c, b"2", .2)),
    mail("endless-line", greet=lambda c: flood(c, b"2" * 1000)),
    mail("endless-lines", greet=lambda c: flood(c, b"220-more\r\n")),
    mail("garbage", greet=lambda c: c.sendall(b"\0\1\2\xff\n\n\n")),
    mail("hang-up", greet=cut),
    mail("ehlo-502", offer=b"502 what?\r\n"),
    mail("ehlo-silent", ehlo=silence),
    mail("ehlo-endless", ehlo=lambda c: flood(c, b"250-X\r\n")),
    mail("ehlo-cut", ehlo=cut),
    mail("refuse-tls", go_ahead=b"454 TLS not available\r\n"),
    mail("tls-silent", shake_hands=silence),
    mail("tls-cut", shake_hands=cut),
    mail("tls-garbage", shake_hands=after_hello(
        lambda c: c.sendall(b"hello\r\n" * 99))),
    mail("tls-drip", shake_hands=after_hello(
        lambda c: flood(c, b"\x16", .2))),
    mail("tls-flood", shake_hands=after_hello(hello_requests)),
    mail("injected", go_ahead=b"220 Go ahead\r\n250 come on\r\n"),
    mail("tls10", oldest=ssl.TLSVersion.TLSv1),
    mail("tls11", oldest=ssl.TLSVersion.TLSv1_1),
    mail("tls12", oldest=ssl.TLSVersion.TLSv1_2),
    mail("self", certificate="self"),
    mail("expired", certificate="expired"),
    mail("other", certificate="other"),
    mail("inside-silent", ehlo_inside=silence),
    mail("inside-cut", ehlo_inside=cut),
    mail("inside-502", ehlo_inside=lambda c: c.sendall(b"502 no\r\n")),
    mail("inside-flood", ehlo_inside=lambda c: flood(c, b"250-X\r\n")),
))


# --- web ----------------------------------------------------------------------

POLICY = (b"version: STSv1\nmode: enforce\nmx: mx.test\nmax_age: 86400\n")


def answer(status=b"200 OK", headers=b"Content-Type: text/plain\r\n",
           body=POLICY):
    def send(c):
        c.sendall(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n%s" % (
            status, len(body), headers, body))
        silence(c)
    return send


def endless(first, piece, pause=0.0):
    def send(c):
        c.sendall(first)
        flood(c, piece, pause)
    return send


OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
WEB = {
    "ok": answer(),
    "ok-self": answer(),
    "ok-expired": answer(),
    "ok-other": answer(),
    "not-found": answer(b"404 Not Found", b"Content-Type: text/html\r\n",
                        b"<html></html>"),
    "moved": answer(b"301 Moved", b"Location: /elsewhere\r\n", b""),
    "no-type": answer(headers=b""),
    "odd-type": answer(headers=b"Content-Type: text/\xff\033plain\r\n"),
    "empty": answer(body=b""),
    "at-most": answer(body=b"x" * 65536),
    "too-long": answer(body=b"x" * 65537),
    "endless": endless(OK + b"\r\n", b"x" * 1000),
    "endless-headers": endless(OK, b"X-More: more\r\n" * 100),
    "body-silent": endless(OK + b"\r\nversion", b"", .5),
    "body-cut": lambda c: (c.sendall(OK + b"Content-Length: 9\r\n\r\nv"),
                           cut(c)),
    "says-nothing": silence,
    "drips": endless(OK, b"X", .2),
    "not-http": lambda c: c.sendall(b"220 mx.test ESMTP\r\n"),
    "hangs-up": cut,
}
BARE = {            # before TLS
    "bare-silent": silence,
    "bare-cut": cut,
    "bare-flood": after_hello(hello_requests),
    "bare-garbage": lambda c: c.sendall(b"220 mx.test ESMTP\r\n" * 99),
}


def web(conn, name):
    if name in BARE:
        BARE[name](conn)
        return
    certificate = name[3:] if name.startswith("ok-") else "good"
    asked = []
    c = context(certificate, alpn=["http/1.1"])
    c.sni_callback = lambda sock, server, ctx: asked.append(server)
    conn = c.wrap_socket(conn, server_side=True)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = conn.recv(1)
        if not byte:
            note("requests", f"{name}: {asked[0]}, nothing")
            return
        head += byte
    lines = head.decode("latin-1").strip().split("\r\n")
    note("requests", f"{name}: {asked[0]} " + " | ".join(lines))
    WEB[name](conn)


# --- all ----------------------------------------------------------------------

def serve(conn, name):
    conn.settimeout(60)
    conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        if name in MAIL:
            MAIL[name](conn, name).run()
        else:
            web(conn, name)
    except (OSError, ValueError):
        pass            # the client has left, as it may
    finally:
        conn.close()


def accept(listener, name):
    while True:
        conn, _ = listener.accept()
        threading.Thread(target=serve, args=(conn, name), daemon=True).start()


def main():
    port = 0
    lines = []
    for i, name in enumerate([*MAIL, *WEB, *BARE]):
        address = f"127.0.2.{i + 1}"
        listener = socket.create_server((address, port))
        port = listener.getsockname()[1]
        threading.Thread(target=accept, args=(listener, name),
                         daemon=True).start()
        lines.append(f"{name} {address}")
    print(port, *lines, sep="\n", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
