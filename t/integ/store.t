#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""aver store: export and import as an operator runs them, from SQLite to Redis
and back, beside a program that records."""
import json
import os
import shutil
import signal
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
    for words in (["import"], ["import", "--all", path], ["export", "a", "b"],
                  ["import", "--add"], ["export", "--json"]):
        tap.eq(one.run(*words).returncode, 2, "arguments: " + " ".join(words))
    return path


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
            around(top, redis, one, path, total)
            hostile(top, path)
            killed(top)
    finally:
        shutil.rmtree(top, ignore_errors=True)
    tap.done()


main()
