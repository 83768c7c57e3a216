#!/usr/bin/env python3
"""Load for tlsrpt-spoold, and a count of what became of it.

Every record has a number of its own, so that the spool tells which are in it
and how often.

    spoold.py send SOCKET FIRST COUNT      one after the other, blocking
    spoold.py junk SOCKET                  two datagrams that are no records
    spoold.py count SPOOL FIRST COUNT      each of these is there once?
    spoold.py kill PROGRAM FOLDER SEED TIMES   kill -9 at random moments
    spoold.py notify PROGRAM CONFIG        what a service manager is told
    spoold.py stuck PROGRAM CONFIG SOCKET  and while the disk does not answer
"""
import glob
import os
import random
import re
import select
import signal
import socket
import subprocess
import sys
import time

BATCH = 32      # datagrams that the collector has in hand


def record(number):
    return (b'{"d":"a.example","number":%d,"policies":'
            b'[{"policy-type":9,"t":0,"f":0}]}' % number)


def send(path, first, count):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    for number in range(first, first + count):
        s.sendto(record(number), path)


def junk(path):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.sendto(b"no record", path)
    s.sendto(b'{"d":"a.example"}\0', path)


def numbers(spool):
    """How often each number is in the spool's segments."""
    seen = {}
    for name in glob.glob(spool + "/days/*/*"):
        if name.endswith(".open") and os.path.exists(name[:-4] + "seg"):
            continue
        with open(name, "rb") as f:
            for line in f:
                m = re.search(rb'"number": ?(\d+)', line)
                if not m or not line.endswith(b"\n"):
                    continue
                n = re.search(rb'"n":(\d+)}\n', line)
                times = int(n[1]) if n else 1
                seen[int(m[1])] = seen.get(int(m[1]), 0) + times
    return seen


def count(spool, first, number):
    seen = numbers(spool)
    want = range(first, first + number)
    missing = [n for n in want if n not in seen]
    twice = [n for n in want if seen.get(n, 0) > 1]
    print(f"{len(missing)} missing {missing[:5]}, "
          f"{len(twice)} twice {twice[:5]}")
    return not missing and not twice


def configure(folder, **more):
    settings = dict(directory=folder + "/spool", source="mta1",
                    runtime_directory=folder + "/run",
                    socket=folder + "/tlsrpt.sock", **more)
    with open(folder + "/kill.conf", "w") as f:
        f.write("[spool]\n")
        f.writelines(f"{k} = {v}\n" for k, v in settings.items())
        f.write("[log]\nlevel = warn\n")


def start(program, folder, sock):
    """As a service manager does, with the socket as descriptor 3."""
    fd = sock.fileno()
    with open(folder + "/log", "ab") as log:
        return subprocess.Popen(
            ["sh", "-c", 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@" 3<&%d' % fd,
             "sh", program, "--config", folder + "/kill.conf"],
            pass_fds=(fd,), stderr=log)


def sender(path, stop, report):
    """Send until told to stop; then tell how many it were."""
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    number = 0
    while not select.select([stop], [], [], 0)[0]:
        for _ in range(20):
            s.sendto(record(number), path)
            number += 1
    os.write(report, b"%d" % number)


def gaps(missing):
    """Runs of numbers that follow one another."""
    runs = []
    for n in missing:
        if runs and runs[-1][-1] == n - 1:
            runs[-1].append(n)
        else:
            runs.append([n])
    return runs


def settings(rng):
    return dict(ring_size=rng.choice(["24M", "32M"]),
                segment_size=rng.choice(["64K", "1M"]),
                sync_interval=rng.choice([0, 1]))


def kill(program, folder, seed, times):
    rng = random.Random(seed)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(folder + "/tlsrpt.sock")
    stop, stopper = os.pipe()
    reader, report = os.pipe()
    if os.fork() == 0:
        signal.alarm(100)
        sender(folder + "/tlsrpt.sock", stop, report)
        os._exit(0)
    spool = os.path.dirname(program) + "/tlsrpt-spool"
    for _ in range(times):
        configure(folder, **settings(rng))
        p = start(program, folder, sock)
        time.sleep(rng.choice([0.01, 0.1, 0.3]) * rng.random())
        p.kill()
        p.wait()
        if rng.random() < 0.3:
            subprocess.run([spool, "--config", folder + "/kill.conf", "seal"],
                           stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, check=False)
    p = start(program, folder, sock)
    os.write(stopper, b"x")
    sent = int(os.read(reader, 20))
    deadline = time.monotonic() + 30
    while select.select([sock], [], [], 0)[0] and time.monotonic() < deadline:
        time.sleep(0.01)
    p.send_signal(signal.SIGTERM)
    status = p.wait()
    seen = numbers(folder + "/spool")
    lost = gaps(n for n in range(sent) if n not in seen)
    twice = [n for n, times_seen in seen.items() if times_seen > 1]
    longest = max((len(run) for run in lost), default=0)
    # One killed before its first batch was safe adds to its predecessor's gap.
    kills = sum(-(-len(run) // BATCH) for run in lost)
    print(f"seed {seed}: {sent} sent, {len(lost)} times up to {longest} lost, "
          f"{len(twice)} twice, exit status {status}")
    return (status == 0 and not twice and kills <= times and
            sent > 100 * times and
            not glob.glob(folder + "/spool/days/*/*.open") and
            not glob.glob(folder + "/run/ring*"))


def told(sock, seconds, *wanted):
    """Wait for these states; what else comes is passed over."""
    sock.settimeout(seconds)
    for state in wanted:
        while state not in (got := sock.recv(1000).decode()):
            print("passed over:", got)
        print("told:", got)


def notify(program, config):
    path = config + ".notify"
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(path)
    p = subprocess.Popen([program, "--config", config],
                         env=dict(os.environ, NOTIFY_SOCKET=path,
                                  WATCHDOG_USEC="2000000"))
    try:
        told(sock, 10, "READY=1", "WATCHDOG=1", "WATCHDOG=1")
        p.send_signal(signal.SIGHUP)
        told(sock, 10, "RELOADING=1\nMONOTONIC_USEC=", "READY=1")
        p.send_signal(signal.SIGTERM)
        told(sock, 10, "STOPPING=1")
    finally:
        p.terminate()
    return p.wait() == 0


def stuck(program, config, path):
    """A sync that takes 10 seconds is no reason to be killed by the manager."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(config + ".stuck")
    p = subprocess.Popen(["strace", "-f", "-qq", "-o", "/dev/null",
                          "-e", "trace=fdatasync",
                          "-e", "inject=fdatasync:delay_enter=10000000",
                          program, "--config", config],
                         env=dict(os.environ, NOTIFY_SOCKET=config + ".stuck",
                                  WATCHDOG_USEC="4000000",
                                  ASAN_OPTIONS="detect_leaks=0"),
                         start_new_session=True)
    try:
        told(sock, 20, "READY=1")
        send(path, 0, 1)
        # One each second, for the receiver waits so long.
        told(sock, 4, *["WATCHDOG=1"] * 5)
    finally:
        os.killpg(p.pid, signal.SIGKILL)
        p.wait()


def main(command, *args):
    args = [int(a) if a.isdigit() else a for a in args]
    commands = dict(send=send, junk=junk, count=count, kill=kill,
                    notify=notify, stuck=stuck)
    return 1 if commands[command](*args) is False else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
