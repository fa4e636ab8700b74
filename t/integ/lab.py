# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""A small mail site on loopback for integration tests: nsd with zones of the
test, a private Postfix, aver-milter. Everything lives in one temporary
directory, listens on ports of its own and is stopped by process ID."""
import faulthandler
import os
import random
import re
import resource
import shutil
import signal
import smtplib
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.environ.get("top_srcdir", os.path.join(HERE, "..", ".."))
BUILD = os.environ.get("top_builddir", TOP)
# times as slow: programs with sanitizers
SLOW = 5 if os.environ.get("SANITIZERS") else 1
# and, for what comes in the end, a machine that has other work: it costs
# nothing, as who waits for something goes on when it is there
BUSY = 6
# seconds for a reply or an end, that a test which fails does not hang
PATIENCE = 20 * BUSY * SLOW


def tell_and_end(*_, pid=os.getpid()):
    """A test that takes too long says where it is, and cleans up."""
    if os.getpid() != pid:  # a child that somebody ends
        os._exit(1)
    faulthandler.dump_traceback()
    sys.exit("ended by a signal")


signal.signal(signal.SIGTERM, tell_and_end)
# the programs run as other users than the test, and read what it writes
os.umask(0o022)


class Tap:
    """Test Anything Protocol, as t/tap.h."""

    def __init__(self):
        self.count = self.failed = 0
        self.lock = threading.Lock()  # numbers come in order

    def ok(self, good, name, why=""):
        with self.lock:
            self.count += 1
            print("%sok %d - %s" % ("" if good else "not ", self.count, name))
            if not good:
                self.failed += 1
                for line in str(why).splitlines()[:40]:
                    print("# " + line)
            sys.stdout.flush()
        return good

    def eq(self, got, want, name):
        return self.ok(got == want, name, "got  %r\nwant %r" % (got, want))

    def note(self, text):
        for line in str(text).splitlines():
            print("# " + line)
        sys.stdout.flush()

    def done(self):
        print("1..%d" % self.count)
        sys.exit(1 if self.failed else 0)


def skip_all(why):
    print("1..0 # SKIP " + why)
    sys.exit(0)


def need(root=True, programs=()):
    """Skips the whole test, with the reason, when something is missing."""
    if root and os.geteuid() != 0:
        skip_all("needs root: Postfix runs its daemons as other users")
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    for p in programs:
        if not shutil.which(p):
            skip_all("needs %s" % p)
    for p in ("aver", "aver-milter"):
        if not os.access(os.path.join(BUILD, p), os.X_OK):
            skip_all("%s is not built" % p)


def need_files(count):
    """Skips the whole test when processes may not open so many files."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if most < count:
        skip_all("needs %d open files, and the hard limit is %d" % (
            count, most))
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def for_others(name, folder):
    """A program that other users can start too: the checkout may lie where
    only root gets in, as /root is; then folder has a copy."""
    path = os.path.realpath(os.path.join(BUILD, name))
    above = os.path.dirname(path)
    while os.stat(above).st_mode & 0o001 and above != "/":
        above = os.path.dirname(above)
    if above == "/":
        return path
    copy = os.path.join(folder, "copy-of-" + name)
    if not os.path.exists(copy):
        shutil.copy(path, copy + ".part")
        os.rename(copy + ".part", copy)
    return copy


def dial(path):
    """A client of a stream socket. It waits while the listener's queue is
    full, where connect(2) of a socket with a timeout says EAGAIN."""
    s = socket.socket(socket.AF_UNIX)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO,
                 struct.pack("@qq", PATIENCE, 0))  # struct timeval
    try:
        s.connect(path)
    except OSError:
        s.close()
        raise
    s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO,
                 struct.pack("@qq", 0, 0))
    s.settimeout(PATIENCE)
    return s


def takes(path):
    """Somebody listens there: the file alone is there before."""
    try:
        dial(path).close()
        return True
    except OSError:
        return False


CLAIMED = []  # sockets


def claim(name):
    """False when another test has it; else ours until this process ends,
    whichever way it does."""
    s = socket.socket(socket.AF_UNIX)
    try:
        s.bind("\0aver-test-" + name)
    except OSError:
        s.close()
        return False
    CLAIMED.append(s)
    return True


def claim_port(port):
    """The port of 127.0.0.1 for TCP and UDP, if it is free."""
    if not claim("port-%d" % port):
        return False
    try:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(socket.AF_INET, kind) as s:
                s.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


def server_ports():
    """Those that the kernel does not give to clients. One of them could have
    the port before the server, or when it is started again; and who asks
    whether somebody listens there could meet himself."""
    try:
        with open("/proc/sys/net/ipv4/ip_local_port_range") as f:
            low, high = map(int, f.read().split())
    except (OSError, ValueError):
        low, high = 32768, 60999
    some = range(10000, 32768)
    return [p for p in some if not low <= p <= high] or list(some)


def free_ports(n):
    """n ports that are free for TCP and UDP on 127.0.0.1, and stay so for
    programs of this test."""
    ports, rng, out = server_ports(), random.Random(), []
    while len(out) < n:
        port = rng.choice(ports)
        if claim_port(port):
            out.append(port)
    return out


def happens(check, seconds):
    """Whether it is so within the time."""
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def wait_until(check, seconds, what):
    """seconds: that it may take on a machine without other work. what: what
    does not come then, or a function that tells it."""
    if not happens(check, seconds * BUSY * SLOW):
        raise RuntimeError("timed out: " + (what() if callable(what)
                                            else what))


def stay_clear_of(period, seconds):
    """Waits, rarely, so that no hour or day (UTC; the period is in seconds)
    ends within the next so many seconds."""
    left = period - time.time() % period
    if left < seconds:
        time.sleep(left + 1)


def listens(port, address="127.0.0.1"):
    try:
        socket.create_connection((address, port), 1).close()
        return True
    except OSError:
        return False


def family(pid):
    """The process and those that it started."""
    out, parents = [pid], {}
    for p in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % p) as f:
                parents[int(p)] = int(f.read().rpartition(")")[2].split()[1])
        except OSError:
            pass
    for p in out:
        out += [child for child, parent in parents.items() if parent == p]
    return out


def is_alive(pid):
    """A zombie is not: it holds nothing any more."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def end(proc):
    """Ends a program that was started with spawn(), and waits for the
    processes that it started, too: they have its sockets."""
    pids = family(proc.pid)
    proc.terminate()
    proc.wait(PATIENCE)
    wait_until(lambda: not any(map(is_alive, pids)), 20, "the end of %s" %
               proc.args[0])


class Lab:
    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="aver-lab-")
        os.chmod(self.dir, 0o755)
        self.procs = []
        self.on_close = []  # what to call when the programs have ended
        self.postfix_dir = None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def write(self, name, text):
        p = self.path(name)
        os.makedirs(os.path.dirname(p), exist_ok=True)
        with open(p, "w") as f:
            f.write(text)
        return p

    def read(self, name):
        try:
            with open(self.path(name), errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def spawn(self, argv, log, stdin=subprocess.DEVNULL):
        with open(self.path(log), "ab") as f:
            p = subprocess.Popen(argv, stdin=stdin, stdout=f,
                                 stderr=f)
        self.procs.append(p)
        return p

    def serve(self, argv, log, port):
        """spawn() of one that listens to the port, which it has to do."""
        p = self.spawn(argv, log)

        def tell():
            return "%s: %s" % (argv[0], self.read(log)[-2000:])

        def up():
            if p.poll() is not None:
                raise RuntimeError("ended: " + tell())
            return listens(port)
        wait_until(up, 20, tell)
        return p

    # -- DNS ---------------------------------------------------------------
    def nsd(self, zones):
        """zones: {name: text}. Returns the port."""
        port = free_ports(1)[0]
        conf = ["server:", "  ip-address: 127.0.0.1@%d" % port,
                "  username: \"\"", "  chroot: \"\"",
                "  zonesdir: \"%s\"" % self.dir, "  pidfile: \"\"",
                "  database: \"\"", "  xfrdfile: \"\"",
                "  zonelistfile: \"%s\"" % self.path("zone.list"),
                "  xfrdir: \"%s\"" % self.dir, "  server-count: 1",
                "  rrl-ratelimit: 0",
                "remote-control:", "  control-enable: no"]
        for name, text in zones.items():
            self.write("zone-" + name, text)
            conf += ["zone:", "  name: " + name,
                     "  zonefile: zone-" + name]
        self.write("nsd.conf", "\n".join(conf) + "\n")
        self.run_nsd(self.path("nsd.conf"), port)
        return port

    def run_nsd(self, conf, port):
        """Returns the process; end() stops it so that it can be started
        again."""
        for _ in range(9):
            before = len(self.read("nsd.log"))
            try:
                return self.serve(["nsd", "-d", "-c", conf], "nsd.log", port)
            except RuntimeError:
                if "in use" not in self.read("nsd.log")[before:]:
                    raise
            # a resolver of another test asks from that very port: it takes
            # them at random
            time.sleep(1)
        raise RuntimeError("nsd: " + self.read("nsd.log")[-2000:])

    # -- aver-milter -------------------------------------------------------
    def milter(self, dns_port, extra="", name="milter"):
        """Returns an object with .port, .proc, .conf, .log."""
        return Milter(self, dns_port, extra, name)

    # -- Postfix -----------------------------------------------------------
    def postfix(self, milter_port, extra="", services=""):
        port = free_ports(1)[0]
        for d in ("postfix", "queue", "data", "mail"):
            os.makedirs(self.path(d))
        shutil.chown(self.path("data"), "postfix")
        shutil.chown(self.path("mail"), "nobody")
        os.chmod(self.path("mail"), 0o755)
        ids = subprocess.check_output(
            ["sh", "-c", "id -u nobody; id -g nobody"], text=True).split()
        self.write("postfix/main.cf", """
compatibility_level = 3.6
queue_directory = %(dir)s/queue
data_directory = %(dir)s/data
mail_owner = postfix
myhostname = mx.receiver.example
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
local_header_rewrite_clients =
virtual_mailbox_domains = receiver.example
virtual_mailbox_base = %(dir)s/mail
virtual_mailbox_maps = static:inbox/
virtual_uid_maps = static:%(uid)s
virtual_gid_maps = static:%(gid)s
virtual_minimum_uid = 1
smtpd_authorized_xclient_hosts = 127.0.0.1
smtpd_recipient_restrictions = permit_auth_destination, reject
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
default_process_limit = 250
message_size_limit = 0
virtual_mailbox_limit = 0
header_size_limit = 4000000
maillog_file = %(dir)s/postfix.log
maillog_file_prefixes = %(dir)s
smtpd_milters = inet:127.0.0.1:%(milter)d
milter_default_action = tempfail
in_flow_delay = 0
%(extra)s
""" % {"dir": self.dir, "uid": ids[0], "gid": ids[1],
            "milter": milter_port, "extra": extra})
        self.write("postfix/master.cf", """
127.0.0.1:%d inet n - n - - smtpd
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
proxymap  unix  - - n - - proxymap
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
error     unix  - - n - - error
retry     unix  - - n - - error
virtual   unix  - n n - 20 virtual
showq     unix  n - n - - showq
postlog   unix-dgram n - n - 1 postlogd
tlsmgr    unix  - - n 1000? 1 tlsmgr
%s
""" % (port, services))
        self.postfix_dir = self.path("postfix")
        r = subprocess.run(["postfix", "-c", self.postfix_dir, "start"],
                           capture_output=True, text=True,
                           stdin=subprocess.DEVNULL)
        if r.returncode:
            raise RuntimeError("postfix start: " + r.stdout + r.stderr)
        wait_until(lambda: listens(port), 15, "Postfix")
        return port

    def inbox(self):
        d = self.path("mail", "inbox", "new")
        return sorted(os.path.join(d, f) for f in os.listdir(d)) \
            if os.path.isdir(d) else []

    def held(self):
        """The texts of what is in the hold queue (header part)."""
        out = []
        for root, _, files in os.walk(self.path("queue", "hold")):
            for f in files:
                out.append(subprocess.run(
                    ["postcat", "-c", self.postfix_dir, "-h",
                     os.path.join(root, f)], capture_output=True).stdout
                    .decode("latin-1"))
        return out

    def aver(self, *args):
        return subprocess.run([os.path.join(BUILD, "aver"), *args],
                              capture_output=True, text=True)

    def close(self):
        if self.postfix_dir:
            subprocess.run(["postfix", "-c", self.postfix_dir, "stop"],
                           capture_output=True, stdin=subprocess.DEVNULL)
        for p in reversed(self.procs):
            if p.poll() is None:
                p.terminate()
        for p in self.procs:
            try:
                p.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        for call in reversed(self.on_close):
            call()
        if os.environ.get("AVER_KEEP"):
            print("# kept: " + self.dir)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)


class Milter:
    def __init__(self, lab, dns_port, extra, name):
        self.lab, self.name = lab, name
        self.port = free_ports(1)[0]
        self.log = name + ".log"
        state = lab.path(name + "-state")
        os.makedirs(state)
        # the tests' machines need no user of ours
        shutil.chown(state, "nobody")
        self.base = """
authserv_id = mx.receiver.example
user = nobody
log_destination = stderr
state_directory = %s
store = sqlite:%s/aver.db
milter_listen = inet:127.0.0.1:%d
trusted_networks =
dns_servers = 127.0.0.1@%d
dnssec = off
""" % (state, state, self.port, dns_port)
        self.conf = lab.path(name + ".conf")
        self.configure(extra)
        self.proc = None
        self.start()

    def start(self):
        self.proc = self.lab.serve(
            [os.path.join(BUILD, "aver-milter"), "-c", self.conf], self.log,
            self.port)

    def configure(self, extra):
        """base, with the lines of extra in place of its own."""
        names = {line.split("=")[0].strip() for line in extra.splitlines()}
        base = [line for line in self.base.splitlines()
                if line.split("=")[0].strip() not in names - {""}]
        self.lab.write(os.path.basename(self.conf),
                       "\n".join(base) + "\n" + extra)

    def text(self):
        return self.lab.read(self.log)

    def reconfigure(self, extra):
        before = self.text().count("configuration reloaded")
        self.configure(extra)
        self.proc.send_signal(signal.SIGUSR1)
        wait_until(lambda: self.text().count("configuration reloaded") >
                   before, 10, "the reload")

    def kill(self):
        self.proc.kill()
        self.proc.wait()

    def stop(self):
        self.proc.terminate()
        return self.proc.wait(PATIENCE)

    def evaluations(self):
        """{policy domain: messages} of the store."""
        import json
        r = self.lab.aver("-c", self.conf, "evaluations", "list", "--json")
        if r.returncode:
            raise RuntimeError(r.stderr)
        return {d["policy_domain"]: d["messages"] for d in json.loads(r.stdout)}


class Client:
    """An SMTP client that Postfix believes to come from elsewhere."""

    def __init__(self, port, ip="192.0.2.1", helo="mail.good.example",
                 login=None):
        self.args = (port, ip, helo, login)
        self.s = None

    def open(self):
        port, ip, helo, login = self.args
        self.s = smtplib.SMTP("127.0.0.1", port, local_hostname=helo,
                              timeout=120 * SLOW)
        self.s.ehlo()
        more = " LOGIN=%s" % login if login else ""
        code, text = self.s.docmd("XCLIENT", "ADDR=%s NAME=%s%s" %
                                  (ip, helo, more))
        if code != 220:
            raise smtplib.SMTPException("XCLIENT: %d %r" % (code, text))
        self.s.ehlo(helo)

    def send(self, sender, message, rcpt="user@receiver.example", opts=()):
        """Returns (code, text) of the reply that ended the transaction."""
        if self.s is None:
            self.open()
        for step in (lambda: self.s.mail(sender, opts),
                     lambda: self.s.rcpt(rcpt),
                     lambda: self.data(message)):
            code, text = step()
            if code == 421:  # the server closes (RFC 5321 section 3.8)
                self.close()
            elif code >= 400:
                self.s.rset()
            if code >= 400:
                break
        return code, text.decode("latin-1")

    def data(self, message):
        code, text = self.s.docmd("DATA")
        if code != 354:
            return code, text
        body = re.sub(rb"(?m)^\.", b"..", message)
        self.s.send(body + b".\r\n")
        return self.s.getreply()

    def send_until_taken(self, sender, message, tries=400):
        """As a real client: try again on 4xx and lost connections."""
        for _ in range(tries):
            try:
                code, text = self.send(sender, message)
                if code < 400 or code >= 500 and code != 521:
                    return code
            except (OSError, smtplib.SMTPException):
                pass
            self.close()
            time.sleep(0.05)
        raise RuntimeError("never taken")

    def close(self):
        if self.s is not None:
            try:
                self.s.close()
            except OSError:
                pass
        self.s = None


def metrics_and_manual(served, page):
    """Names of metrics that are served and not in the manual page, and those
    that are only there. served: the text of /metrics."""
    with open(os.path.join(TOP, "man", page)) as f:
        manual = set(re.findall(r"\baver_[a-z_]+", f.read()))
    names = set(re.findall(r"(?m)^# TYPE (\S+) ", served))
    return sorted(names - manual), sorted(manual - names)


SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\n"])*)"(,|$)')
SUFFIXES = {"histogram": ("_bucket", "_sum", "_count"),
            "summary": ("_sum", "_count"), "counter": ("",), "gauge": ("",)}


def labels_of(text):
    """{label: value}, or None."""
    out, at = {}, 0
    while at < len(text):
        m = LABEL.match(text, at)
        if not m or m.group(1) in out:
            return None
        out[m.group(1)] = m.group(2)
        at = m.end()
    return out


def histogram_faults(name, samples):
    """samples: [(suffix, labels, value)] of one family, in order."""
    rows = {}
    for suffix, labels, value in samples:
        key = tuple(sorted(x for x in labels.items() if x[0] != "le"))
        rows.setdefault(key, []).append((suffix, labels.get("le"), value))
    for key, row in rows.items():
        buckets = [(float(le), v) for s, le, v in row if s == "_bucket"]
        count = [v for s, _, v in row if s == "_count"]
        if buckets != sorted(buckets) or buckets != sorted(
                buckets, key=lambda b: b[1]):
            yield "%s%s: buckets do not ascend" % (name, key)
        if len(count) != 1 or not buckets or \
                buckets[-1] != (float("inf"), count[0]):
            yield "%s%s: the last bucket is not the count" % (name, key)
        if [s for s, _, _ in row[-2:]] != ["_sum", "_count"]:
            yield "%s%s: no sum and count at its end" % (name, key)


def exposition_faults(text):
    """What is wrong with a text of Prometheus: its form, and the names, as
    promtool check metrics sees them."""
    if not text.endswith("\n"):
        yield "no line feed at the end"
    kinds, seen, now, samples = {}, set(), None, []

    def end():
        if now and not samples:
            yield now + ": no sample"
        if now and kinds.get(now) == "histogram":
            yield from histogram_faults(now, samples)

    lines = text.split("\n")[:-1]
    for i, line in enumerate(lines):
        if line.startswith("# HELP "):
            yield from end()
            now, _, told = line[7:].partition(" ")
            samples = []
            if now in kinds or not told or not (
                    lines[i + 1].startswith("# TYPE %s " % now)):
                yield "HELP: %r, %r" % (line, lines[i + 1])
            continue
        if line.startswith("# TYPE "):
            name, _, kind = line[7:].partition(" ")
            if name != now or name in kinds or kind not in SUFFIXES:
                yield "TYPE: %r" % line
            kinds[name] = kind
            if (kind == "counter") != name.endswith("_total"):
                yield "%s: the name of no %s" % (name, kind)
            if re.search(r"_(count|sum|bucket|ms|us|milliseconds|kb)$", name):
                yield "%s: the name of another thing" % name
            continue
        m = SAMPLE.fullmatch(line)
        labels = labels_of(m.group(2) or "") if m else None
        if labels is None or (m.group(2) is not None and not m.group(2)):
            yield "no sample: %r" % line
            continue
        suffix = m.group(1)[len(now or ""):]
        if not now or not m.group(1).startswith(now) or \
                suffix not in SUFFIXES.get(kinds.get(now), ()):
            yield "of another family: %r" % line
        if (suffix == "_bucket") != ("le" in labels) or "quantile" in labels:
            yield "labels: %r" % line
        if not re.fullmatch(r"\d+(\.\d+)?", m.group(3)):
            yield "value: %r" % line
        if line.rpartition(" ")[0] in seen:
            yield "a series twice: %r" % line
        seen.add(line.rpartition(" ")[0])
        samples.append((suffix, labels, float(m.group(3))))
    yield from end()


def falling(before, after):
    """Series of counters that are less in the later text, or gone."""
    def counted(text):
        kind, out = None, {}
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                kind = line.split(" ")[3]
            elif not line.startswith("#") and kind != "gauge":
                key, _, value = line.rpartition(" ")
                out[key] = float(value)
        return out
    later = counted(after)
    return sorted(k for k, v in counted(before).items()
                  if later.get(k, -1) < v)


def fields(path_or_text, name, is_text=False):
    """The values of a header field, unfolded, from the top."""
    if is_text:
        text = path_or_text
    else:
        with open(path_or_text, "rb") as f:
            text = f.read().decode("latin-1")
    head = re.split(r"\r?\n\r?\n", text, 1)[0]
    head = re.sub(r"\r?\n[ \t]+", " ", head)
    return [line.split(":", 1)[1].strip() for line in head.split("\n")
            if line.lower().startswith(name.lower() + ":")]


def run_threads(n, work):
    """work(i) in n threads; raises the first error."""
    errors = []

    def guard(i):
        try:
            work(i)
        except Exception as e:  # told to the main thread
            errors.append(e)
    threads = [threading.Thread(target=guard, args=(i,)) for i in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if errors:
        raise errors[0]
