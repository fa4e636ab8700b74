# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""Runs of aver-report that are killed at random moments."""
import os
import random
import time

import lab
import reports_lab

SEED = int(os.environ.get("AVER_SEED", "1"))
LEASE = reports_lab.LEASE
HOLD = 1.5 if "AVER_STORE" in os.environ else 0


class Killer:
    """Kills `aver-report KIND` at a site, within a share of the time that a run
    takes which makes the reports of that many domains."""

    def __init__(self, site, kind, domains, share):
        self.site, self.kind = site, kind
        self.domains, self.share = domains, share
        self.rng = random.Random(SEED)
        self.kills = self.ended = self.pairs = 0
        self.longest = 0.3 * lab.SLOW  # what a run takes, until one is measured
        self.odd = []

    def spawn(self, now):
        return self.site.spawn(self.kind, "--now", str(now))

    def clean(self, now):
        """A run that nobody kills."""
        started = time.monotonic()
        r = self.site.report(self.kind, "--now", str(now))
        took = time.monotonic() - started
        if "reports=%d " % self.domains in r.stderr:
            self.longest = took
        return r

    def kill_some(self, now):
        """One or two programs at once; each but sometimes one is killed."""
        procs = [self.spawn(now)]
        if self.rng.random() < 0.5:
            self.pairs += 1
            procs.append(self.spawn(now))
        spare = len(procs) == 2 and self.rng.random() < 0.3
        end = sorted(self.rng.uniform(0, self.share * self.longest)
                     for _ in procs)
        started = time.monotonic()
        for p, moment in zip(procs, end):
            time.sleep(max(0, started + moment - time.monotonic()))
            if spare and p is procs[-1]:
                break
            if p.poll() is None:
                p.kill()
                self.kills += 1
            else:
                self.ended += 1
        for p in procs:
            code = p.wait(lab.PATIENCE)
            if code not in (0, -9, 75):
                self.odd.append(code)

    def settle(self, tap, now):
        """Clean runs until all that was claimed is free and done; when the last
        one was."""
        # what a killed one had claimed is free when its lease is over; on
        # Redis its hold of a domain ends by the server's clock
        time.sleep(HOLD)
        for _ in range(3):
            now += LEASE
            for _ in range(5):
                r = self.clean(now)
                # its own hold can end under it, on a busy machine
                if r.returncode != 75 or not HOLD:
                    break
            if r.returncode:
                tap.ok(False, "a run that nobody kills", r.stderr)
        return now

    def told(self, started):
        """What was done since then, for a note."""
        return ("%d kills, %d runs ended before theirs, %d times two at once, "
                "%.0f s" % (self.kills, self.ended, self.pairs,
                            time.monotonic() - started))
