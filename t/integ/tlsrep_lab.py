# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""What the tests of TLS reports share: results put into a store, reports as
they came by mail or by HTTPS, a schema made from RFC 8460, an HTTPS server
that takes reports."""
import email
import email.policy
import gzip
import http.server
import json
import os
import ssl
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as L
import reports_lab as R

try:
    import jsonschema
except ImportError:
    jsonschema = None

FILL = os.path.join(L.BUILD, "t/integ/filltls")
DAY = R.DAY
SCHEMA = json.load(open(os.path.join(
    L.TOP, "t", "integ", "tlsrpt.schema.json")))


def row(day, policy_domain, recipient=None, good=0, bad=0, kind="sts",
        domain=None, strings="-", mx="-", wanted=True, why=None):
    """A line for filltls; why: (result, mx host, address, reason)."""
    return " ".join(str(w) for w in [
        day, policy_domain, recipient or policy_domain,
        "wanted" if wanted else "unwanted", good, bad, kind,
        domain or recipient or policy_domain, strings, mx] + list(why or []))


class Site(R.Site):
    def __init__(self, lab, zone="", extra="", name="site"):
        super().__init__(lab, zone, "tls_report_spread = 0\n" + extra, name)

    def put(self, *rows):
        subprocess.run([FILL, self.store], check=True, text=True,
                       input="\n".join(rows) + "\n",
                       stdout=subprocess.DEVNULL)
        self.own()

    def fill_tls(self, domains, sessions, day, seed=1):
        subprocess.run([FILL, self.store, str(domains), str(sessions),
                        str(day), str(seed)], check=True,
                       stdout=subprocess.DEVNULL)
        self.own()

    def tls(self, now, *args, **more):
        return self.report("tls", "--now", str(now), *args, **more)

    def tls_mails(self):
        return [Mail(open(self.path("out", f), "rb").read())
                for f in sorted(os.listdir(self.path("out")))
                if f.endswith(".eml")]

    def results(self):
        """{policy domain: sessions} that are in the store."""
        r = self.aver("results", "--json")
        return {x["policy_domain"]: x["success"] + x["failure"]
                for x in json.loads(r.stdout)}

    def ledger(self):
        return json.loads(self.aver("reports", "--json").stdout)


class Report:
    """A report document, compressed."""

    def __init__(self, octets):
        self.octets = octets
        self.text = gzip.decompress(octets).decode("utf-8")
        self.json = json.loads(self.text, object_pairs_hook=no_twins)
        self.id = self.json["report-id"]
        self.day = self.json["date-range"]["start-datetime"][:10]
        self.policies = self.json["policies"]

    def count(self):
        s = [p["summary"] for p in self.policies]
        return (sum(x["total-successful-session-count"] for x in s),
                sum(x["total-failure-session-count"] for x in s))

    def details(self):
        return [d for p in self.policies
                for d in p.get("failure-details", [])]

    def kinds(self):
        return [(p["policy"]["policy-type"], p["policy"]["policy-domain"])
                for p in self.policies]

    def faults(self):
        """What the schema has against it."""
        if not jsonschema:
            return []
        return [e.message for e in jsonschema.Draft7Validator(
            SCHEMA).iter_errors(self.json)]


def no_twins(pairs):
    """RFC 7493 section 2.3: no name twice."""
    out = dict(pairs)
    if len(out) != len(pairs):
        raise ValueError("a name is there twice")
    return out


class Mail(Report):
    def __init__(self, octets):
        self.raw = octets
        self.message = email.message_from_bytes(
            octets, policy=email.policy.default)
        self.to = str(self.message["To"])
        self.sender = str(self.message["X-Sender"] or "").strip("<> ")
        self.parts = list(self.message.walk())
        self.file_name = self.parts[2].get_filename()
        super().__init__(self.parts[2].get_payload(decode=True))
        self.domain = str(self.message["TLS-Report-Domain"])


class Takers:
    """An HTTPS server; what it says goes by the path: /200, /500, /302, or
    what .say has for it; /silent never answers, one with "page" in its path
    with a long text. got: (host, path, content
    type, octets) of each request. before(host) is called before the answer."""

    def __init__(self, certificate):
        self.got = []
        self.say = {}
        self.before = lambda host: None
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append((self.headers["Host"].split(":")[0],
                                  self.path, self.headers["Content-Type"],
                                  body))
                outer.before(outer.got[-1][0])
                what = outer.say.get(self.path, self.path[1:4])
                if what == "sil":
                    time.sleep(60)
                    return
                self.send_response(int(what))
                if what[0] == "3":
                    self.send_header("Location", "https://%s/200" %
                                     self.headers["Host"])
                page = b"x" * (1 << 20 if "page" in self.path else 0)
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

            do_GET = do_PUT = do_POST

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request, address):
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.path)
        self.server.socket = context.wrap_socket(
            self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever,
                         daemon=True).start()

    def url(self, path, host="take.example"):
        return "https://%s:%d/%s" % (host, self.port, path)

    def at(self, path):
        return [g for g in self.got if g[1] == "/" + path]
