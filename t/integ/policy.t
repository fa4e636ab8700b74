#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""What the operator decides, through a real Postfix: every override reason of
RFC 9990 section 3.1.6 read back from the record, the action of each situation,
the policy table and its reload, replies with hostile text, fields about TLS."""
import base64
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__))))
import lab as L

L.need(programs=("postfix", "nsd", "openssl"))
try:
    import authres  # or dkim.arc_sign() fails
    import dkim
except ImportError:
    L.skip_all("needs python3-dkim and python3-authres")
assert authres

tap = L.Tap()
BAD = "198.51.100.9"  # no domain here lets it send


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
    keys = "".join("s1._domainkey.%s TXT ( \"v=DKIM1; p=%s\" \"%s\" )\n" %
                   (d, public[:200], public[200:])
                   for d in ("rej", "lists", "evil", "sealer", "plain"))
    return """
$ORIGIN example.
$TTL 300
@ SOA ns hostmaster 1 3600 900 86400 300
@ NS ns
ns A 127.0.0.1
lists TXT "v=spf1 -all"
plain TXT "v=spf1 -all"
forward TXT "v=spf1 ip4:198.51.100.77 -all"
_dmarc.rej TXT "v=DMARC1; p=reject"
_dmarc.quar TXT "v=DMARC1; p=quarantine"
_dmarc.watch TXT "v=DMARC1; p=none"
_dmarc.testing TXT "v=DMARC1; p=reject; t=y"
_dmarc.testquar TXT "v=DMARC1; p=quarantine; t=y"
_dmarc.perm TXT "v=DMARC1; p=perhaps"
%s
""" % keys


NOTHING = """
$TTL 300
@ SOA ns.example. hostmaster 1 3600 900 86400 300
@ NS ns.example.
"""


class Site:
    """Sends a message, finds it wherever it went, reads its record."""

    def __init__(self, lab, milter, port):
        self.lab, self.milter, self.port = lab, milter, port
        self.n, self.seen = 0, set()

    def message(self, author, extra=b"", body=b"Hello.\r\n"):
        self.n += 1
        return (b"From: " + author.encode() + b"\r\n" + extra +
                b"To: user@receiver.example\r\nSubject: test\r\n"
                b"Date: Sat, 21 Nov 2026 12:00:00 +0000\r\n"
                b"Message-ID: <policy-%d@test.example>\r\n\r\n" % self.n +
                body)

    def fresh(self, domain):
        """A name that has been used for no other message."""
        self.n += 1
        return "c%d.%s" % (self.n, domain)

    def send(self, m, ip=BAD, sender="x@bad.invalid",
             rcpt="user@receiver.example", helo=None):
        """Returns a Sent; one connection each, as a reload takes effect with
        the next."""
        log_at = len(self.milter.text())
        client = L.Client(self.port, ip=ip, helo="bad.invalid")
        try:
            client.open()
            if helo:
                client.s.docmd("EHLO", helo)
            code, text = client.send(sender, m, rcpt)
        finally:
            client.close()
        sent = Sent(code, text)
        if code == 250:
            mid = re.search(rb"<policy-\d+@test\.example>", m).group().decode()
            L.wait_until(lambda: self.find(mid, sent), 20, "message " + mid)
        L.wait_until(lambda: " us=" in self.milter.text()[log_at:], 10,
                     "the log line")
        sent.log = self.milter.text()[log_at:]
        return sent

    def find(self, mid, sent):
        for path in set(self.lab.inbox()) - self.seen:
            with open(path, "rb") as f:
                self.see(path, mid, sent, "delivered", f.read())
        for root, _, files in os.walk(self.lab.path("queue", "hold")):
            for path in {os.path.join(root, f) for f in files} - self.seen:
                # complete, as find() is not called before the reply
                self.see(path, mid, sent, "held", subprocess.run(
                    ["postcat", "-c", self.lab.postfix_dir, "-h", path],
                    capture_output=True).stdout)
        return sent.where

    def see(self, path, mid, sent, where, text):
        text = text.decode("latin-1")
        if mid in text:
            self.seen.add(path)
            sent.take(where, text)

    def forged(self, domain, table=None, conf="", **more):
        """A message that fails the DMARC of a new name below domain."""
        if table is not None:
            self.use(table, conf)
        name = self.fresh(domain)
        sent = self.send(self.message("a@" + name), **more)
        sent.row = self.row(domain, name)
        return sent

    def use(self, table=None, conf=""):
        """A configuration, with a policy table if there is one."""
        if table is not None:
            conf += "policy_table = %s\n" % self.lab.write("table", table)
        self.milter.reconfigure(conf)

    def rows(self, domain):
        r = self.lab.aver("-c", self.milter.conf, "evaluations", "show",
                          domain, "--json")
        return json.loads(r.stdout) if r.returncode == 0 else []

    def row(self, policy_domain, author):
        found = []

        def look():
            found[:] = [r for r in self.rows(policy_domain)
                        if r["header_from"] == author]
            return found
        L.wait_until(look, 10, "record of " + author)
        if len(found) != 1:
            raise RuntimeError("%d records of %s" % (len(found), author))
        return found[0]


class Sent:
    def __init__(self, code, text):
        self.code, self.reply = code, text
        self.where, self.text, self.log, self.row = "", "", "", None

    def take(self, where, text):
        self.where, self.text = where, text

    def field(self, name):
        return L.fields(self.text, name, True)

    def ar(self):
        return (self.field("Authentication-Results") or [""])[0]

    def __repr__(self):
        return "%s %s %s\n%s\n%s\n%s" % (
            self.code, self.reply, self.where, self.field("X-Aver-Verdict"),
            self.ar(), self.log)


def is_done(sent, where, what):
    tap.ok(sent.where == where if isinstance(where, str)
           else sent.code == where, what, sent)


def reasons(sent, want, disposition, what):
    """want: [(type, comment)]; the same in the comment of the results."""
    got = [(r["type"], r["comment"] or "") for r in sent.row["reasons"]]
    tap.eq((sent.row["disposition"], got), (disposition, want), what)
    if not sent.text:
        return
    for kind, comment in want:
        said = kind + (": " + comment if comment else "")
        tap.ok(said in sent.ar(), "  " + said[:60] + ": shown", sent.ar())


LOCAL = ("local_policy", "quarantined: RFC 9989 section 7.4")


def test_reasons(site, key):
    """Each word of RFC 9990 section 3.1.6."""
    s = site.forged("rej.example")
    is_done(s, "held", "p=reject: quarantined by default")
    reasons(s, [LOCAL], "quarantine", "local_policy: p=reject quarantined")
    s = site.forged("quar.example")
    is_done(s, "held", "p=quarantine: quarantined")
    reasons(s, [], "quarantine", "as asked: no reason")
    s = site.forged("watch.example")
    is_done(s, "delivered", "p=none: delivered")
    reasons(s, [], "none", "as asked: no reason")
    s = site.forged("testing.example")
    is_done(s, "held", "p=reject t=y: quarantined")
    reasons(s, [("policy_test_mode", "")], "quarantine", "policy_test_mode")
    s = site.forged("testquar.example")
    is_done(s, "delivered", "p=quarantine t=y: delivered")
    reasons(s, [("policy_test_mode", "")], "none", "policy_test_mode")

    s = site.forged("rej.example", "", "dmarc_reject_action = reject\n")
    is_done(s, 550, "p=reject: rejected on request")
    reasons(s, [], "reject", "rejected as asked: no reason")

    # the policy table
    s = site.forged("rej.example", "from=.rej.example ceiling=none "
                    "reason=\"their mess\"\n")
    is_done(s, "delivered", "ceiling=none: delivered")
    reasons(s, [("local_policy", "their mess")], "none",
            "local_policy by ceiling")
    tap.ok("rule=1" in s.log and "override=local_policy" in s.log,
           "the log names the rule", s.log)
    s = site.forged("watch.example", "from=.watch.example floor=reject "
                    "reason=phished\n", "dmarc_reject_action = reject\n")
    is_done(s, 550, "floor=reject: rejected")
    reasons(s, [("local_policy", "phished")], "reject",
            "local_policy by floor")
    s = site.forged("rej.example", "# one\n\nrcpt=user@receiver.example\n"
                    "\taction=accept reason=\"abuse desk\"\n")
    is_done(s, "delivered", "action=accept by recipient: delivered")
    reasons(s, [("local_policy", "abuse desk")], "none",
            "local_policy by action")
    s = site.forged("rej.example", "from=.rej.example action=header "
                    "override=other reason=\"agreed by phone\"\n")
    is_done(s, "delivered", "action=header: delivered")
    tap.eq(s.field("X-Aver-Verdict")[:1] and
           s.field("X-Aver-Verdict")[0].split(";")[:2],
           ["header", " reason=dmarc_reject"], "and marked")
    reasons(s, [("other", "agreed by phone")], "none", "other")

    # forwarders and lists
    table = ("client=198.51.100.64/28 trusted_forwarder reason=campus\n"
             "mailfrom=forward.example trusted_forwarder\n"
             "list=lists.example mailing_list reason=\"the list\"\n")
    s = site.forged("rej.example", table, ip="198.51.100.70")
    is_done(s, "delivered", "trusted forwarder: delivered")
    reasons(s, [("trusted_forwarder", "campus")], "none",
            "trusted_forwarder by network")
    s = site.forged("rej.example", ip="198.51.100.80")
    is_done(s, "held", "outside of that network: held")
    s = site.forged("rej.example", table.replace("/28", "/30"),
                    ip="198.51.100.77", sender="srs0@forward.example")
    is_done(s, "delivered", "forwarder with an SPF pass: delivered")
    reasons(s, [("trusted_forwarder", "")], "none",
            "trusted_forwarder by MAIL FROM")
    s = site.forged("rej.example", sender="srs0@forward.example")
    is_done(s, "held", "the forwarder's name without SPF pass: held")
    test_list(site, key)


def sign(m, domain, key):
    return dkim.sign(m, b"s1", domain.encode(), key,
                     include_headers=[b"from", b"to", b"subject"]) + m


def test_list(site, key):
    """In the table: list=lists.example mailing_list."""
    list_id = b"List-Id: <all.lists.example>\r\n"
    wants = [
        ("signed by the list", "lists.example", b"", "delivered",
         [("mailing_list", "the list")]),
        ("a broken signature of the list", "lists.example", b"Bye.\r\n",
         "held", [LOCAL]),
        ("no signature, but List-Id", None, b"", "held", [LOCAL]),
        ("List-Id, signed by another domain", "evil.example", b"", "held",
         [LOCAL]),
    ]
    for name, signer, more, where, want in wants:
        author = site.fresh("rej.example")
        m = site.message("a@" + author, list_id)
        if signer:
            m = sign(m, signer, key)
        s = site.send(m + more)
        s.row = site.row("rej.example", author)
        is_done(s, where, name + ": " + where)
        reasons(s, want, "none" if where == "delivered" else "quarantine",
                name)


def chain(site, key, author, claim, sealers):
    """A message with an ARC set of each sealer, over what claim says."""
    m = site.message("a@" + author)
    for d in sealers:
        m = (b"Authentication-Results: mx.%s; %s\r\n" %
             (d.encode(), claim)) + m
        fields = dkim.arc_sign(m, b"s1", d.encode(), key,
                               b"mx." + d.encode(), include_headers=[
                                   b"from", b"to", b"subject", b"date",
                                   b"message-id"])
        m = b"".join(fields) + m
        claim = b"arc=pass"
    return m


def test_arc(site, key):
    good = b"spf=pass smtp.mailfrom=rej.example; dmarc=pass"
    trust = "arc_trusted_sealers = sealer.example\n"
    seal = "as[%d].d=%s as[%d].s=s1"
    one = ["sealer.example"]
    wants = [
        ("a trusted sealer", trust, good, one, "delivered", "arc=pass",
         [("local_policy", "arc=pass " + seal % (1, one[0], 1))]),
        ("a trusted sealer who tells the client", trust,
         good + b"; arc=none smtp.remote-ip=203.0.113.5", one, "delivered",
         "arc=pass", [("local_policy", "arc=pass %s remote-ip[1]=203.0.113.5"
                       % (seal % (1, one[0], 1)))]),
        ("a trusted one behind another", trust, good,
         ["evil.example"] + one, "delivered", "arc=pass",
         [("local_policy", "arc=pass %s %s" % (
             seal % (2, one[0], 2), seal % (1, "evil.example", 1)))]),
        ("a sealer who is not trusted", trust, good, ["evil.example"],
         "held", "arc=pass", [LOCAL]),
        ("the trusted one not the newest", trust, good,
         one + ["evil.example"], "held", "arc=pass", [LOCAL]),
        ("a trusted sealer who saw DMARC fail", trust, b"dmarc=fail", one,
         "held", "arc=pass", [LOCAL]),
        ("nobody trusted", "", good, one, "held", "arc=pass", [LOCAL]),
        ("ARC is off", trust + "arc = no\n", good, one, "held", None,
         [LOCAL]),
    ]
    for name, conf, claim, sealers, where, arc, want in wants:
        site.use(None, conf)
        author = site.fresh("rej.example")
        s = site.send(chain(site, key, author, claim, sealers))
        s.row = site.row("rej.example", author)
        is_done(s, where, "ARC, " + name + ": " + where)
        tap.eq(re.findall(r"\barc=\w+", s.ar().split("header.from")[0]
                          .split("dmarc=")[0]), [arc] if arc else [],
               "ARC, " + name + ": " + (arc or "no arc="))
        reasons(s, want, "none" if where == "delivered" else "quarantine",
                "ARC, " + name)
    site.use(None, trust)
    m = chain(site, key, site.fresh("rej.example"), good, one)
    s = site.send(m.replace(b"Hello", b"Jello"))
    is_done(s, "held", "ARC, changed after the seal: held")
    tap.ok(" arc=fail" in s.ar(), "ARC, changed after the seal: fail", s.ar())


def test_situations(site, key):
    """Every situation with an action of its own, and with the next stricter:
    (name, parameter, author domain, what to send, cause in the log)."""
    broken = sign(site.message("a@plain.example"), "plain.example", key)
    broken = broken.replace(b"Hello", b"Jello")
    cases = [
        ("dmarc_reject", "rej.example", None, ""),
        ("dmarc_quarantine", "quar.example", None, ""),
        ("dmarc_none", "watch.example", None, ""),
        ("dmarc_permerror", "perm.example", None, ""),
        ("dmarc_temperror", "servfail.example", None, ""),
        ("from_invalid", "", site.message(
            "a@plain.example, b@other.example"), ""),
        # <>: the HELO name is what SPF is about
        ("spf_fail", "", site.message("a@plain.example"), ""),
        ("dkim_policy", "", broken, "spf_fail_action = accept\n"),
        ("budget", "", site.message("a@other.example", b"X: y\r\n" * 150),
         "max_header_fields = 100\n"),
    ]
    ends = {"accept": "delivered", "header": "delivered",
            "quarantine": "held", "tempfail": 451, "reject": 550}
    for cause, domain, m, conf in cases:
        for action, end in ends.items():
            site.use(None, conf + "%s_action = %s\n" % (cause, action))
            one = m or site.message("a@" + site.fresh(domain))
            # a message ID for each, to be found by
            site.n += 1
            one = re.sub(rb"<policy-\d+", b"<policy-%d" % site.n, one)
            s = site.send(one, sender="x@plain.example"
                          if cause == "spf_fail" else "x@bad.invalid")
            good = s.where == end if isinstance(end, str) else s.code == end
            mark = s.field("X-Aver-Verdict")
            good = good and "cause=" + cause in s.log and \
                "action=" + action in s.log and \
                bool(mark) == (action == "header") and \
                (not s.text or "action=" + action in s.ar()) and \
                (not mark or mark[0].startswith(
                    "header; reason=" + cause))
            tap.ok(good, "%s_action = %s" % (cause, action), s)
    s = site.send(site.message("a@" + site.fresh("servfail.example")))
    tap.eq(site.rows("servfail.example"), [],
           "what is undecided is not recorded")


def test_budget_dns(site):
    site.use(None, "dns_max_questions = 10\nbudget_action = quarantine\n")
    extra = b"".join(
        b"DKIM-Signature: v=1; a=rsa-sha256; d=k%d.other.example; s=s; "
        b"h=from; bh=%sA=; b=AAAA\r\n" % (i, b"A" * 42) for i in range(12))
    s = site.send(site.message("a@other.example", extra))
    tap.ok("budget=\"dns questions\"" in s.log and s.where == "held",
           "too many DNS questions: budget_action", s)


def test_from_policy(site):
    """from_invalid_action = policy, the default."""
    site.use(None, "")
    for author, want in (("a@watch.example, b@rej.example", 550),
                         ("a@quar.example, b@watch.example", 550),
                         ("a@watch.example, b@plain.example", "header"),
                         ("a@plain.example, b@perm.example", "header")):
        s = site.send(site.message(
            author, b"X-Aver-Verdict: header; reason=of_the_sender\r\n"))
        mark = [f.split(";")[1] for f in s.field("X-Aver-Verdict")]
        good = s.code == 550 if want == 550 else \
            mark == [" reason=from_invalid"]
        tap.ok(good and "cause=from_invalid" in s.log,
               "From: %s: %s" % (author, want), s)


def test_test_mode(site):
    site.use(None, "test_mode = yes\ndmarc_reject_action = reject\n"
             "dmarc_temperror_action = tempfail\n"
             "dmarc_none_action = header\n")
    s = site.forged("rej.example")
    is_done(s, "delivered", "test mode: delivered what would be rejected")
    tap.ok("would=reject" in s.log and "action=accept" in s.log,
           "and the log says so", s.log)
    reasons(s, [("local_policy", "test mode of this site")], "none",
            "test mode in the record")
    s = site.forged("watch.example")
    tap.ok("would=header" in s.log and s.where == "delivered" and
           not s.field("X-Aver-Verdict"), "test mode: no mark either", s)
    reasons(s, [], "none", "p=none: nothing to tell")
    s = site.send(site.message("a@" + site.fresh("servfail.example")))
    tap.ok("would=tempfail" in s.log and s.where == "delivered",
           "test mode: nothing is put off", s)


def test_reload(site):
    conf = "policy_table = %s\n" % site.lab.path("table")
    s = site.forged("rej.example", "from=.rej.example action=accept\n")
    is_done(s, "delivered", "a table")
    site.lab.write("table", "from=.rej.example action=tempfail\n")
    s = site.send(site.message("a@" + site.fresh("rej.example")))
    is_done(s, "delivered", "changed, not yet read")
    # the file of parameters is the same, only the table changed
    site.milter.reconfigure(conf)
    s = site.send(site.message("a@" + site.fresh("rej.example")))
    is_done(s, 451, "read on SIGUSR1")

    site.lab.write("table", "# ok\nfrom=.rej.example action=accept\n"
                   "list=x.example\n\tmailing_lists\n")
    before = len(site.milter.text())
    site.milter.proc.send_signal(10)
    L.wait_until(lambda: "reload refused" in site.milter.text()[before:], 10,
                 "the refusal")
    where = site.lab.path("table") + ":"
    said = site.milter.text()[before:]
    tap.ok(re.search(re.escape(where) + r"[34]: .*mailing_lists", said),
           "a wrong table: refused with file and line", said)
    s = site.send(site.message("a@" + site.fresh("rej.example")))
    is_done(s, 451, "and the old one goes on")
    site.lab.write("table", "from=.rej.example\nclient=10.0.0.1/8 default\n"
                   "from=ok.example default\nfrom=a.example bounds=2\n")
    r = site.lab.aver("-c", site.milter.conf, "conf", "-t")
    tap.ok(r.returncode != 0 and all(
        where + "%d: " % n in r.stderr + r.stdout for n in (1, 2, 4)) and
        where + "3" not in r.stderr + r.stdout,
        "aver conf -t: every wrong line", r.stdout + r.stderr)
    r = subprocess.run([os.path.join(L.BUILD, "aver-milter"), "-t", "-c",
                        site.milter.conf], capture_output=True, text=True)
    tap.ok(r.returncode == 1 and where + "1: " in r.stderr,
           "aver-milter -t too", r.stderr)
    os.unlink(site.lab.path("table"))
    r = site.lab.aver("-c", site.milter.conf, "conf", "-t")
    tap.ok(r.returncode != 0 and site.lab.path("table") in
           r.stdout + r.stderr, "no such table", r.stdout + r.stderr)
    site.lab.write("table", "from=.rej.example action=accept\n")
    r = site.lab.aver("-c", site.milter.conf, "conf", "-t")
    tap.eq(r.returncode, 0, "aver conf -t: a good one")
    site.milter.configure("reject_reply = 250 2.0.0 fine\n")
    r = site.lab.aver("-c", site.milter.conf, "conf", "-t")
    tap.ok(r.returncode != 0 and "reject_reply" in r.stdout + r.stderr,
           "a reply of 250 is no refusal", r.stdout + r.stderr)
    before = len(site.milter.text())
    site.milter.proc.send_signal(10)
    L.wait_until(lambda: "reload refused" in site.milter.text()[before:], 10,
                 "the refusal")
    tap.ok("reject_reply" in site.milter.text()[before:],
           "and a reload with it is refused", site.milter.text()[before:])


def test_replies(site):
    """A reply is one line, whatever a client says."""
    site.use(None, "dmarc_reject_action = reject\n"
             "dmarc_reject_reply = 554 5.7.26 100%% %{domain} p=%{policy} "
             "at=%{policy_domain} h=%{helo} f=%{mailfrom} i=%{ip} q=%{qid} "
             "host=%{host} why=%{reason}\n")
    name = site.fresh("rej.example")
    helo = "a%s%n%{ip}%%\"<b>"
    s = site.send(site.message("a@" + name), helo=helo,
                  sender="\"%n%{qid} %d\\\"\"@bad.invalid")
    want = ("5.7.26 100% " + name + " p=reject at=rej.example h=" + helo +
            " f=\"%n%{qid} %d\\\"\"@bad.invalid i=" + BAD + " q=")
    tap.ok(s.code == 554 and s.reply.startswith(want) and
           "host=mx.receiver.example why=" in s.reply,
           "fields in a reply are text", "%r\n%r" % (s.reply, want))
    for what, sender in (
            ("8-bit octets", b"<\xc3\xa9\xe2\x80\xae@bad.invalid>"),
            ("control octets", b"<\"a\x07\x1b[2J\x7f\"@bad.invalid>"),
            ("a long address", b"<" + b"l" * 900 + b"@bad.invalid>")):
        c = L.Client(site.port, ip=BAD, helo="bad.invalid")
        c.open()
        c.s.send(b"MAIL FROM:" + sender + b"\r\n")
        code, text = c.s.getreply()
        if code == 250:
            c.s.rcpt("user@receiver.example")
            code, text = c.data(site.message("a@" +
                                             site.fresh("rej.example")))
        c.close()
        text = text.decode("latin-1")
        tap.ok(code == 554 and len(text) <= 510 and
               all(" " <= t <= "~" for t in text),
               what + ": one printable line", "%d %r" % (code, text))


def test_tls(site):
    site.use(None, "")
    text = b"TLS-Required: No\r\n"
    s = site.send(site.message("a@watch.example", text))
    tap.ok("tls=\"tls-required=no\"" in s.log or
           "tls=tls-required=no" in s.log, "TLS-Required: logged", s.log)
    tap.ok("(tls-required=no)" in s.ar().split(";")[0],
           "TLS-Required: a comment", s.ar())
    tap.eq(s.field("TLS-Required"), ["No"], "TLS-Required: left in place")
    for name, extra in (("twice", text * 2),
                        ("another value", b"TLS-Required: Yes\r\n"),
                        ("none", b"")):
        s = site.send(site.message("a@watch.example", extra))
        tap.ok(" tls=" not in s.log and "tls-required" not in s.ar(),
               "TLS-Required, %s: no wish" % name, s)
    extra = b"Require-TLS-ESMTP: yes\r\nX-A: b\r\nrequire-tls-esmtp: yes\r\n"
    s = site.send(site.message("a@watch.example", extra))
    tap.eq(len(s.field("Require-TLS-ESMTP")), 2, "Require-TLS-ESMTP stays")
    site.use(None, "strip_require_tls_esmtp = yes\n")
    s = site.send(site.message("a@watch.example", extra))
    tap.eq((s.field("Require-TLS-ESMTP"), s.field("X-A")), ([], ["b"]),
           "strip_require_tls_esmtp removes them, and nothing else")
    site.use(None, "strip_require_tls_esmtp = yes\nmax_header_fields = 100\n"
                   "budget_action = accept\n")
    late = b"X-B: c\r\n" * 150 + b"Require-TLS-ESMTP:" + b" " * 300 + \
        b"yes\r\n"
    s = site.send(site.message("a@watch.example", late))
    tap.eq((s.field("Require-TLS-ESMTP"), len(s.field("X-B"))), ([], 150),
           "strip_require_tls_esmtp removes what is beyond the budgets too")


def test_aliases(site):
    lie = (b"Authentication-Results: old.receiver.example; dmarc=pass\r\n"
           b"Authentication-Results: other.example; dmarc=pass\r\n")
    for conf, want in (("", 3), ("authserv_id_aliases = "
                                 "old.receiver.example\n", 2)):
        site.use(None, conf)
        s = site.send(site.message("a@watch.example", lie))
        got = s.field("Authentication-Results")
        tap.ok(len(got) == want and
               ("forged=1" in s.log) == (want == 2) and
               got[-1].startswith("other.example"),
               "results of another name of ours: %s" %
               ("removed" if conf else "kept without the parameter"), got)


def main(lab):
    key, public = make_key(lab)
    dns = lab.nsd({"example": zone(public),
                   "invalid": NOTHING, "arpa": NOTHING,
                   "servfail.example": "this is no zone\n"})
    milter = lab.milter(dns, "store_batch_time = 20ms\n")
    site = Site(lab, milter, lab.postfix(milter.port))
    test_reasons(site, key)
    test_arc(site, key)
    test_situations(site, key)
    test_budget_dns(site)
    test_from_policy(site)
    test_test_mode(site)
    test_reload(site)
    test_replies(site)
    test_tls(site)
    test_aliases(site)
    tap.eq(milter.stop(), 0, "an orderly end")
    odd = [line for line in milter.text().splitlines()
           if re.search(r"[a-z]=\?( |$)", line)]
    tap.eq(odd, [], "every word in the log has a name")


with L.Lab() as lab:
    try:
        main(lab)
    except Exception:  # shown with the ends of the logs
        import traceback
        tap.ok(False, "no exception", traceback.format_exc())
        tap.note(lab.read("milter.log")[-3000:])
        tap.note(lab.read("postfix.log")[-2000:])
tap.done()
