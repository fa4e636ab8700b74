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
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__))))
import kill_lab as K
import lab as L
import reports_lab as R

KILLS = int(os.environ.get("AVER_KILLS", "60"))
DOMAINS = 40
EVALUATIONS = 20 * DOMAINS
TRIES_PER_DAY = 4
FIRST = 1793491200  # 2026-11-01
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


def one_day(site, killer, k, tries=TRIES_PER_DAY):
    """False when the day was too short."""
    day = FIRST + k * R.DAY
    site.fill(DOMAINS, EVALUATIONS, day, seed=k + 1)
    now = day + R.DAY + 600
    for _ in range(tries):
        killer.kill_some(now)
        now += K.LEASE
    return killer.settle(tap, now) < day + 2 * R.DAY


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
    killer = K.Killer(site, "dmarc", DOMAINS, 0.7)
    started = time.monotonic()
    one_day(site, killer, 0, tries=0)
    days = 1
    # some in the midst of their work, whatever else the machine does
    while killer.kills < KILLS or in_the_middle(site) <= killer.kills // 10:
        if not tap.ok(one_day(site, killer, days),
                      "day %d, kills so far: %d" % (days, killer.kills)):
            return
        days += 1
    tap.note(killer.told(started))
    tap.eq(killer.odd, [], "exit codes of the others")
    middle = in_the_middle(site)
    tap.ok(middle > killer.kills // 10,
           "%d were killed in the middle of their work" % middle)
    check_mail(site, days)
    check_ledger(site, days)


with L.Lab() as the_lab:
    main(the_lab)
tap.done()
