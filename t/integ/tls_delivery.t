#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""A real Postfix delivers as aver-policyd says: to DANE domains with the right
and a wrong TLSA record, to MTA-STS domains with the right certificate, a wrong
one and a mail host that the policy does not name, to plain ones. Then things
fail, with restarts between: what was protected is delivered protected or not
at all."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "t/integ"))
import lab                                                  # noqa: E402
try:
    import tls_site
except ImportError as e:
    lab.skip_all("needs %s (Debian: python3-cryptography)" % e.name)
import tls_lab                                              # noqa: E402
from tls_site import Domain                                 # noqa: E402

tap = lab.Tap()
DOMAINS = {
    "dane.example": Domain(signer="other", names=["whatever.example"],
                           tlsa="good"),
    "wrong.example": Domain(tlsa="bad"),
    "forged.example": Domain(tlsa="forged"),
    "sts.example": Domain({}),
    "cert.example": Domain({}, signer="other"),
    "clear.example": Domain({}, names=None),
    "mxname.example": Domain({"mx": ["*.elsewhere.example"]}),
    "testing.example": Domain({"mode": "testing"}, signer="other"),
    "plain.example": Domain(),
    "open.example": Domain(names=None),
}
CONF = """
postfix_version = auto
tls_min_validity = 0
tls_max_validity = 1
dns_max_ttl = 1
dns_max_negative_ttl = 1
"""


class Site(tls_site.Site):
    """With a Postfix that delivers."""

    def __init__(self, stage):
        super().__init__(stage, DOMAINS)
        self.start(CONF)
        self.postfix = tls_lab.Sender(stage, self.resolver, self.map("tls"),
                                      self.ca.file, self.ports())

    def deliver(self, domain, status, words, name):
        before = self.mx[domain][0].taken()
        line = self.postfix.send(domain)
        came = self.mx[domain][0].taken() - before
        good = "status=" + status in line and words in line
        tap.ok(good and came == (status == "sent"), name, line)
        tap.note(line[-300:])


def tls_of(site, host):
    """What the log says of the last session with the host."""
    lines = [l for l in site.lab.read("sender/log").splitlines()
             if "TLS connection established to" in l and host in l]
    return lines[-1] if lines else ""


def test_rules(site):
    site.deliver("dane.example", "sent", "", "DANE, the right record")
    tap.ok("Verified TLS connection" in tls_of(site, "mx.dane.example"),
           "authenticated", tls_of(site, "mx.dane.example"))
    site.deliver("wrong.example", "deferred",
                 "Server certificate not verified", "DANE, a wrong record")
    site.deliver("forged.example", "deferred", "", "DANE, a bogus record")
    site.deliver("sts.example", "sent", "", "MTA-STS, the right certificate")
    tap.ok("Verified TLS connection" in tls_of(site, "mx.sts.example"),
           "authenticated", tls_of(site, "mx.sts.example"))
    site.deliver("cert.example", "deferred",
                 "Server certificate not verified",
                 "MTA-STS, a certificate of another authority")
    site.deliver("clear.example", "deferred", "",
                 "MTA-STS, a host without STARTTLS")
    site.deliver("mxname.example", "deferred", "",
                 "MTA-STS, a host that the policy does not name")
    site.deliver("testing.example", "sent", "",
                 "MTA-STS in test, a wrong certificate")
    site.deliver("plain.example", "sent", "", "no policy, with STARTTLS")
    site.deliver("open.example", "sent", "", "no policy, without STARTTLS")


def test_https_down(site):
    """The policy hosts are gone, aver-policyd starts again."""
    site.hosts.down()
    site.stop()
    site.start(CONF)
    site.deliver("sts.example", "sent", "", "the policy survives")
    tap.ok("Verified TLS connection" in tls_of(site, "mx.sts.example"),
           "and still counts", tls_of(site, "mx.sts.example"))
    site.deliver("cert.example", "deferred",
                 "Server certificate not verified",
                 "a wrong certificate is still refused")
    site.deliver("clear.example", "deferred", "",
                 "and a host without STARTTLS")


def test_record_gone(site):
    """The records are gone: an attacker's first step."""
    site.dns.stop()
    site.dns.zones([r for r in site.records()
                    if not r.startswith("_mta-sts.")])
    site.dns.start()
    site.stop()
    site.start(CONF)
    time.sleep(1.5)
    site.deliver("clear.example", "deferred", "",
                 "no record, no policy host: the policy is in force")
    site.deliver("sts.example", "sent", "", "and good hosts get their mail")


def test_dns_down(site):
    site.dns.stop()
    site.stop()
    site.start(CONF)
    time.sleep(1.5)
    for domain in ("sts.example", "clear.example", "dane.example",
                   "open.example"):
        site.deliver(domain, "deferred", "", "no DNS: " + domain)
    site.dns.start()
    # a resolver leaves a server that was away alone for a while
    lab.wait_until(lambda: "status=sent" in site.postfix.send("dane.example"),
                   30, "the DNS")
    site.deliver("dane.example", "sent", "", "and back: DANE")
    site.deliver("clear.example", "deferred", "", "and back: MTA-STS")


def test_policyd_down(site):
    site.stop()
    for domain in ("dane.example", "clear.example", "open.example"):
        site.deliver(domain, "deferred", "", "no daemon: " + domain)
    site.start(CONF)
    site.deliver("open.example", "sent", "", "and back")


def main():
    tls_site.need("postfix")
    with lab.Lab() as stage:
        site = Site(stage)
        try:
            for test in (test_rules, test_https_down, test_record_gone,
                         test_dns_down, test_policyd_down):
                tap.note(test.__name__)
                test(site)
        finally:
            site.postfix.stop()
            if tap.failed:
                tap.note(stage.read("policyd.log")[-3000:])
                tap.note(stage.read("sender/log")[-3000:])
    tap.done()


main()
