#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""Messages through a real Postfix and aver-milter: results, actions, reload,
records, orderly stop."""
import base64
import json
import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__))))
import lab as L

L.need(programs=("postfix", "nsd", "openssl"))
try:
    import dkim
except ImportError:
    L.skip_all("needs python3-dkim")

tap = L.Tap()


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
good TXT "v=spf1 ip4:192.0.2.0/28 -all"
_dmarc.good TXT "v=DMARC1; p=reject"
s1._domainkey.good TXT ( "v=DKIM1; p=%s" "%s" )
quar TXT "v=spf1 -all"
_dmarc.quar TXT "v=DMARC1; p=quarantine"
watch TXT "v=spf1 -all"
_dmarc.watch TXT "v=DMARC1; p=none"
test TXT "v=spf1 -all"
_dmarc.test TXT "v=DMARC1; p=reject; t=y"
mail.good A 192.0.2.1
mail.good TXT "v=spf1 a -all"
""" % (public[:200], public[200:])


def message(author, extra=b"", body=b"Hello.\r\n", mid=[0]):
    mid[0] += 1
    return (b"From: " + author.encode() + b"\r\n" + extra +
            b"To: user@receiver.example\r\nSubject: test\r\n"
            b"Date: Sat, 21 Nov 2026 12:00:00 +0000\r\n"
            b"Message-ID: <%d@test.example>\r\n\r\n" % mid[0] + body)


def sign(m, key, domain="good.example", canon=(b"relaxed", b"relaxed")):
    return dkim.sign(m, b"s1", domain.encode(), key, canonicalize=canon,
                     include_headers=[b"from", b"to", b"subject", b"date",
                                      b"message-id"]) + m


def main(lab):
    key, public = make_key(lab)
    dns = lab.nsd({"example": zone(public)})
    milter = lab.milter(dns)
    port = lab.postfix(milter.port)

    def deliver(client, sender, m):
        """Sends; returns the delivered file."""
        before = set(lab.inbox())
        code, text = client.send(sender, m)
        if code != 250:
            raise RuntimeError("%d %s" % (code, text))
        L.wait_until(lambda: set(lab.inbox()) - before, 20, "delivery")
        return (set(lab.inbox()) - before).pop()

    good = L.Client(port)
    f = deliver(good, "a@good.example",
                sign(message("A <a@good.example>"), key))
    ar = L.fields(f, "Authentication-Results")
    tap.eq(len(ar), 1, "one Authentication-Results")
    tap.ok(ar[0].startswith("mx.receiver.example;"), "of ours", ar)
    for want in ("spf=pass", "smtp.mailfrom=good.example", "dkim=pass",
                 "header.d=good.example", "header.s=s1",
                 "header.a=rsa-sha256", "dmarc=pass",
                 "header.from=good.example", "policy.dmarc=reject"):
        tap.ok(want in ar[0], "good message: " + want, ar[0])
    with open(f, "rb") as fd:
        names = [line.split(b":")[0] for line in fd.read().split(b"\n")
                 if line[:1].isalpha()]
    tap.ok(names.index(b"Authentication-Results") <
           names.index(b"Received"), "above Received", names)

    for canon in ((b"simple", b"simple"), (b"simple", b"relaxed"),
                  (b"relaxed", b"simple")):
        f = deliver(good, "a@good.example", sign(
            message("A\r\n  folded \t<a@good.example>",
                    body=b"a  b \r\n\r\n. dot\r\n.\r\n x\t\r\n\r\n\r\n"),
            key, canon=canon))
        tap.ok("dkim=pass" in L.fields(f, "Authentication-Results")[0],
               "%s/%s survives Postfix" % tuple(c.decode() for c in canon),
               L.fields(f, "Authentication-Results"))

    broken = sign(message("A <a@good.example>"), key).replace(
        b"Hello", b"Bye")
    f = deliver(good, "a@good.example", broken)
    ar = L.fields(f, "Authentication-Results")[0]
    tap.ok("dkim=fail" in ar and "dmarc=pass" in ar,
           "broken signature: dkim fails, SPF carries DMARC", ar)

    f = deliver(good, "a@good.example", message("x@watch.example"))
    ar = L.fields(f, "Authentication-Results")[0]
    tap.ok("dmarc=fail" in ar and "policy.dmarc=none" in ar,
           "p=none: delivered and marked", ar)

    bad = L.Client(port, ip="198.51.100.9", helo="bad.invalid")
    for author, policy in (("x@good.example", "reject"),
                           ("x@quar.example", "quarantine")):
        before = len(lab.held())
        code, text = bad.send("x@bad.invalid", message(author))
        tap.eq(code, 250, "p=%s failing is taken" % policy)
        L.wait_until(lambda: len(lab.held()) > before, 10, "hold queue")
        texts = "".join(lab.held())
        tap.ok("policy.dmarc=" + policy in texts,
               "p=%s failing is held, with results" % policy, texts)

    f_before = len(lab.held())
    code, _ = bad.send("x@bad.invalid", message("x@test.example"))
    L.wait_until(lambda: len(lab.held()) > f_before, 10, "t=y hold")
    tap.ok(any("policy_test_mode" in t for t in lab.held()),
           "t=y: one level less, and said so", lab.held()[-1:])

    # exempt: authenticated, and by network
    auth = L.Client(port, ip="203.0.113.4", helo="laptop.invalid",
                    login="alice")
    f = deliver(auth, "x@bad.invalid", message("x@good.example"))
    tap.eq(L.fields(f, "Authentication-Results"),
           ["mx.receiver.example; auth=pass smtp.auth=alice"],
           "authenticated client: auth=pass and nothing else")

    milter.reconfigure("dmarc_reject_action = reject\nreceived_spf = yes\n"
                       "trusted_networks = 203.0.113.0/24\n")
    bad.close()
    code, text = bad.send("x@bad.invalid", message("x@good.example"))
    tap.ok(code == 550 and "5.7.1" in text and "DMARC" in text and
           "good.example" in text, "after a reload p=reject is rejected",
           "%d %s" % (code, text))
    good.close()
    f = deliver(good, "a@good.example", message("a@good.example"))
    tap.ok(L.fields(f, "Received-SPF")[:1] and
           L.fields(f, "Received-SPF")[0].startswith("pass"),
           "Received-SPF on request", L.fields(f, "Received-SPF"))
    trusted = L.Client(port, ip="203.0.113.77", helo="relay.invalid")
    mark = b"X-Aver-Verdict: header; reason=from_invalid\r\n"
    f = deliver(trusted, "x@bad.invalid", mark + message("x@good.example"))
    tap.eq(L.fields(f, "Authentication-Results"),
           ["mx.receiver.example; none"], "trusted network: none")
    tap.eq(L.fields(f, "X-Aver-Verdict"), ["header; reason=from_invalid"],
           "and what a host of ours found stays")
    auth.close()
    f = deliver(auth, "x@bad.invalid", mark + message("x@good.example"))
    tap.eq(L.fields(f, "X-Aver-Verdict"), [],
           "a client that logged in cannot write it")

    milter.configure("dmarc_reject_action = maybe\n")
    milter.proc.send_signal(10)
    L.wait_until(lambda: "reload refused" in milter.text(), 5, "refusal")
    tap.ok("milter.conf:" in milter.text() and "maybe" in milter.text(),
           "a wrong file is refused with its line", milter.text()[-500:])

    # bad input through the whole chain
    from_cases = [
        (b"", "no From", "permerror"),
        (b"From: undisclosed:;\r\n", "empty group", "permerror"),
        (b"From: \"a@good.example\"@watch.example\r\n",
         "quoted local-part with @", "fail"),
        (b"From: a@watch.example, b@watch.example\r\n",
         "two addresses of one domain", "fail"),
        (b"From: a@watch.example\r\nFrom: b@watch.example\r\n",
         "two From, no policy above none", "fail permerror"),
    ]
    milter.reconfigure("")
    bad.close()
    for head, name, wants in from_cases:
        held, inbox = len(lab.held()), set(lab.inbox())
        code, text = bad.send("x@bad.invalid", head +
                              b"Subject: %s\r\n\r\nx\r\n" % name.encode())
        tap.eq(code, 250, name + " is taken")
        L.wait_until(lambda: len(lab.held()) > held or
                     set(lab.inbox()) - inbox, 10, name)
        new = set(lab.inbox()) - inbox
        ar = L.fields(new.pop(), "Authentication-Results") if new else []
        tap.ok(len(ar) == 1 and any("dmarc=" + w in ar[0]
                                    for w in wants.split()),
               "%s: dmarc=%s" % (name, wants), ar)
    for head, name in (
            (b"From: a@good.example\r\nFrom: b@watch.example\r\n",
             "two From, one with p=reject"),
            (b"From: a@watch.example, b@good.example\r\n",
             "two author domains, one with p=reject"),
            (b"From: <a@watch.example> <b@good.example>\r\n",
             "two angle addresses, one with p=reject")):
        code, text = bad.send("x@bad.invalid",
                              head + b"Subject: x\r\n\r\nx\r\n")
        tap.ok(code == 550 and "5.7.1" in text, name + ": refused",
               "%d %s" % (code, text))

    big = [("1 MB field", b"X-Big: " + b"y" * 70 + (b"\r\n " + b"z" * 900)
            * 1100 + b"\r\n", b"x\r\n"),
           ("10 000 fields", b"X-N: 1\r\n" * 10000, b"x\r\n"),
           ("1000 signatures", (b"DKIM-Signature: v=1; a=rsa-sha256; "
            b"d=good.example; s=s1; h=from; b=AAAA; bh=" +
            b"A" * 43 + b"=\r\n") * 1000,
            b"x\r\n"),
           ("NUL and 8-bit octets", b"X-N: a\x01\xff\r\n",
            b"\x00\xff\r\n\rx\r\n"),
           ("no body", b"", b"")]
    for name, extra, body in big:
        f = deliver(good, "a@good.example",
                    message("a@good.example", extra, body))
        ar = L.fields(f, "Authentication-Results")
        tap.ok(len(ar) == 1 and "dmarc=pass" in ar[0], name, ar)

    # the log and the record
    text = milter.text()
    tap.ok(all(("qid=%s " % q) for q in [1]) and
           text.count(" dmarc=pass") >= 5 and "qid=" in text,
           "one line a message, with the queue ID", text[-800:])
    good.close()
    bad.close()
    L.wait_until(lambda: milter.evaluations().get("good.example", 0) > 10,
                 10, "records")
    r = lab.aver("-c", milter.conf, "evaluations", "show", "good.example",
                 "--json")
    rows = json.loads(r.stdout)
    tap.ok(r.returncode == 0 and rows, "evaluations show", r.stderr)
    lines = [x for x in text.splitlines() if "qid=" in x and
             "exempt=yes" not in x and " policy=" in x and
             (" dmarc=pass" in x or " dmarc=fail" in x)]
    L.wait_until(lambda: sum(milter.evaluations().values()) >= len(lines),
                 5, "all records")
    tap.eq(sum(milter.evaluations().values()), len(lines),
           "as many recorded as evaluated")
    r = lab.aver("-c", milter.conf, "evaluations", "remove",
                 "watch.example")
    tap.ok(r.returncode == 0 and
           "watch.example" not in milter.evaluations(),
           "evaluations remove", r.stderr)

    # an orderly stop finishes what is in flight
    slow = L.Client(port)
    slow.open()
    slow.s.mail("a@good.example")
    slow.s.rcpt("user@receiver.example")
    slow.s.docmd("DATA")
    m = message("a@good.example")
    slow.s.send(m[:60])
    L.wait_until(lambda: True, 1, "")
    time.sleep(0.5)
    status = []
    t = threading.Thread(target=lambda: status.append(milter.stop()))
    t.start()
    time.sleep(0.7)
    slow.s.send(m[60:] + b".\r\n")
    code, text = slow.s.getreply()
    t.join()
    tap.eq(code, 250, "a message in flight is finished: %r" % text)
    tap.eq(status, [0], "and the milter ends with status 0")
    slow.close()


with L.Lab() as lab:
    try:
        main(lab)
    except Exception:  # shown with the ends of the logs
        import traceback
        tap.ok(False, "no exception", traceback.format_exc())
        tap.note(lab.read("milter.log")[-3000:])
        tap.note(lab.read("postfix.log")[-2000:])
tap.done()
