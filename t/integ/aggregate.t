#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""Aggregate and TLS reports against programs that are not ours.

Reports that t/integ/aggregen writes are read by Python's expat and by
Mail::DMARC; messages and archives that Python's libraries make are read by
`aver report show`. Bombs and damaged files run under a limit of address space
and the peak of memory is compared, not the time.
"""
import email.message
import email.policy
import gzip
import io
import json
import os
import re
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
import zipfile

BUILD = os.environ.get("top_builddir") or "."
AVER = os.path.join(BUILD, "aver")
GEN = os.path.join(BUILD, "t/integ/aggregen")
SANITIZED = bool(os.environ.get("SANITIZERS"))
MB = 1 << 20
SPACE = 400 * MB                # of address space
PEAK = 130 * 1024               # kB of resident memory, whatever the input
PEAK_STREAM = 24 * 1024         # where nothing but a stream is needed
NS = "{urn:ietf:params:xml:ns:dmarc-2.0}"


class State:
    count = 0
    failed = 0
    dir = None
    ask = answer = None         # of the process that runs programs


def ok(good, name, *notes):
    State.count += 1
    State.failed += not good
    print("%sok %d - %s" % ("" if good else "not ", State.count, name))
    if not good:
        for n in notes:
            print("# " + str(n)[:400].replace("\n", "\n# "))
    sys.stdout.flush()
    return good


def skip(name, why):
    State.count += 1
    print("ok %d - %s # SKIP %s" % (State.count, name, why))


def path(name):
    return os.path.join(State.dir, name)


def write(name, octets):
    with open(path(name), "wb") as f:
        f.write(octets)
    return path(name)


def serve(requests, answers):
    """Runs programs for the test: a process that was forked while it was
    small, for the peak of a child begins with its parent's memory."""
    for line in requests:
        argv, limit = json.loads(line)

        def restrict(limit=limit):
            if limit:
                resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        with open(path("out"), "wb") as out, open(path("err"), "wb") as err:
            p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out,
                                 stderr=err, preexec_fn=restrict)
            _, status, usage = os.wait4(p.pid, 0)
            p.returncode = os.waitstatus_to_exitcode(status)
        answers.write(json.dumps([p.returncode, usage.ru_maxrss,
                                  usage.ru_utime + usage.ru_stime]) + "\n")
        answers.flush()


def start_server():
    ours, theirs = os.pipe(), os.pipe()
    if os.fork() == 0:
        os.close(ours[1])
        os.close(theirs[0])
        serve(os.fdopen(ours[0]), os.fdopen(theirs[1], "w"))
        os._exit(0)
    os.close(ours[0])
    os.close(theirs[1])
    State.ask = os.fdopen(ours[1], "w")
    State.answer = os.fdopen(theirs[0])


class Run:
    """A program with its output, its status and its peak of memory in kB"""

    def __init__(self, argv, limit=SPACE, keep=True):
        State.ask.write(json.dumps([argv, 0 if SANITIZED else limit]) + "\n")
        State.ask.flush()
        self.status, self.peak, self.cpu = json.loads(State.answer.readline())
        if SANITIZED:
            self.peak = 0
        with open(path("err"), "rb") as f:
            self.err = f.read(65536).decode("ascii", "replace")
        self.out = b""
        if keep:
            with open(path("out"), "rb") as f:
                self.out = f.read()


def show(*files):
    return Run([AVER, "report", "show", "--json"] + list(files))


# --- what we write, read by others

def generate(form, rows):
    r = Run([GEN, form, str(rows)])
    ok(r.status == 0, "%s, %d rows: written" % (form, rows), r.err)
    return r


def text(node, tag):
    found = node.find(tag)
    return None if found is None else (found.text or "")


def by_expat(octets):
    """[(ip, count, disposition, dkim, spf, from, [(d, s, r)], spf result)]"""
    root = ET.fromstring(gzip.decompress(octets))
    ns = NS if root.tag.startswith("{") else ""
    rows = []
    for r in root.findall(ns + "record"):
        row, ids = r.find(ns + "row"), r.find(ns + "identifiers")
        done = row.find(ns + "policy_evaluated")
        auth = r.find(ns + "auth_results")
        rows.append((
            text(row, ns + "source_ip"), int(text(row, ns + "count")),
            text(done, ns + "disposition"), text(done, ns + "dkim"),
            text(done, ns + "spf"), text(ids, ns + "header_from"),
            [tuple(text(d, ns + k) for k in ("domain", "selector", "result"))
             for d in auth.findall(ns + "dkim")],
            text(auth.find(ns + "spf"), ns + "result")))
    return rows


def by_aver(octets):
    r = show(write("report.xml.gz", octets))
    ok(r.status == 0, "aver reads it", r.err)
    report = json.loads(r.out)[0]
    return [(x["source_ip"], x["count"], x["disposition"], x["dkim"],
             x["spf"], x["header_from"],
             [tuple(d[k] for k in ("domain", "selector", "result"))
              for d in x["dkim_results"]], x["spf_results"][0]["result"])
            for x in report["records"]]


MAIL_DMARC = r"""
use strict; use warnings;
use XML::LibXML; use Mail::DMARC::Report::Receive;
my $r = Mail::DMARC::Report::Receive->new;
$r->report->init;
my $dom = XML::LibXML->load_xml(location => $ARGV[0]);
$r->do_node_report_metadata($dom->findnodes("/feedback/report_metadata"));
$r->do_node_policy_published($dom->findnodes("/feedback/policy_published"));
$r->do_node_record($_) for $dom->findnodes("/feedback/record");
my $a = $r->report->aggregate;
my ($m, $p) = ($a->metadata, $a->policy_published);
print join("|", $m->org_name, $m->email, $m->report_id, $m->begin, $m->end,
    $p->domain, $p->p, $p->sp, $p->adkim, $p->aspf), "\n";
for my $rec (@{$a->record}) {
    my $e = $rec->row->policy_evaluated;
    print join("|", $rec->row->source_ip, $rec->row->count, $e->disposition,
        $e->dkim, $e->spf, $rec->identifiers->header_from,
        (map { join("/", $_->domain, $_->result) } @{$rec->auth_results->dkim}),
        (map { $_->result } @{$rec->auth_results->spf})), "\n";
}
"""


def test_mail_dmarc(form, octets):
    name = "Mail::DMARC reads %s" % form
    probe = subprocess.run(
        ["perl", "-MMail::DMARC::Report::Receive", "-e", "1"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) \
        if shutil.which("perl") else None
    if probe is None or probe.returncode:
        return skip(name, "there is no Mail::DMARC")
    # it knows no namespace, and takes the first signature for each: what is
    # tested is the order and the values
    xml = gzip.decompress(octets).replace(b' xmlns="%s"' % NS[1:-1].encode(),
                                          b"")
    r = subprocess.run(["perl", "-", write("mail-dmarc.xml", xml)],
                       input=MAIL_DMARC.encode(), stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE)
    lines = r.stdout.decode("utf-8", "replace").splitlines()
    if not ok(r.returncode == 0 and lines, name, r.stderr.decode()):
        return None
    ok(lines[0] == "Example & Sons|dmarc@mx.example.net|20261101examplecom1|"
       "1793491200|1793577599|example.com|reject|quarantine|r|r",
       name + ": the head", lines[0])
    want = []
    for ip, count, disposition, dkim, spf, header_from, sigs, result \
            in by_expat(octets):
        if disposition == "pass":
            disposition = "none"        # it does not know this word
        want.append("|".join(
            [ip, str(count), disposition, dkim, spf, header_from]
            + ["%s/%s" % (sigs[0][0], sigs[0][2])] * len(sigs) + [result]))
    bad = [(a, b) for a, b in zip(lines[1:], want) if a != b]
    return ok(not bad and len(lines) - 1 == len(want),
              name + ": all %d records" % len(want), bad[:3])


def test_writer():
    for form in ("rfc9990", "rfc7489"):
        r = generate(form, 100)
        rows = by_expat(r.out)
        ok(len(rows) == 100 and sum(x[1] for x in rows) ==
           sum(n % 9 + 1 for n in range(100)), form + ": expat counts")
        ok(by_aver(r.out) == rows, form + ": aver reads what expat reads")
        ok(rows[1][6][1][1] == "\ufffd", form + ": a control is replaced",
           rows[1])
        test_mail_dmarc(form, r.out)


def test_size():
    small, large = generate("rfc9990", 1000), generate("rfc9990", 200000)
    ok(SANITIZED or large.peak - small.peak < 2048,
       "200000 rows take no more memory than 1000",
       small.peak, large.peak)
    print("# 200000 rows: %.2f s, %d kB; 1000 rows: %d kB"
          % (large.cpu, large.peak, small.peak))
    r = Run([AVER, "report", "show", write("large.gz", large.out)],
            keep=False)
    ok(r.status == 0, "aver reads 200000 rows", r.err)
    ok(r.peak < PEAK_STREAM + len(large.out) // 512, "in little memory",
       r.peak)
    print("# read in %.2f s, %d kB" % (r.cpu, r.peak))
    plain = gzip.decompress(large.out)
    r = Run([AVER, "report", "show", write("large.xml", plain)], keep=False)
    ok(len(plain) > 64 * MB and r.status == 0,
       "plain XML of %d MB" % (len(plain) // MB), r.err)
    ok(r.peak < PEAK_STREAM, "in little memory", r.peak)


# --- what others write, read by us

XML = (b"<feedback><report_metadata><org_name>O</org_name><report_id>x1"
       b"</report_id></report_metadata><policy_published><domain>a.example"
       b"</domain><p>none</p></policy_published><record><row><source_ip>"
       b"192.0.2.1</source_ip><count>4</count></row></record></feedback>")
TLS = (b'{"organization-name":"O","report-id":"t1","policies":[{"policy":'
       b'{"policy-type":"sts"},"summary":{"total-successful-session-count":'
       b'7,"total-failure-session-count":0}}]}')


def archive(*members, method=zipfile.ZIP_DEFLATED):
    b = io.BytesIO()
    with zipfile.ZipFile(b, "w", method) as z:
        for name, octets in members:
            z.writestr(name, octets)
    return b.getvalue()


def message(*attachments, cte="base64", policy=email.policy.SMTP):
    m = email.message.EmailMessage(policy=policy)
    m["From"], m["To"], m["Subject"] = "a@b.example", "c@d.example", "Report"
    m.set_content("<This> is a report.\n{not JSON}\n")
    for name, maintype, subtype, octets in attachments:
        m.add_attachment(octets, maintype=maintype, subtype=subtype,
                         filename=name, cte=cte)
    return m


def ids(r):
    return [x.get("report_metadata", x.get("report", {})).get("report_id")
            or x.get("report", {}).get("report-id")
            for x in json.loads(r.out)]


def reads(name, octets, want):
    r = show(write("input", octets))
    ok(r.status == 0 and ids(r) == want, name, r.status, r.err, r.out)


def test_wrapped():
    gz, zipped = gzip.compress(XML), archive(("a.xml", XML))
    reads("two gzip members", gzip.compress(XML[:50]) +
          gzip.compress(XML[50:]), ["x1"])
    reads("ZIP", zipped, ["x1"])
    reads("ZIP, stored", archive(("a.xml", XML), method=zipfile.ZIP_STORED),
          ["x1"])
    reads("ZIP with folder, note and two reports",
          archive(("d/", b""), ("d/readme", b"hello"), ("d/a.xml", XML),
                  ("b.json", TLS)), ["x1", "t1"])
    b = io.BytesIO()
    with zipfile.ZipFile(b, "w") as z:
        with z.open("a.xml", "w", force_zip64=True) as f:
            f.write(XML)
    reads("ZIP64", b.getvalue(), ["x1"])
    reads("UTF-16", XML.decode().encode("utf-16"), ["x1"])
    for cte in ("base64", "quoted-printable"):
        m = message(("a.xml", "text", "xml", XML), cte=cte)
        reads("message, XML in " + cte, m.as_bytes(), ["x1"])
    m = message(("a.xml.gz", "application", "gzip", gzip.compress(XML)),
                ("b.zip", "application", "x-zip-compressed", zipped),
                ("c.json.gz", "application", "tlsrpt+gzip",
                 gzip.compress(TLS)),
                ("d.json", "application", "tlsrpt+json", TLS),
                ("e.png", "image", "png", b"\x89PNG"))
    reads("message with four reports", m.as_bytes(),
          ["x1", "x1", "t1", "t1"])
    reads("with LF line ends", m.as_bytes(
        policy=email.policy.default), ["x1", "x1", "t1", "t1"])
    outer = email.message.EmailMessage(policy=email.policy.SMTP)
    outer["From"], outer["Subject"] = "x@y.example", "Fwd"
    outer.set_content("see below")
    outer.add_attachment(m)
    reads("forwarded as an attachment", outer.as_bytes(),
          ["x1", "x1", "t1", "t1"])
    alone = email.message.EmailMessage(policy=email.policy.SMTP)
    alone["From"] = "a@b.example"
    alone.set_content(gz, maintype="application", subtype="gzip")
    reads("a message that is the report", alone.as_bytes(), ["x1"])
    reads("mailbox form", b"From a@b.example Sat Jan  3 01:05:34 1996\n" +
          alone.as_bytes(), ["x1"])


# --- what nobody should send

def gzip_of(unit, octets):
    """A gzip file of equal members that unfolds to so many octets"""
    size = min(octets, 16 * MB) // len(unit) or 1
    member = gzip.compress(unit * size, 9, mtime=0)
    return member * -(-octets // (size * len(unit)))


def overlapping():
    b = io.BytesIO()
    with zipfile.ZipFile(b, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("a.xml", XML * 1000)
        for n in range(40):
            twin = zipfile.ZipInfo("b%d.xml" % n)
            for key in ("compress_type", "CRC", "compress_size",
                        "file_size", "header_offset", "flag_bits"):
                setattr(twin, key, getattr(z.filelist[0], key))
            z.filelist.append(twin)
    return b.getvalue()


def lying(field, value):
    """A ZIP whose central directory says something else: offset, "<I" """
    z = bytearray(archive(("a.xml", XML)))
    at = z.index(b"PK\1\2")
    struct.pack_into("<I", z, at + field, value)
    return bytes(z)


def refused(name, octets, why, peak=PEAK):
    f = octets if isinstance(octets, str) else write("bomb", octets)
    r = Run([AVER, "report", "show", f])
    good = r.status == 1 and re.search(why, r.err) and r.peak < peak
    ok(good, "%s: %s" % (name, r.err.strip().replace(State.dir, "")[:110]),
       "status %d, %d kB, wanted: %s" % (r.status, r.peak, why))
    ok("secret" not in r.err and b"secret" not in r.out,
       name + ": nothing from elsewhere")


def test_bombs():
    head = b"<feedback><policy_published><domain>a</domain></policy_published>"
    refused("gzip of 2 GB of spaces", gzip_of(head[:10] + b" ", 1) +
            gzip_of(b" ", 2048 * MB), "octets of text|line")
    refused("gzip of 2 GB of spaces in a feedback",
            gzip.compress(head) + gzip_of(b" ", 2048 * MB),
            "16384 octets of text")
    refused("gzip of 2 GB of zeros", gzip_of(b"\0", 2048 * MB),
            "1073741824 octets when uncompressed")
    refused("gzip of 1.2 GB of records", gzip.compress(head) + gzip_of(
        b"<record><row><count>1</count></row><x>" + b"y" * 15000 +
        b"</x></record>", 1200 * MB), "1073741824 octets")
    spaces = gzip_of(b" ", 64 * MB)
    refused("gzip in gzip", gzip.compress(spaces), "no report")
    refused("ZIP with 65 members",
            archive(*[("%d.xml" % n, XML) for n in range(65)]),
            "more than 64 members")
    zeros = b"\0" * (48 * MB)
    refused("ZIP with 40 large members",
            archive(*[("%d.xml" % n, zeros) for n in range(40)]),
            "octets when uncompressed")
    refused("ZIP whose members overlap", overlapping(), "overlap")
    refused("ZIP in ZIP", archive(("b.zip", archive(("a.xml", XML)))),
            "no report")
    refused("ZIP that says too few octets", lying(24, 10), "size and check")
    refused("ZIP that says too many", lying(24, 0x7fffffff), "size and check")
    refused("ZIP that packs less", lying(20, 20), "cut off|damaged|size")
    refused("ZIP that packs more", lying(20, 0x7fffffff), "directory")
    refused("ZIP with another check sum", lying(16, 1), "size and check")
    refused("ZIP with an offset outside", lying(42, 0x7ffffff0), "directory")


def test_xml_bombs():
    laughs = b"<!DOCTYPE a [<!ENTITY l0 'ha'>" + b"".join(
        b"<!ENTITY l%d '%s'>" % (n, b"&l%d;" % (n - 1) * 10)
        for n in range(1, 10)) + b"]><feedback>&l9;</feedback>"
    refused("billion laughs", laughs, "document type", PEAK_STREAM)
    refused("quadratic blowup", b"<!DOCTYPE a [<!ENTITY a '" + b"a" * 60000 +
            b"'>]><feedback>" + b"&a;" * 60000 + b"</feedback>",
            "document type", PEAK_STREAM)
    secret = write("secret", b"secret")
    for kind in ("SYSTEM 'file://%s'" % secret, "SYSTEM '%s'" % secret):
        refused("external entity", ("<!DOCTYPE a [<!ENTITY e %s>]><feedback>"
                "<policy_published><domain>&e;</domain></policy_published>"
                "</feedback>" % kind).encode(), "document type", PEAK_STREAM)
    refused("external subset", ("<!DOCTYPE a SYSTEM '%s'><feedback/>"
                                % secret).encode(), "document type",
            PEAK_STREAM)
    include = ("<feedback xmlns:xi='http://www.w3.org/2001/XInclude'>"
               "<policy_published><domain><xi:include parse='text' href='%s'/>"
               "</domain></policy_published></feedback>" % secret)
    refused("XInclude", include.encode(), "names no policy domain",
            PEAK_STREAM)
    refused("a million levels", b"<feedback>" + b"<a>" * 1000000,
            "32 elements within")
    refused("attribute of 100 MB", b"<feedback a='" + b"a" * (100 * MB) +
            b"'/>", "in one tag")
    refused("text of 100 MB", b"<feedback><version>" + b"a" * (100 * MB),
            "octets of text")
    refused("JSON, a million levels", b'{"policies":' + b"[" * 1000000,
            "levels of JSON")
    refused("JSON of 17 MB", b'{"a":"' + b"a" * (17 * MB) + b'"}',
            "octets of JSON")
    refused("JSON, a million values", b'{"policies":[' + b"{}," * 1000000,
            "values of JSON")
    refused("40 MB of anything", b"a: b\n\n" + b"c" * (40 * MB),
            "more than 33554432 octets")
    refused("a message of 3000 parts", b"Content-Type: multipart/mixed; "
            b"boundary=x\n\n" + b"--x\n\nhello\n" * 3000, "parts or fields")
    refused("a folder", State.dir, "cannot be read|directory")


def test_truncated():
    whole = message(("a.xml.gz", "application", "gzip",
                     gzip.compress(XML))).as_bytes()
    for name, octets, end in (
            ("gzip", gzip.compress(XML), 1),
            ("ZIP", archive(("a.xml", XML)), 1), ("XML", XML, 1),
            ("JSON", TLS, 1),
            ("message", whole, len(whole) - whole.rindex(b"\r\n--") + 4)):
        bad = []
        for n in range(0, len(octets) - end, 1 + len(octets) // 25):
            r = show(write("input", octets[:n]))
            try:
                json.loads(r.out)
            except ValueError:
                bad.append((n, "no JSON"))
            if r.status != 1 or not r.err:
                bad.append((n, r.status, r.err))
        ok(not bad, "%s, cut off anywhere: an error and sound JSON" % name,
           bad[:5])


def main():
    with tempfile.TemporaryDirectory(prefix="aver-aggregate.") as d:
        State.dir = d
        start_server()
        test_writer()
        test_size()
        test_wrapped()
        test_bombs()
        test_xml_bombs()
        test_truncated()
    print("1..%d" % State.count)
    return 1 if State.failed else 0


sys.exit(main())
