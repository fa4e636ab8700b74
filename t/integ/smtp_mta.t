#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""The SMTP client against a real Postfix, with Dovecot behind its AUTH."""
import glob
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(sys.argv[0])))
import lab

try:
    import smtp_lab
    from smtp_lab import FROM, BODY, Run, is_end, tap
except ImportError as e:
    lab.skip_all("needs %s (Debian: python3-cryptography)" % e.name)

TO = "inbox@receiver.example"
DOVECOT = """
base_dir = %(dir)s/dovecot-run
state_dir = %(dir)s/dovecot-run
log_path = %(dir)s/dovecot.log
protocols =
ssl = no
default_login_user = nobody
default_internal_user = nobody
default_internal_group = nogroup
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%%u %(dir)s/users
}
userdb {
  driver = static
  args = uid=65534 gid=65534 home=/nonexistent
}
service auth {
  unix_listener %(dir)s/sasl {
    mode = 0666
  }
}
service anvil {
  chroot =
}
service stats {
  chroot =
}
"""
SASL = """
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = %(dir)s/sasl
smtpd_tls_auth_only = yes
"""
TLS = """
smtpd_tls_security_level = may
smtpd_tls_chain_files = %(chain)s
smtpd_tls_loglevel = 1
smtpd_tls_session_cache_database =
smtputf8_enable = yes
default_process_limit = 20
"""


class Site(smtp_lab.Site):
    def __init__(self, place):
        os.makedirs(place.path("certs"))
        super().__init__(place.path("certs"))
        self.place = place
        self.sasl = self.dovecot()
        key = place.write("chain.pem", "")
        self.chain(key)
        extra = TLS % {"chain": key} + (
            SASL % {"dir": place.dir} if self.sasl else "")
        self.port = self.postfix(place, extra)

    def chain(self, path):
        """Postfix wants the key first."""
        with open(self.good.path) as f:
            text = f.read()
        key = text.index("-----BEGIN PRIVATE KEY-----")
        with open(path, "w") as f:
            f.write(text[key:] + text[:key])
        os.chmod(path, 0o600)

    @staticmethod
    def postfix(place, extra):
        # no milter: this is about what the client hands over
        return place.postfix(9, extra + "smtpd_milters =\n")

    def dovecot(self):
        if not shutil.which("dovecot"):
            return False
        os.makedirs(self.place.path("dovecot-run"))
        self.place.write("users", "joe:{PLAIN}s3 cret\n")
        conf = self.place.write("dovecot.conf",
                                DOVECOT % {"dir": self.place.dir})
        self.place.spawn(["dovecot", "-F", "-c", conf], "dovecot.out")
        try:
            lab.wait_until(lambda: lab.takes(self.place.path("sasl")), 10,
                           "dovecot")
        except RuntimeError:
            tap.note(self.place.read("dovecot.log") +
                     self.place.read("dovecot.out"))
            raise
        return True

    def run(self, *more, files=None, sender=FROM, to=TO):
        return Run(["-u", "smtp://localhost:%d" % self.port, "-C",
                    self.ca.file, "-t", str(30000 * lab.SLOW), *more],
                   files or [self.message], sender, to).answers()

    def arrived(self, n):
        """The texts of n messages in the mailbox, which is then empty."""
        lab.wait_until(lambda: len(self.place.inbox()) >= n, 30,
                       "%d messages" % n)
        out = []
        for path in self.place.inbox():
            with open(path, "rb") as f:
                out.append(f.read())
            os.unlink(path)
        return out


def body_of(text):
    return text.partition(b"\n\n")[2]


def test_delivery(site):
    octets = BODY.replace(b"x" * 998, b"x" * 900)
    got = site.run(files=[site.file("dots", octets)])
    is_end(got, "sent", "2.0.0", "queued as", name="delivered")
    tap.ok(got[-1]["authenticated"] == "1" and got[-1]["tls"] == "success" and
           got[-1]["server"] == "mx.receiver.example", "over verified TLS",
           got)
    text = site.arrived(1)[0]
    want = octets.replace(b"\r\n", b"\n").partition(b"\n\n")[2] + b"\n"
    tap.eq(body_of(text) == want, True, "octet for octet")
    tap.ok(b"Return-Path: <from@sender.example>" in text, "its sender")
    tap.ok(re.search(rb"TLSv1\.3 with cipher", site.place.read(
        "postfix.log").encode()) is not None, "Postfix says so")
    tap.ok(b"with ESMTPS" in text, "ESMTPS")
    got = site.run(sender="")
    is_end(got, "sent", name="the null sender")
    tap.ok(b"Return-Path: <>" in site.arrived(1)[0], "arrives as such")


def test_many(site):
    got = site.run("-x", "40")
    tap.eq([a["outcome"] for a in got], ["sent"] * 40, "40 messages")
    tap.eq(len(site.arrived(40)), 40, "arrive")
    log = site.place.read("postfix.log")
    tap.ok(len(re.findall(r"disconnect from .* mail=40 ", log)) == 1,
           "over one connection", log[-600:])
    got = site.run(files=[site.message] * 3, to="a@elsewhere.example")
    tap.eq([(a["outcome"], a["code"]) for a in got], [("perm", "554")] * 3,
           "relaying denied")
    is_end(got, "perm", "5.7.1", "Access denied", "with its status")


def test_coding(site):
    octets = "Subject: \u00fc\r\n\r\n\u00fcber\r\n".encode()
    got = site.run(files=[site.file("utf8", octets)])
    is_end(got, "sent", name="a header in UTF-8")
    text = site.arrived(1)[0]
    tap.ok("Subject: \u00fc\n".encode() in text and
           body_of(text) == "\u00fcber\n".encode(), "arrives so", text)
    tap.ok(b"with UTF8SMTPS" in text, "as an SMTPUTF8 message", text)
    got = site.run(files=[site.file("eight", b"Subject: x\r\n\r\n\xff\xfe\r\n")],
                   to="\u00fc@receiver.example")
    is_end(got, "sent", name="an address in UTF-8, a body of 8 bits")
    tap.eq(body_of(site.arrived(1)[0]), b"\xff\xfe\n", "arrives so")
    large = site.file("large", b"Subject: x\r\n\r\n" + b"y" * 76 + b"\r\n"
                      + b".\r\n" * 1000000)
    got = site.run(files=[large])
    is_end(got, "sent", name="3 MB of dots")
    tap.eq(body_of(site.arrived(1)[0]) == b"y" * 76 + b"\n" +
           b".\n" * 1000000, True, "octet for octet")


def test_refused_tls(site):
    other = smtp_lab.Authority(site.folder, "Stranger")
    got = Run(["-u", "smtp://localhost:%d" % site.port, "-C", other.file],
              [site.message]).answers()
    is_end(got, "temp", "4.7.5", name="a CA that we do not know")
    tap.eq(got[-1]["tls"], "certificate-not-trusted", "its result")
    got = Run(["-u", "smtp://127.0.0.1:%d" % site.port, "-C", site.ca.file],
              [site.message]).answers()
    is_end(got, "temp", "4.7.5", name="no such name in the certificate")
    got = Run(["-u", "smtp://127.0.0.1:%d" % site.port, "-k"],
              [site.message], to=TO).answers()
    is_end(got, "sent", name="not verified")
    site.arrived(1)


def test_sasl(site):
    if site.skips_sasl():
        return
    if not site.sasl:
        tap.count += 1
        print("ok %d - SASL # SKIP needs dovecot" % tap.count)
        return
    methods = []
    for named in ("", "SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN"):
        got = site.run("-c", site.secret, *(["-s", named] if named else []))
        is_end(got, "sent", name="SASL: " + (named or "the strongest"))
        site.arrived(1)
        methods = re.findall(r"sasl_method=(\S+), sasl_username=joe",
                             site.place.read("postfix.log"))
        tap.eq(methods[-1:], [named or "SCRAM-SHA-256"], "Postfix says so")
    wrong = site.file("wrong", b"user = joe\npassword = wrong\n", 0o600)
    for named in ("SCRAM-SHA-256", "PLAIN", "CRAM-MD5"):
        got = site.run("-c", wrong, "-s", named)
        is_end(got, "temp", name="a wrong password: " + named)
        tap.ok(got[-1]["code"] == "535" and got[-1]["down"] == "1",
               "is the transport's trouble", got)
    got = site.run("-c", site.secret, "-s", "PLAIN", "-k")
    is_end(got, "temp", None, "not verified", "PLAIN without verification")


def test_command(site):
    """Postfix's sendmail command."""
    os.environ["MAIL_CONFIG"] = site.place.postfix_dir
    path = shutil.which("sendmail")
    octets = BODY.replace(b"x" * 998, b"x" * 900)
    f = site.file("dots", octets)
    place = site.place.path("queue")
    subprocess.run(["postsuper", "-c", site.place.postfix_dir, "-p"],
                   stdin=subprocess.DEVNULL, capture_output=True)
    got = Run(["-u", "sendmail:" + path], [f], to=TO).answers()
    is_end(got, "sent", "2.0.0", name="sendmail -i -f")
    lab.wait_until(lambda: site.place.inbox() or glob.glob(
        os.path.join(place, "maildrop", "*")), 10, "the message")
    for drop in glob.glob(os.path.join(place, "maildrop", "*")):
        shown = subprocess.run(["postcat", "-c", site.place.postfix_dir,
                                "-eb", drop], capture_output=True).stdout
        tap.ok(FROM.encode() in shown and TO.encode() in shown and
               octets.replace(b"\r\n", b"\n").partition(b"\n\n")[2] in shown,
               "in Postfix's maildrop, octet for octet", shown[-800:])
        os.unlink(drop)
    os.environ.pop("MAIL_CONFIG")


def main():
    lab.need(programs=("postfix",))
    if not os.access(smtp_lab.SMTPC, os.X_OK):
        lab.skip_all("t/integ/smtpc is not built")
    with lab.Lab() as place:
        site = Site(place)
        for test in (test_delivery, test_many, test_coding, test_refused_tls,
                     test_sasl, test_command):
            tap.note(test.__name__)
            test(site)
    tap.done()


main()
