#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""A real Postfix delivers: to DANE domains with the right and a wrong TLSA
record, to MTA-STS domains with the right certificate, a wrong one, without
STARTTLS and with a host that the policy does not name, to plain ones. What
aver-policyd records of it comes from the log of the installed Postfix, and
where AVER_POSTFIX names the folder of a Postfix that was built with libtlsrpt
(not installed), from its datagrams: the same but for what a version cannot
know."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "t/integ"))
import lab                                                  # noqa: E402
try:
    import smtp_lab
except ImportError as e:
    lab.skip_all("needs %s (Debian: python3-cryptography)" % e.name)
import tls_lab                                              # noqa: E402

tap = lab.Tap()


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


NAMES = ["dane", "wrong", "sts", "cert", "clear", "mxname", "testing", "plain",
         "open"]


class Site:
    """The destinations, their DNS and policies."""

    def __init__(self, stage):
        self.lab = stage
        self.ca = smtp_lab.Authority(stage.dir)
        other = smtp_lab.Authority(stage.dir, "Other CA")
        own = {n: self.ca.issue(n, ["mx.%s.example" % n]) for n in NAMES}
        own["dane"] = other.issue("self", ["whatever.example"])
        own["cert"] = other.issue("bad", ["mx.cert.example"])
        own["clear"] = own["open"] = None
        self.mx = {n + ".example": Mx(own[n]) for n in NAMES}
        self.hosts = tls_lab.PolicyHosts(self.ca.issue("none", ["x.example"]))
        self.policies = {"sts": {}, "cert": {}, "clear": {},
                         "mxname": {"mx": ["*.elsewhere.example"]},
                         "testing": {"mode": "testing"}}
        for n, more in self.policies.items():
            d = n + ".example"
            self.hosts.put(d, self.ca.issue("h-" + n, ["mta-sts." + d]),
                           tls_lab.answer(tls_lab.policy(domain=d, **more)))
        self.dns = tls_lab.SignedDns(stage, self.records())
        self.resolver = tls_lab.Unbound(stage, self.dns)
        os.chmod(self.ca.file, 0o644)
        os.chmod(self.dns.anchor, 0o644)

    def records(self):
        out = []
        for d, m in self.mx.items():
            out += ["%s. MX 10 mx.%s." % (d, d), "mx.%s. A 127.0.0.1" % d,
                    '_smtp._tls.%s. TXT "v=TLSRPTv1; rua=mailto:t@%s"'
                    % (d, d)]
        for d, record in (
                ("dane.example", self.mx["dane.example"].certificate.tlsa()),
                ("wrong.example", "3 1 1 " + "33" * 32)):
            out.append("_%d._tcp.mx.%s. TLSA %s"
                       % (self.mx[d].port, d, record))
        for n in self.policies:
            out.append('_mta-sts.%s.example. TXT "v=STSv1; id=1"' % n)
            out.append("mta-sts.%s.example. A 127.0.0.1" % n)
        return out


class Run:
    """One Postfix and the aver-policyd it asks and tells."""

    def __init__(self, site, name, map_name, built=None, more="", **settings):
        self.lab = site.lab
        self.name = name
        self.port = lab.free_ports(1)[0]
        self.state = self.lab.path(name + "-state")
        os.makedirs(self.state)
        os.chmod(self.state, 0o777)
        lines = {
            "user": "nobody", "state_directory": self.state,
            "store": "sqlite:%s/aver.db" % self.state,
            "log_destination": "stderr",
            "policyd_listen": "inet:127.0.0.1:%d" % self.port,
            "postconf_command": "", "sts_ca_file": site.ca.file,
            "sts_port": site.hosts.port,
            "sts_allow_networks": "127.0.0.0/8",
            "dns_servers": site.dns.server,
            "dns_trust_anchor": site.dns.anchor, "dnssec": "validate",
            "dns_timeout": "1500ms", "store_batch_time": "50ms"}
        lines.update(settings)
        self.conf = self.lab.write(name + ".conf", "".join(
            "%s = %s\n" % x for x in lines.items()))
        self.policyd = self.lab.spawn(
            [os.path.join(lab.BUILD, "aver-policyd"), "-f", "-c", self.conf],
            name + ".log")
        lab.wait_until(lambda: lab.listens(self.port), 15,
                       "aver-policyd: " + self.lab.read(name + ".log")[-500:])
        self.postfix = tls_lab.Sender(
            self.lab, site.resolver,
            "socketmap:inet:127.0.0.1:%d:%s" % (self.port, map_name),
            site.ca.file, {d: m.port for d, m in site.mx.items()},
            name="postfix-" + name, built=built, more=more)
        self.lab.on_close.append(self.postfix.stop)

    def aver(self, *argv):
        r = subprocess.run(
            [os.path.join(lab.BUILD, "aver"), "-c", self.conf, *argv],
            capture_output=True, text=True)
        return r.stdout

    def rows(self):
        """{(policy domain, result): row}"""
        out = {}
        listed = self.aver("results", "--json")
        for x in json.loads(listed or "[]"):
            for r in json.loads(self.aver("results", "show",
                                          x["policy_domain"], "--json")):
                out[r["policy_domain"], r["result"] or "success"] = r
        return out

    def deliver(self):
        lines = {n: self.postfix.send(n + ".example") for n in NAMES}
        want = {"dane.example", "wrong.example", "sts.example",
                "cert.example", "clear.example", "testing.example",
                "plain.example"}
        try:
            lab.wait_until(
                lambda: want <= {k[0] for k in self.rows()}, 10, "the rows")
        except RuntimeError:
            pass
        self.postfix.stop()
        self.policyd.terminate()
        self.policyd.wait(20 * lab.SLOW)
        return lines


# (policy domain, result): (type, domain of the policy, reason)
COMMON = {
    ("dane.example", "success"): ("tlsa", "mx.dane.example", None),
    ("mx.dane.example", "success"): ("tlsa", "mx.dane.example", None),
    ("wrong.example", "certificate-not-trusted"):
        ("tlsa", "mx.wrong.example", None),
    ("mx.wrong.example", "certificate-not-trusted"):
        ("tlsa", "mx.wrong.example", None),
    ("sts.example", "success"): ("sts", "sts.example", None),
    ("clear.example", "starttls-not-supported"):
        ("sts", "clear.example", None),
    ("testing.example", "success"): ("sts", "testing.example", None),
    ("plain.example", "success"):
        ("no-policy-found", "plain.example", None),
}


def check(name, run):
    rows = run.rows()
    for r in rows.values():
        tap.note("%s %s %s %s %s +%d-%d" % (
            r["policy_domain"], r["type"], r["domain"], r["result"],
            r["reason"], r["success"], r["failure"]))
    got = {k: (r["type"], r["domain"], r["reason"])
           for k, r in rows.items() if k in COMMON}
    tap.eq(got, COMMON, name + ": results and policies")
    tap.ok(all(r["success"] + r["failure"] == 1 for k, r in rows.items()
               if k in COMMON), name + ": each once", rows)
    bad = [r for k, r in rows.items()
           if k[0] == "cert.example" and k[1] != "success"]
    tap.ok(len(bad) == 1 and bad[0]["failure"] == 1 and
           bad[0]["type"] == "sts" and bad[0]["result"] in
           ("validation-failure", "certificate-not-trusted"),
           name + ": a certificate of another authority", bad)
    tap.ok(("mxname.example", "validation-failure") in rows,
           name + ": a host that the policy does not name", rows.keys())
    tap.ok("open.example" not in {k[0] for k in rows},
           name + ": a plain host without STARTTLS is no result")
    full = rows.get(("sts.example", "success"), {})
    tap.eq(full.get("policy_string"),
           ["version: STSv1", "mode: enforce", "mx: mx.sts.example",
            "max_age: 604800"], name + ": the policy as it was used")
    tap.eq(full.get("mx_host"), ["mx.sts.example"], name + ": its hosts")
    full = rows.get(("wrong.example", "certificate-not-trusted"), {})
    tap.eq([x.lower() for x in full.get("policy_string", [])],
           ["3 1 1 " + "33" * 32], name + ": the TLSA records")
    seen = run.aver("destinations", "--json")
    tap.ok('"mx":"mx.wrong.example","starttls":1' in seen,
           name + ": STARTTLS of a host is remembered", seen)
    return rows


def main(stage):
    site = Site(stage)
    log = stage.path("postfix-log", "log")
    old = Run(site, "log", "tls", tlsrpt_log="file:" + log)
    old.deliver()
    rows = check("log", old)
    built = os.environ.get("AVER_POSTFIX", "")
    if not built:
        tap.note("AVER_POSTFIX is not set: no Postfix with libtlsrpt")
        return
    sock = stage.path("tlsrpt-state", "t.sock")
    new = Run(site, "tlsrpt", "tls-tlsrpt", built=built,
              postfix_version="3.10", tlsrpt_socket=sock,
              tlsrpt_socket_mode="0666",
              more="smtp_tlsrpt_enable = yes\n"
                   "smtp_tlsrpt_socket_name = %s\n" % sock)
    new.deliver()
    told = check("datagrams", new)
    # the datagram knows our address and the reply to EHLO, the log does not;
    # the log of 3.7 knows that the host of mxname.example was connected to
    tap.eq({k: (r["type"], r["domain"], [s.lower() for s in
                                         r["policy_string"]],
                r["mx_host"], r["success"], r["failure"])
            for k, r in told.items() if k[0] != "mxname.example"},
           {k: (r["type"], r["domain"], [s.lower() for s in
                                         r["policy_string"]],
                r["mx_host"], r["success"], r["failure"])
            for k, r in rows.items() if k[0] != "mxname.example"},
           "log and datagrams: the same rows")


lab.need(programs=("postfix", "nsd", "unbound", "ldns-signzone",
                   "ldns-keygen", "unshare"))
if not os.access(os.path.join(lab.BUILD, "aver-policyd"), os.X_OK):
    lab.skip_all("aver-policyd is not built")
if not tls_lab.Sender.possible():
    lab.skip_all("a mount namespace cannot be made")
with lab.Lab() as stage_:
    main(stage_)
tap.done()
