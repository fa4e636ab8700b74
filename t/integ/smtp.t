#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""The SMTP client against servers that misbehave."""
import base64
import hmac
import os
import socket
import ssl
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(sys.argv[0])))
import lab

try:
    import smtp_lab
    from smtp_lab import TO, BODY, Run, Server, is_end, tap
except ImportError as e:
    lab.skip_all("needs %s (Debian: python3-cryptography)" % e.name)

HELLO = "PIPELINING,8BITMIME,SMTPUTF8,SIZE 1000000,ENHANCEDSTATUSCODES"
SHORT = 3000  # ms for a reply in tests of time


def usual(site, replies=None, offers=HELLO):
    """A server that does all as it should, but for its replies."""
    def script(peer):
        peer.greet(site.tls, after=offers)
        peer.serve(replies)
    return script


# ---- the usual course -----------------------------------------------------

def expected(message):
    """What DATA has to be."""
    lines = message.replace(b"\r\n", b"\n").split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    return b"".join((b"." if x.startswith(b".") else b"") + x + b"\r\n"
                    for x in lines) + b".\r\n"


def test_octets(site):
    big = b"A: b\r\n\r\n" + b".\r\n" * 70000 + b"\n" * 70000
    for name, octets in (("dots", BODY), ("lf", BODY.replace(b"\r\n", b"\n")),
                         ("empty", b""), ("big", big)):
        f = site.file(name, octets)
        got, s, _ = site.send(usual(site), files=[f])
        is_end(got, "sent", "2.0.0", "queued", name + ": sent")
        tap.eq(s.peers[0].data == [expected(octets)], True,
               name + ": octet for octet")


def test_course(site):
    for offers in (HELLO, HELLO.replace("PIPELINING,", "")):
        got, s, _ = site.send(usual(site, offers=offers), "-x", "3")
        tap.eq([a["outcome"] for a in got], ["sent"] * 3, "three messages")
        tap.eq(s.verbs(), [["EHLO", "STARTTLS", "EHLO"] +
                           ["MAIL", "RCPT", "DATA"] * 3 + ["QUIT"]],
               "over one connection")
        lines = s.peers[0].lines
        tap.eq(lines[3], "MAIL FROM:<from@sender.example> SIZE=20", "MAIL")
        tap.eq(lines[4], "RCPT TO:<to@rcpt.example>", "RCPT")
        tap.ok(got[0]["tls"] == "success" and got[0]["authenticated"] == "1"
               and got[0]["protocol"] == "TLSv1.3"
               and got[0]["server"] == "mx.test.example"
               and got[0]["host"] == "localhost[127.0.0.1]",
               "the result of TLS", got[0])
    got, s, _ = site.send(usual(site), sender="")
    is_end(got, "sent", name="the null sender")
    tap.eq(s.peers[0].lines[3], "MAIL FROM:<> SIZE=20", "its MAIL")


def test_extensions(site):
    eight = site.file("eight", b"Subject: x\r\n\r\n\xc3\xbc\r\n")
    utf8 = site.file("utf8", b"Subject: \xc3\xbc\r\n\r\nx\r\n")
    got, s, _ = site.send(usual(site), files=[eight, utf8])
    tap.eq([l for l in s.peers[0].lines if l.startswith("MAIL")],
           ["MAIL FROM:<from@sender.example> SIZE=18 BODY=8BITMIME",
            "MAIL FROM:<from@sender.example> SIZE=18 BODY=8BITMIME SMTPUTF8"],
           "8BITMIME, SMTPUTF8")
    got, s, _ = site.send(usual(site), to="\u00fc@b\u00fccher.example")
    tap.eq(s.peers[0].lines[3:5],
           ["MAIL FROM:<from@sender.example> SIZE=20 SMTPUTF8",
            "RCPT TO:<\u00fc@xn--bcher-kva.example>"], "a UTF-8 address")
    got, s, _ = site.send(usual(site), to="x@b\u00fccher.example")
    tap.eq(s.peers[0].lines[3:5],
           ["MAIL FROM:<from@sender.example> SIZE=20",
            "RCPT TO:<x@xn--bcher-kva.example>"], "a UTF-8 domain alone")
    for files, to, status in (([eight], TO, "5.6.3"), ([utf8], TO, "5.6.7"),
                              (None, "\u00fc@x.example", "5.6.7")):
        got, s, _ = site.send(usual(site, offers="PIPELINING"), files=files,
                              to=to)
        is_end(got, "perm", status, name="not offered: " + status)
        tap.ok("MAIL" not in s.verbs()[0] and got[-1]["down"] == "0",
               "and not tried", got)
    got, s, _ = site.send(usual(site, offers="SIZE 19"))
    is_end(got, "perm", "5.3.4", name="too large for the server")
    got, s, _ = site.send(usual(site), "-R")
    is_end(got, "perm", "5.7.30", name="REQUIRETLS is not offered")
    got, s, _ = site.send(usual(site, offers="REQUIRETLS"), "-R")
    is_end(got, "sent", name="REQUIRETLS")
    tap.eq(s.peers[0].lines[3], "MAIL FROM:<from@sender.example> REQUIRETLS",
           "its MAIL")
    got, s, _ = site.send(usual(site, offers="REQUIRETLS"), "-R", "-k")
    is_end(got, "perm", "5.7.10", name="REQUIRETLS without verification")


def test_limits(site):
    got, s, _ = site.send(usual(site, offers="PIPELINING,LIMITS MAILMAX=2"),
                          "-x", "5")
    tap.eq([a["outcome"] for a in got], ["sent"] * 5, "MAILMAX=2: all sent")
    tap.eq([v.count("MAIL") for v in s.verbs()], [2, 2, 1],
           "two for each connection")
    with Server(usual(site, offers="PIPELINING,LIMITS RCPTMAX=2")) as s:
        got = Run(["-a", "127.0.0.1", "-p", str(s.port), "-m", "required",
                   "-v", "none"], [site.message], to="a@x.example,b@x.example,"
                  "c@x.example").answers()
    tap.eq([a.get("rcpt", a.get("outcome")) for a in got],
           ["ok", "ok", "temp", "ok"], "RCPTMAX=2: the third is for later")


def test_recipients(site):
    def reply(peer, line):
        peer.say("550 5.1.1 no" if "bad" in line else "250 2.1.5 ok")
    for offers in ("PIPELINING", ""):
        with Server(usual(site, {"RCPT": reply}, offers)) as s:
            args = ["-a", "127.0.0.1", "-p", str(s.port), "-m", "required"]
            some = Run(args, [site.message] * 2,
                       to="a@x.example,bad@x.example").answers()
            none = Run(args, [site.message] * 2,
                       to="bad@x.example,bad1@x.example").answers()
        tap.eq([a.get("rcpt", a.get("outcome")) for a in some],
               ["ok", "perm", "ok"] * 2, "one of two recipients refused")
        tap.eq([a.get("rcpt", a.get("outcome")) for a in none],
               ["perm", "perm", "perm"] * 2, "both")
        tap.eq(none[-1]["status"], "5.1.1", "why")
        tap.ok("RSET" in s.verbs()[1], "RSET before the next message")
        if offers:
            tap.eq(s.peers[1].data, [b".\r\n"] * 2,
                   "DATA that was on its way carries nothing")


def test_partly(site):
    """What one recipient was told says nothing about the others."""
    def some(peer, line):
        if "gone" in line:
            peer.close()
        peer.say("550 5.1.1 no" if "bad" in line else
                 "421 4.3.2 closing" if "shut" in line else "250 2.1.5 ok")
        if "shut" in line:
            peer.close()
    bad, good, gone = "bad@x.example", "a@x.example", "gone@x.example"
    shut = "shut@x.example"
    cases = (
        ([bad, good], {"DATA": "451 4.3.0 later"}, ["perm", "ok", "temp"],
         "4.3.0", "DATA is refused for now"),
        ([bad, good], {".": "451 4.3.1 later"}, ["perm", "ok", "temp"],
         "4.3.1", "the message is refused for now"),
        ([bad, good], {".": lambda p, l: p.close()}, ["perm", "ok", "temp"],
         "4.4.2", "gone after the message"),
        ([bad, gone, good], {}, ["perm", "temp", "temp", "temp"], "4.4.2",
         "gone at the second recipient"),
        ([bad, good, gone], {}, ["perm", "temp", "temp", "temp"], "4.4.2",
         "gone at the third recipient"),
        ([bad, shut, good], {}, ["perm", "temp", "temp", "temp"], None,
         "421 to the second recipient"),
        ([good, shut, good], {}, [None, "temp", "temp", "temp"], None,
         "421 after one was accepted"))
    for offers in ("PIPELINING", ""):
        for to, more, want, status, name in cases:
            with Server(usual(site, {"RCPT": some, **more}, offers)) as s:
                got = Run(["-a", "127.0.0.1", "-p", str(s.port), "-m",
                           "required"], [site.message],
                          to=",".join(to)).answers()
            ends = [a.get("rcpt", a.get("outcome")) for a in got]
            tap.ok(len(ends) == len(want) and
                   all(w in (None, e) for e, w in zip(ends, want)), name, got)
            tap.ok(status in (None, got[-1]["status"]), "its status", got)
            tap.eq(got[-1]["doubt"], "1" if name == "gone after the message"
                   else "0", "whether it is in doubt")


def test_no_body(site):
    """A server that refuses a transaction, and takes recipients for it."""
    got, s, _ = site.send(usual(site, {"MAIL": "550 5.7.1 no"}))
    is_end(got, "perm", "5.7.1", name="MAIL is refused, RCPT and DATA are not")
    tap.eq(s.peers[0].data, [], "no empty message")
    for offers in ("PIPELINING", ""):
        def script(peer):
            peer.accepted = False

            def rcpt(p, line):
                first = len(p.server.peers) == 1 and "first" not in p.__dict__
                p.first = True
                p.accepted = not first
                p.say("550 5.1.1 not this time" if first else "250 ok")

            def data(p, line):
                if not p.accepted:
                    p.say("554 5.5.1 for nobody")
                    return
                p.say("354 go on")
                p.take_data()
                p.say("250 2.0.0 queued")
            peer.greet(site.tls, after=offers)
            peer.serve({"RSET": "502 5.5.1 no RSET", "RCPT": rcpt,
                        "DATA": data})
        got, s, _ = site.send(script, "-x", "2")
        tap.eq([a["outcome"] for a in got], ["perm", "sent"],
               "RSET is refused: the next message is sent")
        tap.eq([p.data for p in s.peers],
               [[], [expected(b"Subject: x\r\n\r\nbody\r\n")]],
               "over another connection, and nothing over this one")


def test_addresses(site):
    for to in ("a@x.example>\r\nRCPT TO:<b@x.example", "a b@x.example",
               "<a@x.example>", "a@x.example\n", "a", "a@x.example SIZE=1"):
        got, s, _ = site.send(usual(site), to=to)
        is_end(got, "perm", "5.1.3", name="recipient %r" % to)
        tap.eq(s.peers, [], "no connection for it")
        got, s, _ = site.send(usual(site), sender=to)
        is_end(got, "perm", "5.1.7", name="sender %r" % to)
    for octets in (b"A: b\r\n\r\nx\r.\r\n", b"A: b\r\n\r\n\0\r\n",
                   b"A: b\r\n\r\n" + b"x" * 999, b"\r\n.\r\r\n",
                   b"x\n.\r", b"x\n\r.\n"):
        got, s, _ = site.send(usual(site), files=[site.file("odd", octets)])
        is_end(got, "perm", "5.6.0", name="message %r" % octets[-12:])
        tap.ok("MAIL" not in s.verbs()[0], "nothing of it is sent")


# ---- replies --------------------------------------------------------------

VERBS = ("MAIL", "RCPT", "DATA", ".")


def test_refusals(site):
    for verb in VERBS:
        got, s, _ = site.send(usual(site, {verb: "550-5.7.1 go\n550 5.7.1 off"}))
        is_end(got, "perm", "5.7.1", "go off", "550 to " + verb)
        got, s, _ = site.send(usual(site, {verb: "451 4.2.0 later"}))
        is_end(got, "temp", "4.2.0", "later", "451 to " + verb)
        tap.eq(got[-1]["down"], "0", "which is about the message")
        got, s, _ = site.send(usual(site, {verb: "421 4.3.2 closing"}))
        is_end(got, "temp", "4.3.2", "closing", "421 to " + verb)
        tap.eq(len(s.peers), 1, "and no second try")
    # the first digit tells, and a message that was taken is not sent again
    for verb in VERBS:
        got, s, _ = site.send(usual(site, {verb: "222 2.0.0 what"}))
        tap.ok(got[-1]["outcome"] == ("temp" if verb == "DATA" else "sent"),
               "222 to " + verb, got)
    got, s, _ = site.send(usual(site, {"MAIL": "550 no status"}))
    is_end(got, "perm", "5.0.0", "no status", "a status of ours")


def test_down(site):
    """What the server says before there is a session is no verdict."""
    def greeting(text):
        def script(peer):
            peer.say(text)
            peer.serve()
        return script

    def hello(text):
        def script(peer):
            peer.say("220 x")
            peer.serve({"EHLO": text, "HELO": text})
        return script

    def tls(text):
        def script(peer):
            peer.say("220 x")
            peer.hear()
            peer.offer("STARTTLS")
            peer.serve({"STARTTLS": text})
        return script
    for text in ("554 5.7.1 go away", "421 4.3.2 busy", "450 no", "250 what"):
        for name, make in (("greeting", greeting), ("EHLO", hello),
                           ("STARTTLS", tls)):
            if text.startswith("250") and name == "EHLO":
                continue
            got, s, _ = site.send(make(text))
            is_end(got, "temp", name="%s: %s" % (name, text))
            tap.eq(got[-1]["down"], "1", "the transport is down")
            tap.ok(not any("MAIL" in v for v in s.verbs()), "and no MAIL")
    got, s, _ = site.send(hello("250 x"))
    is_end(got, "temp", "4.7.0", "TLS is required: not offered",
           "no STARTTLS")
    tap.eq(got[-1]["tls"], "starttls-not-supported", "its result")
    got = Run(["-u", "smtp://localhost:%d" % lab.free_ports(1)[0], "-C",
               site.ca.file], [site.message]).answers()
    is_end(got, "temp", "4.4.1", "refused", "nobody listens")
    got = Run(["-u", "smtp://nohost.invalid", "-t", "2000"],
              [site.message]).answers()
    is_end(got, "temp", "4.4.3", name="no such host")


def test_nonsense(site):
    replies = {
        "no code": b"hello there\r\n",
        "a NUL": b"250 a\0b\r\n",
        "codes that differ": b"250-a\r\n550 b\r\n",
        "a CR": b"250 a\rb\r\n",
        "a bad code": b"999 x\r\n",
        "a long line": b"250 " + b"x" * 100000 + b"\r\n",
        "binary": bytes(range(256)) * 64,
    }
    for name, octets in replies.items():
        got, s, _ = site.send(usual(site, {
            "MAIL": lambda p, l, o=octets: p.raw(o)}))
        is_end(got, "temp", "4.4.2", "no SMTP reply", name)

        def greeting(peer, o=octets):
            peer.raw(o)
            peer.serve()
        got, s, _ = site.send(greeting)
        is_end(got, "temp", None, "no SMTP reply", name + " as greeting")

    def endless(peer, line=None):
        while True:
            peer.raw(b"250-more\r\n" * 100)
    for verb in ("MAIL", "DATA", "."):
        got, s, _ = site.send(usual(site, {verb: endless}))
        is_end(got, "temp", None, "too many lines", "endless reply to " + verb)

    def huge(peer):
        peer.say("220 x")
        peer.hear()
        peer.offer(",".join("X%d " % i + "y" * 500 for i in range(100)))
        peer.serve()
    got, s, _ = site.send(huge)
    is_end(got, "temp", None, "reply too long", "a huge EHLO")


def test_slow(site):
    def drip(octets, pause=0.05):
        def reply(peer, line=None):
            for i in range(10000):
                peer.raw(octets[i % len(octets):][:1])
                time.sleep(pause)
        return reply

    def silence(peer, line=None):
        while True:
            peer.more()

    limit = SHORT / 1000
    for name, script, times in (
            ("a silent greeting", silence, 1),
            ("a dripping greeting", drip(b"220-x\r\n"), 1),
            ("silence after MAIL", usual(site, {"MAIL": silence}), 1),
            ("dripping after RCPT", usual(site, {"RCPT": drip(b"250-x\r\n")}),
             1),
            ("silence after the message", usual(site, {".": silence}), 2)):
        with Server(script) as s:
            run = Run(site.url(s, "smtp", "-t", str(SHORT)), [site.message])
            got = run.answers()
            tap.ok(limit * times * 0.9 < run.seconds,
                   name + ": not before its time", run.seconds)
        is_end(got, "temp", "4.4.2", "timed out", name)
        tap.eq(got[-1]["doubt"], "1" if "message" in name else "0",
               "whether it is in doubt")

    def never_shake(peer):
        peer.say("220 x")
        peer.hear()
        peer.offer("STARTTLS")
        peer.hear()
        peer.say("220 go")
        silence(peer)

    def never_read(peer, line):
        peer.say("354 go on")
        peer.server.over.wait(lab.PATIENCE)
    for name, script, f in (
            ("no handshake", never_shake, site.message),
            ("nobody reads the message", usual(site, {"DATA": never_read},
                                               "PIPELINING"),
             site.file("large", b"A: b\r\n\r\n" + b"x\r\n" * 9000000))):
        with Server(script) as s:
            run = Run(site.url(s, "smtp", "-t", str(SHORT)), [f])
            got = run.answers()
            s.over.set()
        is_end(got, "temp", None, "time", name)


def test_drops(site):
    def drop(reset):
        return lambda peer, line=None: peer.close(reset)

    def early(peer, line):
        peer.say("354 go on")
        peer.more()
        peer.say("552 5.3.4 too big for me")
        time.sleep(0.2)
        peer.close(True)
    for reset in (False, True):
        for verb in VERBS:
            got, s, _ = site.send(usual(site, {verb: drop(reset)}))
            is_end(got, "temp", "4.4.2", name="gone after " + verb)
            tap.eq(got[-1]["doubt"], "1" if verb == "." else "0",
                   "whether it is in doubt")
            tap.eq(len(s.peers), 1, "no second try")
    f = site.file("large", b"A: b\r\n\r\n" + b"x\r\n" * 5000000)

    def half(peer, line):
        peer.say("354 go on")
        peer.more()
        peer.say("552 5.3.4 too big for me")
        # what is on its way is not read, and not refused by a reset either
        peer.sock.shutdown(socket.SHUT_WR)
        peer.server.over.wait(lab.PATIENCE)
    for context in (site.tls, None):
        def script(peer, c=context):
            peer.greet(c, after="PIPELINING")
            peer.serve({"DATA": half})
        with Server(script) as s:
            got = client_run(site, s, "required" if context else "none",
                             f).answers()
            s.over.set()
        is_end(got, "perm", "5.3.4", "too big",
               "a reply amid the message%s" % (", in TLS" if context else ""))
    got, s, _ = site.send(usual(site, {"DATA": early}, "PIPELINING"),
                          files=[f])
    tap.ok(got[-1]["outcome"] == "perm" and "too big" in got[-1]["text"] or
           got[-1]["outcome"] == "temp", "a reply amid the message", got)
    tap.eq(got[-1]["doubt"], "0", "not in doubt")


def client_run(site, server, mode, f):
    return Run(["-a", "127.0.0.1", "-p", str(server.port), "-m", mode],
               [f])


def test_reuse(site):
    """A kept connection that ended while nobody looked."""
    def closes(reset, farewell=None):
        def script(peer):
            peer.greet(site.tls, after=HELLO)
            if len(peer.server.peers) > 1:
                peer.serve()

            def end(p, line):
                p.say("250 2.0.0 queued")
                if farewell:
                    p.say(farewell)
                p.close(reset)
            peer.serve({".": end})
        return script
    for name, script in (("closed", closes(False)), ("reset", closes(True)),
                         ("421", closes(False, "421 4.4.2 idle"))):
        with Server(script) as s:
            run = Run(site.url(s), [site.message, "-", site.message])
            run.line()
            run.line()
            # it has closed
            for t in s.threads:
                t.join(lab.PATIENCE)
            run.go_on()
            got = run.answers()
        is_end(got, "sent", name=name + ": sent over a new one")
        tap.eq([len(p.data) for p in s.peers], [1, 1], "each once")

    def second(text):
        def script(peer):
            peer.greet(site.tls, after=HELLO)
            n = [0]

            def mail(p, line):
                n[0] += 1
                p.say("250 ok" if n[0] == 1 or len(p.server.peers) > 1
                      else text)
                if n[0] > 1 and len(p.server.peers) == 1:
                    p.close()
            peer.serve({"MAIL": mail})
        return script
    got, s, _ = site.send(second("421 4.7.0 enough"), "-x", "2")
    tap.eq([a["outcome"] for a in got], ["sent", "sent"],
           "421 to the second MAIL: a new connection")
    tap.eq([len(p.data) for p in s.peers], [1, 1], "each message once")

    def lost(peer):
        peer.greet(site.tls, after=HELLO)
        n = [0]

        def end(p, line):
            n[0] += 1
            if n[0] == 1:
                p.say("250 ok")
            else:
                p.close()
        peer.serve({".": end})
    got, s, _ = site.send(lost, "-x", "2")
    tap.ok(got[1]["outcome"] == "temp" and got[1]["doubt"] == "1" and
           len(s.peers) == 1, "lost after the data: never sent again", got)


# ---- TLS ------------------------------------------------------------------

def test_injection(site):
    def script(peer):
        peer.say("220 x")
        peer.hear()
        peer.offer("STARTTLS")
        peer.hear()
        peer.say("220 go\n250-evil.example\n250-SIZE 1\n250 LIMITS MAILMAX=1")
        if not peer.secure(site.tls):
            return
        peer.hear()
        peer.offer("PIPELINING")
        peer.serve()
    got, s, _ = site.send(script, "-x", "2")
    tap.eq([a["outcome"] for a in got], ["sent", "sent"],
           "replies before the handshake are not heard after it")
    tap.eq(len(s.peers), 1, "nor their limits")
    tap.eq(s.peers[0].lines[3], "MAIL FROM:<from@sender.example>",
           "nor what was offered before")


def test_certificates(site):
    cases = (
        ("named", "certificate-host-mismatch"),
        ("common", "certificate-host-mismatch"),
        ("stale", "certificate-expired"),
        ("early", "validation-failure"),
        ("strange", "certificate-not-trusted"))
    for name, result in cases:
        context = getattr(site, name).context()

        def script(peer, c=context):
            peer.greet(c)
            peer.serve()
        got, s, _ = site.send(script)
        is_end(got, "temp", "4.7.5", name="certificate: " + name)
        tap.ok(got[-1]["tls"] == result and got[-1]["reason"] and
               got[-1]["authenticated"] == "0" and got[-1]["down"] == "1",
               "is " + result, got)
        tap.ok(not any("MAIL" in v for v in s.verbs()), "no MAIL")
        got, s, _ = site.send(script, "-k")
        is_end(got, "sent", name="not verified: " + name)
        tap.ok(got[-1]["tls"] == "success" and
               got[-1]["authenticated"] == "0", "and said so", got)
    for version, good in ((ssl.TLSVersion.TLSv1_2, True),
                          (ssl.TLSVersion.TLSv1_1, False)):
        c = site.good.context(version)
        c.set_ciphers("ALL:@SECLEVEL=0")

        def script(peer):
            peer.greet(c)
            peer.serve()
        got, s, _ = site.send(script)
        is_end(got, "sent" if good else "temp", name=version.name)
    with Server(lambda p: (p.say("220 x"), p.serve({
            "EHLO": "250 x"})), site.tls) as s:
        got = Run(site.url(s, "submissions"), [site.message]).answers()
    is_end(got, "sent", name="submissions")
    tap.eq(got[-1]["authenticated"], "1", "verified")
    with Server(lambda p: p.raw(b"220 plain text here\r\n" * 1000)) as s:
        got = Run(site.url(s, "submissions"), [site.message]).answers()
    is_end(got, "temp", "4.7.5", name="submissions without TLS")


def client(site, server, mode, verify, *more):
    return Run(["-a", "127.0.0.1", "-p", str(server.port), "-m", mode, "-v",
                verify, "-C", site.ca.file, *more], [site.message]).answer()


def test_modes(site):
    """The mode and the verification are two things."""
    cases = (  # mode, verification, names and records, outcome, TLS
        ("required", "pkix", ["-n", "localhost"], "ok", "success"),
        ("required", "pkix", ["-n", "x.example", "-n", "localhost"], "ok",
         "success"),
        ("required", "pkix", ["-n", "x.example"], "temp",
         "certificate-host-mismatch"),
        ("opportunistic", "pkix", ["-n", "x.example"], "ok",
         "certificate-host-mismatch"),
        ("required", "dane", ["-n", "x.example", "-d", site.good.tlsa(3)],
         "ok", "success"),
        ("required", "dane", ["-n", "localhost", "-d", site.good.tlsa(2)],
         "ok", "success"),
        ("required", "dane", ["-n", "x.example", "-d", site.good.tlsa(2)],
         "temp", "certificate-host-mismatch"),
        ("required", "dane", ["-n", "localhost", "-d", site.stale.tlsa(3)],
         "temp", "certificate-not-trusted"),
        ("required", "dane", ["-n", "localhost", "-d", "3 1 1 00"], "temp",
         "tlsa-invalid"),
        ("none", "none", [], "ok", ""),
        ("required", "none", [], "ok", "success"))
    for mode, verify, more, outcome, tls in cases:
        def script(peer):
            peer.greet(site.tls if mode != "none" else None)
            peer.serve()
        with Server(script) as s:
            a = client(site, s, mode, verify, *more)
        is_end(a, outcome, name="%s, %s, %s" % (mode, verify, more[:2]))
        tap.eq(a["tls"], tls, "TLS: " + tls)
        tap.eq(a["authenticated"],
               str(int(tls == "success" and verify != "none")), "who it is")

    def stale(peer):
        peer.greet(site.stale.context())
        peer.serve()
    with Server(stale) as s:
        a = client(site, s, "required", "dane", "-n", "x", "-d",
                   site.stale.tlsa(3))
    is_end(a, "ok", name="DANE-EE ignores names and dates")

    def broken(peer):
        if len(peer.server.peers) > 1:
            peer.greet(None)
            peer.serve()
        peer.say("220 x")
        peer.hear()
        peer.offer("STARTTLS")
        peer.hear()
        peer.say("220 go")
        peer.raw(b"no TLS at all\r\n")
        peer.close()
    with Server(broken) as s:
        a = client(site, s, "opportunistic", "none")
    is_end(a, "ok", name="opportunistic: a broken handshake, then without")
    tap.eq(a["tls"], "validation-failure", "and the result stays")
    with Server(broken) as s:
        a = client(site, s, "required", "none")
    is_end(a, "temp", name="required: no second try")
    tap.eq(len(s.peers), 1, "one connection")
    for offers in ("", "STARTTLS"):
        def refuses(peer):
            peer.greet(None, after=offers)
            peer.serve({"STARTTLS": "454 4.7.0 not now"})
        with Server(refuses) as s:
            a = client(site, s, "opportunistic", "none")
        is_end(a, "ok", name="opportunistic: no STARTTLS")
        tap.eq(a["tls"], "starttls-not-supported", "its result")


# ---- SASL -----------------------------------------------------------------

def auth_server(site, mechanisms, reply):
    return usual(site, {"AUTH": reply}, "PIPELINING,AUTH " + mechanisms)


def test_sasl(site):
    if site.skips_sasl():
        return
    seen = []

    def plain(peer, line):
        seen.append(line)
        peer.say("235 2.7.0 ok")

    def take(peer, line):
        _, mechanism, initial = line.split(" ")
        seen.append((mechanism, smtp_lab.scram(peer, initial, "joe", "s3 cret",
                                               mechanism)))

    def cram(peer, line):
        peer.say("334 " + base64.b64encode(b"<1.2@x>").decode())
        user, _, digest = base64.b64decode(peer.hear()).decode().partition(" ")
        seen.append((line, user, digest == hmac.new(
            b"s3 cret", b"<1.2@x>", "md5").hexdigest()))
        peer.say("235 2.7.0 ok")
    secret = ["-c", site.secret]
    got, s, _ = site.send(auth_server(site, "PLAIN LOGIN", plain), *secret)
    is_end(got, "sent", name="PLAIN")
    tap.eq(seen.pop(), "AUTH PLAIN " + base64.b64encode(
        b"\0joe\0s3 cret").decode(), "its line")
    got, s, _ = site.send(auth_server(
        site, "PLAIN SCRAM-SHA-1 SCRAM-SHA-256", take), *secret)
    is_end(got, "sent", name="the strongest is taken")
    tap.eq(seen.pop(), ("SCRAM-SHA-256", True), "SCRAM-SHA-256")
    got, s, _ = site.send(auth_server(
        site, "PLAIN SCRAM-SHA-1 SCRAM-SHA-256", take), *secret, "-s",
        "scram-sha-1")
    tap.eq(seen.pop(), ("SCRAM-SHA-1", True), "the one named is")
    got, s, _ = site.send(auth_server(site, "CRAM-MD5 PLAIN", cram), *secret)
    is_end(got, "sent", name="CRAM-MD5")
    tap.eq(seen.pop(), ("AUTH CRAM-MD5", "joe", True), "its answer")
    for offers, more, text in (
            ("LOGIN", [], "no SASL mechanism that fits"),
            ("PLAIN", ["-s", "CRAM-MD5"], "no SASL mechanism that fits"),
            ("PLAIN", ["-k"], "certificate was not verified")):
        got, s, _ = site.send(auth_server(site, offers, plain), *secret, *more)
        is_end(got, "temp", None, text, "%s %s" % (offers, more))
        tap.ok(got[-1]["down"] == "1" and not any(
            "AUTH" in v or "MAIL" in v for v in s.verbs()),
            "and nothing is said", s.verbs())
    got, s, _ = site.send(usual(site), *secret)
    is_end(got, "temp", None, "no SASL mechanism", "AUTH is not offered")


def test_sasl_lies(site):
    if site.skips_sasl():
        return

    def lie(what):
        return lambda peer, line: smtp_lab.scram(
            peer, line.split(" ")[2], "joe", "s3 cret", lie=what)

    def endless(peer, line):
        for _ in range(100):
            peer.say("334 " + base64.b64encode(b"<1@x>").decode())
            if peer.hear() == "*":
                peer.say("501 5.7.0 cancelled")
                return

    def garbage(peer, line):
        peer.say("334 \x01 no base64")
        peer.hear()
        peer.say("501 5.7.0 cancelled")

    def lines(peer, line):
        peer.say("334-YQ==\n334 YQ==")
        peer.hear()
        peer.say("501 5.7.0 cancelled")
    cases = (
        ("SCRAM-SHA-256", lie("signature"), "a wrong signature"),
        ("SCRAM-SHA-256", lie("nonce"), "another nonce"),
        ("SCRAM-SHA-256", lie("no proof"), "no proof"),
        ("SCRAM-SHA-256", lambda p, l: p.say("235 2.7.0 trust me"),
         "success at once"),
        ("SCRAM-SHA-256", garbage, "no base64"),
        ("CRAM-MD5", lines, "two lines"),
        ("CRAM-MD5", endless, "challenges without end"),
        ("PLAIN", endless, "a challenge for PLAIN"),
        ("PLAIN", lambda p, l: p.say("535 5.7.8 wrong password"),
         "535"),
        ("PLAIN", lambda p, l: p.say("250 2.0.0 ok"), "250 instead"),
        ("PLAIN", lambda p, l: p.close(), "gone"))
    for mechanism, reply, name in cases:
        got, s, _ = site.send(auth_server(site, mechanism, reply), "-c",
                              site.secret)
        is_end(got, "temp", name="%s: %s" % (mechanism, name))
        tap.eq(got[-1]["down"], "1", "the transport is down")
        tap.ok(not any("MAIL" in v for v in s.verbs()), "and no MAIL")
        tap.ok("s3 cret" not in str(got), "the password is not told")


smtp_lab.main(test_octets, test_course, test_extensions, test_limits,
              test_recipients, test_partly, test_no_body, test_addresses,
              test_refusals, test_down,
              test_nonsense, test_slow, test_drops, test_reuse,
              test_injection, test_certificates, test_modes, test_sasl,
              test_sasl_lies)
