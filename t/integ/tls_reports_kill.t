#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""aver-report tls is killed with SIGKILL at random moments, and often runs
twice at once. In the end every day of every domain was reported once to each
of its addresses, by mail and by HTTPS (again only with the same ID and the
same content), and every session was counted in exactly one report.

AVER_KILLS sets how many kills there are (default 40)."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__))))
import kill_lab as K
import lab as L
import tlsrep_lab as T
try:
    import smtp_lab
except ImportError as e:
    L.skip_all("needs %s (Debian: python3-cryptography)" % e.name)

KILLS = int(os.environ.get("AVER_KILLS", "40"))
DOMAINS = 24
SESSIONS = 20 * DOMAINS
KILLS_PER_DAY = 8
FIRST = 1793491200  # 2026-11-01
tap = L.Tap()


def zone(takers):
    text = ["take.example. A 127.0.0.1"]
    for i in range(DOMAINS):
        # every third one wants it by HTTPS, too
        more = "," + takers.url("200?d%d" % i) if i % 3 == 0 else ""
        text += ['_smtp._tls.d%d.example. TXT "v=TLSRPTv1; '
                 'rua=mailto:rua@d%d.example%s"' % (i, i, more),
                 "d%d.example. MX 1 mx.d%d.example." % (i, i)]
    return "\n".join(text) + "\n"


def one_day(site, killer, k):
    day = FIRST + k * T.DAY
    site.fill_tls(DOMAINS, SESSIONS, day, seed=k + 1)
    now = day + T.DAY + 600
    before = killer.kills
    while killer.kills < before + KILLS_PER_DAY and killer.kills < KILLS:
        killer.kill_some(now)
        now += K.LEASE
    return killer.settle(tap, now) < day + 2 * T.DAY


def came(site, takers):
    """{(domain, day, destination): [Report]}"""
    out = {}
    for m in site.tls_mails():
        out.setdefault((m.domain, m.day, m.to), []).append(m)
    for _, path, _, octets in takers.got:
        domain = path.split("?")[1] + ".example"
        r = T.Report(octets)
        out.setdefault((domain, r.day, "https"), []).append(r)
    return out


def check(site, takers, days):
    seen = came(site, takers)
    names = [time.strftime("%Y-%m-%d", time.gmtime(FIRST + k * T.DAY))
             for k in range(days)]
    want = {("d%d.example" % i, day, to)
            for i in range(DOMAINS) for day in names
            for to in ["rua@d%d.example" % i] + ["https"] * (i % 3 == 0)}
    tap.eq(sorted(want - set(seen))[:5], [], "no report is missing")
    tap.eq(sorted(set(seen) - want)[:5], [], "there is no other report")
    tap.eq([k for k, v in seen.items() if len({m.id for m in v}) > 1][:5], [],
           "a day is reported under one ID")
    tap.eq([k for k, v in seen.items()
            if len({m.octets for m in v}) > 1][:5], [],
           "what was sent again is the same")
    tap.note("%d submissions, %d of them repeated" % (
        sum(map(len, seen.values())),
        sum(map(len, seen.values())) - len(seen)))
    tap.eq([(k, v[0].count()) for k, v in seen.items()
            if sum(v[0].count()) != SESSIONS // DOMAINS][:5], [],
           "no session is lost or counted twice")
    ledger = site.ledger()
    tap.eq(len({(r["policy_domain"], r["begin"]) for r in ledger}),
           len(ledger), "the ledger has each day once")
    tap.eq(len(ledger), DOMAINS * days, "and all of them")
    tap.eq([r for r in ledger if set(r["submissions"]) != {"sent"}][:3], [],
           "all submissions are sent")
    tap.eq(site.results(), {}, "nothing is left to be reported")


def main(lab):
    ca = smtp_lab.Authority(lab.dir)
    takers = T.Takers(ca.issue("takers", ["take.example"]))
    os.chmod(ca.file, 0o644)
    takers.say = {"/200?d%d" % i: "200" for i in range(DOMAINS)}
    site = T.Site(lab, zone(takers), "sts_allow_networks = 127.0.0.0/8\n"
                  "report_tls_ca_file = %s\nreport_retention = 3650d\n" %
                  ca.file)
    killer = K.Killer(site, "tls", DOMAINS, 1.1)
    started = time.monotonic()
    days = 0
    while killer.kills < KILLS:
        if not tap.ok(one_day(site, killer, days),
                      "day %d, kills so far: %d" % (days, killer.kills)):
            return
        days += 1
    tap.note(killer.told(started))
    tap.eq(killer.odd, [], "exit codes of the others")
    check(site, takers, days)


L.need(root=False)
with L.Lab() as the_lab:
    main(the_lab)
tap.done()
