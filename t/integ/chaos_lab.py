# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""A site of several hosts on one store behind Sentinel, for chaos.t: three
milters with clients that send, aver-policyd with somebody who asks and somebody
who tells of TLS sessions, and two hosts that make reports; all by a clock that
the test moves."""
import collections
import ctypes
import mmap
import os
import random
import re
import shlex
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.request

import lab as L
import tls_lab

MILTERS, SERVERS = 3, 3
DOMAINS, TLS_DOMAINS, POLICIES = 6, 3, 3
DAY = 86400
PERIOD = 3600  # of DMARC reports, and what the clock jumps by
NAME = "mx"


def zone():
    text = ["$ORIGIN example.", "$TTL 300",
            "@ SOA ns hostmaster 1 3600 900 86400 300", "@ NS ns",
            "ns A 127.0.0.1", '*._report._dmarc.out TXT "v=DMARC1"',
            "out MX 1 mx.out"]
    for i in range(DOMAINS):
        text += ['d%d TXT "v=spf1 ip4:192.0.%d.0/24 -all"' % (i, i),
                 'd%d MX 1 mx.d%d' % (i, i),
                 '_dmarc.d%d TXT "v=DMARC1; p=reject; rua='
                 'mailto:rua@d%d.example,mailto:d%d@out.example"' % (i, i, i)]
    for i in range(TLS_DOMAINS):
        text += ['_smtp._tls.t%d TXT "v=TLSRPTv1; '
                 'rua=mailto:rua@t%d.example"' % (i, i),
                 "t%d MX 1 mx.t%d" % (i, i)]
    for i in range(POLICIES):
        text += ["p%d MX 1 mx.p%d" % (i, i), "mx.p%d A 127.0.0.1" % i,
                 '_mta-sts.p%d TXT "v=STSv1; id=1"' % i,
                 "mta-sts.p%d A 127.0.0.1" % i]
    return "\n".join(text) + "\n"


class Clock:
    """What the programs take for the time."""

    def __init__(self, stage):
        self.path = stage.path("clock")
        with open(self.path, "wb") as f:
            f.write(bytes(8))
        os.chmod(self.path, 0o644)
        self.file = open(self.path, "r+b")
        self.map = mmap.mmap(self.file.fileno(), 8)
        self.ahead = 0
        library = stage.path("jumpclock.so")
        cc = shlex.split(os.environ.get("CC", "cc"))
        r = subprocess.run(
            cc + ["-shared", "-fPIC", "-O1", "-o", library,
                  os.path.join(L.HERE, "jumpclock.c")],
            capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if r.returncode:
            L.skip_all("jumpclock.c cannot be compiled: " + r.stderr)
        os.environ["JUMPCLOCK"] = self.path
        self.preload = library

    def jump_to_hour(self, hour):
        """Of a day (UTC), ahead."""
        self.jump((hour * 3600 + 60 - int(time.time())) % DAY)

    def jump(self, seconds):
        self.ahead += seconds
        ctypes.c_int64.from_buffer(self.map).value = self.ahead

    def now(self):
        return int(time.time()) + self.ahead


class Stores:
    """Servers and Sentinels; how to harm them."""

    def __init__(self, fleet):
        self.fleet = fleet
        first = fleet.server(*self.more())
        self.all = [first] + [
            fleet.server("--replicaof", "127.0.0.1 %d" % first.port,
                         *self.more()) for _ in range(SERVERS - 1)]
        for s in self.all[1:]:
            L.wait_until(lambda: "master_link_status:up" in s.cli("INFO"),
                         30, "a replica")
        self.sentinels = [fleet.sentinel(NAME, first.port, 2)
                          for _ in range(3)]
        for s in self.sentinels:
            L.wait_until(lambda: self.knows_all(s), 60,
                         "the Sentinels to meet")
        # as many replicas as there are: whichever is promoted has it all
        self.spec = ("redis-sentinel://%s/%s?replicas=%d&timeout=300&"
                     "command_timeout=1000&lease=1500" % (",".join(
                         "127.0.0.1:%d" % s.port for s in self.sentinels),
                         NAME, SERVERS - 1))

    @staticmethod
    def more():
        # a replica that was away is back soon
        return ("--repl-diskless-sync-delay", "0", "--repl-ping-replica-period",
                "1", "--enable-debug-command", "no")

    @staticmethod
    def knows_all(s):
        told = s.cli("SENTINEL", "MASTER", NAME)
        return "num-other-sentinels\n2" in told and \
            "num-slaves\n%d" % (SERVERS - 1) in told

    def master(self):
        """Whom the first Sentinel that answers names."""
        for s in self.sentinels:
            words = s.cli("SENTINEL", "get-master-addr-by-name", NAME).split()
            for server in self.all:
                if words and words[-1] == str(server.port):
                    return server
        return self.all[0]

    def replica(self, rng):
        m = self.master()
        return rng.choice([s for s in self.all if s is not m])

    def is_well(self):
        m = self.master()
        told = m.cli("INFO")
        return "role:master" in told and \
            len(re.findall(r"state=online", told)) == SERVERS - 1 and \
            "aof_last_write_status:ok" in told

    def mend(self, pause=0):
        """What an operator does when Sentinel is at its wits' end, as when no
        server is a master: all of them have what counts, so any will do. For
        the pause, in seconds, no Sentinel knows a master."""
        best = max(self.all, key=lambda s: (
            "role:master" in s.cli("INFO"), self.size(s)))
        best.cli("REPLICAOF", "NO", "ONE")
        for s in self.all:
            if s is not best:
                s.cli("REPLICAOF", "127.0.0.1", str(best.port))
        for s in self.sentinels:
            s.cli("SENTINEL", "REMOVE", NAME)
        time.sleep(pause)
        for s in self.sentinels:
            s.cli("SENTINEL", "MONITOR", NAME, "127.0.0.1", str(best.port),
                  "2")
            s.cli("SENTINEL", "SET", NAME, "down-after-milliseconds", "700",
                  "failover-timeout", "3000")

    @staticmethod
    def size(server):
        """Keys; -1 while it does not tell."""
        last = (server.cli("DBSIZE").split() or [""])[-1]
        return int(last) if last.isdigit() else -1

    # each of these leaves all as it was

    def kill(self, server, rng, most):
        server.kill()
        time.sleep(rng.random() * most)
        server.start(wait=False)

    def stop(self, server, rng, most):
        server.signal(signal.SIGSTOP)
        time.sleep(rng.random() * most)
        server.signal(signal.SIGCONT)

    def fail_over(self, rng):
        """False: Sentinel does not want to now."""
        return "OK" in rng.choice(self.sentinels).cli(
            "SENTINEL", "FAILOVER", NAME)

    def set_for(self, server, name, bad, good, rng, most):
        server.cli("CONFIG", "SET", name, bad)
        time.sleep(rng.random() * most)
        server.cli("CONFIG", "SET", name, good)

    def no_disk(self, server, rng, most):
        """Its file cannot grow any more."""
        server.limit_file(1)
        time.sleep(0.3 + rng.random() * most)
        server.limit_file(None)
        # or is_well() tells
        L.happens(lambda: "aof_last_write_status:ok" in server.cli("INFO"),
                  10 * L.SLOW)


class Program:
    """One that is killed and started again."""

    def __init__(self, stage, clock, name, argv):
        self.lab, self.clock, self.name, self.argv = stage, clock, name, argv
        self.env = dict(os.environ, LD_PRELOAD=clock.preload)
        if L.SLOW > 1:
            self.env["ASAN_OPTIONS"] = self.env.get(
                "ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
        self.proc = None
        self.kills = 0
        self.odd = []

    def start(self):
        with open(self.lab.path(self.name + ".log"), "ab") as f:
            self.proc = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=f, stderr=f,
                env=self.env, cwd=self.lab.dir)
        self.lab.procs.append(self.proc)

    def ended(self, code, allowed):
        self.lab.procs.remove(self.proc)
        if code not in allowed:
            self.odd.append(code)

    def kill(self):
        if self.proc.poll() is not None:
            self.ended(self.proc.returncode, ())  # nobody told it to
            return
        self.proc.kill()
        self.ended(self.proc.wait(), (-9,))
        self.kills += 1

    def stop(self):
        self.proc.terminate()
        code = self.proc.wait(L.PATIENCE)
        self.ended(code, (0,))

    def text(self):
        return self.lab.read(self.name + ".log")

    def metrics(self, port):
        """{series: value}; empty when nobody answers."""
        try:
            with urllib.request.urlopen("http://127.0.0.1:%d/metrics" % port,
                                        timeout=5 * L.SLOW) as r:
                return {k: float(v) for k, v in re.findall(
                    r"(?m)^([a-z]\S*) (\S+)$", r.read().decode())}
        except (OSError, ValueError):
            return {}


class Milter(Program):
    def __init__(self, site, i):
        self.port, self.metrics_port = L.free_ports(2)
        conf = site.config("milter%d" % i, """
milter_listen = inet:127.0.0.1:%d
metrics_listen = 127.0.0.1:%d
trusted_networks =
known_domain_time = 0
""" % (self.port, self.metrics_port))
        super().__init__(site.lab, site.clock, "milter%d" % i, [
            os.path.join(L.BUILD, "aver-milter"), "-f", "-c", conf])
        self.load = None

    def send(self, threads, pause_ms):
        self.load = subprocess.Popen(
            [os.path.join(L.BUILD, "t/integ/milterload"),
             "inet:127.0.0.1:%d" % self.port, self.name, str(DOMAINS),
             str(threads), str(pause_ms)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        self.lab.procs.append(self.load)

    def stop_sending(self):
        """{domain: messages, "again": ..., "odd": ...}"""
        out, _ = self.load.communicate(timeout=2 * L.PATIENCE)
        words = out.split()
        return {k: int(v) for k, v in zip(words[::2], words[1::2])}

    def is_empty(self):
        m = self.metrics(self.metrics_port)
        return m.get("aver_store_queued") == 0 and \
            m.get("aver_store_spooled_bytes") == 0


def datagram(domain, epoch, good):
    """Of that life of the daemon: good ones differ in the policy, bad ones in
    the host."""
    p = '{"policy-type":2,"policy-domain":"%s","policy-string":["version: ' \
        'STSv1","mode: enforce","mx: %s.%s","max_age: 86400"],' \
        '"mx-host":["*.%s"],' % (domain, epoch if good else "any", domain,
                                 domain)
    if good:
        p += '"f":0}'
    else:
        p += '"t":1,"f":1,"failure-details":[{"c":205,"n":"%s.%s"}]}' % (
            epoch, domain)
    return ('{"dpv":"1","d":"%s","pr":"v=TLSRPTv1; rua=mailto:x@%s",'
            '"policies":[%s]}' % (domain, domain, p)).encode()


class Policyd(Program):
    BATCH = 512  # datagrams in hand, at most

    def __init__(self, site):
        self.metrics_port = L.free_ports(1)[0]
        state = site.lab.path("policyd-state")
        self.map = os.path.join(state, "map")
        self.told = os.path.join(state, "tlsrpt")
        conf = site.config("policyd", """
policyd_listen = unix:%s
policyd_socket_mode = 0666
policyd_metrics_listen = 127.0.0.1:%d
postconf_command =
postfix_version = 3.7
dns_servers = 127.0.0.1@%d
dns_timeout = 1500ms
sts_ca_file = %s
sts_port = %d
sts_timeout = 2s
sts_allow_networks = 127.0.0.0/8
tlsrpt_socket = %s
tlsrpt_socket_mode = 0666
""" % (self.map, self.metrics_port, site.second_dns, site.ca.file,
            site.hosts.port, self.told))
        super().__init__(site.lab, site.clock, "policyd", [
            os.path.join(L.BUILD, "aver-policyd"), "-f", "-c", conf])
        self.lock = threading.Lock()  # of who tells, and the kills
        self.epoch = 0
        self.sent = collections.Counter()  # (domain, epoch, good)
        self.quiet = set()  # lives that ended with all in hand done
        self.in_life = 0
        self.quit = threading.Event()
        self.answers = collections.Counter()
        self.weaker = []
        self.threads = []

    def start(self):
        self.epoch += 1
        self.in_life = 0
        super().start()

    def began(self, seconds=60):
        """The first one listens."""
        L.wait_until(lambda: L.takes(self.map), seconds, self.name)

    # -- TLS sessions

    def tell(self, pause):
        s, epoch, n = None, 0, 0
        while not self.quit.is_set():
            with self.lock:
                if epoch != self.epoch:
                    s, epoch = None, self.epoch
                domain = "t%d.example" % (n % TLS_DOMAINS)
                good = n % 2 == 0
                try:
                    if not s:
                        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                        s.settimeout(1)
                        s.connect(self.told)
                    s.send(datagram(domain, "e%d" % epoch, good))
                    self.sent[domain, "e%d" % epoch, good] += 1
                    self.in_life += 1
                    n += 1
                except OSError:
                    s = None
            time.sleep(pause)

    def has_read_all(self):
        """And recorded: a datagram is not counted before."""
        m = self.metrics(self.metrics_port)
        return sum(v for k, v in m.items() if k.startswith(
            "aver_policyd_datagrams_total")) >= self.in_life

    def kill(self, quiet=False):
        """quiet: when nothing is on its way from the socket to the ring."""
        with self.lock:
            # else it is not up yet
            if quiet and self.proc.poll() is None and L.happens(
                    self.has_read_all, 10 * L.SLOW):
                self.quiet.add("e%d" % self.epoch)
            super().kill()
            self.start()

    # -- policies

    def ask(self, s, domain):
        raw = b"tls " + domain.encode()
        s.sendall(b"%d:%s," % (len(raw), raw))
        got = b""
        while b":" not in got or \
                len(got) < len(got.split(b":")[0]) + 2 + int(got.split(b":")[0]):
            part = s.recv(4096)
            if not part:
                raise OSError("closed")
            got += part
        return got.partition(b":")[2][:-1].decode()

    def connect(self):
        return L.dial(self.map)

    def warm_up(self):
        """Until all policies are in the store."""
        s = self.connect()
        for i in range(POLICIES):
            L.wait_until(lambda: self.ask(s, "p%d.example" % i)
                         .startswith("OK secure"), 60, "a policy")
        conf = self.argv[-1]

        def kept():
            out = self.lab.aver("-c", conf, "policy", "list").stdout
            return all("p%d.example" % i in out for i in range(POLICIES))
        L.wait_until(kept, 60, "the policies to be in the store")

    def keep_asking(self, pause, seed):
        rng = random.Random(seed)
        s = None
        while not self.quit.is_set():
            domain = "p%d.example" % rng.randrange(POLICIES)
            want = "OK secure match=mx.%s" % domain
            try:
                s = s or self.connect()
                got = self.ask(s, domain)
            except OSError:
                s = None
                got = "none"
            if got.startswith(want):
                self.answers["in force"] += 1
            elif got == "none" or got.startswith("TEMP"):
                self.answers[got.split()[0]] += 1
            else:
                self.weaker.append((time.time(), domain, got))
            time.sleep(pause)

    def serve(self, pause):
        for f, args in ((self.tell, (pause,)), (self.keep_asking, (0.02, 1)),
                        (self.keep_asking, (0.05, 2))):
            t = threading.Thread(target=f, args=args, daemon=True)
            t.start()
            self.threads.append(t)

    def stop_serving(self):
        self.quit.set()
        for t in self.threads:
            t.join(L.PATIENCE)

    def is_empty(self):
        m = self.metrics(self.metrics_port)
        return m.get("aver_policyd_tls_queued") == 0 and \
            m.get("aver_policyd_tls_spooled_bytes") == 0


class Sink(threading.Thread):
    """Takes mail by SMTP and keeps what it said 250 to."""

    def __init__(self):
        super().__init__(daemon=True)
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.mails = []
        self.start()

    def run(self):
        while True:
            conn, _ = self.sock.accept()
            threading.Thread(target=self.talk, args=(conn,),
                             daemon=True).start()

    def talk(self, conn):
        f = conn.makefile("rwb")

        def say(text):
            f.write(text + b"\r\n")
            f.flush()
        try:
            say(b"220 sink.example")
            for line in f:
                verb = line[:4].upper()
                if verb == b"DATA":
                    say(b"354 go on")
                    octets = b""
                    for line in f:
                        if line == b".\r\n":
                            self.mails.append(octets)
                            say(b"250 2.0.0 kept")
                            break
                        octets += line[1:] if line[:1] == b"." else line
                elif verb == b"QUIT":
                    say(b"221 2.0.0 bye")
                    break
                else:
                    say(b"250 2.0.0 ok")
        except OSError:
            pass
        conn.close()


class Reporter(Program):
    """Runs as if by cron, but all the time."""

    def __init__(self, site, i, transport):
        conf = site.config("reporter%d" % i, """
report_transport = %s
report_email = dmarc-reports@reporter.example
report_interval = 1h
report_spread = 0
tls_report_spread = 0
report_timeout = 1s
report_retention = 3650d
""" % transport)
        super().__init__(site.lab, site.clock, "reporter%d" % i, [])
        self.conf = conf
        self.rng = random.Random(i)
        self.lock = threading.Lock()  # of proc
        self.quit = threading.Event()
        self.runs = collections.Counter()
        self.thread = None

    def one(self, kind):
        """Returns the exit code."""
        with self.lock:
            self.argv = [os.path.join(L.BUILD, "aver-report"), "-f", "-c",
                         self.conf, kind]
            self.start()
            proc = self.proc
        code = proc.wait(300 * L.SLOW)
        with self.lock:
            self.ended(code, (0, -9, 75))
            self.proc = None
        self.runs[code] += 1
        return code

    def kill(self):
        with self.lock:
            if self.proc and self.proc.poll() is None:
                self.proc.kill()
                self.kills += 1

    def go(self):
        def run():
            while not self.quit.is_set():
                self.one(self.rng.choice(["dmarc", "tls"]))
                time.sleep(self.rng.random() * 0.4)
        self.thread = threading.Thread(target=run, daemon=True)
        self.thread.start()

    def stop_going(self):
        self.quit.set()
        self.thread.join(300 * L.SLOW)

    def aver(self, *args):
        return subprocess.run(
            [os.path.join(L.BUILD, "aver"), "-c", self.conf, *args],
            capture_output=True, text=True, env=self.env)


class Site:
    """All of it. The policy hosts are those of a CA of the test."""

    def __init__(self, stage, fleet, ca):
        self.lab, self.ca = stage, ca
        self.clock = Clock(stage)
        # the first day is over soon
        self.clock.jump_to_hour(20)
        self.dns = stage.nsd({"example": zone()})
        self.second_dns = stage.nsd({"example": zone()})  # policyd's own
        self.second_nsd = stage.procs[-1]
        self.away = False
        self.hosts = tls_lab.PolicyHosts(ca.issue("none", ["x.example"]))
        for i in range(POLICIES):
            domain = "p%d.example" % i
            self.hosts.put(domain, ca.issue(domain, ["mta-sts." + domain]),
                           self.answer(domain))
        os.chmod(ca.file, 0o644)
        self.stores = Stores(fleet)
        self.milters = [Milter(self, i) for i in range(MILTERS)]
        self.policyd = Policyd(self)
        self.sink = Sink()
        out = stage.path("out")
        os.mkdir(out)
        self.own(out)
        self.reporters = [
            Reporter(self, 0, "directory:" + out),
            Reporter(self, 1, "smtp://127.0.0.1:%d" % self.sink.port)]

    def answer(self, domain):
        good = tls_lab.answer(tls_lab.policy(domain=domain, max_age=31557600))
        bad = tls_lab.answer("", status="503 Service Unavailable")

        def talk(conn, host):
            (bad if self.away else good)(conn, host)
        return talk

    @staticmethod
    def own(path):
        if os.geteuid() == 0:
            shutil.chown(path, "nobody")

    def config(self, name, more):
        state = self.lab.path(name + "-state")
        os.mkdir(state)
        self.own(state)
        text = """
authserv_id = mx.receiver.example
user = nobody
log_destination = stderr
log_level = %s
state_directory = %s
store = %s
store_batch_time = 50ms
dns_servers = 127.0.0.1@%d
dnssec = off
""" % ("info" if "report" in name else "warn", state, self.stores.spec,
            self.dns)
        names = {line.split("=")[0].strip() for line in more.splitlines()}
        text = "\n".join(line for line in text.splitlines()
                         if line.split("=")[0].strip() not in names - {""})
        return self.lab.write(name + ".conf", text + "\n" + more)

    def mails(self):
        """Octets of all that arrived anywhere."""
        out = self.lab.path("out")
        got = []
        for f in sorted(os.listdir(out)):
            if f.endswith(".eml"):
                with open(os.path.join(out, f), "rb") as m:
                    got.append(m.read())
        return got + list(self.sink.mails)

    def programs(self):
        return self.milters + [self.policyd] + self.reporters
