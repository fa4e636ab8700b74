# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""Policy hosts of MTA-STS on loopback: one HTTPS server for all of them, whose
certificate and behaviour go by the name that the client asks for; and zones
with signatures."""
import os
import shutil
import smtplib
import socket
import ssl
import subprocess
import threading
import time

import lab

WELL_KNOWN = "/.well-known/mta-sts.txt"


def policy(mode="enforce", mx=("mx.%s",), max_age=604800, domain=""):
    lines = ["version: STSv1", "mode: " + mode]
    lines += ["mx: " + (m % domain if "%s" in m else m) for m in mx]
    return "\r\n".join(lines + ["max_age: %d" % max_age]) + "\r\n"


def answer(body, status="200 OK", kind="text/plain", version="HTTP/1.1",
           more=()):
    """A function of (connection, host) that answers with that."""
    if isinstance(body, str):
        body = body.encode()

    def talk(conn, host):
        head = ["%s %s" % (version, status)]
        if kind is not None:
            head.append("Content-Type: " + kind)
        head += ["Content-Length: %d" % len(body), "Connection: close"]
        head += list(more)
        conn.sendall("\r\n".join(head + ["", ""]).encode() + body)
    return talk


class PolicyHosts:
    """hosts: {policy domain: (Certificate, function)}; requests: what came,
    as (name asked for in TLS, request line, header fields)."""

    def __init__(self, fallback):
        self.hosts = {}
        self.requests = []
        self.plain = []  # octets of who did not speak TLS, by refusal
        self.names = []  # all SNI
        self.fallback = fallback  # a Certificate for strangers
        self.contexts = {}
        self.closing = False
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.listen(64)
        self.port = self.sock.getsockname()[1]
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def put(self, domain, certificate, talk, version=None):
        self.hosts[domain] = (certificate, talk)
        self.contexts[domain] = certificate.context(version)

    def down(self):
        """Nobody listens any more."""
        self.closing = True
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.thread.join(lab.PATIENCE)  # or it accepts from another socket
        self.sock.close()

    def accept(self):
        while True:
            try:
                s, _ = self.sock.accept()
            except OSError:
                return
            s.settimeout(lab.PATIENCE)
            threading.Thread(target=self.serve, args=(s,),
                             daemon=True).start()

    def serve(self, sock):
        asked = []

        def choose(conn, name, _):
            asked.append(name)
            self.names.append(name)
            domain = (name or "").partition(".")[2]
            if domain in self.contexts:
                conn.context = self.contexts[domain]
        context = self.fallback.context()
        context.sni_callback = choose
        try:
            conn = context.wrap_socket(sock, server_side=True)
        except (OSError, ssl.SSLError) as e:
            self.plain.append(repr(e))
            sock.close()
            return
        try:
            self.answer(conn, asked[0] if asked else None)
        except OSError:
            pass
        finally:
            conn.close()

    def answer(self, conn, name):
        got = b""
        while b"\r\n\r\n" not in got:
            more = conn.recv(4096)
            if not more:
                return
            got += more
        lines = got.decode("latin-1").split("\r\n")
        self.requests.append((name, lines[0], lines[1:-2]))
        domain = (name or "").partition(".")[2]
        if domain in self.hosts:
            self.hosts[domain][1](conn, name)

    def asked(self, domain):
        """How many requests there were for the domain's policy."""
        return sum(n == "mta-sts." + domain for n, _, _ in self.requests)


def slowly(octets, pause, times, first=b""):
    """A function that sends first, then one piece after the other."""
    def talk(conn, host):
        conn.sendall(first)
        for _ in range(times):
            conn.sendall(octets)
            time.sleep(pause)
    return talk


def drip(octets, pause):
    """A function that sends octet by octet."""
    def talk(conn, host):
        for i in range(len(octets)):
            conn.sendall(octets[i:i + 1])
            time.sleep(pause)
        time.sleep(60)
    return talk


class SignedDns:
    """A signed root zone with all names of the test, served by nsd; beside it
    zones without signatures. What is in forged gets another value after the
    signatures were made."""

    def __init__(self, stage, records, unsigned=None, forged=()):
        self.stage = stage
        self.unsigned = unsigned or {}
        self.proc = None
        self.port = lab.free_ports(1)[0]
        self.ksk = self.run("ldns-keygen", "-k", "-a", "ED25519", ".")
        self.zsk = self.run("ldns-keygen", "-a", "ED25519", ".")
        self.anchor = stage.path(self.ksk + ".key")
        self.server = "127.0.0.1@%d" % self.port
        self.zones(records, forged)
        self.start()

    def run(self, *argv):
        r = subprocess.run(argv, cwd=self.stage.dir, capture_output=True,
                           text=True)
        if r.returncode:
            raise RuntimeError("%s: %s" % (argv, r.stderr))
        return r.stdout.strip()

    @staticmethod
    def soa(origin):
        return ("$ORIGIN %s\n$TTL 60\n@ SOA ns.lab. root.lab. 1 3600 600 86400"
                " 5\n@ NS ns.lab.\n" % origin)

    def zones(self, records, forged=()):
        """(Re)writes all zones; records: lines of the root zone."""
        text = self.soa(".") + "ns.lab. A 127.0.0.1\n"
        text += "".join("%s NS ns.lab.\n" % z for z in self.unsigned)
        self.stage.write("root", text + "\n".join(records) + "\n")
        self.run("ldns-signzone", "-n", "-o", ".", "-f", "root.signed",
                 "root", self.zsk, self.ksk)
        signed = self.stage.read("root.signed")
        for old, new in forged:
            assert old in signed, old
            signed = signed.replace(old, new)
        self.stage.write("root.signed", signed)
        for z, lines in self.unsigned.items():
            self.stage.write("zone-" + z, self.soa(z) +
                             "\n".join(lines) + "\n")

    def start(self):
        conf = ["server:", "  ip-address: 127.0.0.1@%d" % self.port,
                "  username: \"\"", "  chroot: \"\"",
                "  zonesdir: \"%s\"" % self.stage.dir, "  pidfile: \"\"",
                "  database: \"\"", "  xfrdfile: \"\"",
                "  zonelistfile: \"%s\"" % self.stage.path("zone.list"),
                "  xfrdir: \"%s\"" % self.stage.dir, "  server-count: 1",
                "  rrl-ratelimit: 0",
                "remote-control:", "  control-enable: no",
                "zone:", "  name: \".\"", "  zonefile: root.signed"]
        for z in self.unsigned:
            conf += ["zone:", "  name: " + z, "  zonefile: zone-" + z]
        path = self.stage.write("signed.conf", "\n".join(conf) + "\n")
        self.proc = self.stage.run_nsd(path, self.port)

    def stop(self):
        lab.end(self.proc)


class Unbound:
    """A validating resolver at port 53 of a loopback address, for programs
    that know resolv.conf alone."""

    def __init__(self, stage, dns):
        self.address = self.free_address()
        conf = """
server:
  interface: %s
  port: 53
  username: ""
  chroot: ""
  directory: "%s"
  pidfile: ""
  use-syslog: no
  logfile: ""
  do-daemonize: no
  do-not-query-localhost: no
  trust-anchor-file: "%s"
  module-config: "validator iterator"
  cache-max-ttl: 1
  cache-max-negative-ttl: 1
  infra-host-ttl: 1
  num-threads: 1
remote-control:
  control-enable: no
forward-zone:
  name: "."
  forward-addr: %s
""" % (self.address, stage.dir, dns.anchor, dns.server)
        path = stage.write("unbound.conf", conf)
        stage.spawn(["unbound", "-d", "-c", path], "unbound.log")
        lab.wait_until(lambda: lab.listens(53, self.address), 20,
                       lambda: "unbound: " + stage.read("unbound.log"))

    @staticmethod
    def free_address():
        for i in range(2, 250):
            address = "127.0.77.%d" % i
            if not lab.claim(address):
                continue
            try:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u, \
                        socket.socket() as t:
                    u.bind((address, 53))
                    t.bind((address, 53))
                    return address
            except PermissionError:
                lab.skip_all("port 53 cannot be bound")
            except OSError:
                continue
        lab.skip_all("port 53 is taken on all loopback addresses")


class Sender:
    """A Postfix that delivers, in a mount namespace of its own whose
    resolv.conf names the resolver."""

    def __init__(self, stage, resolver, maps, ca_file, transports,
                 name="sender", built=None, more="", services=""):
        """transports: {domain: port, or transport with next hop}; built: the
        folder of a Postfix that was built and not installed; more: lines of
        main.cf; services: of master.cf."""
        self.lab = stage
        self.name, self.built = name, built
        self.port = lab.free_ports(1)[0]
        self.folder = stage.path(name)
        self.program = os.path.join(built, "bin/postfix") if built \
            else "postfix"
        if built:
            more += """
command_directory = %(b)s/bin
daemon_directory = %(b)s/libexec
meta_directory = %(b)s/conf
sendmail_path = %(b)s/bin/sendmail
mailq_path = %(b)s/bin/mailq
newaliases_path = %(b)s/bin/newaliases
default_database_type = texthash
default_cache_db_type = texthash
""" % {"b": built}
        for d in ("", "/queue", "/data"):
            os.makedirs(stage.path(name + d))
        shutil.chown(stage.path(name + "/data"), "postfix")
        stage.write(name + "/resolv.conf",
                    "nameserver %s\noptions timeout:2 attempts:1\n"
                    % resolver.address)
        stage.write(name + "/transport", "".join(
            "%s %s\n" % (d, p if isinstance(p, str) else
                         "smtp:%s:%d" % (d, p))
            for d, p in transports.items()))
        stage.write(name + "/main.cf", """
compatibility_level = 3.6
queue_directory = %(dir)s/queue
data_directory = %(dir)s/data
mail_owner = postfix
myhostname = out.lab.example
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_relay_restrictions = permit_mynetworks, reject
transport_maps = texthash:%(dir)s/transport
maillog_file = %(dir)s/log
maillog_file_prefixes = %(dir)s
smtp_dns_support_level = dnssec
smtp_host_lookup = dns
smtp_tls_security_level = may
smtp_tls_policy_maps = %(maps)s
smtp_tls_CAfile = %(ca)s
smtp_tls_loglevel = 1
smtp_tls_session_cache_database =
smtp_destination_concurrency_failed_cohort_limit = 0
smtp_connection_cache_on_demand = no
minimal_backoff_time = 3600s
""" % {"dir": self.folder, "maps": maps, "ca": ca_file} + more)
        stage.write(name + "/master.cf", """
127.0.0.1:%d inet n - n - - smtpd
pickup    unix  n - n 60 1 pickup
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
smtp      unix  - - n - - smtp
showq     unix  n - n - - showq
tlsmgr    unix  - - n 1000? 1 tlsmgr
postlog   unix-dgram n - n - 1 postlogd
%s
""" % (self.port, services))
        r = self.command(self.program, "-c", self.folder, "start")
        if r.returncode:
            raise RuntimeError("postfix start: " + r.stdout + r.stderr)
        lab.wait_until(lambda: lab.listens(self.port), 15, "Postfix")

    def command(self, *argv):
        """Runs it where resolv.conf is ours."""
        script = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
        return subprocess.run(
            ["unshare", "-m", "sh", "-c", script,
             self.lab.path(self.name + "/resolv.conf"), *argv],
            capture_output=True, text=True, stdin=subprocess.DEVNULL)

    @staticmethod
    def possible():
        """A namespace can be made, and a file bound in it."""
        r = subprocess.run(["unshare", "-m", "mount", "--bind", "/etc/hosts",
                            "/etc/resolv.conf"], capture_output=True)
        return r.returncode == 0

    def stop(self):
        self.command(self.program, "-c", self.folder, "stop")

    def tool(self, name):
        """The path of a program of this Postfix."""
        return os.path.join(self.built, "bin", name) if self.built else name

    def send(self, domain, header=""):
        """Submits a message; returns what the log says of its delivery."""
        rcpt = "u%d@%s" % (time.monotonic_ns(), domain)
        with smtplib.SMTP("127.0.0.1", self.port) as s:
            s.sendmail("from@lab.example", [rcpt],
                       header + "Subject: x\r\n\r\nbody\r\n")
        return self.delivery(rcpt)

    def submit(self, domain, *options):
        """The same by sendmail(1)."""
        rcpt = "u%d@%s" % (time.monotonic_ns(), domain)
        r = subprocess.run(
            [self.tool("sendmail"), "-C", self.folder, "-f",
             "from@lab.example", *options, rcpt], capture_output=True,
            text=True, input="Subject: x\n\nbody\n")
        if r.returncode:
            raise RuntimeError("sendmail: " + r.stdout + r.stderr)
        return self.delivery(rcpt)

    def delivery(self, rcpt):
        """The log line of the recipient."""
        domain = rcpt.partition("@")[2]
        found = []

        def look():
            found[:] = [l for l in self.lab.read(self.name + "/log").splitlines()
                        if "to=<%s>" % rcpt in l and "status=" in l]
            return found
        lab.wait_until(look, 60, "a delivery to " + domain)
        return found[-1].partition("]: ")[2]
