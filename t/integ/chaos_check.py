# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""What has to be true after chaos.t."""
import collections
import json
import re

import chaos_lab as C
import reports_lab
import tlsrep_lab

# what the programs say when the store, DNS or a policy host is away
LEVELS = re.compile(r" (warning|error|critical)|AddressSanitizer|"
                    r"runtime error|LeakSanitizer")


def read_mails(site):
    """Both kinds of report."""
    dmarc, tls = [], []
    for octets in site.mails():
        if b"\nTLS-Report-Domain:" in octets.partition(b"\r\n\r\n")[0] or \
                octets.startswith(b"TLS-Report-Domain:"):
            tls.append(tlsrep_lab.Mail(octets))
        else:
            dmarc.append(reports_lab.Mail(octets))
    return dmarc, tls


def content(octets):
    return octets.replace(b"\r\n", b"\n").partition(b"\n\n")[2].rstrip()


def check_windows(tap, name, mails, window):
    """window: of a mail, what is reported once. Returns one mail of each
    report and destination."""
    seen = collections.defaultdict(list)
    for m, octets in mails:
        seen[window(m)].append((m, octets))
    tap.eq([k for k, v in seen.items() if len({m.id for m, _ in v}) > 1][:5],
           [], name + ": a window is reported under one ID")
    tap.eq([k for k, v in seen.items()
            if len({content(o) for _, o in v}) > 1][:5], [],
           name + ": what came again is the same")
    tap.note("%s: %d windows and destinations, %d messages, %d of them "
             "repeated" % (name, len(seen), len(mails),
                           len(mails) - len(seen)))
    return {k: v[0][0] for k, v in seen.items()}


def given_up(site, kind):
    """[(report, address, document)] of what could not be delivered within a
    day: it is in no mailbox, and is known to be not."""
    aver = site.reporters[0].aver
    out = []
    for r in json.loads(aver("reports", "--json").stdout):
        if r["kind"] != kind or "failed" not in r["submissions"]:
            continue
        whole = json.loads(aver("reports", "show", r["id"], "--json").stdout)
        document = aver("reports", "show", r["id"], "--document").stdout
        for s in whole["submissions"]:
            if s["state"] == "failed" and "within a day" in s["detail"]:
                out.append((r, s["uri"].partition(":")[2], document))
    return out


def check_dmarc(tap, site, mails, sent):
    once = check_windows(tap, "DMARC", [(m, m.octets) for m in mails],
                         lambda m: (m.domain, m.end, m.to))
    got = collections.Counter()
    for (domain, _, to), m in once.items():
        got[domain, to.partition("@")[0]] += m.count()
    late = given_up(site, "dmarc")
    for r, to, _ in late:
        got[r["policy_domain"], to.partition("@")[0]] += r["messages"]
    tap.note("DMARC: %d submissions were given up after a day" % len(late))
    want = {}
    for i in range(C.DOMAINS):
        domain = "d%d.example" % i
        want[domain, "rua"] = want[domain, "d%d" % i] = sent[domain]
    tap.eq(dict(got), want, "each message is counted once")
    tap.note("%d messages sent, %d in reports to each destination; %d "
             "sendings were repeated, %d of them for an odd answer" % (
                 sum(v for k, v in sent.items() if "." in k),
                 sum(v for k, v in got.items() if k[1] == "rua"),
                 sent["again"], sent["odd"]))
    tap.eq(sent["odd"], 0, "no milter gave another answer than it should")


def tls_counts(documents):
    """Of (domain, policies). {(domain, life of the daemon, good): sessions}"""
    got = collections.Counter()
    for domain, policies in documents:
        for p in policies:
            strings = " ".join(p["policy"].get("policy-string", []))
            found = re.search(r"mx: (e\d+)\.", strings)
            if found:
                got[domain, found.group(1), True] += \
                    p["summary"]["total-successful-session-count"]
            for d in p.get("failure-details", []):
                host = d.get("receiving-mx-hostname", "")
                got[domain, host.partition(".")[0], False] += \
                    d["failed-session-count"]
    return got


def check_tls(tap, site, mails, policyd):
    once = check_windows(tap, "TLS", [(m, m.raw) for m in mails],
                         lambda m: (m.domain, m.day, m.id, m.to))
    late = [(r["policy_domain"], json.loads(document)["policies"])
            for r, _, document in given_up(site, "tls")]
    tap.note("TLS: %d submissions were given up after a day" % len(late))
    got = tls_counts([(m.domain, m.policies) for m in once.values()] + late)
    sent = policyd.sent
    lost = collections.Counter()
    for k, n in sent.items():
        lost[k[1]] += n - got[k]
    tap.eq({k: n for k, n in got.items() if n > sent[k]}, {},
           "no session is counted twice, or was never sent")
    last = "e%d" % policyd.epoch
    exact = policyd.quiet | {last}
    tap.eq({e: n for e, n in lost.items() if e in exact and n}, {},
           "none is lost when the daemon had none in hand (%d times)" %
           len(exact))
    with open("/proc/sys/net/unix/max_dgram_qlen") as f:
        most = int(f.read()) + 1 + policyd.BATCH
    tap.eq({e: n for e, n in lost.items() if n > most}, {},
           "a kill loses what the kernel held and what was in hand, no more")
    tap.note("%d sessions told of, %d in reports, %d lost by kills in the "
             "midst, %d lives of the daemon" % (
                 sum(sent.values()), sum(got.values()), sum(lost.values()),
                 policyd.epoch))
    # a day cannot be lengthened as the periods of DMARC are
    days = {(m.domain, m.day) for m in once.values()}
    tap.note("%d days, and %d reports more of what came late for one" %
             (len(days), len(once) - len(days)))


def check_ledger(tap, site):
    aver = site.reporters[0].aver
    reports = json.loads(aver("reports", "--json").stdout)
    late = {r["id"] for kind in ("dmarc", "tls")
            for r, _, _ in given_up(site, kind)}
    odd = [r for r in reports if set(r["submissions"]) != {"sent"} and
           r["id"] not in late]
    tap.eq(odd[:3], [], "all submissions of %d reports are sent" %
           len(reports))
    for what in ("evaluations", "results"):
        left = json.loads(aver(what, "--json").stdout)
        tap.eq(left, [], "no %s are left to be reported" % what)


def check_programs(tap, site):
    for p in site.programs():
        tap.eq(p.odd, [], p.name + " ended only when it was told or killed")
        text = p.text()
        bad = [x for x in text.splitlines()
               if "Sanitizer" in x or "runtime error" in x]
        tap.eq(bad[:5], [], p.name + ": nothing for a sanitizer")
        lost = [x for x in text.splitlines() if re.search(
            r"records? (is|are) lost|damaged|make no sense", x)]
        tap.eq(lost[:5], [], p.name + ": nothing was lost or damaged")


def check_policies(tap, policyd):
    tap.eq(policyd.weaker[:5], [], "no policy was ever weakened")
    tap.note("policyd answered: " + ", ".join(
        "%s %d" % x for x in sorted(policyd.answers.items())))
    tap.ok(policyd.answers["in force"] > 0, "policies were in force")


def tell_troubles(tap, site):
    """Each kind of complaint once, with numbers and names taken out."""
    for p in site.programs():
        seen = collections.Counter()
        for line in p.text().splitlines():
            text = line.partition("]: ")[2] or line
            if not text.startswith(("report:", "submission:", "run:",
                                    "message", "queue=", "map=")):
                seen[re.sub(r"[0-9]+", "N", text)[:100]] += 1
        for text, n in seen.most_common(12):
            tap.note("%s: %6d %s" % (p.name, n, text))


def check(tap, site, sent):
    dmarc, tls = read_mails(site)
    check_dmarc(tap, site, dmarc, sent)
    check_tls(tap, site, tls, site.policyd)
    check_ledger(tap, site)
    check_policies(tap, site.policyd)
    check_programs(tap, site)
    tell_troubles(tap, site)
