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
    "sts.example": Domain({}),
    "cert.example": Domain({}, signer="other"),
    "clear.example": Domain({}, names=None),
    "mxname.example": Domain({"mx": ["*.elsewhere.example"]}),
    "testing.example": Domain({"mode": "testing"}),
    "plain.example": Domain(),
    "open.example": Domain(names=None),
}


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
            "dns_timeout": "5s", "store_batch_time": "50ms"}
        lines.update(settings)
        self.conf = self.lab.write(name + ".conf", "".join(
            "%s = %s\n" % x for x in lines.items()))
        self.policyd = self.lab.serve(
            [os.path.join(lab.BUILD, "aver-policyd"), "-f", "-c", self.conf],
            name + ".log", self.port)
        self.postfix = tls_lab.Sender(
            self.lab, site.resolver,
            "socketmap:inet:127.0.0.1:%d:%s" % (self.port, map_name),
            site.ca.file, site.ports(),
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
        for d in DOMAINS:
            self.postfix.send(d)
        want = {"dane.example", "wrong.example", "sts.example",
                "cert.example", "clear.example", "testing.example",
                "plain.example"}
        lab.happens(lambda: want <= {k[0] for k in self.rows()}, 60)
        self.postfix.stop()
        self.policyd.terminate()
        self.policyd.wait(lab.PATIENCE)


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
    site = tls_site.Site(stage, DOMAINS)
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


tls_site.need("postfix")
lab.stay_clear_of(86400, 300)
with lab.Lab() as stage_:
    main(stage_)
tap.done()
