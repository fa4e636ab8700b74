#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""DANE and MTA-STS over a real DNS with signatures and a real HTTPS server:
`aver query`, `aver policy`, `aver check`, and what happens when things fail.
Each command is a process of its own, so all that is remembered went through
the store."""
import json
import os
import re
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
OTHER = "00" * 32


class Site:
    def __init__(self, stage):
        self.lab = stage
        self.ca = smtp_lab.Authority(stage.dir)
        self.mx = self.ca.issue("mx", ["mx.dane.example", "mx.sts.example"])
        self.stranger = smtp_lab.Authority(stage.dir, "Other CA").issue(
            "stranger", ["mx.sts.example"])
        self.smtp = smtp_lab.Server(self.usual)
        self.hosts = tls_lab.PolicyHosts(self.ca.issue("none", ["x.example"]))
        self.policy_host("sts.example")
        self.policy_host("both.example", mx=["mx.dane.example"])
        self.policy_host("strict.example",
                         mx=["mx.dane.example", "mx.sts.example"])
        self.policy_host("test.example", mode="testing")
        self.policy_host("other.example", mx=["*.elsewhere.example"])
        self.policy_host("unsigned.plain", mx=["mx.dane.example"])
        self.records = self.make_records()
        self.dns = tls_lab.SignedDns(
            stage, self.records, {"plain.": self.plain_records()},
            [(OTHER, "11" * 32)])
        self.conf = stage.write("aver.conf", """
store = sqlite:%s/aver.db
sts_ca_file = %s
sts_port = %d
sts_timeout = 20s
sts_allow_networks = 127.0.0.0/8
dns_servers = %s
dns_trust_anchor = %s
dnssec = validate
dns_timeout = 5s
""" % (stage.dir, self.ca.file, self.hosts.port, self.dns.server,
            self.dns.anchor))

    def usual(self, peer):
        peer.greet(self.mx.context(), after="PIPELINING,REQUIRETLS")
        peer.serve()

    def policy_host(self, domain, **more):
        text = tls_lab.policy(domain=domain, **more)
        self.hosts.put(domain, self.ca.issue(domain, ["mta-sts." + domain]),
                       tls_lab.answer(text))

    def make_records(self, sts_id="1"):
        tlsa = "_25._tcp.%s TLSA %s"
        there = "_%d._tcp.%%s TLSA %%s" % self.smtp.port
        good = self.mx.tlsa()
        out = []

        def domain(name, *hosts):
            for i, h in enumerate(hosts):
                out.append("%s MX %d %s" % (name, 10 * i + 10, h))

        def sts(name):
            out.append('_mta-sts.%s TXT "v=STSv1; id=%s"' % (name, sts_id))
            out.append("mta-sts.%s A 127.0.0.1" % name)
        for name in ("dane", "sts", "weak", "forged", "wrong", "test"):
            domain(name + ".example.", "mx.%s.example." % name)
            out.append("mx.%s.example. A 127.0.0.1" % name)
        out.append(tlsa % ("mx.dane.example.", good))
        out.append(there % ("mx.dane.example.", good))
        out.append(tlsa % ("mx.weak.example.", "1 1 1 " + "22" * 32))
        out.append(tlsa % ("mx.forged.example.", "3 1 1 " + OTHER))
        out.append(there % ("mx.wrong.example.", "3 1 1 " + "33" * 32))
        domain("both.example.", "mx.dane.example.")
        domain("mixed.example.", "mx.dane.example.", "mx.sts.example.")
        domain("strict.example.", "mx.dane.example.", "mx.sts.example.")
        domain("other.example.", "mx.sts.example.")
        domain("alias.example.", "cname.example.")
        out.append("cname.example. CNAME mx.dane.example.")
        domain("out.example.", "away.example.")
        out.append("away.example. CNAME host.plain.")
        out.append("null.example. MX 0 .")
        out.append("nothing.example. MX 10 mx.sts.example.")
        for name in ("sts", "both", "strict", "test", "other"):
            sts(name + ".example.")
        return out

    @staticmethod
    def plain_records():
        return ["@ TXT x", "host A 127.0.0.1", "d MX 10 mx.dane.example.",
                "e MX 10 host", "unsigned MX 10 mx.dane.example.",
                '_mta-sts.unsigned TXT "v=STSv1; id=1"',
                "mta-sts.unsigned A 127.0.0.1",
                "_25._tcp.host TLSA 3 1 1 " + "44" * 32]

    def aver(self, *args):
        return subprocess.run(
            [os.path.join(lab.BUILD, "aver"), "-c", self.conf, *args],
            capture_output=True, text=True, timeout=lab.PATIENCE)

    def query(self, key):
        r = self.aver("query", "--json", key)
        try:
            return json.loads(r.stdout)
        except ValueError:
            return {"decision": "?", "why": r.stdout + r.stderr}


def is_decided(site, key, want, name, **more):
    q = site.query(key)
    good = q["decision"] == want
    for k, v in more.items():
        good = good and q.get(k) == v
    tap.ok(good, "%s: %s" % (name, want), json.dumps(q, indent=1))
    return q


def test_decisions(site):
    q = is_decided(site, "dane.example", "dane-only", "DANE", mx="secure",
                   verified=True)
    tap.eq([h["tlsa"] for h in q["hosts"]], [[site.mx.tlsa()]],
           "with the record")
    tap.ok(q["answers"]["tls"].startswith("OK dane-only"), "Postfix is told",
           q["answers"])
    asked = {(d["name"], d["type"]): d["security"] for d in q["dns"]}
    tap.eq([asked.get((n, t)) for n, t in (
        ("dane.example", "MX"), ("mx.dane.example", "A"),
        ("_25._tcp.mx.dane.example", "TLSA"))], ["secure"] * 3,
        "each answer with its DNSSEC state")
    q = is_decided(site, "sts.example", "sts-enforce", "MTA-STS")
    tap.ok(q["answers"]["tls-plain"].startswith(
        "OK secure match=mx.sts.example servername=hostname"),
        "Postfix is told", q["answers"])
    tap.ok(q["mta_sts"]["fetched_now"] and q["mta_sts"]["record"] == "found",
           "it was fetched", q["mta_sts"])
    q = is_decided(site, "both.example", "dane-only", "both")
    tap.ok("policy" not in json.dumps(q["mta_sts"]) and
           q["answers"]["tls"].startswith("OK dane-only"),
           "of the policy Postfix is told nothing", q)
    tap.ok(q["answers"]["sts"].startswith("OK secure match="),
           "Sendmail is, which may not do DANE", q["answers"])
    is_decided(site, "mixed.example", "dane", "DANE for one host of two")
    is_decided(site, "strict.example", "dane-only",
               "and the policy holds the other one")
    is_decided(site, "weak.example", "dane", "records of no use")
    q = is_decided(site, "forged.example", "temp", "a bogus TLSA record")
    tap.ok("validation failure" in json.dumps(q["hosts"]),
           "and why", q["hosts"])
    is_decided(site, "alias.example", "dane-only", "an MX that is an alias")
    is_decided(site, "out.example", "none", "an alias to an unsigned zone")
    is_decided(site, "test.example", "sts-testing", "testing")
    is_decided(site, "nothing.example", "none", "nothing")
    is_decided(site, "null.example", "none", "null MX")
    is_decided(site, "absent.example", "none", "no such domain")
    is_decided(site, "d.plain", "dane", "an unsigned MX to a signed host")
    is_decided(site, "e.plain", "none", "records in an unsigned zone")
    is_decided(site, "unsigned.plain", "sts-enforce",
               "a policy goes before DANE behind an unsigned MX")
    q = is_decided(site, "other.example", "sts-enforce",
                   "a policy that does not name the host")
    tap.eq([h["sts_match"] for h in q["hosts"]], [False], "which is told")
    is_decided(site, "sub.sts.example", "none", "no policy of a parent")
    r = site.aver("query", "dane.example")
    tap.ok("without the store" in r.stderr, "no store yet: it is told",
           r.stderr)
    for words in ("dane-only", "_25._tcp.mx.dane.example TLSA ok secure",
                  "requiretls"):
        tap.ok(words in r.stdout, "the text has " + words, r.stdout)
    r = site.aver("query", "[mx.dane.example]")
    tap.ok("MX: not looked up" in r.stdout and "dane-only" in r.stdout,
           "a host in brackets has no MX", r.stdout)


def test_postfix(site):
    """The answers are those that the Postfix of this host would get."""
    mine, seen = site.conf, {}

    def says(name, lines, more=""):
        path = os.path.join(os.path.dirname(mine), name)
        with open(path, "w") as f:
            f.write("#!/bin/sh\n" + "".join("echo '%s'\n" % line
                                            for line in lines))
        os.chmod(path, 0o755)
        with open(mine) as f, open(path + ".conf", "w") as to:
            to.write(f.read() + more + "postconf_command = %s\n" % path)
        return path + ".conf"
    for name, lines in (("new", ["mail_version = 3.11.1",
                                 "smtp_tls_security_level = may"]),
                        ("strict", ["mail_version = 3.11.1",
                                    "smtp_tls_security_level = secure"]),
                        ("mute", [])):
        site.conf = says(name, lines)
        seen[name] = site.query("test.example")
    site.conf = says("far", [], "postfix_version = 3.11.2\n"
                     "postfix_tls_security_level = dane\n")
    far = site.query("test.example")
    old = json.loads(site.aver("query", "--json", "--postfix", "3.7",
                               "test.example").stdout)
    site.conf = mine
    tap.eq([(q["postfix_version"], q["smtp_tls_security_level"])
            for q in list(seen.values()) + [far, old]],
           [("3.11.1", "may"), ("3.11.1", "secure"), ("3.4", None),
            ("3.11.2", "dane"), ("3.7", "")],
           "what Postfix says of itself, or is said of it")
    for q in (seen["new"], far):
        tap.ok(q["answers"]["tls"].startswith("OK may policy_type=sts"),
               "testing is told to one that reports it", q["answers"])
    tap.eq([seen["strict"]["answers"]["tls"], old["answers"]["tls"]],
           ["NOTFOUND ", "NOTFOUND "], "and to none that demands more")
    told = {}
    for dnssec in ("validate", "off"):
        site.conf = says("dane", ["mail_version = 3.11.1",
                                  "smtp_tls_security_level = dane"])
        with open(site.conf) as f:
            text = f.read().replace("dnssec = validate", "dnssec = " + dnssec)
        with open(site.conf, "w") as f:
            f.write(text)
        q = site.query("test.example")
        told[dnssec] = (q["answers"]["tls"][:10], q["hosts"][0]["dane"])
    site.conf = mine
    tap.eq(told, {"validate": ("OK may pol", "absent"),
                  "off": ("NOTFOUND ", "unasked")},
           "one that does DANE is told where there are no TLSA records")


def daemon_runs(site):
    """One of this installation, which is none of the test's."""
    return "aver-policyd does not run" not in site.aver("reload").stderr


def test_faults(site):
    r = site.aver("policy", "refresh", "sts.example")
    tap.ok(r.returncode == 0 and "enforce, id 1" in r.stdout,
           "a policy is kept", r.stdout + r.stderr)
    asked = site.hosts.asked("sts.example")
    q = is_decided(site, "sts.example", "sts-enforce", "from the store")
    tap.ok(not q["mta_sts"]["fetched_now"] and
           site.hosts.asked("sts.example") == asked, "without a fetch",
           q["mta_sts"])
    r = site.aver("policy", "list")
    tap.ok("sts.example" in r.stdout and "enforce" in r.stdout, "list",
           r.stdout)
    r = site.aver("policy", "export", "--postfix", "3.7")
    tap.eq(r.stdout, "sts.example\tsecure match=mx.sts.example "
           "servername=hostname\n", "export")
    conf, r = site.conf, []
    for rule in ("no-sts", "encrypt"):
        with open(conf) as f, open(conf + ".table", "w") as to:
            to.write(f.read() + "tls_policy_table = %s.rules\n" % conf)
        with open(conf + ".rules", "w") as f:
            f.write(".example %s\n" % rule)
        site.conf = conf + ".table"
        r.append(site.aver("policy", "export", "--postfix", "3.7").stdout)
    site.conf = conf
    tap.eq(r, ["", "sts.example\tencrypt\n"],
           "what the operator's table says goes before in an export")
    site.hosts.down()
    is_decided(site, "sts.example", "sts-enforce", "the policy host is down")
    site.dns.stop()
    site.dns.zones(site.make_records("2"))
    site.dns.start()
    q = is_decided(site, "sts.example", "sts-enforce",
                   "and a new id announced")
    tap.ok(q["mta_sts"].get("failure") == "sts-policy-fetch-error",
           "the failure is told", q["mta_sts"])
    site.dns.stop()
    site.dns.zones([r for r in site.make_records()
                    if not r.startswith("_mta-sts.sts")])
    site.dns.start()
    is_decided(site, "sts.example", "sts-enforce", "the record is gone")
    site.dns.stop()
    is_decided(site, "sts.example", "temp", "the DNS is down")
    is_decided(site, "dane.example", "temp", "for DANE too")
    is_decided(site, "nothing.example", "temp",
               "what is not known is no absence")
    site.dns.start()
    is_decided(site, "sts.example", "sts-enforce", "and back")
    is_decided(site, "dane.example", "dane-only", "for DANE too")
    r = site.aver("policy", "refresh", "sts.example")
    tap.ok(r.returncode == 1 and "sts-policy-fetch-error" in r.stdout and
           "enforce" in r.stdout, "a refresh that fails keeps it",
           r.stdout + r.stderr)
    tap.eq("no aver-policyd is seen" in r.stderr, not daemon_runs(site),
           "whether a daemon may follow is told")
    r = site.aver("policy", "remove", "sts.example")
    tap.eq(r.returncode, 0, "remove")
    tap.eq("no aver-policyd is seen" in r.stderr, not daemon_runs(site),
           "and again")
    is_decided(site, "sts.example", "none", "and it is gone")
    r = site.aver("policy", "remove", "sts.example")
    tap.ok(r.returncode == 1 and "no policy" in r.stderr, "once", r.stderr)


def test_check(site):
    port = site.smtp.port
    site.aver("suppress", "add", "x@x.example")  # which makes a store
    r = site.aver("check", "dane.example:%d" % port)
    tap.ok(r.returncode == 0 and "certificate: verified" in r.stdout and
           "DANE: good" in r.stdout and "REQUIRETLS: offered" in r.stdout,
           "a host with its record", r.stdout + r.stderr)
    r = site.aver("check", "wrong.example:%d" % port)
    tap.ok(r.returncode == 1 and "would not be sent" in r.stdout,
           "a host with another record", r.stdout + r.stderr)
    r = site.aver("check", "sts.example:%d" % port)
    tap.ok(r.returncode == 0 and "MTA-STS: good" in r.stdout,
           "a host as the policy wants it", r.stdout + r.stderr)
    r = site.aver("check", "other.example:%d" % port)
    tap.ok(r.returncode == 1 and "no pattern" in r.stdout,
           "a host that the policy does not name", r.stdout + r.stderr)
    r = site.aver("check", "mixed.example:%d" % port)
    tap.ok(r.returncode == 0 and "nothing: mail is sent" in r.stdout,
           "one host of two with a record", r.stdout + r.stderr)
    r = site.aver("check", "strict.example:%d" % port)
    tap.ok(r.returncode == 1 and "DANE: good" in r.stdout and
           "no records: mail would not be sent" in r.stdout,
           "and a policy for both: the other is not used",
           r.stdout + r.stderr)
    kept, site.mx = site.mx, site.stranger
    r = site.aver("check", "sts.example:%d" % port)
    site.mx = kept
    tap.ok(r.returncode == 1 and "certificate-not-trusted" in r.stdout,
           "a certificate of a stranger", r.stdout + r.stderr)
    text = site.lab.read("aver.conf").replace("127.0.0.0/8", "")
    strict = site.lab.write("strict.conf", text)
    r = subprocess.run([os.path.join(lab.BUILD, "aver"), "-c", strict, "check",
                        "dane.example:%d" % port], capture_output=True,
                       text=True)
    tap.ok(r.returncode == 1 and "is not public" in r.stdout,
           "no private address is connected to", r.stdout + r.stderr)
    for store, why in (
            ("sqlite:%s/absent.db" % site.lab.dir, "no such file"),
            ("redis://127.0.0.1:%d" % lab.free_ports(1)[0], "127.0.0.1:")):
        text = site.lab.read("aver.conf").replace(
            "sqlite:%s/aver.db" % site.lab.dir, store)
        r = subprocess.run(
            [os.path.join(lab.BUILD, "aver"), "-c",
             site.lab.write("other.conf", text), "check",
             "dane.example:%d" % port], capture_output=True, text=True)
        tap.ok(r.returncode == 0 and "DANE: good" in r.stdout and
               re.search("not remembered: .*" + why, r.stderr),
               "no store: the question is answered all the same",
               r.stdout + r.stderr)
    tap.ok(not os.path.exists(site.lab.path("absent.db")), "and none is made")
    r = site.aver("destinations")
    tap.ok("mx.dane.example" in r.stdout and "requiretls yes" in r.stdout,
           "what was seen is remembered", r.stdout + r.stderr)
    rows = json.loads(site.aver("destinations", "show", "dane.example",
                                "--json").stdout)
    tap.ok(len(rows) == 1 and rows[0]["requiretls"] > 0, "show", rows)
    r = site.aver("destinations", "forget", "dane.example")
    tap.eq((r.returncode, site.aver("destinations", "show", "dane.example")
            .returncode), (0, 1), "forget")
    tap.ok(not site.smtp.errors, "the SMTP server had no trouble",
           site.smtp.errors)


def main():
    lab.need(root=False, programs=("nsd", "ldns-signzone", "ldns-keygen"))
    with lab.Lab() as stage:
        site = Site(stage)
        for test in (test_decisions, test_postfix, test_check, test_faults):
            tap.note(test.__name__)
            test(site)
    tap.done()


main()
