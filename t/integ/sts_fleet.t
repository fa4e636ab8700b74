#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""Three aver-policyd on one Redis: one fetches for all, each goes on when the
store is away, and what changes on one counts on all."""
import contextlib
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as L                                             # noqa: E402
import redis_lab as R                                       # noqa: E402
try:
    import smtp_lab
except ImportError as e:
    L.skip_all("needs %s (Debian: python3-cryptography)" % e.name)
import tls_lab                                              # noqa: E402

L.need(programs=("nsd",))
R.need()
PROGRAM = os.path.join(L.BUILD, "aver-policyd")
if not os.access(PROGRAM, os.X_OK):
    L.skip_all("aver-policyd is not built")
tap = L.Tap()
HOSTS = 3
MANY = ["d%d.example" % i for i in range(100)]
# what is asked for in the course of the test
OTHERS = ["kept.example", "seen.example", "alone.example", "paused.example",
          "away.example", "id.example", "file.example"]


class Site:
    """The world outside: DNS, policy hosts, a mail server."""

    def __init__(self, stage):
        self.lab = stage
        ca = smtp_lab.Authority(stage.dir)
        self.ca_file = ca.file
        self.hosts = tls_lab.PolicyHosts(ca.issue("none", ["x.example"]))
        self.cert = ca.issue("all", ["mta-sts." + d for d in MANY + OTHERS])
        for d in MANY + OTHERS:
            self.serve(d, "mx." + d)
        mx = ca.issue("mx", ["mx.seen.example"])

        def talk(peer):
            peer.greet(mx.context(), after="PIPELINING,REQUIRETLS")
            peer.serve()
        self.smtp = smtp_lab.Server(talk)
        self.port = L.free_ports(1)[0]
        self.proc = None
        self.ids({})

    def serve(self, domain, *mx, mode="enforce"):
        self.hosts.put(domain, self.cert, tls_lab.answer(
            tls_lab.policy(mode=mode, mx=mx)))

    def ids(self, ids):
        """The DNS, with those ids; its answers live for a second, but those
        about kept.example and file.example."""
        lines = ["$ORIGIN example.", "$TTL 1",
                 "@ SOA ns root 1 3600 900 86400 1", "@ NS ns",
                 "ns A 127.0.0.1"]
        for d in MANY + OTHERS:
            name = d.partition(".")[0]
            ttl = 3600 if name in ("kept", "file") else 1
            lines += [
                "%s %d MX 10 mx.%s" % (name, ttl, name),
                "mx.%s %d A 127.0.0.1" % (name, ttl),
                '_mta-sts.%s %d TXT "v=STSv1; id=%s"' % (
                    name, ttl, ids.get(d, "1")),
                "mta-sts.%s %d A 127.0.0.1" % (name, ttl)]
        self.lab.write("zone", "\n".join(lines) + "\n")
        conf = self.lab.write("nsd.conf", """
server:
  ip-address: 127.0.0.1@%d
  username: ""
  chroot: ""
  zonesdir: "%s"
  pidfile: ""
  database: ""
  xfrdfile: ""
  zonelistfile: "%s/zone.list"
  xfrdir: "%s"
  server-count: 1
  rrl-ratelimit: 0
remote-control:
  control-enable: no
zone:
  name: example
  zonefile: zone
""" % ((self.port,) + (self.lab.dir,) * 3))
        if self.proc:
            L.end(self.proc)
        self.proc = self.lab.run_nsd(conf, self.port)

    def fetches(self, domains):
        return sum(self.hosts.asked(d) for d in domains)


class Host:
    def __init__(self, site, number, store):
        self.lab, self.site = site.lab, site
        self.name = "host%d" % number
        self.log = self.name + ".log"
        self.dir = self.lab.path(self.name)
        os.mkdir(self.dir)
        shutil.chown(self.dir, "nobody")
        self.path = os.path.join(self.dir, "sock")
        self.metrics = L.free_ports(1)[0]
        self.conf = self.lab.write(self.name + ".conf", """
user = nobody
log_destination = stderr
state_directory = %s
store = %s
policyd_listen = unix:%s
policyd_metrics_listen = 127.0.0.1:%d
policyd_workers = 16
record_tls_results = no
dns_servers = 127.0.0.1@%d
dnssec = off
policyd_deadline = 90s
postconf_command =
postfix_version = 3.7
requiretls_policy = opportunistic
tls_min_validity = 1s
tls_max_validity = 1h
sts_ca_file = %s
sts_port = %d
sts_allow_networks = 127.0.0.0/8
""" % (self.dir, store, self.path, self.metrics, site.port, site.ca_file,
            site.hosts.port))
        self.start()

    def start(self):
        before = self.lab.read(self.log).count(" ready\n")
        self.proc = self.lab.spawn([PROGRAM, "-c", self.conf], self.log)

        def up():
            if self.proc.poll() is not None:
                raise RuntimeError("aver-policyd ended: " +
                                   self.lab.read(self.log)[-2000:])
            return self.lab.read(self.log).count(" ready\n") > before
        L.wait_until(up, 30, "aver-policyd")

    def stop(self):
        self.proc.terminate()
        return self.proc.wait(L.PATIENCE)

    def drop_copy(self):
        """Is killed, loses its copy, and starts."""
        self.proc.kill()
        self.proc.wait(L.PATIENCE)
        for name in os.listdir(self.dir):
            if name.startswith("policies.db"):
                os.unlink(os.path.join(self.dir, name))
        self.start()

    def ask_all(self, keys, name="tls"):
        """Answers in the order of the keys, one connection."""
        out = []
        with L.dial(self.path) as s:
            f = s.makefile("rb")
            for k in keys:
                text = ("%s %s" % (name, k)).encode()
                s.sendall(b"%d:%s," % (len(text), text))
                n = b""
                while not n.endswith(b":"):
                    octet = f.read(1)
                    if not octet:
                        raise OSError("no answer to " + k)
                    n += octet
                out.append(f.read(int(n[:-1]) + 1)[:-1].decode())
        return out

    def ask(self, key, name="tls"):
        return self.ask_all([key], name)[0]

    def metric(self, series):
        url = "http://127.0.0.1:%d/metrics" % self.metrics
        with urllib.request.urlopen(url, timeout=L.PATIENCE) as r:
            m = re.search(r"(?m)^%s (\S+)$" % re.escape(series),
                          r.read().decode())
        return float(m.group(1)) if m else None

    def aver(self, *args):
        return subprocess.run(
            [os.path.join(L.BUILD, "aver"), "-c", self.conf, *args],
            capture_output=True, text=True, timeout=L.PATIENCE)


def secure(domain, mx=None):
    return "OK secure match=%s servername=hostname" % (mx or "mx." + domain)


def all_say(hosts, domain, want, name):
    """Each host, in the end."""
    got = []

    def look():
        got[:] = [h.ask(domain) for h in hosts]
        return got == [want] * len(hosts)
    L.happens(look, L.PATIENCE)
    tap.eq(got, [want] * len(hosts), name)


def are_up(hosts, up):
    L.wait_until(lambda: all(h.metric("aver_policyd_store_up") == up
                             for h in hosts), 60, "the store %d" % up)


# --- together

def test_together(site, hosts):
    answers = [{} for _ in hosts]

    def work(i):
        host, part = hosts[i % HOSTS], i // HOSTS
        keys = MANY[part * 10:part * 10 + 10]
        answers[i % HOSTS].update(zip(keys, host.ask_all(keys)))
    L.run_threads(HOSTS * 10, work)
    for i, a in enumerate(answers):
        wrong = {d: a.get(d) for d in MANY if a.get(d) != secure(d)}
        tap.eq(wrong, {}, "host %d has all policies" % i)
    n = site.fetches(MANY)
    tap.note("%d fetches" % n)
    # a host that waits for three seconds, on a slow machine, fetches too
    tap.ok(100 <= n < 200, "100 domains at three hosts: about 100 fetches", n)
    taken = sum(h.metric("aver_policyd_policies_taken_total") for h in hosts)
    tap.ok(taken > 0, "some waited for another host", taken)
    for h in hosts:
        tap.eq(h.ask_all(MANY), [secure(d) for d in MANY], "and again")
    tap.eq(site.fetches(MANY), n, "without a fetch")


def test_new_id(site, hosts):
    d = "id.example"
    all_say(hosts, d, secure(d), "an id")
    cost = []
    # who finds the store slow or a fetch too long fetches for himself: on a
    # busy machine that may be so once, if they shared nothing it were always
    while not cost or cost[-1] != 1 and len(cost) < 6:
        before, number = site.fetches([d]), len(cost) + 2
        other = "other%d.example" % number
        site.serve(d, other)
        site.ids({d: str(number)})
        all_say(hosts, d, secure("", other), "a new one")
        cost.append(site.fetches([d]) - before)
    tap.ok(cost[-1] == 1 and max(cost) <= HOSTS, "one fetch for all", cost)


def test_commands(site, hosts):
    d = "kept.example"
    all_say(hosts, d, secure(d), "answers that are kept for an hour")
    site.serve(d, "other.example")
    tap.eq(hosts[0].ask(d), secure(d), "are kept")
    r = hosts[0].aver("policy", "refresh", d)
    tap.eq((r.returncode, "does not count" in r.stderr), (0, False),
           "refresh on one " + r.stderr)
    all_say(hosts, d, secure("", "other.example"), "counts on all")
    tap.eq(site.fetches([d]), 2, "by one fetch")
    site.hosts.put(d, site.cert, tls_lab.answer("", status="404 Not Found"))
    r = hosts[1].aver("policy", "remove", d)
    tap.eq(r.returncode, 0, "remove on one " + r.stderr)
    all_say(hosts, d, "NOTFOUND ", "counts on all")


def test_file(site):
    """Two daemons on one SQLite file."""
    d = "file.example"
    folder = site.lab.path("shared")
    os.mkdir(folder)
    shutil.chown(folder, "nobody")
    hosts = [Host(site, 10 + i, "sqlite:%s/aver.db" % folder)
             for i in range(2)]
    all_say(hosts, d, secure(d), "two daemons on one file")
    n = site.fetches([d])
    tap.ok(n in (1, 2), "one fetch or two", n)
    site.serve(d, "other.example")
    r = hosts[0].aver("policy", "refresh", d)
    tap.eq(r.returncode, 0, "refresh on one " + r.stderr)
    all_say(hosts, d, secure("", "other.example"), "counts on both")
    tap.eq(site.fetches([d]), n + 1, "by one fetch")
    site.hosts.put(d, site.cert, tls_lab.answer("", status="404 Not Found"))
    r = hosts[1].aver("policy", "remove", d)
    tap.eq(r.returncode, 0, "remove on one " + r.stderr)
    all_say(hosts, d, "NOTFOUND ", "counts on both")
    for h in hosts:
        tap.eq(h.stop(), 0, h.name + " stops")


# --- alone

def test_killed(site, hosts, server):
    some = MANY[:20]
    server.kill()
    for h in hosts:
        tap.eq(h.ask_all(some), [secure(d) for d in some],
               "without the store policies stay in force")
    are_up(hosts, 0)
    for h in hosts:
        tap.eq(h.ask("alone.example"), secure("alone.example"),
               "a new one is fetched")
    tap.eq(site.fetches(["alone.example"]), HOSTS, "by each host")
    tap.ok("the store of TLS policies: " in site.lab.read(hosts[0].log),
           "it is in the log")
    L.happens(lambda: all(d in hosts[0].aver("policy", "list").stdout
                          for d in some), 60)
    r = hosts[0].aver("policy", "list")
    tap.ok(r.returncode == 0 and "this host's copy" in r.stderr and
           all(d in r.stdout for d in some), "policies are listed", r.stderr)
    r = hosts[0].aver("policy", "export")
    tap.ok(r.returncode == 0 and "%s\tsecure match=mx.%s " % (some[5], some[5])
           in r.stdout, "and exported", r.stdout + r.stderr)
    r = hosts[0].aver("policy", "remove", some[5])
    tap.ok(r.returncode == 1 and not r.stdout, "but not removed", r.stderr)
    # a host that starts now
    tap.eq(hosts[2].stop(), 0, "a host stops")
    site.hosts.put(MANY[3], site.cert, tls_lab.answer(
        "", status="404 Not Found"))
    hosts[2].start()
    tap.eq(hosts[2].ask(MANY[3]), secure(MANY[3]),
           "starts, and knows what it had")
    hosts[2].drop_copy()
    tap.ok(hosts[2].ask(MANY[3]).startswith("TEMP "),
           "or nothing, where its copy was lost")
    tap.eq(hosts[2].ask(MANY[0]), secure(MANY[0]), "and fetches")
    site.serve(MANY[3], "mx." + MANY[3])
    site.serve(MANY[1], "evil.example", mode="none")
    tap.eq(hosts[0].ask(MANY[1]), secure(MANY[1]),
           "one that knows a policy does not ask again")
    site.serve(MANY[1], "mx." + MANY[1])
    server.start()
    are_up(hosts, 1)
    before = site.fetches(MANY[2:20])
    tap.eq(hosts[2].ask_all(some), [secure(d) for d in some],
           "back: the store serves the new one")
    tap.eq(site.fetches(MANY[2:20]), before, "without a fetch")
    L.wait_until(lambda: "alone.example" in
                 hosts[1].aver("policy", "list").stdout, 30, "alone.example")
    tap.ok(True, "what was fetched meanwhile is written")


def test_refused(site, hosts, server, fleet):
    """A host that starts while the store does not let it in."""
    d = MANY[4]
    h = hosts[2]
    kept = secure(d)

    def starts(what, name, mend):
        tap.eq(h.stop(), 0, "a host stops")
        h.start()
        L.wait_until(lambda: what in site.lab.read(h.log), 30, what)
        tap.eq((h.ask(d), h.metric("aver_policyd_store_up")), (kept, 0),
               name + ": it starts, and knows what it had")
        mend()
        are_up([h], 1)
        tap.eq(h.ask(d), kept, name + ": and is let in again")
    before = site.fetches([d])
    server.cli("CONFIG", "SET", "requirepass", "changed")
    starts("NOAUTH", "another password", lambda: subprocess.run(
        [R.CLI, "-p", str(server.port), "--no-auth-warning", "-a", "changed",
         "CONFIG", "SET", "requirepass", ""], check=True,
        stdout=subprocess.DEVNULL))
    version = server.cli("GET", "{aver}:v").strip()
    server.cli("SET", "{aver}:v", "99")
    starts("version 99", "a newer program's store",
           lambda: server.cli("SET", "{aver}:v", version))
    tap.eq(site.fetches([d]), before, "without a fetch")
    # one that Sentinel does not know
    s = fleet.sentinel("mx", server.port, 1)
    h = Host(site, 20, "redis-sentinel://127.0.0.1:%d/mx?timeout=1000&"
             "command_timeout=3000" % s.port)
    are_up([h], 1)
    tap.eq(h.ask(d), kept, "by Sentinel")
    L.wait_until(lambda: d in copy_of(h), 60, "a copy")
    s.cli("SENTINEL", "REMOVE", "mx")
    starts("knows no master", "a master that Sentinel does not know",
           lambda: s.cli("SENTINEL", "MONITOR", "mx", "127.0.0.1",
                         str(server.port), "1"))
    tap.eq(site.fetches([d]), before, "without a fetch")
    # what the operator has written is another matter
    tap.eq(h.stop(), 0, "stops")
    with open(h.conf) as f:
        text = f.read()
    site.lab.write(h.name + ".conf", text.replace(
        "command_timeout=3000", "command_timeout=3000&password_file=/none"))
    r = subprocess.run([PROGRAM, "-c", h.conf], capture_output=True, text=True,
                       timeout=L.PATIENCE)
    tap.ok(r.returncode not in (0, -9) and "/none: No such file" in r.stderr,
           "a file of a password that is not there", r.stderr)
    r = h.aver("policy", "list")
    tap.ok(r.returncode == 1 and not r.stdout and "copy" not in r.stderr and
           "/none: No such file" in r.stderr,
           "which no copy stands in for", r.stdout + r.stderr)


def test_password(site, hosts, fleet):
    """The password is another one while a host runs."""
    server = fleet.server("--requirepass", "first")

    def cli(password, *words):
        return server.cli("--no-auth-warning", "-a", password, *words)
    path = site.lab.path("password")

    def write(password):
        """In its place at once, or it may be read half written."""
        with open(path + ".new", "w") as f:
            f.write(password + "\n")
        os.chmod(path + ".new", 0o644)
        os.rename(path + ".new", path)

    def kept(password, domain):
        return cli(password, "EXISTS", "{aver}:m:" + domain).strip() == "1"

    def told():
        """What is wrong now, as the log has it: with the store, or with the
        store and with writing to it."""
        log = site.lab.read(h.log)
        return log.count(":%d: " % server.port) - \
            log.count("the store is there again") - \
            log.count("policies can be written again")

    def refused():
        """For as long as it takes to try more than once."""
        are_up([h], 0)
        errors = "aver_policyd_store_errors_total"
        since = h.metric(errors)
        L.wait_until(lambda: h.metric(errors) >= since + 4, 60, "attempts")

    def change(was, now):
        """And all have to log in again."""
        tap.eq(cli(was, "CONFIG", "SET", "requirepass", now).strip(), "OK",
               "another password")
        cli(now, "CLIENT", "KILL", "TYPE", "normal")
    write("first")
    h = Host(site, 21, "redis://127.0.0.1:%d?timeout=1000&"
             "command_timeout=3000&password_file=%s" % (server.port, path))
    are_up([h], 1)
    d, other, third = MANY[5:8]
    tap.eq(h.ask(d), secure(d), "a policy")
    before = site.fetches([d])
    change("first", "second")
    refused()
    tap.eq(h.ask(d), secure(d), "stays in force")
    tap.eq(h.ask(other), secure(other), "and another one can be had")
    tap.ok(told() in (1, 2), "one line, however often it is tried", told())
    write("second")
    are_up([h], 1)
    tap.eq(h.ask(third), secure(third), "the file's new one is taken")
    for domain in other, third:
        L.wait_until(lambda: kept("second", domain), 60,
                     domain + " in the store")
    # no file says nothing else
    os.unlink(path)
    change("second", "third")
    refused()
    change("third", "second")
    are_up([h], 1)
    tap.eq((h.ask(d), site.fetches([d])), (secure(d), before),
           "the one that was good is tried too, and nothing fetched again")
    tap.eq(h.stop(), 0, "stops")


def test_certificate(site, hosts, fleet):
    """The server's certificate is of another CA while a host runs."""
    cas = [smtp_lab.Authority(fleet.dir, name) for name in ("One", "Two")]
    pems = [ca.issue("redis%d" % i, ["localhost"]).path
            for i, ca in enumerate(cas)]
    path = site.lab.path("ca.pem")
    port = L.free_ports(1)[0]
    server = fleet.server(
        "--tls-port", str(port), "--tls-cert-file", pems[0], "--tls-key-file",
        pems[0], "--tls-ca-cert-file", cas[0].file, "--tls-auth-clients", "no")
    shutil.copyfile(cas[0].file, path)
    h = Host(site, 22, "rediss://localhost:%d?timeout=1000&"
             "command_timeout=3000&ca_file=%s" % (port, path))
    are_up([h], 1)
    told = server.cli("CONFIG", "SET", "tls-cert-file", pems[1],
                      "tls-key-file", pems[1]).strip()
    if told != "OK":  # before Redis 7
        tap.note("no other certificate: " + told)
        h.stop()
        return
    server.cli("CLIENT", "KILL", "TYPE", "normal")
    L.wait_until(lambda: "certificate: " in site.lab.read(h.log), 60,
                 "a certificate that is refused")
    are_up([h], 0)
    shutil.copyfile(cas[1].file, path + ".new")
    os.rename(path + ".new", path)
    are_up([h], 1)
    tap.eq(h.ask(MANY[5]), secure(MANY[5]), "another CA in the file is taken")
    tap.eq(h.stop(), 0, "stops")


def copy_of(host):
    """The domains in the host's own copy; none while there is no copy."""
    path = os.path.join(host.dir, "policies.db")
    try:
        db = sqlite3.connect("file:%s?mode=ro" % path, uri=True)
        with contextlib.closing(db):
            return [row[0] for row in db.execute("SELECT domain FROM sts")]
    except sqlite3.OperationalError:
        return []


def test_paused(site, hosts, server):
    some = MANY[20:40]
    before = site.fetches(some)
    server.signal(signal.SIGSTOP)
    L.run_threads(HOSTS, lambda i: tap.eq(
        hosts[i].ask_all(some + ["paused.example"]),
        [secure(d) for d in some + ["paused.example"]],
        "a server that says nothing"))
    are_up(hosts, 0)
    L.run_threads(HOSTS, lambda i: tap.eq(
        hosts[i].ask_all(some + ["away.example"]),
        [secure(d) for d in some + ["away.example"]], "and once more"))
    tap.eq(site.fetches(["away.example"]), HOSTS, "each host fetches")
    server.signal(signal.SIGCONT)
    are_up(hosts, 1)
    tap.eq(site.fetches(some), before, "no policy was fetched again")


def test_emptied(site, hosts, server):
    n = len(hosts[0].aver("policy", "list").stdout.splitlines())
    tap.ok(n >= 100, "policies in the store", n)
    before = site.fetches(MANY)
    tap.ok("OK" in server.cli("FLUSHALL"), "the store is emptied")
    L.wait_until(lambda: len(hosts[0].aver("policy", "list")
                             .stdout.splitlines()) >= n - 1, 60,
                 "policies come back")
    for h in hosts:
        tap.eq(h.ask_all(MANY), [secure(d) for d in MANY],
               "no policy is lost")
    tap.eq(site.fetches(MANY), before, "without a fetch")


# --- destinations

def test_seen(site, hosts, server):
    d = "seen.example"
    tap.eq([h.ask(d, "requiretls") for h in hosts],
           ["OK opportunistic"] * HOSTS, "nothing is known of a host")
    r = hosts[0].aver("check", "%s:%d" % (d, site.smtp.port))
    tap.ok("REQUIRETLS: offered" in r.stdout, "one host sees what it offers",
           r.stdout + r.stderr)
    L.wait_until(lambda: all(h.ask(d, "requiretls") == "OK enforce"
                             for h in hosts), 30, "requiretls")
    tap.ok(True, "all know it")
    server.kill()
    are_up(hosts, 0)
    # answers that were kept end after a second
    for _ in range(3):
        tap.eq([h.ask(d, "requiretls") for h in hosts],
               ["OK enforce"] * HOSTS, "without the store too")
        subprocess.run(["sleep", "1"], check=True)


def main():
    with L.Lab() as stage, R.Fleet() as fleet:
        server = fleet.server()
        site = Site(stage)
        store = ("redis://127.0.0.1:%d?timeout=1000&command_timeout=3000"
                 % server.port)
        hosts = [Host(site, i, store) for i in range(HOSTS)]
        for test, more in ((test_together, ()), (test_new_id, ()),
                           (test_commands, ()), (test_killed, (server,)),
                           (test_refused, (server, fleet)),
                           (test_password, (fleet,)),
                           (test_certificate, (fleet,)),
                           (test_paused, (server,)),
                           (test_emptied, (server,)),
                           (test_seen, (server,))):
            tap.note(test.__name__)
            test(site, hosts, *more)
        for h in hosts:
            tap.eq(h.stop(), 0, h.name + " stops")
        tap.note("test_file")
        test_file(site)
    tap.done()


main()
