#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""A Postfix of 3.11 or later, which AVER_POSTFIX names (the folder where it
was built: bin, libexec, conf), delivers as aver-policyd says: with the
attributes of MTA-STS for TLS reports, with REQUIRETLS, with TLS-Required."""
import json
import os
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "t/integ"))
import lab                                                  # noqa: E402
try:
    import tls_site
except ImportError as e:
    lab.skip_all("needs %s (Debian: python3-cryptography)" % e.name)
import tls_lab                                              # noqa: E402
from tls_site import Domain                                 # noqa: E402

tap = lab.Tap()
TREE = os.environ.get("AVER_POSTFIX", "")
ALL = "PIPELINING,REQUIRETLS"
STS, NOT_TRUSTED = 2, 205  # of the datagrams
DOMAINS = {
    "dane.example": Domain(signer="other", names=["whatever.example"],
                           tlsa="good", words=ALL),
    "wrong.example": Domain(tlsa="bad", words=ALL),
    "sts.example": Domain({}, words=ALL),
    "wild.example": Domain({"mx": ["*.wild.example"]}, words=ALL),
    "old.example": Domain({}),
    "cert.example": Domain({}, signer="other", words=ALL),
    "clear.example": Domain({}, names=None),
    "mxname.example": Domain({"mx": ["*.elsewhere.example"]}, words=ALL),
    "testing.example": Domain({"mode": "testing"}, signer="other", words=ALL),
    "missing.example": Domain({}, fault="missing"),
    "text.example": Domain({}, fault="text"),
    "webpki.example": Domain({}, fault="certificate"),
    "plain.example": Domain(words=ALL),
    "open.example": Domain(names=None),
    "big.example": Domain({"mx": ["mx.big.example"] + [
        "mx%04d.mail.big.example" % i for i in range(900)]}),
}
MAIN = """
smtp_requiretls_policy = %s
smtp_tls_enforce_sts_mx_patterns = yes
tls_required_enable = yes
smtp_tlsrpt_enable = yes
smtp_tlsrpt_socket_name = %s
"""


class Collector:
    """Keeps the datagrams that Postfix sends for TLS reports."""

    def __init__(self, path):
        self.datagrams = []
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(path)
        os.chmod(path, 0o777)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            self.datagrams.append(json.loads(self.sock.recv(1 << 20)))

    def policies(self, domain):
        return [p for d in self.datagrams if d["d"] == domain
                for p in d["policies"]]


class Sending:
    """The Postfix under test, and how its deliveries went."""

    def __init__(self, stage):
        self.site = tls_site.Site(stage, DOMAINS)
        self.collector = Collector(stage.path("tlsrpt"))
        self.postfix = tls_lab.Sender(
            stage, self.site.resolver, self.site.map("tls"),
            self.site.ca.file, self.site.ports(), built=TREE,
            more=MAIN % (self.site.map("requiretls"), stage.path("tlsrpt")))
        ask = stage.write("postconf", "#!/bin/sh\nexec %s -c %s \"$@\"\n" % (
            self.postfix.tool("postconf"), self.postfix.folder))
        os.chmod(ask, 0o755)
        self.site.start("postfix_version = auto\npostconf_command = %s\n"
                        "requiretls_policy = enforce\n" % ask)

    def host(self, domain):
        return self.site.mx[domain][0]

    def ask(self, name, key):
        return subprocess.run(
            [self.postfix.tool("postmap"), "-c", self.postfix.folder, "-q",
             key, self.site.map(name)], capture_output=True, text=True
        ).stdout.strip()

    def check(self, send, domain, status, words, name):
        before = self.host(domain).taken()
        line = send()
        came = self.host(domain).taken() - before
        good = "status=" + status in line and all(w in line for w in words)
        tap.ok(good and came == (status == "sent"), name, line)
        tap.note("to=" + line.partition("@")[2])

    def deliver(self, domain, status, words, name, header=""):
        self.check(lambda: self.postfix.send(domain, header), domain, status,
                   words, name)

    def require(self, domain, status, words, name):
        """With REQUIRETLS."""
        self.check(lambda: self.postfix.submit(domain, "-Orequiretls=yes"),
                   domain, status, words, "REQUIRETLS: " + name)


def test_answers(site):
    said = site.ask("tls", "sts.example")
    tap.ok(said.startswith("secure match=mx.sts.example servername=hostname "
                           "policy_type=sts policy_domain=sts.example { "
                           "policy_string = version: STSv1 }"), "enforce",
           said)
    tap.note(said)
    said = site.ask("tls", "testing.example")
    tap.ok(said.startswith("may policy_type=sts policy_domain="), "testing",
           said)
    for domain, failure in (("missing.example", "sts-policy-fetch-error"),
                            ("text.example", "sts-policy-invalid"),
                            ("webpki.example", "sts-webpki-invalid")):
        tap.eq(site.ask("tls", domain), "may policy_type=sts policy_domain=%s "
               "policy_failure=%s" % (domain, failure), "no policy to be had")
    # with the port, as its TLSA records are not those of port 25
    tap.eq(site.ask("tls", "dane.example:%d" % site.host("dane.example").port),
           "dane-only", "DANE")
    tap.eq(site.ask("tls", "plain.example"), "", "nothing")
    said = site.ask("tls", "big.example")
    tap.ok(len(said) > 50000 and "mx_host_pattern=mx0899" in said,
           "a policy of 901 hosts, %d octets" % len(said), said[-200:])


def test_rules(site):
    site.deliver("dane.example", "sent", ["tls=dane-only"],
                 "DANE, the right record")
    site.deliver("wrong.example", "deferred", ["tls=!dane-only"],
                 "DANE, a wrong record")
    site.deliver("sts.example", "sent", ["tls=secure"],
                 "MTA-STS, the right certificate")
    site.deliver("wild.example", "sent", ["tls=secure"],
                 "MTA-STS, a pattern with a wild card")
    site.deliver("cert.example", "deferred",
                 ["tls=!secure", "Server certificate not verified"],
                 "MTA-STS, a certificate of another authority")
    site.deliver("clear.example", "deferred", ["tls=!secure"],
                 "MTA-STS, a host without STARTTLS")
    site.deliver("mxname.example", "deferred", ["relay=none"],
                 "MTA-STS, a host that the policy does not name")
    tap.eq(len(site.host("mxname.example").server.peers), 0,
           "which is not connected to")
    site.deliver("testing.example", "sent", ["tls=may"],
                 "MTA-STS in test, a wrong certificate")
    for d in ("missing.example", "text.example", "webpki.example"):
        site.deliver(d, "sent", ["tls=may"], "policy_failure, " + d)
    site.deliver("big.example", "sent", ["tls=secure"], "a long answer")
    site.deliver("plain.example", "sent", ["tls=may"],
                 "no policy, with STARTTLS")
    site.deliver("open.example", "sent", ["tls=may:none"],
                 "no policy, without STARTTLS")


def test_reports(site):
    """What TLS reports will say of the deliveries before."""
    if not site.collector.datagrams:
        tap.note("this Postfix is built without TLSRPT")
        return

    def one(domain):
        lab.wait_until(lambda: site.collector.policies(domain), 10,
                       "a datagram for " + domain)
        return site.collector.policies(domain)[0]
    for d, mode in (("sts.example", "enforce"), ("testing.example", "testing"),
                    ("cert.example", "enforce")):
        p = one(d)
        tap.eq((p.get("policy-type"), p.get("policy-string"),
                p.get("mx-host")),
               (STS, ["version: STSv1", "mode: " + mode, "mx: mx." + d,
                      "max_age: 604800"], ["mx." + d]),
               "the policy of " + d)
    tap.eq([d["c"] for d in one("cert.example").get("failure-details", [])],
           [NOT_TRUSTED], "a certificate of another authority")
    # at level "may" Postfix verifies nothing: neither the certificate nor
    # policy_failure come to be failures
    for d in ("testing.example", "missing.example"):
        tap.eq((one(d).get("policy-type"), one(d).get("f")), (STS, 0),
               "no failure for " + d)
    tap.eq(len(one("big.example").get("mx-host", [])), 901,
           "all patterns of the long policy")


def test_requiretls(site):
    for d in ("dane.example", "sts.example"):
        site.require(d, "sent", ["/requiretls"], d)
        tap.ok("REQUIRETLS" in site.host(d).mail(), "and says so",
               site.host(d).mail())
    site.require("old.example", "bounced", ["5.7.30"],
                 "a server that does not have it")
    site.require("cert.example", "bounced", ["5.7.10"],
                 "a wrong certificate")
    site.require("clear.example", "bounced", ["nostarttls"], "no STARTTLS")
    site.require("wrong.example", "bounced", ["5.7.10"],
                 "a wrong TLSA record")
    site.require("plain.example", "bounced", ["5.7.10"], "no policy")
    site.require("testing.example", "bounced", ["5.7.10"],
                 "a policy in test")


def test_tls_required(site):
    for d in ("wrong.example", "cert.example", "clear.example"):
        site.deliver(d, "sent", [], "TLS-Required: No, " + d,
                     "TLS-Required: No\r\n")


def test_log(site):
    """Of an answer it does not take Postfix says "invalid ..."."""
    log = site.postfix.lab.read("sender/log")
    bad = [l for l in log.splitlines()
           if "invalid" in l or "TLS configuration problem" in l or
           "warning" in l and "socketmap" in l]
    tap.eq(bad, [], "Postfix took every answer")


def main():
    if not os.access(os.path.join(TREE, "libexec/smtp"), os.X_OK):
        lab.skip_all("AVER_POSTFIX names no folder with a Postfix of 3.11 or "
                     "later")
    tls_site.need()
    with lab.Lab() as stage:
        site = Sending(stage)
        try:
            for test in (test_answers, test_rules, test_reports, test_requiretls,
                         test_tls_required, test_log):
                tap.note(test.__name__)
                test(site)
        finally:
            site.postfix.stop()
            if tap.failed:
                tap.note(stage.read("policyd.log")[-3000:])
                tap.note(stage.read("sender/log")[-4000:])
    tap.done()


main()
