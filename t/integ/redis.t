#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""The store on one server, behind Sentinels that fail over and on a Cluster of
three whose slot moves, while programs work on it; and servers that say what
they should not."""
import os
import re
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as L
import redis_lab as R

R.need()
tap = L.Tap()
BATCHES = 4000
# for what comes at once, however busy the machine is
PATIENT = "timeout=20000&command_timeout=60000"
OPTIONS = "timeout=500&command_timeout=3000&lease=1000"


# --- what a server should not say

def bulk(n):
    return b"$%d\r\n" % n


class Fake:
    """Says the answers one after the other, then the last one to everything,
    octets as they are; None: nothing. heard: how often it was asked."""

    def __init__(self, *answers):
        self.answers = answers
        self.heard = 0
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.thread.join(L.PATIENCE)  # or it accepts from the next socket
        self.sock.close()

    def serve(self):
        while True:
            try:
                conn, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(conn,),
                             daemon=True).start()

    def talk(self, conn):
        said = 0
        try:
            while conn.recv(1 << 20):
                answer = self.answers[min(said, len(self.answers) - 1)]
                said += 1
                self.heard += 1
                if answer == b"":
                    break
                if answer is not None:
                    conn.sendall(answer)
        except OSError:
            pass
        conn.close()


HELLO = bulk(1) + b"2\r\n"  # the version

BAD = [
    # name, answers, the error, what its text says
    ("garbage", [b"\x00\xff\x16\x03\x01 nonsense\r\n"], "io", "no Redis"),
    ("HTTP", [b"HTTP/1.1 400 Bad Request\r\n\r\n"], "io", "no Redis"),
    ("a huge bulk", [bulk(9000000000) + b"x"], "io", "too large"),
    ("a bulk just above", [bulk((64 << 20) + 1)], "io", "too large"),
    ("a huge array", [b"*999999999\r\n"], "io", "too large"),
    ("arrays in arrays", [b"*1\r\n" * 200 + b":1\r\n"], "io", "no Redis"),
    ("a line without end", [b"+" + b"x" * 9000], "io", "no Redis"),
    ("half a reply", [bulk(10) + b"abc"], "temp", "no answer in time"),
    ("half a reply and the end", [b"*2\r\n:1\r\n", b""], "temp", ""),
    ("two replies", [HELLO + HELLO], "io", "more came"),
    ("nothing", [None], "temp", "no answer in time"),
    ("the end", [b""], "temp", "closed"),
    ("another type", [b":1\r\n"], "io", "wrong kind"),
    ("an array for a text", [b"*1\r\n:1\r\n"], "io", "wrong kind"),
    ("a newer version", [bulk(2) + b"99\r\n"], "conf", "version 99"),
    ("LOADING", [b"-LOADING Redis is loading the dataset\r\n"], "temp",
     "LOADING"),
    ("UNBLOCKED", [HELLO, b"-UNBLOCKED force unblock from blocking operation, "
                   b"instance state changed (master -> replica?)\r\n"], "temp",
     "UNBLOCKED"),
    ("WAIT for a replica", [
        HELLO, b"-ERR WAIT cannot be used with replica instances. Please also "
        b"note that since Redis 4.0 if a replica is configured to be writable"
        b"...\r\n"], "temp", "WAIT cannot be used"),
    ("protected mode", [b"-DENIED Redis is running in protected mode\r\n"],
     "conf", "DENIED"),
    ("NOAUTH", [b"-NOAUTH Authentication required.\r\n"], "conf", "NOAUTH"),
    ("NOPERM", [b"-NOPERM no permissions\r\n"], "conf", "NOPERM"),
    ("NOPERM in a script", [
        HELLO, b"-ERR The user executing the script can't run this command "
        b"or subcommand script: 5cea23a, on @user_script:9.\r\n"], "conf",
     "can't run this command"),
    ("MASTERDOWN", [b"-MASTERDOWN Link with MASTER is down\r\n"], "temp",
     "MASTERDOWN"),
    ("CLUSTERDOWN", [b"-CLUSTERDOWN The cluster is down\r\n"], "temp",
     "CLUSTERDOWN"),
    ("MOVED by no cluster", [b"-MOVED 1 127.0.0.1:1\r\n"], "conf",
     "redis-cluster://"),
    ("READONLY", [HELLO, b"-READONLY You can't write\r\n"], "temp",
     "READONLY"),
    ("READONLY as Redis 6 says it", [
        HELLO, b"-ERR Error running script (call to f_1): @user_script:9: "
        b"@user_script: 9: -READONLY You can't write\r\n"], "temp",
     "READONLY"),
    ("OOM", [HELLO, b"-OOM command not allowed\r\n"], "temp", "OOM"),
    ("OOM as Redis 7 says it", [
        HELLO, b"-OOM command not allowed script: 5cea23a, on "
        b"@user_script:9.\r\n"], "temp", "OOM command not allowed"),
    ("MISCONF", [HELLO, b"-MISCONF Errors writing to the AOF\r\n"], "temp",
     "MISCONF"),
    ("BUSY", [HELLO, b"-BUSY Redis is busy running a script\r\n"], "temp",
     "BUSY"),
    ("WRONGTYPE", [HELLO, b"-WRONGTYPE Operation against a key\r\n"], "io",
     "WRONGTYPE"),
    ("another error", [HELLO, b"-ERR \x1b[2J\xff\r\n"], "io", ""),
    ("a text for a number", [HELLO, bulk(3) + b"abc\r\n"], "io",
     "wrong kind"),
    ("ASK", [HELLO, b"-ASK 1 127.0.0.1:1\r\n"], "temp", "ASK"),
    ("TRYAGAIN", [HELLO, b"-TRYAGAIN Multiple keys\r\n"], "temp",
     "TRYAGAIN"),
    ("no script, ever", [b"-NOSCRIPT No matching script.\r\n"], "temp",
     "redirects"),
]
# as aver_err_name() calls them
KINDS = {"io": "input/output error", "temp": "temporary failure",
         "conf": "configuration error"}


def bad_servers(fleet):
    for name, answers, kind, text in BAD:
        fake = Fake(*answers)
        # what is temporary is tried again for all of the time, a verdict
        # comes at once, however busy the machine is
        out = fleet.output("redis://127.0.0.1:%d?timeout=%d&command_timeout=%d"
                           % ((fake.port,) + ((500, 1500) if kind == "temp"
                                              else (20000, 60000))),
                           "try").splitlines()
        fake.close()
        tap.ok(out and text in out[0] and is_kind(out[0], kind) and
               not re.search("\x1b|script:", out[0]),
               "%s: %s" % (name, out[:1]))
        tap.eq(len(out), 2, name + ": comes to an end")
    # nobody there, and somebody who never takes the connection
    port = L.free_ports(1)[0]
    out = fleet.output("redis://127.0.0.1:%d" % port, "try").splitlines()
    tap.ok("refused" in out[0] and is_kind(out[0], "temp"), out[0])


def other_hosts(fleet):
    """One of the hosts leads nowhere, the next one does."""
    real = fleet.server()
    away = L.free_ports(1)[0]
    patience = "timeout=20000&command_timeout=5000"

    def says_master(port):
        p = b"%d" % port
        return Fake(b"*2\r\n" + bulk(9) + b"127.0.0.1\r\n" + bulk(len(p)) + p +
                    b"\r\n")

    def attempt(spec):
        return fleet.output(spec + patience, "try").splitlines()[0]
    hangs, loads = Fake(None), Fake(b"-LOADING not yet\r\n")
    for name, first in (("hangs", hangs), ("loads", loads)):
        out = attempt("redis-cluster://127.0.0.1:%d,127.0.0.1:%d?" %
                      (first.port, real.port))
        tap.ok(out.startswith("ok"), "a node that %s, and one: %s" %
               (name, out))
    moved = Fake(b"-MOVED 1 :%d\r\n" % real.port)
    out = attempt("redis-cluster://127.0.0.1:%d?" % moved.port)
    tap.ok(out.startswith("ok"), "a node of the same host: " + out)
    for name, port in (("is down", away), ("hangs", hangs.port),
                       ("loads", loads.port)):
        old, new = says_master(port), says_master(real.port)
        out = attempt("redis-sentinel://127.0.0.1:%d,127.0.0.1:%d/m?" %
                      (old.port, new.port))
        tap.ok(out.startswith("ok"), "a master that %s: %s" % (name, out))
        tap.eq((old.heard, new.heard), (1, 1), "both Sentinels are asked")
    # all name the one that hangs: one wait is enough
    silent = Fake(None)
    three = [says_master(silent.port) for _ in range(3)]
    out = attempt("redis-sentinel://%s/m?" %
                  ",".join("127.0.0.1:%d" % f.port for f in three))
    tap.ok(is_kind(out, "temp") and "no answer in time" in out,
           "three Sentinels and no master: " + out)
    tap.eq((silent.heard, [f.heard for f in three]), (1, [1, 1, 1]),
           "that one is asked once")
    wrong = Fake(b"-WRONGPASS invalid\r\n")
    out = attempt("redis-cluster://:p@127.0.0.1:%d,127.0.0.1:%d?" %
                  (wrong.port, away))
    tap.ok("WRONGPASS" in out and is_kind(out, "conf"),
           "what has to be mended is told: " + out)


def no_password_is_told(fleet):
    fake = Fake(b"-ERR unknown command 'AUTH', with args beginning with: "
                b"'mx' 's3cret' \r\n")
    out = fleet.output("redis://mx:s3cret@127.0.0.1:%d?timeout=20000&"
                       "command_timeout=20000" % fake.port, "try")
    tap.ok("unknown command" in out and "s3cret" not in out,
           "what was sent is not told: " + out)
    secret = secret_file(fleet, "told", "s3cret")
    out = fleet.output("redis-sentinel://127.0.0.1:%d/m?timeout=20000&"
                       "command_timeout=20000&sentinel_user=mx&"
                       "sentinel_password_file=%s" % (fake.port, secret),
                       "try")
    tap.ok("unknown command" in out and "s3cret" not in out,
           "nor by a Sentinel that has no users: " + out)


def committed_is_kept(fleet):
    """Who hears that a number is committed lets go of the records up to it: it
    is not, as long as the replicas do not have it and it can be lost."""
    number = bulk(20) + b"%020d\r\n" % 5
    fake = Fake(HELLO, number, b":0\r\n", number, b":0\r\n", number,
                b":1\r\n")
    out = fleet.output("redis://127.0.0.1:%d?timeout=20000&replicas=1" %
                       fake.port, "add", "s", 5)
    tap.eq((out, fake.heard), ("", 7),
           "what only the master has is not committed")


def is_kind(line, kind):
    return line.startswith(KINDS[kind])


# --- passwords and TLS

def secret_file(fleet, name, password):
    path = os.path.join(fleet.dir, name)
    with open(path, "w") as f:
        f.write(password + "\n")
    return path


def login(fleet):
    s = fleet.server("--requirepass", "s3cret pass")
    base = "127.0.0.1:%d?%s" % (s.port, PATIENT)
    secret = secret_file(fleet, "password", "s3cret pass")
    s.cli("--pass", "s3cret pass", "ACL", "SETUSER", "mx", "on", ">mxpass",
          "~{aver}*", "+@all", "-@dangerous", "+info")
    s.cli("--pass", "s3cret pass", "ACL", "SETUSER", "other", "on", ">o",
          "~{other}*", "+@all")

    def attempt(spec):
        return fleet.output(spec, "try").splitlines()[0]
    tap.ok("NOAUTH" in attempt("redis://" + base), "no password: NOAUTH")
    tap.ok("WRONGPASS" in attempt("redis://:wrong@" + base), "a wrong one")
    tap.ok(attempt("redis://:s3cret%20pass@" + base).startswith("ok"),
           "the right one")
    out = attempt("redis://" + base + "&password_file=" + secret)
    tap.ok(out.startswith("ok"), "from a file " + out)
    out = attempt("redis://mx:mxpass@" + base)
    tap.ok(out.startswith("ok"), "a user with rights to our keys " + out)
    out = attempt("redis://other:o@" + base)
    tap.ok(out.startswith(KINDS["conf"]) or "NOPERM" in out or
           "permission" in out, "one without: " + out)
    tap.ok("s3cret" not in out, "and no password in a message")
    s.kill()


def tls(fleet):
    key, cert = (os.path.join(fleet.dir, n) for n in ("key", "cert"))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out",
         cert, "-days", "2", "-subj", "/CN=redis", "-addext",
         "subjectAltName=IP:127.0.0.1"], check=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    port = L.free_ports(1)[0]
    fleet.server("--tls-port", str(port), "--tls-cert-file", cert,
                 "--tls-key-file", key, "--tls-ca-cert-file", cert,
                 "--tls-auth-clients", "no")
    L.wait_until(lambda: L.listens(port), 10, "the TLS port")
    spec = "rediss://127.0.0.1:%d?timeout=2000" % port
    patient = "rediss://127.0.0.1:%d?%s" % (port, PATIENT)
    out = fleet.output(patient + "&ca_file=" + cert, "try")
    tap.ok(out.startswith("ok"), "TLS with its CA " + out)
    out = fleet.output(patient, "try")
    tap.ok(out.startswith(KINDS["conf"]) and "certificate" in out,
           "TLS without: " + out)
    out = fleet.output("redis://127.0.0.1:%d" % port, "try")
    tap.ok(not out.startswith("ok"), "no TLS to a TLS port: " + out)
    out = fleet.output(patient.replace("127.0.0.1", "localhost") +
                       "&ca_file=" + cert, "try")
    tap.ok(out.startswith(KINDS["conf"]) and "ertificate" in out and
           "ismatch" in out, "TLS with another name: " + out)
    sources = [fleet.load(spec + "&" + OPTIONS.split("&", 1)[1] +
                          "&ca_file=" + cert, "add", "t%d" % i, 500)
               for i in range(2)]
    for p in sources:
        p.wait(timeout=L.PATIENCE)
    R.finish(tap, fleet, patient + "&ca_file=" + cert, 2 * R.want(500) + 1,
             "over TLS")


# --- fail-over

def fail_over(asked, to):
    """Until that one is the master: on a busy machine it may have been, and
    be no more."""
    def is_master():
        return "role:master" in to.cli("INFO")

    def try_it():
        return is_master() or (
            "OK" in asked.cli("SENTINEL", "FAILOVER", "mx") and
            L.happens(is_master, 10))
    L.wait_until(try_it, 60, "a new master")


def follows(server):
    L.wait_until(lambda: "master_link_status:up" in server.cli("INFO"), 30,
                 "a replica")


def sentinel(fleet):
    a = fleet.server()
    b = fleet.server("--replicaof", "127.0.0.1", str(a.port))
    follows(b)
    sentinels = [fleet.sentinel("mx", a.port, 2) for _ in range(3)]
    for s in sentinels:
        L.wait_until(lambda: "num-other-sentinels\n2" in
                     s.cli("SENTINEL", "MASTER", "mx") and
                     "num-slaves\n1" in s.cli("SENTINEL", "MASTER", "mx"),
                     30, "the Sentinels to meet")
    spec = "redis-sentinel://%s/mx?replicas=1&%s" % (
        ",".join("127.0.0.1:%d" % s.port for s in sentinels), OPTIONS)
    out = fleet.output(spec.replace("/mx", "/other"), "try")
    tap.ok("knows no master" in out, "another master's name: " + out)
    contracts(spec, "Sentinel")
    adders = [fleet.load(spec, "add", "s%d" % i, BATCHES) for i in range(2)]
    runner = fleet.load(spec, "run", 6)
    time.sleep(1)
    old, new = (b, a) if "role:master" in b.cli("INFO") else (a, b)
    fail_over(sentinels[0], new)
    tap.ok(True, "a fail-over that was asked for")
    follows(old)
    time.sleep(1)
    new.kill()
    L.wait_until(lambda: "role:master" in old.cli("INFO"), 30,
                 "the first to be the master again")
    tap.ok(True, "the master was killed, the other took over")
    # one Sentinel fewer, and the other server is back, as a replica
    sentinels[0].kill()
    new.start()
    for p in adders + [runner]:
        tap.eq((p.wait(timeout=240 * L.SLOW), p.stderr.read()), (0, ""),
               "a program goes on")
    R.finish(tap, fleet, spec, 2 * R.want(BATCHES), "Sentinel")


def sentinel_login(fleet):
    a = fleet.server()
    s = fleet.sentinel("mx", a.port, 1, "--requirepass", "s3cret")
    base = "redis-sentinel://127.0.0.1:%d/mx?%s" % (s.port, OPTIONS)
    good = secret_file(fleet, "good", "s3cret")
    bad = secret_file(fleet, "bad", "other")

    def attempt(more):
        return fleet.output(base + more, "try").splitlines()[0]
    out = attempt("")
    tap.ok("NOAUTH" in out and is_kind(out, "conf"),
           "a Sentinel that asks for a password: " + out)
    out = attempt("&sentinel_password_file=" + bad)
    tap.ok("WRONGPASS" in out and is_kind(out, "conf"), "a wrong one: " + out)
    out = attempt("&sentinel_password_file=" + good)
    tap.ok(out.startswith("ok"), "the right one: " + out)
    out = attempt("&sentinel_password_file=" + good + "none")
    tap.ok("No such file" in out and is_kind(out, "conf"), "no file: " + out)


def sentinel_user(fleet):
    """A Sentinel that knows users, one with the least rights that we need."""
    a = fleet.server()
    s = fleet.sentinel("mx", a.port, 1)
    told = s.cli("ACL", "SETUSER", "watch", "on", ">s3cret watch", "-@all",
                 "+auth", "+sentinel|get-master-addr-by-name")
    if "unknown command" in told:
        tap.note("a Sentinel without users: " + told)
        return
    s.cli("ACL", "SETUSER", "blind", "on", ">s3cret watch", "-@all", "+auth")
    s.cli("ACL", "SETUSER", "default", "off", ">s3cret default")
    good = secret_file(fleet, "watch", "s3cret watch")
    bad = secret_file(fleet, "not-watch", "s3cret other")
    for name, more, kind, text in (
            ("no login", "", "conf", "NOAUTH"),
            ("a password alone", "&sentinel_password_file=" + good, "conf",
             "WRONGPASS"),
            ("a user alone", "&sentinel_user=watch", "conf",
             "a sentinel_user without a sentinel_password_file"),
            ("a wrong password", "&sentinel_user=watch&"
             "sentinel_password_file=" + bad, "conf", "WRONGPASS"),
            ("an unknown user", "&sentinel_user=watcher&"
             "sentinel_password_file=" + good, "conf", "WRONGPASS"),
            ("a user who may not ask", "&sentinel_user=blind&"
             "sentinel_password_file=" + good, "conf", "NOPERM"),
            ("one who may", "&sentinel_password_file=" + good +
             "&sentinel_user=wa%74ch", None, "ok")):
        out = fleet.output("redis-sentinel://127.0.0.1:%d/mx?%s%s" %
                           (s.port, PATIENT, more), "try")
        tap.ok(text in out and "s3cret" not in out and
               (is_kind(out, kind) if kind else out.startswith(text)),
               "users of a Sentinel, %s: %s" % (name, out.splitlines()[0]))


# --- the contract of the store

def contracts(spec, name):
    for test in ("store", "store_fence", "store_take", "store_tls",
                 "store_ledger"):
        run = subprocess.run(
            [os.path.join(L.BUILD, "t", "unit", test + ".t")],
            env=dict(os.environ, AVER_STORE=spec), stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace",
            timeout=240 * L.SLOW)
        bad = [line for line in run.stdout.splitlines()
               if not re.match(r"(ok|#|1\.\.)", line)]
        held = len(re.findall(r"(?m)^ok \d+(?!.*# SKIP)", run.stdout))
        tap.ok(run.returncode == 0 and not bad and held > 50 and
               "on redis-" in run.stdout,
               "%s: the contract of %s.t, %d checks" % (name, test, held),
               "exit status %d\n%s" % (run.returncode, "\n".join(bad)))


# --- Cluster

def cluster(fleet):
    nodes = []
    for _ in range(3):
        # the nodes talk at the port that is 10000 above
        while True:
            port = L.free_ports(1)[0]
            if port < 55000 and L.claim_port(port + 10000):
                break
        nodes.append(fleet.server("--cluster-enabled", "yes",
                                  "--cluster-node-timeout", "2000",
                                  port=port))
    out = subprocess.run(
        [R.CLI, "--cluster", "create"] +
        ["127.0.0.1:%d" % n.port for n in nodes] + ["--cluster-yes"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
    for n in nodes:
        L.wait_until(lambda: "cluster_state:ok" in n.cli("CLUSTER", "INFO"),
                     30, "the Cluster\n" + out)
    spec = "redis-cluster://%s?%s" % (
        ",".join("127.0.0.1:%d" % n.port for n in nodes), OPTIONS)
    contracts(spec, "Cluster")
    slot = nodes[0].cli("CLUSTER", "KEYSLOT", "{aver}:v").split()[-1]
    adders = [fleet.load(spec, "add", "c%d" % i, BATCHES) for i in range(2)]
    runner = fleet.load(spec, "run", 6)
    time.sleep(1)
    ids = [n.cli("CLUSTER", "MYID").split()[-1] for n in nodes]

    def owner():
        for i, n in enumerate(nodes):
            if n.cli("CLUSTER", "COUNTKEYSINSLOT", slot).split()[-1] != "0":
                return i
    L.wait_until(lambda: owner() is not None, 30, "keys in the slot")
    source = owner()
    target = (source + 1) % 3
    nodes[target].cli("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[source])
    nodes[source].cli("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[target])
    moved = 0
    while True:
        keys = nodes[source].cli("CLUSTER", "GETKEYSINSLOT", slot,
                                 "50").split()
        keys = [k for k in keys if k]
        if not keys:
            break
        out = nodes[source].cli("MIGRATE", "127.0.0.1",
                                str(nodes[target].port), "", "0", "5000",
                                "KEYS", *keys)
        moved += len(keys)
        if moved > 100000:
            break
    for n in nodes:
        n.cli("CLUSTER", "SETSLOT", slot, "NODE", ids[target])
    tap.ok(moved > 0, "the slot moved, with %d keys" % moved)
    for p in adders + [runner]:
        tap.eq((p.wait(timeout=240 * L.SLOW), p.stderr.read()), (0, ""),
               "a program goes on")
    R.finish(tap, fleet, spec, 2 * R.want(BATCHES), "Cluster")


with R.Fleet() as f:
    bad_servers(f)
    other_hosts(f)
    no_password_is_told(f)
    committed_is_kept(f)
with R.Fleet() as f:
    login(f)
    tls(f)
with R.Fleet() as f:
    sentinel_login(f)
    sentinel_user(f)
    sentinel(f)
with R.Fleet() as f:
    cluster(f)
tap.done()
