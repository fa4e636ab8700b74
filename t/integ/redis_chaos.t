#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""Two that record and two that report and send work on one server. It is
killed and started again, stopped for a while, and filled; so are the programs
killed. In the end counts are exact and all is reported once.

AVER_CHAOS sets for how many seconds (default 15), AVER_SEED the seed."""
import os
import random
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as L
import redis_lab as R

R.need()
SECONDS = int(os.environ.get("AVER_CHAOS", "15"))
SEED = int(os.environ.get("AVER_SEED", str(int(time.time()))))
ENDLESS = 1 << 29
tap = L.Tap()
tap.note("seed %d" % SEED)


class Chaos:
    def __init__(self, fleet):
        self.fleet = fleet
        self.rng = random.Random(SEED)
        self.server = fleet.server()
        self.spec = ("redis://127.0.0.1:%d?timeout=200&command_timeout=500&"
                     "lease=700" % self.server.port)
        self.done, self.plan = {}, []
        self.roles = [("add", "a", ENDLESS), ("add", "b", ENDLESS),
                      ("run", 3600), ("run", 3600)]
        self.procs = [fleet.load(self.spec, *r) for r in self.roles]

    def count(self, what):
        self.done[what] = self.done.get(what, 0) + 1

    def harm_program(self):
        i = self.rng.randrange(len(self.procs))
        if self.procs[i].poll() is not None:
            tap.ok(False, "a program ended", self.procs[i].stderr.read())
        self.procs[i].kill()
        self.procs[i].wait()
        self.procs[i] = self.fleet.load(self.spec, *self.roles[i])
        self.count("program killed")

    def harm_server(self):
        if not self.plan:
            self.plan = ["killed", "stopped", "filled"]
            self.rng.shuffle(self.plan)
        what = self.plan.pop()
        self.count("server " + what)
        if what == "killed":
            self.server.kill()
            time.sleep(self.rng.random() * 0.5)
            self.server.start()
        elif what == "stopped":
            self.server.signal(signal.SIGSTOP)
            time.sleep(self.rng.random() * 1.5)
            self.server.signal(signal.SIGCONT)
        else:
            self.server.cli("CONFIG", "SET", "maxmemory", "1")
            time.sleep(self.rng.random() * 0.5)
            self.server.cli("CONFIG", "SET", "maxmemory", "0")

    def all_done(self):
        """Has there been each kind of harm? A slow machine takes longer."""
        return len(self.done) == 4

    def run(self):
        end = time.monotonic() + SECONDS
        while time.monotonic() < end or not self.all_done():
            time.sleep(self.rng.random() * 0.4)
            if self.rng.random() < 0.7:
                self.harm_program()
            else:
                self.harm_server()
        for p in self.procs:
            tap.ok(p.poll() is None, "a program still runs",
                   p.stderr.read() if p.poll() is not None else "")
            p.kill()
            p.wait()

    def committed(self, source):
        return int(self.server.cli("GET", "{aver}:s:" + source) or 0)


with R.Fleet() as f:
    chaos = Chaos(f)
    chaos.run()
    tap.note(chaos.done)
    tap.ok(chaos.all_done(), "all kinds of harm were done")
    total = sum(R.want(chaos.committed(s)) for s in "ab")
    R.finish(tap, f, chaos.spec, total, "chaos")
tap.done()
