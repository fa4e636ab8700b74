# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""What the tests of aver-report share: a store, a configuration, reports as
they were sent."""
import email
import email.policy
import gzip
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as L

REPORT = os.path.join(L.BUILD, "aver-report")
FILL = os.path.join(L.BUILD, "t/integ/fill")
DAY = 86400
LEASE = 425  # seconds, of report_timeout = 30s
XMLNS = "{urn:ietf:params:xml:ns:dmarc-2.0}"


class Site:
    """A folder with a store, a zone file and a directory for mail."""

    def __init__(self, lab, zone="", extra="", name="site"):
        self.lab = lab
        self.dir = lab.path(name)
        os.makedirs(self.path("out"))
        self.conf = self.path("aver.conf")
        self.store = os.environ.get("AVER_STORE",
                                    "sqlite:" + self.path("aver.db"))
        self.zone = self.path("zone")
        self.write("zone", zone)
        base = """
user = nobody
log_destination = stderr
state_directory = %s
store = %s
report_email = dmarc-reports@reporter.example
report_transport = directory:%s
report_spread = 0
report_timeout = 30s
report_retention = 3650d
dns_servers = 127.0.0.1@1
dnssec = off
""" % (self.dir, self.store, self.path("out"))
        names = {line.split("=")[0].strip() for line in extra.splitlines()}
        base = [line for line in base.splitlines()
                if line.split("=")[0].strip() not in names - {""}]
        self.write("aver.conf", "\n".join(base) + "\n" + extra)
        self.own()

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def write(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)

    def own(self):
        """Everything belongs to the user that the programs run as."""
        if os.geteuid() == 0:
            for root, _, files in os.walk(self.dir):
                shutil.chown(root, "nobody")
                for f in files:
                    shutil.chown(os.path.join(root, f), "nobody")

    def fill(self, domains, evaluations, day, seed=1, distinct=False):
        subprocess.run([FILL, self.store, str(domains), str(evaluations),
                        str(day), str(seed)] + ["distinct"] * distinct,
                       check=True, stdout=subprocess.DEVNULL)
        self.own()

    def argv(self, *args, zone=True):
        return [REPORT, "-f", "-c", self.conf, *args] + \
            (["--zone", self.zone] if zone else [])

    def report(self, *args, zone=True, **more):
        return subprocess.run(self.argv(*args, zone=zone), text=True,
                              capture_output=True, timeout=300 * L.SLOW,
                              **more)

    def spawn(self, *args):
        with open(self.path("log"), "ab") as f:
            return subprocess.Popen(self.argv(*args), stdout=f, stderr=f,
                                    stdin=subprocess.DEVNULL)

    def aver(self, *args, **more):
        """As the user who owns the store."""
        def become():
            if os.geteuid() == 0:
                import pwd
                user = pwd.getpwnam("nobody")
                os.setgid(user.pw_gid)
                os.setuid(user.pw_uid)
        return subprocess.run(
            [L.for_others("aver", self.path()), "-c", self.conf, *args],
            capture_output=True, text=True, preexec_fn=become, **more)

    def log(self):
        with open(self.path("log"), errors="replace") as f:
            return f.read()

    def mails(self):
        return [Mail(open(self.path("out", f), "rb").read())
                for f in sorted(os.listdir(self.path("out")))
                if f.endswith(".eml")]


class Mail:
    """A message with an aggregate report."""

    def __init__(self, octets):
        self.octets = octets
        self.message = email.message_from_bytes(
            octets, policy=email.policy.default)
        self.to = str(self.message["To"])
        self.sender = str(self.message["X-Sender"] or "").strip("<> ")
        part = [p for p in self.message.walk()
                if p.get_content_type() == "application/gzip"][0]
        self.file_name = part.get_filename()
        self.xml = gzip.decompress(part.get_payload(decode=True))
        self.root = ET.fromstring(self.xml)
        self.id = self.text("report_metadata/report_id")
        self.begin = int(self.text("report_metadata/date_range/begin"))
        self.end = int(self.text("report_metadata/date_range/end"))
        self.domain = self.text("policy_published/domain")

    def all(self, path, start=None):
        start = self.root if start is None else start
        found = start.findall("/".join(XMLNS + p for p in path.split("/")))
        return found or start.findall(path)

    def text(self, path, start=None):
        found = self.all(path, start)
        return found[0].text or "" if found else ""

    def count(self):
        return sum(int(self.text("row/count", r)) for r in self.all("record"))


def summary(text):
    """The numbers of the last run: line."""
    lines = [x for x in text.splitlines() if "]: run: " in x]
    return {k: int(v) for k, v in re.findall(r"(\w+)=(\d+)", lines[-1])} \
        if lines else {}
