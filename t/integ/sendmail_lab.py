# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""Sendmail on loopback for integration tests, beside lab.py's Postfix.

Debian's package of Sendmail cannot be installed together with Postfix: it is
fetched with apt-get and unpacked into a cache folder, and runs from there
with a configuration, queue, port and pid of the test's own."""
import os
import re
import shlex
import shutil
import smtplib
import socketserver
import struct
import subprocess
import tempfile
import threading

import lab as L

# the program, its m4 files; the rest follows from what the first depends on
PACKAGES = ["sendmail-bin", "sendmail-cf"]
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or
                     os.path.abspath(L.BUILD), "aver-sendmail")
M4 = """divert(-1)
define(`_CF_DIR_', `%(cf)s/')
include(`%(cf)s/m4/cf.m4')
VERSIONID(`aver test')
OSTYPE(`linux')
define(`confDOMAIN_NAME', `mx.receiver.example')
define(`AVER_SOCKET', `%(socket)s')
include(`%(aver)s')
%(extra)s
define(`MAIL_SETTINGS_DIR', `%(dir)s/')
define(`QUEUE_DIR', `%(dir)s/queue')
define(`STATUS_FILE', `%(dir)s/statistics')
define(`HELP_FILE', `')
define(`ALIAS_FILE', `%(dir)s/aliases')
define(`confPID_FILE', `%(dir)s/sendmail.pid')
define(`confSERVICE_SWITCH_FILE', `%(dir)s/service.switch')
define(`confHOSTS_FILE', `%(dir)s/hosts')
define(`confLOG_LEVEL', `14')
define(`confMILTER_LOG_LEVEL', `14')
define(`confTO_IDENT', `0')
define(`confDELIVERY_MODE', `interactive')
define(`confREFUSE_LA', `1000')
define(`confQUEUE_LA', `1000')
define(`confDELAY_LA', `1000')
define(`confBAD_RCPT_THROTTLE', `0')
define(`confDONT_PROBE_INTERFACES', `True')
define(`confDONT_BLAME_SENDMAIL', `GroupWritableDirPathSafe')
define(`confAUTH_MECHANISMS', `PLAIN')
define(`confAUTH_OPTIONS', `A')
TRUST_AUTH_MECH(`PLAIN')
define(`RELAY_MAILER_ARGS', `TCP $h %(sink)d')
define(`RELAY_MAILER_LL', `0')
define(`SMART_HOST', `relay:[127.0.0.1]')
FEATURE(`nocanonify')
FEATURE(`accept_unresolvable_domains')
FEATURE(`accept_unqualified_senders')
FEATURE(`no_default_msa')
DAEMON_OPTIONS(`Name=MTA, Addr=127.0.0.1, Port=%(port)d')
LOCAL_CONFIG
ESASL_PATH=%(sasl)s
ESASL_CONF_PATH=%(sasl)s
MAILER(`smtp')
LOCAL_RULESETS
SLocal_check_rcpt
R$*	$#OK
"""


class Unavailable(Exception):
    """Sendmail cannot be had here; the text says why."""


def _run(argv, cwd=None):
    return subprocess.run(argv, cwd=cwd, capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)


def _download(names, folder, apt):
    r = _run(["apt-get", *apt, "-q", "download", *names], folder)
    if r.returncode == 0:
        return
    # no lists, or old ones: fetch them into a folder of ours; apt, which is
    # the caller's, finds them from now on
    os.makedirs(os.path.join(folder, "lists", "partial"), exist_ok=True)
    apt += ["-o", "Dir::State::Lists=" + os.path.join(folder, "lists"),
            "-o", "Dir::Cache=" + folder]
    for argv in (["update"], ["download", *names]):
        r = _run(["apt-get", *apt, "-q", *argv], folder)
        if r.returncode:
            raise Unavailable("cannot download %s: %s" %
                              (" ".join(names), r.stderr.strip()[-300:]))


def _wanted(deb):
    """Libraries that a package depends on and that are not installed, and
    the plug-ins with the mechanism PLAIN."""
    r = _run(["dpkg-deb", "-f", deb, "Depends"])
    names = re.findall(r"(?:^|, )(lib[a-z0-9.+-]+)", r.stdout)
    if os.path.basename(deb).startswith("sendmail-bin"):
        names.append("libsasl2-modules")
    return [n for n in names if "install ok installed" not in
            _run(["dpkg-query", "-W", "-f", "${Status}", n]).stdout]


def _unpack(tmp):
    # the sandbox user of apt cannot write here, and says so otherwise
    apt = ["-o", "APT::Sandbox::User=root"]
    root, debs = os.path.join(tmp, "root"), os.path.join(tmp, "debs")
    os.makedirs(root)
    os.makedirs(debs)
    asked, wanted = set(), list(PACKAGES)
    while wanted:
        _download(wanted, debs, apt)
        asked |= set(wanted)
        files = [os.path.join(debs, f) for f in os.listdir(debs)
                 if f.split("_")[0] in wanted]
        for f in files:
            r = _run(["dpkg", "-x", f, root])
            if r.returncode:
                raise Unavailable("dpkg -x: " + r.stderr.strip())
        wanted = sorted({n for f in files for n in _wanted(f)
                         if n not in asked})
    shutil.rmtree(debs)
    # set-group-ID would make the loader ignore LD_LIBRARY_PATH
    os.chmod(os.path.join(root, "usr/libexec/sendmail/sendmail"), 0o755)


def unpacked():
    """The folder with Sendmail's files, from the cache or the network."""
    root = os.path.join(CACHE, "root")
    if os.path.isdir(root):
        return root
    for p in ("apt-get", "dpkg", "dpkg-deb", "m4"):
        if not shutil.which(p):
            raise Unavailable("needs %s to get Debian's Sendmail" % p)
    os.makedirs(CACHE, exist_ok=True)
    tmp = tempfile.mkdtemp(prefix="new-", dir=CACHE)
    try:
        os.chmod(tmp, 0o755)
        _unpack(tmp)
        try:
            os.rename(os.path.join(tmp, "root"), root)
        except OSError:
            if not os.path.isdir(root):  # else another test was quicker
                raise
    finally:
        shutil.rmtree(tmp, ignore_errors=True)
    return root


def safe_folder(lab, prefix):
    """A folder that goes with the lab, for what Sendmail does not trust
    below a world-writable folder such as /tmp: sockets, plug-ins."""
    folder = tempfile.mkdtemp(prefix=prefix, dir="/run")
    lab.on_close.append(lambda: shutil.rmtree(folder, ignore_errors=True))
    os.chmod(folder, 0o755)
    return folder


class Sink:
    """The host behind Sendmail: keeps every message as it was sent."""

    def __init__(self):
        self.messages = []
        sink = self

        class Session(socketserver.StreamRequestHandler):
            def say(self, text):
                self.wfile.write(text.encode() + b"\r\n")

            def handle(self):
                self.say("220 sink ESMTP")
                for line in self.rfile:
                    verb = line[:4].upper().strip()
                    if verb == b"EHLO":
                        self.say("250-sink\r\n250-8BITMIME\r\n250 SIZE")
                    elif verb == b"DATA":
                        self.say("354 go")
                        text = self.data()
                        if text is None:
                            return
                        sink.messages.append(text)
                        self.say("250 taken")
                    elif verb == b"QUIT":
                        self.say("221 bye")
                        return
                    else:
                        self.say("250 ok")

            def data(self):
                lines = []
                for line in self.rfile:
                    if line == b".\r\n":
                        return b"".join(lines)
                    lines.append(line[1:] if line[:1] == b"." else line)
                return None

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Session)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.05,),
                         daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Saslauthd:
    """Says yes to one name and password, in saslauthd's protocol: four
    strings, each after its length; a string comes back."""

    def __init__(self, path, user, password):
        class Session(socketserver.StreamRequestHandler):
            def handle(self):
                parts = []
                for _ in range(4):
                    n, = struct.unpack("!H", self.rfile.read(2))
                    parts.append(self.rfile.read(n).decode())
                answer = b"OK" if parts[:2] == [user, password] else b"NO"
                self.wfile.write(struct.pack("!H", len(answer)) + answer)

        class Server(socketserver.ThreadingUnixStreamServer):
            daemon_threads = True

        self.server = Server(path, Session)
        threading.Thread(target=self.server.serve_forever, args=(0.05,),
                         daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Sendmail:
    """A private Sendmail with aver-milter, between clients and a Sink.

    socket is the milter's address as Sendmail writes it; extra are further
    lines of m4 after those of contrib/sendmail/aver.mc."""

    USER, PASSWORD = "alice", "open sesame"

    def __init__(self, lab, socket_spec, extra="", name="sendmail"):
        self.lab, self.root = lab, unpacked()
        self.dir, self.log = lab.path(name), name + ".log"
        self.proc = None
        self.sink = Sink()
        lab.on_close.append(self.sink.close)
        self.port = L.free_ports(1)[0]
        os.makedirs(os.path.join(self.dir, "queue"), 0o700)
        self.sasl = safe_folder(lab, "aver-sasl-")
        self._files(name)
        self._offline()
        self._generate(socket_spec, extra)
        # saslauthd's end of it
        lab.on_close.append(Saslauthd(os.path.join(self.dir, "mux"),
                                      self.USER, self.PASSWORD).close)
        self._start()

    def _files(self, name):
        for n, text in (
                ("service.switch", "hosts files\naliases files\n"),
                ("hosts", "127.0.0.1 localhost\n"), ("aliases", ""),
                ("local-host-names", ""), ("statistics", "")):
            self.lab.write(os.path.join(name, n), text)
        with open(os.path.join(self.sasl, "Sendmail.conf"), "w") as f:
            f.write("pwcheck_method: saslauthd\nmech_list: PLAIN\n"
                    "saslauthd_path: %s/mux\n" % self.dir)
        for top in (os.path.join(self.root, "usr/lib"), "/usr/lib"):
            for d, _, files in os.walk(top):
                if "libplain.so" in files and d.endswith("/sasl2"):
                    shutil.copy(os.path.join(d, "libplain.so"), self.sasl)
                    return

    def _offline(self):
        cc = shlex.split(os.environ.get("CC", "cc"))
        r = _run([*cc, "-shared", "-fPIC", "-O1",
                  "-DOFFLINE_LOG=\"%s\"" % self.lab.path(self.log),
                  "-o", os.path.join(self.dir, "offline.so"),
                  os.path.join(L.HERE, "offline.c")])
        if r.returncode:
            raise RuntimeError("offline.c: " + r.stderr)

    def _generate(self, socket_spec, extra):
        mc = os.path.join(self.dir, "sendmail.mc")
        with open(mc, "w") as f:
            f.write(M4 % {
                "cf": os.path.join(self.root, "usr/share/sendmail/cf"),
                "aver": os.path.join(L.TOP, "contrib/sendmail/aver.mc"),
                "socket": socket_spec, "dir": self.dir, "extra": extra,
                "sink": self.sink.port, "port": self.port,
                "sasl": self.sasl})
        r = _run(["m4", mc])
        if r.returncode:
            raise RuntimeError("m4: " + r.stderr)
        with open(self.cf, "w") as f:
            f.write(r.stdout)

    @property
    def cf(self):
        return os.path.join(self.dir, "sendmail.cf")

    def environment(self):
        libs = {d for d, _, files in os.walk(os.path.join(
            self.root, "usr/lib")) if any(".so." in f for f in files)}
        return dict(os.environ, LD_LIBRARY_PATH=":".join(sorted(libs)),
                    LD_PRELOAD=os.path.join(self.dir, "offline.so"))

    def program(self, *args):
        return [os.path.join(self.root, "usr/libexec/sendmail/sendmail"),
                "-C" + self.cf, *args]

    def _start(self):
        with open(self.lab.path(self.log), "ab") as f:
            self.proc = subprocess.Popen(
                self.program("-bD"), stdin=subprocess.DEVNULL, stdout=f,
                stderr=f, env=self.environment())
        self.lab.procs.append(self.proc)

        def up():
            if self.proc.poll() is not None:
                raise RuntimeError("sendmail ended: " +
                                   self.lab.read(self.log)[-2000:])
            return L.listens(self.port)
        L.wait_until(up, 20, "Sendmail")

    def run(self, *args):
        """sendmail with these arguments; returns what it prints."""
        r = subprocess.run(self.program(*args), capture_output=True,
                           text=True, stdin=subprocess.DEVNULL,
                           env=self.environment(), errors="replace")
        return r.stdout + r.stderr

    def mailq(self, *args):
        return self.run("-bp", *args)

    def quarantined(self):
        """The queue files of what is in quarantine, as text."""
        out = []
        queue = os.path.join(self.dir, "queue")
        for f in sorted(os.listdir(queue)):
            if f.startswith("hf"):
                with open(os.path.join(queue, f), "rb") as fd:
                    out.append(fd.read().decode("latin-1"))
        return out


class Client(L.Client):
    """An SMTP client at an address of its own in 127.0.0.0/8: Sendmail has
    no XCLIENT."""

    def __init__(self, port, ip="127.0.0.2", helo="mail.good.example",
                 login=None):
        super().__init__(port, ip, helo, login)

    def open(self):
        port, ip, helo, login = self.args
        self.s = smtplib.SMTP("127.0.0.1", port, local_hostname=helo,
                              timeout=120 * L.SLOW, source_address=(ip, 0))
        self.s.ehlo()
        if login:
            self.s.login(*login)


def header_of_queue_file(text):
    """The header fields of a queue file: its H lines, without the mark of
    flags that Sendmail writes in front of the name."""
    lines, inside = [], False
    for line in text.split("\n"):
        if line.startswith("H"):
            lines.append(re.sub(r"^H\?[^?]*\?", "", line))
            inside = True
        elif line[:1] in (" ", "\t") and inside:
            lines.append(line)
        else:
            inside = False
    return "\n".join(lines) + "\n\n"


def inet_address(milter):
    return "inet:%d@127.0.0.1" % milter.port


class UnixMilter(L.Milter):
    """aver-milter on a socket file, .path."""

    def __init__(self, lab, dns_port, name):
        folder = safe_folder(lab, "aver-milter-")
        shutil.chown(folder, "nobody")
        self.path = os.path.join(folder, "milter.sock")
        super().__init__(lab, dns_port, "milter_listen = unix:%s\n" %
                         self.path, name)

    def start(self):
        self.proc = self.lab.spawn(
            [os.path.join(L.BUILD, "aver-milter"), "-c", self.conf], self.log)

        def up():
            if self.proc.poll() is not None:
                raise RuntimeError("aver-milter ended: " +
                                   self.text()[-2000:])
            return L.takes(self.path)
        L.wait_until(up, 20, "aver-milter")
