#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""A day of a mail site. A real Postfix receives 2000 messages for 30 domains
through the milter; the next day aver-report sends its reports through Postfix,
with TLS, to mailboxes. Each is read by Mail::DMARC, validates against the schema
(AVER_CONFORMANCE names the folder that has it), verifies in OpenDKIM, and its
counts are what was sent. One mailbox bounces: that leads to a suppression, and
nobody gets any mail of it. Another is refused at once."""
import collections
import glob
import json
import os
import random
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__))))
import lab as L
import reports_lab as R

L.need(programs=("postfix", "nsd", "perl", "openssl"))
if subprocess.run(["perl", "-MMail::DMARC::Report::Receive", "-e", "1"],
                  capture_output=True).returncode:
    L.skip_all("there is no Mail::DMARC")
TOTAL = int(os.environ.get("AVER_COUNT", "2000"))
DOMAINS = 30
CONNECTIONS = 20
BOUNCES = 7  # the domain whose rua mailbox bounces what was accepted
REFUSES = 11  # the one that Postfix does not take at all
SILENT = 3  # asks for no reports
SCHEMA = "dmarc-2.0-draft-ietf-dmarc-aggregate-reporting.xsd"
tap = L.Tap()


def key_record(lab):
    """A key for us; the record to publish."""
    subprocess.run(["openssl", "genrsa", "-out", lab.path("key.pem"), "2048"],
                   check=True, capture_output=True)
    shutil.chown(lab.path("key.pem"), "nobody")
    os.chmod(lab.path("key.pem"), 0o600)
    der = subprocess.run(
        ["openssl", "rsa", "-in", lab.path("key.pem"), "-pubout",
         "-outform", "DER"], check=True, capture_output=True).stdout
    import base64
    p = base64.b64encode(der).decode()
    text = "v=DKIM1; k=rsa; p=" + p
    return " ".join('"%s"' % text[i:i + 200]
                    for i in range(0, len(text), 200))


def certificate(lab):
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days",
         "2", "-subj", "/CN=localhost", "-addext",
         "subjectAltName=DNS:localhost", "-keyout", lab.path("tls.key"),
         "-out", lab.path("tls.crt")], check=True, capture_output=True)


def zone(key):
    text = ["$ORIGIN example.", "$TTL 300",
            "@ SOA ns hostmaster 1 3600 900 86400 300", "@ NS ns",
            "ns A 127.0.0.1",
            'receiver TXT "v=spf1 ip4:127.0.0.1 -all"',
            "receiver MX 1 ns", "mx.receiver A 127.0.0.1",
            '_dmarc.receiver TXT "v=DMARC1; p=reject; adkim=s; aspf=s"',
            "s1._domainkey.receiver TXT " + key,
            "collect MX 1 ns",
            '*._report._dmarc.collect TXT "v=DMARC1"']
    for i in range(DOMAINS):
        # every other one has its reports collected elsewhere
        rua = "" if i == SILENT else "rua=mailto:rua@d%d.example%s" % (
            i, ",mailto:d%d@collect.example" % i if i % 2 else "")
        text += ['d%d TXT "v=spf1 ip4:192.0.2.%d -all"' % (i, i + 1),
                 "d%d MX 1 ns" % i,
                 '_dmarc.d%d TXT "v=DMARC1; p=%s; %s"' %
                 (i, ("none", "quarantine", "reject")[i % 3], rua)]
    return "\n".join(text) + "\n"


class Day:
    """What is sent, and what of it has to be in reports."""

    def __init__(self, port):
        self.port = port
        self.counts = collections.Counter()
        self.taken = [0] * CONNECTIONS

    def message(self, rng, n):
        """(domain, client address, text); one in five is forged."""
        d = rng.randrange(DOMAINS)
        ip = d + 1 if rng.random() < 0.8 else 200
        text = ("From: a@d%d.example\r\nTo: user@receiver.example\r\n"
                "Subject: number %d\r\nMessage-ID: <%d@day.example>\r\n"
                "Date: Wed, 25 Nov 2026 12:00:00 +0000\r\n\r\nbody\r\n" %
                (d, n, n))
        return d, "192.0.2.%d" % ip, text.encode()

    def work(self, c):
        rng = random.Random(c)
        clients = {}
        for n in range(c, TOTAL, CONNECTIONS):
            d, ip, text = self.message(rng, n)
            if ip not in clients:
                if len(clients) > 4:
                    clients.pop(next(iter(clients))).close()
                clients[ip] = L.Client(self.port, ip=ip,
                                       helo="mail.d%d.example" % d)
            code = clients[ip].send_until_taken("b@d%d.example" % d, text)
            yield d, ip, code
        for client in clients.values():
            client.close()

    def run(self):
        results = [[] for _ in range(CONNECTIONS)]

        def one(c):
            results[c] = list(self.work(c))
        L.run_threads(CONNECTIONS, one)
        for d, ip, _ in (r for part in results for r in part):
            self.counts["d%d.example" % d, ip] += 1
        return sum(self.counts.values())


EXTRA_MAIN = """
virtual_mailbox_domains = receiver.example collect.example %(domains)s
virtual_mailbox_maps = inline:{ %(boxes)s }
transport_maps = inline:{
  dmarc-reports@receiver.example=averbounce:,
  rua@d%(bounces)d.example=nobodythere: }
smtpd_tls_security_level = may
smtpd_tls_cert_file = %(dir)s/tls.crt
smtpd_tls_key_file = %(dir)s/tls.key
recipient_delimiter = +
averbounce_destination_recipient_limit = 1
"""
EXTRA_MASTER = """
nobodythere unix - n n - - pipe
  flags=q user=nobody argv=/bin/sh -c exit\ 67
tlsmgr    unix  - - n 1000? 1 tlsmgr
averbounce unix - n n - 1 pipe
  flags=q user=nobody argv=%(report)s -f -c %(conf)s bounce ${original_recipient}
"""


def boxes():
    names = ["user@receiver.example=inbox/",
             "dmarc-reports@receiver.example=inbox/"]
    for i in range(DOMAINS):
        if i != REFUSES:
            names.append("rua@d%d.example=rua-d%d/" % (i, i))
        names.append("d%d@collect.example=collect-d%d/" % (i, i))
    return ", ".join(names)


def configure(lab, milter, port):
    """The milter's configuration serves aver-report as well."""
    milter.base += """
report_email = dmarc-reports@receiver.example
report_dkim_selector = s1
report_dkim_key_file = %s
report_transport = smtp://localhost:%d
report_tls_ca_file = %s
report_spread = 30m
dmarc_quarantine_action = header
""" % (lab.path("key.pem"), port, lab.path("tls.crt"))
    milter.reconfigure("")


def postfix(lab, milter):
    domains = " ".join("d%d.example" % i for i in range(DOMAINS))
    return lab.postfix(
        milter.port,
        EXTRA_MAIN % {"domains": domains, "boxes": boxes(),
                      "bounces": BOUNCES, "dir": lab.dir},
        EXTRA_MASTER.lstrip("\n") % {
            "report": L.for_others("aver-report", lab.dir),
            "conf": milter.conf})


def report(milter, *args):
    return subprocess.run([R.REPORT, "-f", "-c", milter.conf, *args],
                          capture_output=True, text=True, timeout=600)


def tomorrow():
    return str((int(time.time()) // 86400 + 1) * 86400 + 700)


def received(lab, name):
    return [R.Mail(open(f, "rb").read())
            for f in glob.glob(lab.path("mail", name, "new", "*"))]


def check_counts(day, mails):
    """Each domain's reports count what was sent, source by source."""
    got = collections.Counter()
    for m in mails:
        for row in m.all("record"):
            got[m.domain, m.text("row/source_ip", row)] += \
                int(m.text("row/count", row))
    want = {k: n for k, n in day.counts.items()
            if k[0] != "d%d.example" % SILENT}
    return {k: (got[k], want.get(k)) for k in set(got) | set(want)
            if got[k] != want.get(k, 0)}


# it knows no namespace
MAIL_DMARC = r"""
use strict; use warnings;
use XML::LibXML; use Mail::DMARC::Report::Receive;
for my $file (@ARGV) {
    my $r = Mail::DMARC::Report::Receive->new;
    $r->report->init;
    my $dom = XML::LibXML->load_xml(location => $file);
    $r->do_node_report_metadata($dom->findnodes("/feedback/report_metadata"));
    $r->do_node_policy_published(
        $dom->findnodes("/feedback/policy_published"));
    $r->do_node_record($_) for $dom->findnodes("/feedback/record");
    my ($a, $n) = ($r->report->aggregate, 0);
    $n += $_->row->count for @{$a->record};
    print join(" ", $a->policy_published->domain, $a->metadata->report_id, $n),
        "\n";
}
"""


def check_second_program(lab, mails):
    files, plain = [], []
    for i, m in enumerate(mails):
        text = m.xml.decode()
        files.append(lab.write("xml/%d.xml" % i, text))
        plain.append(lab.write("xml/%d.plain" % i, text.replace(
            ' xmlns="%s"' % R.XMLNS.strip("{}"), "")))
    script = lab.write("read.pl", MAIL_DMARC)
    r = subprocess.run(["perl", script, *plain], capture_output=True,
                       text=True, cwd=lab.dir)
    got = [tuple(line.split()) for line in r.stdout.splitlines()]
    want = [(m.domain, m.id, str(m.count())) for m in mails]
    tap.ok(got == want, "Mail::DMARC reads all %d" % len(mails),
           "%s\n%r\n%r" % (r.stderr[-500:], got[:3], want[:3]))
    check_schema(lab, files)


def check_schema(lab, files):
    schema = os.path.join(os.environ.get("AVER_CONFORMANCE", "/nonexistent"),
                          "dev/schemas", SCHEMA)
    if not os.path.exists(schema) or not shutil.which("xmllint"):
        print("ok %d - the schema # SKIP AVER_CONFORMANCE names no folder "
              "with its schema" % (tap.count + 1))
        tap.count += 1
        return
    r = subprocess.run(["xmllint", "--noout", "--schema", schema, *files],
                       capture_output=True, text=True)
    tap.ok(r.returncode == 0, "all validate against the schema", r.stderr)


def check_signatures(lab, dns, mails):
    """OpenDKIM's verifier, with the test's DNS."""
    if not shutil.which("opendkim"):
        print("ok %d - OpenDKIM # SKIP opendkim is not installed" %
              (tap.count + 1))
        tap.count += 1
        return
    key = [line.split(" TXT ")[1] for line in
           lab.read("zone-example").splitlines() if "_domainkey" in line][0]
    lab.write("keys", "s1._domainkey.receiver.example %s\n" %
              "".join(re.findall('"([^"]*)"', key)))
    lab.write("opendkim.conf", "TestPublicKeys %s\nMode v\n"
              "Syslog no\nClockDrift 200000\n" % lab.path("keys"))  # tomorrow
    good = 0
    for m in mails:
        text = m.octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        with open(lab.path("one.eml"), "wb") as f:
            f.write(text)
        r = subprocess.run(["opendkim", "-x", lab.path("opendkim.conf"),
                            "-t", lab.path("one.eml"), "-v", "-v"],
                           capture_output=True, text=True)
        good += "verification (s=s1, d=receiver.example, 2048-bit key) " \
            "succeeded" in r.stdout + r.stderr
    tap.eq(good, len(mails), "OpenDKIM verifies all signatures")


def submissions(lab, milter, i):
    r = lab.aver("-c", milter.conf, "reports", "--domain",
                 "d%d.example" % i, "--json")
    return json.loads(r.stdout)[0]["submissions"]


def check_bounce(lab, milter):
    addresses = ["rua@d%d.example" % i for i in (REFUSES, BOUNCES)]

    def listed():
        r = lab.aver("-c", milter.conf, "suppress", "--json")
        return json.loads(r.stdout)
    L.wait_until(lambda: len(listed()) == 2, 60, "the bounce")
    tap.eq(sorted((e["kind"], e["value"], e["manual"]) for e in listed()),
           [("address", a, False) for a in sorted(addresses)],
           "both addresses are suppressed")
    tap.eq(submissions(lab, milter, BOUNCES), {"sent": 1, "bounced": 1},
           "the one that came back")
    tap.eq(submissions(lab, milter, REFUSES), {"sent": 1, "failed": 1},
           "the one that was refused")


def check_nobody_got_it(lab, day_count):
    """Only test messages are in the one mailbox of a person."""
    texts = [open(f, errors="replace").read() for f in lab.inbox()]
    bad = [t for t in texts if "Undelivered" in t or "Report Domain" in t]
    tap.ok(not bad, "nothing of it reached a person", bad[:1])
    tap.ok(len(texts) > 0 and len(texts) <= day_count,
           "mailbox: %d messages" % len(texts))


def wait_delivered(lab, n):
    def count():
        return len(glob.glob(lab.path("mail", "*", "new", "*"))) - \
            len(lab.inbox())
    L.wait_until(lambda: count() >= n, 60, "delivery")


def expected_mails():
    n = 0
    for i in range(DOMAINS):
        if i != SILENT:
            n += (i not in (BOUNCES, REFUSES)) + i % 2
    return n


def main(lab):
    key = key_record(lab)
    dns = lab.nsd({"example": zone(key)})
    milter = lab.milter(dns, "log_level = warn\n")
    certificate(lab)
    port = postfix(lab, milter)
    configure(lab, milter, port)
    check_selfcheck(milter)
    day = Day(port)
    started = time.monotonic()
    tap.eq(day.run(), TOTAL, "Postfix received %d messages" % TOTAL)
    tap.note("in %.0f s" % (time.monotonic() - started))
    L.wait_until(lambda: sum(milter.evaluations().values()) == TOTAL,
                 30, "the record")
    r = report(milter, "dmarc", "--now", tomorrow())
    tap.ok(r.returncode == 0, "aver-report dmarc", r.stderr[-2000:])
    run = R.summary(r.stderr)
    tap.eq(run.get("reports"), DOMAINS - 1, "reports made")
    tap.eq(run.get("sent"), expected_mails() + 1, "reports sent")
    wait_delivered(lab, expected_mails())
    check_reports(lab, dns, day, run)
    check_bounce(lab, milter)
    check_nobody_got_it(lab, TOTAL)
    r = report(milter, "dmarc", "--now", tomorrow())
    again = R.summary(r.stderr)
    tap.eq((again.get("reports"), again.get("sent")), (0, 0),
           "a second run has nothing to do")


def check_selfcheck(milter):
    r = report(milter, "check", "--ip", "127.0.0.1")
    tap.ok(r.returncode == 0 and "pass DMARC by DKIM and SPF" in r.stdout,
           "aver-report check finds nothing to fix", r.stdout + r.stderr)


def check_reports(lab, dns, day, run):
    own, collected = [], []
    for i in range(DOMAINS):
        own += received(lab, "rua-d%d" % i)
        collected += received(lab, "collect-d%d" % i)
    mails = own + collected
    tap.eq(len(mails), expected_mails(), "reports in mailboxes")
    missing = ["d%d.example" % i for i in (BOUNCES, REFUSES)]
    wrong = check_counts(day, own + [m for m in collected if
                                     m.domain in missing])
    tap.eq(sorted(wrong.items())[:5], [], "counts are what was sent")
    tap.eq(run.get("messages"), TOTAL - sum(
        n for k, n in day.counts.items() if k[0] == "d%d.example" % SILENT),
        "and the sum of all")
    subjects = [m for m in mails if "Report Domain: %s Submitter: "
                "receiver.example Report-ID: %s" % (m.domain, m.id) !=
                re.sub(r"\s+", " ", str(m.message["Subject"]))]
    tap.eq(len(subjects), 0, "subjects")
    tap.eq([m.file_name for m in mails if m.file_name !=
            "receiver.example!%s!%d!%d!%s.xml.gz" % (
                m.domain, m.begin, m.end, m.id)][:2], [], "file names")
    check_second_program(lab, mails)
    check_signatures(lab, dns, mails)


L.stay_clear_of(R.DAY, 300)
with L.Lab() as the_lab:
    main(the_lab)
tap.done()
