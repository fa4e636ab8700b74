#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""What aver-report tls does and does not report, to whom, and when: results
are put into a store, the DNS is a zone file, mail goes to a directory and
HTTPS to a server that says what the test wants."""
import calendar
import json
import os
import re
import sqlite3
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__))))
import lab as L
import reports_lab as R
import tlsrep_lab as T
try:
    import smtp_lab
except ImportError as e:
    L.skip_all("needs %s (Debian: python3-cryptography)" % e.name)

tap = L.Tap()
DAY = T.DAY
D0 = 1793491200  # 2026-11-01
MORNING = DAY + 600  # of the day after
STS = "version:_STSv1;mode:_enforce;mx:_mx.d.example;max_age:_86400"
TLSA = "3_1_1_" + "ab" * 32
NUMBER = [0]


def ask(domain, rua, more=""):
    return ('_smtp._tls.%s. TXT "v=TLSRPTv1; rua=%s%s"\n%s. MX 1 mx.%s.\n' %
            (domain, rua, more, domain, domain))


class Case(T.Site):
    def __init__(self, lab, zone="", extra=""):
        NUMBER[0] += 1
        super().__init__(lab, zone, extra, "case%d" % NUMBER[0])
        self.log_text = ""

    def run(self, now=D0 + MORNING, *args):
        r = self.tls(now, *args)
        self.code, self.log_text = r.returncode, r.stderr
        self.sum = R.summary(r.stderr)
        return r

    def states(self):
        return [r["submissions"] for r in self.ledger()]


def good(*args, **more):
    return T.row(*args, good=more.pop("n", 3), strings=STS, mx="mx.d.example",
                 **more)


def bad(*args, n=2, reason="certificate-expired", mx="mx.d.example", **more):
    return T.row(*args, bad=n, strings=STS, mx="mx.d.example",
                 why=(reason, mx, "192.0.2.1", "x"), **more)


def tlsa(day, under, recipient, host, n=1, **more):
    return T.row(day, under, recipient, good=n, kind="tlsa", domain=host,
                 strings=TLSA, **more)


def test_document(lab):
    c = Case(lab, ask("d.example", "mailto:tls@d.example"), """
report_org_name = R\u00fcckmeldung <&>
""")
    c.put(good(D0, "d.example"), bad(D0, "d.example"),
          bad(D0, "d.example", reason="certificate-host-mismatch"),
          bad(D0, "d.example", n=1))
    c.run()
    mails = c.tls_mails()
    if not tap.eq(len(mails), 1, "one report"):
        tap.note(c.log_text)
        return
    m = mails[0]
    tap.eq((m.to, m.domain, m.day), ("tls@d.example", "d.example",
                                     "2026-11-01"), "of a domain and a day")
    tap.eq(m.count(), (3, 5), "its sessions")
    tap.eq(sorted((d["result-type"], d["failed-session-count"])
                  for d in m.details()),
           [("certificate-expired", 3), ("certificate-host-mismatch", 2)],
           "equal failures are one")
    tap.eq(m.faults(), [], "the schema")
    tap.eq(m.json["date-range"], {
        "start-datetime": "2026-11-01T00:00:00Z",
        "end-datetime": "2026-11-01T23:59:59Z"}, "a full UTC day")
    tap.eq(m.json["contact-info"], "dmarc-reports@reporter.example",
           "the contact")
    tap.eq(m.json["organization-name"], "R\u00fcckmeldung <&>",
           "the organization")
    tap.eq(str(m.message["TLS-Report-Submitter"]), "reporter.example",
           "TLS-Report-Submitter is the contact's domain")
    tap.eq(str(m.message["TLS-Required"]), "No", "TLS-Required")
    tap.ok(re.fullmatch(r"[a-z2-7]{24}@reporter\.example", m.id),
           "the report ID", m.id)
    tap.eq(str(m.message["Subject"]),
           "Report Domain: d.example Submitter: reporter.example "
           "Report-ID: <%s>" % m.id, "it is in the Subject")
    tap.eq(m.file_name, "reporter.example!d.example!%d!%d!%s.json.gz" % (
        D0, D0 + DAY - 1, m.id.split("@")[0]), "and in the file name")
    tap.eq([p.get_content_type() for p in m.parts],
           ["multipart/report", "text/plain", "application/tlsrpt+gzip"],
           "two parts")
    tap.ok("3 good sessions, 5 failures" in m.parts[1].get_content(),
           "the text part counts", m.parts[1].get_content())
    r = subprocess.run(["perl", "-MJSON::PP", "-e", "print JSON::PP->new->utf8"
                        "->decode(join '', <>)->{'report-id'}"],
                       input=m.text.encode(), capture_output=True)
    tap.eq(r.stdout.decode(), m.id, "another program reads it")
    c.run(D0 + MORNING + 3600)
    tap.eq(len(c.tls_mails()), 1, "once")
    tap.eq(c.results(), {}, "nothing is left")


def test_settle(lab):
    c = Case(lab, ask("d.example", "mailto:tls@d.example"))
    c.put(good(D0, "d.example"))
    c.run(D0 + DAY + 200)
    tap.eq(len(c.tls_mails()), 0, "not before five minutes past midnight")
    c.run(D0 + DAY + 300)
    tap.eq(len(c.tls_mails()), 1, "then")
    c.put(bad(D0, "d.example"), good(D0 + DAY, "d.example"))
    c.run(D0 + 2 * DAY + 300)
    tap.eq(sorted((m.day, m.count()) for m in c.tls_mails()),
           [("2026-11-01", (0, 2)), ("2026-11-01", (3, 0)),
            ("2026-11-02", (3, 0))],
           "leftovers keep their own day, and what is late has a report "
           "of its own")
    tap.eq(len({m.id for m in c.tls_mails()}), 3, "with another ID")


def test_record(lab):
    zone = """
_smtp._tls.gone.example. TXT "something else"
_smtp._tls.two.example. TXT "v=TLSRPTv1; rua=mailto:a@two.example"
_smtp._tls.two.example. TXT "v=TLSRPTv1; rua=mailto:b@two.example"
_smtp._tls.odd.example. TXT "v=TLSRPTv1; rua=ftp://odd.example/x"
_smtp._tls.bad.example. TXT "v=TLSRPTv1; rua=not a uri"
_smtp._tls.temp.example. SERVFAIL TXT
"""
    names = ["none.example", "gone.example", "two.example", "odd.example",
             "bad.example", "temp.example"]
    c = Case(lab, zone)
    c.put(*[bad(D0, n) for n in names])
    c.run()
    tap.eq(len(c.tls_mails()), 0, "nobody asked for a report")
    tap.eq(c.results(), {"temp.example": 2}, "a temporary error keeps what "
           "there is, an answer drops it")
    c.write("zone", zone.replace(
        "_smtp._tls.temp.example. SERVFAIL TXT",
        ask("temp.example", "mailto:tls@temp.example")))
    c.put(good(D0 + DAY, "temp.example"))
    c.run(D0 + DAY + MORNING)
    tap.eq(sorted((m.day, m.count()) for m in c.tls_mails()),
           [("2026-11-01", (0, 2)), ("2026-11-02", (3, 0))],
           "two days later two reports")
    c.write("zone", zone)
    c.put(bad(D0 + 2 * DAY, "temp.example"))
    c.run(D0 + 9 * DAY + MORNING)
    tap.eq(c.results(), {}, "what is too old is dropped")


def test_wanted(lab):
    zone = "".join(ask(d, "mailto:tls@" + d) for d in
                   ("a.example", "b.example", "reporter.example"))
    c = Case(lab, zone)
    c.put(good(D0, "a.example", wanted=False),
          bad(D0, "a.example", wanted=False),
          good(D0, "b.example", wanted=False), bad(D0, "b.example"),
          bad(D0, "reporter.example"))
    c.run()
    tap.eq([(m.domain, m.count()) for m in c.tls_mails()],
           [("b.example", (3, 2))],
           "deliveries of reports cause none, but come along in one; nothing "
           "about our own domain")
    tap.eq(c.results(), {}, "they are not kept")


def test_success(lab):
    zone = ask("a.example", "mailto:tls@a.example") + \
        ask("b.example", "mailto:tls@b.example")
    rows = [good(D0, "a.example"), bad(D0, "b.example")]
    c = Case(lab, zone)
    c.put(*rows)
    c.run()
    tap.eq(sorted(m.domain for m in c.tls_mails()), ["a.example", "b.example"],
           "a day of successes is reported")
    c = Case(lab, zone, "tls_report_success = no\n")
    c.put(*rows)
    c.run()
    tap.eq([m.domain for m in c.tls_mails()], ["b.example"],
           "not with tls_report_success = no")
    tap.eq(c.results(), {}, "it is dropped")
    c = Case(lab, zone, "tls_reports = no\n")
    c.put(*rows)
    c.run()
    tap.eq((len(c.tls_mails()), len(c.results())), (0, 2), "tls_reports = no")
    c.run(D0 + 9 * DAY)
    tap.eq(c.results(), {}, "nothing is kept for ever")


def test_hosts(lab):
    zone = ask("one.example", "mailto:same@host.example") + \
        ask("two.example", "mailto:tls@two.example") + \
        ask("mx.host.example", "mailto:same@host.example") + \
        "host.example. MX 1 mx.host.example.\n"
    host = "mx.host.example"
    rows = []
    for d, n in (("one.example", 5), ("two.example", 7)):
        rows += [T.row(D0, d, good=n, kind="no-policy-found"),
                 tlsa(D0, d, d, host, n), tlsa(D0, host, d, host, n)]
    c = Case(lab, zone)
    c.put(*rows)
    c.run()
    got = sorted((m.domain, m.to, m.count()) for m in c.tls_mails())
    tap.eq(got, [("mx.host.example", "same@host.example", (7, 0)),
                 ("one.example", "same@host.example", (10, 0)),
                 ("two.example", "tls@two.example", (14, 0))],
           "both are told: the host only what the same URIs have not had")
    tap.eq([m.kinds() for m in c.tls_mails() if m.domain == "one.example"],
           [[("no-policy-found", "one.example"), ("tlsa", host)]],
           "a recipient domain has the policies of its hosts too")
    tap.eq(c.sum.get("told"), 5, "the log counts what was left out")
    tap.eq([m.faults() for m in c.tls_mails()], [[], [], []], "the schema")

    c = Case(lab, zone.replace("two.example. TXT \"v=TLSRPTv1; rua=mailto:"
                               "tls@two", "two.example. TXT \"v=TLSRPTv1; "
                               "rua=mailto:same@host"))
    c.put(*rows)
    c.run()
    tap.eq(sorted(m.domain for m in c.tls_mails()),
           ["one.example", "two.example"],
           "a host whose record names the URIs of all gets no report")
    tap.eq(c.results(), {}, "and nothing is left")

    c = Case(lab, zone.replace("_smtp._tls.one.example", "nobody.example"))
    c.put(*rows)
    c.run()
    tap.eq(sorted((m.domain, m.count()) for m in c.tls_mails()),
           [("mx.host.example", (12, 0)), ("two.example", (14, 0))],
           "a recipient domain that asks for nothing has been told nothing")


def test_late_host(lab):
    """What came late for the day before does not hide the report of a day."""
    host = "mx.host.example"
    c = Case(lab, ask("one.example", "mailto:same@host.example") +
             ask(host, "mailto:same@host.example") +
             "host.example. MX 1 mx.host.example.\n")
    now = D0 + DAY + MORNING
    c.put(tlsa(D0 + DAY, "one.example", "one.example", host))
    c.run(now)
    c.put(tlsa(D0, "one.example", "one.example", host))
    c.run(now + 3600)
    tap.eq(sorted(m.day for m in c.tls_mails()),
           ["2026-11-01", "2026-11-02"],
           "a report, and then one of the day before")
    c.put(tlsa(D0 + DAY, host, "one.example", host))
    c.run(now + 7200)
    tap.eq(([m.domain for m in c.tls_mails()], c.sum.get("told")),
           (["one.example"] * 2, 1), "the host is told nothing twice")


def test_twin(lab):
    c = Case(lab, ask("d.example", "mailto:tls@d.example"))
    c.put(T.row(D0, "d.example", good=4, kind="no-policy-found"),
          tlsa(D0, "d.example", "d.example", "d.example", 6))
    c.run()
    tap.eq([(m.kinds(), m.count()) for m in c.tls_mails()],
           [([("tlsa", "d.example")], (6, 0))],
           "no-policy-found of a domain that has TLSA results is dropped")


def test_details(lab):
    c = Case(lab, ask("d.example", "mailto:tls@d.example"))
    c.put(*[bad(D0, "d.example", n=2, mx="mx%d.d.example" % i,
                reason=("certificate-expired", "validation-failure")[i % 2])
            for i in range(11000)])
    c.run()
    m = c.tls_mails()[0]
    tap.eq(m.count(), (0, 22000), "many failures")
    tap.eq(sum(d["failed-session-count"] for d in m.details()), 22000,
           "none is missing in the details")
    rest = [d for d in m.details()
            if d.get("failure-reason-code") == "further-details-left-out"]
    tap.ok(len(m.details()) < 11000 and
           sum(d["failed-session-count"] for d in rest) == 2000,
           "though not each has one", rest)
    tap.eq(m.faults(), [], "the schema")


def test_several(lab, ca, takers):
    c = Case(lab, ask("d.example", "mailto:a@d.example, mailto:b@d.example,"
                      "%s, ftp://d.example/, mailto:a@d.example" %
                      takers.url("200")) + "take.example. A 127.0.0.1\n",
             https(ca))
    c.put(bad(D0, "d.example"))
    before = len(takers.got)
    c.run()
    mails = c.tls_mails()
    tap.eq(sorted(m.to for m in mails), ["a@d.example", "b@d.example"],
           "several mailboxes: each once")
    got = takers.got[before:]
    if tap.eq(len(got), 1, "and HTTPS"):
        host, path, kind, octets = got[0]
        tap.eq((host, path, kind), ("take.example", "/200",
                                    "application/tlsrpt+gzip"), "the request")
        tap.ok(all(m.octets == octets for m in mails), "the same document")
    tap.eq(c.states(), [{"sent": 3}], "the ledger")
    tap.ok("neither a mailbox nor a URL with https" in c.log_text and
           "it is there already" in c.log_text, "others are told to the log")


def https(ca, more=""):
    return "sts_allow_networks = 127.0.0.0/8\nreport_tls_ca_file = %s\n%s" % (
        ca.file, more)


def test_https(lab, ca, takers):
    zone = "take.example. A 127.0.0.1\n"
    names = ["200", "200page", "201", "204", "302", "500", "404"]
    for name in names:
        zone += ask("d%s.example" % name, takers.url(name, "h%s.example" %
                                                     name))
        zone += "h%s.example. A 127.0.0.1\n" % name
    c = Case(lab, zone, https(ca))
    c.put(*[bad(D0, "d%s.example" % n) for n in names])
    c.run()
    want = {"200": "sent", "200page": "sent", "201": "sent", "204": "sent"}
    got = {r["policy_domain"][1:-8]: list(r["submissions"])[0]
           for r in c.ledger()}
    for n in names:
        tap.eq(got.get(n), want.get(n, "pending"), "HTTPS: " + n)
    tap.eq((len(takers.at("302")), len(takers.at("200"))),
           (1, 2), "no redirect is followed")
    tap.ok("HTTP status 500" in c.log_text, "the log has the reason",
           c.log_text)
    takers.say["/500"] = "200"
    c.run(D0 + MORNING + 60)
    tap.eq(len(takers.at("500")), 1, "not again at once")
    c.run(D0 + MORNING + 660)
    tap.eq(len(takers.at("500")), 2, "again after ten minutes")
    tap.eq(takers.at("500")[0][3], takers.at("500")[1][3],
           "with the same octets")
    now = D0 + MORNING + 660
    while now < D0 + MORNING + 26 * 3600:
        now += 1800
        c.run(now)
    got = {r["policy_domain"][1:-8]: list(r["submissions"])[0]
           for r in c.ledger()}
    tap.eq(got, {"200": "sent", "200page": "sent", "201": "sent",
                 "204": "sent", "500": "sent", "302": "failed",
                 "404": "failed"}, "given up after a day")
    tap.eq(len(takers.at("200page")), 1,
           "what is taken is not sent again for a long answer")
    n = len(takers.at("404"))
    tap.ok(5 <= n <= 16, "with growing intervals", n)


def test_silent(lab, ca, takers):
    c = Case(lab, ask("d.example", takers.url("silent", "hsilent.example")) +
             "hsilent.example. A 127.0.0.1\n",
             https(ca, "report_timeout = 1s\n"))
    c.put(bad(D0, "d.example"))
    c.run()
    tap.ok(c.states() == [{"pending": 1}] and "timeout" in c.log_text,
           "HTTPS: silent", c.log_text)
    c.run(D0 + MORNING + 26 * 3600)
    tap.eq(c.states(), [{"failed": 1}], "given up after a day")


def test_safety(lab, ca, takers):
    """What a record may make us do."""
    zone = ask("d.example", takers.url("200")) + "take.example. A 127.0.0.1\n"
    before = len(takers.got)
    c = Case(lab, zone, "report_tls_ca_file = %s\n" % ca.file)
    c.put(bad(D0, "d.example"))
    c.run()
    tap.ok("is not public" in c.log_text and len(takers.got) == before,
           "an address that is not public is refused", c.log_text)
    c = Case(lab, zone.replace("take.example", "other.example"), https(ca))
    c.put(bad(D0, "d.example"))
    c.run()
    tap.ok(len(takers.got) == before and c.states() == [{"pending": 1}],
           "a certificate for another host", c.log_text)
    c = Case(lab, zone.replace("take.example", "other.example"),
             https(ca, "tls_report_verify = no\n"))
    c.put(bad(D0, "d.example"))
    c.run()
    tap.eq(c.states(), [{"sent": 1}], "unless tls_report_verify = no")
    for i, uri in enumerate(("https://user@take.example:%d/200" % takers.port,
                             "https://127.0.0.1:%d/200" % takers.port,
                             "https://[::1]:%d/200" % takers.port,
                             "https:take.example",
                             "https://take.example:0/")):
        before = len(takers.got)
        c = Case(lab, ask("d.example", uri) + "take.example. A 127.0.0.1\n",
                 https(ca))
        c.put(bad(D0, "d.example"))
        c.run()
        tap.ok(len(takers.got) == before and not c.ledger(), uri, c.log_text)
    many = ",".join("mailto:r%d@d.example" % i for i in range(50))
    text = "v=TLSRPTv1; rua=" + many
    pieces = " ".join('"%s"' % text[i:i + 200]
                      for i in range(0, len(text), 200))
    c = Case(lab, "_smtp._tls.d.example. TXT %s\nd.example. MX 1 m.example.\n"
             % pieces)
    c.put(bad(D0, "d.example"))
    c.run()
    tap.eq(len(c.tls_mails()), 5, "50 addresses: report_max_destinations")


DSN = """From: MAILER-DAEMON@mx.example
To: %s
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; tls@d.example
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 no such user

--b--
"""


def test_suppression(lab, ca, takers):
    c = Case(lab, ask("d.example", "mailto:tls@d.example,mailto:x@d.example"))
    c.put(bad(D0, "d.example"))
    c.run()
    sender = [m.sender for m in c.tls_mails() if m.to == "tls@d.example"][0]
    r = c.report("bounce", zone=False, input=DSN % sender)
    tap.eq((r.returncode, c.states()), (0, [{"bounced": 1, "sent": 1}]),
           "a bounce")
    c.put(bad(D0 + DAY, "d.example"))
    c.run(D0 + DAY + MORNING)
    tap.eq(sorted(m.to for m in c.tls_mails() if m.day == "2026-11-02"),
           ["x@d.example"], "the next report goes to the others only")
    c = Case(lab, ask("d.example", takers.url("200")) +
             "take.example. A 127.0.0.1\n", https(ca))
    c.put(bad(D0, "d.example"))
    before = len(takers.got)
    c.aver("suppress", "add", "take.example", "--kind",
           "rua-domain")
    c.run()
    tap.eq(len(takers.got), before, "a suppressed HTTPS host")
    tap.eq(c.results(), {}, "the results are dropped")
    c = Case(lab, ask("d.example", "mailto:tls@d.example"))
    c.put(bad(D0, "d.example"))
    c.aver("suppress", "add", "d.example", "--kind",
           "policy-domain")
    c.run()
    tap.eq((c.tls_mails(), c.results()), ([], {}), "a suppressed domain")


def test_loop(lab):
    """Every day one session, the delivery of yesterday's report."""
    c = Case(lab, ask("d.example", "mailto:tls@d.example"))
    sent = []
    for k in range(10):
        if k == 0 or sent[-1]:
            c.put(good(D0 + k * DAY, "d.example", n=1))
        before = len(c.tls_mails())
        c.run(D0 + k * DAY + MORNING)
        sent.append(len(c.tls_mails()) - before)
    tap.eq(sent, [1] * 7 + [0] * 3, "a loop ends after a week")
    c = Case(lab, ask("d.example", "mailto:tls@d.example"))
    sent = []
    for k in range(16):
        c.put(good(D0 + k * DAY, "d.example", n=1))
        before = len(c.tls_mails())
        c.run(D0 + k * DAY + MORNING)
        sent.append(len(c.tls_mails()) - before)
    tap.ok(sent.count(0) == 2, "who goes on misses one day in eight", sent)


def test_unreadable(lab):
    """Rows that another version wrote, or that are damaged."""
    if os.environ.get("AVER_STORE"):
        tap.note("rows are damaged in SQLite only")
        return
    c = Case(lab, ask("d.example", "mailto:tls@d.example") +
             ask("e.example", "mailto:tls@e.example"))
    c.put(bad(D0, "d.example"), bad(D0, "e.example"), good(D0, "e.example"))
    with sqlite3.connect(c.store[len("sqlite:"):]) as db:
        db.execute("UPDATE tls_result SET detail = x'00'"
                   " WHERE length(detail) > 0")
    c.run()
    tap.eq([m.domain for m in c.tls_mails()], ["e.example"],
           "no report is made of nothing")
    tap.ok("nothing that can be read" in c.log_text, "the log says so",
           c.log_text)


def test_dry(lab):
    c = Case(lab, ask("d.example", "mailto:tls@d.example,ftp://x.example/") +
             ask("e.example", "mailto:tls@e.example"))
    c.put(bad(D0, "d.example"), bad(D0, "e.example"))
    before = c.results()
    r = c.run(D0 + MORNING, "--dry-run")
    tap.ok(r.returncode == 0 and "report domain=d.example" in r.stdout and
           "uri=ftp://x.example/ skip=" in r.stdout, "--dry-run tells",
           r.stdout)
    tap.eq((c.results(), c.tls_mails()), (before, []), "and does nothing")
    c.run(D0 + MORNING, "--domain", "E.Example")
    tap.eq([m.domain for m in c.tls_mails()], ["e.example"], "--domain")
    c.put(*[bad(D0, "d.example")])
    c.run(D0 + MORNING, "--max", "0")
    tap.eq((len(c.tls_mails()), c.sum.get("reports")), (1, 1), "--max 0")
    tap.eq(c.tls(D0, "--nonsense").returncode, 2, "usage")


def when(text):
    """Seconds since the epoch, of what the commands print."""
    return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))


def test_spread(lab):
    zone = "".join(ask("d%d.example" % i, "mailto:tls@d%d.example" % i)
                   for i in range(40))
    c = Case(lab, zone)
    c.write("aver.conf", open(c.conf).read().replace(
        "tls_report_spread = 0", "tls_report_spread = 4h"))
    c.own()
    c.fill_tls(40, 400, D0)
    c.run(D0 + MORNING, "--max", "0")
    due = sorted(when(s["next_try"]) - D0 - MORNING for r in c.ledger()
                 for s in json.loads(c.aver("reports", "show", r["id"],
                                            "--json").stdout)["submissions"])
    tap.ok(len(due) == 40 and len(set(due)) > 30 and
           0 <= due[0] < 7200 <= due[-1] < 4 * 3600, "over four hours", due)
    got, want = [], []
    for k in range(1, 5):
        c.run(D0 + MORNING + k * 3600, "--no-wait")
        got.append(len(c.tls_mails()))
        want.append(len([x for x in due if x <= k * 3600]))
    tap.eq(got, want, "each at its time")


def test_signature(lab):
    try:
        import dkim
    except ImportError:
        tap.ok(True, "the signature # SKIP there is no dkimpy")
        return
    subprocess.run(["openssl", "genrsa", "-out", lab.path("key.pem"), "2048"],
                   check=True, capture_output=True)
    der = subprocess.run(["openssl", "rsa", "-in", lab.path("key.pem"),
                          "-pubout", "-outform", "DER"], check=True,
                         capture_output=True).stdout
    os.chmod(lab.path("key.pem"), 0o644 if os.geteuid() else 0o600)
    if os.geteuid() == 0:
        import shutil
        shutil.chown(lab.path("key.pem"), "nobody")
    import base64
    record = b"v=DKIM1; p=" + base64.b64encode(der)
    c = Case(lab, ask("d.example", "mailto:tls@d.example"),
             "report_dkim_selector = s\nreport_dkim_key_file = %s\n" %
             lab.path("key.pem"))
    # dkimpy goes by the clock
    day = (int(time.time()) // DAY - 1) * DAY
    c.put(bad(day, "d.example"))
    c.run(day + MORNING)
    raw = c.tls_mails()[0].raw
    while raw.startswith(b"X-"):  # of the directory, not of the message
        raw = raw.split(b"\n", 1)[1]
    d = dkim.DKIM(raw)
    tap.ok(d.verify(dnsfunc=lambda name, timeout=5: record), "the signature")
    signed = [h.lower() for h in re.search(
        rb"\bh=([^;]*);", raw).group(1).replace(b"\r\n", b"").replace(
        b" ", b"").replace(b"\t", b"").split(b":")]
    tap.ok(b"tls-report-domain" in signed and
           b"tls-report-submitter" in signed, "it covers what it has to",
           signed)


def test_reading(lab):
    c = Case(lab, ask("d.example", "mailto:tls@d.example"))
    c.put(good(D0, "d.example"), bad(D0, "d.example"))
    c.run()
    with open(lab.path("r.eml"), "wb") as f:
        f.write(c.tls_mails()[0].raw)
    os.chmod(lab.path("r.eml"), 0o644)
    r = c.aver("report", "show", lab.path("r.eml"))
    tap.ok(r.returncode == 0 and "certificate-expired" in r.stdout and
           "d.example" in r.stdout, "aver report show reads it", r.stdout +
           r.stderr)


def main(lab):
    ca = smtp_lab.Authority(lab.dir)
    names = ["take.example"] + ["h%s.example" % n for n in (
        "200", "200page", "201", "204", "302", "500", "404", "silent")]
    takers = T.Takers(ca.issue("takers", names))
    os.chmod(ca.file, 0o644)
    if not T.jsonschema:
        tap.note("python3-jsonschema is not installed: no schema is checked")
    for test in (test_document, test_settle, test_record, test_wanted,
                 test_success, test_hosts, test_late_host, test_twin,
                 test_details, test_loop, test_unreadable, test_dry,
                 test_spread, test_signature, test_reading):
        tap.note(test.__name__)
        test(lab)
    for test in (test_several, test_https, test_silent, test_safety,
                 test_suppression):
        tap.note(test.__name__)
        test(lab, ca, takers)


L.need(root=False, programs=("perl", "openssl"))
with L.Lab() as the_lab:
    main(the_lab)
tap.done()
