#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""Failure reports from a real Postfix to the message: what fails is recorded
by the milter when the owner asks for it, alike incidents become one report,
external addresses need a consent, nothing private is shown, DKIM verifies in
dkimpy, a bounce suppresses the address, and nothing is reported twice."""
import email
import email.policy
import os
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__))))
import lab as L

L.need(programs=("postfix", "nsd", "openssl"))
REPORT = os.path.join(L.BUILD, "aver-report")
tap = L.Tap()
try:
    import dkim
except ImportError:
    dkim = None
ZONE = """
$ORIGIN example.
$TTL 300
@ SOA ns hostmaster 1 3600 900 86400 300
@ NS ns
ns A 127.0.0.1
mx A 127.0.0.1
own MX 10 mx
own TXT "v=spf1 ip4:192.0.2.1 -all"
_dmarc.own TXT "v=DMARC1; p=reject; ruf=mailto:ruf@own.example; fo=1"
quiet MX 10 mx
quiet TXT "v=spf1 -all"
_dmarc.quiet TXT "v=DMARC1; p=reject; rua=mailto:rua@quiet.example"
away TXT "v=spf1 -all"
_dmarc.away TXT "v=DMARC1; p=none; ruf=mailto:x@third.example"
agreed TXT "v=spf1 -all"
_dmarc.agreed TXT "v=DMARC1; p=none; ruf=mailto:y@third.example"
third MX 10 mx
agreed.example._report._dmarc.third TXT "v=DMARC1"
suffix MX 10 mx
suffix TXT "v=spf1 -all"
_dmarc.suffix TXT "v=DMARC1; p=reject; psd=y; ruf=mailto:ruf@suffix.example"
reporter TXT "v=spf1 -all"
_dmarc.reporter TXT "v=DMARC1; p=reject"
"""
CONF = """
failure_reports = yes
log_level = info
report_email = reports@reporter.example
report_transport = directory:%(out)s
report_dkim_domain = reporter.example
report_dkim_selector = s1
report_dkim_key_file = %(key)s
dmarc_reject_action = reject
"""


def message(domain, more="", subject="Hello jane.doe"):
    return ("From: \"Jane\" <jane.doe@%s>\r\nTo: user@receiver.example\r\n"
            "Subject: %s\r\nMessage-ID: <%f@%s>\r\nX-Secret: topsecret\r\n"
            "%s\r\nSECRETBODY\r\n" %
            (domain, subject, time.time(), domain, more)).encode()


class Site:
    def __init__(self, lab):
        self.lab = lab
        self.out = lab.path("out")
        os.makedirs(self.out)
        key = lab.path("key.pem")
        subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt",
                        "rsa_keygen_bits:2048", "-out", key], check=True,
                       capture_output=True)
        os.chmod(key, 0o600)
        for p in (self.out, key):
            shutil.chown(p, "nobody")
        self.key = key
        self.extra = CONF % {"out": self.out, "key": key}

    def record(self):
        der = subprocess.run(["openssl", "pkey", "-in", self.key, "-pubout",
                              "-outform", "DER"], check=True,
                             capture_output=True).stdout
        import base64
        return b"v=DKIM1; k=rsa; p=" + base64.b64encode(der)

    def run(self, milter, *args, **more):
        return subprocess.run([REPORT, "-f", "-c", milter.conf, *args],
                              capture_output=True, text=True, **more)

    def mails(self):
        out = []
        for f in sorted(os.listdir(self.out)):
            with open(os.path.join(self.out, f), "rb") as m:
                out.append(m.read())
        return out


def parse(raw):
    m = email.message_from_bytes(raw, policy=email.policy.default)
    parts = list(m.walk())
    fields = {}
    for p in parts:
        if p.get_content_type() == "message/feedback-report":
            inner = p.get_payload()
            inner = inner[0] if isinstance(inner, list) else \
                email.message_from_string(inner)
            fields = {k: str(v) for k, v in inner.items()}
    return m, fields, parts[-1]


def send(port):
    near = L.Client(port, ip="198.51.100.7", helo="bad.example")
    far = L.Client(port, ip="198.51.100.8", helo="bad.example")
    got = []
    for _ in range(3):
        got.append(near.send("jane.doe@own.example", message("own.example")))
    got.append(far.send("jane.doe@own.example", message("own.example")))
    # never reported on
    got.append(near.send("", message("own.example")))
    got.append(near.send("jane.doe@own.example", message(
        "own.example", "MIME-Version: 1.0\r\nContent-Type: multipart/report;"
        " report-type=feedback-report; boundary=b\r\n")))
    got.append(near.send("jane.doe@own.example", message(
        "own.example", subject="Report Domain: x Submitter: y")))
    for d in ("quiet", "away", "agreed", "suffix"):
        got.append(near.send("jane.doe@%s.example" % d,
                             message(d + ".example")))
    near.close()
    far.close()
    return [code for code, _ in got]


def check_report(site, raw, ip, incidents):
    m, f, headers = parse(raw)
    name = "report about %s: " % ip
    tap.eq([p.get_content_type() for p in m.walk()][:3],
           ["multipart/report", "text/plain", "message/feedback-report"],
           name + "parts")
    tap.eq(m["Content-Type"].params["report-type"], "feedback-report",
           name + "report-type")
    tap.eq(m["To"], "ruf@own.example", name + "To")
    tap.eq(m["Auto-Submitted"], "auto-generated", name + "Auto-Submitted")
    want = {"Feedback-Type": "auth-failure", "Version": "1",
            "Auth-Failure": "dmarc", "Identity-Alignment": "spf",
            "Reported-Domain": "own.example", "Delivery-Result": "reject",
            "Source-IP": ip, "SPF-DNS":
            'txt : own.example : "v=spf1 ip4:192.0.2.1 -all"',
            "Authentication-Results":
            "mx.receiver.example; dmarc=fail header.from=own.example"}
    got = {k: " ".join(f.get(k, "").split()) for k in want}
    tap.eq(got, want, name + "fields")
    tap.ok(0 < int(f.get("Source-Port", "0")) < 65536, name + "Source-Port")
    tap.eq(int(f.get("Incidents", "1")), incidents, name + "Incidents")
    tap.ok(re.fullmatch(r"<[a-z2-7]{20}@own\.example>",
                        f["Original-Mail-From"]), name + "redacted sender",
           f["Original-Mail-From"])
    text = raw.decode()
    tap.ok("jane" not in text.lower().replace('"jane"', "") and
           "user@receiver" not in text and "SECRET" not in text.upper(),
           name + "nothing private", text)
    tap.eq(headers.get_content_type(), "text/rfc822-headers",
           name + "headers")
    tap.ok(str(m["Subject"]).startswith("FW: Hello "), name + "Subject",
           m["Subject"])
    if dkim:
        signed = raw[raw.index(b"DKIM-Signature:"):]
        tap.ok(dkim.verify(signed, dnsfunc=lambda *a, **k: site.record()),
               name + "dkimpy")
    return m["X-Sender"] and str(m["X-Sender"]).strip("<> ")


def check_bounce(site, milter, sender):
    dsn = ("Return-Path: <>\nDelivered-To: %s\nFrom: MAILER-DAEMON@x\nTo: %s\n"
           "Subject: Undelivered Mail\nContent-Type: multipart/report; "
           "report-type=delivery-status; boundary=b\n\n--b\n\nno\n--b\n"
           "Content-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n"
           "Final-Recipient: rfc822; ruf@own.example\nAction: failed\n"
           "Status: 5.1.1\n--b--\n" % (sender, sender))
    r = site.run(milter, "bounce", sender, input=dsn)
    tap.eq(r.returncode, 0, "bounce: taken")
    r = site.lab.aver("-c", milter.conf, "suppress", "list")
    tap.ok("ruf@own.example" in r.stdout, "bounce: the address is suppressed",
           r.stdout + r.stderr)


def main(lab):
    site = Site(lab)
    dns = lab.nsd({"example": ZONE})
    milter = lab.milter(dns, site.extra)
    port = lab.postfix(milter.port)
    codes = send(port)
    tap.ok(codes.count(550) >= 7 and 451 not in codes, "messages are judged",
           repr(codes))
    tap.eq(milter.stop(), 0, "the milter stops in order")
    later = str(int(time.time()) + 60)
    r = site.run(milter, "failure", "--now", later, "--dry-run")
    tap.ok("own.example" in r.stdout and not site.mails(), "dry run",
           r.stdout + r.stderr)
    r = site.run(milter, "failure", "--now", later)
    tap.eq(r.returncode, 0, "aver-report failure")
    mails = site.mails()
    to = sorted(parse(m)[0]["To"] for m in mails)
    tap.eq(to, ["ruf@own.example", "ruf@own.example", "y@third.example"],
           "reports to those who asked and may")
    tap.ok("quiet.example" not in r.stderr and "suffix" not in r.stderr,
           "who did not ask left no trace", r.stderr)
    by_ip = {parse(m)[1].get("Source-IP"): m for m in mails
             if parse(m)[0]["To"] == "ruf@own.example"}
    tap.eq(sorted(by_ip), ["198.51.100.7", "198.51.100.8"], "one a client")
    check_report(site, by_ip["198.51.100.7"], "198.51.100.7", 3)
    sender = check_report(site, by_ip["198.51.100.8"], "198.51.100.8", 1)
    r = site.run(milter, "failure", "--now", str(int(later) + 60))
    tap.ok(r.returncode == 0 and len(site.mails()) == 3,
           "nothing is sent again", r.stderr)
    r = lab.aver("-c", milter.conf, "reports", "list")
    tap.ok(r.stdout.count("failure") >= 3, "aver reports list",
           r.stdout + r.stderr)
    r = lab.aver("-c", milter.conf, "reports", "show", r.stdout.split()[0],
                 "--document")
    tap.ok("Feedback-Type: auth-failure" in r.stdout, "aver reports show",
           r.stdout + r.stderr)
    check_bounce(site, milter, sender)
    # off again: what is there goes away
    milter.start()
    L.Client(port, ip="198.51.100.9", helo="bad.example").send(
        "jane.doe@agreed.example", message("agreed.example"))
    milter.stop()
    milter.configure(site.extra.replace("failure_reports = yes", ""))
    r = site.run(milter, "failure", "--now", str(int(later) + 120))
    tap.ok(r.returncode == 0 and "dropped=1" in r.stderr and
           len(site.mails()) == 3, "failure_reports = no drops what is kept",
           r.stderr)


with L.Lab() as lab:
    try:
        main(lab)
    except Exception:
        import traceback
        tap.ok(False, "no exception", traceback.format_exc())
        tap.note(lab.read("milter.log")[-3000:])
        tap.note(lab.read("postfix.log")[-1000:])
tap.done()
