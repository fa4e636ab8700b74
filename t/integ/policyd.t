#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""aver-policyd: Postfix's own client, hostile clients, reload and stop under
load, sockets of a service manager, policy delegation, metrics."""
import os
import re
import select
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as L

L.need(programs=("postmap", "nsd"))
L.need_files(4096)  # most of them clients in this process
PROGRAM = os.path.join(L.BUILD, "aver-policyd")
if not os.access(PROGRAM, os.X_OK):
    L.skip_all("aver-policyd is not built")
tap = L.Tap()

ZONE = """
$ORIGIN example.
$TTL 300
@ SOA ns hostmaster 1 3600 900 86400 300
@ NS ns
ns A 127.0.0.1
plain MX 10 mx.plain
mx.plain A 192.0.2.1
none MX 0 .
"""
TABLE = """
fixed.example        secure match=mail.fixed.example
enc.example          encrypt
.many.example        secure match=one.many.example
[relay.example]      verify
"""


class Policyd:
    def __init__(self, lab, dns, name="policyd", extra=""):
        self.lab, self.name, self.log = lab, name, name + ".log"
        state = lab.path(name + "-state")
        os.makedirs(state)
        os.chmod(state, 0o755)
        shutil.chown(state, "nobody")
        self.path = os.path.join(state, "sock")
        self.port, self.metrics_port = L.free_ports(2)
        self.table = lab.write(name + ".table", TABLE)
        self.base = """
user = nobody
log_destination = stderr
state_directory = %s
store = sqlite:%s/aver.db
policyd_listen = unix:%s inet:127.0.0.1:%d
policyd_socket_mode = 0666
policyd_metrics_listen = 127.0.0.1:%d
tls_policy_table = %s
dns_servers = 127.0.0.1@%d
dnssec = off
postconf_command =
postfix_version = 3.7
""" % (state, state, self.path, self.port, self.metrics_port, self.table, dns)
        self.conf = lab.path(name + ".conf")
        self.configure(extra)
        self.proc = None
        self.start()

    def configure(self, extra):
        names = {line.split("=")[0].strip() for line in extra.splitlines()}
        base = [line for line in self.base.splitlines()
                if line.split("=")[0].strip() not in names - {""}]
        self.lab.write(os.path.basename(self.conf),
                       "\n".join(base) + "\n" + extra)

    def text(self):
        return self.lab.read(self.log)

    def start(self):
        before = self.text().count(" ready\n")
        self.proc = self.lab.spawn([PROGRAM, "-c", self.conf], self.log)

        def up():
            if self.proc.poll() is not None:
                raise RuntimeError("aver-policyd ended: " +
                                   self.text()[-2000:])
            return self.text().count(" ready\n") > before
        L.wait_until(up, 20, "aver-policyd")

    def reload(self, word="configuration reloaded", sig=signal.SIGUSR1):
        before = self.text().count(word)
        self.proc.send_signal(sig)
        L.wait_until(lambda: self.text().count(word) > before, 20, word)

    def stop(self):
        self.proc.terminate()
        return self.proc.wait(L.PATIENCE)

    def memory(self):
        with open("/proc/%d/status" % self.proc.pid) as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1))

    def metrics(self):
        url = "http://127.0.0.1:%d/metrics" % self.metrics_port
        with urllib.request.urlopen(url, timeout=L.PATIENCE) as r:
            text = r.read().decode()
        pid, before = getattr(self, "scraped", (0, ""))
        fell = L.falling(before, text) if pid == self.proc.pid else []
        if fell:
            tap.ok(False, "no counter goes down", fell)
        self.scraped = self.proc.pid, text
        return text

    def metric(self, series):
        m = re.search(r"(?m)^%s (\S+)$" % re.escape(series), self.metrics())
        return float(m.group(1)) if m else None


def dial(d):
    return L.dial(d.path)


def frame(text):
    raw = text if isinstance(text, bytes) else text.encode()
    return b"%d:%s," % (len(raw), raw)


def take(s):
    """One netstring, or None at the end."""
    head = b""
    while not head.endswith(b":"):
        c = s.recv(1)
        if not c:
            return None
        head += c
    want, out = int(head[:-1]) + 1, b""
    while len(out) < want:
        part = s.recv(want - len(out))
        if not part:
            return None
        out += part
    return out[:-1].decode()


def ask(s, text):
    s.sendall(frame(text))
    return take(s)


def ended(s):
    """True when the other side closes (or resets) without a word."""
    try:
        return s.recv(4096) == b""
    except (ConnectionError, BrokenPipeError):
        return True


# ---- Postfix's own client ---------------------------------------------------

def test_postmap(lab, d):
    mc = lab.path("mc")
    os.makedirs(mc)
    lab.write("mc/main.cf", "compatibility_level = 3.6\n"
              "queue_directory = %s\ninet_interfaces = 127.0.0.1\n" % lab.dir)
    lab.write("mc/master.cf", "")

    def query(key, name, where="unix:" + d.path):
        r = subprocess.run(["postmap", "-c", mc, "-q", key,
                            "socketmap:%s:%s" % (where, name)],
                           capture_output=True, text=True)
        return r.returncode, r.stdout.strip(), r.stderr

    fixed = (0, "secure match=mail.fixed.example")
    for key, name, want in (
            ("fixed.example", "tls", fixed),
            ("FIXED.Example", "tls", fixed),
            ("fixed.example:587", "postfix", fixed),
            ("fixed.example", "QUERY", fixed),
            ("fixed.example", "verified", fixed),
            ("[relay.example]:587", "tls", (0, "verify")),
            ("plain.example", "tls", (1, "")),
            (".example", "tls", (1, "")),
            (".fixed.example", "tls", (1, "")),
            ("[192.0.2.1]", "tls", (1, "")),
            ("two words", "tls", (1, "")),
            ("plain.example", "requiretls", (0, "enforce"))):
        got = query(key, name)
        tap.eq(got[:2], want, "postmap -q %s of %s" % (key, name))
    tap.eq(query("fixed.example", "tls", "inet:127.0.0.1:%d" % d.port)[:2],
           fixed, "by TCP")
    code, _, err = query("fixed.example", "nomap")
    tap.ok(code != 0 and "no such map" in err, "an unknown map is an error",
           err)
    tap.ok(re.search(r"map=tls key=fixed.example answer=OK .*kind=fixed",
                     d.text()), "the decision is in the log", d.text())
    mode = stat.S_IMODE(os.stat(d.path).st_mode)
    tap.eq(mode, 0o666, "the socket has its mode")


# ---- hostile clients --------------------------------------------------------

def test_hostile(d):
    for name, octets in (
            ("a wrong length", b"3:tls fixed.example,"),
            ("ten megabytes announced", b"10485760:tls "),
            ("a length without end", b"1" * 100),
            ("a leading zero", b"0017:tls fixed.example,"),
            ("another protocol", b"\x00\x01\x02\x03"),
            ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
            ("a request that is none", b"GET / HTTP/1.0\r\n\r\n\n\n"),
            ("attributes that are none", b"request=smtpd_access_policy\n"
             b"junk\n\n")):
        s = dial(d)
        s.sendall(octets)
        tap.ok(ended(s), name + " ends the connection")
        s.close()
    s = dial(d)
    try:
        for _ in range(200):
            s.sendall(b"a=" + b"b" * 50000 + b"\n")
        good = ended(s)
    except (ConnectionError, BrokenPipeError):
        good = True
    tap.ok(good, "a request for policy delegation without end")
    s = dial(d)
    s.sendall(b"22:tls fixed.exam")
    s.close()
    s = dial(d)
    key = "tls " + "x" * 9000 + ".example"
    tap.eq(ask(s, key), "NOTFOUND ", "a key of 9000 octets")
    tap.eq(ask(s, b"tls \xff\xfe\x00\n\r"), "NOTFOUND ", "a key of any octets")
    tap.eq(ask(s, "tls fixed.example}, match=x"), "NOTFOUND ",
           "a key that would be an attribute")
    tap.eq(ask(s, "tls fixed.example"), "OK secure match=mail.fixed.example",
           "and the connection goes on")
    s.close()
    tap.ok(d.text().count("trouble=") <= 25, "complaints are bounded",
           d.text().count("trouble="))


def test_pipeline(d):
    s = dial(d)
    names = ["tls n%d.many.example" % (i % 50) if i % 3 else "requiretls %d."
             "plain.example" % (i % 7) for i in range(6000)]
    raw = b"".join(frame(n) for n in names)
    sender = threading.Thread(target=s.sendall, args=(raw,))
    sender.start()
    wrong = 0
    for n in names:
        want = "OK secure match=one.many.example" if n.startswith("tls ") \
            else "OK enforce"
        wrong += take(s) != want
    sender.join()
    tap.eq(wrong, 0, "6000 requests in one piece are answered in order")
    s.close()


def test_crowd(d):
    """1000 connections that never speak, 100 that never read; others go on."""
    before = d.memory()
    silent, deaf = [], []
    for i in range(1000):
        silent.append(dial(d))
        if i % 2:
            silent[-1].sendall(b"20:tls fi")
    for _ in range(100):
        s = dial(d)
        s.setblocking(False)
        try:
            while True:
                s.send(frame("tls fixed.example") * 200)
        except (BlockingIOError, ConnectionError):
            pass
        deaf.append(s)
    s = dial(d)
    right = sum(ask(s, "tls fixed.example") ==
                "OK secure match=mail.fixed.example" for _ in range(500))
    tap.eq(right, 500, "others are answered")
    if L.SLOW == 1:
        tap.ok(d.memory() - before < 40000, "in bounded memory",
               "%d kB, then %d kB" % (before, d.memory()))
    for x in silent + deaf:
        x.close()
    tap.eq(ask(s, "tls fixed.example"), "OK secure match=mail.fixed.example",
           "and after they are gone")
    s.close()


def test_queue(d):
    """Postfix gives up a socket whose queue is full (EAGAIN), so a moment
    without the processor must not be enough to fill it."""
    with open("/proc/sys/net/core/somaxconn") as f:
        count = min(int(f.read()), 3000)
    crowd = [socket.socket(socket.AF_UNIX) for _ in range(count)]
    os.kill(d.proc.pid, signal.SIGSTOP)
    try:
        for s in crowd:
            s.setblocking(False)
        refused = sum(s.connect_ex(d.path) != 0 for s in crowd)
        # more than may be connected: one that has not asked yet would make
        # place for the next
        for s in crowd:
            s.settimeout(L.PATIENCE)
            s.sendall(frame("tls fixed.example"))
    finally:
        os.kill(d.proc.pid, signal.SIGCONT)
    tap.eq(refused, 0, "%d clients wait for a daemon that is busy" % count)
    right = sum(take(s) == "OK secure match=mail.fixed.example" for s in crowd)
    tap.eq(right, count, "and each is answered")
    for s in crowd:
        s.close()


def test_limit(lab, dns):
    d = Policyd(lab, dns, "small", "policyd_max_connections = 50\n")
    crowd = [dial(d) for _ in range(70)]
    s = dial(d)
    tap.eq(ask(s, "tls fixed.example"), "OK secure match=mail.fixed.example",
           "beyond the limit a new client takes the place of an idle one")
    L.wait_until(lambda: d.metric("aver_policyd_connections") <= 50, 10,
                 "the limit")
    tap.ok(d.metric('aver_policyd_connections_ended_total{why="crowded"}')
           >= 10, "which is counted")
    for x in crowd + [s]:
        x.close()
    tap.eq(d.stop(), 0, "it stops")


def test_dead_dns(lab):
    """A DNS server that says nothing keeps nobody else waiting."""
    hole = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    hole.bind(("127.0.0.1", 0))
    d = Policyd(lab, hole.getsockname()[1], "deaf", "policyd_workers = 4\n"
                "policyd_deadline = 20s\ndns_timeout = 10s\n")
    waiting = [dial(d) for _ in range(40)]
    for s in waiting:
        s.sendall(frame("tls slow.example"))
    s = dial(d)
    right = sum(ask(s, "tls n%d.many.example" % i) ==
                "OK secure match=one.many.example" for i in range(20))
    first = select.select(waiting, [], [], 0)[0]
    tap.eq((right, len(first)), (20, 0),
           "other domains are decided before the first of these is")
    answers = {take(x) for x in waiting}
    tap.ok(len(answers) == 1 and answers.pop().startswith("TEMP "),
           "who asked for it is told to come again")
    tap.eq(d.metric('aver_policyd_requests_total{way="shared"}'), 38.0,
           "40 clients took one worker of each poller")
    for x in waiting + [s]:
        x.close()
    tap.eq(d.stop(), 0, "it stops")
    hole.close()


# ---- reload and stop under load ---------------------------------------------

class Client(threading.Thread):
    """As Postfix: one request at a time, one retry when the server goes."""

    def __init__(self, d, number, good):
        super().__init__(daemon=True)
        self.d, self.number, self.good = d, number, good
        self.run_on, self.asked, self.problems = True, 0, []

    def connect(self):
        end = time.monotonic() + L.PATIENCE
        while True:
            try:
                return dial(self.d)
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.01)

    def once(self, s, text):
        try:
            return ask(s, text)
        except (ConnectionError, BrokenPipeError):
            return None

    def run(self):
        s = self.connect()
        while self.run_on:
            text = "tls n%d.many.example" % ((self.asked * 7 + self.number) %
                                             40)
            reply = self.once(s, text)
            if reply is None:
                s.close()
                s = self.connect()
                reply = self.once(s, text)
            if reply not in self.good:
                self.problems.append(reply)
                return
            self.asked += 1
        s.close()


def under_load(d, good, what, count=8):
    clients = [Client(d, i, good) for i in range(count)]
    for c in clients:
        c.start()

    def go_on():
        """Each has 20 more answers, or problems."""
        had = [c.asked for c in clients]
        L.wait_until(lambda: all(c.asked >= n + 20 or c.problems
                                 for c, n in zip(clients, had)), 20,
                     "the clients")
    go_on()
    what()
    go_on()
    for c in clients:
        c.run_on = False
    for c in clients:
        c.join(L.PATIENCE)
    return (sum(c.asked for c in clients),
            [p for c in clients for p in c.problems])


OLD = "OK secure match=one.many.example"
NEW = "OK secure match=two.many.example"


def test_reload(lab, d):
    def swap():
        for i in range(6):
            lab.write(d.name + ".table", TABLE.replace(
                "one.many", "two.many") if i % 2 == 0 else TABLE)
            d.reload()
        lab.write(d.name + ".table", TABLE.replace("one.many", "two.many"))
        d.reload()
    asked, problems = under_load(d, (OLD, NEW), swap)
    tap.ok(asked > 100 and not problems,
           "seven reloads under load lose no request",
           "%d asked, %s" % (asked, problems))
    s = dial(d)
    tap.eq(ask(s, "tls n1.many.example"), NEW,
           "after a reload nothing old is answered")
    lab.write(d.name + ".table", "fixed.example nonsense-level\n")
    d.reload("reload refused")
    tap.eq(ask(s, "tls n2.many.example"), NEW, "a wrong table is refused")
    lab.write(d.name + ".table", TABLE)
    d.configure("policyd_workers = many\n")
    d.reload("reload refused")
    d.configure("")
    d.reload(sig=signal.SIGHUP)
    tap.eq(ask(s, "tls n1.many.example"), OLD, "and a good one is taken")
    s.close()


def test_restart(d):
    def again():
        if d.stop() != 0:
            raise RuntimeError("exit status")
        d.start()
    asked, problems = under_load(d, (OLD,), again)
    tap.ok(asked > 100 and not problems,
           "a restart under load loses no request",
           "%d asked, %s" % (asked, problems))


def test_activation(lab, dns):
    """The service manager holds the socket: nobody is refused meanwhile."""
    d = Policyd(lab, dns, "activated")
    tap.eq(d.stop(), 0, "it stops")
    tap.ok(not os.path.exists(d.path), "and removes its socket")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(d.path)
    os.chmod(d.path, 0o666)
    listener.listen(100)

    def launch():
        before = d.text().count(" ready\n")
        with open(lab.path(d.log), "ab") as f:
            d.proc = subprocess.Popen(
                ["sh", "-c", "LISTEN_FDS=1 LISTEN_PID=$$ exec \"$0\" -c "
                 "\"$1\"", PROGRAM, d.conf], pass_fds=[3],
                preexec_fn=lambda: os.dup2(listener.fileno(), 3),
                stdout=f, stderr=f, stdin=subprocess.DEVNULL)
        lab.procs.append(d.proc)
        L.wait_until(lambda: d.text().count(" ready\n") > before, 20,
                     lambda: "the daemon: " + d.text()[-2000:])
    launch()
    s = dial(d)
    tap.eq(ask(s, "tls n1.many.example"), OLD, "a socket that was passed")
    tap.ok(not L.listens(d.port), "is the only one")

    def again():
        d.stop()
        launch()
    asked, problems = under_load(d, (OLD,), again)
    tap.ok(asked > 100 and not problems, "a restart loses nothing",
           "%d asked, %s" % (asked, problems))
    d.stop()
    tap.ok(os.path.exists(d.path), "it leaves the manager's socket alone")
    listener.close()


def test_notify(lab, dns):
    path = lab.path("notify")
    n = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    n.bind(path)
    os.chmod(path, 0o666)
    n.settimeout(L.PATIENCE)
    os.environ["NOTIFY_SOCKET"] = path
    try:
        d = Policyd(lab, dns, "notifier")
    finally:
        del os.environ["NOTIFY_SOCKET"]
    tap.eq(n.recv(1000), b"READY=1", "it tells that it is ready")
    tap.eq(list(L.exposition_faults(d.metrics())), [], "the form of metrics")
    d.reload()
    tap.ok(n.recv(1000).startswith(b"RELOADING=1\nMONOTONIC_USEC="),
           "that it reloads")
    tap.eq(n.recv(1000), b"READY=1", "and has done so")
    with urllib.request.urlopen("http://127.0.0.1:%d/healthz"
                                % d.metrics_port, timeout=L.PATIENCE) as r:
        tap.eq((r.status, r.read()), (200, b"ok\n"), "it is well")
    tap.eq(L.metrics_and_manual(d.metrics(), "aver-policyd.8.in"), ([], []),
           "aver-policyd(8) names every metric")
    tap.eq(d.stop(), 0, "it stops")
    tap.eq(n.recv(1000), b"STOPPING=1", "and tells so")
    n.close()


# ---- policy delegation ------------------------------------------------------

def delegate(s, **attrs):
    lines = {"request": "smtpd_access_policy", "protocol_state": "RCPT",
             "protocol_name": "ESMTP", "sender": "a@here.example",
             "queue_id": "", **attrs}
    s.sendall("".join("%s=%s\n" % x for x in lines.items()).encode() + b"\n")
    out = b""
    while not out.endswith(b"\n\n"):
        part = s.recv(4096)
        if not part:
            return None
        out += part
    return out.decode()


def test_delegation(lab, dns):
    table = lab.write("require", "fixed.example\nenc.example\nplain.example\n"
                      "trouble.test\nboss@here.example sender\n")
    d = Policyd(lab, dns, "delegate", "require_tls_table = %s\n"
                "require_tls_transport = verified\npostfix_version = auto\n"
                % table)
    tap.ok("answers are for Postfix 3.4.0 (not known yet" in d.text(),
           "without postconf(1) the version is not known", d.text())
    s = dial(d)
    for attrs, want, name in (
            ({"recipient": "x@other.example"}, "DUNNO", "not in the table"),
            ({"recipient": "x@fixed.example"}, "FILTER verified:",
             "a verified destination"),
            ({"recipient": "x@enc.example"}, "550 5.7.10 ",
             "one that is not"),
            ({"recipient": "x@plain.example"}, "550 5.7.10 ",
             "one without a policy"),
            ({"recipient": "x@plain.example", "protocol_state": "DATA"},
             "DUNNO", "another state"),
            ({"recipient": "x@plain.example", "sender": "boss@here.example"},
             "550 5.7.10 ", "a sender's wish")):
        got = delegate(s, **attrs)
        tap.ok(got and got.startswith("action=" + want) and
               got.endswith("\n\n") and got.count("\n") == 2, name, got)
    tap.eq(delegate(s, recipient="x@other.example", mail_version="3.9.1"),
           "action=DUNNO\n\n", "a version that is told")
    raw = "".join(
        "request=smtpd_access_policy\nprotocol_state=RCPT\nrecipient=x@%s\n\n"
        % ("fixed.example" if i % 2 else "other.example")
        for i in range(500)).encode()
    s.sendall(raw)
    out = b""
    while out.count(b"\n\n") < 500:
        part = s.recv(65536)
        if not part:
            break
        out += part
    tap.eq(out, b"action=DUNNO\n\naction=FILTER verified:\n\n" * 250,
           "500 requests in one piece are answered in order")
    s.sendall(b"request=something_else\n\n")
    tap.ok(ended(s), "another request: no answer")
    s = dial(d)
    s.sendall(frame("tls fixed.example"))
    tap.eq(take(s), "OK secure match=mail.fixed.example",
           "the same socket has the socketmap")
    s.close()
    tap.ok(d.metric('aver_policyd_requiretls_failures_total{code="5.7.10"}')
           == 3, "refusals are counted")
    # an older Postfix asks: what it does not understand must go at once
    s = dial(d)
    delegate(s, recipient="x@other.example", mail_version="3.8.0")
    s.close()
    tap.eq(d.stop(), 0, "it stops")


def test_postfix(lab, dns):
    """check_policy_service of a real Postfix."""
    table = lab.write("require2", "fixed.example\nplain.example\n")
    d = Policyd(lab, dns, "smtpd", "require_tls_table = %s\n"
                "require_tls_transport = retry\n" % table)
    port = lab.postfix(1, """
smtpd_milters =
smtpd_recipient_restrictions = permit_auth_destination
    check_policy_service unix:%s
    permit_mynetworks reject
smtpd_policy_service_retry_delay = 1s
""" % d.path)
    s = L.smtplib.SMTP("127.0.0.1", port, timeout=L.PATIENCE)
    s.ehlo("client.example")
    s.mail("a@here.example")
    code, text = s.rcpt("x@plain.example")
    tap.ok(code == 550 and text.startswith(b"5.7.10 "),
           "Postfix refuses a recipient without verified TLS", text)
    tap.eq(s.rcpt("x@receiver.example")[0], 250, "takes one of its own")
    tap.eq(s.rcpt("x@fixed.example")[0], 250, "and one that has it")
    s.rset()
    s.mail("a@here.example")
    s.rcpt("x@fixed.example")
    code, text = s.data("Subject: filtered\r\n\r\nHello.\r\n")
    tap.eq(code, 250, "the message is accepted")
    L.wait_until(lambda: re.search(
        r"to=<x@fixed.example>, relay=none.*status=deferred",
        lab.read("postfix.log")), 20, "the delivery")
    tap.ok("filter: RCPT from" in lab.read("postfix.log") and
           "retry:" in lab.read("postfix.log"),
           "and goes to the transport", lab.read("postfix.log")[-2000:])
    d.stop()
    s.mail("a@here.example")
    tap.eq(s.rcpt("x@fixed.example")[0], 451,
           "without the daemon the recipient is deferred")
    s.quit()


def test_version(lab, dns):
    script = lab.write("postconf", "#!/bin/sh\necho mail_version = 3.12.1\n"
                       "echo smtp_dns_support_level =\n"
                       "echo smtp_tls_security_level = may\n")
    os.chmod(script, 0o755)
    d = Policyd(lab, dns, "versions", "postfix_version = auto\n"
                "postconf_command = %s\n" % script)
    tap.ok("answers are for Postfix 3.12.1 (as Postfix says)" in d.text(),
           "the version of postconf(1)", d.text())
    tap.ok("smtp_dns_support_level" in d.text(),
           "and a warning of what will not work")
    s = dial(d)
    delegate(s, recipient="x@other.example", mail_version="3.7.11")
    L.wait_until(lambda: "answers are for Postfix 3.7.11" in d.text(), 10,
                 "the lower version")
    tap.ok(True, "a lower one that asks counts at once")
    delegate(s, recipient="x@other.example", mail_version="3.12.1")
    delegate(s, recipient="x@other.example", mail_version="nonsense")
    tap.eq(d.text().count("answers are for"), 2, "a higher one does not")
    d.configure("postfix_version = auto\npostconf_command = %s\n" % script)
    d.reload()
    tap.ok("answers are for Postfix 3.7.11" in d.text().rpartition(
        "smtp_dns_support_level")[2], "nor does that of postconf(1)",
        d.text())
    d.configure("postfix_version = 3.12.1\npostconf_command =\n")
    d.reload()
    d.configure("postfix_version = auto\npostconf_command = %s\n" % script)
    d.reload()
    tap.ok("answers are for Postfix 3.12.1 (as" in d.text().rpartition(
        "smtp_dns_support_level")[2], "which counts where no other asked",
        d.text())
    for version in ("3.7.11", "3.12.1", "3.7.11"):
        delegate(s, recipient="x@other.example", mail_version=version)
    tap.eq(d.text().count("answers are for Postfix 3.7.11"), 3,
           "until the lower one asks again")
    s.close()
    d.stop()


def test_options(lab, d):
    def run(*args):
        r = subprocess.run([PROGRAM, *args], capture_output=True, text=True)
        return r.returncode, r.stdout + r.stderr
    tap.eq(run("-t", "-c", d.conf)[0], 0, "-t finds nothing wrong")
    bad = lab.write("bad.conf", "tls_policy_table = %s\n"
                    "postfix_version = 2.11\n" % lab.write(
                        "bad.table", "a.example nonsense\nb.example\n"))
    code, text = run("-t", "-c", bad)
    tap.ok(code == 1 and "postfix_version" in text and "bad.table" in text,
           "or finds all of it", text)
    tap.ok(run("-V")[1].startswith("aver-policyd "), "-V")
    tap.eq(run("-x")[0], 2, "a wrong option")
    code, text = run("-c", d.conf)
    tap.ok(code == 1 and "in use" in text,
           "a second one does not take the socket away", text)


def main(lab):
    dns = lab.nsd({"example": ZONE})
    d = Policyd(lab, dns)
    test_postmap(lab, d)
    test_hostile(d)
    test_pipeline(d)
    test_crowd(d)
    test_queue(d)
    test_options(lab, d)
    test_reload(lab, d)
    test_restart(d)
    tap.eq(d.stop(), 0, "it stops")
    test_limit(lab, dns)
    test_dead_dns(lab)
    test_activation(lab, dns)
    test_notify(lab, dns)
    test_delegation(lab, dns)
    test_version(lab, dns)
    if shutil.which("postfix") and os.geteuid() == 0:
        test_postfix(lab, dns)
    tap.done()


with L.Lab() as the_lab:
    main(the_lab)
