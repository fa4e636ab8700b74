#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""How policies of MTA-STS are fetched: against a real HTTPS server whose hosts
do everything that a policy host must not do. The command that fetches is `aver
policy refresh`; the daemon does it by the same code."""
import datetime
import os
import socket
import ssl
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.environ.get("top_srcdir", "."), "t/integ"))
import lab                                                  # noqa: E402
try:
    import smtp_lab
except ImportError as e:
    lab.skip_all("needs %s (Debian: python3-cryptography)" % e.name)
import tls_lab                                              # noqa: E402

tap = lab.Tap()
ZONE = []


class Site:
    def __init__(self, stage):
        self.lab = stage
        self.ca = smtp_lab.Authority(stage.dir)
        self.other = smtp_lab.Authority(stage.dir, "Other CA")
        self.hosts = tls_lab.PolicyHosts(
            self.ca.issue("fallback", ["fallback.example"]))
        self.conf = self.config("aver.conf")
        # for who does not answer, and for nobody else
        self.hasty = self.config("hasty.conf", "2s")

    def config(self, name, timeout="60s", allow="127.0.0.0/8"):
        return self.lab.write(name, """
store = sqlite:%s/aver.db
sts_ca_file = %s
sts_port = %d
sts_timeout = %s
sts_allow_networks = %s
""" % (self.lab.dir, self.ca.file, self.hosts.port, timeout, allow))

    def host(self, domain, talk=None, certificate=None, version=None):
        """A policy domain whose host talks like that."""
        name = "mta-sts." + domain
        if certificate is None:
            certificate = self.ca.issue(domain, [name])
        if talk is None:
            talk = tls_lab.answer(tls_lab.policy(domain=domain))
        is_new = domain not in self.hosts.hosts
        self.hosts.put(domain, certificate, talk, version)
        if not is_new:
            return
        ZONE.append("_mta-sts.%s. TXT \"v=STSv1; id=1\"" % domain)
        ZONE.append("mta-sts.%s. A 127.0.0.1" % domain)

    def run(self, *args, conf=None, env=None):
        zone = self.lab.write("zone", "\n".join(ZONE) + "\n")
        verb = list(args[:-1]) + ["--zone", zone, args[-1]]
        return subprocess.run(
            [os.path.join(lab.BUILD, "aver"), "-c", conf or self.conf, *verb],
            capture_output=True, text=True, timeout=lab.PATIENCE,
            env={**os.environ, **(env or {})})

    def fetch(self, domain, **more):
        r = self.run("policy", "refresh", domain, **more)
        return (r.stdout + r.stderr).strip()


def good(site, domain, name, **more):
    got = site.fetch(domain, **more)
    tap.ok(got.startswith(domain + ": enforce, id 1, fetched "), name, got)


def bad(site, domain, result, reason, name, **more):
    got = site.fetch(domain, **more)
    tap.ok(got.startswith("%s: %s: " % (domain, result)) and reason in got,
           name, got)


def test_good(site):
    site.host("plain.example")
    good(site, "plain.example", "a policy")
    name, line, fields = site.hosts.requests[-1]
    tap.eq(name, "mta-sts.plain.example", "the name in TLS")
    tap.eq(line, "GET /.well-known/mta-sts.txt HTTP/1.1", "the request")
    tap.ok("Host: mta-sts.plain.example:%d" % site.hosts.port in fields,
           "its host", fields)
    tap.ok(not [f for f in fields if f.lower().startswith(
        ("cookie", "authorization", "if-", "upgrade", "alt-used"))],
        "nothing else of interest", fields)
    wild = site.ca.issue("wild", ["*.wild.example"])
    site.host("wild.example", certificate=wild)
    good(site, "wild.example", "a wildcard that is the whole first label")
    policy = tls_lab.policy(domain="kinds.example")
    for kind in ("text/plain; charset=utf-8", "TEXT/PLAIN", "text/plain ;x=y"):
        site.host("kinds.example", tls_lab.answer(policy, kind=kind))
        good(site, "kinds.example", "content type " + kind)
    site.host("old.example", tls_lab.answer(
        tls_lab.policy(domain="old.example"), version="HTTP/1.0"))
    good(site, "old.example", "HTTP/1.0")
    site.host("tls12.example", version=ssl.TLSVersion.TLSv1_2)
    good(site, "tls12.example", "TLS 1.2")

    def chunked(conn, host):
        body = tls_lab.policy(domain="chunked.example").encode()
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                     b"Transfer-Encoding: chunked\r\n\r\n")
        for i in range(0, len(body), 10):
            piece = body[i:i + 10]
            conn.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        conn.sendall(b"0\r\n\r\n")
    site.host("chunked.example", chunked)
    good(site, "chunked.example", "chunks")


def test_streams(site):
    """Answers without a length, and how connections end."""
    text = tls_lab.policy(domain="x.example").encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
    ends = []

    def in_order(conn, host):
        conn.sendall(head + b"\r\n" + text)
        try:
            conn.unwrap()
            ends.append("in order")
        except OSError as e:
            ends.append(str(e))

    def cut(conn, host):
        conn.sendall(head + b"\r\n" + text)
        conn.shutdown(socket.SHUT_RDWR)

    def early(conn, host):
        conn.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + head +
                     b"Content-Length: %d\r\n\r\n%s" % (len(text), text))

    def pieces(conn, host):
        for octet in head + b"Content-Length: %d\r\n\r\n%s" % (
                len(text), text):
            conn.sendall(bytes([octet]))
    site.host("stream.example", in_order)
    good(site, "stream.example", "a body that ends with the stream")
    lab.happens(lambda: ends, lab.PATIENCE)
    tap.eq(ends, ["in order"], "the stream ended in order, both ways")
    site.host("cut.example", cut)
    bad(site, "cut.example", "sts-policy-fetch-error", "cut short",
        "no body ends where the connection breaks")
    site.host("hints.example", early)
    good(site, "hints.example", "an informational answer before")
    site.host("pieces.example", pieces)
    good(site, "pieces.example", "a record for each octet")


def test_several_addresses(site):
    port = site.hosts.port
    silent = socket.socket()
    silent.bind(("127.0.0.3", port))
    silent.listen(0)
    # its queue is full: it answers nobody any more
    queue = []
    for _ in range(3):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(("127.0.0.3", port))
        queue.append(s)
    for domain, others, name in (
            ("refused.example", ["127.0.0.2"], "one that refuses"),
            ("silent.example", ["127.0.0.3"], "one that is silent")):
        ZONE.extend("mta-sts.%s. A %s" % (domain, a) for a in others)
        site.host(domain)
        good(site, domain, "behind " + name)
    ZONE.append("mta-sts.mute3.example. A 127.0.0.3")
    bad(site, "mute3.example", "sts-policy-fetch-error", "timeout",
        "a silent one alone", conf=site.hasty)
    for s in queue + [silent]:
        s.close()


def test_certificates(site):
    day = datetime.timedelta(days=1)
    cases = [
        ("other.example", site.ca.issue("o", ["mta-sts.else.example"]),
         "hostname mismatch", "a certificate for another host"),
        ("sub.example", site.ca.issue("s", ["*.example"]),
         "hostname mismatch", "a wildcard one label too high"),
        ("part.example", site.ca.issue("p", ["mta-*.part.example"]),
         "hostname mismatch", "a wildcard that is part of a label"),
        ("domain.example", site.ca.issue("d", ["domain.example"]),
         "hostname mismatch", "the domain itself is not enough"),
        ("common.example",
         site.ca.issue("c", None, "mta-sts.common.example"),
         "hostname mismatch", "a Common Name alone is not enough"),
        ("stale.example",
         site.ca.issue("st", ["mta-sts.stale.example"], first=-9 * day,
                       last=-day),
         "expired", "an expired certificate"),
        ("early.example",
         site.ca.issue("ea", ["mta-sts.early.example"], first=5 * day),
         "not yet valid", "one that is not valid yet"),
        ("strange.example",
         site.other.issue("x", ["mta-sts.strange.example"]),
         "", "another authority"),
    ]
    for domain, certificate, reason, name in cases:
        site.host(domain, certificate=certificate)
        bad(site, domain, "sts-webpki-invalid", reason, name)
        tap.eq(site.hosts.asked(domain), 0, name + ": nothing was asked")


def test_answers(site):
    text = tls_lab.policy(domain="x.example")
    for status in ("204 No Content", "404 Not Found", "500 Oops",
                   "206 Partial Content", "203 Non-Authoritative"):
        site.host("status.example", tls_lab.answer(text, status=status))
        bad(site, "status.example", "sts-policy-fetch-error",
            "HTTP status " + status[:3], status)
    site.host("target.example")
    for status, where in (
            ("301 Moved", "https://mta-sts.target.example:%d%s" % (
                site.hosts.port, tls_lab.WELL_KNOWN)),
            ("302 Found", "http://169.254.169.254/latest/meta-data/"),
            ("307 Temporary", "file:///etc/passwd"),
            ("308 Permanent", tls_lab.WELL_KNOWN)):
        site.host("moved.example", tls_lab.answer(
            text, status=status, more=["Location: " + where]))
        before = len(site.hosts.requests)
        bad(site, "moved.example", "sts-policy-fetch-error",
            "redirects are not followed", "%s to %s" % (status[:3], where))
        tap.eq(len(site.hosts.requests), before + 1, "one request alone")
    for kind in ("text/html", "application/octet-stream", "text/plainer",
                 "", None):
        site.host("kind.example", tls_lab.answer(text, kind=kind))
        bad(site, "kind.example", "sts-policy-invalid", "content type",
            "content type %r" % kind)
    for body, reason, name in (
            ("", "", "an empty body"),
            ("version: STSv1\nmode: enforce\nmax_age: 1\n", "", "no mx"),
            (text + "mx: {x} match=evil\r\n", "", "what would inject"),
            (text.replace("mx: ", "mx: \0"), "", "NUL"),
            ("x" * 66000, "too large", "66000 octets"),
            (text + "x: y\r\n" * 11000, "too large", "above 64 KB")):
        site.host("body.example", tls_lab.answer(body))
        bad(site, "body.example", "sts-policy-invalid", reason, name)
    filler = "x: " + "y" * 1000 + "\r\n"
    full = text + filler * ((65536 - len(text)) // len(filler))
    site.host("large.example", tls_lab.answer(full))
    good(site, "large.example", "almost 64 KB")
    mx = ["m%d.x.example" % i for i in range(2500)]
    site.host("many.example",
              tls_lab.answer(tls_lab.policy(mx=mx)))
    good(site, "many.example", "2500 patterns")


def test_hostile(site):
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
    cases = [
        ("drip.example", tls_lab.drip(head, 0.1),
         "timeout", "a header that drips"),
        ("noanswer.example", tls_lab.slowly(b"", 0.1, 300),
         "timeout", "no answer"),
        ("endless.example", tls_lab.slowly(b"x" * 9000, 0, 200,
                                           head + b"\r\n"),
         "too large", "a body without end"),
        ("headers.example", tls_lab.slowly(
            b"X: y\r\n" * 3000, 0, 200, head),
         "too many header fields", "headers without end"),
        ("short.example",
         tls_lab.slowly(head + b"Content-Length: 999\r\n\r\nversion: STSv1",
                        0, 1), "", "a body cut short"),
        ("noise.example", tls_lab.slowly(b"\0\1\2garbage\r\n\r\n", 0, 1),
         "", "no HTTP"),
    ]
    for domain, talk, reason, name in cases:
        site.host(domain, talk)
        got = site.fetch(domain, conf=site.hasty if reason == "timeout"
                         else site.conf)
        tap.ok(got.startswith(domain + ": sts-policy-") and reason in got,
               name, got)

    # one that accepts and says nothing, one that nobody listens on
    mute = socket.socket()
    mute.bind(("127.0.0.1", 0))
    mute.listen(4)
    ZONE.append("mta-sts.mute.example. A 127.0.0.1")
    text = site.lab.read("hasty.conf").replace(
        "sts_port = %d" % site.hosts.port,
        "sts_port = %d" % mute.getsockname()[1])
    mute_conf = site.lab.write("mute.conf", text)
    bad(site, "mute.example", "sts-policy-fetch-error", "timeout",
        "a handshake that never ends", conf=mute_conf)
    gone = site.lab.write("gone.conf", site.lab.read("aver.conf").replace(
        "sts_port = %d" % site.hosts.port,
        "sts_port = %d" % lab.free_ports(1)[0]))
    bad(site, "mute.example", "sts-policy-fetch-error", "",
        "nobody listens", conf=gone)
    mute.close()


def test_addresses(site):
    strict = site.config("strict.conf", allow="")
    names = {"127.0.0.1": "A", "10.1.2.3": "A", "169.254.169.254": "A",
             "100.64.0.1": "A", "192.168.1.1": "A", "0.0.0.0": "A",
             "::1": "AAAA", "fd00:ec2::254": "AAAA", "fe80::1": "AAAA",
             "::ffff:127.0.0.1": "AAAA", "64:ff9b::7f00:1": "AAAA"}
    for i, (address, kind) in enumerate(names.items()):
        domain = "a%d.example" % i
        ZONE.append("mta-sts.%s. %s %s" % (domain, kind, address))
        before = len(site.hosts.names)
        bad(site, domain, "sts-policy-fetch-error", "is not public",
            address + " is refused", conf=strict)
        tap.eq(len(site.hosts.names), before, address + ": no connection")
    site.host("plain2.example")
    bad(site, "plain2.example", "sts-policy-fetch-error", "is not public",
        "loopback is refused where it is not allowed", conf=strict)
    good(site, "plain2.example", "and not where it is")


def test_environment(site):
    proxy = socket.socket()
    proxy.bind(("127.0.0.1", 0))
    proxy.listen(4)
    came = []

    def watch():
        try:
            came.append(proxy.accept())
        except OSError:
            pass
    threading.Thread(target=watch, daemon=True).start()
    url = "http://127.0.0.1:%d" % proxy.getsockname()[1]
    site.host("env.example")
    good(site, "env.example", "no proxy of the environment is used", env={
        "http_proxy": url, "https_proxy": url, "HTTPS_PROXY": url,
        "ALL_PROXY": url, "all_proxy": url, "HOME": site.lab.dir})
    tap.ok(not came, "the proxy was not asked")
    proxy.close()
    site.lab.write(".netrc", "machine mta-sts.env.example login a password b\n")
    good(site, "env.example", "no .netrc is used",
         env={"HOME": site.lab.dir})
    tap.ok(not [f for f in site.hosts.requests[-1][2]
                if f.lower().startswith("authorization")], "no credentials")


def main():
    lab.need(root=False)
    with lab.Lab() as stage:
        site = Site(stage)
        for test in (test_good, test_streams, test_several_addresses,
                     test_certificates, test_answers, test_hostile,
                     test_addresses, test_environment):
            tap.note(test.__name__)
            test(site)
    tap.done()


main()
