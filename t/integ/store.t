#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""aver store: export and import as an operator runs them, from SQLite to Redis
and back, also killed; and check, which finds what is broken in either."""
import json
import os
import re
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import lab as L
import redis_lab as R

AVER = os.path.join(L.BUILD, "aver")
FILL = os.path.join(L.BUILD, "t", "integ", "fill")
DAY = 1700006400
tap = L.Tap()


class Site:
    """A configuration with its store."""

    def __init__(self, top, name, store=None):
        self.dir = os.path.join(top, name)
        os.mkdir(self.dir)
        self.store = store or "sqlite:%s/aver.db" % self.dir
        self.conf = os.path.join(self.dir, "aver.conf")
        with open(self.conf, "w") as f:
            f.write("store = %s\nstate_directory = %s\n" %
                    (self.store, self.dir))

    def run(self, *words, **more):
        return subprocess.run([AVER, "-c", self.conf, "store"] + list(words),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=240, **more)

    def fill(self, domains, evaluations):
        out = subprocess.run([FILL, self.store, str(domains),
                              str(evaluations), str(DAY)], check=True,
                             stdout=subprocess.PIPE, text=True).stdout
        return int(out.split()[0])

    def export(self, name="out"):
        path = os.path.join(self.dir, name)
        p = self.run("export", path)
        tap.eq((p.returncode, p.stderr), (0, ""), "export to %s" % name)
        return path


def lines(path):
    with open(path, encoding="ascii") as f:
        return [json.loads(line) for line in f]


def content(path):
    """What both back ends have to agree on, in one order."""
    return sorted(json.dumps(x, sort_keys=True) for x in lines(path)
                  if x["kind"] not in ("store", "end") and
                  not x.get("name", "").startswith("export-"))


def messages(path):
    return sum(x["count"] for x in lines(path) if x["kind"] == "evaluation")


def files(one):
    """What lies there, who may read it, and what is said."""
    path = one.export()
    tap.eq(stat.S_IMODE(os.stat(path).st_mode), 0o600, "only for its owner")
    first, last = lines(path)[0], lines(path)[-1]
    tap.eq((first["kind"], first["version"]), ("store", 1), "the first line")
    tap.ok(last["kind"] == "end" and last["lines"] == len(lines(path)) - 1,
           "the last line", last)
    head = subprocess.run("head -n -1 %s | sha256sum" % path, shell=True,
                          stdout=subprocess.PIPE, text=True).stdout.split()[0]
    tap.eq(last["sha256"], head, "is what sha256sum says")
    p = one.run("export")
    tap.ok(p.returncode == 0 and p.stdout.endswith('"}\n') and
           len(p.stdout.splitlines()) == len(lines(path)),
           "without a file it goes to standard output", p.stderr)
    p = one.run("export", os.path.join(one.dir, "none", "out"))
    tap.ok(p.returncode == 1 and "No such file" in p.stderr,
           "a folder that is not there", p.stderr)
    with open("/dev/full", "w") as full:
        p = subprocess.run([AVER, "-c", one.conf, "store", "export"],
                           stdout=full, stderr=subprocess.PIPE, text=True)
    tap.ok(p.returncode == 1 and "written" in p.stderr,
           "a full disk is told", p.stderr)
    tap.eq([n for n in os.listdir(one.dir) if n.startswith("out")], ["out"],
           "nothing else is left")
    places(one, path)
    for words in (["import"], ["import", "--all", path], ["export", "a", "b"],
                  ["import", "--add"], ["export", "--json"]):
        tap.eq(one.run(*words).returncode, 2, "arguments: " + " ".join(words))
    return path


def places(one, path):
    """A new file does not take the place of what is none."""
    pipe, link, lost = (os.path.join(one.dir, n) for n in
                        ("pipe", "link", "lost"))
    os.mkfifo(pipe)
    os.symlink("out", link)
    os.symlink("nowhere", lost)
    for place in (pipe, one.dir):
        p = one.run("export", place)
        tap.ok(p.returncode == 1 and "is no file" in p.stderr and
               not os.path.isfile(place), "an export to %s: %s" %
               (os.path.basename(place), p.stderr))
    p = one.run("export", lost)
    tap.ok(p.returncode == 1 and os.path.islink(lost) and
           not os.path.exists(lost), "to a link that leads nowhere", p.stderr)
    before = os.stat(path).st_ino
    p = one.run("export", link)
    tap.ok(p.returncode == 0 and os.path.islink(link) and
           os.stat(path).st_ino != before, "to where a link leads", p.stderr)
    tap.eq([n for n in os.listdir(one.dir) if "." in n and
            n.startswith(("pipe", "link", "lost", "out"))], [],
           "nothing else is left there")


def around(top, redis, one, path, total):
    """To Redis, and back to another SQLite file."""
    two = Site(top, "two", redis)
    p = two.run("import", path)
    tap.ok(p.returncode == 0 and "messages=%d " % total in p.stdout,
           "import to Redis", p.stdout + p.stderr)
    back = two.export()
    tap.eq(content(back), content(path), "the same is there")
    p = two.run("import", path)
    tap.ok(p.returncode == 0 and "counted once" in p.stdout,
           "the same again is known", p.stdout + p.stderr)
    tap.eq(messages(two.export()), total, "and counts once")
    three = Site(top, "three")
    tap.eq(three.run("import", back).returncode, 0, "import to SQLite")
    tap.eq(content(three.export()), content(path), "the same is there")
    p = one.run("import", back)
    tap.ok(p.returncode == 1 and "not empty" in p.stderr,
           "a store that is not empty", p.stderr)
    tap.eq(messages(one.export()), total, "stays as it was")
    return two


def hostile(top, path):
    four = Site(top, "four")
    text = open(path).read()
    for name, bad in (("cut", text[:len(text) // 2]),
                      ("changed", text.replace('"count":', '"count":1', 1)),
                      ("\33[1mescape", "\33[1m\n"),
                      ("none", "")):
        where = os.path.join(top, "bad")
        with open(where, "w") as f:
            f.write(bad)
        p = four.run("import", where)
        tap.ok(p.returncode == 1 and "bad:" in p.stderr and
               "\33" not in p.stderr, "a file that is " + repr(name), p.stderr)
    p = four.run("import", "/dev/zero")
    tap.ok(p.returncode == 1, "a file without an end", p.stderr)
    os.mkfifo(os.path.join(top, "fifo"))
    p = subprocess.Popen(["sh", "-c", "cat %s >%s" %
                          (path, os.path.join(top, "fifo"))],
                         stderr=subprocess.DEVNULL)
    q = four.run("import", os.path.join(top, "fifo"))
    p.wait(60)
    tap.ok(q.returncode == 1 and "twice" in q.stderr, "a pipe", q.stderr)
    tap.eq(messages(four.export()), 0, "nothing was added")


def killed(top):
    """Exports and imports that are killed, beside a program that records."""
    five = Site(top, "five")
    total = five.fill(50, 20000)
    where = os.path.join(five.dir, "whole")
    good = early = 0
    for i in range(30):
        p = subprocess.Popen([AVER, "-c", five.conf, "store", "export", where],
                             stdout=subprocess.DEVNULL)
        time.sleep(0.004 * i)
        p.send_signal(signal.SIGKILL)
        p.wait()
        if os.path.exists(where):
            good += lines(where)[-1]["kind"] == "end"
            os.unlink(where)
        else:
            early += 1
    tap.ok(good + early == 30, "a killed export leaves no half of a file",
           (good, early))
    path = five.export()
    tap.eq(messages(path), total, "it has all")
    six = Site(top, "six")
    for i in range(20):
        p = subprocess.Popen([AVER, "-c", six.conf, "store", "import", path],
                             stdout=subprocess.DEVNULL)
        time.sleep(0.005 * i)
        p.send_signal(signal.SIGKILL)
        p.wait()
    p = six.run("import", path)
    tap.ok(p.returncode == 0, "an import after killed ones", p.stderr)
    tap.eq(content(six.export()), content(path), "counts everything once")


def findings(site):
    """(exit status, the findings, the last object)"""
    p = site.run("check", "--json")
    out = json.loads(p.stdout) if p.stdout else []
    return p.returncode, out[:-1], out[-1] if out else p.stderr


def faults(site, part, word, name):
    status, found, end = findings(site)
    tap.ok(status == 1 and end["faults"] > 0 and
           any(x["level"] == "fault" and x["part"] == part and
               word in x["text"] for x in found), "check: " + name,
           (status, found, end))


def sound(site, name):
    status, found, end = findings(site)
    tap.ok(status == 0 and end["faults"] == 0 and
           not [x for x in found if x["level"] == "fault"] and
           end["looked"]["evaluations"] > 0 and end["looked"]["store"] > 0,
           "check: " + name, (status, found, end))
    p = site.run("check")
    tap.ok(p.returncode == 0 and "faults=0" in p.stdout,
           "check: the same for people", p.stdout + p.stderr)


def sql(site, *words):
    with sqlite3.connect(site.store[len("sqlite:"):]) as db:
        for w in words:
            db.execute(w)
    db.close()


def check_sqlite(one, path):
    sound(one, "a store of SQLite is sound")
    before = open(path).read()
    for part, word, name, words in (
            ("store", "belong to no report", "a submission without report",
             ["INSERT INTO submission VALUES (99, 1, 0, 0, 1, 0, 2, 0, 0, 'd',"
              " x'', x'')"]),
            ("evaluations", "1 rows cannot be read", "a row of other octets",
             ["UPDATE evaluation SET octets = x'ff' WHERE rowid_is = 0"]),
            ("evaluations", "no hour", "a row of no hour",
             ["UPDATE evaluation SET hour = hour + 1 WHERE rowid_is = 0"]),
            ("known", "impossible day", "a day that is none",
             ["INSERT INTO known_domain VALUES ('\x1b[1m.example', 77)"]),
            ("policies", "1m.example: is no policy", "a policy that is none",
             ["INSERT INTO sts VALUES ('\x1b[1m.example', 5, 9, 5, 5, 0, 0, 0,"
              " x'31', x'', x'32')"]),
            ("suppressions", "ends before", "times in the wrong order",
             ["INSERT INTO suppression VALUES (0, 'a@b', 9, 3, 1, 0, x'')"]),
            ("destinations", "before it was", "a time after the last one",
             ["INSERT INTO destination VALUES ('d', 'mx', 9, 0, 0, 0, 3)"]),
            ("reports", "has no document", "a report without a document",
             ["INSERT INTO report VALUES (1, 'r', 0, 'd', 1, 2, 3, 0, 0, 0,"
              " x'', x'', x'')"]),
            ("reports", "damaged document", "a damaged document",
             ["INSERT INTO report VALUES (1, 'r', 0, 'd', 1, 2, 3, 0, 0, 4,"
              " x'', x'', x'1f8b0808')"]),
            ("reports", "should have been sent", "a submission that is late",
             ["INSERT INTO report VALUES (1, 'r', 0, 'd', 1, 2, 3, 0, 0, 1,"
              " x'', x'', x'31')", "INSERT INTO submission VALUES "
              "(1, 1, 0, 0, 1, 0, 2, 0, 0, 'd', x'', x'')"]),
            ("reports", "another store", "a migration that was cut short",
             ["INSERT INTO report VALUES (1, 'move-1', 0, 'd', 1, 2, 1, 0, 0,"
              " 1, x'', x'', x'31')"])):
        words = [w.replace("WHERE rowid_is = 0", "WHERE (policy_domain, hour, "
                           "optional, digest) = (SELECT policy_domain, hour, "
                           "optional, digest FROM evaluation LIMIT 1)")
                 for w in words]
        shutil.copy(one.store[7:], one.store[7:] + ".good")
        sql(one, *words)
        faults(one, part, word, name)
        os.replace(one.store[7:] + ".good", one.store[7:])
        for end in ("-wal", "-shm"):
            if os.path.exists(one.store[7:] + end):
                os.unlink(one.store[7:] + end)
    sound(one, "and sound again")
    sql(one, "PRAGMA wal_checkpoint(TRUNCATE)")
    size = os.path.getsize(one.store[7:])
    with open(one.store[7:], "r+b") as f:
        f.seek(size // 8192 * 4096)
        f.write(b"\xff" * (size // 4))
    status, found, end = findings(one)
    tap.ok(status == 1 and found[0]["part"] == "store",
           "check: a damaged file", (status, found, end))
    tap.ok(before == open(path).read(), "the export is what it was")


def check_files(two):
    def put(name, octets):
        with open(os.path.join(two.dir, name), "wb") as f:
            f.write(octets)

    put("x.ring", b"")
    put("x.spool", b"")
    sound(two, "empty files beside it")
    put("x.ring", b"no ring" * 100000)
    faults(two, "files", "x.ring: is damaged", "a ring that is none")
    os.unlink(os.path.join(two.dir, "x.ring"))
    put("x.spool", b"no block" * 1000)
    status, found, end = findings(two)
    tap.ok(status == 0 and "half a block" in found[-1]["text"],
           "check: half a block is a note", found)
    os.unlink(os.path.join(two.dir, "x.spool"))
    os.mkfifo(os.path.join(two.dir, "x.spool"))
    faults(two, "files", "is no file", "a pipe in the place of a file")
    os.unlink(os.path.join(two.dir, "x.spool"))


def check_redis(two, server):
    sound(two, "a store of Redis is sound")
    keys = server.cli("KEYS", "*").split()
    prefix = next(k for k in keys if k.endswith("}:v"))[:-1]
    rows = next(k for k in keys if ":he:" in k)
    report = prefix + "r:lost"
    for part, word, name, words, back in (
            ("store", '"x?y" is of no known kind', "a key of no kind",
             [["SET", prefix + 'x"y', "1"]], [["DEL", prefix + 'x"y']]),
            ("store", "another type", "a key of another type",
             [["SET", prefix + "m:d", "1", "EX", "99"]],
             [["DEL", prefix + "m:d"]]),
            ("store", "never expires", "a key that stays for ever",
             [["PERSIST", rows]], [["EXPIRE", rows, "99999"]]),
            ("store", "in no index", "a report that nothing leads to",
             [["HSET", report, "id", "lost"], ["EXPIRE", report, "99"]],
             [["DEL", report]]),
            ("store", "no such report", "an index that leads nowhere",
             [["ZADD", prefix + "R", "5", "0123456789abcdefgone"]],
             [["ZREM", prefix + "R", "0123456789abcdefgone"]]),
            ("evaluations", "the store says", "sums that are wrong",
             [["HINCRBY", rows, "N", "7"]], [["HINCRBY", rows, "N", "-7"]])):
        for w in words:
            server.cli(*w)
        faults(two, part, word, name)
        for w in back:
            server.cli(*w)
    sound(two, "and sound again")
    for i in range(50):
        server.cli("SET", prefix + "stray%d" % i, "1")
    status, found, end = findings(two)
    tap.ok(status == 1 and len(found) < 30 and
           any("45 keys more" in x["text"] for x in found),
           "check: many of a kind are counted", found)
    server.cli("SET", prefix + "v", "99")
    p = two.run("check")
    tap.eq(p.returncode, 78, "check: a newer version " + p.stderr)
    server.kill()
    p = two.run("check")
    tap.ok(p.returncode == 75 and p.stderr, "check: a server that is away",
           (p.returncode, p.stderr))
    tap.eq(two.run("check", "--all").returncode, 2, "check: arguments")


def least(fleet, top, path):
    """A user of Redis with the rights that contrib/redis/README lists."""
    with open(os.path.join(L.TOP, "contrib", "redis", "README")) as f:
        found = re.search(r"(?ms)^  (~\{aver\}.*?)\n\n", f.read())
    server = fleet.server()
    server.cli("ACL", "SETUSER", "mx", "on", ">pw", *found[1].split())
    spec = "redis://mx:pw@127.0.0.1:%d/1?timeout=2000&command_timeout=10000" \
        % server.port
    site = Site(top, "least", spec)
    p = site.run("import", path)
    tap.ok(p.returncode == 0 and site.run("status").returncode == 0,
           "a user with the least rights imports", p.stderr)
    tap.eq(content(site.export()), content(path), "and exports")
    sound(site, "and checks")
    other = spec.replace("/1?", "/2?")
    p = fleet.load(other, "add", "s", 20)
    tap.eq((p.wait(timeout=240), p.stderr.read()), (0, ""), "and records")
    R.finish(tap, fleet, other, R.want(20), "and reports")
    tap.eq(server.cli("ACL", "LOG").strip(), "", "nothing was denied")
    server.kill()


def main():
    R.need()
    top = tempfile.mkdtemp(prefix="aver-store-")
    try:
        with R.Fleet() as fleet:
            server = fleet.server()
            redis = ("redis://127.0.0.1:%d?timeout=2000&command_timeout=10000"
                     % server.port)
            one = Site(top, "one")
            total = one.fill(30, 3000)
            path = files(one)
            tap.eq(messages(path), total, "every message is in it")
            two = around(top, redis, one, path, total)
            least(fleet, top, path)
            hostile(top, path)
            killed(top)
            check_files(two)
            check_sqlite(one, path)
            check_redis(two, server)
    finally:
        shutil.rmtree(top, ignore_errors=True)
    tap.done()


main()
