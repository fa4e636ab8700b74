#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""The messages of postfix.t through a real Sendmail with the lines of
contrib/sendmail/aver.mc: results, quarantine, rejection, exemptions, and what
Sendmail does to odd input before a filter sees it."""
import base64
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__))))
import lab as L
import sendmail_lab as S

L.need(programs=("nsd", "openssl", "m4"))
try:
    import dkim
    S.unpacked()
except ImportError:
    L.skip_all("needs python3-dkim")
except S.Unavailable as e:
    L.skip_all(str(e).replace("\n", " "))

tap = L.Tap()
GOOD, BAD, TRUSTED = "127.0.0.2", "127.0.0.66", "127.77.0.1"


def make_key(lab):
    key = lab.path("dkim.pem")
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True,
                   capture_output=True)
    der = subprocess.run(["openssl", "rsa", "-in", key, "-pubout",
                          "-outform", "DER"], check=True,
                         capture_output=True).stdout
    with open(key, "rb") as f:
        return f.read(), base64.b64encode(der).decode()


def zone(public):
    return """
$ORIGIN example.
$TTL 300
@ SOA ns hostmaster 1 3600 900 86400 300
@ NS ns
ns A 127.0.0.1
good TXT "v=spf1 ip4:%s -all"
_dmarc.good TXT "v=DMARC1; p=reject"
s1._domainkey.good TXT ( "v=DKIM1; p=%s" "%s" )
quar TXT "v=spf1 -all"
_dmarc.quar TXT "v=DMARC1; p=quarantine"
watch TXT "v=spf1 -all"
_dmarc.watch TXT "v=DMARC1; p=none"
mail.good A %s
mail.good TXT "v=spf1 a -all"
""" % (GOOD, public[:200], public[200:], GOOD)


def message(author, extra=b"", body=b"Hello.\r\n", mid=[0]):
    mid[0] += 1
    return (b"From: " + author.encode() + b"\r\n" + extra +
            b"To: user@receiver.example\r\nSubject: test\r\n"
            b"Date: Sat, 21 Nov 2026 12:00:00 +0000\r\n"
            b"Message-ID: <%d@test.example>\r\n\r\n" % mid[0] + body)


def sign(m, key, canon=(b"relaxed", b"relaxed")):
    return dkim.sign(m, b"s1", b"good.example", key, canonicalize=canon,
                     include_headers=[b"from", b"to", b"subject", b"date",
                                      b"message-id"]) + m


class Site:
    """Sendmail, its milter, and clients at their addresses."""

    def __init__(self, mta, milter):
        self.mta, self.milter = mta, milter
        self.clients = []

    def client(self, *args, **kwargs):
        self.clients.append(S.Client(self.mta.port, *args, **kwargs))
        return self.clients[-1]

    def deliver(self, client, sender, m):
        """Sends; returns the message as the next host got it."""
        taken = len(self.mta.sink.messages)
        code, text = client.send(sender, m)
        if code != 250:
            raise RuntimeError("%d %s" % (code, text))
        L.wait_until(lambda: len(self.mta.sink.messages) > taken, 20,
                     "delivery")
        return self.mta.sink.messages[-1].decode("latin-1")

    def results(self, client, sender, m):
        return L.fields(self.deliver(client, sender, m),
                        "Authentication-Results", True)


def test_good(site, key):
    good = site.client(GOOD)
    text = site.deliver(good, "a@good.example",
                        sign(message("A <a@good.example>"), key))
    ar = L.fields(text, "Authentication-Results", True)
    tap.eq(len(ar), 1, "one Authentication-Results")
    tap.ok(text.startswith("Authentication-Results: mx.receiver.example;"),
           "on top, with one space, and of ours", text[:200])
    for want in ("spf=pass", "smtp.mailfrom=good.example", "dkim=pass",
                 "header.d=good.example", "header.s=s1",
                 "header.a=rsa-sha256", "dmarc=pass",
                 "header.from=good.example", "policy.dmarc=reject"):
        tap.ok(want in ar[0], "good message: " + want, ar[0])

    # every kind of white space that a header field can carry
    odd = (b"A\r\n  folded \t<a@good.example>", b"Subject: test",
           b"Subject:\ttab and  spaces \t ")
    body = b"a  b \r\n\r\n. dot\r\n.\r\n x\t\r\n\r\n\r\n"
    for canon in ((b"simple", b"simple"), (b"simple", b"relaxed"),
                  (b"relaxed", b"simple"), (b"relaxed", b"relaxed")):
        m = message(odd[0].decode(), body=body).replace(odd[1], odd[2])
        ar = site.results(good, "a@good.example", sign(m, key, canon))
        tap.ok(len(ar) == 1 and "dkim=pass" in ar[0],
               "%s/%s survives Sendmail" % tuple(c.decode() for c in canon),
               ar)

    broken = sign(message("A <a@good.example>"), key).replace(b"Hello",
                                                              b"Bye")
    ar = site.results(good, "a@good.example", broken)[0]
    tap.ok("dkim=fail" in ar and "dmarc=pass" in ar,
           "broken signature: dkim fails, SPF carries DMARC", ar)
    ar = site.results(good, "a@good.example", message("x@watch.example"))[0]
    tap.ok("dmarc=fail" in ar and "policy.dmarc=none" in ar,
           "p=none: delivered and marked", ar)
    ar = site.results(good, "", message("x@watch.example"))[0]
    tap.ok("spf=pass smtp.helo=mail.good.example" in ar,
           "null sender: SPF by HELO", ar)
    return good


def quarantine(site, client, m):
    """Sends what is to be quarantined; returns its queue file or None."""
    before = site.mta.quarantined()
    taken = len(site.mta.sink.messages)
    code, text = client.send("x@bad.invalid", m)
    if code != 250:
        tap.note("%d %s" % (code, text))
        return None
    L.wait_until(lambda: len(site.mta.quarantined()) > len(before), 20,
                 "quarantine")
    if len(site.mta.sink.messages) > taken:
        tap.note("delivered as well")
        return None
    return [f for f in site.mta.quarantined() if f not in before][0]


def test_actions(site):
    bad = site.client(BAD, helo="bad.invalid")
    for author, policy in (("x@good.example", "reject"),
                           ("x@quar.example", "quarantine")):
        f = quarantine(site, bad, message(author))
        tap.ok(f is not None and "\nqaver: dmarc_" + policy in f,
               "p=%s failing is quarantined, with the reason" % policy, f)
        ar = L.fields(S.header_of_queue_file(f or ""),
                      "Authentication-Results", True)
        tap.ok(len(ar) == 1 and "dmarc=fail" in ar[0] and
               "policy.dmarc=" + policy in ar[0],
               "p=%s: results in the queue file" % policy, ar)
    queue = site.mta.mailq("-qQ")
    tap.ok(queue.count("QUARANTINE: aver: dmarc_") == 2,
           "mailq -qQ shows both", queue)
    queue = site.mta.mailq()
    tap.ok("aver: dmarc_" not in queue, "mailq does not", queue)

    # released as contrib/sendmail/README says, one by its ID
    queued = re.findall(r"(?m)^(\w+) +[0-9]+ ", site.mta.mailq("-qQ"))
    taken = len(site.mta.sink.messages)
    log = site.mta.run("-qQ", "-qI" + queued[0], "-Q")
    log += site.mta.run("-qI" + queued[0])
    L.wait_until(lambda: len(site.mta.sink.messages) > taken, 20, log)
    text = site.mta.sink.messages[-1].decode("latin-1")
    ar = L.fields(text, "Authentication-Results", True)
    tap.ok(len(site.mta.sink.messages) == taken + 1 and
           len(site.mta.quarantined()) == 1 and queued[0] in text and
           len(ar) == 1 and "dmarc=fail" in ar[0],
           "released by its ID, one is delivered, with one field", text)
    return bad


def test_exempt(site, bad):
    auth = site.client(BAD, helo="laptop.invalid",
                       login=(S.Sendmail.USER, S.Sendmail.PASSWORD))
    tap.eq(site.results(auth, "x@bad.invalid", message("x@good.example")),
           ["mx.receiver.example; auth=pass smtp.auth=alice"],
           "authenticated client: auth=pass and nothing else")

    site.milter.reconfigure("dmarc_reject_action = reject\n"
                            "received_spf = yes\n"
                            "trusted_networks = 127.77.0.0/16\n")
    bad.close()
    code, text = bad.send("x@bad.invalid", message("x@good.example"))
    tap.ok(code == 550 and text.startswith("5.7.1") and "DMARC" in text and
           "good.example" in text, "after a reload p=reject is rejected",
           "%d %s" % (code, text))
    tap.note("%d %s" % (code, text))
    trusted = site.client(TRUSTED, helo="relay.invalid")
    tap.eq(site.results(trusted, "x@bad.invalid", message("x@good.example")),
           ["mx.receiver.example; none"], "trusted network: none")
    text = site.deliver(site.client(GOOD), "a@good.example",
                        message("a@good.example"))
    names = [line.split(":")[0] for line in text.split("\r\n")[:12]
             if line[:1].isalpha()]
    tap.ok(names[:3] == ["Authentication-Results", "Received-SPF",
                         "Received"] and
           L.fields(text, "Received-SPF", True)[0].startswith("pass"),
           "Received-SPF on request, below the results", text[:600])
    site.milter.reconfigure("")
    for c in (bad, trusted):
        c.close()


def test_from(site, bad):
    """No From, several of them, none in it: what Sendmail makes of it, the
    milter evaluates as the client sent it."""
    cases = (
        (b"", "no From", ("permerror",)),
        (b"From: a@watch.example\r\nFrom: b@watch.example\r\n", "two From",
         ("fail", "permerror")),
        (b"From: undisclosed:;\r\n", "empty group", ("permerror",)),
        (b"From: \"a@good.example\"@watch.example\r\n",
         "quoted local-part with @", ("fail",)),
        (b"From: a@watch.example, b@watch.example\r\n", "two addresses",
         ("fail", "permerror")))
    for head, name, wants in cases:
        held, taken = site.mta.quarantined(), len(site.mta.sink.messages)
        code, text = bad.send("x@bad.invalid", head + b"Subject: " +
                              name.encode() + b"\r\n\r\nx\r\n")
        tap.eq((code, text[:5]), (250, "2.0.0"), name + " is taken")
        L.wait_until(lambda: len(site.mta.quarantined()) > len(held) or
                     len(site.mta.sink.messages) > taken, 10, name)
        texts = [m.decode("latin-1") for m in site.mta.sink.messages[taken:]]
        texts += [S.header_of_queue_file(f) for f in site.mta.quarantined()
                  if f not in held]
        ar = L.fields(texts[0], "Authentication-Results", True)
        tap.ok(len(texts) == 1 and len(ar) == 1 and
               any("dmarc=" + w in ar[0] for w in wants),
               "%s: dmarc=%s" % (name, "/".join(wants)), texts)


FOLDED = b"X-Big: " + b"y" * 70


def big_field(octets):
    return FOLDED + (b"\r\n " + b"z" * 900) * (octets // 903) + b"\r\n"


def too_long(client, extra):
    """(code, text) for a message with these fields, alone on a connection:
    Sendmail may close it."""
    client.close()
    answer = client.send("a@good.example", message("a@good.example", extra))
    client.close()
    return answer


def test_big(site, good):
    for name, extra in (("100 kB field", big_field(100000)),
                        ("1 MB field", big_field(1 << 20)),
                        ("80 kB of fields", b"X-N: 1\r\n" * 10000)):
        code, text = too_long(good, extra)
        tap.ok(code == 552 and "Headers too large" in text,
               name + ": refused by Sendmail, as aver.mc says",
               "%d %s" % (code, text))
    cases = (("60 kB field", big_field(60000), b"x\r\n"),
             ("60 kB of fields", b"X-N: 1\r\n" * 7500, b"x\r\n"),
             ("450 signatures", (b"DKIM-Signature: v=1; a=rsa-sha256; "
              b"d=good.example; s=s1; h=from; b=AAAA; bh=" +
              b"A" * 43 + b"=\r\n") * 450,
              b"x\r\n"),
             ("8-bit and control octets", b"X-N: a\x01\xff\r\n",
              b"\xff\x01\r\n"),
             ("NUL octets", b"X-N: a\x00b\r\n", b"a\x00b\r\n\x00\r\n"),
             ("no body", b"", b""))
    for name, extra, body in cases:
        text = site.deliver(good, "a@good.example",
                            message("a@good.example", extra, body))
        ar = L.fields(text, "Authentication-Results", True)
        tap.ok(len(ar) == 1 and "dmarc=pass" in ar[0], name, ar)
        if name == "NUL octets":
            tap.ok("X-N: ab\r\n" in text and "a\0b\r\n\0" in text,
                   "NUL: Sendmail drops it from fields, not from the body",
                   text)


def test_unix_socket(lab, dns, key):
    """The second way to reach the filter; no limit to the header's size, and
    Debian's rule about NUL octets."""
    milter = S.UnixMilter(lab, dns, "unixmilter")
    mta = S.Sendmail(lab, "local:" + milter.path, """
define(`confMAX_HEADERS_LENGTH', `0')
define(`confREJECT_NUL', `True')
""", "sendmail2")
    site = Site(mta, milter)
    good = site.client(GOOD)
    ar = site.results(good, "a@good.example", sign(
        message("A\r\n  folded \t<a@good.example>"), key,
        (b"simple", b"simple")))
    tap.ok(len(ar) == 1 and "dkim=pass" in ar[0] and "dmarc=pass" in ar[0],
           "over a UNIX-domain socket", ar)
    ar = site.results(good, "a@good.example", message(
        "a@good.example", big_field(60000) * 17 + b"X-N: 1\r\n" * 10000))
    tap.ok(len(ar) == 1 and "dmarc=pass" in ar[0],
           "1 MB in 10 017 fields, without Sendmail's limit", ar)
    code, text = too_long(good, big_field(100000))
    tap.ok(code == 451 and text.startswith("4.3.2"),
           "and a field beyond 64 kB: Sendmail cannot hand it over",
           "%d %s" % (code, text))
    code, text = good.send("a@good.example",
                           message("a@good.example", body=b"a\x00b\r\n"))
    tap.ok(code == 554 and "NUL" in text,
           "RejectNUL, as Debian sets it: refused by Sendmail",
           "%d %s" % (code, text))
    good.close()
    tap.eq(milter.stop(), 0, "the milter ends with status 0")
    code, text = good.send("a@good.example", message("a@good.example"))
    tap.ok(code == 451 and text.startswith("4.3.2"),
           "without the milter: come back later", "%d %s" % (code, text))
    good.close()


def test_record(site):
    text = site.milter.text()
    tap.ok(text.count(" dmarc=pass") >= 5 and "qid=" in text and
           "qid=- " not in text, "one line a message, with the queue ID",
           text[-800:])
    for c in site.clients:
        c.close()
    lines = [x for x in text.splitlines() if "qid=" in x and
             "exempt=yes" not in x and " policy=" in x and
             (" dmarc=pass" in x or " dmarc=fail" in x)]
    L.happens(lambda: sum(site.milter.evaluations().values()) >= len(lines),
              L.PATIENCE)
    tap.eq(sum(site.milter.evaluations().values()), len(lines),
           "as many recorded as evaluated")


def main(lab):
    key, public = make_key(lab)
    dns = lab.nsd({"example": zone(public)})
    milter = lab.milter(dns)
    mta = S.Sendmail(lab, S.inet_address(milter))
    site = Site(mta, milter)
    good = test_good(site, key)
    bad = test_actions(site)
    test_exempt(site, bad)
    test_from(site, bad)
    test_big(site, good)
    test_record(site)
    test_unix_socket(lab, dns, key)


with L.Lab() as lab:
    try:
        main(lab)
    except Exception:  # shown with the ends of the logs
        import traceback
        tap.ok(False, "no exception", traceback.format_exc())
        for log in ("milter.log", "unixmilter.log", "sendmail.log",
                    "sendmail2.log"):
            tap.note(lab.read(log)[-2000:])
tap.done()
