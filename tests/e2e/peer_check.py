"""Does the queue say what peer.py did, by its journal and the sender's logs?"""
import calendar
import collections
import json
import re
import sqlite3
import time

from peer_script import mail_lines, web_lines

LATE = 15           # seconds, on a busy machine
STATES = {"D": "sent", "R": "failed", "F": "expired"}


def place_of(uri):
    return uri.split("@")[1].split(".")[0] if uri.startswith("mailto:") else \
        uri.rsplit("/", 1)[1]


def read_logs(files):
    """The sender's events by place, and the time since which it was free."""
    events, free = collections.defaultdict(list), False
    for name in files:
        if name == "free":
            free = True
            continue
        with open(name, encoding="utf-8") as f:
            for line in f:
                event = json.loads(line)
                if "to" in event and event.get("tries"):
                    events[place_of(event["to"])].append(event | {
                        "free": free})
    return events


def check_place(place, done, events, state, tries):
    """What is wrong with one delivery."""
    # Pipelined, RCPT may have been sent before the sender was told to stop.
    if len(done) > 1 and done[-1]["line"].startswith("rcpt 5") and \
            done[-1]["line"] == done[-2]["line"]:
        done = done[:-1]
    final = [entry for entry in done if entry["outcome"] != "F"]
    if not done and place[0] in "sm":
        yield "was never tried"
    if final and done[-1] is not final[0]:
        yield f"was tried again after {final[0]['line']}"
    want = STATES[done[-1]["outcome"] if done else "F"]
    if state != want:
        yield f"is {state}, not {want}"
    if len({entry["body"] for entry in done if entry["body"]}) > 1:
        yield "had not the same bytes each time"
    held = sum(event["reason"].startswith("not tried") for event in events
               if "reason" in event)
    # libcurl repeats a POST by itself when a connection that it had kept open
    # turns out to be closed; a session may end before it comes to a mail.  On
    # a busy machine the time of a try may be over before the peer sees it.
    slow = sum(bool(re.search("time(d )?out|too slow", event.get("reason", "")))
               for event in events)
    unseen = tries - held - len(done)
    if place.startswith("s") and not 0 <= unseen <= slow:
        yield f"{tries} tries, {held} held, but the peer saw {len(done)}"
    if [int(event["tries"]) for event in events] != \
            list(range(1, tries + 1)):
        yield f"{tries} tries, but the log has others"
    if place.startswith("s"):
        yield from check_times(done, events)


def utc(text):
    return calendar.timegm(
        time.strptime(text, "%Y-%m-%dT%H:%M:%SZ"))


def check_times(done, events):
    """Each attempt no earlier than it was put off to, nor much later."""
    if len(done) != len(events):
        return          # not each of them is an attempt
    for before, after, entry in zip(events, events[1:], done[1:]):
        late = entry["t"] - utc(before["next"])
        if after["free"] and (late < 0 or before["free"] and late > LATE):
            yield f"attempt {after['tries']} came {late:.1f} s late"


def check(seed, journal, queue, logs):
    done = collections.defaultdict(list)
    with open(journal, encoding="utf-8") as f:
        for text in f:
            entry = json.loads(text)
            done[entry["place"]].append(entry)
    events = read_logs(logs)
    rows = sqlite3.connect(queue).execute(
        "select uri, state, tries from delivery").fetchall()
    bad, states = 0, collections.Counter()
    for uri, state, tries in rows:
        place = place_of(uri)
        states[state] += 1
        for wrong in check_place(place, done[place], events[place], state,
                                 tries):
            bad += 1
            trace = ", ".join(entry["line"] for entry in done[place])
            print(f"{place} ({trace}): {wrong}")
    lines = {entry["line"] for entries in done.values() for entry in entries}
    print(f"{len(rows)} deliveries, {sum(map(len, done.values()))} attempts, "
          f"{len(lines)} kinds of answers, {dict(states)}")
    unused = {line for outcome in "DFR" for line in
              web_lines(outcome, True) + mail_lines(outcome)} - lines
    if unused:
        print(f"not used: {sorted(unused)}")
    return bad
