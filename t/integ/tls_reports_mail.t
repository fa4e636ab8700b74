#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""TLS reports leave by sendmail(1) of a real Postfix although the destination's
certificate is wrong and its policy says "secure". Debian's Postfix does not know
TLS-Required: contrib/postfix/report_senders sends them by the transport
"relaxed". The records are served by nsd; one domain has its reports by HTTPS
beside."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as L
import reports_lab as R
import tlsrep_lab as T
try:
    import smtp_lab
except ImportError as e:
    L.skip_all("needs %s (Debian: python3-cryptography)" % e.name)

L.need(programs=("postfix", "nsd"))
tap = L.Tap()
CONTRIB = os.path.abspath(os.path.join(L.TOP, "contrib", "postfix"))
D0 = 1793491200  # 2026-11-01
NOW = D0 + T.DAY + 600

ZONE = """$ORIGIN example.
$TTL 300
@ SOA ns hostmaster 1 3600 900 86400 300
@ NS ns
ns A 127.0.0.1
take A 127.0.0.1
dest MX 1 mx.dest
mx.dest A 127.0.0.1
_smtp._tls.dest TXT "v=TLSRPTv1; " "rua=mailto:tls@dest.example,%s"
_smtp._tls.near TXT "v=TLSRPTv1; rua=mailto:tls@receiver.example"
receiver MX 1 ns
_smtp._tls.two TXT "v=TLSRPTv1; rua=mailto:tls@dest.example"
_smtp._tls.two TXT "v=TLSRPTv1; rua=mailto:other@dest.example"
"""


def relaxed():
    """The transport as contrib/postfix/master.cf has it, without chroot."""
    with open(os.path.join(CONTRIB, "master.cf")) as f:
        m = re.search(r"(?m)^relaxed .*\n((?:    -o .*\n)+)", f.read())
    return "relaxed unix - - n - - smtp\n" + m.group(1).replace(
        "/etc/postfix", CONTRIB)


def senders(lab):
    """contrib/postfix/report_senders, for the address of this test."""
    with open(os.path.join(CONTRIB, "report_senders")) as f:
        text = f.read()
    assert r"reports\+" in text and r"example\.net" in text, text
    return lab.write("report_senders", text.replace(
        r"example\.net", r"reporter\.example"))


class Stage:
    def __init__(self, lab):
        self.lab = lab
        ca = smtp_lab.Authority(lab.dir)
        os.chmod(ca.file, 0o644)
        self.takers = T.Takers(ca.issue("takers", ["take.example"]))
        wrong = ca.issue("wrong", ["somebody.else.example"])
        self.sink = smtp_lab.Server(
            lambda peer: (peer.greet(wrong.context()), peer.serve()))
        self.nexthop = "[127.0.0.1]:%d" % self.sink.port
        policy = lab.write("tls_policy", "%s secure match=mx.dest.example\n" %
                           self.nexthop)
        lab.postfix(1, """
relayhost = %s
smtpd_milters =
smtp_dns_support_level = disabled
smtp_tls_security_level = may
smtp_tls_policy_maps = texthash:%s
smtp_tls_loglevel = 1
maximal_backoff_time = 1000s
minimal_backoff_time = 1000s
sender_dependent_default_transport_maps = regexp:%s
""" % (self.nexthop, policy, senders(lab)),
                    "smtp unix - - n - - smtp\n" + relaxed() +
                    "pickup unix n - n 60 1 pickup\n")
        dns = lab.nsd({"example": ZONE % self.takers.url("200")})
        self.site = T.Site(lab, "", """
report_email = tls-reports@reporter.example
report_bounce_address = reports@reporter.example
report_transport = sendmail:%s
report_timeout = 30s
report_tls_ca_file = %s
sts_allow_networks = 127.0.0.0/8
dns_servers = 127.0.0.1@%d
""" % (self.wrapper(), ca.file, dns))

    def wrapper(self):
        """Only root may use another configuration than the host's with
        sendmail(1), and aver-report is not root: what it gives to this one
        is handed on by hand_on()."""
        folder = self.lab.path("given")
        os.makedirs(folder)
        os.chmod(folder, 0o777)
        path = self.lab.write("sendmail", """#!/bin/sh
f=$(mktemp %s/mail.XXXXXX) || exit 75
cat >"$f.text" && printf '%%s\\n' "$@" >"$f.args" && rm "$f"
""" % folder)
        os.chmod(path, 0o755)
        return path

    def hand_on(self):
        """Returns the number of messages."""
        folder, n = self.lab.path("given"), 0
        for name in sorted(os.listdir(folder)):
            if not name.endswith(".args"):
                continue
            args = open(os.path.join(folder, name)).read().splitlines()
            text = os.path.join(folder, name[:-5] + ".text")
            with open(text, "rb") as f:
                subprocess.run(["sendmail", "-C", self.lab.postfix_dir] + args,
                               stdin=f, check=True, capture_output=True)
            n += 1
        return n

    def deliveries(self, rcpt):
        """[(service, status)] of the log."""
        return re.findall(
            r"postfix/(\S+)\[\d+\]: \w+: to=<%s>.* status=(\w+)" %
            re.escape(rcpt), self.lab.read("postfix.log"))

    def wait_for(self, rcpt, n=1):
        L.wait_until(lambda: len(self.deliveries(rcpt)) >= n, 30,
                     "a delivery to " + rcpt)
        return self.deliveries(rcpt)[n - 1]


def test_plain(stage):
    subprocess.run(["sendmail", "-C", stage.lab.postfix_dir, "-f",
                    "somebody@reporter.example", "user@dest.example"],
                   input=b"Subject: x\n\nHello.\n", check=True,
                   capture_output=True)
    tap.eq(stage.wait_for("user@dest.example"), ("smtp", "deferred"),
           "other mail is deferred: the certificate is wrong")


def test_report(stage):
    site = stage.site
    site.put(T.row(D0, "dest.example", bad=3, why=(
        "certificate-host-mismatch", "mx.dest.example", "127.0.0.1", "x")),
        T.row(D0, "near.example", good=1), T.row(D0, "two.example", good=1))
    r = site.report("tls", "--now", str(NOW), zone=False)
    s = R.summary(r.stderr)
    tap.eq((r.returncode, s.get("reports"), s.get("sent")), (0, 2, 3),
           "made, and given to sendmail(1) and the HTTPS host")
    if r.returncode or s.get("sent") != 3:
        tap.note(r.stderr)
    tap.eq(stage.hand_on(), 2, "two messages")
    tap.eq(stage.wait_for("tls@dest.example"), ("relaxed/smtp", "sent"),
           "the report is delivered although TLS is broken")
    tap.ok("Untrusted TLS connection" in stage.lab.read("postfix.log") or
           "TLS connection established to 127.0.0.1" in
           stage.lab.read("postfix.log"), "over TLS all the same")
    tap.eq(stage.wait_for("tls@receiver.example"), ("virtual", "sent"),
           "one for a mailbox of this host stays here")
    data = [d for p in stage.sink.peers for d in p.data]
    tap.eq(len(data), 1, "once")
    m = T.Mail(data[0].replace(b"\r\n..", b"\r\n."))
    tap.eq((m.domain, m.count(), m.faults()), ("dest.example", (0, 3), []),
           "it is the report")
    tap.eq(str(m.message["TLS-Required"]), "No", "with TLS-Required")
    tap.eq([g[3] == m.octets for g in stage.takers.got], [True],
           "the HTTPS host has the same document")
    tap.eq(site.results(), {}, "nothing is left, and what a domain with two "
           "records has is dropped")
    r = site.report("tls", "--now", str(NOW + 3600), zone=False)
    tap.eq((R.summary(r.stderr).get("sent"), len(stage.takers.got)), (0, 1),
           "the next run sends nothing")


def main(lab):
    stage = Stage(lab)
    test_plain(stage)
    test_report(stage)


with L.Lab() as the_lab:
    main(the_lab)
tap.done()
