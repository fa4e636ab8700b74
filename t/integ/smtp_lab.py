# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""Certificates, and SMTP servers on loopback that follow a script of the
test: a function that talks to one connection as it likes."""
import base64
import datetime
import hashlib
import hmac
import os
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import lab

SMTPC = os.path.join(lab.BUILD, "t/integ/smtpc")
FROM, TO = "from@sender.example", "to@rcpt.example"
PATIENCE = lab.PATIENCE
DAY = datetime.timedelta(days=1)
tap = lab.Tap()

BODY = (b"Subject: dots\r\n\r\n.\r\n..\r\n.one\r\ntwo.\r\n\r\n"
        + b"x" * 998 + b"\r\n" + b"." * 900 + b"\r\nend")


class Authority:
    """A CA and what it signs."""

    def __init__(self, folder, name="Test CA"):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.cert = self.build(self.name, self.key.public_key(), True).sign(
            self.key, hashes.SHA256())
        self.file = self.write(name.replace(" ", "-") + ".pem", self.cert)

    def build(self, subject, public, ca, first=-DAY, last=30 * DAY):
        now = datetime.datetime.utcnow()
        return (x509.CertificateBuilder().subject_name(subject)
                .issuer_name(self.name).public_key(public)
                .serial_number(x509.random_serial_number())
                .not_valid_before(now + first).not_valid_after(now + last)
                .add_extension(x509.BasicConstraints(ca, None), True))

    def write(self, name, *items):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as f:
            for i in items:
                if isinstance(i, x509.Certificate):
                    f.write(i.public_bytes(serialization.Encoding.PEM))
                else:
                    f.write(i.private_bytes(
                        serialization.Encoding.PEM,
                        serialization.PrivateFormat.PKCS8,
                        serialization.NoEncryption()))
        return path

    def issue(self, label, names, common="x", first=-DAY, last=20 * DAY):
        """A Certificate; names: of the subject alternative name, or None."""
        key = ec.generate_private_key(ec.SECP256R1())
        b = self.build(x509.Name([x509.NameAttribute(
            NameOID.COMMON_NAME, common)]), key.public_key(), False, first,
            last)
        if names:
            b = b.add_extension(x509.SubjectAlternativeName(
                [x509.DNSName(n) for n in names]), False)
        cert = b.sign(self.key, hashes.SHA256())
        return Certificate(self.write(label + ".pem", cert, self.cert, key),
                           cert, self.cert)


class Certificate:
    def __init__(self, path, cert, issuer):
        self.path, self.cert, self.issuer = path, cert, issuer

    def context(self, version=None):
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain(self.path)
        if version:
            c.minimum_version = c.maximum_version = version
        return c

    @staticmethod
    def spki(cert):
        return hashlib.sha256(cert.public_key().public_bytes(
            serialization.Encoding.DER,
            serialization.PublicFormat.SubjectPublicKeyInfo)).hexdigest()

    def tlsa(self, usage=3):
        return "%d 1 1 %s" % (
            usage, self.spki(self.cert if usage == 3 else self.issuer))


class Gone(Exception):
    """The client went away."""


class Peer:
    """One connection, from the server's side."""

    def __init__(self, server, sock):
        self.server, self.sock = server, sock
        self.lines = []  # what the client said
        self.data = []  # its messages, as they came over the wire
        self.pending = b""

    def say(self, text):
        self.raw(text.replace("\n", "\r\n").encode("latin-1") + b"\r\n")

    def raw(self, octets):
        try:
            self.sock.sendall(octets)
        except OSError as e:
            raise Gone() from e

    def more(self):
        try:
            got = self.sock.recv(65536)
        except OSError as e:
            raise Gone() from e
        if not got:
            raise Gone()
        self.pending += got

    def hear(self):
        while b"\r\n" not in self.pending:
            self.more()
        line, _, self.pending = self.pending.partition(b"\r\n")
        line = line.decode("utf-8", "surrogateescape")
        self.lines.append(line)
        return line

    def take_data(self):
        end = b"\r\n.\r\n"
        while end not in b"\r\n" + self.pending:
            self.more()
        whole = b"\r\n" + self.pending
        at = whole.index(end)
        self.data.append(whole[2:at + 5])
        self.pending = whole[at + 5:]

    def secure(self, context):
        """The server's side of the handshake; False when it failed."""
        try:
            self.sock = context.wrap_socket(self.sock, server_side=True)
            return True
        except (OSError, ssl.SSLError) as e:
            self.lines.append("(handshake: %s)" % e)
            return False

    def close(self, reset=False):
        if reset:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 struct.pack("ii", 1, 0))
        self.sock.close()
        raise Gone()

    # the usual course, with what the test wants to be different
    def greet(self, context=None, before="STARTTLS", after="PIPELINING"):
        """Up to the EHLO inside TLS (or in the clear without a context)."""
        self.say("220 mx.test.example ESMTP")
        self.hear()
        if context is None:
            self.offer(after)
            return
        self.offer(before)
        self.hear()
        self.say("220 go ahead")
        if not self.secure(context):
            raise Gone()
        self.hear()
        self.offer(after)

    def offer(self, words):
        lines = ["mx.test.example"] + [w for w in words.split(",") if w]
        self.say("\n".join("250%s%s" % ("-" if i + 1 < len(lines) else " ", l)
                           for i, l in enumerate(lines)))

    def serve(self, replies=None):
        """Commands until the client quits; replies: {verb: text}, where a
        text may also be a function of the peer and the line."""
        replies = replies or {}
        while True:
            line = self.hear()
            verb = line.split(" ")[0].split(":")[0].upper()
            reply = replies.get(verb)
            if callable(reply):
                reply(self, line)
            elif reply is not None:
                self.say(reply)
                if reply.startswith("421"):
                    self.close()
            elif verb == "DATA":
                self.say("354 go on")
                self.take_data()
                end = replies.get(".", "250 2.0.0 queued")
                if callable(end):
                    end(self, ".")
                else:
                    self.say(end)
            elif verb == "QUIT":
                self.say("221 2.0.0 bye")
                self.close()
            else:
                self.say("250 2.0.0 ok")


class Server:
    """Runs script(peer) for each connection; peers keeps what was said."""

    def __init__(self, script, context=None, at=("127.0.0.1", 0)):
        self.script, self.context = script, context
        self.peers, self.errors = [], []
        self.over = threading.Event()  # for scripts that wait for the test
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        self.sock.bind(at)
        self.sock.listen(16)
        self.port = self.sock.getsockname()[1]
        self.threads = []
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def accept(self):
        while True:
            try:
                s, _ = self.sock.accept()
            except OSError:
                return
            s.settimeout(PATIENCE)
            t = threading.Thread(target=self.run, args=(s,), daemon=True)
            self.threads.append(t)
            t.start()

    def run(self, sock):
        peer = Peer(self, sock)
        self.peers.append(peer)
        try:
            if self.context is not None and not peer.secure(self.context):
                return
            self.script(peer)
        except Gone:
            pass
        except Exception as e:  # the test has to see it
            self.errors.append(repr(e))
        finally:
            peer.sock.close()

    def verbs(self):
        """All commands of all connections, shortened to their verbs."""
        return [[l.split(" ")[0].split(":")[0].upper() for l in p.lines]
                for p in self.peers]

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        # accept() in the other thread ends by shutdown, not by close; and one
        # that is about to begin could have the number of the next socket
        self.sock.shutdown(socket.SHUT_RDWR)
        self.thread.join(PATIENCE)
        self.sock.close()
        for t in self.threads:
            t.join(PATIENCE)


def scram(peer, initial, user, password, mechanism="SCRAM-SHA-256", lie=None):
    """The server's side of SCRAM (RFC 5802); lie: "signature" or "nonce".
    True when the client's proof is right."""
    name = "sha1" if mechanism == "SCRAM-SHA-1" else "sha256"
    first = base64.b64decode(initial).decode()
    bare = first.split(",", 2)[2]
    nonce = dict(p.split("=", 1) for p in bare.split(","))["r"] + "SERVER"
    if lie == "nonce":
        nonce = "another" + nonce
    salt = b"0123456789abcdef"
    reply = "r=%s,s=%s,i=4096" % (nonce, base64.b64encode(salt).decode())
    peer.say("334 " + base64.b64encode(reply.encode()).decode())
    answer = peer.hear()
    if answer == "*":
        peer.say("501 5.7.0 cancelled")
        return False
    final = base64.b64decode(answer).decode()
    without, _, proof = final.rpartition(",p=")
    salted = hashlib.pbkdf2_hmac(name, password.encode(), salt, 4096)
    auth = ",".join((bare, reply, without)).encode()

    def mac(key, text):
        return hmac.new(key, text, name).digest()
    client = mac(salted, b"Client Key")
    stored = hashlib.new(name, client).digest()
    want = bytes(a ^ b for a, b in zip(client, mac(stored, auth)))
    good = base64.b64decode(proof) == want and ("n=" + user) in bare
    signature = mac(mac(salted, b"Server Key"), auth)
    if lie == "signature":
        signature = bytes(len(signature))
    if lie == "no proof":
        peer.say("235 2.7.0 trust me")
        return good
    peer.say("334 " + base64.b64encode(
        b"v=" + base64.b64encode(signature)).decode())
    if peer.hear() == "*":
        peer.say("501 5.7.0 cancelled")
        return False
    peer.say("235 2.7.0 welcome" if good else "535 5.7.8 wrong")
    return good


class Run:
    """smtpc, started; its answers are dicts."""

    def __init__(self, args, files, sender=FROM, to=TO):
        self.start = time.monotonic()
        self.proc = subprocess.Popen(
            [SMTPC] + args + ["--", sender, to] + files, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def line(self):
        return self.proc.stdout.readline().decode("utf-8", "replace").strip()

    def go_on(self):
        self.proc.stdin.write(b"\n")
        self.proc.stdin.flush()

    def answers(self):
        out, _ = self.proc.communicate(timeout=2 * lab.PATIENCE)
        self.seconds = time.monotonic() - self.start
        return [dict(w.partition("=")[::2] for w in line.split("\t"))
                for line in out.decode("utf-8", "replace").splitlines()]

    def answer(self):
        got = self.answers()
        return got[-1] if got else {}


class Site:
    """Where the files and certificates of the test are."""

    def __init__(self, folder):
        self.folder = folder
        self.ca = Authority(folder)
        other = Authority(folder, "Other CA")
        old = datetime.timedelta(days=-9)
        self.good = self.ca.issue("good", ["localhost", "mx.test.example"])
        self.named = self.ca.issue("named", ["other.example"])
        self.common = self.ca.issue("common", None, "localhost")
        self.stale = self.ca.issue("stale", ["localhost"], first=2 * old,
                                   last=old)
        self.early = self.ca.issue("early", ["localhost"], first=-old)
        self.strange = other.issue("strange", ["localhost"])
        self.tls = self.good.context()
        self.secret = self.file("secret", b"user = joe\npassword = s3 cret\n",
                                0o600)
        self.message = self.file("message", b"Subject: x\r\n\r\nbody\r\n")

    def file(self, name, octets, mode=0o644):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as f:
            f.write(octets)
        os.chmod(path, mode)
        return path

    def url(self, server, scheme="smtp", *more):
        return ["-u", "%s://localhost:%d" % (scheme, server.port), "-C",
                self.ca.file, *more]

    def skips_sasl(self):
        """True, and said so, for a build without SASL."""
        a = Run(["-u", "smtp://localhost:9", "-c", self.secret],
                [self.message]).answer()
        if "no SASL" not in a.get("text", ""):
            return False
        tap.count += 1
        print("ok %d - SASL # SKIP %s" % (tap.count, a["text"]))
        return True

    def send(self, script, *more, files=None, sender=FROM, to=TO):
        """(answers, server, seconds) of messages to a server of its own."""
        with Server(script) as s:
            run = Run(self.url(s, "smtp", *more), files or [self.message],
                      sender, to)
            got = run.answers()
        tap.ok(not s.errors, "the server's script ran", s.errors)
        return got, s, run.seconds


def is_end(got, outcome, status=None, text=None, name=""):
    a = got[-1] if isinstance(got, list) else got
    good = a.get("outcome", a.get("open")) == outcome
    good = good and (status is None or a.get("status") == status)
    good = good and (text is None or text in a.get("text", ""))
    tap.ok(good, name or "%s %s %s" % (outcome, status or "", text or ""), a)


def main(*tests):
    if not os.access(SMTPC, os.X_OK):
        lab.skip_all("t/integ/smtpc is not built")
    with tempfile.TemporaryDirectory(prefix="aver-smtp-") as folder:
        site = Site(folder)
        for test in tests:
            tap.note(test.__name__)
            test(site)
    tap.done()
