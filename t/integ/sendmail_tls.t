#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""A real Sendmail with the lines of contrib/sendmail/sts.mc asks aver-policyd
and delivers: to MTA-STS domains with the right certificate, with wrong ones,
to mail hosts that the policy does not name, to plain domains; with long
policies, and while the daemon is away."""
import os
import shlex
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "t/integ"))
import lab                                                  # noqa: E402
import sendmail_lab                                         # noqa: E402
try:
    import tls_site
except ImportError as e:
    lab.skip_all("needs %s (Debian: python3-cryptography)" % e.name)
from tls_site import Domain                                 # noqa: E402

tap = lab.Tap()
M4 = """divert(-1)
define(`_CF_DIR_', `%(cf)s/')
include(`%(cf)s/m4/cf.m4')
VERSIONID(`aver test')
OSTYPE(`linux')
define(`confDOMAIN_NAME', `out.lab.example')
define(`AVER_STS_SOCKET', `inet:%(policyd)d@127.0.0.1')
include(`%(sts)s')
define(`MAIL_SETTINGS_DIR', `%(dir)s/')
define(`QUEUE_DIR', `%(dir)s/queue')
define(`STATUS_FILE', `%(dir)s/statistics')
define(`HELP_FILE', `')
define(`ALIAS_FILE', `%(dir)s/aliases')
define(`confSERVICE_SWITCH_FILE', `%(dir)s/service.switch')
define(`confCACERT', `%(dir)s/ca.pem')
define(`confCACERT_PATH', `%(dir)s/certs')
define(`confLOG_LEVEL', `14')
define(`confTO_IDENT', `0')
define(`confTO_INITIAL', `20s')
define(`confTO_COMMAND', `20s')
define(`confTO_QUIT', `1s')
define(`confREFUSE_LA', `1000')
define(`confQUEUE_LA', `1000')
define(`confDONT_PROBE_INTERFACES', `True')
define(`SMTP_MAILER_ARGS', `TCP $h %(smtp)d')
define(`ESMTP_MAILER_ARGS', `TCP $h %(smtp)d')
FEATURE(`nocanonify')
FEATURE(`no_default_msa')
FEATURE(`accept_unresolvable_domains')
MAILER(`smtp')
"""


class Sendmail:
    """One that delivers at once, or queues: no daemon, in a mount namespace
    whose resolv.conf names the resolver."""

    def __init__(self, stage, resolver, policyd, ca_file, smtp):
        self.lab, self.root = stage, sendmail_lab.unpacked()
        self.dir = sendmail_lab.safe_folder(stage, "aver-sendmail-")
        os.mkdir(os.path.join(self.dir, "queue"), 0o700)
        os.mkdir(os.path.join(self.dir, "certs"), 0o755)
        shutil.copy(ca_file, os.path.join(self.dir, "ca.pem"))
        for n, text in (("service.switch", "hosts dns\naliases files\n"),
                        ("aliases", ""), ("statistics", ""),
                        ("local-host-names", ""),
                        ("resolv.conf", "nameserver %s\noptions timeout:2 "
                         "attempts:1\n" % resolver.address)):
            with open(os.path.join(self.dir, n), "w") as f:
                f.write(text)
        self.logging()
        mc = os.path.join(self.dir, "sendmail.mc")
        with open(mc, "w") as f:
            f.write(M4 % {
                "cf": os.path.join(self.root, "usr/share/sendmail/cf"),
                "sts": os.path.join(lab.TOP, "contrib/sendmail/sts.mc"),
                "policyd": policyd, "dir": self.dir, "smtp": smtp})
        r = subprocess.run(["m4", mc], capture_output=True, text=True)
        if r.returncode:
            raise RuntimeError("m4: " + r.stderr)
        with open(os.path.join(self.dir, "sendmail.cf"), "w") as f:
            f.write(r.stdout)

    def logging(self):
        r = subprocess.run(
            [*shlex.split(os.environ.get("CC", "cc")), "-shared", "-fPIC",
             "-O1", "-DONLINE",
             "-DOFFLINE_LOG=\"%s\"" % self.lab.path("sendmail.log"),
             "-o", os.path.join(self.dir, "log.so"),
             os.path.join(lab.HERE, "offline.c")],
            capture_output=True, text=True)
        if r.returncode:
            raise RuntimeError("offline.c: " + r.stderr)

    def run(self, *args, text="", log=True):
        libs = {d for d, _, files in os.walk(os.path.join(
            self.root, "usr/lib")) if any(".so." in f for f in files)}
        env = dict(os.environ, LD_LIBRARY_PATH=":".join(sorted(libs)))
        if log:
            env["LD_PRELOAD"] = os.path.join(self.dir, "log.so")
        words = " ".join("%s=%s" % (k, shlex.quote(env.pop(k)))
                         for k in ("LD_LIBRARY_PATH", "LD_PRELOAD")
                         if k in env)
        script = ('mount --bind "$0" /etc/resolv.conf && exec env %s "$@"'
                  % words)
        return subprocess.run(
            ["unshare", "-m", "sh", "-c", script,
             os.path.join(self.dir, "resolv.conf"),
             os.path.join(self.root, "usr/libexec/sendmail/sendmail"),
             "-C" + os.path.join(self.dir, "sendmail.cf"), *args],
            capture_output=True, text=True, input=text, env=env,
            timeout=180 * lab.SLOW, errors="replace")

    def send(self, domain):
        """Submits a message; returns what the log says of its delivery."""
        rcpt = "u%d@%s" % (time.monotonic_ns(), domain)
        r = self.run("-odi", "-oi", "-f", "from@lab.example", rcpt,
                     text="Subject: x\n\nbody\n")
        lines = [l for l in self.lab.read("sendmail.log").splitlines()
                 if "to=<%s>" % rcpt in l or "to=" + rcpt in l]
        lines = [l for l in lines if "stat=" in l]
        return lines[-1] if lines else "no log line: " + r.stdout + r.stderr


LONG = ["mx%03d.pool.long.example" % i for i in range(400)]
BOUND = ["mail%02d.bound.example" % i for i in range(11)]
BOUND.append("mail000011.bound.example")  # 255 octets with the colons
DOMAINS = {
    "sts.example": Domain({}),
    "wild.example": Domain({"mx": ["*.wild.example"]}),
    "star.example": Domain({}, names=["*.star.example"]),
    "below.example": Domain({"mx": ["a.b.below.example"]},
                            hosts=["a.b.below.example"],
                            names=["*.below.example"]),
    "deep.example": Domain({"mx": ["*.deep.example"]},
                           hosts=["a.b.deep.example"]),
    "cert.example": Domain({}, signer="other"),
    "name.example": Domain({}, names=["mx.else.example"]),
    "mxname.example": Domain({"mx": ["*.elsewhere.example"]}),
    "clear.example": Domain({}, names=None),
    "two.example": Domain({"mx": ["mx2.two.example"]},
                          hosts=["mx1.two.example", "mx2.two.example"]),
    "testing.example": Domain({"mode": "testing"}, signer="other"),
    "plain.example": Domain(signer="other"),
    "open.example": Domain(names=None),
    "bound.example": Domain({"mx": BOUND}, hosts=[BOUND[-1]]),
    "long.example": Domain({"mx": LONG}, hosts=["mx1.long.example",
                                                LONG[-1]]),
    "table.example": Domain(),
    "badtable.example": Domain(),
    "encrypt.example": Domain(),
}
TABLE = """
table.example secure match=mx.table.example
badtable.example secure match=mx.else.example
encrypt.example encrypt
"""


def check(site, mta, domain, where, words, name):
    """where: the index of the host that takes it, None for deferred."""
    hosts = site.mx[domain]
    before = [m.taken() for m in hosts]
    line = mta.send(domain)
    came = [m.taken() - b for m, b in zip(hosts, before)]
    want = [int(i == where) for i in range(len(came))]
    good = ("dsn=2." if where is not None else "dsn=4.") in line
    tap.ok(good and words in line and came == want, name,
           "%s\n%s" % (came, line))
    tap.note(line.partition(", ")[0].partition(" ")[2] + " " +
             line.partition("relay=")[2])


def tls_of(site, host):
    """What the log says of the last session with the host."""
    lines = [l for l in site.lab.read("sendmail.log").splitlines()
             if "STARTTLS=client, relay=%s" % host in l]
    return lines[-1] if lines else ""


def test_rules(site, mta):
    def deliver(*args):
        check(site, mta, *args)
    deliver("sts.example", 0, "Sent", "the right certificate")
    tap.ok("verify=OK" in tls_of(site, "mx.sts.example"), "verified",
           tls_of(site, "mx.sts.example"))
    deliver("wild.example", 0, "", "a wild card in the policy")
    deliver("star.example", 0, "", "a wild card in the certificate")
    deliver("below.example", None, "", "which is for one label")
    deliver("cert.example", None, "authentication failed",
            "a certificate of another authority")
    deliver("name.example", None, "", "a certificate for another name")
    deliver("mxname.example", None, "", "a host that is not in the policy")
    deliver("deep.example", None, "", "*. in the policy is one label")
    deliver("clear.example", None, "does not support STARTTLS",
            "a host without STARTTLS")
    deliver("two.example", 1, "", "the first host is not in the policy")
    deliver("testing.example", 0, "", "a policy in test")
    deliver("plain.example", 0, "", "no policy, with STARTTLS")
    deliver("open.example", 0, "", "no policy, without STARTTLS")


def test_long(site, mta):
    check(site, mta, "bound.example", 0, "", "the last of a list of 255")
    check(site, mta, "long.example", 1, "", "a policy of 400 hosts")


def test_table(site, mta):
    check(site, mta, "table.example", 0, "", "tls_policy_table")
    check(site, mta, "badtable.example", None, "", "with another name")
    check(site, mta, "encrypt.example", None, "STS lookup temp fail",
          "a level that Sendmail does not have")


def test_policyd_down(site, mta):
    site.stop()
    for d in ("sts.example", "clear.example", "plain.example",
              "open.example"):
        check(site, mta, d, None, "STS lookup temp fail", "no daemon: " + d)
    site.start(CONF % site.lab.dir)
    check(site, mta, "sts.example", 0, "", "and back")


CONF = """
postfix_version = 3.7
postconf_command =
tls_policy_table = %s/table
"""


def main():
    tls_site.need("m4")
    try:
        sendmail_lab.unpacked()
    except sendmail_lab.Unavailable as e:
        lab.skip_all(str(e).replace("\n", " "))
    with lab.Lab() as stage:
        site = tls_site.Site(stage, DOMAINS, one_port=True)
        stage.write("table", TABLE)
        site.start(CONF % stage.dir)
        mta = Sendmail(stage, site.resolver, site.policyd_port, site.ca.file,
                       site.port)
        try:
            for test in (test_rules, test_long, test_table,
                         test_policyd_down):
                tap.note(test.__name__)
                test(site, mta)
        finally:
            if tap.failed:
                tap.note(stage.read("policyd.log")[-3000:])
                tap.note(stage.read("sendmail.log")[-6000:])
    tap.done()


main()
