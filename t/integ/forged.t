#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""Forged results through Postfix and Sendmail: each variant of a field that
claims our authserv-id is gone from what is delivered, every other octet of
header and body is what was sent, and one field of ours stands on top.

With --selftest only the comparison is tested, on texts."""
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__))))
import lab as L
import sendmail_lab as S

tap = L.Tap()
ID = b"mx.receiver.example"
CONF = """
authserv_id_aliases = old.receiver.example xn--mnchen-3ya.example
remove_headers = Received-SPF X-Verdict
max_header_fields = 100
budget_action = accept
"""
AR = b"Authentication-Results:"
LIE = b"; spf=pass smtp.mailfrom=bank.example; dmarc=pass " \
      b"header.from=bank.example"
# what may stand in every message, above and below the forgery
ABOVE = [
    AR + b" other.example; spf=pass smtp.mailfrom=a@" + ID,
    b"X-White:\tspace  of \t all kinds \t",
    b"AUTHENTICATION-RESULTS: not" + ID + b" 1; none",
    AR + b"\r\n\t" + ID + b".attacker.example;\r\n\tdkim=none",
    b"Received-SPF: pass (other.example: permitted) receiver=other.example",
]
BELOW = [
    b"From: Bank <a@bank.example>\r\n (folded)",
    b"To: user@receiver.example",
    AR + b" receiver.example (not " + ID + b"); none",
    b"Subject:  forged",
    b"X-Verdict: clean",
    b"Authentication-results:sub." + ID + b";spf=fail",
    b"Date: Sat, 21 Nov 2026 12:00:00 +0000",
    b"X-Empty:",
    b"X-Aver-Verdicts: header; reason=from_invalid",
    b"ARC-Authentication-Results: i=1; " + ID + b"; spf=pass",
    b"Message-ID: <forged@test.example>",
    AR + b" \"other.example\" (\\) " + ID + b"); none",
]
CUT = "cut"
BODY = b"\r\n" + AR + b" " + ID + LIE + b"\r\n.\r\n\r\n"


def variants():
    """(name, forged fields, {MTA: what it does to them itself}): a code is
    its refusal; CUT is that it ends the field before the id, for every reader
    and for the filter. Postfix does so at a NUL and at 60 000 octets."""
    upper = ID.upper()
    u_label = "m\u00fcnchen.example".encode()

    def one(name, value, itself=None):
        return (name, [AR + value], itself or {})

    def named(name, field, value=b": " + ID + LIE):
        return (name, [field + value], {})
    quoted = b" \"" + ID + b"\""
    plain = b" " + ID + LIE
    return [
        one("plain", plain),
        one("id in upper case", b" " + upper + LIE),
        named("name in lower case", AR[:-1].lower()),
        named("name in mixed case", b"aUTHENTICATION-rESULTS"),
        named("space before the colon", AR[:-1] + b" "),
        named("tab before the colon", AR[:-1] + b"\t"),
        one("no space", ID + LIE),
        one("spaces and tabs", b" \t \t" + ID + LIE),
        one("folded before the id", b"\r\n\t" + ID + LIE),
        one("folded twice, one line empty", b"\r\n \t\r\n " + ID + LIE),
        one("folded behind the id", b" " + ID + b"\r\n " + LIE),
        one("id broken by a fold", b" mx.receiver.\r\n example" + LIE),
        one("comment before the id", b" (a comment)" + ID + LIE),
        one("comments in comments", b" (a (b\\)) (c)) " + ID + LIE),
        one("comment behind the id", b" " + ID + b"(; other.example)" + LIE),
        one("comment within the id", b" mx.(x)receiver.example" + LIE),
        one("comment not closed", b" (" + ID + LIE),
        one("5000 comments in one another",
            b" " + (b"(" * 50 + b"\r\n ") * 100 + (b")" * 50 + b"\r\n ") * 100
            + ID + LIE),
        one("quoted id", quoted + LIE),
        one("quoted pairs", b" \"mx\\.receiver\\.ex\\ample\"" + LIE),
        one("quotes not closed", b" \"" + ID + LIE),
        one("quotes and spaces", b" \" " + ID + b" \"" + LIE),
        one("id/sub", b" " + ID + b"/4cTq2Z" + LIE),
        one("quoted id/sub", b" \"" + ID + b"/4cTq2Z\"" + LIE),
        one("version 1", b" " + ID + b" 1" + LIE),
        one("version 2", b" " + ID + b" 2" + LIE),
        one("a long version", b" " + ID + b" " + b"9" * 40 + LIE),
        one("version with comments", b" " + ID + b" (v) 1 (.0)" + LIE),
        one("final dot", b" " + ID + b"." + LIE),
        one("no semicolon", b" " + ID + b" spf=pass"),
        one("id alone", b" " + ID),
        one("id and semicolon", b" " + ID + b";"),
        one("none", b" " + ID + b"; none"),
        one("a tail that does not parse", b" " + ID + b";=;\"(@;;= /"),
        one("id as second word", b" x " + ID + LIE),
        one("id behind a semicolon", b"; " + ID + LIE),
        one("id behind an equals sign", b" =" + ID + LIE),
        one("encoded word", b" =?utf-8?q?" + ID + b"?=" + LIE),
        one("control octet before the id", b" \x01" + ID + LIE),
        one("control octet within the id", b" mx.re\x7fceiver.example" + LIE),
        one("8-bit octets before the id", b" \xc2\xa0\xff" + ID + LIE),
        one("NUL before the id", b" \x00" + ID + LIE, {"Postfix": CUT}),
        one("NUL instead of the first space", b"\x00" + ID + LIE,
            {"Postfix": CUT}),
        one("NUL within the id", b" mx.rec\x00eiver.example" + LIE,
            {"Postfix": CUT}),
        one("NUL behind the id", b" " + ID + b"\x00" + LIE),
        one("bare CR before the id", b" \r" + ID + LIE, {"Sendmail": 421}),
        one("alias", b" old.receiver.example" + LIE),
        one("alias, quoted and in upper case",
            b" \"OLD.RECEIVER.EXAMPLE\"" + LIE),
        one("A-label", b" XN--MNCHEN-3YA.example" + LIE),
        one("U-label", b" " + u_label + LIE),
        one("100 kB behind the id",
            plain + (b"\r\n\t(" + b"x" * 900 + b")") * 110,
            {"Sendmail": 552}),
        one("100 kB before the id",
            (b"\r\n\t(" + b"x" * 900 + b")") * 110 + plain,
            {"Sendmail": 552, "Postfix": CUT}),
        one("59 kB before the id",
            (b"\r\n\t(" + b"x" * 900 + b")") * 65 + plain),
        one("59 kB in one line",
            b" (" + b"x" * 59000 + b")" + plain),
        one("60 kB in one line",
            b" (" + b"x" * 60000 + b")" + plain, {"Postfix": CUT}),
        ("three in a row", [AR + plain] * 3, {}),
        ("between others", [x for i in range(5) for x in (
            AR + plain, b"%sother%d.example; none" % (AR, i),
            b"authentication-results: " + ID + LIE)], {}),
        ("80 of them", [AR + plain] * 80, {}),
        ("behind 120 other fields", [b"X-Filler: %d" % i for i in range(120)]
            + [AR + plain], {}),
        ("130 of them", [AR + plain] * 130, {}),
        ("Received-SPF", [b"Received-SPF: pass (" + ID + b": ok) receiver=" +
                          ID], {}),
        ("Received-SPF, quoted", [b"received-spf: pass receiver=\"" + upper +
                                  b"\""], {}),
        ("our mark", [b"X-Aver-Verdict: header; reason=from_invalid"], {}),
        ("our mark, three times, whatever it says",
         [b"x-aver-verdict:", b"X-AVER-VERDICT: accept;\r\n\treason=none",
          b"X-Aver-Verdict : header"], {}),
        ("a field of remove_headers", [b"X-Verdict: clean, says " + ID], {}),
    ]


def innocent(field):
    """What of a variant's own fields has to stay."""
    return re.match(rb"X-Filler:|(?i:" + AR + rb")\s*other\d", field)


def lines_of(raw):
    """CRLF to LF: that is how the one MTA writes files and the other sends.
    A bare CR stays."""
    return raw.replace(b"\r\n", b"\n")


def split_message(raw):
    """(fields with their folds, without their last line end; body)"""
    head, _, body = lines_of(raw).partition(b"\n\n")
    return re.split(rb"\n(?![ \t])", head), body


# what the MTAs put on top when they deliver
TRACE = re.compile(rb"(Return-Path|X-Original-To|Delivered-To):")


def is_rest(field, forged):
    """A beginning of the forged field that does not have the id."""
    return len(field) < len(forged) and forged.startswith(field) and \
        field.startswith(AR) and ID not in field.lower()


def complaints(got, expected, body, cut=None):
    """Compares a delivered message with the fields and the body that have to
    be left of it. A rest of the field cut may be there once. Returns what is
    wrong, as a list of texts."""
    out = []
    fields, got_body = split_message(got)
    while fields and TRACE.match(fields[0]):
        fields.pop(0)
    ours = fields.pop(0) if fields else b""
    if not ours.startswith(AR + b" " + ID + b";"):
        out.append("the first field is not ours: %r" % ours[:80])
    if b"bank.example; dmarc=pass" in ours:
        out.append("the first field is the forgery: %r" % ours[:80])
    if not fields or not fields.pop(0).startswith(b"Received: from "):
        out.append("the second field is not the MTA's Received")
    want = [lines_of(f) for f in expected]
    rest = [i for i, f in enumerate(fields)
            if cut and f not in want and is_rest(f, lines_of(cut))]
    if rest:
        fields.pop(rest[0])
    for i, (g, w) in enumerate(zip(fields, want)):
        if g != w:
            out.append("field %d is\n %r, not\n %r" % (i, g[:120], w[:120]))
            break
    if len(fields) != len(want):
        out.append("%d fields, not %d" % (len(fields), len(want)))
    if got_body != lines_of(body):
        out.append("body %r" % got_body[:200])
    return out


def selftest():
    ours = AR + b" " + ID + b"; spf=fail smtp.mailfrom=bank.example"
    trace = [b"Return-Path: <>", b"Delivered-To: x"]
    mine = [ours, b"Received: from x\r\n\tby y"]
    fields = ABOVE + BELOW
    lie = AR + b" " + ID + LIE

    def text(parts, body=BODY):
        return b"\r\n".join(parts) + b"\r\n\r\n" + body

    cases = (
        ("right", text(mine + fields), True),
        ("right, behind trace fields", text(trace + mine + fields), True),
        ("right, with LF", lines_of(text(trace + mine + fields)), True),
        ("ours is missing", text(mine[1:] + fields), False),
        ("ours is forged", text([lie] + mine[1:] + fields), False),
        ("ours is below Received", text(mine[::-1] + fields), False),
        ("ours is there twice", text([ours] + mine + fields), False),
        ("ours is at the end", text(mine[1:] + fields + [ours]), False),
        ("a forgery is left", text(mine + ABOVE + [lie] + BELOW), False),
        ("it is left at the end", text(mine + fields + [lie]), False),
        ("an innocent field is gone", text(mine + fields[1:]), False),
        ("the last one is gone", text(mine + fields[:-1]), False),
        ("an innocent one instead", text(mine + ABOVE[:-1] + [lie] + BELOW),
         False),
        ("order", text(mine + BELOW + ABOVE), False),
        ("white space", text(mine + fields).replace(b"kinds \t", b"kinds"),
         False),
        ("a fold", text(mine + fields).replace(b"\r\n (folded)",
                                               b" (folded)"), False),
        ("case of a name", text(mine + fields).replace(b"AUTHENTICATION-R",
                                                       b"Authentication-R"),
         False),
        ("body", text(mine + fields, BODY[2:]), False),
        ("body cut", text(mine + fields, b""), False),
        ("nothing", b"", False),
    )
    for name, got, good in cases:
        why = complaints(got, fields, BODY)
        tap.ok((not why) == good, "selftest: " + name, "\n".join(why))
    for name, field, good in (
            ("to the NUL", AR + b" ", True), ("all of it", lie, False),
            ("with the id", lie[:-1], False),
            ("something else", AR + b" \t", False)):
        why = complaints(text(mine + ABOVE + [field] + BELOW), fields, BODY,
                         lie)
        tap.ok((not why) == good, "selftest: rest of a field: " + name, why)
    names = [v[0] for v in variants()]
    tap.ok(len(names) == len(set(names)) >= 40, "selftest: %d variants" %
           len(names), names)
    # a variant says something that is not among what has to stay
    tap.ok(all(any(not innocent(f) for f in v[1]) for v in variants()) and
           not any(f in fields for v in variants() for f in v[1]),
           "selftest: each variant has a forgery")


class PostfixSite:
    name = "Postfix"

    def __init__(self, lab, milter):
        self.lab = lab
        self.client = L.Client(lab.postfix(milter.port), ip="192.0.2.7",
                               helo="bad.invalid")

    def taken(self):
        return self.lab.inbox()

    def read(self, item):
        with open(item, "rb") as f:
            return f.read()


class SendmailSite:
    name = "Sendmail"

    def __init__(self, lab, milter):
        self.mta = S.Sendmail(lab, S.inet_address(milter))
        self.client = S.Client(self.mta.port, ip="127.0.0.66",
                               helo="bad.invalid")

    def taken(self):
        return list(enumerate(self.mta.sink.messages))

    def read(self, item):
        return item[1]


def send(site, forged):
    """(code, text, delivered message or None)"""
    before = site.taken()
    m = b"\r\n".join(ABOVE + forged + BELOW) + b"\r\n\r\n" + BODY
    code, text = site.client.send("x@bad.invalid", m)
    if code != 250:
        site.client.close()
        return code, text, None
    L.wait_until(lambda: len(site.taken()) > len(before), 20, "delivery")
    return code, text, site.read([x for x in site.taken()
                                  if x not in before][0])


def run(site, milter):
    for name, forged, itself in [("no forgery", [], {})] + variants():
        title = "%s: %s" % (site.name, name)
        does = itself.get(site.name)
        code, text, got = send(site, forged)
        if isinstance(does, int):
            tap.ok(code == does, title + " (refused by the MTA)",
                   "%d %s" % (code, text))
            continue
        if got is None:
            tap.ok(False, title, "%d %s" % (code, text))
            continue
        stay = [f for f in forged if innocent(f)]
        why = complaints(got, ABOVE + stay + BELOW, BODY,
                         forged[0] if does == CUT else None)
        tap.ok(not why, title + (" (cut by the MTA)" if does == CUT else ""),
               "\n".join(why))
    site.client.close()
    milter.reconfigure(CONF + "keep_removed = yes\n")
    lie = AR + b" " + ID + LIE
    _, _, got = send(site, [lie, lie.replace(b"bank", b"shop")])
    old = [b"Old-" + lie.replace(b"bank", b"shop"), b"Old-" + lie]
    why = complaints(got, ABOVE + BELOW + old, BODY)
    if why:
        why = complaints(got, ABOVE + BELOW + old[::-1], BODY)
    tap.ok(not why, site.name + ": keep_removed leaves renamed copies",
           "\n".join(why))
    site.client.close()
    milter.reconfigure(CONF)
    # Sendmail has a limit of its own: MaxHeadersLength
    if site.name != "Postfix":
        return
    code, text, _ = send(site, [lie] * 1001)
    tap.ok(code == 451, site.name + ": more than a thousand are refused",
           "%d %s" % (code, text))
    code, _, got = send(site, [lie] * 1000)
    why = complaints(got, ABOVE + BELOW, BODY) if got else code
    tap.ok(not why, site.name + ": a thousand are removed", why)
    site.client.close()


ZONES = {"example": """
$ORIGIN example.
$TTL 300
@ SOA ns hostmaster 1 3600 900 86400 300
@ NS ns
ns A 127.0.0.1
""", "invalid": """
$ORIGIN invalid.
$TTL 300
@ SOA ns hostmaster 1 3600 900 86400 300
@ NS ns
ns A 127.0.0.1
"""}


def main(lab):
    selftest()
    milter = lab.milter(lab.nsd(ZONES), CONF)
    for make in (PostfixSite, SendmailSite):
        if make is SendmailSite:
            try:
                S.unpacked()
            except S.Unavailable as e:
                tap.count += 1
                print("ok %d - Sendmail # SKIP %s" %
                      (tap.count, str(e).replace("\n", " ")))
                break
        run(make(lab, milter), milter)


if sys.argv[1:] == ["--selftest"]:
    selftest()
    tap.done()
L.need(programs=("postfix", "nsd", "m4"))
with L.Lab() as lab:
    try:
        main(lab)
    except Exception:  # shown with the ends of the logs
        import traceback
        tap.ok(False, "no exception", traceback.format_exc())
        for log in ("milter.log", "postfix.log", "sendmail.log"):
            tap.note(lab.read(log)[-2000:])
tap.done()
