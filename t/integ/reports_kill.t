#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""aver-report is killed with SIGKILL at random moments, and often runs twice
at once. In the end every day of every domain was reported once to each of its
addresses (again only with the same ID and the same content), and every
evaluation was counted in exactly one report.

AVER_KILLS sets how many kills there are (default 60)."""
import json
import os
import random
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__))))
import lab as L
import reports_lab as R

KILLS = int(os.environ.get("AVER_KILLS", "60"))
SEED = int(os.environ.get("AVER_SEED", "1"))
DOMAINS = 40
EVALUATIONS = 20 * DOMAINS
TRIES_PER_DAY = 4
FIRST = 1793491200  # 2026-11-01
LEASE = 305  # of report_timeout = 1s
HOLD = 0.5 if "AVER_STORE" in os.environ else 0
tap = L.Tap()


def zone():
    text = ['*._report._dmarc.out.example. TXT "v=DMARC1"',
            "out.example. MX 1 mx.out.example."]
    for i in range(DOMAINS):
        # the last one has an organization's own address only
        more = "" if i == DOMAINS - 1 else ",mailto:d%d@out.example" % i
        text += ['_dmarc.d%d.example. TXT "v=DMARC1; p=reject; '
                 'rua=mailto:rua@d%d.example%s"' % (i, i, more),
                 "d%d.example. MX 1 mx.d%d.example." % (i, i)]
    return "\n".join(text) + "\n"


def destinations(i):
    own = ["rua@d%d.example" % i]
    return own if i == DOMAINS - 1 else own + ["d%d@out.example" % i]


class Killer:
    def __init__(self, site):
        self.site = site
        self.rng = random.Random(SEED)
        self.kills = self.ended = self.pairs = 0
        self.longest = 0.2  # what a run takes, once it is measured
        self.odd = []

    def clean(self, now):
        """A run that nobody kills; the log of it."""
        # on Redis the hold of one that was killed ends a little later
        time.sleep(HOLD)
        started = time.monotonic()
        r = self.site.report("dmarc", "--now", str(now))
        took = time.monotonic() - started
        if "reports=%d " % DOMAINS in r.stderr:
            self.longest = took
        return r

    def kill_some(self, now):
        """One or two programs at once; each but sometimes one is killed."""
        procs = [self.site.spawn("dmarc", "--now", str(now))]
        if self.rng.random() < 0.5:
            self.pairs += 1
            procs.append(self.site.spawn("dmarc", "--now", str(now)))
        spare = len(procs) == 2 and self.rng.random() < 0.3
        end = sorted(self.rng.uniform(0, 0.7 * self.longest) for _ in procs)
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
            code = p.wait(120)
            if code not in (0, -9, 75):
                self.odd.append(code)


def one_day(site, killer, k, tries=TRIES_PER_DAY):
    """False when the day was too short."""
    day = FIRST + k * R.DAY
    site.fill(DOMAINS, EVALUATIONS, day, seed=k + 1)
    now = day + R.DAY + 600
    for _ in range(tries):
        killer.kill_some(now)
        now += LEASE
    # what a killed one had claimed is free when its lease is over
    for _ in range(3):
        now += LEASE
        r = killer.clean(now)
        if r.returncode:
            tap.ok(False, "day %d: a run that nobody kills" % k, r.stderr)
    return now < day + 2 * R.DAY


def in_the_middle(site):
    """Processes that had begun to work and did not come to an end."""
    busy = set(re.findall(r"\[(\d+)\]: (?:report|submission): ", site.log()))
    return len(busy - set(re.findall(r"\[(\d+)\]: run: ", site.log())))


def check_mail(site, days):
    mails = site.mails()
    seen = {}
    for m in mails:
        seen.setdefault((m.domain, m.begin, m.end + 1, m.to), []).append(m)
    want = {("d%d.example" % i, FIRST + k * R.DAY, FIRST + (k + 1) * R.DAY, to)
            for i in range(DOMAINS) for k in range(days)
            for to in destinations(i)}
    tap.eq(sorted(want - set(seen))[:5], [], "no report is missing")
    tap.eq(sorted(set(seen) - want)[:5], [], "there is no other report")
    tap.eq([k for k, v in seen.items() if len({m.id for m in v}) > 1][:5], [],
           "a window is reported under one ID")
    tap.eq([k for k, v in seen.items()
            if len({m.octets.split(b"\r\n\r\n", 1)[1] for m in v}) > 1][:5],
           [], "what was sent again is the same")
    tap.note("%d messages, %d of them repeated" %
             (len(mails), len(mails) - len(seen)))
    wrong = [(k, m.count()) for k, v in seen.items() for m in v[:1]
             if m.count() != EVALUATIONS // DOMAINS]
    tap.eq(wrong[:5], [], "no evaluation is lost or counted twice")
    return len(mails) - len(seen)


def check_ledger(site, days):
    reports = json.loads(site.aver("reports", "--json").stdout)
    windows = {(r["policy_domain"], r["begin"]) for r in reports}
    tap.eq(len(windows), len(reports), "the ledger has each window once")
    tap.eq(len(reports), DOMAINS * days, "and all of them")
    tap.eq([r for r in reports if set(r["submissions"]) != {"sent"}][:3], [],
           "all submissions are sent")
    left = json.loads(site.aver("evaluations", "--json").stdout)
    tap.eq(left, [], "nothing is left to be reported")


def main(lab):
    site = R.Site(lab, zone())
    killer = Killer(site)
    started = time.monotonic()
    one_day(site, killer, 0, tries=0)
    days = 1
    while killer.kills < KILLS:
        if not tap.ok(one_day(site, killer, days),
                      "day %d, kills so far: %d" % (days, killer.kills)):
            return
        days += 1
    tap.note("%d kills, %d runs ended before theirs, %d times two at once, "
             "%.0f s" % (killer.kills, killer.ended, killer.pairs,
                         time.monotonic() - started))
    tap.eq(killer.odd, [], "exit codes of the others")
    middle = in_the_middle(site)
    tap.ok(middle > killer.kills // 10,
           "%d were killed in the middle of their work" % middle)
    check_mail(site, days)
    check_ledger(site, days)


with L.Lab() as the_lab:
    main(the_lab)
tap.done()
