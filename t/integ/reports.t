#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""aver-report and the operator's commands over a store, a zone file and a
directory: what is reported, to whom, when, and what is not."""
import calendar
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__))))
import lab as L
import reports_lab as R

D0 = 1793491200  # 2026-11-01
DAY = R.DAY
tap = L.Tap()


def ask(domain, rua, more=""):
    return '_dmarc.%s. TXT "v=DMARC1; p=reject; rua=%s"\n%s' % (
        domain, rua, more)


MX = "*.example. MX 1 mx.example.\n"
ZONE = "".join("d%d.example. MX 1 mx.example.\n" % i for i in range(9)) + \
    "out.example. A 192.0.2.1\nold.example. A 192.0.2.1\n" \
    "null.example. MX 0 .\n" \
    '*._report._dmarc.out.example. TXT "v=DMARC1"\n' \
    '*._report._dmarc.old.example. TXT "v=DMARC1"\n' \
    '*._report._dmarc.null.example. TXT "v=DMARC1"\n'


class Gate:
    """Between a resolver and a DNS server: questions wait until it is open."""

    def __init__(self, port):
        self.server = port
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.asked, self.open = threading.Event(), threading.Event()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            question, who = self.sock.recvfrom(4096)
            self.asked.set()
            self.open.wait()
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.settimeout(5)
                s.sendto(question, ("127.0.0.1", self.server))
                self.sock.sendto(s.recv(4096), who)


class Case:
    """A site of its own with one day of evaluations."""
    number = 0

    def __init__(self, lab, zone, extra="", domains=1, evaluations=10, **more):
        Case.number += 1
        self.site = R.Site(lab, ZONE + zone, extra, "site%d" % Case.number)
        self.site.fill(domains, evaluations, D0, **more)

    def run(self, now=D0 + DAY, *args):
        self.r = self.site.report("dmarc", "--now", str(now), *args)
        self.sum = R.summary(self.r.stderr)
        return self.sum

    def to(self):
        return sorted(m.to for m in self.site.mails())

    def reports(self, *args):
        return json.loads(self.site.aver("reports", "--json", *args).stdout)

    def left(self):
        r = self.site.aver("evaluations", "--json")
        return sum(d["messages"] for d in json.loads(r.stdout))


def test_plain(lab):
    c = Case(lab, ask("d0.example", "mailto:r@d0.example"))
    r = c.site.report("dmarc", "--dry-run", "--now", str(D0 + DAY))
    tap.ok(r.returncode == 0 and "report domain=d0.example" in r.stdout and
           "address=r@d0.example" in r.stdout, "--dry-run says what", r)
    tap.eq((c.left(), c.to()), (10, []), "and does nothing")
    c.run(D0 + DAY - 1)
    tap.eq(c.sum["reports"], 0, "a period that is not over")
    c.run(D0 + DAY)
    tap.eq((c.r.returncode, c.sum["reports"], c.sum["sent"], c.left()),
           (0, 1, 1, 0), "a period that is")
    m = c.site.mails()[0]
    tap.eq((m.begin, m.end, m.count(), m.to), (D0, D0 + DAY - 1, 10,
                                               "r@d0.example"), "its report")
    tap.eq((m.message["From"].addresses[0].addr_spec,
            m.message["Auto-Submitted"]),
           ("dmarc-reports@reporter.example", "auto-generated"), "its mail")
    c.run(D0 + DAY + 3600)
    tap.eq((c.sum["reports"], c.sum["sent"]), (0, 0), "and no other one")


def test_nothing(lab):
    """What a person is told before anything was recorded."""
    site = R.Site(lab, name="nothing")
    for args in (("reports",), ("reports", "show", "x"), ("evaluations",),
                 ("results",), ("suppress",), ("destinations",),
                 ("policy", "list"), ("reports", "resend", "x")):
        r = site.aver(*args)
        tap.ok(r.returncode == 1 and "nothing has been recorded yet" in
               r.stderr and site.path("aver.db") in r.stderr,
               "aver %s: nothing was recorded yet" % " ".join(args), r)
    r = site.report("dmarc", "--dry-run")
    tap.ok(r.returncode == 1 and "nothing has been recorded yet" in r.stderr,
           "aver-report dmarc --dry-run", r)
    tap.ok(not os.path.exists(site.path("aver.db")),
           "nothing is made by looking")


def test_late(lab):
    c = Case(lab, ask("d0.example", "mailto:r@d0.example"))
    c.run(D0 + DAY)
    c.site.fill(1, 4, D0, seed=2)
    c.run(D0 + DAY + 3600)
    tap.eq((c.sum["reports"], c.left()), (0, 4),
           "what comes late for a reported day waits")
    c.site.fill(1, 5, D0 + DAY, seed=3)
    c.run(D0 + 2 * DAY)
    m = [x for x in c.site.mails() if x.end == D0 + 2 * DAY - 1]
    tap.eq([(x.begin, x.count()) for x in m], [(D0, 9)],
           "and lengthens the next period")


def test_ahead(lab):
    c = Case(lab, ask("d0.example", "mailto:r@d0.example"))
    c.run(D0 + 400 * DAY)
    tap.eq((c.sum["reports"], c.sum["dropped"]), (1, 0),
           "old ones are reported still")
    c.site.fill(1, 4, D0, seed=2)
    c.run(D0 + DAY)
    tap.eq(c.sum["reports"], 1, "a --now far ahead silences nobody")


def test_who(lab):
    c = Case(lab, ask("d0.example", "mailto:r@d0.example,mailto:x@out.example,"
                      "mailto:n@null.example,mailto:v@victim.example,"
                      "https://d0.example/,mailto:r@d0.example"))
    c.run()
    tap.eq(c.to(), ["r@d0.example", "x@out.example"], "verified destinations")
    for why in ("null MX", "not authorized by its host", "not mailto",
                "duplicate"):
        tap.ok('reason="%s"' % why in c.r.stderr or
               "reason=" + why in c.r.stderr, "logged: " + why, c.r.stderr)
    errors = c.site.mails()[0].text("report_metadata/error")
    tap.ok("v@victim.example" in errors, "told in <error>", errors)


def test_not(lab):
    zone = ask("d0.example", "mailto:r@d0.example") + \
        '_dmarc.d1.example. TXT "v=DMARC1; p=reject"\n' \
        "_dmarc.d3.example. SERVFAIL\n" + \
        ask("d4.example", "mailto:a@down.example") + \
        "d4.example._report._dmarc.down.example. SERVFAIL\n" + \
        ask("d5.example", "mailto:a@victim.example")
    c = Case(lab, zone, "report_email = x@d0.example\n", 6, 60)
    c.run()
    tap.eq((c.to(), c.r.returncode), ([], 0), "nobody gets a report")
    for d, why in ((0, "our own domain"), (1, "no rua"),
                   (2, "no DMARC record"), (3, "DNS lookup failed"),
                   (4, "a destination cannot be verified now"),
                   (5, "no usable destination")):
        line = [x for x in c.r.stderr.splitlines() if
                "evaluations: domain=d%d.example" % d in x]
        tap.ok(line and 'reason="%s"' % why in line[0],
               "d%d: %s" % (d, why), c.r.stderr)
    tap.eq(c.left(), 20, "what DNS failed for is kept, the rest is dropped")
    c.run(D0 + 9 * DAY)
    tap.eq(c.left(), 0, "until it is too old")


def test_hostile(lab):
    """A record that asks for more than there is memory for: its domain is
    left alone, the others have their reports."""
    big = " ".join('"%s"' % ("x" * 250) for _ in range(240))
    hosts = ["h%d.test" % i for i in range(60)]
    zone = ask("d0.example", ",".join("mailto:a@" + h for h in hosts)) + \
        "".join("_dmarc.%s. TXT \"v=DMARC1; psd=n\"\n"
                "d0.example._report._dmarc.%s. TXT %s\n" % (h, h, big)
                for h in hosts) + \
        ask("d1.example", "mailto:r@d1.example")
    c = Case(lab, zone, domains=2, evaluations=20)
    c.run()
    tap.ok((c.to(), c.r.returncode) == (["r@d1.example"], 0),
           "a hostile record stops nobody else's report", c.r.stderr[-900:])


def test_format(lab):
    c = Case(lab, ask("d0.example", "mailto:r@d0.example,mailto:x@old.example"),
             "aggregate_format_overrides = old.example=rfc7489\n")
    c.run()
    forms = {m.to: ("urn:ietf:params:xml:ns:dmarc-2.0" in m.xml.decode(),
                    m.count(), m.id) for m in c.site.mails()}
    tap.eq({k: v[:2] for k, v in forms.items()},
           {"r@d0.example": (True, 10), "x@old.example": (False, 10)},
           "each in its format")
    tap.eq(len({v[2] for v in forms.values()}), 2, "and each its own report")


def test_parts(lab):
    c = Case(lab, ask("d0.example", "mailto:r@d0.example"),
             "report_max_size = 64k\n", 1, 60000, distinct=True)
    c.run()
    mails = c.site.mails()
    tap.ok(len(mails) > 1, "more than fits: %d parts" % len(mails))
    tap.eq(sum(m.count() for m in mails), 60000, "with all evaluations")
    tap.eq(len({m.id for m in mails}), len(mails), "each has an ID")
    ips = [m.text("row/source_ip", r) for m in mails for r in m.all("record")]
    tap.eq(len(set(ips)), 60000, "each row once")


def when(text):
    """Seconds since the epoch, of what the commands print."""
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))


def test_spread(lab):
    zone = "".join(ask("d%d.example" % i, "mailto:r@d%d.example" % i)
                   for i in range(9))
    c = Case(lab, zone, "report_spread = 1h\n", 9, 90)
    c.run(D0 + DAY, "--max", "0")
    left = sorted(when(s["next_try"]) for r in c.reports() for s in
                  json.loads(c.site.aver("reports", "show", r["id"],
                                         "--json").stdout)["submissions"]
                  if s["state"] == "pending")
    tap.ok(len(left) == 9 and len(set(left)) >= 7 and
           all(0 <= x - D0 - DAY < 3600 for x in left),
           "each has a moment of its own in the hour", left)
    c.run(left[4], "--no-wait")
    tap.eq(len(c.to()), len([x for x in left if x <= left[4]]),
           "those whose moment has come are sent")
    c.run(left[4] + 1)
    tap.eq(len(c.to()), 9, "a run that may wait sends the rest")


def test_caps(lab):
    zone = "".join(ask("d%d.example" % i, "mailto:d%d@out.example" % i)
                   for i in range(6))
    c = Case(lab, zone, "report_max_per_host = 3\n", 6, 60)
    c.run(D0 + DAY, "--max", "2")
    tap.eq(len(c.to()), 2, "--max")
    c.run(D0 + DAY + 60)
    tap.eq(len(c.to()), 3, "report_max_per_host")
    tap.ok("capped=yes" in c.r.stderr, "which is logged")
    c.run(D0 + 2 * DAY - 60)
    tap.eq(len(c.to()), 3, "for a day")
    c.run(D0 + 2 * DAY + 1)
    tap.eq((len(c.to()), c.sum["failed"]), (3, 3),
           "what did not get its turn in a day is given up")


def test_caps_spread(lab):
    """What a cap keeps does not keep others that become due later."""
    zone = "".join(ask("d%d.example" % i, "mailto:d%d@%s" % (
        i, "out.example" if i < 4 else "d%d.example" % i)) for i in range(9))
    c = Case(lab, zone, "report_max_per_host = 1\nreport_spread = 1h\n",
             9, 90)
    c.run(D0 + DAY)
    tap.eq(len([a for a in c.to() if a.endswith("@out.example")]), 1,
           "one for the host with a cap")
    tap.eq(len(c.to()), 6, "and all that go elsewhere, in the same run")


def test_suppressed(lab):
    zone = "".join(ask("d%d.example" % i, "mailto:R@d%d.example" % i)
                   for i in range(4))
    c = Case(lab, zone, "report_spread = 1h\n", 4, 40)
    aver = c.site.aver
    aver("suppress", "add", "r@D0.example", "--for", "30d")
    aver("suppress", "add", "d1.example", "--kind", "policy-domain",
         "--comment", "asked us to")
    c.run(D0 + DAY, "--max", "0")
    aver("suppress", "add", "d2.example")
    c.run(D0 + DAY + 3600)
    tap.eq(c.to(), ["R@d3.example"], "address, rua domain, policy domain")
    states = {r["policy_domain"]: r["submissions"] for r in c.reports()}
    tap.eq(states, {"d2.example": {"suppressed": 1}, "d3.example":
                    {"sent": 1}}, "the ledger says so")
    text = aver("suppress", "export").stdout
    for e in json.loads(text):
        aver("suppress", "remove", e["value"], "--kind", e["kind"])
    tap.eq(json.loads(aver("suppress", "--json").stdout), [], "removed")
    r = aver("suppress", "import", input=text)
    tap.ok(r.returncode == 0, "import", r.stderr)
    tap.eq(aver("suppress", "export").stdout, text, "export and import")
    r = aver("suppress", "import", input='[{"kind": "x", "value": "y"}]')
    tap.ok(r.returncode == 1 and "entry 1" in r.stderr, "a bad import",
           r.stderr)


def unplug(c):
    """Nobody listens where reports go; returns what makes it good again."""
    text = open(c.site.conf).read()
    c.site.write("aver.conf", text.replace(
        "report_transport = directory:" + c.site.path("out"),
        "report_transport = smtp://127.0.0.1:1"))
    return lambda: c.site.write("aver.conf", text)


def test_retry(lab):
    c = Case(lab, ask("d0.example", "mailto:r@d0.example"))
    plug = unplug(c)
    c.run(D0 + DAY)
    tap.eq((c.r.returncode, c.sum.get("retry")), (75, 1),
           "the transport is down")
    c.run(D0 + DAY + 599)
    tap.eq(c.sum.get("retry"), 0, "not before ten minutes")
    c.run(D0 + DAY + 600)
    tap.eq(c.sum.get("retry"), 1, "then again")
    plug()
    c.run(D0 + DAY + 600 + 1200)
    tap.eq(len(c.to()), 1, "at last")
    one = c.site.mails()[0]
    r = c.site.aver("reports", "resend", one.id)
    tap.ok("1 submission" in r.stdout, "resend", r.stderr)
    state = c.reports()[0]["submissions"]
    tap.eq(state, {"pending": 1}, "it is pending again")
    r = c.site.aver("reports", "cancel", one.id)
    tap.eq(c.reports()[0]["submissions"], {"cancelled": 1}, "cancel")
    c.site.aver("reports", "resend", one.id, "1")
    r = c.site.report("dmarc")
    mails = c.site.mails()
    tap.eq((len(mails), len({m.id for m in mails}),
            len({m.octets.split(b"\r\n\r\n", 1)[1] for m in mails})),
           (2, 1, 1), "sent again, the same")
    r = c.site.aver("reports", "resend", "nothing")
    tap.eq(r.returncode, 1, "resend of what is not there")


def refused(lab, verb, reply):
    """What is suppressed when the relay answers so."""
    import smtp_lab
    c = Case(lab, ask("d0.example", "mailto:r@d0.example"))
    ca = smtp_lab.Authority(c.site.path())
    tls = ca.issue("relay", ["localhost"]).context()

    def script(peer):
        peer.greet(tls)
        peer.serve({verb: reply})
    with smtp_lab.Server(script) as s:
        text = open(c.site.conf).read()
        c.site.write("aver.conf", text.replace(
            "report_transport = directory:" + c.site.path("out"),
            "report_transport = smtp://localhost:%d\n"
            "report_tls_ca_file = %s" % (s.port, ca.file)))
        c.site.own()
        c.run()
    return c.sum.get("failed"), [
        e["value"] for e in json.loads(c.site.aver("suppress", "--json").stdout)]


def test_refused(lab):
    try:
        tap.eq(refused(lab, "RCPT", "550 5.1.1 no such user"),
               (1, ["r@d0.example"]), "a mailbox that is not there")
        tap.eq(refused(lab, "RCPT", "550 5.7.1 not from you"), (1, []),
               "a refusal for another reason suppresses nothing")
        tap.eq(refused(lab, "MAIL", "550 5.1.8 no such sender domain"),
               (1, []), "nor one of our sender's address")
        tap.eq(refused(lab, "RCPT", "550 5.1.0 <x>: Sender address rejected: "
                       "User unknown in local recipient table"),
               (1, []), "nor Postfix's word for a sender it does not know")
        tap.eq(refused(lab, "MAIL", "550 5.1.1 who are you"), (1, []),
               "nor one before the recipient was named")
    except ImportError as e:
        tap.note("no relay that refuses: needs %s" % e.name)


def test_give_up(lab):
    c = Case(lab, ask("d0.example", "mailto:r@d0.example"))
    unplug(c)
    now = D0 + DAY
    for _ in range(40):
        c.run(now)
        if c.sum.get("failed"):
            break
        now += 3600
    tap.ok(20 * 3600 < now - D0 - DAY <= 25 * 3600, "given up after a day",
           now - D0 - DAY)
    tap.eq([r["submissions"] for r in c.reports()], [{"failed": 1}],
           "the ledger says so")


DSN = """From: MAILER-DAEMON@mx.example
To: %s
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

It did not work.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; r@d0.example
Action: %s
Status: %s
Diagnostic-Code: smtp; %s

--b--
"""


# each message in it is decoded, and its lines get their CR
GREEDY = "Content-Type: message/rfc822\nContent-Transfer-Encoding: " \
    "quoted-printable\n\n" * 5 + "\n" * (1 << 20)


def test_bounce(lab):
    c = Case(lab, ask("d0.example", "mailto:r@d0.example"))
    c.run()
    sender = c.site.mails()[0].sender

    def bounce(to, action="failed", status="5.1.1", text="550 no such user",
               args=()):
        r = c.site.report("bounce", *args, zone=False,
                          input=DSN % (to, action, status, text))
        return r.returncode, json.loads(
            c.site.aver("suppress", "--json").stdout)
    tap.ok(sender.startswith("dmarc-reports+"), "VERP", sender)
    other = "b" if sender[-24] == "a" else "a"
    tap.eq(bounce(sender[:-24] + other + sender[-23:]), (0, []), "forged")
    tap.eq(bounce("dmarc-reports@reporter.example"), (0, []), "no token")
    tap.eq(bounce(sender, "delayed", "4.4.1"), (0, []), "a delay")
    tap.eq(bounce(sender, status="5.1.8", text="550 sender domain not found"),
           (0, []), "a refusal of the sender")
    code, list_ = bounce("somebody@else.example", args=(sender,))
    tap.eq((code, [(e["kind"], e["value"], e["strikes"]) for e in list_]),
           (0, [("address", "r@d0.example", 1)]), "a bounce")
    code, list_ = bounce(sender)
    tap.eq((code, len(list_), list_[0]["strikes"]), (0, 1, 1),
           "twice is one strike")
    tap.eq([r["submissions"] for r in c.reports()], [{"bounced": 1}],
           "the ledger says so")
    r = c.site.report("bounce", zone=False, input="\0\xff nonsense")
    tap.eq(r.returncode, 0, "nonsense")
    for args, known in (((), False), ((sender,), True)):
        r = c.site.report("bounce", *args, zone=False, input=GREEDY)
        tap.ok(r.returncode == 0 and "too much memory" in r.stderr and
               ("report=" in r.stderr) == known,
               "what takes too much memory does not come again", r)
    os.rename(c.site.path("aver.db"), c.site.path("gone"))
    os.mkdir(c.site.path("aver.db"))
    tap.eq(bounce_code(c, sender), 75, "no store: the MTA keeps it")


def bounce_code(c, sender):
    return c.site.report("bounce", zone=False,
                         input=DSN % (sender, "failed", "5.1.1", "x")
                         ).returncode


def test_usage(lab):
    c = Case(lab, ask("d0.example", "mailto:r@d0.example"))
    for args in ((), ("nonsense",), ("dmarc", "--now"),
                 ("dmarc", "--now", "yesterday"), ("dmarc", "--max", "-1"),
                 ("dmarc", "--nonsense"), ("check", "--ip", "x")):
        r = subprocess.run([R.REPORT, "-c", c.site.conf, *args],
                           capture_output=True, text=True)
        tap.ok(r.returncode == 2 and "usage" in r.stderr,
               "usage: " + " ".join(args), r.stderr)
    for args in (("-h",), ("--help",), ("dmarc", "--help"), ("check", "-h")):
        r = subprocess.run([R.REPORT, *args], capture_output=True, text=True)
        tap.ok(r.returncode == 0 and not r.stderr and
               r.stdout.startswith("usage: aver-report ") and
               "aver-report tls" in r.stdout, "help: " + " ".join(args), r)
    for args in (("reports", "show"), ("reports", "list", "x"),
                 ("reports", "--state", "x"), ("suppress", "add"),
                 ("suppress", "add", "x.example", "--for", "ever"),
                 ("suppress", "nonsense")):
        tap.eq(c.site.aver(*args).returncode, 2, "usage: " + " ".join(args))
    c.site.write("key.pem", "nonsense")
    c.site.own()
    for mode, why in ((0o644, "lets others read"), (0o600, "key.pem")):
        os.chmod(c.site.path("key.pem"), mode)
        c.site.write("aver.conf", open(c.site.conf).read() +
                     ("report_dkim_selector = s\nreport_dkim_key_file = %s\n" %
                      c.site.path("key.pem") if mode == 0o644 else ""))
        c.run()
        tap.ok(c.r.returncode == 1 and why in c.r.stderr, "key: " + why,
               c.r.stderr)


def test_off(lab):
    c = Case(lab, ask("d0.example", "mailto:r@d0.example"),
             "aggregate_reports = no\n")
    c.run()
    tap.eq((c.to(), c.left(), c.r.returncode), ([], 10, 0), "turned off")


def test_check(lab):
    zone = '_dmarc.reporter.example. TXT "v=DMARC1; p=reject"\n' \
        'reporter.example. TXT "v=spf1 ip4:192.0.2.9 -all"\n' \
        "reporter.example. MX 1 mx.example.\n"
    c = Case(lab, zone)
    r = c.site.report("check", "--ip", "192.0.2.9")
    tap.ok(r.returncode == 0 and "pass DMARC by SPF" in r.stdout,
           "nothing to fix", r.stdout)
    r = c.site.report("check", "--ip", "192.0.2.10")
    tap.ok(r.returncode == 1 and "fix   SPF: fail" in r.stdout, "SPF fails",
           r.stdout)
    c.site.write("zone", "reporter.example. MX 0 .\n")
    r = c.site.report("check", "--ip", "192.0.2.9")
    tap.ok(r.returncode == 1 and "has no policy" in r.stdout and
           "null MX" in r.stdout, "no DMARC record, no bounces", r.stdout)


def test_two_hosts(lab):
    """One host asks the DNS while another one reports the period; what comes
    for it then waits for the next, and is no second report."""
    if not shutil.which("nsd"):
        tap.note("there is no nsd: two hosts are not tried")
        return
    gate = Gate(lab.nsd({"example": """
$ORIGIN example.
$TTL 300
@ SOA ns root 1 3600 600 86400 300
@ NS ns
ns A 127.0.0.1
d0 MX 1 ns
_dmarc.d0 TXT "v=DMARC1; p=reject; rua=mailto:r@d0.example"
"""}))
    c = Case(lab, ask("d0.example", "mailto:r@d0.example"),
             "dns_servers = 127.0.0.1@%d\ndns_timeout = 30s\n" % gate.port)
    slow = subprocess.Popen(
        c.site.argv("dmarc", "--now", str(D0 + DAY), zone=False), text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)
    tap.ok(gate.asked.wait(L.PATIENCE), "a host looks up what to do")
    tap.eq(c.run()["reports"], 1, "another one has reported it by then")
    c.site.fill(1, 7, D0, seed=2)
    gate.open.set()
    out = slow.communicate(timeout=L.PATIENCE)[0]
    tap.eq((slow.returncode, R.summary(out).get("reports")), (0, 0),
           "the first leaves what came late")
    tap.eq(c.left(), 7, "where it is")
    tap.eq(c.run(D0 + 2 * DAY)["messages"], 7, "for the next period")
    tap.eq(sorted((m.begin, m.end + 1) for m in c.site.mails()),
           [(D0, D0 + DAY), (D0, D0 + 2 * DAY)], "which is longer")


with L.Lab() as the_lab:
    for test in (test_plain, test_nothing, test_late, test_ahead, test_who,
                 test_not, test_hostile, test_format, test_parts, test_spread,
                 test_caps, test_caps_spread, test_suppressed, test_retry,
                 test_refused, test_give_up, test_bounce, test_usage, test_off, test_check,
                 test_two_hosts):
        test(the_lab)
tap.done()
