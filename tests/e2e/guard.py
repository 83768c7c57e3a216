#!/usr/bin/python3
"""Names and URLs that lead into our own network, and what is there.

    guard.py records
        A day: each case has a policy domain and one destination.
    guard.py serve CERTIFICATE JOURNAL
        Until it is killed: DNS on 127.0.0.1, HTTPS and what takes itself for
        a proxy on every address that is routed here.  The journal gets a JSON
        object per connection and per request.
    guard.py check QUEUE LOG JOURNAL
        Did each come to what it should, and has nobody been connected to who
        should not?
    guard.py check-private QUEUE JOURNAL
        The same where private addresses are allowed: each is reached.
"""
import collections
import ipaddress
import json
import socket
import sqlite3
import sys
import threading

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

from serving import accept, tls_context

ZONE = "guard.test"
PROXY = 3128
PUBLIC = ("9.9.9.9", "2620:fe::fe", "::ffff:9.9.9.10", "64:ff9b::909:90b",
          "2002:909:90c::1")
DEAD = "9.9.9.66"           # the script makes it unreachable
PRIVATE = (
    ("0.0.0.0", "this network"), ("0.1.2.3", "this network"),
    ("10.1.2.3", "private"), ("100.64.1.2", "carrier-grade NAT"),
    ("127.0.0.1", "loopback"), ("127.255.255.254", "loopback"),
    ("169.254.169.254", "link-local"), ("172.31.255.254", "private"),
    ("192.0.0.8", "protocol assignment"), ("192.0.2.1", "documentation"),
    ("192.88.99.1", "6to4 relay"), ("192.168.0.1", "private"),
    ("198.18.0.1", "benchmarking"), ("198.51.100.1", "documentation"),
    ("203.0.113.1", "documentation"), ("224.0.0.251", "multicast"),
    ("239.255.255.250", "multicast"), ("240.0.0.1", "reserved"),
    ("255.255.255.255", "broadcast"),
    ("::", "unspecified"), ("::1", "loopback"),
    ("::127.0.0.1", "IPv4-compatible"), ("::ffff:127.0.0.1", "loopback"),
    ("::ffff:10.1.2.3", "private"),
    ("::ffff:169.254.169.254", "link-local"),
    ("64:ff9b::127.0.0.1", "NAT64"), ("64:ff9b::10.1.2.3", "NAT64"),
    ("64:ff9b:1::9.9.9.9", "local NAT64"), ("100::1", "discard"),
    ("2001::1", "Teredo"), ("2001:2::1", "benchmarking"),
    ("2001:20::1", "ORCHID"), ("2001:db8::1", "documentation"),
    ("2002:7f00:1::1", "6to4"), ("2002:a01:203::1", "6to4"),
    ("3fff::1", "documentation"), ("5f00::1", "segment routing"),
    ("fc00::1", "unique-local"), ("fd00::1", "unique-local"),
    ("fe80::1", "link-local"), ("fec0::1", "site-local"),
    ("ff02::fb", "multicast"), ("ff0e::1", "multicast"),
)
# No connection is possible, allowed or not.
UNROUTED = ("224.0.0.251", "239.255.255.250", "255.255.255.255", "fe80::1",
            "ff02::fb", "ff0e::1")
# As libcurl reads them, and what names them.
LITERALS = (
    ("127.0.0.1", "127.0.0.1", "loopback"),
    ("2130706433", "127.0.0.1", "loopback"),
    ("017700000001", "127.0.0.1", "loopback"),
    ("0x7f000001", "127.0.0.1", "loopback"),
    ("0X7F000001", "127.0.0.1", "loopback"),
    ("0177.0.0.1", "127.0.0.1", "loopback"),
    ("0177.0x0.00.1", "127.0.0.1", "loopback"),
    ("0x7f.1", "127.0.0.1", "loopback"),
    ("127.1", "127.0.0.1", "loopback"),
    ("127.0.1", "127.0.0.1", "loopback"),
    ("127.65535", "127.0.255.255", "loopback"),
    ("0", "0.0.0.0", "this network"),
    ("0x0", "0.0.0.0", "this network"),
    ("10.1.2.3:443", "10.1.2.3", "private"),
    ("192.168.257", "192.168.1.1", "private"),
    ("%31%32%37.0.0.1", "127.0.0.1", "loopback"),
    ("127%2e0%2e0%2e1", "127.0.0.1", "loopback"),
    ("[::1]", "::1", "loopback"),
    ("[::1]:443", "::1", "loopback"),
    ("[0:0:0:0:0:0:0:1]", "::1", "loopback"),
    ("[::]", "::", "unspecified"),
    ("[::ffff:127.0.0.1]", "::ffff:127.0.0.1", "loopback"),
    ("[::ffff:7f00:1]", "::ffff:127.0.0.1", "loopback"),
    ("[::FFFF:7F00:0001]", "::ffff:127.0.0.1", "loopback"),
    ("[::127.0.0.1]", "::127.0.0.1", "IPv4-compatible"),
    ("[64:ff9b::7f00:1]", "64:ff9b::7f00:1", "NAT64"),
    ("[2002:7f00:1::]", "2002:7f00:1::", "6to4"),
    ("[fd00::1]", "fd00::1", "unique-local"),
)
# What is no destination at all, in the words of the log.
SKIPPED = (
    ("https://127.0.0.1./", "not a host name"),
    ("https://127.1./", "not a host name"),
    ("https://2130706433./", "not a host name"),
    ("https://0x7f.1./", "not a host name"),
    ("https://127.0.0.0x1./", "not a host name"),
    ("https://1.127.0.0.1/", "not a host name"),
    ("https://256.0.0.1/", "not a host name"),
    ("https://4294967297/", "not a host name"),
    ("https://%30x7f.1/", "not a host name"),
    ("https://127%2e1/", "not a host name"),
    ("https://127%E3%80%820%E3%80%820%E3%80%821/", "not a host name"),
    ("https://%E2%91%A0%E2%91%A1%E2%91%A6.0.0.1/", "not a host name"),
    ("https://%5B::1%5D/", None),
    ("https://localhost%00.guard.test/", None),
    ("https://[::1/", "not a URL"),
    ("https://[fe80::1%25lo]/", "a zone in the address"),
    ("https://[::1%25lo]/", "a zone in the address"),
    ("https://[::1%251]/", "a zone in the address"),
    ("https://user:secret@127.0.0.1/", "user name or password in the URL"),
    ("https://user:secret@public0.guard.test/",
     "user name or password in the URL"),
    ("https://public0.guard.test@127.0.0.1/",
     "user name or password in the URL"),
    ("https://:@127.0.0.1/", None),
    ("https://@127.0.0.1/", None),
    ("https:///127.0.0.1/", "https: without a host"),
    ("https:127.0.0.1/", "https: without a host"),
    ("http://127.0.0.1/", "the scheme is neither mailto: nor https:"),
    ("mailto:root@[127.0.0.1]", "mail to an address literal"),
    ("mailto:root@localhost", "not an e-mail address: the domain"),
)
REDIRECTS = (301, 302, 303, 307, 308)

# A case: its destination, the state and the note of its delivery.
Case = collections.namedtuple("Case", "uri state note")


def refusal(address, why):
    return f"its address {address} is not for us to use: {why}"


def text_of(address):
    """As inet_ntop writes it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return socket.inet_ntop(family, socket.inet_pton(family, address))


def make_names():
    """Addresses, or a name, by the number of the question; and the cases."""
    names, cases = {}, []

    def add(name, answers, state, note):
        name = f"{name}.{ZONE}"
        names[name] = answers
        cases.append(Case(f"https://{name}/", state, note))

    for n, address in enumerate(PUBLIC):
        add(f"public{n}", [[address]], "sent", "HTTP/1.1 201")
    for n, (address, why) in enumerate(PRIVATE):
        add(f"private{n}", [[address]], "pending",
            refusal(text_of(address), why))
    add("mixed-first", [[PUBLIC[0], "10.1.2.4"]], "sent", "HTTP/1.1 201")
    add("mixed-last", [["10.1.2.5", PUBLIC[0]]], "sent", "HTTP/1.1 201")
    add("mixed-families", [[PUBLIC[0], "fd00::2"]], "sent", "HTTP/1.1 201")
    add("mixed-dead", [[DEAD, "10.1.2.6"]], "pending",
        refusal("10.1.2.6", "private"))
    add("cname", [f"inside.{ZONE}"], "pending",
        refusal("10.1.2.7", "private"))
    names[f"inside.{ZONE}"] = [["10.1.2.7"]]
    add("cname-chain", [f"cname.{ZONE}"], "pending",
        refusal("10.1.2.7", "private"))
    add("cname-localhost", ["localhost"], "pending",
        refusal("127.0.0.1", "loopback"))
    names["localhost"] = [["127.0.0.1"]]
    # Answered once with a public address: busy there, and gone.
    add("rebind", [[PUBLIC[0]], ["10.1.2.8"]], "pending",
        refusal("10.1.2.8", "private"))
    add("rebind6", [[PUBLIC[1]], ["fd00::3"]], "pending",
        refusal("fd00::3", "unique-local"))
    add("rebind-cname", [f"public0.{ZONE}", f"inside.{ZONE}"], "pending",
        refusal("10.1.2.7", "private"))
    names[f"redirect.{ZONE}"] = [[PUBLIC[0]]]
    return names, cases


def make_cases():
    cases = make_names()[1]
    cases += [Case(f"https://{host}/{n}", "failed", refusal(address, why))
              for n, (host, address, why) in enumerate(LITERALS)]
    cases += [Case(f"https://redirect.{ZONE}/{code}", "failed",
                   f"HTTP/1.1 {code}") for code in REDIRECTS]
    cases += [Case(uri, "skipped", why) for uri, why in SKIPPED]
    cases += [Case(f"https://{host}/", "pending",
                   refusal("::1", "loopback"))
              for host in ("localhost", "LOCALHOST.")]
    return {f"case{n}.example": case for n, case in enumerate(cases)}


def records():
    for domain, case in make_cases().items():
        yield {"d": domain, "pr": f"v=TLSRPTv1; rua={case.uri}",
               "policies": [{"policy-type": 9, "t": 0, "f": 0}]}


# --- what is there -----------------------------------------------------------

class Names:
    def __init__(self):
        self.names, self.asked = make_names()[0], collections.Counter()

    def answer(self, query):
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.RA
        name = query.question[0].name
        kind = query.question[0].rdtype
        text = name.to_text(omit_final_dot=True).lower()
        self.asked[text, kind] += 1
        if text not in self.names:
            reply.set_rcode(dns.rcode.NXDOMAIN)
            return reply
        nth = self.asked[text, kind] - 1
        while text in self.names:
            answers = self.names[text]
            at = answers[min(nth, len(answers) - 1)]
            if isinstance(at, list):
                break
            reply.answer.append(dns.rrset.from_text(
                f"{text}.", 0, "IN", "CNAME", f"{at}."))
            text = at
        at = [a for a in at if (":" in a) == (kind == dns.rdatatype.AAAA)]
        if at and kind in (dns.rdatatype.A, dns.rdatatype.AAAA):
            reply.answer.append(dns.rrset.from_text(
                f"{text}.", 0, "IN", kind, *at))
        return reply

    def serve(self):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.bind(("127.0.0.1", 53))
        threading.Thread(target=self.loop, args=(s,)).start()

    def loop(self, s):
        while True:
            wire, peer = s.recvfrom(4096)
            reply = self.answer(dns.message.from_wire(wire))
            s.sendto(reply.to_wire(), peer)


class Web:
    def __init__(self, certificate, journal):
        self.context = tls_context(certificate)
        self.journal = open(journal, "a", buffering=1, encoding="utf-8")
        self.lock = threading.Lock()

    def note(self, **what):
        with self.lock:
            self.journal.write(json.dumps(what) + "\n")

    def answer(self, conn, file):
        lines = []
        while (line := file.readline(8192).decode().strip()):
            lines.append(line)
        if not lines:
            return
        fields = dict(line.lower().split(": ", 1) for line in lines[1:])
        file.read(int(fields.get("content-length", 0)))
        host, path = fields.get("host", ""), lines[0].split(" ")[1]
        self.note(request=lines[0], host=host, fields=sorted(fields))
        status, more = "201 Created", ""
        if host.startswith("rebind"):
            status, more = "503 Busy", "Retry-After: 1\r\n"
        elif host.startswith("redirect"):
            status = f"{path[1:]} Elsewhere"
            more = f"Location: https://public0.{ZONE}/stolen\r\n" \
                f"Refresh: 0; url=https://public0.{ZONE}/stolen\r\n"
        conn.sendall(f"HTTP/1.1 {status}\r\n{more}Content-Length: 0\r\n"
                     "Connection: close\r\n\r\n".encode())

    def session(self, conn, port):
        address = ipaddress.ip_address(conn.getsockname()[0])
        self.note(connect=str(address.ipv4_mapped or address), port=port)
        if port == 443:
            conn = self.context.wrap_socket(conn, server_side=True)
            self.answer(conn, conn.makefile("rb"))

    def serve(self, port):
        accept(("::", port), lambda conn: self.session(conn, port), timeout=10,
               family=socket.AF_INET6, dualstack_ipv6=True, backlog=128)


def serve(certificate, journal):
    Names().serve()
    web = Web(certificate, journal)
    for port in (80, 443, PROXY):
        web.serve(port)
    print("ready", flush=True)


# --- afterwards --------------------------------------------------------------

def read_json(file):
    with open(file, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def deliveries(queue):
    with sqlite3.connect(queue) as db:
        return {row[0]: row[1:] for row in db.execute(
            "SELECT domain, state, note FROM delivery JOIN report"
            " ON report.id = report")}


def plain(address):
    address = ipaddress.ip_address(address)
    return str(getattr(address, "ipv4_mapped", None) or address)


def is_as_wanted(case, found, skipped):
    if case.state == "skipped":
        return not found and (case.uri in skipped and case.note in
                              (None, skipped[case.uri]))
    return found and found[0] == case.state and \
        found[1].startswith(case.note)


def common_wrongs(journal):
    for line in journal:
        if line.get("port", 443) != 443:
            yield f"{line['connect']} port {line['port']} was connected to"
        if "stolen" in line.get("request", ""):
            yield "a redirect was followed"
        extra = set(line.get("fields", ())) - {
            "host", "user-agent", "accept", "content-type", "content-length"}
        if extra:
            yield f"a request has {' '.join(extra)}"


def check(queue, log, journal):
    found, journal = deliveries(queue), read_json(journal)
    skipped = {line["uri"]: line["reason"] for line in read_json(log)
               if line.get("event") == "rua skipped"}
    yield from common_wrongs(journal)
    for domain, case in make_cases().items():
        if not is_as_wanted(case, found.get(domain), skipped):
            yield f"{case.uri}: {found.get(domain)} " \
                f"{skipped.get(case.uri)}, not {case.state}, {case.note}"
    met = {line["connect"] for line in journal if "connect" in line}
    for address in met ^ {plain(a) for a in PUBLIC}:
        yield f"{address}: connected to or not"
    # Both answers of those that change were seen.
    for name in ("rebind", "rebind6", "rebind-cname"):
        if sum(line.get("host") == f"{name}.{ZONE}" for line in journal) != 1:
            yield f"{name} was not met once"


def state_where_allowed(case):
    if case.state != "pending":
        return "failed" if "redirect" in case.uri else \
            case.state.replace("failed", "sent")
    return "pending" if any(
        f" {text_of(address)} " in case.note for address in UNROUTED) \
        else "sent"


def check_private(queue, journal):
    found, journal = deliveries(queue), read_json(journal)
    yield from common_wrongs(journal)
    met = {line["connect"] for line in journal if "connect" in line}
    for address, _ in PRIVATE:
        here = "127.0.0.1" if address == "0.0.0.0" else \
            "::1" if address == "::" else plain(address)
        if (here in met) == (address in UNROUTED):
            yield f"{address}: connected to or not"
    for domain, case in make_cases().items():
        state = found.get(domain, ("skipped",))[0]
        if "rebind" in case.uri:
            continue
        if state != state_where_allowed(case):
            yield f"{case.uri}: {found.get(domain)}"


def main():
    what, args = sys.argv[1], sys.argv[2:]
    if what == "records":
        for record in records():
            print(json.dumps(record))
    elif what == "serve":
        serve(*args)
    else:
        wrongs = list({"check": check, "check-private": check_private}[what](
            *args))
        print("\n".join(wrongs))
        sys.exit(bool(wrongs))


main()
