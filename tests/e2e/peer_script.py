"""What each place of peer.py answers, attempt by attempt.

The seed and a place's name decide its script.  A line is named by what it does
and stands for one outcome: D delivered, F deferred (worth another attempt),
R refused.
"""
import random

HTTP_CODES = {
    "D": (200, 201, 202, 203, 204, 206, 226),
    "F": (408, 425, 429, 500, 501, 502, 503, 504, 505, 507, 511, 599, 600),
    "R": (300, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 406, 409,
          410, 411, 413, 414, 417, 421, 422, 431, 451, 499),
}
HTTP_TRICKS = {
    "D": ("endless body", "body cut", "body never comes", "100 first",
          "early answer", "415 once"),
    "F": ("retry after seconds", "retry after date", "silent", "hang up",
          "hang up early", "drip", "endless headers", "headers cut",
          "not http", "101"),
    "R": ("415 twice", "redirect to itself"),
}
# Before it is known which report comes, so only where a host gets just one.
TLS_TRICKS = ("not tls", "tls silent", "tls hang up", "tls alert",
              "another name's certificate")
SMTP_CODES = {
    "rcpt": {"F": (421, 450, 451, 452, 499), "R": (501, 550, 551, 553, 599)},
    "data": {"F": (421, 451), "R": (554,)},
    "dot": {"D": (250, 251, 299), "F": (421, 451, 452, 399),
            "R": (550, 552, 554)},
}
SMTP_TRICKS = ("hang up at data", "hang up after the dot",
               "silent after the dot", "drip after the dot",
               "cut reply after the dot", "endless reply after the dot")
SESSION_TRICKS = ("421 greeting", "554 greeting", "no greeting", "hang up",
                  "drip greeting", "not smtp", "refused ehlo", "451 mail",
                  "silent mail", "endless ehlo", "invalid tls", "no starttls")


def web_lines(outcome, solo):
    lines = [f"{code}" for code in HTTP_CODES[outcome]]
    lines += 2 * HTTP_TRICKS[outcome]
    if outcome == "F" and solo:
        lines += 2 * TLS_TRICKS
    return lines


def mail_lines(outcome):
    lines = [f"{stage} {code}" for stage, codes in SMTP_CODES.items()
             for code in codes.get(outcome, ())]
    return lines


def script(seed, place):
    """[(outcome, line)...]; the last one goes on for ever."""
    rng = random.Random(f"{seed} {place}")
    if place.startswith("dead"):
        return [("F", "silent")]
    lines = mail_lines if place.startswith("k") else (
        lambda outcome: web_lines(outcome, place.startswith("s")))
    chosen = []
    for _ in range(rng.choice((0, 0, 1, 1, 2, 3))):
        trick = place.startswith("k") and rng.random() < .08
        chosen.append(("F", rng.choice(SMTP_TRICKS if trick else lines("F"))))
    outcome = rng.choice("DDDDDDDRRF")
    return chosen + [(outcome, rng.choice(lines(outcome)))]


def records(seed, web, mail):
    rng = random.Random(f"{seed} records")
    places = [f"s{n}" for n in range(web * 3 // 4)]
    places += [f"m{n}" for n in range(web * 3 // 4, web - 60)]
    places += [f"dead{n}" for n in range(60)]
    uris = {}
    for place in places:
        host = place if place[0] == "s" else "dead" if place[0] == "d" else \
            f"many{int(place[1:]) % 10}"
        uris[place] = f"https://{host}.peer.test/{place}"
    uris |= {f"k{n}": f"mailto:tls@k{n}.example" for n in range(mail)}
    places = list(uris)
    rng.shuffle(places)
    domain = 0
    while places:
        domain += 1
        wanted = [uris[places.pop()] for _ in range(rng.choice((1, 1, 2)))
                  if places]
        yield {"d": f"d{domain}.example",
               "pr": "v=TLSRPTv1; rua=" + ",".join(wanted),
               "policies": [{"policy-type": 9, "t": 0, "f": 0}]}
