#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""aver-report with several senders: servers that hold back every reply until
as many wait for one as there should be; relays that take fewer connections or
none; sendmail; the program told to stop in the middle."""
import json
import os
import signal
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__))))
import lab as L
import reports_lab as R
import tlsrep_lab as T
try:
    import smtp_lab
except ImportError as e:
    L.skip_all("needs %s (Debian: python3-cryptography)" % e.name)

D0 = 1793491200  # 2026-11-01
DAY = R.DAY
DOMAINS = 12
SENDERS = 4
PATIENCE = L.PATIENCE
tap = L.Tap()


class Gate:
    """Holds whoever comes in until so many are in at once."""

    def __init__(self, want):
        self.want = want
        self.lock = threading.Condition()
        self.inside, self.most, self.open = [], 0, want <= 1
        self.twice = False  # one name was inside twice at once

    def through(self, name):
        with self.lock:
            self.twice = self.twice or name in self.inside
            self.inside.append(name)
            self.most = max(self.most, len(self.inside))
            if self.most >= self.want:
                self.set()
            self.lock.wait_for(lambda: self.open, PATIENCE)
            self.inside.remove(name)

    def set(self):
        with self.lock:
            self.open = True
            self.lock.notify_all()


class Relay:
    """An SMTP server whose replies to messages go through a gate. places: so
    many connections it takes at once, and the gate opens when it has refused
    one."""

    def __init__(self, case, want, places=99):
        self.gate = Gate(want)
        self.places, self.refused, self.active = places, 0, 0
        self.messages = []
        self.tls = case.ca.issue("relay", ["localhost"]).context()
        self.server = smtp_lab.Server(self.script)
        self.url = "smtp://localhost:%d" % self.server.port

    def script(self, peer):
        with self.gate.lock:
            self.active += 1
            full = self.active > self.places
        try:
            if full:
                self.refused += 1
                self.gate.set()
                peer.say("421 4.7.0 too many connections")
                return
            peer.greet(self.tls)
            peer.serve({".": self.reply})
        finally:
            with self.gate.lock:
                self.active -= 1

    def reply(self, peer, _):
        self.gate.through(id(peer))
        self.messages.append(peer.data[-1])
        peer.say("250 2.0.0 queued")


class Case:
    """DOMAINS reports by mail that are due."""
    number = 0

    def __init__(self, lab):
        Case.number += 1
        zone = "".join(
            '_dmarc.d%d.example. TXT "v=DMARC1; p=reject; rua=mailto:r@d%d.'
            'example"\nd%d.example. MX 1 mx.example.\n' % (i, i, i)
            for i in range(DOMAINS))
        self.site = R.Site(lab, zone, "", "site%d" % Case.number)
        self.ca = smtp_lab.Authority(self.site.path())
        self.site.fill(DOMAINS, 3 * DOMAINS, D0)

    def configure(self, transport, senders=SENDERS):
        text = [x for x in open(self.site.conf).read().splitlines()
                if not x.startswith(("report_transport", "report_timeout",
                                     "report_tls_ca_file", "report_senders"))]
        self.site.write("aver.conf", "\n".join(text + [
            "report_transport = " + transport,
            "report_timeout = %ds" % PATIENCE,
            "report_tls_ca_file = " + self.ca.file,
            "report_senders = %d" % senders]) + "\n")
        self.site.own()

    def run(self, now=D0 + DAY):
        self.r = self.site.report("dmarc", "--now", str(now))
        self.sum = R.summary(self.r.stderr)

    def ends(self, code, **want):
        got = {k: self.sum.get(k) for k in want}
        tap.eq((self.r.returncode, got), (code, want), "how the run ended")

    def tries(self):
        """{(state, attempts): submissions}"""
        return tries(self.site)


def tries(site):
    out = {}
    for r in json.loads(site.aver("reports", "--json").stdout):
        one = json.loads(site.aver("reports", "show", r["id"],
                                   "--json").stdout)
        for s in one["submissions"]:
            key = s["state"], s["attempts"]
            out[key] = out.get(key, 0) + 1
    return out


def test_slow(lab):
    c = Case(lab)
    relay = Relay(c, SENDERS)
    with relay.server:
        c.configure(relay.url)
        c.run()
    c.ends(0, sent=DOMAINS, retry=0, failed=0)
    tap.eq(relay.gate.most, SENDERS, "messages that wait for a reply at once")
    tap.ok(len(relay.server.peers) == SENDERS, "on connections that are kept",
           len(relay.server.peers))
    tap.eq(len({m.split(b"\r\nTo: ")[1].split(b"\r\n")[0]
                for m in relay.messages}), DOMAINS, "each report came")
    tap.eq(len(relay.messages), DOMAINS, "once")
    tap.eq(c.tries(), {("sent", 1): DOMAINS}, "the ledger")


def test_one(lab):
    c = Case(lab)
    relay = Relay(c, 1)
    with relay.server:
        c.configure(relay.url, 1)
        c.run()
    c.ends(0, sent=DOMAINS, retry=0, failed=0)
    tap.eq((relay.gate.most, len(relay.server.peers)), (1, 1),
           "report_senders = 1: one connection, one message at a time")


def test_few_places(lab):
    c = Case(lab)
    relay = Relay(c, 99, places=2)
    with relay.server:
        c.configure(relay.url)
        c.run()
    c.ends(0, sent=DOMAINS, retry=0, failed=0)
    tap.ok(1 <= relay.refused <= SENDERS - 2,
           "who was refused does not come back", relay.refused)
    tap.ok(relay.gate.most <= 2, "the others go on", relay.gate.most)
    tap.eq(c.tries(), {("sent", 1): DOMAINS},
           "what was refused is no attempt")


def test_no_place(lab):
    c = Case(lab)
    relay = Relay(c, 99, places=0)
    with relay.server:
        c.configure(relay.url)
        c.run()
    c.ends(75, sent=0, retry=1, failed=0)
    tap.eq(relay.refused, SENDERS, "each sender tries once")
    tap.eq(c.tries(), {("pending", 0): DOMAINS - 1, ("pending", 1): 1},
           "a relay that is down is one attempt")
    again = Relay(c, SENDERS)
    with again.server:
        c.configure(again.url)
        c.run(D0 + DAY + 60)
        c.ends(0, sent=DOMAINS - 1, retry=0, failed=0)
        c.run(D0 + DAY + 600)
        c.ends(0, sent=1, retry=0, failed=0)


def test_stop(lab):
    c = Case(lab)
    relay = Relay(c, 99)
    with relay.server:
        c.configure(relay.url)
        p = c.site.spawn("dmarc", "--now", str(D0 + DAY))
        L.wait_until(lambda: len(relay.gate.inside) == SENDERS, 15,
                     "all senders at the gate")
        p.send_signal(signal.SIGTERM)
        relay.gate.set()
        code = p.wait(PATIENCE)
    sent = len(relay.messages)
    tap.eq((code, R.summary(c.site.log()).get("sent")), (0, sent),
           "told to stop")
    tap.eq(sent, SENDERS, "what was begun comes to its end, nothing else")
    tap.eq(c.tries(), {("sent", 1): SENDERS,
                       ("pending", 0): DOMAINS - SENDERS},
           "the rest is as it was")


SENDMAIL = """#!/bin/sh
# counts who is here, and waits for the others
touch %(dir)s/in.$$
i=0
while [ ! -e %(dir)s/enough ] && [ $i -lt %(tries)d ]; do
    set -- %(dir)s/in.*
    [ $# -ge %(n)d ] && touch %(dir)s/enough
    [ $# -gt %(n)d ] && touch %(dir)s/toomany
    i=$((i+1))
    sleep 0.1
done
cat >%(dir)s/mail.$$
set -- %(dir)s/in.*
[ $# -gt %(n)d ] && touch %(dir)s/toomany
rm %(dir)s/in.$$
"""


def test_sendmail(lab):
    c = Case(lab)
    where = c.site.path("spool")
    os.mkdir(where)
    c.site.write("sendmail", SENDMAIL % {
        "dir": where, "n": SENDERS, "tries": 10 * PATIENCE})
    os.chmod(c.site.path("sendmail"), 0o755)
    c.configure("sendmail:" + c.site.path("sendmail"))
    c.run()
    c.ends(0, sent=DOMAINS, retry=0, failed=0)
    files = os.listdir(where)
    tap.ok("enough" in files, "so many commands run at once", files)
    tap.ok("toomany" not in files, "and no more")
    tap.eq(len([f for f in files if f.startswith("mail.")]), DOMAINS,
           "each gets a message")


def test_directory(lab):
    c = Case(lab)
    c.configure("directory:" + c.site.path("out"))
    c.run()
    c.ends(0, sent=DOMAINS, retry=0, failed=0)
    tap.eq(sorted(m.to for m in c.site.mails()),
           sorted("r@d%d.example" % i for i in range(DOMAINS)),
           "files in a directory")
    tap.eq([f for f in os.listdir(c.site.path("out"))
            if not f.endswith(".eml")], [], "and no others")


def test_leftovers(lab):
    """Hidden files of a run that was killed are removed after a day."""
    c = Case(lab)
    out = c.site.path("out")
    c.configure("directory:" + out)
    octets = "0123456789abcdef01234567"
    stale = [".1.%s.eml.tmp" % octets, ".1793491200.%s.eml.tmp" % octets[::-1]]
    link = ".4.%s.eml.tmp" % octets
    kept = [".2.%s.eml.tmp" % octets, ".3.%s.eml.tmp" % octets[:-1],
            "1.%s.eml.tmp" % octets, ".1.%s.eml" % octets,
            ".x.%s.eml.tmp" % octets, ".1.%s.eml.tmp.x" % octets,
            ".1.%s.eml.tmp" % octets.upper(), ".tmp", "other"]
    for name in stale + kept:
        c.site.write("out/" + name, "x")
    os.symlink("other", os.path.join(out, link))
    c.site.own()
    for name in stale + kept[1:] + [link]:
        os.utime(os.path.join(out, name), (1, 1), follow_symlinks=False)
    c.run()
    c.ends(0, sent=DOMAINS, retry=0, failed=0)
    tap.eq(sorted(f for f in os.listdir(out)
                  if f.startswith(".") or not f.endswith(".eml")),
           sorted(kept + [link]), "stale files of ours are removed, no others")
    if os.geteuid() == 0:
        alien = os.path.join(out, stale[0])
        open(alien, "w").close()
        os.utime(alien, (1, 1))
        c.run(D0 + DAY + 60)
        tap.ok(os.path.exists(alien), "nor those of another user")


def https_case(lab, ca, takers, n_hosts):
    """Three reports to each host by HTTPS, one by mail."""
    zone, hosts = "", ["h%d.example" % i for i in range(n_hosts)]
    for h in hosts:
        zone += "%s. A 127.0.0.1\n" % h
    names = []
    for i in range(3 * n_hosts):
        name = "d%d.example" % i
        names.append(name)
        zone += '_smtp._tls.%s. TXT "v=TLSRPTv1; rua=%s"\n' % (
            name, takers.url("200", hosts[i % n_hosts]))
    zone += '_smtp._tls.mail.example. TXT "v=TLSRPTv1; rua=mailto:' \
        'r@mail.example"\nmail.example. MX 1 mx.example.\n'
    site = T.Site(lab, zone, "sts_allow_networks = 127.0.0.0/8\n"
                  "report_tls_ca_file = %s\nreport_timeout = %ds\n"
                  "report_senders = %d\n" % (ca.file, PATIENCE, SENDERS),
                  "https%d" % n_hosts)
    site.put(*[T.row(D0, n, good=1) for n in names + ["mail.example"]])
    return site


def test_https(lab, n_hosts):
    ca = smtp_lab.Authority(lab.dir, "CA %d" % n_hosts)
    os.chmod(ca.file, 0o644)
    takers = T.Takers(ca.issue("takers", ["h%d.example" % i
                                          for i in range(n_hosts)]))
    gate = Gate(min(n_hosts, SENDERS))
    takers.before = gate.through
    site = https_case(lab, ca, takers, n_hosts)
    r = site.tls(D0 + DAY + 3600)
    got = R.summary(r.stderr)
    tap.eq((r.returncode, got.get("sent"), got.get("retry")),
           (0, 3 * n_hosts + 1, 0), "%d hosts of HTTPS: the run" % n_hosts)
    tap.eq(gate.most, min(n_hosts, SENDERS), "so many at once")
    tap.ok(not gate.twice, "never two to a host")
    tap.eq((len(takers.got), len(site.tls_mails())), (3 * n_hosts, 1),
           "each came once")
    tap.eq(tries(site), {("sent", 1): 3 * n_hosts + 1}, "the ledger")


L.need(root=False)
with L.Lab() as the_lab:
    for test in (test_slow, test_one, test_few_places, test_no_place,
                 test_stop, test_sendmail, test_directory, test_leftovers):
        tap.note(test.__name__)
        test(the_lab)
    for hosts in (1, 3, 5):
        test_https(the_lab, hosts)
tap.done()
