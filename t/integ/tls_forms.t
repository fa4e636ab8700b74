#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""Every form of answer that aver-policyd has, as postmap(1) gets it, and a
delivery by it: levels from DANE, MTA-STS and tls_policy_table, and the map
"verified" on a transport of its own. With the system's Postfix, and with the
one that AVER_POSTFIX names."""
import hashlib
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
from cryptography.hazmat.primitives import serialization    # noqa: E402
from tls_site import Domain                                 # noqa: E402

tap = lab.Tap()
TWO = ["mx1.%s", "mx2.%s"]
# name: (Domain, line of tls_policy_table, answer of the map or how it begins,
# "sent" or "deferred", word of the log for the session, or what old and new
# versions say)
CLEAR = "no TLS"
FORMS = {
    "plain": (Domain(), "", "", "sent", "Trusted"),
    "nodane": (Domain(tlsa="bad"), "no-dane", "may", "sent", "Trusted"),
    "nosts": (Domain({}, signer="other"), "no-sts", "", "sent", "Untrusted"),
    "may": (Domain({}, signer="other"), "may ciphers=high connection_reuse=no",
            "may ciphers=high connection_reuse=no", "sent", "Untrusted"),
    "none": (Domain({}), "none", "none", "sent", CLEAR),
    "encrypt": (Domain(signer="other"), "encrypt", "encrypt", "sent",
                "Untrusted"),
    "encrypted": (Domain(names=None), "encrypt exclude=aNULL:MD5",
                  "encrypt exclude=aNULL:MD5", "deferred", CLEAR),
    "dane": (Domain(signer="other", tlsa="first", hosts=TWO), "", "dane",
             "sent", "Verified"),
    "fixdane": (Domain(tlsa="bad"), "dane", "dane", "deferred", "Untrusted"),
    "only": (Domain(signer="other", tlsa="good"), "", "dane-only", "sent",
             "Verified"),
    "bad": (Domain(tlsa="bad"), "", "dane-only", "deferred", "Untrusted"),
    "required": (Domain(), "require-verified", "dane-only", "deferred", CLEAR),
    "secure": (Domain({}), "",
               "secure match=mx.secure.example servername=hostname", "sent",
               "Verified"),
    "wild": (Domain({"mx": ["*.wild.example"]}), "",
             "secure match=.wild.example servername=hostname", "sent",
             "Verified"),
    "several": (Domain({"mx": ["mx9.several.example", "mx2.several.example",
                               "mx1.several.example"]}, hosts=TWO), "",
                "secure match=mx9.several.example:mx2.several.example:"
                "mx1.several.example servername=hostname", "sent", "Verified"),
    "other": (Domain({}, signer="other"), "",
              "secure match=mx.other.example servername=hostname", "deferred",
              "Untrusted"),
    "fixsecure": (Domain(), "secure match=.fixsecure.example:nexthop "
                  "protocols=>=TLSv1.2 servername=hostname",
                  "secure match=.fixsecure.example:nexthop "
                  "protocols=>=TLSv1.2 servername=hostname", "sent",
                  "Verified"),
    "fixwrong": (Domain(), "secure match=mx.plain.example",
                 "secure match=mx.plain.example", "deferred",
                 "Untrusted|Trusted"),
    "verify": (Domain(), "verify match=hostname", "verify match=hostname",
               "sent", "Verified"),
    "print": (Domain(signer="other"), "fingerprint match=%(print)s",
              "fingerprint match=", "sent", "Verified"),
    "badprint": (Domain(), "fingerprint match=" + "00" * 32,
                 "fingerprint match=" + "00" * 32, "deferred", "Untrusted"),
    "anchor": (Domain(signer="other"), "secure match=mx.anchor.example "
               "tafile=%(anchor)s", "secure match=mx.anchor.example tafile=",
               "sent", "Verified"),
}
# the same for the map "verified"
VERIFIED = {
    "vplain": (Domain(), "", "dane-only", "deferred", CLEAR),
    "vsts": (Domain({}), "",
             "secure match=mx.vsts.example servername=hostname", "sent",
             "Verified"),
    "vtesting": (Domain({"mode": "testing"}), "",
                 "secure match=mx.vtesting.example servername=hostname",
                 "sent", "Verified"),
    "vwrong": (Domain({"mode": "testing"}, signer="other"), "",
               "secure match=mx.vwrong.example servername=hostname",
               "deferred", "Untrusted"),
    "vonly": (Domain(signer="other", tlsa="good"), "", "dane-only", "sent",
              "Verified"),
    "vdane": (Domain(signer="other", tlsa="first", hosts=TWO), "",
              "dane-only", "sent", "Verified"),
    "vmay": (Domain(), "may", None, "deferred", CLEAR),
}


class Sending:
    def __init__(self, stage, tree):
        self.lab = stage
        cases = {n + ".example": c for n, c in {**FORMS, **VERIFIED}.items()}
        for n, c in cases.items():
            c[0].hosts = [h % n if "%s" in h else h for h in c[0].hosts]
        self.site = tls_site.Site(stage, {n: c[0] for n, c in cases.items()},
                                  one_port=True)
        der = self.site.mx["print.example"][0].certificate.cert.public_bytes(
            serialization.Encoding.DER)
        facts = {"print": hashlib.sha256(der).hexdigest(),
                 "anchor": self.site.signers["other"].file}
        os.chmod(facts["anchor"], 0o644)
        table = stage.write("table", "".join(
            "%s %s\n" % (n, c[1] % facts) for n, c in cases.items() if c[1]))
        self.postfix = tls_lab.Sender(
            stage, self.site.resolver, self.site.map("tls"),
            self.site.ca.file,
            {n: "%s:%s:%d" % (self.transport(n), n, self.site.port)
             for n in cases}, built=tree,
            more="smtp_tls_dane_insecure_mx_policy = dane\n",
            services="verified unix - - n - - smtp\n  -o smtp_tls_policy_maps=" +
            self.site.map("verified"))
        version = self.run("postconf", "-h", "mail_version")
        tap.note("Postfix " + version)
        self.site.start("postfix_version = %s\npostconf_command =\n"
                        "tls_policy_table = %s" % (version, table))

    @staticmethod
    def transport(domain):
        return "verified" if domain.split(".")[0] in VERIFIED else "smtp"

    def run(self, program, *args):
        return subprocess.run(
            [self.postfix.tool(program), "-c", self.postfix.folder, *args],
            capture_output=True, text=True).stdout.strip()

    def level(self, domain):
        """The word that the log has for the last session."""
        found = [l for l in self.lab.read("sender/log").splitlines()
                 if "TLS connection established to" in l and
                 domain + "[" in l]
        return found[-1].partition("]: ")[2].split()[0] if found else CLEAR

    def check(self, name, _domain, _line, answer, status, level):
        domain = name + ".example"
        map_name = "verified" if name in VERIFIED else "tls"
        said = self.run("postmap", "-q", "%s:%d" % (domain, self.site.port),
                        self.site.map(map_name))
        tap.ok(said.startswith(answer) and bool(said) == bool(answer)
               if answer is not None else said == "",
               "%s: %s" % (name, said[:80]), said)
        hosts = self.site.mx[domain]
        line = self.postfix.send(domain)
        came = sum(m.taken() for m in hosts)
        tap.ok("status=" + status in line and came == (status == "sent"),
               "%s: %s" % (name, status), line)
        tap.ok(self.level(domain) in level.split("|"), "%s: %s" %
               (name, level), self.level(domain))
        tap.note("to=" + line.partition("@")[2])

    def all(self):
        for name, case in {**FORMS, **VERIFIED}.items():
            self.check(name, *case)
        # to vmay.example the answer is an error, as it has to be
        bad = [l for l in self.lab.read("sender/log").splitlines()
               if ("invalid" in l or "warning" in l and "socketmap" in l) and
               "no verified TLS for this destination" not in l and
               "vmay.example" not in l]
        tap.eq(bad, [], "Postfix took every answer")


def run(tree):
    with lab.Lab() as stage:
        sending = Sending(stage, tree)
        try:
            sending.all()
        finally:
            sending.postfix.stop()
            if tap.failed:
                tap.note(stage.read("policyd.log")[-3000:])
                tap.note(stage.read("sender/log")[-5000:])


def main():
    tls_site.need("postfix")
    run(None)
    tree = os.environ.get("AVER_POSTFIX")
    if tree:
        run(tree)
    tap.done()


main()
