#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""The transports that use no network, and what is refused before one does."""
import contextlib
import os
import signal
import stat
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(sys.argv[0])))
import lab

try:
    import smtp_lab
    from smtp_lab import FROM, TO, BODY, Run, is_end, tap
except ImportError as e:
    lab.skip_all("needs %s (Debian: python3-cryptography)" % e.name)

SHORT = 1000 * min(lab.SLOW, 2)  # ms for an exit in tests of time


def test_credentials(site):
    if site.skips_sasl():
        return
    link = os.path.join(site.folder, "link")
    os.symlink(site.secret, link)
    fifo = os.path.join(site.folder, "fifo")
    os.mkfifo(fifo, 0o600)
    root = os.geteuid() == 0
    text = b"user = joe\npassword = x\n"
    cases = [("0644", site.file("c1", text, 0o644), "open to others"),
             ("0660", site.file("c2", text, 0o660), "open to others"),
             ("a link", link, "symbolic link"),
             ("a FIFO", fifo, "no regular file"),
             ("a directory", site.folder, "no regular file"),
             ("none", os.path.join(site.folder, "none"), "No such file"),
             ("no password", site.file("c3", b"user = joe\n", 0o600),
              "no password"),
             ("nonsense", site.file("c4", b"s3cret\n", 0o600), "line 1")]
    for name, path, why in cases:
        got = Run(["-u", "smtp://localhost:9", "-c", path],
                  [site.message]).answers()
        is_end(got, "conf", None, why, "credentials: " + name)
        tap.ok("s3cret" not in str(got), "nothing of it is told")
    if root:
        path = site.file("c5", text, 0o640)
        got = Run(["-u", "smtp://localhost:9", "-c", path],
                  [site.message]).answers()
        is_end(got, "temp", name="root's file, which its group may read")
        os.chown(path, 65534, 65534)
        got = Run(["-u", "smtp://localhost:9", "-c", path],
                  [site.message]).answers()
        is_end(got, "conf", None, "belongs to another user",
               "somebody else's")
    for args, why in ((["-s", "LOGIN"], "without credentials"),
                      (["-c", site.secret, "-s", "LOGIN"], "unknown SASL")):
        refused(site, args, why)


def refused(site, args, why):
    got = Run(["-u", "smtp://localhost:9"] + args, [site.message]).answers()
    is_end(got, "conf", None, why, "refused at once: %s" % args)


def test_refused(site):
    for args, why in ((["-C", site.secret], site.secret),
                      (["-C", "/nonexistent"], "/nonexistent"),
                      (["-H", "a b"], "EHLO")):
        refused(site, args, why)
    for url in ("smtp://", "http://x", "directory:/nonexistent",
                "sendmail:/nonexistent", "sendmail:/etc/passwd"):
        got = Run(["-u", url], [site.message]).answers()
        is_end(got, "conf", name="no transport: " + url)


# ---- sendmail: and directory: ----------------------------------------------

def command(site, name, text):
    return site.file(name, b"#!/bin/sh\n" + text.encode(), 0o755)


def test_sendmail(site):
    out = os.path.join(site.folder, "taken")
    c = command(site, "good", 'printf "%%s|" "$@" >%s.args\ncat >%s\n'
                % (out, out))
    f = site.file("dots", BODY)
    run = Run(["-u", "sendmail:" + c], [f], sender="-o'; x@s.example",
              to="-t@r.example")
    is_end(run.answers(), "perm", "5.1.7", name="a sender with a space")
    got = Run(["-u", "sendmail:" + c], [f], sender="-o'x@s.example",
              to="-t$x@r.example").answers()
    is_end(got, "sent", "2.0.0", name="sendmail")
    with open(out, "rb") as g:
        tap.eq(g.read() == BODY.replace(b"\r\n", b"\n"), True,
               "octet for octet, lines end in LF")
    with open(out + ".args") as g:
        tap.eq(g.read(), "-i|-f|-o'x@s.example|--|-t$x@r.example|",
               "its arguments")
    Run(["-u", "sendmail:" + c], [f], sender="").answers()
    with open(out + ".args") as g:
        tap.eq(g.read(), "-i|-f|<>|--|to@rcpt.example|", "the null sender")
    for code, outcome, status, down in (
            (64, "temp", "4.3.5", "1"), (65, "perm", "5.6.0", "0"),
            (67, "perm", "5.1.1", "0"), (68, "perm", "5.1.2", "0"),
            (69, "temp", "4.3.0", "0"), (71, "temp", "4.3.0", "1"),
            (75, "temp", "4.3.0", "0"), (77, "temp", "4.7.1", "1"),
            (78, "temp", "4.3.5", "1"), (1, "temp", "4.3.0", "0"),
            (255, "temp", "4.3.0", "0")):
        c = command(site, "exit", "cat >/dev/null\necho why not >&2\n"
                    "echo more >&2\nexit %d\n" % code)
        got = Run(["-u", "sendmail:" + c], [f]).answers()
        is_end(got, outcome, status, "why not", "exit code %d" % code)
        tap.eq((got[-1]["code"], got[-1]["down"]), (str(code), down),
               "the code, and whether it is down")
    large = site.file("large", b"A: b\r\n\r\n" + b"x\r\n" * 500000)
    for name, text, why in (
            ("does not read", "exit 0\n", "did not read"),
            ("does not read and says why", "echo full >&2; exit 75\n", "full"),
            ("is killed", "kill -9 $$\n", "signal 9")):
        got = Run(["-u", "sendmail:" + command(site, "odd", text)],
                  [large]).answers()
        is_end(got, "temp", None, why, name)
    got = Run(["-u", "sendmail:" + command(
        site, "noisy", "head -c 3000000 /dev/zero >&2; cat >/dev/null\n")],
        [f]).answers()
    is_end(got, "sent", name="talks a lot")
    pid = os.path.join(site.folder, "left.pid")
    got = Run(["-u", "sendmail:" + command(
        site, "leaves", "cat >/dev/null\nsleep 100000 &\n"
        "echo $! >%s\nexit 0\n" % pid)], [f]).answers()
    is_end(got, "sent", name="leaves something in the background")
    with open(pid) as g, contextlib.suppress(ProcessLookupError):
        os.kill(int(g.read()), signal.SIGKILL)
    tap.ok(True, "which nobody waits for")
    got = Run(["-t", str(SHORT), "-u", "sendmail:" + command(
        site, "slow", "cat >/dev/null\ntrap '' TERM\nsleep 100000\n"
        "sleep 100000\n")], [f]).answers()
    is_end(got, "temp", "4.4.2", "in time", "does not end")
    tap.eq(got[-1]["doubt"], "1", "which leaves a doubt")


def test_directory(site):
    folder = os.path.join(site.folder, "out")
    os.mkdir(folder)
    got = Run(["-u", "directory:" + folder, "-x", "50"],
              [site.file("dots", BODY)]).answers()
    tap.eq([a["outcome"] for a in got], ["sent"] * 50, "50 messages")
    names = os.listdir(folder)
    tap.eq(sorted(names), sorted(a["text"] for a in got),
           "a file for each, and nothing else")
    head = ("X-Sender: <%s>\r\nX-Receiver: <%s>\r\n" % (FROM, TO)).encode()
    for name in names[:3]:
        path = os.path.join(folder, name)
        with open(path, "rb") as f:
            tap.eq(f.read() == head + BODY, True, "octet for octet")
        tap.ok(not stat.S_IMODE(os.stat(path).st_mode) & 0o007,
               "not for everybody")
    tap.ok(all(n.endswith(".eml") for n in names), "their names")
    run = Run(["-u", "directory:" + folder], [site.message, "-", site.message])
    run.line()
    run.line()
    for n in os.listdir(folder):
        os.unlink(os.path.join(folder, n))
    os.rmdir(folder)
    run.go_on()
    got = run.answers()
    is_end(got, "temp", "4.3.0", name="the directory is gone")
    tap.eq(got[-1]["down"], "1", "the transport is down")


def test_staged(site):
    folder = os.path.join(site.folder, "staged")
    os.mkdir(folder)
    message = site.file("staged-message", BODY)
    got = Run(["-u", "directory:" + folder, "-S", "-x", "20"],
              [message]).answers()
    tap.eq([a["outcome"] for a in got], ["sent"] * 21, "20 and their sync")
    names = os.listdir(folder)
    tap.eq(sorted(names), sorted(a["text"] for a in got[1:]),
           "a file for each that was staged, and nothing else")
    head = ("X-Sender: <%s>\r\nX-Receiver: <%s>\r\n" % (FROM, TO)).encode()
    wrong = 0
    for name in names:
        with open(os.path.join(folder, name), "rb") as f:
            wrong += f.read() != head + BODY
    tap.eq(wrong, 0, "octet for octet")
    got = Run(["-u", "directory:" + folder, "-D", "-x", "20"],
              [message]).answers()
    tap.eq([a["outcome"] for a in got], ["sent"], "staged and dropped")
    tap.eq(sorted(os.listdir(folder)), sorted(names), "leaves nothing")
    run = Run(["-u", "directory:" + folder, "-S", "-x", "3"], ["-", message])
    run.line()
    for n in names:
        os.unlink(os.path.join(folder, n))
    os.rmdir(folder)
    run.go_on()
    got = run.answers()
    tap.eq([(a["outcome"], a["down"]) for a in got if "outcome" in a],
           [("temp", "1")] * 3, "nothing can be staged without the directory")
    got = Run(["-u", "sendmail:" + command(site, "all", "cat >/dev/null\n"),
               "-S", "-x", "3"], [message]).answers()
    tap.eq([a["outcome"] for a in got], ["sent"] * 3,
           "where nothing waits for the disk all are sent at once")


smtp_lab.main(test_credentials, test_refused, test_sendmail,
              test_directory, test_staged)
