#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""Three milters under load, aver-policyd that is asked and told of TLS sessions,
and two hosts that make reports, all on one store behind Sentinel, while hours
pass in seconds. The servers of the store are killed, stopped, failed over,
filled, and lose their disk or their replicas; policy hosts and DNS go away; the
programs are killed; all at random. At the end every message is counted once,
every session once or lost by a kill that the kernel or the daemon had it in
hand at, every window was reported once, and no policy was ever weakened.

AVER_CHAOS sets for how many seconds (default 20), AVER_SEED the seed."""
import collections
import os
import random
import re
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as L
import redis_lab as R

R.need()
L.need(root=False, programs=("nsd",))
try:
    import smtp_lab
except ImportError as e:
    L.skip_all("needs %s (Debian: python3-cryptography)" % e.name)
import chaos_lab as C
import chaos_check

SECONDS = int(os.environ.get("AVER_CHAOS", "20"))
SEED = int(os.environ.get("AVER_SEED", str(int(time.time()))))
STEP_SECONDS = (2 if SECONDS < 100 else 3) * L.SLOW
tap = L.Tap()


class Monkey:
    """Harms the store, its surroundings and the programs, until all kinds of
    harm were done and the time is over."""

    def __init__(self, site):
        self.site = site
        self.done = collections.Counter()
        self.quit = threading.Event()
        self.fast = SECONDS < 100
        self.threads = []
        self.trouble = []

    # -- the store, one thing after the other

    def store_harm(self, what, rng):
        s = self.site.stores
        most = 1.5 if self.fast else 3
        if what == "master killed":
            s.kill(s.master(), rng, most)
        elif what == "master stopped":
            s.stop(s.master(), rng, most)
        elif what == "replica killed":
            s.kill(s.replica(rng), rng, most)
        elif what == "replica stopped":
            s.stop(s.replica(rng), rng, most)
        elif what == "Sentinel killed":
            s.kill(rng.choice(s.sentinels), rng, most)
        elif what == "fail-over asked for":
            return s.fail_over(rng)
        elif what == "memory full":
            s.set_for(s.master(), "maxmemory", "1", "0", rng, most)
        elif what == "no replicas":
            s.set_for(s.master(), "min-replicas-to-write", "9", "0", rng,
                      most)
        elif what == "disk full":
            s.no_disk(s.master(), rng, most)
        elif what == "Sentinels told anew":
            s.mend(rng.random() * most)
        elif what == "all away":
            self.all_away(rng, most)
        return True

    KINDS = ("master killed", "master stopped", "replica killed",
             "replica stopped", "Sentinel killed", "fail-over asked for",
             "memory full", "no replicas", "disk full", "Sentinels told anew",
             "all away")

    def all_away(self, rng, most):
        """No store, no policy host, and policyd begins anew."""
        site = self.site
        site.away = True
        for s in site.stores.all:
            s.signal(signal.SIGSTOP)
        site.policyd.kill()
        self.done["policyd killed"] += 1
        time.sleep(0.5 + rng.random() * most)
        for s in site.stores.all:
            s.signal(signal.SIGCONT)
        site.away = False

    def harm_stores(self):
        rng = random.Random(SEED)
        plan = []
        while not self.quit.is_set() or not self.all_done():
            if not plan:
                plan = list(self.KINDS)
                rng.shuffle(plan)
            what = plan.pop()
            if self.store_harm(what, rng):
                self.done[what] += 1
            else:
                plan.insert(0, what)
            # more often than not it is given time to work
            if rng.random() < 0.6:
                self.recover(20)
            time.sleep(rng.random() * (0.6 if self.fast else 2))

    def recover(self, seconds):
        """Waits until the store is well, and sees to it after a while."""
        end = time.monotonic() + seconds * L.SLOW
        while not self.site.stores.is_well():
            if time.monotonic() > end:
                self.site.stores.mend()
                self.done["store mended by hand"] += 1
                end = time.monotonic() + seconds * L.SLOW
            time.sleep(0.1)

    # -- programs

    def harm_programs(self):
        rng = random.Random(SEED + 1)
        while not self.quit.is_set():
            time.sleep(rng.random() * (0.5 if self.fast else 1.5))
            p = rng.choice(self.site.programs())
            kind = re.sub(r"\d+$", "", p.name)
            if p is self.site.policyd:
                quiet = rng.random() < 0.5
                p.kill(quiet)
            else:
                before = p.kills
                p.kill()
                if kind == "milter":
                    p.start()
                elif p.kills == before:
                    continue
            self.done[kind + " killed"] += 1

    # -- DNS and policy hosts; the clock

    def harm_surroundings(self):
        rng = random.Random(SEED + 2)
        while not self.quit.is_set():
            time.sleep(rng.random() * (2 if self.fast else 6))
            if rng.random() < 0.5:
                self.site.away = True
                time.sleep(rng.random() * 2)
                self.site.away = False
                self.done["policy hosts away"] += 1
            else:
                for sig in (signal.SIGSTOP, signal.SIGCONT):
                    for pid in L.family(self.site.second_nsd.pid):
                        os.kill(pid, sig)
                    time.sleep(rng.random() * 2)
                self.done["DNS of policyd away"] += 1

    def move_clock(self):
        while not self.quit.wait(STEP_SECONDS):
            self.site.clock.jump(C.PERIOD)
            self.done["jumps of the clock"] += 1

    def all_done(self):
        return all(self.done[k] for k in self.KINDS)

    def run(self):
        def guard(f):
            try:
                f()
            except Exception:
                import traceback
                self.trouble.append(traceback.format_exc())
        jobs = (self.harm_stores, self.harm_programs, self.harm_surroundings,
                self.move_clock)
        for f in jobs:
            t = threading.Thread(target=guard, args=(f,))
            t.start()
            self.threads.append(t)
        end = time.monotonic() + SECONDS
        while not self.trouble and (time.monotonic() < end or
                                    not self.all_done()):
            time.sleep(0.2)
        self.quit.set()
        for t in self.threads:
            t.join()
        tap.eq(self.trouble, [], "the harm itself went well")


def settle(site, monkey):
    """All that waits goes where it belongs; the last days are reported."""
    sent = collections.Counter()
    for m in site.milters:
        sent.update(m.stop_sending())
    site.policyd.stop_serving()
    monkey.recover(30)
    for p in site.milters + [site.policyd]:
        L.wait_until(p.is_empty, 60, p.name + " to be empty: " +
                     str(p.text()[-600:]))
    for r in site.reporters:
        r.stop_going()
    for p in site.milters + [site.policyd]:
        p.stop()
    # leases of those that were killed end, and so do the last days
    for hours in (2, 2, 2, 24, 24, 2):
        site.clock.jump(hours * 3600)
        for kind in ("dmarc", "tls"):
            code = site.reporters[0].one(kind)
            if code:
                tap.ok(False, "a last run of aver-report " + kind,
                       site.reporters[0].text()[-1500:])
    return sent


def main(stage, fleet):
    site = C.Site(stage, fleet, smtp_lab.Authority(stage.dir))
    for p in site.milters + [site.policyd]:
        p.start()
    for m in site.milters:
        L.wait_until(lambda: L.listens(m.port), 30, m.name)
    site.policyd.began()
    site.policyd.warm_up()
    for m in site.milters:
        m.send(3, 60 * L.SLOW)
    site.policyd.serve(0.02 * L.SLOW)
    for r in site.reporters:
        r.go()
    monkey = Monkey(site)
    started = time.monotonic()
    monkey.run()
    took = time.monotonic() - started
    sent = settle(site, monkey)
    tap.note("%.0f s of harm: %s" % (
        took, ", ".join("%s %d" % x for x in sorted(monkey.done.items()))))
    chaos_check.check(tap, site, sent)


tap.note("seed %d" % SEED)
with L.Lab() as the_lab, R.Fleet() as the_fleet:
    try:
        main(the_lab, the_fleet)
    except Exception:
        import traceback
        why = traceback.format_exc()
        for log in ("milter0", "milter1", "milter2", "policyd", "reporter0",
                    "reporter1"):
            tap.note(log + ": " + the_lab.read(log + ".log")[-1500:])
        tap.ok(False, "no exception", why)  # last: what is read first
tap.done()
