#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""The libunbound back end against a real nsd, through t/integ/dnsq.

An nsd of our own serves a signed root with one tampered record and an
unsigned child zone, a second one the same root without signatures. A small
server in this script gives answers that change from one question to the next,
or none. Everything is on loopback and ends with the script.
"""
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as L                                             # noqa: E402

DNSQ = os.path.join(L.BUILD, "t/integ/dnsq")
# for answers that come: the machine may be busy
LONG = ["-t", 20000]

ROOT_ZONE = """$ORIGIN .
$TTL 120
@ SOA ns.signed. hostmaster.signed. 1 3600 600 86400 60
@ NS ns.signed.
ns.signed. A 127.0.0.1
signed. TXT "v=spf1 -all"
signed. MX 10 ns.signed.
bad.signed. TXT "genuine"
alias.signed. CNAME signed.
dangling.signed. CNAME nowhere.signed.
empty.signed. CNAME alias2.signed.
alias2.signed. CNAME signed.end.
signed.end. A 192.0.2.9
oddalias.signed. CNAME odd\\.dot\\032\\200.signed.
zero.signed. 0 TXT "z"
*.wild.signed. TXT "w"
odd\\.dot\\032\\200.signed. TXT "odd"
plain. NS ns.signed.
1.2.0.192.in-addr.arpa. PTR host.signed.
host.test. A 192.0.2.7
"""
PLAIN_ZONE = """$ORIGIN plain.
$TTL 120
@ SOA ns.signed. hostmaster.signed. 1 3600 600 86400 60
@ NS ns.signed.
@ TXT "unsigned"
"""
NSD_CONF = """server:
  ip-address: 127.0.0.1
  port: %(port)d
  username: ""
  chroot: ""
  zonesdir: "%(dir)s"
  database: ""
  pidfile: "%(dir)s/%(name)s.pid"
  xfrdfile: "%(dir)s/%(name)s.state"
  zonelistfile: "%(dir)s/%(name)s.list"
  logfile: "%(dir)s/%(name)s.log"
  server-count: 1
remote-control:
  control-enable: no
zone:
  name: "."
  zonefile: %(name)s.zone
zone:
  name: "plain."
  zonefile: plain.zone
"""


class Tap:
    count = 0
    failed = 0


def ok(good, name, *notes):
    Tap.count += 1
    Tap.failed += not good
    print("%sok %d - %s" % ("" if good else "not ", Tap.count, name))
    if not good:
        for n in notes:
            print("# %r" % (n,))
    sys.stdout.flush()


def skip_all(why):
    print("1..0 # SKIP " + why)
    sys.exit(0)


def dnsq(*args):
    """The lines it prints."""
    r = subprocess.run([DNSQ] + [str(a) for a in args],
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                       universal_newlines=True, timeout=L.PATIENCE)
    return r.stdout.splitlines()


def says(what, want, *args):
    got = dnsq(*args)
    ok(len(got) == len(want) and all(g.startswith(w)
                                     for g, w in zip(got, want)),
       what, *got)


class Asker:
    """One dnsq that is asked line by line."""

    def __init__(self, *args):
        self.p = subprocess.Popen([DNSQ] + [str(a) for a in args] + ["-"],
                                  stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE,
                                  universal_newlines=True)

    def ask(self, name, qtype="TXT"):
        self.p.stdin.write("%s %s\n" % (name, qtype))
        self.p.stdin.flush()
        return self.p.stdout.readline().rstrip()

    def close(self):
        self.p.stdin.close()
        return self.p.wait()


# ---- zones and nsd ---------------------------------------------------------

def write(path, text):
    with open(path, "w") as f:
        f.write(text)


def run(folder, *words):
    return subprocess.run(words, cwd=folder, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=True,
                          universal_newlines=True).stdout.strip()


def make_zones(folder):
    """The zone files; returns the path of the trust anchor."""
    many = "".join("many.signed. A 10.0.%d.%d\n" % (i // 250, i % 250 + 1)
                   for i in range(600))
    large = "".join("large.signed. TXT %s\n" % " ".join(
        '"%s%03d"' % ("x" * 250, i * 10 + j) for j in range(10))
        for i in range(20))
    path = os.path.join(folder, "unsigned.zone")
    write(path, ROOT_ZONE + many + large)
    write(os.path.join(folder, "plain.zone"), PLAIN_ZONE)
    ksk = run(folder, "ldns-keygen", "-a", "ED25519", "-k", ".")
    zsk = run(folder, "ldns-keygen", "-a", "ED25519", ".")
    run(folder, "ldns-signzone", "-o", ".", "-f", "signed.zone",
        "unsigned.zone", zsk, ksk)
    path = os.path.join(folder, "signed.zone")
    with open(path) as f:
        text = f.read()
    write(path, text.replace('"genuine"', '"tampered"'))
    # the keys without their signatures, as a server without DNSSEC has them
    write(os.path.join(folder, "stripped.zone"), "".join(
        line + "\n" for line in text.splitlines()
        if "RRSIG" not in line and "NSEC" not in line))
    return os.path.join(folder, ksk + ".key")


class Nsd:
    def __init__(self, folder, name):
        self.port = L.free_ports(1)[0]
        self.conf = os.path.join(folder, name + ".conf")
        write(self.conf, NSD_CONF % {"port": self.port, "dir": folder,
                                     "name": name})
        self.server = "127.0.0.1@%d" % self.port
        self.start()

    def start(self):
        self.p = subprocess.Popen([shutil.which("nsd") or "/usr/sbin/nsd",
                                   "-d", "-c", self.conf],
                                  stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)

    def answers(self):
        if self.p.poll() is not None:
            # a resolver of another test asks from that very port
            self.start()
        got = dnsq("-s", self.server, "-t", 200, ".", "SOA")
        return got and " ok " in got[0]

    def wait(self):
        return L.happens(self.answers, L.PATIENCE)

    def send(self, sig):
        for pid in L.family(self.p.pid):
            os.kill(pid, sig)

    def close(self):
        self.p.terminate()
        self.p.wait()


# ---- a server with moods ---------------------------------------------------

TXT, CNAME, SOA = 16, 5, 6


def wire(name):
    return b"".join(bytes([len(x)]) + x.encode()
                    for x in name.rstrip(".").split(".") if x) + b"\0"


def txt(text):
    return bytes([len(text)]) + text.encode()


class Moody(threading.Thread):
    """Answers are a list by name; each question takes the first one off, the
    last one stays. An answer: None (silence), an RCODE, or records. Those to
    names in late come after so many seconds."""

    def __init__(self):
        super().__init__(daemon=True)
        self.answers, self.late = {}, {}
        self.asked = []
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.server = "127.0.0.1@%d" % self.sock.getsockname()[1]
        self.start()

    def run(self):
        while True:
            query, peer = self.sock.recvfrom(4096)
            reply = self.reply(query)
            wait = self.late.get(self.asked[-1])
            if reply and wait:
                threading.Timer(wait, self.sock.sendto, (reply, peer)).start()
            elif reply:
                self.sock.sendto(reply, peer)

    def reply(self, query):
        at, labels = 12, []
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
            at += 1 + query[at]
        name = ".".join(labels)
        self.asked.append(name)
        if self.answers is None:
            return None
        todo = self.answers.get(name, [3])
        what = todo.pop(0) if len(todo) > 1 else todo[0]
        if what is None:
            return None
        rcode, records = (what, []) if isinstance(what, int) else (0, what)
        body = b"".join(wire(n) + struct.pack("!HHIH", t, 1, ttl, len(d)) + d
                        for n, t, ttl, d in records)
        return (query[:2] + struct.pack("!HHHHH", 0x8180 | rcode, 1,
                                        len(records), 0, 0) +
                query[12:at + 5] + body)


# ---- tests -----------------------------------------------------------------

def test_validation(good, anchor):
    v = ["-s", good.server, "-d", "validate", "-a", anchor] + LONG
    says("a signed zone", [
        'signed TXT ok secure 120 "v=spf1 -all"',
        "signed MX ok secure 120 10 ns.signed.",
        "signed A nodata secure 60",
        "nx.signed TXT nxdomain secure 60",
        'alias.signed TXT ok secure 120 "v=spf1 -all" = signed',
        "dangling.signed TXT nxdomain secure 60 = nowhere.signed",
        "empty.signed MX nodata secure 60 = signed.end",
        "oddalias.signed A nodata secure 60 = odd\\.dot\\032\\200.signed",
        'x.wild.signed TXT ok secure 120 "w"',
        'zero.signed TXT ok secure 0 "z"',
    ], *v, "signed", "TXT", "signed", "MX", "signed", "A", "nx.signed", "TXT",
        "alias.signed", "TXT", "dangling.signed", "TXT",
        "empty.signed", "MX", "oddalias.signed", "A", "x.wild.signed",
        "TXT", "zero.signed", "TXT")
    says("a tampered record is bogus, and says why",
         ["bad.signed TXT bogus insecure 5 (validation failure"],
         *v, "bad.signed", "TXT")
    says("an unsigned zone is insecure", [
        'plain TXT ok insecure 120 "unsigned"',
        "x.plain TXT nxdomain insecure 60",
    ], *v, "plain", "TXT", "x.plain", "TXT")
    says("without validation nothing is secure, and nothing bogus", [
        'signed TXT ok insecure 120 "v=spf1 -all"',
        'bad.signed TXT ok insecure 120 "tampered"',
    ], *LONG, "-s", good.server, "signed", "TXT", "bad.signed", "TXT")


def test_answers(good, dead):
    s = ["-s", good.server] + LONG
    says("zones that libunbound would answer itself", [
        "1.2.0.192.in-addr.arpa PTR ok insecure 120 host.signed.",
        "host.test A ok insecure 120 192.0.2.7",
    ], *s, "1.2.0.192.in-addr.arpa", "PTR", "host.test", "A")
    got = dnsq(*s, "large.signed", "TXT")
    ok(len(got) == 1 and got[0].startswith("large.signed TXT ok") and
       got[0].count("x" * 250) == 200, "50 kB of TXT", *[g[:80] for g in got])
    says("600 records are too many",
         ["many.signed A temperror insecure 5 (more than 500 records"],
         *s, "many.signed", "A")
    a = Asker(*s, "-s", dead.server)
    got = [a.ask("d%d.wild.signed" % i) for i in range(50)]
    ok(all(" ok " in g for g in got), "one of two servers is dead", *got)
    a.close()


def test_names(moody):
    """Octets that mean something to libunbound's parser reach the server."""
    moody.answers["a\\b;c d.example"] = [[("a\\b;c d.example", TXT, 9,
                                           txt("odd"))]]
    a = Asker("-s", moody.server, *LONG)
    # the words are cut at blanks: \ and ; only
    moody.answers["a\\065;d.example"] = [[("a\\065;d.example", TXT, 9,
                                           txt("odd"))]]
    got = a.ask("a\\065;d.example")
    ok(got == 'a\\065;d.example TXT ok insecure 9 "odd"',
       "a backslash in a name is no escape", got, moody.asked[-1:])
    a.close()


def test_selftest(good, bare, stripped, moody, anchor):
    on = "state: on: "
    off = "state: off: "
    strips = ["%sDNSSEC validation is off: the DNS server's answers" % off,
              "selftest: DNSSEC validation is off"]
    says("self test: validated",
         [on + "DNSSEC works", "selftest: DNSSEC works"],
         *LONG, "-T", "-s", good.server, "-d", "auto", "-a", anchor)
    says("self test: a root without DNSSEC", strips,
         *LONG, "-T", "-s", bare.server, "-d", "auto", "-a", anchor)
    says("self test: signatures are stripped", strips,
         *LONG, "-T", "-s", stripped.server, "-d", "auto", "-a", anchor)
    says("who demands validation gets it",
         [on + "DNSSEC validation is on",
          "selftest: the DNS server strips DNSSEC",
          "signed TXT bogus insecure"],
         *LONG, "-T", "-s", stripped.server, "-d", "validate", "-a", anchor,
         "signed", "TXT")
    moody.answers[""] = [None]
    says("self test: no answer leaves validation on",
         [on + "the DNS server does not answer",
          "selftest: the DNS server does not answer"],
         "-T", "-s", moody.server, "-t", 300, "-d", "auto", "-a", anchor)


def test_wrong_anchor(good, folder, anchor):
    other = run(folder, "ldns-keygen", "-a", "ED25519", "-k", ".")
    path = os.path.join(folder, other + ".key")
    says("self test: another trust anchor",
         ["state: on: the root's signatures do not validate",
          "selftest: the root's signatures do not validate"],
         *LONG, "-T", "-s", good.server, "-d", "auto", "-a", path)
    none = os.path.join(folder, "none")
    says("no trust anchor: off",
         ["state: off: DNSSEC validation is off: there is no usable",
          "selftest: DNSSEC validation is off"],
         *LONG, "-T", "-s", good.server, "-d", "auto", "-a", none)
    says("no trust anchor, validation demanded",
         ["error: configuration error: cannot read the trust anchor " + none],
         "-s", good.server, "-d", "validate", "-a", none)
    write(none, "no anchor\n")
    says("a trust anchor that is none",
         ["error: configuration error: libunbound cannot start; is " + none],
         "-s", good.server, "-d", "validate", "-a", none)


def test_config():
    for server in ("1.2.3", "dns.example", "127.0.0.1@0", "127.0.0.1@65536",
                   "127.0.0.1@", "[127.0.0.1", "::g", "", "127.0.0.1 "):
        says("bad server %r" % server,
             ['error: configuration error: bad DNS server "%s": expected'
              % server], "-s", server, "x", "A")
    for word in ("system", "recursive"):
        says("%s with another" % word,
             ['error: configuration error: DNS server "%s" cannot be'
              % word], "-s", "127.0.0.1", "-s", word, "x", "A")


def asks(a, name, want, times=4):
    """A busy machine can be too late for a short wait, but not always."""
    for _ in range(times):
        got = a.ask(name)
        if want in got:
            break
    return got


def test_silence(moody):
    moody.answers["silent.example"] = [None]
    moody.answers["x.example"] = [[("x.example", TXT, 60, txt("x"))]]
    start = time.monotonic()
    says("a server that does not answer",
         ["silent.example TXT temperror insecure 0 (no answer in time)"],
         "-s", moody.server, "-t", 400, "silent.example", "TXT")
    took = time.monotonic() - start
    ok(took >= 0.4, "is waited for", took)
    a = Asker("-s", moody.server, "-t", 1500)
    for _ in range(4):
        a.ask("silent.example")
    got = asks(a, "x.example", " ok ")
    ok(got.startswith("x.example TXT ok"), "and delays no other name", got)
    ok(a.close() == 0, "closing with questions in flight")


def test_late(moody):
    """A forwarder that has most answers at once and has to look for one."""
    a = Asker("-s", moody.server, *LONG)
    for i in range(60):
        a.ask("at-once%d.example" % i)
    moody.answers["late.example"] = [[("late.example", TXT, 60, txt("x"))]]
    moody.late["late.example"] = 1.5
    got = a.ask("late.example")
    ok(got == 'late.example TXT ok insecure 60 "x"',
       "a late answer is an answer", got)
    a.close()


def test_cache(moody):
    moody.answers["t.example"] = [[("t.example", TXT, 60, txt("1"))],
                                  [("t.example", TXT, 60, txt("2"))]]
    a = Asker("-s", moody.server, *LONG)
    got = [a.ask("t.example") for _ in range(3)]
    ok(all(g.endswith('"1"') for g in got), "an answer is kept", *got)
    for i in range(5):  # on a busy machine the seconds can be over
        name = "f%d.example" % i
        moody.answers[name] = [2] * 10 + [[(name, TXT, 60, txt("f"))]]
        start = time.monotonic()
        got = [a.ask(name) for _ in range(2)]
        n = moody.asked.count(name)
        a.ask(name)
        again = moody.asked.count(name) - n
        if time.monotonic() < start + 5:
            break
    ok(all(g == name + " TXT temperror insecure 5 (SERVFAIL)" for g in got)
       and again == 0, "SERVFAIL for 5 seconds", *got)
    a.close()


def test_no_cache(moody):
    """With -c 0 no answer depends on one before."""
    def rr(name, rtype, data, ttl=0):
        return (name, rtype, ttl, data)

    first = [rr("s.example", CNAME, wire("t2.example")),
             rr("t2.example", TXT, txt("old"))]
    second = [rr("s.example", TXT, txt("new"), 3600)]
    third = [rr("s.example", TXT, txt("newer"), 3600)]
    moody.answers["s.example"] = [first, second, third, 3, second, [], third]
    moody.answers["t2.example"] = [[rr("t2.example", TXT, txt("old"))]]
    moody.answers["l.example"] = [None]
    moody.answers["e.example"] = [2] * 8 + [[rr("e.example", TXT,
                                                txt("e"))]]
    a = Asker("-s", moody.server, "-c", 0, *LONG)
    got = [a.ask("s.example").split(" ", 2)[2] for _ in range(7)]
    want = ['ok insecure 0 "old"', 'ok insecure 0 "new"',
            'ok insecure 0 "newer"', "nxdomain insecure",
            'ok insecure 0 "new"', "nodata insecure", 'ok insecure 0 "newer"']
    ok(all(g.startswith(w) for g, w in zip(got, want)),
       "each question is asked anew", *got)
    got = asks(a, "e.example", " ok ", 8)
    ok(got.endswith('"e"'), "nor does SERVFAIL last", got)
    a.close()
    a = Asker("-s", moody.server, "-c", 0, "-t", 1500)
    got = [a.ask("l.example")]
    moody.answers["l.example"] = [[rr("l.example", TXT, txt("late"))]]
    got.append(asks(a, "l.example", " ok "))
    ok("(no answer in time)" in got[0] and got[1].endswith('"late"'),
       "nor does a timeout", *got)
    a.close()


def test_recovery(good):
    """The only forwarder is away for ten seconds."""
    a = Asker("-s", good.server, "-t", 500)
    ok(L.happens(lambda: " ok " in a.ask("r0.wild.signed"), L.PATIENCE),
       "a server answers")
    good.send(signal.SIGSTOP)
    until = time.monotonic() + 10
    n = 0
    while time.monotonic() < until:
        n += 1
        got = a.ask("r%d.wild.signed" % n)
    ok(" temperror " in got, "is away", got)
    good.send(signal.SIGCONT)
    # libunbound alone would leave it out for 15 minutes
    until = time.monotonic() + 10 * L.BUSY
    while " ok " not in got and time.monotonic() < until:
        n += 1
        got = a.ask("r%d.wild.signed" % n)
    ok(" ok " in got, "and is used again as soon as it is back", got)
    a.close()


def main():
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    for word in ("nsd", "ldns-keygen", "ldns-signzone"):
        if not shutil.which(word):
            skip_all("%s is not installed" % word)
    if not os.path.exists("/proc/self/task"):
        skip_all("no /proc")
    folder = tempfile.mkdtemp(prefix="aver-dns-")
    servers = []
    moody = Moody()
    dead = Moody()
    dead.answers = None
    try:
        anchor = make_zones(folder)
        servers = [Nsd(folder, n) for n in ("signed", "unsigned", "stripped")]
        for s in servers:
            if not s.wait():
                ok(False, "nsd starts")
                return
        good, bare, stripped = servers
        test_validation(good, anchor)
        test_answers(good, dead)
        test_names(moody)
        test_selftest(good, bare, stripped, moody, anchor)
        test_wrong_anchor(good, folder, anchor)
        test_config()
        test_silence(moody)
        test_late(moody)
        test_cache(moody)
        test_no_cache(moody)
        test_recovery(good)
    finally:
        for s in servers:
            s.close()
        shutil.rmtree(folder)


main()
print("1..%d" % Tap.count)
sys.exit(1 if Tap.failed else 0)
