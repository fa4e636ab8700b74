#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""TLS-Required: No (RFC 8689 section 3) on a Postfix that does not know it:
aver-milter marks, contrib/postfix/milter_header_checks sends what is marked to
the transport "relaxed". The destination's certificate is wrong and its policy
says "secure", so all other mail to it has to be deferred."""
import os
import re
import socket
import ssl
import subprocess
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as L

L.need(programs=("postfix", "nsd", "openssl"))
tap = L.Tap()
CONTRIB = os.path.abspath(os.path.join(L.TOP, "contrib", "postfix"))
FIELD = "X-Aver-TLS-Required"


class Sink(threading.Thread):
    """An SMTP server with STARTTLS and a certificate that nobody trusts."""

    def __init__(self, lab):
        super().__init__(daemon=True)
        key, cert = lab.path("sink.key"), lab.path("sink.crt")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes",
             "-keyout", key, "-out", cert, "-days", "2",
             "-subj", "/CN=somebody.else.example"],
            check=True, capture_output=True)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert, key)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.mails = []          # (TLS?, text)
        self.start()

    def run(self):
        while True:
            s, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(s,),
                             daemon=True).start()

    def serve(self, s):
        try:
            self.talk(s)
        except (OSError, ssl.SSLError):
            pass

    def talk(self, s):
        tls = False
        f = s.makefile("rwb", buffering=0)
        f.write(b"220 sink ESMTP\r\n")
        while True:
            line = f.readline()
            word = line[:4].upper()
            if not line or word == b"QUIT":
                s.close()
                return
            if word in (b"EHLO", b"HELO"):
                f.write(b"250-sink\r\n" +
                        (b"" if tls else b"250-STARTTLS\r\n") +
                        b"250 8BITMIME\r\n")
            elif word == b"STAR":
                f.write(b"220 go\r\n")
                s = self.context.wrap_socket(s, server_side=True)
                f, tls = s.makefile("rwb", buffering=0), True
            elif word == b"DATA":
                f.write(b"354 go\r\n")
                text = b""
                while not text.endswith(b"\r\n.\r\n"):
                    text += f.readline()
                self.mails.append((tls, text.decode("latin-1")))
                f.write(b"250 ok\r\n")
            else:
                f.write(b"250 ok\r\n")


def service(name, options):
    return "%s unix - - n - - smtp\n" % name + "".join(
        "    -o %s\n" % o for o in options)


def relaxed():
    """The transport as contrib/postfix/master.cf has it, without chroot."""
    with open(os.path.join(CONTRIB, "master.cf")) as f:
        text = f.read()
    m = re.search(r"(?m)^relaxed .*\n((?:    -o .*\n)+)", text)
    return [o.strip()[3:] for o in m.group(1).splitlines()]


class Site:
    def __init__(self, lab):
        self.lab = lab
        self.sink = Sink(lab)
        dns = lab.nsd({"example": "$ORIGIN example.\n$TTL 300\n"
                       "@ SOA ns hostmaster 1 3600 900 86400 300\n"
                       "@ NS ns\nns A 127.0.0.1\n"})
        self.milter = lab.milter(
            dns, "trusted_networks = 127.0.0.0/8\n"
            "tls_required_header = %s\n" % FIELD)
        policy = lab.write("tls_policy", "localhost secure match=no.example\n")
        options = [o.replace("/etc/postfix", CONTRIB) for o in relaxed()]
        self.port = lab.postfix(self.milter.port, """
smtpd_recipient_restrictions = permit_mynetworks, reject
non_smtpd_milters = inet:127.0.0.1:%d
milter_header_checks = regexp:%s/milter_header_checks
smtp_dns_support_level = disabled
smtp_tcp_port = %d
smtp_tls_security_level = may
smtp_tls_policy_maps = texthash:%s
smtp_tls_loglevel = 1
maximal_backoff_time = 1000s
minimal_backoff_time = 1000s
""" % (self.milter.port, CONTRIB, self.sink.port, policy),
            service("smtp", []) + service("relaxed", options) +
            "pickup unix n - n 60 1 pickup\n")

    def send(self, subject, extra="", rcpts=("user@localhost",)):
        """Sends; returns the queue ID."""
        s = L.smtplib.SMTP("127.0.0.1", self.port, timeout=30 * L.SLOW)
        s.ehlo("client.example")
        s.mail("sender@receiver.example")
        for r in rcpts:
            code, text = s.rcpt(r)
            if code != 250:
                raise RuntimeError(text)
        code, text = s.data("From: sender@receiver.example\r\n"
                            "Subject: %s\r\n%s\r\nHello.\r\n"
                            % (subject, extra))
        s.quit()
        if code != 250:
            raise RuntimeError("%s\n%s" % (
                text, self.milter.text()[-1500:] +
                self.lab.read("postfix.log")[-1500:]))
        return re.search(r"queued as (\w+)", text.decode()).group(1)

    def outcome(self, qid, rcpt="user@localhost"):
        """(status, transport) of the recipient, from the log."""
        found = []

        def look():
            found[:] = re.findall(
                r"postfix/(\S+)\[\d+\]: %s: to=<%s>.* status=(\w+)"
                % (qid, re.escape(rcpt)), self.lab.read("postfix.log"))
            return found
        L.wait_until(look, 30, "a delivery of " + qid)
        return found[0][1], found[0][0]

    def got(self, subject):
        for tls, text in self.sink.mails:
            if "Subject: %s\r\n" % subject in text:
                return tls, text
        return None


def test_marks(site):
    q = site.send("plain")
    tap.eq(site.outcome(q), ("deferred", "smtp"),
           "a plain message is deferred: the certificate is wrong")
    tap.ok(site.got("plain") is None, "and did not go out")
    q = site.send("relaxed", "TLS-Required: No\r\n")
    tap.eq(site.outcome(q), ("sent", "relaxed/smtp"),
           "one with TLS-Required: No is delivered by the other transport")
    tls, text = site.got("relaxed") or (False, "")
    tap.ok(tls, "over TLS all the same")
    tap.ok("\r\nTLS-Required: No\r\n" in text, "with its field")
    tap.ok(FIELD.lower() not in text.lower(), "and without our mark", text)
    tap.ok("mark=" + FIELD in site.milter.text(), "the milter logs it")


def test_no_marks(site):
    for name, extra in (
            ("twice", "TLS-Required: No\r\nTLS-Required: No\r\n"),
            ("yes", "TLS-Required: Yes\r\n"),
            ("more", "TLS-Required: No way\r\n"),
            ("forged", FIELD + ": no\r\n"),
            ("forged twice", "%s: no\r\n%s: no\r\n" % (FIELD, FIELD))):
        q = site.send(name, extra)
        tap.eq(site.outcome(q), ("deferred", "smtp"),
               "not with \"%s\"" % extra.strip().replace("\r\n", "; "))
    q = site.send("both", "%s: no\r\ntls-required:\r\n no\r\n%s: x\r\n"
                  % (FIELD.upper(), FIELD))
    tap.eq(site.outcome(q), ("sent", "relaxed/smtp"),
           "a forged one beside a real wish")
    text = (site.got("both") or (0, ""))[1]
    tap.ok(FIELD.lower() not in text.lower(), "is gone too", text)


def test_mailbox(site):
    """A mailbox of this host must not be looked for elsewhere."""
    q = site.send("mixed", "TLS-Required: No\r\n",
                  ("user@localhost", "user@receiver.example"))
    tap.eq(site.outcome(q), ("deferred", "smtp"),
           "not marked when one recipient has a mailbox here")
    tap.eq(site.outcome(q, "user@receiver.example"), ("sent", "virtual"),
           "which gets it")
    q = site.send("mailbox", FIELD + ": no\r\nTLS-Required: No\r\n",
                  ("user@receiver.example",))
    tap.eq(site.outcome(q, "user@receiver.example"), ("sent", "virtual"),
           "nor when all have")
    L.wait_until(lambda: len(site.lab.inbox()) == 2, 10, "the mailbox")
    for p in site.lab.inbox():
        with open(p, errors="replace") as f:
            text = f.read()
        tap.ok(FIELD.lower() not in text.lower(),
               "no mark of a client reaches a mailbox", text)


def test_sendmail(site):
    """Mail that is submitted on this host, as TLS reports are."""
    r = subprocess.run(
        ["sendmail", "-C", site.lab.postfix_dir, "-f",
         "sender@receiver.example", "user@localhost"],
        input="From: sender@receiver.example\nSubject: report\n"
        "TLS-Required: No\n\nHello.\n", text=True, capture_output=True)
    if r.returncode:
        tap.ok(False, "sendmail(1)", r.stdout + r.stderr)
        return
    L.wait_until(lambda: site.got("report"), 30, "the report")
    tap.ok(site.got("report")[0], "mail of sendmail(1) is marked too")


def test_off(site):
    site.milter.reconfigure("trusted_networks = 127.0.0.0/8\n")
    q = site.send("off", "TLS-Required: No\r\n")
    tap.eq(site.outcome(q), ("deferred", "smtp"),
           "without tls_required_header nothing is marked")


def main(lab):
    site = Site(lab)
    test_marks(site)
    test_no_marks(site)
    test_mailbox(site)
    test_sendmail(site)
    test_off(site)
    tap.done()


with L.Lab() as the_lab:
    main(the_lab)
