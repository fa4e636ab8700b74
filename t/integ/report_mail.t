#!/usr/bin/python3
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""Report mail as others read it: each kind, signed with RSA, Ed25519 and
both, verifies in dkimpy and OpenDKIM (Debian's has Ed25519), and not after a
change; Python's parser finds the parts that the standards ask for."""
import email
import email.policy
import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__))))
import lab as L

tap = L.Tap()
try:
    import dkim
except ImportError:
    L.skip_all("python3-dkim is not installed")
OPENDKIM = shutil.which("opendkim") or (
    os.path.exists("/usr/sbin/opendkim") and "/usr/sbin/opendkim")
TOOL = os.path.join(L.BUILD, "t/integ/reportmail")
DOMAIN = "mx.example"
KEYS = {"rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
        "small": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"],
        "ed": ["-algorithm", "ed25519"]}
SETS = [["rsa"], ["small"], ["ed"], ["rsa", "ed"]]
DATE = int(time.time())         # one signature expires
POLICY = ("a-rather-long-name-of-a-department.some-subsidiary-of-a-large-"
          "enterprise.example.com")


def make_keys(folder):
    """{selector: key record}"""
    records = {}
    for name, options in KEYS.items():
        path = os.path.join(folder, name + ".pem")
        subprocess.run(["openssl", "genpkey"] + options + ["-out", path],
                       check=True, stderr=subprocess.DEVNULL)
        records[name] = subprocess.run(
            [TOOL, "record", path], check=True, text=True,
            stderr=subprocess.DEVNULL,
            stdout=subprocess.PIPE).stdout.strip()
    return records


def make(folder, kind, keys, document):
    return subprocess.run(
        [TOOL, kind, str(DATE)] +
        ["%s=%s/%s.pem" % (k, folder, k) for k in keys],
        input=document, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        check=True).stdout


def by_dkimpy(message, records, n):
    """All n signatures verify."""
    def txt(name, timeout=5):
        selector = name.decode().split(".")[0]
        return records[selector].encode()
    d = dkim.DKIM(message)
    try:
        return all(d.verify(idx=i, dnsfunc=txt) for i in range(n))
    except dkim.DKIMException:
        return False


class OpenDKIM:
    def __init__(self, folder, records):
        self.folder = folder
        self.conf = os.path.join(folder, "opendkim.conf")
        keys = os.path.join(folder, "keys")
        with open(keys, "w") as f:
            for selector, record in records.items():
                f.write("%s._domainkey.%s %s\n" % (selector, DOMAIN, record))
        with open(self.conf, "w") as f:
            f.write("Mode v\nTestPublicKeys %s\n" % keys)

    def results(self, message):
        """{selector: result} of its own Authentication-Results"""
        path = os.path.join(self.folder, "message")
        with open(path, "wb") as f:
            f.write(message)
        r = subprocess.run([OPENDKIM, "-x", self.conf, "-t", path, "-vv"],
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return {s: v for v, s in re.findall(
            r"dkim=(\w+)[^;]*?header\.s=(\w+)", r.stdout.decode())}


def damage(message):
    """A letter of the text part is another one."""
    return message.replace(b"Report-ID:  ", b"Report-id:  ")


def check_signatures(folder, records, judge, document):
    for kind in ("dmarc", "failure", "tls"):
        for keys in SETS:
            name = "%s, %s" % (kind, " and ".join(keys))
            m = make(folder, kind, keys, document)
            tap.ok(by_dkimpy(m, records, len(keys)), name + ": dkimpy")
            bad = damage(m)
            tap.ok(bad != m and not by_dkimpy(bad, records, len(keys)),
                   name + ": dkimpy, changed")
            if not judge:
                tap.ok(True, name + ": OpenDKIM # SKIP it is not installed")
                continue
            got = judge.results(m)
            tap.ok(got == {k: "pass" for k in keys}, name + ": OpenDKIM",
                   [repr(got)])
            got = judge.results(bad)
            tap.ok(got and "pass" not in got.values(),
                   name + ": OpenDKIM, changed", [repr(got)])


def types(m):
    return [p.get_content_type() for p in m.walk()]


def check_parts(folder, document):
    def read(kind):
        raw = make(folder, kind, ["rsa"], document)
        long = [l for l in raw.split(b"\r\n") if len(l) > 78]
        # what cannot be folded is one word
        tap.ok(not [l for l in long if b" " in l.split(b": ")[-1].strip()],
               kind + ": lines", [repr(long)])
        tap.ok(b"\n" not in raw.replace(b"\r\n", b"") and raw.isascii(),
               kind + ": only CRLF, only ASCII")
        return email.message_from_bytes(raw, policy=email.policy.default)

    m = read("dmarc")
    tap.ok(types(m) == ["multipart/mixed", "text/plain", "application/gzip"],
           "dmarc: parts", [repr(types(m))])
    tap.ok(re.fullmatch(r"Report Domain: %s Submitter: mx\.example "
                        r"Report-ID: [a-z2-7]{24}" % re.escape(POLICY),
                        m["Subject"]), "dmarc: Subject", [m["Subject"]])
    part = list(m.walk())[2]
    ident = m["Subject"].split()[-1]
    tap.ok(part.get_filename() == "mx.example!%s!1793491200!1793577599!%s"
           ".xml.gz" % (POLICY, ident), "dmarc: file name",
           [part.get_filename()])
    tap.ok(gzip.decompress(part.get_content()) == b"<feedback/>",
           "dmarc: document")
    tap.ok(m["From"].addresses[0].display_name == "Berichte f\u00fcr "
           "\u00dcbel", "dmarc: From", [repr(m["From"])])
    tap.ok("M\u00fcller & S\u00f6hne" in list(m.walk())[1].get_content(),
           "dmarc: text")
    tap.ok(m["Date"].datetime.timestamp() == DATE, "dmarc: Date")

    m = read("tls")
    tap.ok(types(m) == ["multipart/report", "text/plain",
                        "application/tlsrpt+gzip"], "tls: parts",
           [repr(types(m))])
    tap.ok(m["Content-Type"].params["report-type"] == "tlsrpt" and
           m["TLS-Report-Domain"] == POLICY and m["TLS-Required"] == "No" and
           m["TLS-Report-Submitter"] == "mx.example", "tls: fields")

    m = read("failure")
    parts = list(m.walk())
    tap.ok(types(m)[:3] == ["multipart/report", "text/plain",
                            "message/feedback-report"] and
           types(m)[-1] == "text/rfc822-headers", "failure: parts",
           [repr(types(m))])
    tap.ok(m["Subject"] == "FW: \u00e9t\u00e9", "failure: Subject",
           [m["Subject"]])
    tap.ok("Subject: \u00e9t\u00e9" in parts[-1].get_content(),
           "failure: header fields")


def main():
    if not os.access(TOOL, os.X_OK):
        L.skip_all("t/integ/reportmail is not built")
    document = gzip.compress(b"<feedback/>", mtime=0)
    with tempfile.TemporaryDirectory(prefix="aver-mail-") as folder:
        records = make_keys(folder)
        judge = OpenDKIM(folder, records) if OPENDKIM else None
        check_signatures(folder, records, judge, document)
        check_parts(folder, document)
    tap.done()


main()
