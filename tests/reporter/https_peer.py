#!/usr/bin/env python3
"""A receiver of reports that behaves as its path says, most often badly.

usage: https_peer.py FOLDER

FOLDER holds the certificates of https_peer.sh.  Prints one line of ports:
good, wrong, expired, self (TLS with that certificate), plain (says something
that is not TLS), mute (says nothing) and flood (handshake messages that mean
nothing, as fast as they are read).  Every request is written to
FOLDER/requests as soon as it is complete.
"""
import email.utils
import os
import socket
import ssl
import sys
import threading
import time

folder = sys.argv[1]
lock = threading.Lock()
pair = threading.Barrier(2)
connections = 0


def note(text):
    with lock, open(os.path.join(folder, "requests"), "a") as f:
        f.write(text + "\n")


def read_head(c):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = c.recv(1)
        if not byte:
            return None
        head += byte
    return head.decode("latin-1")


def read_request(c):
    """Path, content type; None at the end of the connection."""
    head = read_head(c)
    if head is None:
        return None
    lines = head.split("\r\n")
    method, path, _ = lines[0].split(" ")
    fields = {}
    for line in lines[1:-2]:
        name, value = line.split(": ", 1)
        fields[name.lower()] = value
    left = int(fields.get("content-length", "0"))
    body = b""
    while len(body) < left:
        piece = c.recv(left - len(body))
        if not piece:
            return None
        body += piece
    kind = fields.pop("content-type", "")
    agent = fields.pop("user-agent", "")
    rest = ",".join(sorted(fields))
    note(f"{method} {path} {kind} {agent} [{rest}] {body[:200].hex()}"
         f" {len(body)}")
    return path, kind


def answer(c, status, headers="", body=b""):
    c.sendall((f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n"
               f"{headers}\r\n").encode() + body)


def for_ever(c, first, piece, pause=0.0):
    c.sendall(first)
    while True:
        c.sendall(piece)
        time.sleep(pause)


def behave(c, path, kind):
    """False to end the connection."""
    date = email.utils.formatdate
    name = path.split("?")[0].split("/")[1]
    if name == "ok":
        answer(c, "201 Created", "Retry-After: 5\r\n")
    elif name == "connections":
        answer(c, f"200 {connections}")
    elif name == "pair":
        pair.wait(20)
        answer(c, "200 OK")
    elif name == "retry":
        answer(c, "503 Busy", f"Retry-After: {path.split('/')[2]}\r\n")
    elif name == "retry-date":
        seconds = int(path.split("/")[2])
        answer(c, "429 Slow", "Retry-After: "
               f"{date(time.time() + seconds, usegmt=True)}\r\n")
    elif name == "no-gzip":
        if kind == "application/tlsrpt+json":
            answer(c, "200 OK")
        else:
            answer(c, "415 Unsupported Media Type")
    elif name == "neither":
        answer(c, "415 Unsupported Media Type")
    elif name == "say":
        answer(c, path.split("/")[2])
    elif name == "redirect":
        answer(c, "307 Temporary Redirect", "Location: /stolen\r\n")
    elif name == "words":
        answer(c, "400 No\tsuch\x1bthing" + "g" * 300)
    elif name == "mute":
        time.sleep(60)
    elif name == "hang-up":
        return False
    elif name == "garbage":
        c.sendall(b"220 mail.example ESMTP\r\n")
        return False
    elif name == "half-headers":
        c.sendall(b"HTTP/1.1 200 OK\r\nContent-Le")
        return False
    elif name == "byte-by-byte":
        for_ever(c, b"HTTP/1.1 200 OK\r\nX: ", b"x", 0.05)
    elif name == "headers":
        for_ever(c, b"HTTP/1.1 200 OK\r\n", b"X: " + b"x" * 1000 + b"\r\n")
    elif name == "some-headers":
        answer(c, "200 OK", ("X: " + "x" * 995 + "\r\n") *
               int(path.split("/")[2]))
    elif name == "long-header":
        for_ever(c, b"HTTP/1.1 200 OK\r\nX: ", b"x" * 1000)
    elif name == "continue-cut":
        c.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        return False
    elif name == "continue":
        for_ever(c, b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100)
    elif name == "huge":
        for_ever(c, b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536)
    elif name == "huge-refusal":
        for_ever(c, b"HTTP/1.1 404 No\r\n\r\n", b"x" * 65536)
    elif name == "huge-chunks":
        for_ever(c, b"HTTP/1.1 202 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                 b"10000\r\n" + b"x" * 65536 + b"\r\n")
    elif name == "trailers":
        for_ever(c, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                 b"0\r\n", b"X: " + b"x" * 1000 + b"\r\n")
    elif name == "dribble":
        for_ever(c, b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n",
                 b"x", 0.05)
    elif name == "cut":
        c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhello")
        return False
    else:
        answer(c, "404 Not Found")
    return True


def serve(c, context):
    global connections
    with lock:
        connections += 1
    try:
        c.settimeout(60)
        c = context.wrap_socket(c, server_side=True)
        while (request := read_request(c)) and behave(c, *request):
            pass
    except (OSError, ValueError, threading.BrokenBarrierError):
        pass
    finally:
        c.close()


def plain(c, _):
    try:
        c.sendall(b"220 mail.example ESMTP\r\n" * 100)
    except OSError:
        pass
    finally:
        c.close()


def mute(c, _):
    time.sleep(60)
    c.close()


def flood(c, _):
    try:
        c.recv(1)
        while True:
            c.sendall(b"\x16\x03\x03\x00\x04\0\0\0\0" * 1000)
    except OSError:
        pass
    finally:
        c.close()


def listen(function, context):
    s = socket.create_server(("127.0.0.1", 0), backlog=64)

    def accept():
        while True:
            threading.Thread(target=function, args=(s.accept()[0], context),
                             daemon=True).start()

    threading.Thread(target=accept).start()
    return s.getsockname()[1]


def tls(name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    base = os.path.join(folder, name)
    context.load_cert_chain(base + ".crt", base + ".key")
    return listen(serve, context)


ports = [tls(name) for name in ("good", "wrong", "expired", "self")]
ports += [listen(plain, None), listen(mute, None), listen(flood, None)]
print(*ports, flush=True)
