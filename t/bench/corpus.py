#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""Messages, DNS and expected results for the benchmark.

usage: corpus.py [-n MESSAGES] [-s SEED] FOLDER

Writes FOLDER/mail/NNNN.eml, FOLDER/index.tsv (envelope and expected results),
FOLDER/zone (one zone file of the root, for nsd), FOLDER/floor.tsv (what a
verifier has to hash and verify, for floor.c), FOLDER/big50k and
FOLDER/big50M (one message each with an index, for the memory test). The same
seed gives the same octets, keys included. Needs python3-cryptography.
"""
import argparse
import base64
import hashlib
import math
import os
import random
import re
import statistics

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

DOMAINS = 200
PROVIDERS = 6
KEYS = 8
SIGNED_AT = 1735732800          # 2025-01-01 12:00 UTC
DATE = "Wed, 01 Jan 2025 12:00:00 +0000"
# of 100 messages; "rr" is rsa relaxed/relaxed, "rs" relaxed/simple
MIX = [("rr", 45), ("rs", 15), ("ed-rr", 5), ("ed-rs", 5), ("double", 10),
       ("rsa+ed", 4), ("unsigned", 8), ("bad-body", 5), ("bad-header", 3)]
SPF = ["include", "mx", "list", "provider", "redirect", "macro", "include",
       "list", "provider", "mx"]
SIGNED_FIELDS = ["from", "to", "subject", "date", "message-id",
                 "mime-version", "content-type", "list-id", "reply-to"]


# ---- keys -----------------------------------------------------------------

SMALL = [p for p in range(3, 1000) if all(p % q for q in range(2, p))]


def is_prime(rng, n):
    if any(n % p == 0 for p in SMALL):
        return False
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(12):
        x = pow(rng.randrange(2, n - 1), odd, n)
        if x in (1, n - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


def make_prime(rng, bits):
    while True:
        n = rng.getrandbits(bits) | 3 << (bits - 2) | 1
        if math.gcd(n - 1, 65537) == 1 and is_prime(rng, n):
            return n


class RsaKey:
    algorithm = "rsa-sha256"

    def __init__(self, rng):
        p, q, e = make_prime(rng, 1024), make_prime(rng, 1024), 65537
        d = pow(e, -1, (p - 1) * (q - 1))
        self.key = rsa.RSAPrivateNumbers(
            p, q, d, d % (p - 1), d % (q - 1), pow(q, -1, p),
            rsa.RSAPublicNumbers(e, p * q)).private_key()
        der = self.key.public_key().public_bytes(
            serialization.Encoding.DER,
            serialization.PublicFormat.SubjectPublicKeyInfo)
        self.public = base64.b64encode(der).decode()
        self.record = "v=DKIM1; k=rsa; p=" + self.public

    def sign(self, data):
        return self.key.sign(data, padding.PKCS1v15(), hashes.SHA256())


class EdKey:
    algorithm = "ed25519-sha256"

    def __init__(self, rng):
        self.key = ed25519.Ed25519PrivateKey.from_private_bytes(
            rng.randbytes(32))
        raw = self.key.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.public = base64.b64encode(raw).decode()
        self.record = "v=DKIM1; k=ed25519; p=" + self.public

    def sign(self, data):
        # RFC 8463 section 3: what is signed is the hash
        return self.key.sign(hashlib.sha256(data).digest())


# ---- DNS ------------------------------------------------------------------

class Zone:
    def __init__(self):
        self.lines = ["$TTL 86400",
                      ". SOA ns.bench. hostmaster.bench. 1 3600 900 604800 "
                      "3600", ". NS ns.bench.", "ns.bench. A 127.0.0.1"]

    def add(self, name, kind, data):
        self.lines.append("%s. %s %s" % (name, kind, data))

    def txt(self, name, text):
        self.add(name, "TXT", " ".join(
            '"%s"' % text[i:i + 250] for i in range(0, len(text), 250)))

    def host(self, name, v4, v6):
        self.add(name, "A", v4)
        self.add(name, "AAAA", v6)


class Provider:
    """Sends for others, and signs with its own domain too."""

    def __init__(self, i, zone, key):
        self.name = "p%d.example" % i
        self.key, self.selector = key, "bulk"
        self.net4, self.net6 = 16 * i, "2001:db8:f%x:" % i
        zone.txt(self.name, "v=spf1 include:_spf.%s -all" % self.name)
        zone.txt("_spf." + self.name, "v=spf1 include:_a.%s include:_b.%s "
                 "~all" % (self.name, self.name))
        zone.txt("_a." + self.name, "v=spf1 ip4:100.64.%d.0/24 "
                 "ip4:100.65.%d.0/22 ip6:%s:/48 ~all" % (i, 4 * i, self.net6))
        zone.txt("_b." + self.name, "v=spf1 ip4:203.0.113.%d/28 "
                 "ip4:100.66.%d.0/24 ~all" % (self.net4, i))
        zone.txt("bulk._domainkey." + self.name, key.record)
        zone.txt("_dmarc." + self.name, "v=DMARC1; p=reject")

    def address(self, v6, n):
        if v6:
            return "%s:%x" % (self.net6, n + 1)
        return "203.0.113.%d" % (self.net4 + 1 + n % 14)


class Sender:
    def __init__(self, i, zone, providers, rsa_key, ed_key):
        self.name = d = "s%03d.example" % i
        self.rsa, self.ed = rsa_key, ed_key
        self.provider = providers[i % len(providers)]
        self.v4 = "%s.%d" % ("192.0.2" if i < 100 else "198.51.100",
                             i % 100 + 1)
        self.v6 = "2001:db8:0:%x::1" % (i + 1)
        self.spf = "none" if i % 25 == 24 else SPF[i % len(SPF)]
        self.policy = None if i % 20 >= 17 else (
            "none", "quarantine", "reject")[i % 3]
        zone.host(d, "100.67.%d.1" % i, "2001:db8:a:%x::1" % i)
        for mx, host in ((10, "mx1"), (20, "mail")):
            zone.add(d, "MX", "%d %s.%s." % (mx, host, d))
        zone.host("mx1." + d, "100.67.%d.2" % i, "2001:db8:a:%x::2" % i)
        zone.host("mail." + d, self.v4, self.v6)
        zone.txt("mail." + d, "v=spf1 a -all")
        zone.txt("r1._domainkey." + d, rsa_key.record)
        zone.txt("e1._domainkey." + d, ed_key.record)
        if self.policy:
            zone.txt("_dmarc." + d, "v=DMARC1; p=%s; sp=%s; adkim=r; aspf=r; "
                     "rua=mailto:dmarc@%s" % (self.policy, self.policy, d))
        self.publish_spf(zone, providers[(i + 1) % len(providers)].name)

    def publish_spf(self, zone, other):
        d, mine = self.name, "ip4:%s ip6:%s" % (self.v4, self.v6)
        if self.spf == "include":
            zone.txt(d, "v=spf1 include:_spf.%s include:_spf.%s -all"
                     % (other, d))
            zone.txt("_spf." + d, "v=spf1 ip4:100.68.0.0/16 %s ~all" % mine)
        elif self.spf == "mx":
            zone.txt(d, "v=spf1 a mx -all")
        elif self.spf == "list":
            zone.txt(d, "v=spf1 ip4:100.68.0.0/16 %s -all" % mine)
        elif self.spf == "provider":
            zone.txt(d, "v=spf1 include:_spf.%s include:_spf.%s ~all"
                     % (other, self.provider.name))
        elif self.spf == "redirect":
            zone.txt(d, "v=spf1 redirect=_spf." + d)
            zone.txt("_spf." + d, "v=spf1 a:mx1.%s %s ~all" % (d, mine))
        elif self.spf == "macro":
            zone.txt(d, "v=spf1 a:mail.%s exists:%%{i}._ok.%s ?all" % (d, d))

    def spf_of_stranger(self):
        return {"include": "fail", "mx": "fail", "list": "fail",
                "provider": "softfail", "redirect": "softfail",
                "macro": "neutral", "none": "none"}[self.spf]


# ---- content --------------------------------------------------------------

WORDS = """a able above account after again all also always an and answer any
are ask at back be because been before best better between book both but by
call can case change city clear close come could country day different do done
down each early end enough even every example eye face fact family far feel
few find first follow for form found four from full gave get give go good
great group had half hand has have head hear help her here high him his home
hour house how idea if in into it just keep kind know land large last late
learn leave left letter life light like line list little live long look""" \
    .split()


class Content:
    """Lines of text, of quoted-printable and of base64, drawn from pools."""

    def __init__(self, rng):
        self.rng = rng
        self.prose = [self.sentence() for _ in range(800)]
        self.table = [('<tr><td class=3D"c%d">%s' % (
            rng.randrange(90), self.sentence()))[:74] + "="
            for _ in range(800)]
        raw = base64.b64encode(rng.randbytes(57 * 4000)).decode()
        self.binary = [raw[i:i + 76] for i in range(0, len(raw), 76)]

    def sentence(self):
        line = ""
        while len(line) < 62:
            line += self.rng.choice(WORDS) + self.rng.choice(
                [" "] * 12 + ["  ", ", "])
        # some lines end in a space: canonicalization has work to do
        return line.rstrip() + self.rng.choice(["", "", "", ".", " "])

    def draw(self, pool, octets):
        out = []
        while octets > 0:
            line = self.rng.choice(pool)
            if pool is self.prose and self.rng.random() < 0.08:
                line = ""
            out.append(line)
            octets -= len(line) + 2
        return "\r\n".join(out) + "\r\n"

    def body(self, octets):
        """(Content-Type, text)"""
        if octets < 6000:
            return "text/plain; charset=utf-8", self.draw(self.prose, octets)
        text = octets // 8 if octets < 80000 else 8000
        html = octets - text if octets < 80000 else 24000
        mark = "=-%016x" % self.rng.getrandbits(64)
        part = "--%s\r\nContent-Type: %s\r\nContent-Transfer-Encoding: " \
               "%s\r\n\r\n%s\r\n"
        parts = [part % (mark, "text/plain; charset=utf-8", "8bit",
                         self.draw(self.prose, text)),
                 part % (mark, "text/html; charset=utf-8",
                         "quoted-printable", self.draw(self.table, html))]
        if octets > text + html:
            parts.append(part % (mark, "application/pdf", "base64", self.draw(
                self.binary, octets - text - html)))
        return ('multipart/mixed; boundary="%s"' % mark,
                "".join(parts) + "--%s--\r\n" % mark)


def sizes(rng, n):
    """Log-normal: median 20 kB, mean 45 kB; one from each of n slices."""
    normal = statistics.NormalDist(math.log(20000), 1.3)
    out = [min(700000, max(1800, int(math.exp(normal.inv_cdf((i + .5) / n)))))
           for i in range(n)]
    rng.shuffle(out)
    return out


# ---- signing (RFC 6376 section 3.4) ---------------------------------------

def relaxed_field(name, value):
    value = re.sub(r"[ \t\r\n]+", " ", value).strip()
    return "%s:%s\r\n" % (name.lower(), value)


def simple_body(text):
    return text.rstrip("\r\n") + "\r\n"


def relaxed_body(text):
    text = re.sub(r"[ \t]+\r\n", "\r\n", text)
    text = re.sub(r"[ \t]+", " ", text)
    return text.rstrip("\r\n") + "\r\n" if text.strip("\r\n") else ""


def sign(fields, body, domain, selector, key, body_canon):
    """(DKIM-Signature's value, the octets that were signed, signature)"""
    canonical = {"simple": simple_body, "relaxed": relaxed_body}[body_canon](
        body)
    present = [n.lower() for n, _ in fields]
    names = [n for n in SIGNED_FIELDS if n in present] + ["from"]
    digest = hashlib.sha256(canonical.encode()).digest()
    value = (" v=1; a=%s; c=relaxed/%s; d=%s; s=%s; t=%d;\r\n\th=%s;\r\n"
             "\tbh=%s;\r\n\tb=" % (
                 key.algorithm, body_canon, domain, selector, SIGNED_AT,
                 ":".join(names), base64.b64encode(digest).decode()))
    data = "".join(relaxed_field(n, v) for name in names[:-1]
                   for n, v in fields if n.lower() == name)
    data += relaxed_field("DKIM-Signature", value)[:-2]
    octets = key.sign(data.encode())
    b = base64.b64encode(octets).decode()
    b = "\r\n\t ".join(b[i:i + 70] for i in range(0, len(b), 70))
    return value + b, data, octets


# ---- messages -------------------------------------------------------------

class Message:
    def __init__(self, rng, n, sender, kind):
        self.n, self.sender, self.kind = n, sender, kind
        self.signed = []        # (key, data, signature, body_canon)
        self.dkim = "none"
        self.choose_client(rng)
        self.name = "mail/%04d.eml" % n

    def choose_client(self, rng):
        s, v6 = self.sender, rng.random() < 0.2
        self.helo = "mail." + s.name
        self.null = rng.random() < 0.03
        bounce = s.name
        own = s.v6 if v6 else s.v4
        draw = rng.random()
        if draw < 0.15:
            self.ip = "2001:db8:ffff::%x" % (self.n + 1) if v6 \
                else "203.0.113.%d" % (200 + self.n % 50)
            self.spf = s.spf_of_stranger()
        elif draw < 0.25:
            # a provider with its own bounce address: never aligned
            bounce = s.provider.name
            self.ip, self.spf = s.provider.address(v6, self.n), "pass"
        else:
            self.ip = s.provider.address(v6, self.n) \
                if s.spf == "provider" else own
            self.spf = "none" if s.spf == "none" else "pass"
        if self.null:
            self.spf = "pass" if self.ip in (s.v4, s.v6) else "fail"
        self.spf_aligned = self.spf == "pass" and \
            (self.null or bounce == s.name)
        self.mail_from = "" if self.null else "bounce-%d@%s" % (
            self.n, bounce)
        self.host = self.helo if self.ip == s.v4 else "unknown"

    def compose(self, rng, content, octets):
        s, n = self.sender, self.n
        author = ("news." if rng.random() < 0.1 else "") + s.name
        kind, text = content.body(octets)
        fields = [
            ("Received", " from app%d.%s (app%d.%s [100.67.1.%d])\r\n\tby "
             "mail.%s (Postfix) with ESMTPS id 4%09X;\r\n\t%s" % (
                 n % 9, s.name, n % 9, s.name, n % 250, s.name,
                 rng.getrandbits(36), DATE)),
            ("From", ' "Sender %d" <news-%d@%s>' % (n, n % 7, author)),
            ("To", " Reader <user%d@bench.example>" % (n % 50)),
            ("Subject", " " + " ".join(
                rng.choice(WORDS) for _ in range(7))),
            ("Date", " " + DATE),
            ("Message-ID", " <%d.%x@%s>" % (n, rng.getrandbits(64), s.name)),
            ("MIME-Version", " 1.0"),
            ("Content-Type", " " + kind)]
        if n % 2:
            fields += [("List-Id", " <list%d.%s>" % (n % 5, s.name)),
                       ("List-Unsubscribe", " <https://%s/u/%x>,\r\n\t"
                        "<mailto:leave@%s>" % (
                            s.name, rng.getrandbits(80), s.name))]
        if rng.random() < 0.3:
            fields.append(("X-Report", "".join(
                "\r\n\t%064x" % rng.getrandbits(256)
                for _ in range(rng.randrange(2, 12)))))
        self.fields, self.body = fields, text

    def sign_with(self, domain, selector, key, body_canon):
        value, data, octets = sign(
            self.fields, self.body, domain, selector, key, body_canon)
        self.fields = [("DKIM-Signature", value)] + self.fields
        self.signed.append((key, data, octets, body_canon))
        self.dkim = "pass"

    def sign_all(self):
        s, kind = self.sender, self.kind
        own = (s.name, "r1", s.rsa)
        if kind in ("rr", "bad-body", "bad-header"):
            self.sign_with(*own, "relaxed")
        elif kind == "rs":
            self.sign_with(*own, "simple")
        elif kind in ("ed-rr", "ed-rs"):
            self.sign_with(s.name, "e1", s.ed, "relaxed"
                           if kind == "ed-rr" else "simple")
        elif kind == "rsa+ed":
            self.sign_with(s.name, "e1", s.ed, "relaxed")
            self.sign_with(*own, "relaxed")
        elif kind == "double":
            p = s.provider
            self.sign_with(*own, "relaxed")
            self.sign_with(p.name, p.selector, p.key, "relaxed")

    def damage(self):
        if self.kind == "bad-body":
            middle = len(self.body) // 2
            self.body = self.body[:middle] + "#" + self.body[middle:]
        elif self.kind == "bad-header":
            self.fields = [(n, v + " [list]" if n == "Subject" else v)
                           for n, v in self.fields]
        else:
            return
        self.dkim = "fail"

    def dmarc(self):
        if not self.sender.policy:
            return "none"
        return "pass" if self.dkim == "pass" or self.spf_aligned else "fail"

    def octets(self):
        head = "".join("%s:%s\r\n" % f for f in self.fields)
        return (head + "\r\n" + self.body).encode()

    def index_line(self):
        return "\t".join([
            self.name, self.ip, self.host, self.helo, self.mail_from,
            "user%d@bench.example" % (self.n % 50), self.spf, self.dkim,
            self.dmarc()])

    def floor_lines(self):
        """A body hash for each canonicalization, then the signatures."""
        canons = {c for _, _, _, c in self.signed}
        lines = ["body\t%s\t%d" % (self.name, len(canons))] if canons else []
        for key, data, octets, _ in self.signed:
            # a verifier stops when the body hash differs
            if self.kind == "bad-body":
                continue
            if self.kind == "bad-header":
                data = re.sub(r"(subject:[^\r]*)", r"\1 [list]", data, 1)
            lines.append("\t".join([
                key.algorithm, key.public,
                base64.b64encode(data.encode()).decode(),
                base64.b64encode(octets).decode(),
                "fail" if self.kind == "bad-header" else "pass"]))
        return lines


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())


def write_big(folder, rng, content, sender, octets):
    m = Message(rng, 0, sender, "rr")
    m.compose(rng, content, 1000)
    # long runs of the same lines are made fast and hashed like others
    block = content.draw(content.binary, 1 << 16)
    text = (block * (octets // len(block) + 1))[:octets]
    m.body = text[:text.rindex("\r\n") + 2]
    m.sign_all()
    write(folder + "/" + m.name, m.octets())
    write(folder + "/index.tsv", m.index_line() + "\n")


def make_messages(rng, n, senders, content):
    deck = []
    for i, octets in enumerate(sizes(rng, n)):
        if not deck:
            deck = [kind for kind, count in MIX for _ in range(count)]
            rng.shuffle(deck)
        m = Message(rng, i, senders[i % len(senders)], deck.pop())
        m.compose(rng, content, octets)
        m.sign_all()
        m.damage()
        yield m


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("folder")
    ap.add_argument("-n", type=int, default=400, help="messages")
    ap.add_argument("-s", type=int, default=9989, help="seed")
    args = ap.parse_args()
    rng, zone = random.Random(args.s), Zone()
    rsa_keys = [RsaKey(rng) for _ in range(KEYS)]
    ed_keys = [EdKey(rng) for _ in range(KEYS)]
    providers = [Provider(i, zone, rsa_keys[i]) for i in range(PROVIDERS)]
    senders = [Sender(i, zone, providers, rsa_keys[i % KEYS],
                      ed_keys[i % KEYS]) for i in range(DOMAINS)]
    content = Content(rng)
    index, floor, octets = [], [], []
    for m in make_messages(rng, args.n, senders, content):
        data = m.octets()
        octets.append(len(data))
        write("%s/%s" % (args.folder, m.name), data)
        index.append(m.index_line())
        floor += m.floor_lines()
    write_big(args.folder + "/big50k", rng, content, senders[0], 50000)
    write_big(args.folder + "/big50M", rng, content, senders[0], 50000000)
    write(args.folder + "/zone", "\n".join(zone.lines) + "\n")
    write(args.folder + "/floor.tsv", "\n".join(floor) + "\n")
    # last: its presence means that the corpus is complete
    write(args.folder + "/index.tsv", "\n".join(index) + "\n")
    octets.sort()
    print("corpus: %d messages, %.1f MB, median %d, mean %d, largest %d "
          "octets, %d signatures" % (
              len(octets), sum(octets) / 1e6, octets[len(octets) // 2],
              sum(octets) // len(octets), octets[-1],
              sum(not line.startswith("body") for line in floor)))


main()
