#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""A real Postfix delivers as aver-policyd says: to DANE domains with the right
and a wrong TLSA record, to MTA-STS domains with the right certificate, a wrong
one and a mail host that the policy does not name, to plain ones. Then things
fail, with restarts between: what was protected is delivered protected or not
at all."""
import os
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "t/integ"))
import lab                                                  # noqa: E402
try:
    import smtp_lab
except ImportError as e:
    lab.skip_all("needs %s (Debian: python3-cryptography)" % e.name)
import tls_lab                                              # noqa: E402

tap = lab.Tap()
OTHER = "00" * 32


class Mx:
    """A mail host with its certificate; None: without STARTTLS."""

    def __init__(self, certificate):
        self.certificate = certificate
        self.server = smtp_lab.Server(self.talk)
        self.port = self.server.port

    def talk(self, peer):
        peer.greet(self.certificate and self.certificate.context(),
                   after="PIPELINING")
        peer.serve()

    def taken(self):
        return sum(len(p.data) for p in self.server.peers)


class Site:
    def __init__(self, stage):
        self.lab = stage
        self.ca = smtp_lab.Authority(stage.dir)
        other = smtp_lab.Authority(stage.dir, "Other CA")
        names = ["dane", "wrong", "forged", "sts", "cert", "clear", "mxname",
                 "testing", "plain", "open"]
        own = {n: self.ca.issue(n, ["mx.%s.example" % n]) for n in names}
        # DANE needs no authority
        own["dane"] = other.issue("self", ["whatever.example"])
        own["cert"] = other.issue("bad", ["mx.cert.example"])
        own["testing"] = other.issue("test", ["mx.testing.example"])
        own["clear"] = own["open"] = None
        self.mx = {n + ".example": Mx(own[n]) for n in names}
        self.hosts = tls_lab.PolicyHosts(self.ca.issue("none", ["x.example"]))
        self.policies = {"sts": {}, "cert": {}, "clear": {},
                         "mxname": {"mx": ["*.elsewhere.example"]},
                         "testing": {"mode": "testing"}}
        for n, more in self.policies.items():
            d = n + ".example"
            self.hosts.put(d, self.ca.issue("h-" + n, ["mta-sts." + d]),
                           tls_lab.answer(tls_lab.policy(domain=d, **more)))
        self.dns = tls_lab.SignedDns(stage, self.records(), {},
                                     [(OTHER, "11" * 32)])
        self.resolver = tls_lab.Unbound(stage, self.dns)
        self.policyd_port = lab.free_ports(1)[0]
        self.policyd = None
        os.makedirs(stage.path("state"))
        shutil.chown(stage.path("state"), "nobody")
        self.conf = stage.write("aver.conf", """
user = nobody
state_directory = %(dir)s/state
store = sqlite:%(dir)s/state/aver.db
log_destination = stderr
policyd_listen = inet:127.0.0.1:%(port)d
postfix_version = auto
sts_ca_file = %(ca)s
sts_port = %(https)d
sts_timeout = 4s
sts_allow_networks = 127.0.0.0/8
tls_min_validity = 0
tls_max_validity = 1
dns_servers = %(dns)s
dns_trust_anchor = %(anchor)s
dnssec = validate
dns_timeout = 1500ms
dns_max_ttl = 1
dns_max_negative_ttl = 1
""" % {"dir": stage.dir, "port": self.policyd_port, "ca": self.ca.file,
            "https": self.hosts.port, "dns": self.dns.server,
            "anchor": self.dns.anchor})
        os.chmod(self.ca.file, 0o644)
        os.chmod(self.dns.anchor, 0o644)
        self.start()
        self.postfix = tls_lab.Sender(
            stage, self.resolver,
            "socketmap:inet:127.0.0.1:%d:tls" % self.policyd_port,
            self.ca.file, {d: m.port for d, m in self.mx.items()})

    def records(self):
        out = []
        for d, m in self.mx.items():
            out += ["%s. MX 10 mx.%s." % (d, d), "mx.%s. A 127.0.0.1" % d]
        tlsa = "_%d._tcp.mx.%s. TLSA %s"
        for d, record in (
                ("dane.example", self.mx["dane.example"].certificate.tlsa()),
                ("wrong.example", "3 1 1 " + "33" * 32),
                ("forged.example", "3 1 1 " + OTHER)):
            out.append(tlsa % (self.mx[d].port, d, record))
        for n in self.policies:
            out.append('_mta-sts.%s.example. TXT "v=STSv1; id=1"' % n)
            out.append("mta-sts.%s.example. A 127.0.0.1" % n)
        return out

    def start(self):
        self.policyd = self.lab.spawn(
            [os.path.join(lab.BUILD, "aver-policyd"), "-f", "-c", self.conf],
            "policyd.log")
        lab.wait_until(lambda: lab.listens(self.policyd_port), 15,
                       "aver-policyd: " + self.lab.read("policyd.log")[-500:])

    def stop(self):
        self.policyd.terminate()
        self.policyd.wait(20 * lab.SLOW)

    def deliver(self, domain, status, words, name):
        before = self.mx[domain].taken()
        line = self.postfix.send(domain)
        came = self.mx[domain].taken() - before
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
    site.start()
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
    site.start()
    time.sleep(1.5)
    site.deliver("clear.example", "deferred", "",
                 "no record, no policy host: the policy is in force")
    site.deliver("sts.example", "sent", "", "and good hosts get their mail")


def test_dns_down(site):
    site.dns.stop()
    site.stop()
    site.start()
    time.sleep(1.5)
    for domain in ("sts.example", "clear.example", "dane.example",
                   "open.example"):
        site.deliver(domain, "deferred", "", "no DNS: " + domain)
    site.dns.start()
    time.sleep(1.5)
    site.deliver("dane.example", "sent", "", "and back: DANE")
    site.deliver("clear.example", "deferred", "", "and back: MTA-STS")


def test_policyd_down(site):
    site.stop()
    for domain in ("dane.example", "clear.example", "open.example"):
        site.deliver(domain, "deferred", "", "no daemon: " + domain)
    site.start()
    site.deliver("open.example", "sent", "", "and back")


def main():
    lab.need(programs=("nsd", "ldns-signzone", "ldns-keygen", "unbound",
                       "postfix", "unshare"))
    if not os.access(os.path.join(lab.BUILD, "aver-policyd"), os.X_OK):
        lab.skip_all("aver-policyd is not built")
    if not tls_lab.Sender.possible():
        lab.skip_all("a mount namespace cannot be made here")
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
