#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""aver-policyd records results of TLS sessions: datagrams good and bad, many and
far too many, kills in between; a log that is rotated, truncated and read again
after kills; the journal and standard input; files imported by hand."""
import glob
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "t/integ"))
import lab                                                  # noqa: E402

tap = lab.Tap()
BATCH = 512  # datagrams in hand, at most


def datagram(domain, *policies, **more):
    return json.dumps(dict({"dpv": "1", "d": domain, "pr": "v=TLSRPTv1; "
                            "rua=mailto:t@" + domain,
                            "policies": list(policies)}, **more)).encode()


def policy(kind, domain, failed=0, **more):
    p = {"policy-type": kind, "policy-domain": domain, "t": failed,
         "f": failed}
    return dict(p, **more)


class Daemon:
    def __init__(self, stage, name, **settings):
        self.lab = stage
        self.name = name
        self.port = lab.free_ports(1)[0]
        self.state = stage.path(name + ".state")
        # where the daemon's user may remove it
        self.socket = self.state + "/t.sock"
        os.makedirs(self.state)
        if os.geteuid() == 0:
            os.chmod(self.state, 0o777)
        lines = {"user": "nobody", "state_directory": self.state,
                 "store": "sqlite:%s/aver.db" % self.state,
                 "log_destination": "stderr",
                 "policyd_listen": "unix:" + stage.path(name + ".policy"),
                 "policyd_metrics_listen": "127.0.0.1:%d" % self.port,
                 "postconf_command": "", "dane": "no", "mta_sts": "no",
                 "dns_servers": "127.0.0.1@9", "dnssec": "off",
                 "dns_timeout": "200ms", "tlsrpt_socket": self.socket,
                 "tlsrpt_socket_mode": "0666", "store_batch_time": "50ms"}
        lines.update(settings)
        self.conf = stage.write(name + ".conf", "".join(
            "%s = %s\n" % x for x in lines.items()))
        self.proc = None
        self.runs = 0

    def start(self, **how):
        self.runs += 1
        self.proc = self.lab.spawn(
            [os.path.join(lab.BUILD, "aver-policyd"), "-f", "-c", self.conf],
            "%s-%d.log" % (self.name, self.runs), **how)
        lab.wait_until(lambda: " ready" in self.log() or
                       self.proc.poll() is not None, 20, self.log)
        if self.proc.poll() is not None:
            raise RuntimeError(self.log())
        return self

    def log(self):
        return self.lab.read("%s-%d.log" % (self.name, self.runs))

    def stop(self):
        self.proc.terminate()
        return self.proc.wait(lab.PATIENCE)

    def kill(self):
        self.proc.send_signal(signal.SIGKILL)
        self.proc.wait()

    def metric(self, name):
        """Of all labels together."""
        with urllib.request.urlopen("http://127.0.0.1:%d/metrics"
                                    % self.port) as r:
            text = r.read().decode()
        return sum(float(v) for k, v in
                   re.findall(r"(?m)^(\S+) (\S+)$", text)
                   if k.startswith(name) and
                   k[len(name):len(name) + 1] in ("", "{"))

    def datagrams(self, end):
        return int(self.metric('aver_policyd_datagrams_total{end="%s"}' % end))

    def aver(self, *argv, data=None):
        return subprocess.run(
            [os.path.join(lab.BUILD, "aver"), "-c", self.conf, *argv],
            input=data, capture_output=True, text=True)

    def domains(self):
        r = self.aver("results", "list", "--json")
        return {x["policy_domain"]: x for x in json.loads(r.stdout)} \
            if r.returncode == 0 else {}

    def rows(self, domain):
        r = self.aver("results", "show", domain, "--json")
        return json.loads(r.stdout) if r.returncode == 0 else []

    def sessions(self):
        return sum(x["success"] + x["failure"]
                   for x in self.domains().values())

    def client(self):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        s.connect(self.socket)
        return s

    def settle(self, n):
        """Waits until so many datagrams were read one way or the other, and
        what they told is in the database."""
        lab.wait_until(lambda: sum(map(self.datagrams, (
            "read", "bad", "dropped"))) >= n, 30, "%d datagrams" % n)
        self.settle_rows()

    def settle_rows(self):
        lab.wait_until(lambda: self.metric("aver_policyd_tls_queued") == 0 and
                       self.metric("aver_policyd_tls_spooled_bytes") == 0,
                       30, "the database")


EHLO = "250-mx.s.example\r\n250-STARTTLS\r\n250 SIZE 1000"
BAD = [
    ("no JSON", b"hello"),
    ("nothing", b""),
    ("no domain", b'{"policies":[{"policy-type":9,"f":0}]}'),
    ("a domain that is none", datagram("a/../b", policy(9, "a"))),
    ("no policies", b'{"d":"a.example","policies":[]}'),
    ("of another kind", b'{"d":["a"],"policies":{"x":1}}'),
    ("deep", b'{"d":"a.example","x":' + b"[" * 90000),
    ("cut off", datagram("a.example", policy(9, "a.example"))[:-2]),
]


def test_datagrams(stage):
    d = Daemon(stage, "plain").start()
    tap.eq(oct(os.stat(d.socket).st_mode & 0o777), "0o666", "the mode")
    s = d.client()
    good = [
        datagram("d.example", policy(1, "mx.d.example",
                                     **{"policy-string": ["3 1 1 AA"]})),
        datagram("S.example.", policy(2, "s.example", 1, **{
            "policy-string": ["version: STSv1", "mode: enforce"],
            "mx-host": ["mx.s.example"],
            "failure-details": [{"c": 205, "s": "192.0.2.9",
                                 "n": "mx.s.example", "h": EHLO,
                                 "r": "192.0.2.1", "f": "self\x01signed"}]})),
        datagram("n.example", policy(9, "n.example"), dpv="2", new={"x": []}),
        datagram("n.example", policy(9, "n.example")),
        datagram("c.example", policy(9, "c.example", 1, **{
            "failure-details": [{"c": 299, "n": "mx"}]})),
        # 200 kB, a name in it that is no UTF-8
        datagram("l.example", policy(9, "l.example"),
                 pr="x" * 200000).replace(b'"dpv"', b'"\xff"'),
        datagram("o.example", {"policy-type": 77, "f": 0},
                 policy(9, "o.example"), {"policy-type": "x"}),
    ]
    for g in good:
        s.send(g)
    for _, b in BAD:
        s.send(b)
    d.settle(len(good) + len(BAD))
    tap.eq(d.datagrams("bad"), len(BAD), "bad datagrams are counted")
    tap.eq(d.datagrams("read"), len(good), "good ones are read")
    tap.eq(d.datagrams("other_version"), 1, "one of another version as well")
    listed = d.domains()
    tap.eq(sorted(listed), ["c.example", "d.example", "l.example",
                            "mx.d.example", "n.example", "o.example",
                            "s.example"], "the policy domains")
    tap.eq(listed.get("n.example", {}).get("success"), 2, "counted together")
    row = d.rows("mx.d.example")
    tap.eq([(r["type"], r["recipient_domain"], r["domain"],
             r["policy_string"]) for r in row],
           [("tlsa", "d.example", "mx.d.example", ["3 1 1 AA"])],
           "DANE is recorded for the mail host")
    tap.eq([(r["domain"], r["success"]) for r in d.rows("d.example")],
           [("mx.d.example", 1)], "and for the recipient domain")
    row = d.rows("s.example")
    tap.eq([(r["type"], r["result"], r["mx"], r["helo"], r["ip"],
             r["sending_mta_ip"], r["reason"], r["failure"]) for r in row],
           [("sts", "validation-failure", "mx.s.example", "mx.s.example",
             "192.0.2.1", "192.0.2.9", "self signed", 1)], "a failure")
    tap.eq([r["reason"] for r in d.rows("c.example")], ["code-299"],
           "an unknown code")
    r = d.aver("results", "bad", "--json")
    bad = json.loads(r.stdout)
    tap.eq(len(bad), len(BAD), "bad ones are kept")
    tap.ok(any(x["octets"] == "hello" for x in bad), "with their octets", bad)
    r = d.aver("results", "bad")
    tap.ok("no JSON object" in r.stdout and "hello" in r.stdout,
           "aver results bad", r.stdout)
    tap.ok("\x01" not in r.stdout, "which is safe to look at")
    r = d.aver("destinations", "show", "s.example", "--json")
    tap.ok('"mx":"mx.s.example","starttls":1' in r.stdout,
           "STARTTLS goes to the memory of destinations", r.stdout)
    tap.ok("could not be read" in d.log() and d.log().count("dpv") == 1,
           "both are in the log, once", d.log())
    tap.eq(d.stop(), 0, "it ends")
    tap.ok(not os.path.exists(d.socket), "its socket is gone")


def test_socket(stage):
    d = Daemon(stage, "sock").start()
    d.kill()
    tap.ok(os.path.exists(d.socket), "a kill leaves the socket file")
    d.start()
    d.client().send(datagram("a.example", policy(9, "a.example")))
    d.settle(1)
    tap.ok(True, "it is replaced")
    other = Daemon(stage, "other", tlsrpt_socket=d.socket)
    try:
        other.start()
        tap.ok(False, "a socket in use is refused")
    except RuntimeError as e:
        tap.ok("in use" in str(e), "a socket in use is refused", e)
    d.client().send(datagram("a.example", policy(9, "a.example")))
    d.settle(2)
    d.stop()
    with open(d.socket, "w") as f:
        f.write("mine")
    try:
        d.start()
        tap.ok(False, "a file that is no socket is left alone")
    except RuntimeError:
        with open(d.socket) as f:
            tap.eq(f.read(), "mine", "a file that is no socket is left alone")


def cpu_of(pid):
    with open("/proc/%d/stat" % pid) as f:
        v = f.read().rpartition(")")[2].split()
    return (int(v[11]) + int(v[12])) / os.sysconf("SC_CLK_TCK")


def test_speed(stage):
    """A sender that waits when the socket is full loses nothing."""
    n, domains = 100000, 2000
    d = Daemon(stage, "fast", tlsrpt_max_rate="1000000",
               store_ring_size="256K").start()
    s = d.client()
    texts = [datagram("d%d.example" % i, policy(2, "d%d.example" % i, **{
        "policy-string": ["version: STSv1", "mode: enforce",
                          "mx: mx.d%d.example" % i, "max_age: 86400"],
        "mx-host": ["mx.d%d.example" % i]})) for i in range(domains)]
    cpu, begin = cpu_of(d.proc.pid), time.monotonic()
    for i in range(n):
        s.send(texts[i % domains])
    d.settle(n)
    # the last ones read may not have been in the queue yet
    lab.wait_until(lambda: d.sessions() >= n, 30, "all of them")
    took = time.monotonic() - begin
    cpu = cpu_of(d.proc.pid) - cpu
    tap.note("%d datagrams in %.2f s, %.2f s CPU of aver-policyd, all threads"
             % (n, took, cpu))
    tap.eq(d.sessions(), n, "100000 datagrams are counted, each once")
    tap.eq(len(d.domains()), domains, "for their domains")
    d.stop()


def test_flood(stage):
    d = Daemon(stage, "flood", tlsrpt_max_rate="1000",
               tlsrpt_max_rows_per_day="500").start()
    s = d.client()
    s.setblocking(False)
    sent, begin = 0, time.monotonic()
    text = datagram("a.example", policy(9, "a.example"))
    while time.monotonic() < begin + 3 or not d.datagrams("dropped"):
        for _ in range(1000):
            try:
                s.send(text)
                sent += 1
            except BlockingIOError:
                pass
    took = time.monotonic() - begin
    tap.note("%d datagrams in %.1f s" % (sent, took))
    d.settle(sent)
    tap.ok(d.datagrams("dropped") > 0, "more than the rate are dropped")
    tap.eq(d.datagrams("dropped") + d.datagrams("read"), sent,
           "and all are counted")
    # seconds of the clock, the first and the last one in part
    tap.ok(d.datagrams("read") <= (took + 2) * 1000, "the rate is kept",
           d.datagrams("read"))
    tap.ok("tlsrpt_max_rate" in d.log() and
           d.log().count("tlsrpt_max_rate") < 3,
           "the log says so, not for each", d.log())
    before = d.sessions()
    tap.eq(before, d.datagrams("read"), "what was read is recorded")
    time.sleep(1.1)
    s.setblocking(True)
    for i in range(900):
        s.send(datagram("x%d.example" % i, policy(9, "x%d.example" % i)))
    d.settle(sent + 900)
    rows = sum(x["rows"] for x in d.domains().values())
    tap.eq(rows, 500, "no more different results than allowed")
    tap.eq(int(d.metric("aver_policyd_tls_over_cap_total")), 401,
           "the others are counted")
    d.stop()
    d.start()
    d.client().send(datagram("new.example", policy(9, "new.example")))
    d.client().send(datagram("x1.example", policy(9, "x1.example")))
    d.settle(2)
    tap.eq(int(d.metric("aver_policyd_tls_over_cap_total")), 1,
           "a restart does not forget the cap")
    tap.eq(d.domains()["x1.example"]["success"], 2, "equal ones still count")
    d.stop()


def test_kill(stage):
    d = Daemon(stage, "kill", store_batch_time="10s").start()
    s = d.client()
    for _ in range(1000):
        s.send(datagram("a.example", policy(1, "mx.a.example")))
    lab.wait_until(lambda: d.datagrams("read") == 1000, 20, "1000 datagrams")
    # they are recorded; the database has at most the first ones
    d.kill()
    d.start()
    d.settle_rows()
    d.stop()
    got = {k: x["success"] for k, x in d.domains().items()}
    tap.eq(got, {"a.example": 1000, "mx.a.example": 1000},
           "what was received survives a kill, once")

    d = Daemon(stage, "kills").start()
    sent = [0]
    done = threading.Event()

    def send():
        conn = None
        while not done.is_set():
            try:
                conn = conn or d.client()
                conn.send(datagram("b.example", policy(9, "b.example")))
                sent[0] += 1
            except OSError:
                conn = None
                time.sleep(0.005)
            time.sleep(0.0002)
    t = threading.Thread(target=send, daemon=True)
    t.start()
    with open("/proc/sys/net/unix/max_dgram_qlen") as f:
        held = int(f.read()) + 1
    kills = 5
    for _ in range(kills):
        # more than twice what the kill may lose, however busy the daemon
        enough = sent[0] + 2 * (held + BATCH) + 1
        lab.wait_until(lambda: sent[0] >= enough, 30, "datagrams")
        d.kill()
        d.start()
    done.set()
    t.join()
    d.stop()
    got = d.sessions()
    tap.note("%d sent, %d recorded, %d kills" % (sent[0], got, kills))
    tap.ok(got <= sent[0], "nothing is counted twice")
    tap.ok(got >= sent[0] - kills * (held + BATCH),
           "a kill loses what the kernel held and the batch in hand, no more")
    tap.ok(got > sent[0] // 2, "which is little")


T = "Nov 25 12:00:00 out "


def session(i, domain, good=True, queue=None):
    """The lines of a delivery by a process of its own."""
    host = "mx.%s[192.0.2.1]:25" % domain
    pid = 1000 + i % 500
    up = "%s TLS connection established to %s: TLSv1.3 with cipher " \
         "TLS_AES_256_GCM_SHA384 (256/256 bits)\n" \
         % ("Verified" if good else "Untrusted", host)
    tag = "%spostfix/smtp[%d]: " % (T, pid)
    end = "dsn=2.0.0, status=sent (250 2.0.0 ok)" if good else \
        "dsn=4.7.5, status=deferred (Server certificate not verified)"
    return tag + up + "%s%s: to=<u@%s>, relay=%s, delay=0.07, " \
        "delays=0.01/0.01/0.05/0, %s\n" % (
            tag, queue or "Q%dX" % i, domain, host, end)


class Log:
    def __init__(self, path):
        self.path = path
        self.n = 0

    def add(self, text):
        with open(self.path, "a") as f:
            f.write(text)

    def sessions(self, n, domain="l.example"):
        for _ in range(n):
            self.n += 1
            self.add(session(self.n, domain))

    def rotate(self):
        # none is removed, whatever was not read yet
        for i in range(60, -1, -1):
            name = self.path + (".%d" % i if i else "")
            if os.path.exists(name):
                os.rename(name, self.path + ".%d" % (i + 1))
        self.add("")

    def copytruncate(self):
        with open(self.path) as f, open(self.path + ".copy", "w") as to:
            to.write(f.read())
        os.truncate(self.path, 0)


class Journald(Log):
    """systemd's journald without systemd, with a /run of its own."""
    PROGRAM = "/lib/systemd/systemd-journald"

    def __init__(self, stage):
        super().__init__(None)
        self.stage = stage
        self.dir = stage.path("journald")
        os.makedirs(self.dir + "/systemd")
        self.socket = self.dir + "/systemd/journal/dev-log"
        self.proc = None
        self.boots = 0

    def files(self):
        return glob.glob(self.dir + "/log/journal/*/*.journal")

    def start(self):
        """After another boot, of which journalctl does not know that it is
        the current one. False: it does not run here."""
        self.boots += 1
        boot = self.stage.write("boot_id", "%08x-0000-4000-8000-000000000000\n"
                                % self.boots)
        self.proc = self.stage.spawn(
            ["unshare", "-m", "sh", "-c",
             "mount --bind '%s' /run && mount --bind '%s' "
             "/proc/sys/kernel/random/boot_id && exec %s"
             % (self.dir, boot, self.PROGRAM)],
            "journald.log")
        if not lab.happens(lambda: self.proc.poll() is not None or
                           self.takes(), 30):
            return False
        for f in self.files():  # for the daemon's user
            os.chmod(os.path.dirname(f), 0o755)
            os.chmod(f, 0o644)
        return self.proc.poll() is None

    def takes(self):
        try:
            self.send("<30>test: begin")
        except OSError:
            return False
        return bool(self.files())

    def stop(self):
        self.proc.terminate()
        self.proc.wait()

    def send(self, text):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.connect(self.socket)
            s.send(text.encode())

    def add(self, text):
        for line in text.splitlines():
            self.send("<22>" + line[len(T):])  # mail.info

    def command(self):
        path = self.stage.write("live-journalctl",
                                "#!/bin/sh\nexec journalctl -D '%s' \"$@\"\n"
                                % os.path.dirname(self.files()[0]))
        os.chmod(path, 0o755)
        return path


def counted(d, domain="l.example"):
    return d.domains().get(domain, {}).get("success", 0)


def expect(d, n, name, domain="l.example"):
    lab.happens(lambda: counted(d, domain) >= n, lab.PATIENCE)
    tap.eq(counted(d, domain), n, name)


def test_log(stage):
    path = stage.path("mail.log")
    log = Log(path)
    log.sessions(5)
    d = Daemon(stage, "log", tlsrpt_socket="", tlsrpt_log="file:" + path,
               report_email="reports@aver.example").start()
    lab.wait_until(lambda: os.path.exists(d.state + "/tls-log.state"), 10,
                   "the position")
    log.n = 0
    log.sessions(10)
    expect(d, 10, "what is new is counted, what was there is not")
    log.rotate()
    log.sessions(10)
    expect(d, 20, "rotated by renaming")
    log.copytruncate()
    time.sleep(0.6)
    log.sessions(3)
    expect(d, 23, "copied and truncated")
    # a session over the rotation and over a restart
    a, b = session(9999, "half.example").splitlines(True)
    log.add(a + b[:20])
    time.sleep(1)
    d.stop()
    log.add(b[20:])
    log.sessions(4)
    log.rotate()
    log.sessions(4)
    log.rotate()
    log.sessions(4)
    d.start()
    expect(d, 35, "two rotations while nobody looked")
    expect(d, 1, "a session that began before the restart", "half.example")
    log.add(session(5001, "bad.example", False))
    lab.wait_until(lambda: "bad.example" in d.domains(), 10, "bad.example")
    tap.eq([(r["type"], r["result"], r["mx"], r["ip"], r["failure"])
            for r in d.rows("bad.example")],
           [("no-policy-found", "certificate-not-trusted", "mx.bad.example",
             "192.0.2.1", 1)], "a failure")
    q = T + "postfix/qmgr[7]: OWN1: from=<reports+abc@aver.example>, " \
        "size=1, nrcpt=1 (queue active)\n"
    log.add(q + session(5002, "own.example", queue="OWN1"))
    lab.wait_until(lambda: "own.example" in d.domains(), 10, "own.example")
    tap.eq(d.domains()["own.example"]["unwanted"], 1,
           "what delivered a report causes none")
    # hostile names are no names
    log.add(session(5003, "x!y").replace("mx.x!y", "mx.\x1b[2J"))
    log.add(session(5004, "after.example"))
    lab.wait_until(lambda: "after.example" in d.domains(), 10, "the end")
    tap.eq(sorted(x for x in d.domains() if "y" in x or "\x1b" in x), [],
           "and what is no domain is not recorded")
    tap.ok(d.metric("aver_policyd_log_lines_total") > 20,
           "lines are counted")
    d.stop()
    with open(d.state + "/tls-log.state", "w") as f:
        f.write("garbage\n")
    d.start()
    lab.wait_until(lambda: "damaged" in d.log(), 10, d.log)
    tap.ok(True, "a damaged position is said")
    d.stop()
    test_old_position(d, log)


def test_old_position(d, log):
    """A position out of a backup: others have used its next numbers."""
    place = d.state + "/tls-log.state"

    def read():
        with open(place) as f:
            return f.read()
    d.start()
    log.add(session(5005, "old.example"))
    expect(d, 1, "a session", "old.example")
    d.stop()
    old = read()
    for i in range(4):
        d.start()
        log.add(session(5006 + i, "old.example"))
        expect(d, 2 + i, "and another", "old.example")
        d.stop()
    with open(place, "w") as f:
        f.write(old)
    d.start()
    lab.wait_until(lambda: "is older than the store" in d.log(), 10, d.log)
    lab.wait_until(lambda: read().split()[4] != old.split()[4], 10,
                   "a name of its own")
    for i in range(3):
        log.add(session(5010 + i, "old.example"))
        expect(d, 6 + i, "after a position that is too old", "old.example")
    d.stop()


def test_log_kills(stage):
    path = stage.path("kills.log")
    log = Log(path)
    log.add("")
    d = Daemon(stage, "logkill", tlsrpt_socket="",
               tlsrpt_log="file:" + path).start()
    lab.wait_until(lambda: os.path.exists(d.state + "/tls-log.state"), 10,
                   "the position")
    done = threading.Event()

    def write():
        while not done.is_set():
            log.sessions(20)
            if log.n % 2000 == 0:
                log.rotate()
            time.sleep(0.01)
    t = threading.Thread(target=write, daemon=True)
    t.start()
    for i in range(8):
        time.sleep(0.3 + 0.13 * (i % 4))
        d.kill()
        d.start()
    done.set()
    t.join()
    tap.note("%d sessions, 8 kills" % log.n)
    expect(d, log.n, "kills and rotations: each session once")
    d.stop()


def test_copy(stage):
    """A second daemon with a copy of the first one's files."""
    path = stage.path("copy.log")
    log = Log(path)
    log.add("")
    a = Daemon(stage, "copy-a", tlsrpt_log="file:" + path).start()
    lab.wait_until(lambda: os.path.exists(a.state + "/tls-log.state"), 10,
                   "the position")
    log.sessions(5)
    a.client().send(datagram("g.example", policy(1, "g.example")))
    expect(a, 5, "sessions of the log")
    expect(a, 1, "a datagram", "g.example")
    b = Daemon(stage, "copy-b", tlsrpt_log="file:" + path,
               store="sqlite:%s/aver.db" % a.state)
    for name in os.listdir(a.state):
        if name.endswith((".ring", ".spool", ".state")):
            shutil.copy(os.path.join(a.state, name), b.state)
            os.chmod(os.path.join(b.state, name), 0o666)
    b.start()
    for i in range(20):
        b.client().send(datagram("g.example", policy(1, "g.example")))
    expect(b, 21, "datagrams of the copy", "g.example")
    log.sessions(5)
    expect(b, 15, "both tell of the log, each session once for each")
    a.client().send(datagram("g.example", policy(1, "g.example")))
    expect(b, 22, "datagrams of the first one", "g.example")
    for what in ("/tls-log.state: ", ".ring: "):
        tap.ok(re.search(what + "another process records as", a.log()) and
               not re.search(what + "another", b.log()),
               "the first one takes another name", a.log() + b.log())
    for d in a, b:
        r = d.aver("store", "check")
        tap.ok(r.returncode == 0, "its files are as they should be",
               r.stdout + r.stderr)
        d.stop()
        d.start()
    log.sessions(1)
    expect(b, 17, "and goes on under it")
    a.stop()
    b.stop()


def test_both(stage):
    """Postfix 3.10 writes "TLSRPT: status=..." when it sent a datagram."""
    path = stage.path("both.log")
    log = Log(path)
    log.add("")
    d = Daemon(stage, "both", tlsrpt_log="file:" + path).start()
    lab.wait_until(lambda: os.path.exists(d.state + "/tls-log.state"), 10,
                   "the position")
    tap.ok("both tlsrpt_socket and tlsrpt_log" in d.log(), "a warning")
    up, end = session(1, "both.example").splitlines(True)
    told = T + "postfix/smtp[1001]: TLSRPT: status=success, " \
        "domain=both.example, receiving_mx=mx.both.example[192.0.2.1]\n"
    log.add(up + told + end)
    log.add(session(2, "log.example"))
    d.client().send(datagram("both.example", policy(9, "both.example")))
    expect(d, 1, "a session without datagram", "log.example")
    expect(d, 1, "one with a datagram counts once", "both.example")
    tap.eq(int(d.metric('aver_policyd_log_sessions_left_out_total'
                        '{why="datagram"}')), 1, "and is counted as such")
    d.stop()


def test_stream(stage):
    d = Daemon(stage, "stdin", tlsrpt_socket="", tlsrpt_log="stdin")
    read, write = os.pipe()
    d.start(stdin=read)
    os.close(read)
    os.write(write, session(1, "l.example").encode())
    expect(d, 1, "standard input")
    os.write(write, session(2, "l.example").encode())
    os.close(write)
    expect(d, 2, "to its end")
    tap.eq(d.stop(), 0, "which does not end the daemon")


def test_journal(stage):
    entries = stage.path("entries")
    began = stage.path("journal.state", "began")
    fake = stage.write("journalctl", """#!/usr/bin/env python3
import sys, time
after = 0
for a in sys.argv:
    if a.startswith("--after-cursor=s="):
        after = int(a.partition("=s=")[2])
    if a == "--lines=0":
        after = sum(1 for _ in open(%r))
        open(%r, "w").close()
assert "SYSLOG_FACILITY=2" in sys.argv
n = 0
while True:
    for i, line in enumerate(open(%r).read().splitlines(), 1):
        if i > max(after, n):
            n = i
            tag, _, message = line.partition(": ")
            name, _, pid = tag.split()[-1].partition("[")
            print("__CURSOR=s=%%d\\n__REALTIME_TIMESTAMP=%%d000000\\n"
                  "SYSLOG_IDENTIFIER=%%s\\nSYSLOG_PID=%%s\\nMESSAGE=%%s\\n"
                  %% (i, time.time(), name, pid.rstrip("]"), message),
                  flush=True)
    time.sleep(0.05)
""" % (entries, began, entries))
    os.chmod(fake, 0o755)
    log = Log(entries)
    log.sessions(2)
    d = Daemon(stage, "journal", tlsrpt_socket="", tlsrpt_log="journal",
               journalctl_command=fake).start()
    lab.wait_until(lambda: os.path.exists(began), 20, "journalctl")
    log.n = 0
    log.sessions(3)
    expect(d, 3, "the journal, from its end on")
    for _ in range(3):
        d.kill()
        log.sessions(3)
        d.start()
        log.sessions(2)
        time.sleep(0.5)
    expect(d, log.n, "and on after kills, each once")
    d.stop()


def test_journald(stage):
    """The same with a journald that lives."""
    if os.geteuid() != 0 or not os.access(Journald.PROGRAM, os.X_OK) or \
            not shutil.which("journalctl") or not shutil.which("unshare"):
        tap.note("no live journal: needs root, journald and unshare")
        return
    j = Journald(stage)
    if not j.start():
        tap.note("no live journal: journald does not run here")
        return
    j.sessions(2)
    d = Daemon(stage, "journald", tlsrpt_socket="", tlsrpt_log="journal",
               journalctl_command=j.command()).start()
    # no command tells when journalctl has come to the end
    lab.wait_until(lambda: j.sessions(1) or counted(d, "l.example"), 30,
                   "the first of a live journal")
    first = j.n
    j.sessions(50, "j.example")
    expect(d, 50, "a live journal", "j.example")
    n = 50
    for _ in range(2):
        d.kill()
        j.sessions(20, "j.example")
        d.start()
        j.sessions(20, "j.example")
        n += 40
        expect(d, n, "and on after a kill, each once", "j.example")
    tap.ok(counted(d, "l.example") <= first - 2,
           "nothing from before the first start", (counted(d), first))
    j.stop()
    tap.ok(j.start(), "journald again")
    j.sessions(20, "j.example")
    expect(d, n + 20, "and on when journald was restarted", "j.example")
    d.kill()
    j.sessions(20, "j.example")
    j.stop()
    tap.ok(j.start(), "another boot")
    d.start()
    j.sessions(20, "j.example")
    expect(d, n + 60, "and on from the end of the one before", "j.example")
    tap.eq(d.stop(), 0, "the end")
    j.stop()


def test_import(stage):
    d = Daemon(stage, "import")
    os.makedirs(d.state, exist_ok=True)
    log = Log(stage.path("old.log"))
    log.sessions(3000)
    log.add(session(9000, "bad.example", False))
    r = d.aver("results", "import", log.path)
    tap.ok(r.returncode == 0 and "3001 sessions" in r.stdout,
           "a log is imported", r.stdout + r.stderr)
    tap.eq(counted(d), 3000, "all of it")
    r = d.aver("results", "import", log.path)
    tap.ok("imported before" in r.stdout, "a second time is told", r.stdout)
    tap.eq(counted(d), 3000, "and changes nothing")
    with open(log.path) as f:
        r = d.aver("results", "import", "-", data=f.read())
    tap.eq(counted(d), 3000, "nor does the same by another way")
    log.sessions(1)
    d.aver("results", "import", log.path)
    tap.eq(counted(d), 6001, "another content is another log")
    d.aver("results", "import", "--again", log.path)
    tap.eq(counted(d), 9002, "--again")
    text = datagram("i.example", policy(9, "i.example")).decode()
    r = d.aver("results", "import", data=text + "\n{}\n\n" + text + "\n")
    tap.ok(r.returncode == 0 and "2 sessions" in r.stdout and
           "1 datagrams could not be read, line 2" in r.stdout,
           "datagrams are recognised", r.stdout + r.stderr)
    r = d.aver("results", "remove", "i.example")
    tap.eq(r.stdout, "2 sessions removed\n", "removed")
    tap.eq(d.aver("results", "remove", "i.example").returncode, 1,
           "nothing is left")
    tap.eq(d.aver("results", "import", "/nonexistent").returncode, 1,
           "no such file")
    tap.eq(d.aver("results", "import", "--format", "x").returncode, 2,
           "no such format")


# What the samples tell of the same deliveries. The log knows neither the
# address of the sender nor the reply to EHLO; without the policies of that
# site (its DNS is gone) it does not know the policy.
def test_samples(stage):
    folder = os.path.join(os.environ.get("AVER_CONFORMANCE", "/nonexistent"),
                          "../samples")
    if not os.path.isdir(folder):
        tap.note("AVER_CONFORMANCE is not set: no recorded samples")
        return
    seen = {}
    for name in ("postfix-3.12-tlsrpt-datagrams.jsonl",
                 "postfix-3.12-mail.log", "postfix-3.7.11-mail.log"):
        d = Daemon(stage, name, tlsrpt_socket="")
        r = d.aver("results", "import", os.path.join(folder, name))
        tap.eq(r.returncode, 0, name + ": imported")
        found = set()
        for domain in d.domains():
            for x in d.rows(domain):
                if x["policy_domain"] != x["recipient_domain"]:
                    continue
                found.add((domain, x["result"], x["mx"], x["ip"],
                           x["reason"]))
        seen[name] = found
        tap.note("%s: %d different results" % (name, len(found)))
    told, new, old = seen.values()
    tap.ok(len(told) == 5, "five deliveries made datagrams", told)
    # 3.12's smtp(8) leaves the host of sts-mx.example out without a session
    # and sends no datagram, but logs it
    only = {x for x in new - told}
    tap.eq({x[0] for x in only}, {"sts-mx.example"},
           "3.12, log and datagrams: the same but for the host it left out")
    tap.eq(told - new, set(), "and nothing is missing in the log")
    # 3.7 does not know mx_host_pattern: it connects, and the name is wrong
    tap.eq({x[0] for x in old ^ told}, {"sts-mx.example"},
           "3.7: the same but for that host, whose name did not match")


lab.need(root=False)
lab.stay_clear_of(86400, 300)
with lab.Lab() as stage_:
    for test in (test_datagrams, test_socket, test_speed, test_flood,
                 test_kill, test_log, test_log_kills, test_copy, test_both,
                 test_stream, test_journal, test_journald, test_import,
                 test_samples):
        try:
            test(stage_)
        except Exception as e:  # pylint: disable=broad-except
            tap.ok(False, "%s: %s" % (test.__name__, type(e).__name__), e)
tap.done()
