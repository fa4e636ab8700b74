# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""Domains with their mail hosts, DNS and policy hosts, and an aver-policyd that
knows how to find them: what an MTA needs to deliver to in a test."""
import os
import shutil
import socket

import lab
import smtp_lab
import tls_lab

FORGED = "00" * 32
TLSA = {"bad": "3 1 1 " + "33" * 32, "forged": "3 1 1 " + FORGED}


class Domain:
    """policy: arguments of tls_lab.policy, None: no MTA-STS; fault: what is
    wrong with its policy host: "missing", "text" or "certificate". hosts: by
    preference, mx.DOMAIN if not given; signer: "ca" or "other"; names: in the
    certificates, by default the host's, None: no STARTTLS. tlsa: "good", "bad",
    "forged" after it was signed, or, good for the first host alone, "first";
    words: of EHLO in TLS."""

    def __init__(self, policy=None, signer="ca", names=(), hosts=(),
                 fault=None, tlsa=None, words="PIPELINING"):
        self.policy, self.fault, self.tlsa = policy, fault, tlsa
        self.signer, self.names, self.hosts = signer, names, hosts
        self.words = words


class Mx:
    """A mail host; certificate None: without STARTTLS."""

    def __init__(self, name, certificate, words, at):
        self.name, self.certificate, self.words = name, certificate, words
        self.address = at[0]
        self.server = smtp_lab.Server(self.talk, at=at)
        self.port = self.server.port

    def talk(self, peer):
        peer.say("220 mx.test.example ESMTP")
        peer.hear()
        peer.offer("STARTTLS" if self.certificate else self.words)
        if self.certificate and peer.hear().upper() == "STARTTLS":
            peer.say("220 go ahead")
            if not peer.secure(self.certificate.context()):
                return
            peer.hear()
            peer.offer(self.words)
        elif self.certificate:
            peer.say("250 2.1.0 as you like")
        peer.serve()

    def taken(self):
        return sum(len(p.data) for p in self.server.peers)

    def mail(self):
        """The last MAIL command."""
        said = [l for p in self.server.peers for l in p.lines
                if l.upper().startswith("MAIL ")]
        return said[-1] if said else ""


def shared_port(addresses):
    """A port that is free on all of them."""
    for _ in range(100):
        port, held = lab.free_ports(1)[0], []
        try:
            for a in addresses:
                held.append(socket.socket())
                held[-1].bind((a, port))
            return port
        except OSError:
            continue
        finally:
            for s in held:
                s.close()
    raise RuntimeError("no port is free on " + " ".join(addresses))


class Site:
    """domains: {domain: Domain}. Each mail host has a port of its own, or, with
    one_port, all have .port and each an address of its own."""

    def __init__(self, stage, domains, one_port=False):
        self.lab, self.domains = stage, domains
        self.ca = smtp_lab.Authority(stage.dir)
        self.signers = {"ca": self.ca,
                        "other": smtp_lab.Authority(stage.dir, "Other CA")}
        self.hosts = tls_lab.PolicyHosts(self.ca.issue("none", ["x.example"]))
        count = sum(len(d.hosts) or 1 for d in domains.values())
        at = [("127.0.0.1", 0)] * count
        if one_port:
            addresses = ["127.0.78.%d" % (i + 1) for i in range(count)]
            self.port = shared_port(addresses)
            at = [(a, self.port) for a in addresses]
        self.mx = {}
        for name, d in domains.items():
            self.mx[name] = [self.mail_host(d, h, at.pop(0))
                             for h in d.hosts or ["mx." + name]]
            if d.policy is not None:
                self.policy_host(name, d)
        forged = [(FORGED, "11" * 32)] if "forged" in [
            d.tlsa for d in domains.values()] else ()
        self.dns = tls_lab.SignedDns(stage, self.records(), forged=forged)
        self.resolver = tls_lab.Unbound(stage, self.dns)
        self.policyd_port = lab.free_ports(1)[0]
        self.policyd = None
        os.chmod(self.ca.file, 0o644)
        os.chmod(self.dns.anchor, 0o644)
        os.makedirs(stage.path("state"))
        shutil.chown(stage.path("state"), "nobody")

    def mail_host(self, d, name, at):
        certificate = None
        if d.names is not None:
            certificate = self.signers[d.signer].issue(name, d.names or [name])
        return Mx(name, certificate, d.words, at)

    def policy_host(self, name, d):
        body = tls_lab.policy(domain=name, **d.policy)
        status, signer = "200 OK", "ca"
        if d.fault == "missing":
            status = "404 Not Found"
        elif d.fault == "text":
            body = "version: STSv1\r\nmode: enforce\r\n"
        elif d.fault == "certificate":
            signer = "other"
        self.hosts.put(name, self.signers[signer].issue(
            "policy-" + name, ["mta-sts." + name]),
            tls_lab.answer(body, status))

    def records(self):
        out = []
        for name, hosts in self.mx.items():
            out.append('_smtp._tls.%s. TXT "v=TLSRPTv1; rua=mailto:r@%s"'
                       % (name, name))
            for i, m in enumerate(hosts):
                out += ["%s. MX %d %s." % (name, 10 + i, m.name),
                        "%s. A %s" % (m.name, m.address)]
                tlsa = self.domains[name].tlsa
                if tlsa and (tlsa != "first" or i == 0):
                    out.append("_%d._tcp.%s. TLSA %s" % (
                        m.port, m.name,
                        TLSA.get(tlsa) or m.certificate.tlsa()))
            if self.domains[name].policy is not None:
                out += ['_mta-sts.%s. TXT "v=STSv1; id=1"' % name,
                        "mta-sts.%s. A 127.0.0.1" % name]
        return out

    def map(self, name):
        return "socketmap:inet:127.0.0.1:%d:%s" % (self.policyd_port, name)

    def ports(self):
        """For tls_lab.Sender: {domain: port}."""
        return {name: hosts[0].port for name, hosts in self.mx.items()}

    def start(self, more):
        """Starts aver-policyd, with more lines in its configuration."""
        conf = self.lab.write("aver.conf", """
user = nobody
state_directory = %(dir)s/state
store = sqlite:%(dir)s/state/aver.db
log_destination = stderr
policyd_listen = inet:127.0.0.1:%(port)d
sts_ca_file = %(ca)s
sts_port = %(https)d
sts_timeout = 20s
sts_allow_networks = 127.0.0.0/8
dns_servers = %(dns)s
dns_trust_anchor = %(anchor)s
dnssec = validate
dns_timeout = 5s
%(more)s
""" % {"dir": self.lab.dir, "port": self.policyd_port, "ca": self.ca.file,
            "https": self.hosts.port, "dns": self.dns.server,
            "anchor": self.dns.anchor, "more": more})
        self.policyd = self.lab.serve(
            [os.path.join(lab.BUILD, "aver-policyd"), "-f", "-c", conf],
            "policyd.log", self.policyd_port)

    def stop(self):
        self.policyd.terminate()
        self.policyd.wait(lab.PATIENCE)


def need(*programs):
    """Skips the test, with the reason, when something is missing."""
    lab.need(programs=("nsd", "ldns-signzone", "ldns-keygen", "unbound",
                       "unshare") + programs)
    if not os.access(os.path.join(lab.BUILD, "aver-policyd"), os.X_OK):
        lab.skip_all("aver-policyd is not built")
    if not tls_lab.Sender.possible():
        lab.skip_all("a mount namespace cannot be made here")
